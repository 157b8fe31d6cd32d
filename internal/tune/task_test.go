package tune_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/internal/tune"
)

// runner looks at the demo's month of problems.
func runner(t *testing.T, e estate) *tune.Runner {
	t.Helper()
	records, err := sandbox.Records(os.DirFS(demo), 0, "history.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	return &tune.Runner{
		Problems: &eval.Engine{Source: eval.Records(records), Now: sandbox.WorldTime}, Catalog: queries,
		Estate: e, Maker: &propose.Maker{Planner: &plan.Planner{}, History: e}, Log: slog.New(slog.DiscardHandler),
	}
}

// A task survives the way through a database: whoever takes it up proposes what
// one process that does everything proposes, at the head of that moment.
func TestTasksAreWhole(t *testing.T) {
	e := alerts(t, nil)
	whole, err := runner(t, e).Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	r := runner(t, e)
	report, err := r.Decide(t.Context(), sandbox.WorldTime)
	if err != nil || len(report.Tasks) != 2 {
		t.Fatalf("%d tasks: %v", len(report.Tasks), err)
	}
	answer := func(e estate, task tune.Task) tune.Answer {
		t.Helper()
		text, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		var kept tune.Task
		if err := json.Unmarshal(text, &kept); err != nil {
			t.Fatal(err)
		}
		repos, err := e.Repositories(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Answer(t.Context(), repos[0], kept, sandbox.WorldTime)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, task := range report.Tasks {
		for _, d := range whole.Decisions {
			if diff := cmp.Diff(d.Plan, answer(e, task).Plan); d.Key == task.Key && diff != "" {
				t.Errorf("%s:\n%s", task.Detector.Title, diff)
			}
		}
	}
	moved := alerts(t, func(s string) string { return strings.Replace(s, queue, "Something else", 1) })
	for _, task := range report.Tasks {
		if a := answer(moved, task); task.Detector.Title == queue && !strings.Contains(a.Reason.Text, "no repository holds a rule of that title") {
			t.Errorf("the rule is gone, and: %+v", a)
		}
	}
}

// wishes are those of people who do not want anything.
type wishes struct{}

func (wishes) Get(_ context.Context, bucket, _ string) ([]byte, bool, error) {
	return []byte("maria"), bucket == propose.Ignored, nil
}
func (wishes) Put(context.Context, string, string, []byte, time.Time) error { return nil }
func (wishes) Delete(context.Context, string, string) error                 { return nil }

// crowded is a repository in which many pull requests are open.
type crowded struct{ t *testing.T }

func (crowded) OurPulls(context.Context, forge.Repo) ([]forge.PullRequest, error) {
	return make([]forge.PullRequest, 1000), nil
}
func (crowded) Hold(context.Context, forge.PullRequest) error { return nil }
func (crowded) SetStatus(context.Context, forge.Repo, forge.SHA, forge.CommitStatus) error {
	return nil
}
func (c crowded) Propose(context.Context, forge.Proposal) (forge.Opened, error) {
	c.t.Error("proposed")
	return forge.Opened{}, nil
}

// What people say about a pull request and what a repository limits holds for
// detectors as well.
func TestWishesAndLimits(t *testing.T) {
	for _, tt := range []struct {
		change func(*propose.Maker)
		code   policy.Code
	}{
		{func(m *propose.Maker) { m.Wishes = wishes{} }, policy.Declined},
		{func(*propose.Maker) {}, policy.TooManyOpen},
	} {
		r := runner(t, alerts(t, nil))
		r.Maker.Proposer, r.Maker.Pulls = crowded{t}, crowded{t}
		tt.change(r.Maker)
		report, err := r.Run(t.Context(), sandbox.WorldTime)
		if err != nil || len(report.Tasks) != 2 {
			t.Fatalf("%d tasks: %v", len(report.Tasks), err)
		}
		for _, d := range report.Decisions {
			if d.Key != "" && d.Reason.Code != tt.code {
				t.Errorf("%s: %+v, want %s", d.Detector.Title, d.Reason, tt.code)
			}
		}
	}
}
