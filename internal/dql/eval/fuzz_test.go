package eval_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/check"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dql/syntax"
)

var sample = []dql.Record{
	problem("1", "CPU saturation", "ACTIVE", 60, 30, "affected_entity_ids", dql.Strings("HOST-1", "HOST-2"), "event.severity", dql.Long(2)),
	problem("1", "CPU saturation", "CLOSED", 60, 10, "event.end", dql.Time(now.Add(-10*time.Minute)), "dt.davis.is_duplicate", dql.Bool(false)),
	problem("2", "Memory saturation", "ACTIVE", 20, 5, "smartscape.affected_entities", dql.Array(dql.Object(dql.NewRecord([]string{"id"}, []dql.Value{dql.String("X")})))),
}

// A query of any text ends: with rows that are JSON, or with an error that has
// a place. It does so in bounded time, and checking it first does no harm.
func FuzzQuery(f *testing.F) {
	for _, c := range readCases(f, "testdata/cases.jsonl") {
		f.Add(c.Query)
	}
	for _, text := range []string{
		"fetch events | makeTimeseries n = count(default: 0), by: {event.name}, interval: 5m, nonempty: true",
		"fetch dt.davis.problems | expand affected_entity_ids | summarize {n = count(), s = percentile(event.severity, 90)}, by: {bin(event.start, 10m)} | sort n desc",
		"timeseries avg(cpu, scalar: true), by: {host}, shift: -1d, filter: {host == \"a\"}",
		"fetch events | parse event.name, \"ALPHA+:kind LD:rest\" | fieldsFlatten kind | fieldsSummary rest",
		"fetch events, timeframe: \"2026-03-01T09:00:00Z/2026-03-01T10:00:00Z\" | fieldsAdd smartscape.affected_entities[][id], iSum(a[] + 1), now()@w1 - 1M",
		"data json:\"\"\"[{\"a\":1},{\"a\":[2]}]\"\"\" | joinNested x = [data record(a = 1)], on: {a} | append [data record(b = 2)] | dedup a, sort: {a desc}, limit: 2",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		check.Text("", text)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		e := &eval.Engine{Now: now, Source: eval.Records(sample)}
		res, err := e.Query(ctx, dql.Query{Text: text})
		if err != nil {
			if syntax.AsError(err) == nil {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, r := range res.Records {
			if b := dql.AppendGrail(nil, dql.Object(r)); !json.Valid(b) {
				t.Fatalf("%q: %s is not JSON", text, b)
			}
		}
	})
}
