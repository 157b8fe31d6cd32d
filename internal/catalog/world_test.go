package catalog

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
)

var update = flag.Bool("update", false, "rewrite what the queries answer in testdata/*.txtar")

// A world is a testdata file: records, the time, parameters, and what each of
// the nine queries answers.
type world struct {
	archive *txtar.Archive
	now     time.Time
	params  map[string]string
	records []dql.Record
}

func readWorld(t *testing.T, file string) *world {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{archive: a, params: map[string]string{}}
	if w.now, err = time.Parse(time.RFC3339, strings.TrimSpace(w.part("now"))); err != nil {
		t.Fatalf("%s: now: %v", file, err)
	}
	for line := range strings.Lines(w.part("params")) {
		name, quoted, _ := strings.Cut(strings.TrimSpace(line), "=")
		if w.params[name], err = strconv.Unquote(quoted); err != nil {
			t.Fatalf("%s: params: %s: %v", file, line, err)
		}
	}
	w.records = readRecords(t, w.part("records.jsonl"))
	return w
}

// wire are the fields that do not have the type that JSON gives them.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
var wire = map[string]string{
	"timestamp": "timestamp", "event.start": "timestamp", "event.end": "timestamp", "dt.davis.last_reopen_timestamp": "timestamp",
	"resolved_problem_duration": "duration", "event.severity": "long", "dt.davis.affected_users_count": "long",
}

// readRecords reads JSON lines.
func readRecords(t *testing.T, text string) []dql.Record {
	t.Helper()
	var out []dql.Record
	for line := range strings.Lines(text) {
		v, err := dql.ParseJSON(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		r, _ := v.AsRecord()
		changes := map[string]dql.Value{}
		for name, kind := range wire {
			if raw := r.Get(name); !raw.IsNull() {
				changes[name], _ = dql.FromWire(kind, raw)
			}
		}
		out = append(out, with(r, changes))
	}
	return out
}

func (w *world) part(name string) string {
	for _, f := range w.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// set replaces a part, or adds it at the end.
func (w *world) set(name, text string) {
	for i, f := range w.archive.Files {
		if f.Name == name {
			w.archive.Files[i].Data = []byte(text)
			return
		}
	}
	w.archive.Files = append(w.archive.Files, txtar.File{Name: name, Data: []byte(text)})
}

// bind gives e those of the world's parameters that it takes.
func (w *world) bind(t *testing.T, e Entry) dql.Query {
	t.Helper()
	params := map[string]dql.Value{}
	for _, p := range e.Params {
		v, err := p.Parse(w.params[p.Name])
		if err != nil {
			t.Fatal(err)
		}
		params[p.Name] = v
	}
	q, err := e.Query(params)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// answer runs e on records and checks what comes back.
func (w *world) answer(t *testing.T, e Entry, records []dql.Record, loc *time.Location) dql.Result {
	t.Helper()
	engine := eval.Engine{Source: eval.Records(records), Now: w.now, Location: loc}
	res, err := engine.Query(t.Context(), w.bind(t, e))
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	if err := e.Check(res); err != nil {
		t.Fatal(err)
	}
	return res
}

// lines writes rows as JSON lines without what is null.
func lines(rows []dql.Record) string {
	var b strings.Builder
	for _, r := range rows {
		var names []string
		var values []dql.Value
		for n, v := range r.All() {
			if !v.IsNull() {
				names, values = append(names, n), append(values, v)
			}
		}
		fmt.Fprintf(&b, "%s\n", dql.AppendJSON(nil, dql.Object(dql.NewRecord(names, values))))
	}
	return b.String()
}

// nine are the queries about problems.
func nine(t *testing.T, c *Catalog) []Entry {
	t.Helper()
	var out []Entry
	for _, name := range names {
		out = append(out, get(t, c, name))
	}
	return out
}

func TestWorlds(t *testing.T) {
	c := load(t)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			w := readWorld(t, file)
			for _, e := range nine(t, c) {
				got, part := lines(w.answer(t, e, w.records, nil).Records), "want/"+e.Name+".jsonl"
				if *update {
					w.set(part, got)
					continue
				}
				if diff := cmp.Diff(w.part(part), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", e.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(w.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// The queries hold on the records that the demo shows, too.
func TestDemoWorld(t *testing.T) {
	w := &world{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), params: map[string]string{
		"DEPLOYMENT_TARGET": "checkout", "DEPLOYMENT_TIME": "2026-03-02T09:00:00Z", "DEPLOYED_ENTITIES": "CLOUD_APPLICATION-0002746ADD62EABD",
		"CANARY_VERSION": "checkout-canary", "STABLE_VERSION": "checkout",
	}}
	for _, file := range []string{"problems.jsonl", "history.jsonl"} {
		b, err := os.ReadFile(filepath.Join("../../testdata/demo", file))
		if err != nil {
			t.Fatal(err)
		}
		w.records = append(w.records, readRecords(t, string(b))...)
	}
	for _, e := range nine(t, load(t)) {
		rows := w.answer(t, e, w.records, nil).Records
		if len(rows) == 0 && e.Name != CanaryAnalysis {
			t.Errorf("%s: no rows", e.Name)
		}
	}
}

// What the formulas come to, worked by hand: frequency is
// 10*(1-0.5^(n/5)), a problem that ended a day ago counts 0.5^(24/48).
func TestDeploymentRiskByHand(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		count    int
		severity int64
		status   string
		ended    time.Duration // before now
		score    float64
		want     string
	}{
		{"one CRITICAL, closed a day ago", 1, 1, "CLOSED", 24 * time.Hour, 4.56, "LOW_RISK_AUTO_APPROVE"},
		{"one CRITICAL, open", 1, 1, "ACTIVE", 0, 9, "HIGH_RISK_BLOCK"},
		{"one HIGH, open", 1, 2, "ACTIVE", 0, 6, "MODERATE_RISK_MANUAL_APPROVAL"},
		{"13 LOW, just closed", 13, 4, "CLOSED", 0, 6.01, "MODERATE_RISK_MANUAL_APPROVAL"},
		{"11 CRITICAL, just closed", 11, 1, "CLOSED", 0, 8.69, "HIGH_RISK_BLOCK"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{now: now}
			for i := range tt.count {
				end := dql.Null
				if tt.status == "CLOSED" {
					end = dql.Time(now.Add(-tt.ended))
				}
				w.records = append(w.records, with(low(now.Add(-tt.ended-time.Hour)), map[string]dql.Value{
					"event.id": dql.String(strconv.Itoa(i)), "event.severity": dql.Long(tt.severity), "event.status": dql.String(tt.status), "event.end": end,
				}))
			}
			rows := w.answer(t, get(t, load(t), DeploymentRiskAssessment), w.records, nil).Records
			if len(rows) != 1 {
				t.Fatalf("%d rows", len(rows))
			}
			score, _ := rows[0].Get("deployment_risk_score").AsDouble()
			if math.Abs(score-tt.score) > 0.01 || rows[0].Text("deployment_recommendation") != tt.want {
				t.Errorf("%.2f %s, want %.2f %s", score, rows[0].Text("deployment_recommendation"), tt.score, tt.want)
			}
		})
	}
}
