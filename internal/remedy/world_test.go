package remedy_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/templates"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const demo = "../../testdata/demo"

// A world is repositories as maps of files, opened anew for each cycle.
type world struct {
	repos map[string]map[string]string // owner/name → path → content
	past  map[string][]forge.PullRequest
}

func (w world) Repositories(ctx context.Context) ([]*plan.Repository, error) {
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		return nil, err
	}
	var out []*plan.Repository
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range w.repos {
			if !yield(n) {
				return
			}
		}
	}) {
		repo, err := forge.ParseRepo(name)
		if err != nil {
			return nil, err
		}
		r, err := plan.Open(ctx, plan.Checkout{Repo: repo, Branch: "main", Files: inventory.Map(w.repos[name])}, remedies)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (w world) History(_ context.Context, _ forge.Repo, branch string) ([]forge.PullRequest, error) {
	return w.past[branch], nil
}

// readWorld reads the repositories below dir/repos.
func readWorld(t *testing.T, dir string) world {
	t.Helper()
	w := world{repos: map[string]map[string]string{}, past: map[string][]forge.PullRequest{}}
	fsys := os.DirFS(dir)
	err := fs.WalkDir(fsys, "repos", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		parts := strings.SplitN(file, "/", 4)
		text, err := fs.ReadFile(fsys, file)
		name := path.Join(parts[1], parts[2])
		if w.repos[name] == nil {
			w.repos[name] = map[string]string{}
		}
		w.repos[name][parts[3]] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// runner returns a runner over the demo's problems; change may alter them.
func runner(t *testing.T, w world, change func([]dql.Record) []dql.Record) *remedy.Runner {
	t.Helper()
	records, err := sandbox.Records(os.DirFS(demo), 0, "problems.jsonl", "metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		records = change(records)
	}
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	engine := &eval.Engine{Source: eval.Records(records), Now: sandbox.WorldTime}
	return &remedy.Runner{
		Problems: engine, Catalog: queries,
		Estate: w, Maker: &propose.Maker{Planner: &plan.Planner{Usage: plan.Metrics{Dynatrace: engine, Catalog: queries}}, History: w}, Log: slog.New(slog.DiscardHandler),
	}
}

// TestDemoWorld holds what the demo's problems come to: each decision with its
// reason, and each change as a diff.
func TestDemoWorld(t *testing.T) {
	report, err := runner(t, readWorld(t, demo), nil).Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, d := range report.Decisions {
		fmt.Fprintf(&b, "%s %s %s → %s", d.Problem.ID, d.Type, d.Action, d.Remedy)
		if !d.Reason.None() {
			fmt.Fprintf(&b, ": %s: %s", d.Reason.Code, d.Reason.Text)
		}
		b.WriteString("\n")
	}
	for _, p := range report.Plans {
		fmt.Fprintf(&b, "\n%s %s\n%s\n%v by %s\n%s", p.Proposal.Repo, p.Proposal.Branch, p.Proposal.Title, p.Problems, p.Rule, p.Proposal.Changes.Unified())
	}
	golden(t, "testdata/demo.golden", b.String())
}

// TestBody holds the whole text of one pull request.
func TestBody(t *testing.T) {
	r := runner(t, readWorld(t, demo), only("P-260301", "P-260287"))
	r.Maker.Planner.Dynatrace = "https://abc12345.apps.dynatrace.com"
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	p := report.Plans[0].Proposal
	golden(t, "testdata/body.golden", p.Body+"\n\n---\n"+p.Message+"\n\n---\n"+p.Comments[0].Body+"\n")
}

func golden(t *testing.T, file, have string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(have), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if have != string(want) {
		t.Errorf("%s differs; have\n%s", file, have)
	}
}
