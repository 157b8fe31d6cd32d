package remedy_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/sandbox"
)

// only keeps the records of some problems.
func only(ids ...string) func([]dql.Record) []dql.Record {
	return func(all []dql.Record) []dql.Record {
		return slices.DeleteFunc(all, func(r dql.Record) bool { return !slices.Contains(ids, r.Text("display_id")) })
	}
}

func run(t *testing.T, w world, ids ...string) remedy.Report {
	t.Helper()
	report, err := runner(t, w, only(ids...)).Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// The number in the pull request follows the number in the repository.
func TestProposalFollowsTheFile(t *testing.T) {
	for from, to := range map[string]string{"512Mi": "640Mi", "768Mi": "960Mi", "1Gi": "1280Mi"} {
		w := readWorld(t, demo)
		files := w.repos["acme/shop"]
		files["k8s/checkout.yaml"] = strings.Replace(files["k8s/checkout.yaml"], `"512Mi"`, `"`+from+`"`, 1)
		report := run(t, w, "P-260301")
		if len(report.Plans) != 1 || report.Plans[0].To != to || !strings.HasSuffix(report.Plans[0].Proposal.Title, " to "+to) {
			t.Errorf("from %s: plans %+v, want one to %s", from, report.Plans, to)
		}
	}
}

// Two problems with one answer share it, the graver first; apart they are the
// same pull request.
func TestProblemsShareAPullRequest(t *testing.T) {
	both := run(t, readWorld(t, demo), "P-260301", "P-260287")
	if len(both.Plans) != 1 || len(both.Plans[0].Problems) != 2 || both.Plans[0].Problems[0] != "P-260301" {
		t.Fatalf("plans = %+v", both.Plans)
	}
	one := run(t, readWorld(t, demo), "P-260287")
	if one.Plans[0].Proposal.Branch != both.Plans[0].Proposal.Branch || one.Plans[0].Proposal.Key != both.Plans[0].Proposal.Key {
		t.Errorf("branch %s alone, %s together", one.Plans[0].Proposal.Branch, both.Plans[0].Proposal.Branch)
	}
}

// A merged change is left to take effect; after that, a kill that comes back
// takes the larger step, and the third time a person has to look.
func TestHistoryDecides(t *testing.T) {
	first := run(t, readWorld(t, demo), "P-260301")
	branch, body := first.Plans[0].Proposal.Branch, first.Plans[0].Proposal.Body
	merged := func(ago time.Duration) forge.PullRequest {
		return forge.PullRequest{Body: body, Merged: true, MergedAt: sandbox.WorldTime.Add(-ago)}
	}
	for _, tt := range []struct {
		name  string
		past  []forge.PullRequest
		to    string
		code  policy.Code
		words string
	}{
		{"never before", nil, "640Mi", "", ""},
		{"an hour ago", []forge.PullRequest{merged(time.Hour)}, "", policy.CoolingDown, "left to take effect"},
		{"two days ago", []forge.PullRequest{merged(48 * time.Hour)}, "768Mi", "", ""},
		{"twice", []forge.PullRequest{merged(48 * time.Hour), merged(5 * 24 * time.Hour)}, "", policy.ProbableLeak, "probably a leak"},
		{"said no", []forge.PullRequest{{Body: body, ClosedAt: sandbox.WorldTime.Add(-time.Hour), ClosedBy: "maria"}}, "", policy.Declined, "people closed"},
		{"closed by us", []forge.PullRequest{{Body: body, ClosedAt: sandbox.WorldTime.Add(-time.Hour), ClosedBy: "salve[bot]"}}, "640Mi", "", ""},
		{"somebody else's", []forge.PullRequest{{Body: "no marker", ClosedAt: sandbox.WorldTime.Add(-time.Hour)}}, "640Mi", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := readWorld(t, demo)
			w.past[branch] = tt.past
			report := run(t, w, "P-260301")
			d := report.Decisions[0]
			if d.Reason.Code != tt.code || !strings.Contains(d.Reason.Text, tt.words) {
				t.Errorf("reason %+v, want %s", d.Reason, tt.code)
			}
			if tt.to != "" && (len(report.Plans) != 1 || report.Plans[0].To != tt.to) {
				t.Errorf("plans %+v, want one to %s", report.Plans, tt.to)
			}
		})
	}
}

// Without a configuration nothing is written; with a broken one neither, and
// the fault names file and line.
func TestConfigurationDecides(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
		faults           int
	}{
		{"none", "", "the repository has no .github/salve.yml", 0},
		{"dry run", "version: 1\ndry-run: true\n", "dry-run: true", 0},
		{"switched off", "version: 1\nremedies: {memory-limit: {enabled: false}}\n", "switched off", 0},
		{"unknown key", "version: 1\nremdies: {}\n", ".github/salve.yml:2:1: ", 1},
		{"not YAML", "version: [\n", ".github/salve.yml:", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := readWorld(t, demo)
			w.repos["acme/shop"][".github/salve.yml"] = tt.text
			if tt.text == "" {
				delete(w.repos["acme/shop"], ".github/salve.yml")
			}
			report := run(t, w, "P-260301", "P-260304")
			var reason string
			for _, d := range report.Decisions {
				if d.Problem.ID == "P-260301" {
					reason = d.Reason.Text
				}
			}
			if !strings.Contains(reason, tt.want) || len(report.Faults) != tt.faults {
				t.Errorf("reason %q, faults %v; want %q", reason, report.Faults, tt.want)
			}
			if len(report.Plans) != 1 || report.Plans[0].Proposal.Repo.Name != "billing" {
				t.Errorf("the other repository got %+v", report.Plans)
			}
		})
	}
}

// A broken manifest and a row that makes no sense cost the others nothing.
func TestOneBrokenThingCostsTheOthersNothing(t *testing.T) {
	w := readWorld(t, demo)
	w.repos["acme/shop"]["k8s/payments.yaml"] = "kind: Deployment\nmetadata: {name: payments, namespace: shop\n"
	r := runner(t, w, func(all []dql.Record) []dql.Record {
		bad := dql.NewRecord(
			[]string{"event.kind", "event.id", "event.status", "event.start", "timestamp"},
			[]dql.Value{dql.String("DAVIS_PROBLEM"), dql.String("x"), dql.String("ACTIVE"), dql.Time(sandbox.WorldTime.Add(-time.Hour)), dql.Time(sandbox.WorldTime.Add(-time.Hour))})
		return append(only("P-260301", "P-260302")(all), bad)
	})
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if err == nil || !strings.Contains(err.Error(), "want display_id and event.id") {
		t.Errorf("error %v, want one about the row", err)
	}
	if len(report.Plans) != 1 || report.Plans[0].Problems[0] != "P-260301" {
		t.Errorf("plans = %+v", report.Plans)
	}
}

// An answer that may hide rows is never read as "no problems".
func TestUntrustedAnswers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		res   dql.Result
		err   error
		fails bool
	}{
		{"failed", dql.Result{}, errors.New("no"), true},
		{"empty without proof", dql.Result{Quality: dql.UnverifiedEmpty}, nil, true},
		{"empty with proof", dql.Result{Quality: dql.OK}, nil, false},
	} {
		r := runner(t, readWorld(t, demo), nil)
		r.Problems = answer{tt.res, tt.err}
		if _, err := r.Run(t.Context(), sandbox.WorldTime); (err != nil) != tt.fails {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
}

type answer struct {
	res dql.Result
	err error
}

func (a answer) Query(context.Context, dql.Query) (dql.Result, error) { return a.res, a.err }

// pulls records what judging does to the pull requests of one repository.
type pulls struct {
	open     []forge.PullRequest
	before   []forge.CommitStatus // that stand on the head
	foreign  bool                 // the branch holds commits of people
	statuses []forge.CommitStatus
	labels   []string
	removed  []string
	closed   string // comment
	held     int    // times that the host was kept from merging
}

func (p *pulls) Hold(context.Context, forge.PullRequest) error {
	p.held++
	return nil
}

func (p *pulls) RemoveLabel(_ context.Context, _ forge.Repo, _ int, name string) error {
	p.removed = append(p.removed, name)
	return nil
}

func (p *pulls) Statuses(context.Context, forge.Repo, forge.SHA) ([]forge.CommitStatus, error) {
	return p.before, nil
}

func (p *pulls) Ours(context.Context, forge.PullRequest) (bool, error) { return !p.foreign, nil }

func (p *pulls) ClosePull(_ context.Context, _ forge.Repo, _ int, comment string) error {
	p.closed = comment
	return nil
}

func (p *pulls) OurPulls(_ context.Context, repo forge.Repo) ([]forge.PullRequest, error) {
	if repo.Name != "shop" {
		return nil, nil
	}
	return p.open, nil
}

func (p *pulls) SetStatus(_ context.Context, _ forge.Repo, _ forge.SHA, s forge.CommitStatus) error {
	p.statuses = append(p.statuses, s)
	return nil
}

func (p *pulls) AddLabels(_ context.Context, _ forge.Repo, _ int, labels ...forge.Label) error {
	for _, l := range labels {
		p.labels = append(p.labels, l.Name)
	}
	return nil
}

// An open pull request is judged by what the latest cycle says of its key.
func TestJudge(t *testing.T) {
	body := run(t, readWorld(t, demo), "P-260301").Plans[0].Proposal.Body
	for _, tt := range []struct {
		name    string
		ids     []string
		quality dql.Quality
		state   forge.State // empty: nothing said
		label   string
	}{
		{"still right", []string{"P-260301"}, dql.OK, "", ""},
		{"problem closed", []string{"P-260303"}, dql.OK, forge.Pending, "problem-closed"},
		{"answer cut short", []string{"P-260303"}, dql.Partial, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := readWorld(t, demo)
			report := run(t, w, tt.ids...)
			report.Quality = tt.quality
			repos, err := w.Repositories(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p := &pulls{open: []forge.PullRequest{{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Number: 1, Body: body, Open: true}}}
			if err := remedy.Judge(t.Context(), p, repos, report, sandbox.WorldTime); err != nil {
				t.Fatal(err)
			}
			var state forge.State
			if len(p.statuses) > 0 {
				state = p.statuses[0].State
			}
			if held := p.held > 0; held != (tt.state != "") {
				t.Errorf("kept from merging: %v, with the status %q", held, tt.state)
			}
			if state != tt.state || tt.label != "" && !slices.Contains(p.labels, tt.label) {
				t.Errorf("status %q, labels %v; want %q, %q", state, p.labels, tt.state, tt.label)
			}
		})
	}
}

// Where nothing may be written any more, the host merges nothing of ours either;
// where nothing ever could, nobody looks.
func TestJudgeHoldsWhatMayNotBeWritten(t *testing.T) {
	for config, held := range map[string]int{"version: 1\ndry-run: true\n": 1, "version: 2\n": 1, "": 0} {
		w := readWorld(t, demo)
		w.repos["acme/shop"][".github/salve.yml"] = config
		if config == "" {
			delete(w.repos["acme/shop"], ".github/salve.yml")
		}
		repos, err := w.Repositories(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p := &pulls{open: []forge.PullRequest{{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Number: 1, Open: true}}}
		if err := remedy.Judge(t.Context(), p, repos, run(t, w, "P-260301"), sandbox.WorldTime); err != nil {
			t.Fatal(err)
		}
		if p.held != held || len(p.statuses) > 0 {
			t.Errorf("%q: held %d times, statuses %v; want %d and none", config, p.held, p.statuses, held)
		}
	}
}

// A pull request whose problems stay away is closed after fourteen days, by the
// date that its own status carries.
func TestQuietPullRequestsClose(t *testing.T) {
	body := run(t, readWorld(t, demo), "P-260301").Plans[0].Proposal.Body
	shop := forge.Repo{Owner: "acme", Name: "shop"}
	gone := prose.Label("", "problem-closed").Name
	since := func(day, by string) []forge.CommitStatus {
		return []forge.CommitStatus{{
			Context: forge.ContextRemediation, State: forge.Pending, Creator: by,
			Description: "quiet since " + day + ": merge it if it should not come back",
		}}
	}
	for _, tt := range []struct {
		name    string
		open    string // problem that is open
		before  []forge.CommitStatus
		foreign bool
		labels  []string
		status  string
		closed  bool
		removed bool
	}{
		{name: "first seen quiet", status: "quiet since 2026-03-02: merge it if it should not come back; closes on 2026-03-16"},
		{name: "quiet for 13 days", before: since("2026-02-17", "salve[bot]"), status: "quiet since 2026-02-17: merge it if it should not come back; closes on 2026-03-03"},
		{name: "quiet for 14 days", before: since("2026-02-16", "salve[bot]"), closed: true},
		{name: "somebody else says so", before: since("2026-02-16", "mallory"), status: "quiet since 2026-03-02: merge it if it should not come back; closes on 2026-03-16"},
		{name: "a day to come", before: since("2027-02-16", "salve[bot]"), status: "quiet since 2026-03-02: merge it if it should not come back; closes on 2026-03-16"},
		{name: "commits of people", before: since("2026-02-16", "salve[bot]"), foreign: true, status: "quiet since 2026-02-16: merge it if it should not come back; closes on 2026-03-02"},
		{name: "it came back", open: "P-260301", before: since("2026-02-16", "salve[bot]"), labels: []string{gone}, removed: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := readWorld(t, demo)
			report := run(t, w, cmp.Or(tt.open, "P-260303"))
			repos, err := w.Repositories(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p := &pulls{before: tt.before, foreign: tt.foreign, open: []forge.PullRequest{{
				Repo: shop, Number: 1, Body: body, Open: true, Author: "salve[bot]", Labels: tt.labels,
			}}}
			if err := remedy.Judge(t.Context(), p, repos, report, sandbox.WorldTime); err != nil {
				t.Fatal(err)
			}
			var status string
			if len(p.statuses) > 0 {
				status = p.statuses[0].Description
			}
			if status != tt.status || (p.closed != "") != tt.closed || slices.Contains(p.removed, gone) != tt.removed {
				t.Errorf("status %q, closed %q, removed %v", status, p.closed, p.removed)
			}
		})
	}
}
