package tune_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/internal/tune"
	"github.com/salvehq/salve/templates"
)

const demo = "../../testdata/demo"

// An estate is one repository as a map of files.
type estate map[string]string

func (e estate) Repositories(ctx context.Context) ([]*plan.Repository, error) {
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		return nil, err
	}
	r, err := plan.Open(ctx, plan.Checkout{
		Repo: forge.Repo{Owner: "acme", Name: "platform"}, Branch: "main", Files: inventory.Map(e),
	}, remedies)
	return []*plan.Repository{r}, err
}

func (estate) History(context.Context, forge.Repo, string) ([]forge.PullRequest, error) {
	return nil, nil
}

// alerts returns the demo's detectors, with a change to the file.
func alerts(t *testing.T, change func(string) string) estate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(demo, "repos/acme/platform/alerts.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if change == nil {
		change = func(s string) string { return s }
	}
	return estate{"alerts.tf": change(string(text)), ".github/salve.yml": "version: 1\n"}
}

// run decides about the demo's month of problems; keep may drop some.
func run(t *testing.T, e estate, keep func(title string, n int) bool) map[string]tune.Decision {
	t.Helper()
	records, err := sandbox.Records(os.DirFS(demo), 0, "history.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	var kept []dql.Record
	for _, r := range records {
		title := r.Text("event.name")
		seen[title]++
		if keep == nil || keep(title, seen[title]) {
			kept = append(kept, r)
		}
	}
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	r := &tune.Runner{
		Problems: &eval.Engine{Source: eval.Records(kept), Now: sandbox.WorldTime}, Catalog: queries,
		Estate: e, Maker: &propose.Maker{Planner: &plan.Planner{}, History: e}, Log: slog.New(slog.DiscardHandler),
	}
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]tune.Decision{}
	for _, d := range report.Decisions {
		out[d.Detector.Title] = d
	}
	return out
}

const latency, queue = "Checkout latency above 800 ms", "Order queue is growing"

func TestDetectorsOfTheDemo(t *testing.T) {
	all := run(t, alerts(t, nil), nil)
	if d := all[latency]; d.Remedy != "alert-sensitivity" || d.Plan.From != "3" || d.Plan.To != "4" {
		t.Errorf("%s: %s %s → %s, reason %q", latency, d.Remedy, d.Plan.From, d.Plan.To, d.Reason.Text)
	}
	if d := all[queue]; d.Remedy != "alert-correlation" || d.Plan.From != "false" || d.Plan.To != "true" {
		t.Errorf("%s: %s %s → %s, reason %q", queue, d.Remedy, d.Plan.From, d.Plan.To, d.Reason.Text)
	}
	for title, d := range all {
		if strings.Contains(d.Plan.Proposal.Title, title) {
			t.Errorf("the title %q starts from the text of a problem", d.Plan.Proposal.Title)
		}
		for _, hunk := range strings.Split(d.Plan.Proposal.Changes.Unified(), "\n") {
			if strings.HasPrefix(hunk, "+") && strings.Contains(hunk, " threshold ") {
				t.Errorf("a threshold moved: %s", hunk)
			}
		}
	}
}

func TestDetectorsLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		name, title string
		change      func(string) string
		keep        func(string, int) bool
		want        string
	}{
		{"too few problems", latency, nil, func(title string, n int) bool { return title != latency || n <= 15 }, "a change is due from 20 on 7 days"},
		{"window is full", latency, func(s string) string {
			return strings.Replace(s, "violating_samples  = 3", "violating_samples  = 5", 1)
		}, nil, "5 stays: samples (alerts.tf:"},
		{"merged already", queue, func(s string) string { return strings.Replace(s, "davis_merge = false", "davis_merge = true", 1) }, nil, "davis_merge is true already"},
		{"no rule", queue, func(s string) string { return strings.Replace(s, queue, "Something else", 1) }, nil, "no repository holds a rule of that title"},
		{"two rules", latency, func(s string) string { return s + strings.ReplaceAll(s, `"checkout_latency"`, `"copy"`) }, nil, "2 rules have that title"},
		{"computed", latency, func(s string) string {
			return strings.Replace(s, "violating_samples  = 3", "violating_samples  = var.unknown", 1)
		}, nil, "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := run(t, alerts(t, tt.change), tt.keep)[tt.title]
			if !strings.Contains(d.Reason.Text, tt.want) || d.Plan.Proposal.Key != "" {
				t.Errorf("reason %q, plan %q; want %q", d.Reason.Text, d.Plan.Proposal.Title, tt.want)
			}
		})
	}
}

// A rate over part of the problems misleads, so a partial answer changes
// nothing.
func TestPartialAnswerChangesNothing(t *testing.T) {
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	e := alerts(t, nil)
	r := &tune.Runner{Problems: partial{}, Catalog: queries, Estate: e, Maker: &propose.Maker{Planner: &plan.Planner{}, History: e}, Log: slog.New(slog.DiscardHandler)}
	if _, err := r.Run(t.Context(), sandbox.WorldTime); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("error %v", err)
	}
}

type partial struct{}

func (partial) Query(context.Context, dql.Query) (dql.Result, error) {
	return dql.Result{Quality: dql.Partial}, nil
}

// A rule that opens problems on two types of entity is changed once.
func TestOneChangePerRule(t *testing.T) {
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	e := alerts(t, nil)
	entry, err := queries.Get(tune.Query)
	if err != nil {
		t.Fatal(err)
	}
	row := func(entity, action string) dql.Record {
		names, values := []string{}, []dql.Value{}
		for _, c := range entry.Columns {
			v := map[string]dql.Value{
				"event.name": dql.String(latency), "optimization_action": dql.String(action), "affected_entity.type": dql.String(entity),
				"closed_count": dql.Long(30), "distinct_days": dql.Long(12),
			}[c.Name]
			names, values = append(names, c.Name), append(values, v)
		}
		return dql.NewRecord(names, values)
	}
	rows := recorded{row("SERVICE", "adjust_sensitivity"), row("HOST", "increase_threshold")}
	r := &tune.Runner{Problems: rows, Catalog: queries, Estate: e, Maker: &propose.Maker{Planner: &plan.Planner{}, History: e}, Log: slog.New(slog.DiscardHandler)}
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if err != nil || len(report.Decisions) != 2 {
		t.Fatal(report, err)
	}
	if d := report.Decisions[0]; d.Plan.To != "4" {
		t.Errorf("the first: to %q, reason %q", d.Plan.To, d.Reason.Text)
	}
	if d := report.Decisions[1]; d.Plan.To != "" || !strings.Contains(d.Reason.Text, "decided about already, for its problems on SERVICE") {
		t.Errorf("the second: to %q, reason %q", d.Plan.To, d.Reason.Text)
	}
}

type recorded []dql.Record

func (r recorded) Query(context.Context, dql.Query) (dql.Result, error) {
	return dql.Result{Quality: dql.OK, Records: r}, nil
}

// neighbours is the demo's repository beside one that leaves every detector
// alone.
type neighbours struct{ estate }

func (n neighbours) Repositories(ctx context.Context) ([]*plan.Repository, error) {
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		return nil, err
	}
	first, err := plan.Open(ctx, plan.Checkout{
		Repo: forge.Repo{Owner: "acme", Name: "aaa"}, Branch: "main", Files: inventory.Map(map[string]string{
			".github/salve.yml":                             "version: 1\n",
			".github/salve/remedies/alert-sensitivity.yaml": "name: alert-sensitivity\nsummary: s\nanswers: alert\nwhen: {title: [\"*\"]}\nleave: not here\n",
		}),
	}, remedies)
	if err != nil {
		return nil, err
	}
	rest, err := n.estate.Repositories(ctx)
	return append([]*plan.Repository{first}, rest...), err
}

// What one repository leaves alone says nothing about the rules of others.
func TestLeavingAloneIsOnesOwn(t *testing.T) {
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	e := alerts(t, nil)
	records, err := sandbox.Records(os.DirFS(demo), 0, "history.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	r := &tune.Runner{
		Problems: &eval.Engine{Source: eval.Records(records), Now: sandbox.WorldTime}, Catalog: queries,
		Estate: neighbours{e}, Maker: &propose.Maker{Planner: &plan.Planner{}, History: e}, Log: slog.New(slog.DiscardHandler),
	}
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Decisions {
		if d.Detector.Title == latency && d.Plan.To != "4" {
			t.Errorf("to %q, reason %q", d.Plan.To, d.Reason.Text)
		}
	}
}
