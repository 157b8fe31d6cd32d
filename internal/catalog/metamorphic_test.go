package catalog

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
)

// keys names the column that tells the rows of a query apart.
var keys = map[string]string{
	AlertRuleOptimization:     "event.name",
	AutoEscalation:            "event.id",
	CanaryAnalysis:            "event.name",
	DeploymentRiskAssessment:  "affected_entity.name",
	ErrorBudget:               "affected_entity.name",
	InfrastructureRemediation: "event.id",
	PostDeploymentHealthGate:  "affected_entity.id",
	PreDeploymentProblemCheck: "event.id",
	ProblemToRunbookMapping:   "event.id",
}

// decisions are what a query decides, by the key of the row.
func decisions(t *testing.T, w *world, e Entry, records []dql.Record, loc *time.Location) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range w.answer(t, e, records, loc).Records {
		key := r.Text(keys[e.Name])
		if _, twice := out[key]; twice {
			t.Errorf("%s: two rows of %s", e.Name, key)
		}
		out[key] = r.Text(e.Decision.Column)
	}
	return out
}

// with returns r with other values for some fields.
func with(r dql.Record, changes map[string]dql.Value) dql.Record {
	var names []string
	var values []dql.Value
	for n, v := range r.All() {
		if c, ok := changes[n]; ok {
			v = c
		}
		names, values = append(names, n), append(values, v)
	}
	for n, v := range changes {
		if !r.Has(n) {
			names, values = append(names, n), append(values, v)
		}
	}
	return dql.NewRecord(names, values)
}

// latest returns the last record of each problem that is open.
func latest(records []dql.Record) []dql.Record {
	last := map[string]dql.Record{}
	for _, r := range records {
		id := r.Text("event.id")
		if old, ok := last[id]; !ok || r.Time("timestamp").After(old.Time("timestamp")) {
			last[id] = r
		}
	}
	var open []dql.Record
	for _, id := range slices.Sorted(maps.Keys(last)) {
		if last[id].Text("event.status") == "ACTIVE" {
			open = append(open, last[id])
		}
	}
	return open
}

func shuffled(records []dql.Record) []dql.Record {
	out := slices.Clone(records)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func refreshed(records []dql.Record) []dql.Record {
	out := slices.Clone(records)
	for _, r := range latest(records) {
		later := dql.Time(r.Time("timestamp").Add(time.Minute))
		out = append(out, r, with(r, map[string]dql.Value{"timestamp": later, "event.status_transition": dql.String("REFRESHED")}))
	}
	return out
}

// renamed gives each open problem an older record with another title.
func renamed(records []dql.Record) []dql.Record {
	out := slices.Clone(records)
	for _, r := range latest(records) {
		earlier := dql.Time(r.Time("timestamp").Add(-time.Second))
		out = append(out, with(r, map[string]dql.Value{"timestamp": earlier, "event.name": dql.String("JavaScript memory of the database")}))
	}
	return out
}

// low is a LOW problem of the entity that the worlds deploy.
func low(now time.Time) dql.Record {
	start := dql.Time(now.Add(-10 * time.Minute))
	return with(dql.Record{}, map[string]dql.Value{
		"event.kind": dql.String("DAVIS_PROBLEM"), "event.id": dql.String("low"), "display_id": dql.String("P-LOW"),
		"event.name": dql.String("A low one"), "event.category": dql.String("CUSTOM_ALERT"), "event.status": dql.String("ACTIVE"),
		"event.start": start, "timestamp": start,
		"affected_entity_ids": dql.Strings("SERVICE-CHECKOUT"), "affected_entity_names": dql.Strings("checkout"),
		"affected_entity_types": dql.Strings("dt.entity.service"),
	})
}

func everyWorld(t *testing.T, f func(t *testing.T, w *world, e Entry)) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	c := load(t)
	for _, file := range files {
		w := readWorld(t, file)
		for _, e := range nine(t, c) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+e.Name, func(t *testing.T) { f(t, w, e) })
		}
	}
}

// What must not matter does not change a decision.
func TestDecisionsDoNotDependOn(t *testing.T) {
	tokyo := time.FixedZone("Tokyo", 9*60*60)
	everyWorld(t, func(t *testing.T, w *world, e Entry) {
		want := decisions(t, w, e, w.records, nil)
		for _, tt := range []struct {
			what    string
			records []dql.Record
			loc     *time.Location
		}{
			{"the order of records", shuffled(w.records), nil},
			{"refreshes", refreshed(w.records), nil},
			{"an older title", renamed(w.records), nil},
			{"the time zone", w.records, tokyo},
			{"all at once", shuffled(refreshed(renamed(w.records))), tokyo},
		} {
			if diff := cmp.Diff(want, decisions(t, w, e, tt.records, tt.loc)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.what, diff)
			}
		}
	})
}

// Queries that do not ask for the title decide the same under any.
func TestDecisionsDoNotDependOnTitle(t *testing.T) {
	byTitle := []string{AlertRuleOptimization, CanaryAnalysis, InfrastructureRemediation, ProblemToRunbookMapping}
	everyWorld(t, func(t *testing.T, w *world, e Entry) {
		if slices.Contains(byTitle, e.Name) {
			t.Skip("asks for the title")
		}
		var records []dql.Record
		for _, r := range w.records {
			records = append(records, with(r, map[string]dql.Value{"event.name": dql.String("Something else")}))
		}
		if diff := cmp.Diff(decisions(t, w, e, w.records, nil), decisions(t, w, e, records, nil)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// One more LOW problem changes no row of another key, and one of the same key
// only for the worse. The words of a catalog entry stand worst first.
func TestLowProblemNeverHelps(t *testing.T) {
	everyWorld(t, func(t *testing.T, w *world, e Entry) {
		before := decisions(t, w, e, w.records, nil)
		after := decisions(t, w, e, append(slices.Clone(w.records), low(w.now)), nil)
		for key, word := range before {
			got := after[key]
			shared := key == "checkout" || key == "SERVICE-CHECKOUT"
			worse := slices.Index(e.Decision.Words, got) <= slices.Index(e.Decision.Words, word)
			if got != word && (!shared || !worse) {
				t.Errorf("%s: %s was %s", key, got, word)
			}
		}
	})
}
