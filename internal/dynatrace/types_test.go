package dynatrace

import (
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dynatracetest"
)

// What DQL says is what arrives, whatever JSON did to it on the way.
func TestEveryTypeTravels(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	res := w.must(t, `data record(long = 9007199254740993, double = 1.5, duration = 605156ms, time = toTimestamp("2026-03-02T10:00:00.123456789Z"),
		yes = true, text = "5", list = array(1, "5", null), rec = record(n = 2, d = 1s), none = null,
		frame = timeframe(from: toTimestamp("2026-03-02T10:00:00Z"), to: toTimestamp("2026-03-02T11:00:00Z")), addr = ip("192.0.2.1"))`)
	at := time.Date(2026, 3, 2, 10, 0, 0, 123456789, time.UTC)
	hour := at.Truncate(time.Hour)
	want := map[string]dql.Value{
		"long": dql.Long(9007199254740993), "double": dql.Double(1.5), "duration": dql.Duration(605156 * time.Millisecond),
		"time": dql.Time(at), "yes": dql.Bool(true), "text": dql.String("5"), "none": dql.Null,
		"list":  dql.Array(dql.Long(1), dql.String("5"), dql.Null),
		"rec":   dql.Object(dql.NewRecord([]string{"n", "d"}, []dql.Value{dql.Long(2), dql.Duration(time.Second)})),
		"frame": dql.Timeframe(hour, hour.Add(time.Hour)),
		"addr":  dql.Text(dql.KindIP, "192.0.2.1"),
	}
	for name, v := range want {
		got := res.Records[0].Get(name)
		if got.Kind() != v.Kind() || dql.Compare(got, v) != 0 {
			t.Errorf("%s: %s %s, want %s %s", name, got.Kind(), dql.AppendJSON(nil, got), v.Kind(), dql.AppendJSON(nil, v))
		}
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ name, records, types, want string }{
		{"null is no rows", `null`, ``, `[]`},
		{"nothing is no rows", ``, ``, `[]`},
		{"no types", `[{"a":1,"b":1.5,"c":"x","d":[true,null],"e":{"f":1}}]`, ``, `[{"a":1,"b":1.5,"c":"x","d":[true,null],"e":{"f":1}}]`},
		{"longs as strings and as numbers", `[{"a":"1"},{"a":2}]`, `[{"indexRange":[0,1],"mappings":{"a":{"type":"long"}}}]`, `[{"a":1},{"a":2}]`},
		{"another type in another range", `[{"a":"1"},{"a":"1"}]`, `[{"indexRange":[0,0],"mappings":{"a":{"type":"long"}}},{"indexRange":[1,1],"mappings":{"a":{"type":"string"}}}]`, `[{"a":1},{"a":"1"}]`},
		{"beyond every range", `[{"a":"1"}]`, `[{"indexRange":[5,9],"mappings":{"a":{"type":"long"}}}]`, `[{"a":"1"}]`},
		{"undefined", `[{"a":null}]`, `[{"indexRange":[0,0],"mappings":{"a":{"type":"undefined"}}}]`, `[{"a":null}]`},
		{"a time zone", `[{"a":"2026-03-02T12:00:00.000000000+02:00"}]`, `[{"indexRange":[0,0],"mappings":{"a":{"type":"timestamp"}}}]`, `[{"a":"2026-03-02T10:00:00.000000000Z"}]`},
		{"doubles that JSON lacks", `[{"a":"NaN","b":"-Infinity"}]`, `[{"indexRange":[0,0],"mappings":{"a":{"type":"double"},"b":{"type":"double"}}}]`, `[{"a":"NaN","b":"-Infinity"}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			records, err := decode([]byte(tt.records), []byte(tt.types))
			if err != nil {
				t.Fatal(err)
			}
			list := make([]dql.Value, len(records))
			for i, r := range records {
				list[i] = dql.Object(r)
			}
			if got := string(dql.AppendJSON(nil, dql.Array(list...))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	typ := func(kind string) string { return `[{"indexRange":[0,0],"mappings":{"a":{"type":"` + kind + `"}}}]` }
	for _, tt := range []struct{ records, types, want string }{
		{`{}`, ``, "records: want an array"},
		{`[1]`, ``, "record 0: want an object"},
		{`[{"a":"x"}]`, typ("long"), `record 0: a: want a long`},
		{`[{"a":"1.5"}]`, typ("duration"), `record 0: a: want a duration`},
		{`[{"a":"soon"}]`, typ("timestamp"), `record 0: a: want a timestamp`},
		{`[]`, `{}`, "types: "},
	} {
		if _, err := decode([]byte(tt.records), []byte(tt.types)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.records, err, tt.want)
		}
	}
}
