package dql_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
)

var one = dql.NewRecord(
	[]string{"long", "double", "nan", "duration", "timestamp", "frame", "null", "names", "node", "mixed", "ip"},
	[]dql.Value{
		dql.Long(math.MaxInt64), dql.Double(1.5), dql.Double(math.Inf(1)), dql.Duration(605156 * time.Millisecond),
		dql.Time(time.Date(2025, 4, 23, 10, 20, 56, 383e6, time.UTC)),
		dql.Timeframe(time.Unix(0, 0), time.Unix(60, 0)),
		dql.Null, dql.Strings("a \"b\"", "ü"),
		dql.Object(dql.NewRecord([]string{"id", "n"}, []dql.Value{dql.String("HOST-1"), dql.Long(3)})),
		dql.Array(dql.Long(1), dql.String("1"), dql.Null), dql.Text(dql.KindIP, "10.0.0.1"),
	})

func TestEncodings(t *testing.T) {
	const plain = `{"long":9223372036854775807,"double":1.5,"nan":"Infinity","duration":605156000000,` +
		`"timestamp":"2025-04-23T10:20:56.383000000Z","frame":{"start":"1970-01-01T00:00:00.000000000Z","end":"1970-01-01T00:01:00.000000000Z"},` +
		`"null":null,"names":["a \"b\"","ü"],"node":{"id":"HOST-1","n":3},"mixed":[1,"1",null],"ip":"10.0.0.1"}`
	if got := string(dql.AppendJSON(nil, dql.Object(one))); got != plain {
		t.Errorf("plain\nhave %s\nwant %s", got, plain)
	}
	const grail = `{"long":"9223372036854775807","double":1.5,"nan":"Infinity","duration":"605156000000",` +
		`"timestamp":"2025-04-23T10:20:56.383000000Z","frame":{"start":"1970-01-01T00:00:00.000000000Z","end":"1970-01-01T00:01:00.000000000Z"},` +
		`"null":null,"names":["a \"b\"","ü"],"node":{"id":"HOST-1","n":"3"},"mixed":["1","1",null],"ip":"10.0.0.1"}`
	if got := string(dql.AppendGrail(nil, dql.Object(one))); got != grail {
		t.Errorf("grail\nhave %s\nwant %s", got, grail)
	}
}

// What Grail encodes is what DecodeGrail reads, types sent as JSON between.
func TestDecodeGrail(t *testing.T) {
	recs := []dql.Record{one, one, dql.NewRecord([]string{"long"}, []dql.Value{dql.String("not a long")})}
	list := make([]dql.Value, len(recs))
	for i, r := range recs {
		list[i] = dql.Object(r)
	}
	sent, err := json.Marshal(dql.TypesOf(recs))
	if err != nil {
		t.Fatal(err)
	}
	var types []dql.Types
	if err := json.Unmarshal(sent, &types); err != nil {
		t.Fatal(err)
	}
	if len(types) != 2 {
		t.Errorf("%d ranges, want 2: %s", len(types), sent)
	}
	got, err := dql.DecodeGrail(dql.AppendGrail(nil, dql.Array(list...)), types)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(recs, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeGrailLenient(t *testing.T) {
	types := []dql.Types{{IndexRange: [2]int{0, 1}, Mappings: map[string]dql.Type{"n": {Type: "long"}, "t": {Type: "timestamp"}}}}
	got, err := dql.DecodeGrail([]byte(`[{"n":5,"t":"2024-06-04T14:45:23.636000000+10:00"},{"n":"5"}]`), types)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if i, ok := r.Get("n").AsLong(); !ok || i != 5 {
			t.Errorf("n is %v", r.Get("n"))
		}
	}
	if at := got[0].Time("t"); !at.Equal(time.Date(2024, 6, 4, 4, 45, 23, 636e6, time.UTC)) {
		t.Errorf("t is %s", at)
	}
	if recs, err := dql.DecodeGrail([]byte("null"), nil); err != nil || len(recs) != 0 {
		t.Errorf("null: %v, %v", recs, err)
	}
	for _, bad := range []string{`[{"n":"x"}]`, `[{"t":5}]`, `{}`, `[1]`, `[`, `[{"n":`} {
		if _, err := dql.DecodeGrail([]byte(bad), types); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func FuzzDecodeGrail(f *testing.F) {
	f.Add(`[{"a":"1","b":[{"c":null}]}]`, `[{"indexRange":[0,0],"mappings":{"a":{"type":"long"}}}]`)
	f.Add(`null`, `[]`)
	f.Fuzz(func(t *testing.T, records, types string) {
		var ts []dql.Types
		if json.Unmarshal([]byte(types), &ts) != nil {
			return
		}
		recs, err := dql.DecodeGrail([]byte(records), ts)
		if err != nil {
			return
		}
		for _, r := range recs {
			if !json.Valid(dql.AppendGrail(nil, dql.Object(r))) {
				t.Errorf("%s encodes as no JSON", records)
			}
		}
	})
}
