package remedy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/sandbox"
)

// repository is one of a world, opened anew.
func repository(t *testing.T, w world, repo forge.Repo) *plan.Repository {
	t.Helper()
	all, err := w.Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all[slices.IndexFunc(all, func(r *plan.Repository) bool { return r.Repo == repo })]
}

// A task survives the way through a database: whoever takes it up proposes what
// one process that does everything proposes.
func TestTasksAreWhole(t *testing.T) {
	w := readWorld(t, demo)
	whole, err := runner(t, w, nil).Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	r := runner(t, w, nil)
	report, err := r.Decide(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Plans) != 0 || len(report.Tasks) < len(whole.Plans) {
		t.Fatalf("%d tasks and %d plans, want tasks for %d plans", len(report.Tasks), len(report.Plans), len(whole.Plans))
	}
	var plans []remedy.Planned
	for _, task := range report.Tasks {
		text, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		var kept remedy.Task
		if err := json.Unmarshal(text, &kept); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(task, kept); diff != "" {
			t.Errorf("task after the database:\n%s", diff)
		}
		a, err := r.Answer(t.Context(), repository(t, w, task.Repo), kept, sandbox.WorldTime)
		if err != nil {
			t.Fatal(err)
		}
		if a.Reason.None() {
			plans = append(plans, a.Planned)
		}
	}
	if diff := cmp.Diff(whole.Plans, plans); diff != "" {
		t.Errorf("tasks one by one propose otherwise than one run:\n%s", diff)
	}
}

// What changed between the decision and the task is what counts, and the open
// pull request of a task that no longer holds says so.
func TestTaskAtAnotherHead(t *testing.T) {
	config := func(from, to string) func(map[string]string) {
		return func(f map[string]string) {
			f[".github/salve.yml"] = strings.Replace(f[".github/salve.yml"], from, to, 1)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(files map[string]string)
		to     string      // of the proposal, empty if there is none
		code   policy.Code // of the reason
		words  string
	}{
		{"nothing changed", func(map[string]string) {}, "640Mi", "", ""},
		{"the value was raised", func(f map[string]string) {
			f["k8s/checkout.yaml"] = strings.Replace(f["k8s/checkout.yaml"], `"512Mi"`, `"768Mi"`, 1)
		}, "960Mi", "", ""},
		{"the file moved", func(f map[string]string) {
			f["apps/checkout.yaml"] = f["k8s/checkout.yaml"]
			delete(f, "k8s/checkout.yaml")
		}, "", plan.NotFound, "another place answers it by now: apps/checkout.yaml"},
		{"at its ceiling now", config("ceiling: 2Gi", "ceiling: 512Mi"), "", policy.AtCeiling, "512Mi"},
		{"the manifest is gone", func(f map[string]string) { delete(f, "k8s/checkout.yaml") }, "", plan.NotFound, "no repository owns it"},
		{"no longer allowed", func(f map[string]string) { delete(f, ".github/salve.yml") }, "", policy.NotConfigured, ""},
		{"the repository does it itself", func(f map[string]string) {
			file, text := own("hands-off", anyTitle, "priority: 99\nleave: we do this ourselves\n")
			f[file] = text
		}, "", plan.LeftAlone, "we do this ourselves"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, d := readWorld(t, demo), &desk{}
			r := runner(t, w, only("P-260301"))
			r.Maker.Proposer, r.Maker.Pulls = d, d
			report, err := r.Run(t.Context(), sandbox.WorldTime) // opens it
			if err != nil || len(report.Tasks) != 1 || len(d.open) != 1 {
				t.Fatalf("%d tasks, %d open: %v", len(report.Tasks), len(d.open), err)
			}
			tt.change(w.repos["acme/shop"])
			task := report.Tasks[0]
			a, err := r.Answer(t.Context(), repository(t, w, task.Repo), task, sandbox.WorldTime)
			if err != nil {
				t.Fatal(err)
			}
			if a.Planned.To != tt.to || a.Reason.Code != tt.code || !strings.Contains(a.Reason.Text, tt.words) {
				t.Errorf("to %q, reason %+v; want %q, %s", a.Planned.To, a.Reason, tt.to, tt.code)
			}
			status := d.statuses[d.open[0].Head]
			if held := len(d.held) > 0; held != (status.State == forge.Failure) {
				t.Errorf("kept from merging: %v, with the status %q", d.held, status.State)
			}
			if failed := status.State == forge.Failure; failed != (tt.to == "" && tt.code != policy.NotConfigured) || status.Context != "" && status.Context != forge.ContextRemediation {
				t.Errorf("status %+v", status)
			}
		})
	}
}

// A thousand problems with one answer are one task that a database takes.
func TestTaskOfManyProblems(t *testing.T) {
	r := runner(t, readWorld(t, demo), func(all []dql.Record) []dql.Record {
		one := only("P-260301")(all)[0]
		var out []dql.Record
		for i := range 3000 {
			values := slices.Clone(one.Values())
			values[slices.Index(one.Names(), "display_id")] = dql.String(fmt.Sprintf("P-1111%04d", i))
			values[slices.Index(one.Names(), "event.id")] = dql.String(fmt.Sprintf("-1111%04d_1V2", i))
			out = append(out, dql.NewRecord(one.Names(), values))
		}
		return out
	})
	report, err := r.Decide(t.Context(), sandbox.WorldTime)
	if err != nil || len(report.Tasks) != 1 {
		t.Fatalf("%d tasks: %v", len(report.Tasks), err)
	}
	text, err := json.Marshal(report.Tasks[0])
	if err != nil || len(text) > 1<<20 {
		t.Errorf("task of %d bytes: %v", len(text), err)
	}
	a, err := r.Answer(t.Context(), repository(t, readWorld(t, demo), report.Tasks[0].Repo), report.Tasks[0], sandbox.WorldTime)
	if err != nil || len(a.Planned.Problems) != 3000 || !strings.Contains(a.Planned.Proposal.Body, "2980 more") {
		t.Errorf("%d problems, %v\n%s", len(a.Planned.Problems), err, a.Planned.Proposal.Body)
	}
}
