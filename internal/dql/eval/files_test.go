package eval_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// world writes updates of problems to a file that several workers share, and
// returns them in memory too.
func world(t testing.TB) (file string, recs []dql.Record) {
	var b strings.Builder
	for i := range 12_000 {
		p := i % 2_999
		status, end := "ACTIVE", dql.Null
		if i%3 == 0 {
			status, end = "CLOSED", dql.Time(now.Add(-time.Duration(p%60)*time.Minute))
		}
		r := problem(fmt.Sprint(p), fmt.Sprintf("Problem %d", p%7), status, 60+p%90, 1+(i*7)%50, "event.end", end,
			"affected_entity_ids", dql.Strings(fmt.Sprintf("HOST-%d", p%11), "HOST-X"), "n", dql.Long(int64(i)), "pad", dql.String(strings.Repeat("x", 300)))
		recs = append(recs, r)
		b.Write(append(dql.AppendJSON(nil, dql.Object(r)), '\n'))
	}
	file = filepath.Join(t.TempDir(), "world.jsonl")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file, recs
}

var overFiles = []string{
	"fetch events | summarize count()",
	"fetch events | summarize n = count(), s = sum(n), first = takeFirst(n), last = takeLast(n), list = collectArray(n, maxLength: 5), m = max(timestamp), by: {event.name}",
	"fetch events | filter event.status == \"ACTIVE\" | fieldsAdd h = affected_entity_ids[0] | expand affected_entity_ids | summarize d = countDistinct(h), by: {affected_entity_ids} | sort affected_entity_ids",
	"fetch events | dedup event.id, sort: {timestamp desc, n desc} | fields event.id, n | sort n | limit 20",
	"fetch events | filter n > 100 | limit 7 | fields n, event.name",
	"fetch events | limit 3",
	"fetch events | fieldsAdd x = n % 5 | fields x, n | append [data record(x = -1)] | sort x, n desc | limit 4",
	"fetch dt.davis.problems, from: -30m | filter event.status == \"CLOSED\" | summarize n = count(), p = percentile(n, 50), by: {event.name}",
	"fetch dt.davis.problems | lookup [fetch events | summarize updates = count(), by: {event.id}], sourceField: event.id, lookupField: event.id | summarize sum(lookup.updates), count()",
	"fetch events | search \"HOST-3\" | summarize count()",
	"fetch events | makeTimeseries n = count(), by: {event.name}, interval: 10m",
	"fetch events | fieldsRemove pad | filter n < 3",
	"fetch events | summarize sum(nothing), exists = countIf(exists(pad))",
}

// What several workers read from a file is what one reads from memory.
func TestFilesAndWorkers(t *testing.T) {
	file, recs := world(t)
	for _, text := range overFiles {
		want := rows(t, recs, text)
		for _, workers := range []int{1, 2, 5} {
			source, err := eval.OpenRecords(file)
			if err != nil {
				t.Fatal(err)
			}
			e := &eval.Engine{Now: now, Source: source, Workers: workers}
			res, err := e.Query(context.Background(), dql.Query{Text: text})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range res.Records {
				got = append(got, string(dql.AppendJSON(nil, dql.Object(r))))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s with %d workers\n%.2000s", text, workers, diff)
			}
		}
	}
}

func TestFilesErrors(t *testing.T) {
	file, _ := world(t)
	source, err := eval.OpenRecords(file)
	if err != nil {
		t.Fatal(err)
	}
	e := &eval.Engine{Now: now, Source: source}
	_, err = e.Query(context.Background(), dql.Query{Text: "fetch logs"})
	if bad := syntax.AsError(err); bad == nil || bad.Code != "UNKNOWN_DATA_OBJECT" || bad.Start.Column != 7 {
		t.Errorf("fetch logs: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = e.Query(ctx, dql.Query{Text: "fetch events | summarize count()"}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

// A query in canonical form gives the same rows.
func TestCasesPrinted(t *testing.T) {
	for _, c := range readCases(t, "testdata/cases.jsonl") {
		q, err := syntax.Parse("", c.Query)
		if err != nil {
			continue
		}
		bound, err := syntax.Bind(q, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Query = syntax.Print(bound)
		t.Run(c.ID, func(t *testing.T) { c.run(t) })
	}
}

func BenchmarkCommands(b *testing.B) {
	_, recs := world(b)
	for _, command := range []string{
		"filter event.status == \"ACTIVE\" and n > 5", "fieldsAdd x = (timestamp - event.start) / 1m", "fields event.id, n",
		"summarize count(), by: {event.name}", "dedup event.id, sort: {timestamp desc}", "sort n desc", "expand affected_entity_ids",
		"filter matchesPhrase(event.name, \"problem\")", "parse event.name, \"LD ' ' LONG:id\"", "makeTimeseries count()",
	} {
		b.Run(strings.Fields(command)[0], func(b *testing.B) {
			e := &eval.Engine{Now: now, Source: eval.Records(recs)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Query(context.Background(), dql.Query{Text: "fetch events | " + command + " | summarize count()"}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(recs)), "ns/record")
		})
	}
}
