package eval_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dql/function"
)

var now = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// problem makes an update of a problem; minutes are before now.
func problem(id, name, status string, started, updated int, more ...any) dql.Record {
	names := []string{"event.kind", "event.id", "display_id", "event.name", "event.status", "event.start", "timestamp"}
	at := func(minutes int) dql.Value { return dql.Time(now.Add(-time.Duration(minutes) * time.Minute)) }
	vals := []dql.Value{dql.String("DAVIS_PROBLEM"), dql.String(id), dql.String("P-" + id), dql.String(name), dql.String(status), at(started), at(updated)}
	for i := 0; i < len(more); i += 2 {
		names = append(names, more[i].(string))
		vals = append(vals, more[i+1].(dql.Value))
	}
	return dql.NewRecord(names, vals)
}

// rows runs a query and returns each row as JSON.
func rows(t *testing.T, recs []dql.Record, text string) []string {
	t.Helper()
	e := &eval.Engine{Now: now, Source: eval.Records(recs)}
	res, err := e.Query(context.Background(), dql.Query{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range res.Records {
		out = append(out, string(dql.AppendJSON(nil, dql.Object(r))))
	}
	return out
}

// A problem that opened hours ago and is quiet is in the view, whose window is
// that of lifetimes; one that closed since its last ACTIVE record is not open.
func TestViewOfProblems(t *testing.T) {
	recs := []dql.Record{
		problem("1", "CPU saturation", "ACTIVE", 300, 290),
		problem("2", "Memory saturation", "ACTIVE", 40, 30),
		problem("2", "Memory saturation", "CLOSED", 40, 10, "event.end", dql.Time(now.Add(-10*time.Minute))),
		problem("3", "Old", "CLOSED", 300, 200, "event.end", dql.Time(now.Add(-200*time.Minute))),
	}
	const q = `fetch dt.davis.problems, from:now()-30m | fields display_id, event.status | sort display_id`
	want := []string{`{"display_id":"P-1","event.status":"ACTIVE"}`, `{"display_id":"P-2","event.status":"CLOSED"}`}
	if diff := cmp.Diff(want, rows(t, recs, q)); diff != "" {
		t.Error(diff)
	}
	if got := rows(t, recs, `fetch events, from:now()-30m | summarize count()`); got[0] != `{"count()":2}` {
		t.Errorf("updates in the window: %s, want two: a record at the start of the window is in it", got)
	}
}

func TestAlertRuleOptimization(t *testing.T) {
	end := func(minutes int) dql.Value { return dql.Time(now.Add(-time.Duration(minutes) * time.Minute)) }
	recs := []dql.Record{
		problem("1", "Noise", "CLOSED", 100, 97, "event.end", end(97)),
		problem("2", "Noise", "CLOSED", 60, 20, "event.end", end(20)),
		problem("3", "Noise", "ACTIVE", 2, 1),
		problem("4", "Real", "ACTIVE", 90, 1),
	}
	const q = `fetch dt.davis.problems, from:now()-30d
| fieldsAdd duration_minutes = (coalesce(event.end, now()) - event.start) / 1m
| summarize problem_count = count(), avg_duration = avg(duration_minutes),
    false_positive_rate = countIf(duration_minutes < 5 and event.status == "CLOSED") * 100.0 / count(), by: {event.name}
| filter false_positive_rate > 30 OR problem_count > 50
| fieldsAdd optimization_action = if(false_positive_rate > 50, "increase_threshold",
    else: if(problem_count > 100, "add_correlation_rules", else: "adjust_sensitivity"))`
	want := []string{`{"event.name":"Noise","problem_count":3,"avg_duration":15,"false_positive_rate":33.333333333333336,"optimization_action":"adjust_sensitivity"}`}
	if diff := cmp.Diff(want, rows(t, recs, q)); diff != "" {
		t.Error(diff)
	}
}

// Every function of the table has an implementation, except those that ask a
// Dynatrace environment.
func TestFunctionsAreThere(t *testing.T) {
	elsewhere := map[string]bool{
		"forecast": true, "impute": true, "classicEntitySelector": true, "entityAttr": true, "entityName": true,
		"getNodeField": true, "getNodeName": true, "start": true, "end": true,
	}
	for _, s := range function.All() {
		if s.Aggregation() || elsewhere[s.Name] {
			continue
		}
		var args []string
		for _, p := range s.Params {
			switch {
			case p.Name == "pattern" && s.Name != "like" && s.Name != "splitString" && s.Name != "matchesRegex":
				args = append(args, `"LONG:n"`)
			case p.Name == "lookupTable":
				args = append(args, "[data record(a = 1)]")
			case p.Named && p.Optional:
			case p.Named:
				args = append(args, p.Name+": a")
			default:
				args = append(args, "a")
			}
		}
		text := "data record(a = 1) | fieldsAdd x = " + s.Name + "(" + strings.Join(args, ", ") + ")"
		e := &eval.Engine{Now: now}
		if _, err := e.Query(context.Background(), dql.Query{Text: text}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
