package remedy_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/sandbox"
)

// A desk opens pull requests and remembers them, and the last status of each.
type desk struct {
	open     []forge.PullRequest
	statuses map[forge.SHA]forge.CommitStatus
	held     []int // pull requests that are not to be merged by the host
	refuse   error // of proposals
}

func (d *desk) Hold(_ context.Context, p forge.PullRequest) error {
	d.held = append(d.held, p.Number)
	return nil
}

func (d *desk) SetStatus(_ context.Context, _ forge.Repo, head forge.SHA, s forge.CommitStatus) error {
	if d.statuses == nil {
		d.statuses = map[forge.SHA]forge.CommitStatus{}
	}
	d.statuses[head] = s
	return nil
}

func (d *desk) OurPulls(_ context.Context, repo forge.Repo) (out []forge.PullRequest, err error) {
	for _, p := range d.open {
		if p.Repo == repo {
			out = append(out, p)
		}
	}
	return out, nil
}

func (d *desk) Propose(_ context.Context, p forge.Proposal) (forge.Opened, error) {
	if d.refuse != nil {
		return forge.Opened{}, d.refuse
	}
	for _, o := range d.open {
		if o.Repo == p.Repo && o.Branch == p.Branch {
			return forge.Opened{Pull: o, Action: forge.Unchanged}, nil
		}
	}
	o := forge.PullRequest{Repo: p.Repo, Branch: p.Branch, Body: p.Body, Head: forge.SHA(p.Branch), Number: len(d.open) + 1, CreatedAt: sandbox.WorldTime}
	d.open = append(d.open, o)
	return forge.Opened{Pull: o, Action: forge.Created}, nil
}

// What the limits of a repository do not allow waits, with the reason; what is
// open already is kept up to date.
func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		limits string
		opened int
		reason policy.Code
		later  int // opened in all, two hours later
	}{
		{"{open: 10, per-hour: 10}", 4, "", 4},
		{"{open: 2, per-hour: 10}", 2, policy.TooManyOpen, 2},
		{"{open: 10, per-hour: 1}", 1, policy.TooManyThisHour, 2},
		{`{quiet: [{from: "09:00", to: "11:00"}]}`, 0, policy.QuietHours, 4},
	} {
		t.Run(tt.limits, func(t *testing.T) {
			w := readWorld(t, demo)
			w.repos["acme/shop"][".github/salve.yml"] = strings.Replace(w.repos["acme/shop"][".github/salve.yml"], "version: 1\n", "version: 1\nlimits: "+tt.limits+"\n", 1)
			d := &desk{}
			r := runner(t, w, only("P-260301", "P-260302", "P-260303", "P-260307"))
			r.Maker.Proposer, r.Maker.Pulls = d, d
			report, err := r.Run(t.Context(), sandbox.WorldTime)
			if err != nil {
				t.Fatal(err)
			}
			held := 0
			for _, x := range report.Decisions {
				if !x.Reason.None() {
					if held++; x.Reason.Code != tt.reason {
						t.Errorf("%s: %+v, want %s", x.Problem.ID, x.Reason, tt.reason)
					}
				}
			}
			if len(d.open) != tt.opened || held != 4-tt.opened {
				t.Errorf("%d opened, %d held back; want %d opened", len(d.open), held, tt.opened)
			}
			if _, err := r.Run(t.Context(), sandbox.WorldTime.Add(2*time.Hour)); err != nil {
				t.Fatal(err)
			}
			if len(d.open) != tt.later {
				t.Errorf("%d open two hours later, want %d", len(d.open), tt.later)
			}
		})
	}
}

// Changes of one service come one after the other where that is wanted; what is
// open for another service, or elsewhere, is not counted.
func TestLimitPerService(t *testing.T) {
	w := readWorld(t, demo)
	file := w.repos["acme/billing"][".github/salve.yml"]
	w.repos["acme/billing"][".github/salve.yml"] = strings.Replace(file, "version: 1\n", "version: 1\nlimits: {per-service: 1}\n", 1)
	billing := forge.Repo{Owner: "acme", Name: "billing"}
	other := forge.Marker{Key: "x", Evidence: "e", Subject: "ledger", Version: 1}.String()
	d := &desk{open: []forge.PullRequest{{Repo: billing, Branch: "salve/x/ledger-00000000", Number: 1, Body: other}}}
	cycle := func(want policy.Code, ids ...string) {
		t.Helper()
		r := runner(t, w, only(ids...))
		r.Maker.Proposer, r.Maker.Pulls = d, d
		report, err := r.Run(t.Context(), sandbox.WorldTime)
		if err != nil || len(report.Decisions) != len(ids) {
			t.Fatalf("%d decisions, %v", len(report.Decisions), err)
		}
		for _, x := range report.Decisions {
			if x.Problem.ID == "P-260305" && x.Reason.Code != want || x.Problem.ID == "P-260304" && !x.Reason.None() {
				t.Errorf("%s: %+v", x.Problem.ID, x.Reason)
			}
		}
	}
	for range 2 {
		cycle(policy.TooManyOfService, "P-260304", "P-260305")
	}
	d.open = d.open[:1] // the first one is merged
	cycle("", "P-260305")
	if len(d.open) != 2 {
		t.Errorf("%d open, want the other service's and this one", len(d.open))
	}
}

// What the rules of a repository forbid is a reason and one status on its head,
// not a failure that is tried again; it is taken back once they allow it.
func TestForbidden(t *testing.T) {
	w, d := readWorld(t, demo), &desk{refuse: fmt.Errorf("branch x: %w", &forge.RuleError{Rule: "creation", Why: "new branches are restricted"})}
	r := runner(t, w, only("P-260301", "P-260303"))
	r.Maker.Proposer, r.Maker.Pulls = d, d
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if err != nil {
		t.Error(err)
	}
	for _, x := range report.Decisions {
		if x.Reason.Code != plan.Refused || !strings.Contains(x.Reason.Text, "new branches are restricted") {
			t.Errorf("%s: %+v", x.Problem.ID, x.Reason)
		}
	}
	if s := d.statuses[""]; len(d.statuses) != 1 || s.Context != forge.ContextConfiguration || s.State != forge.Failure || !strings.Contains(s.Description, "the rule creation forbids it") {
		t.Errorf("statuses %+v", d.statuses)
	}
	d.refuse = nil
	if _, err := r.Run(t.Context(), sandbox.WorldTime); err != nil || len(d.open) != 2 || d.statuses[""].State != forge.Success {
		t.Errorf("%d open, %v, statuses %+v", len(d.open), err, d.statuses)
	}
}
