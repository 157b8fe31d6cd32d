// Package tune turns noisy detectors into pull requests that make them less
// so.
//
// The query alert-rule-optimization says per detector what would help; the
// remedies for alerts say with what change; the guards here say when there is
// too little to go by. Nothing here moves a threshold: without a replay of the
// metric nobody can say which real problem a higher one would have missed.
package tune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// Query is the name of the query that a cycle asks.
const Query = "alert-rule-optimization"

// The least evidence for a change: so many closed problems on so many days. A
// rate over fewer says more about chance than about the detector.
const (
	minClosed = 20
	minDays   = 7
)

// An Estate is the repositories that this program may read.
type Estate interface {
	Repositories(ctx context.Context) ([]*plan.Repository, error)
}

// A Proposer opens pull requests, once for each key.
type Proposer interface {
	Propose(ctx context.Context, p forge.Proposal) (forge.Opened, error)
}

// A Historian knows the pull requests that a branch had before.
type Historian interface {
	History(ctx context.Context, repo forge.Repo, branch string) ([]forge.PullRequest, error)
}

// A Runner looks at the detectors once per call of Run. All fields are
// required, but for Proposer: without one, a run decides and does nothing.
type Runner struct {
	Problems dql.Querier
	Catalog  *catalog.Catalog
	Estate   Estate
	Planner  *plan.Planner
	History  Historian
	Proposer Proposer
	Log      *slog.Logger
}

// A Report is what one cycle came to.
type Report struct {
	Quality   dql.Quality
	Decisions []Decision
}

// A Decision is what came of one detector.
type Decision struct {
	Detector Detector
	Remedy   string
	Reason   policy.Reason // why nothing was proposed; zero if something was
	Plan     plan.Plan     // zero if there is a reason
	Opened   forge.Opened  // zero in a dry run
}

// Run asks for the detectors as of now and proposes a change for each one that
// a change can help. What cannot be handled does not hold up the rest.
func (r *Runner) Run(ctx context.Context, now time.Time) (Report, error) {
	rows, err := r.ask(ctx)
	report := Report{Quality: rows.Quality}
	if err != nil {
		return report, err
	}
	repos, err := r.Estate.Repositories(ctx)
	errs := []error{err}
	taken := map[string]string{}
	for _, row := range rows.Records {
		d, err := r.decide(ctx, detectorOf(row), repos, taken, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("detector %q: %w", d.Detector.Title, err))
		}
		report.Decisions = append(report.Decisions, d)
	}
	return report, errors.Join(errs...)
}

// ask runs the query of the catalog. An answer that was cut short would make
// rates of what happened to be in it.
func (r *Runner) ask(ctx context.Context) (dql.Result, error) {
	entry, err := r.Catalog.Get(Query)
	if err != nil {
		return dql.Result{}, err
	}
	q, err := entry.Query(nil)
	if err != nil {
		return dql.Result{}, err
	}
	res, err := r.Problems.Query(ctx, q)
	switch {
	case err != nil:
		return res, fmt.Errorf("query %s: %w", Query, err)
	case res.Quality == dql.Partial:
		return res, fmt.Errorf("query %s: the answer was cut short, and rates over part of the problems mislead: %v", Query, res.Notices)
	}
	return res, entry.Check(res)
}

// decide finds the rule of a detector and plans its change. A rule that opens
// problems on several types of entity has several rows: the first one that
// asks for a change of it is answered, and taken says for which type, so that
// two changes of one value never stand beside each other.
func (r *Runner) decide(ctx context.Context, det Detector, repos []*plan.Repository, taken map[string]string, now time.Time) (Decision, error) {
	d := Decision{Detector: det}
	if d.Reason = det.tooLittle(); !d.Reason.None() {
		return d, nil
	}
	target, why, err := find(ctx, det, repos)
	d.Remedy, d.Reason = target.Remedy.Name, why
	if err != nil || !why.None() {
		return d, err
	}
	rule := target.Repo.Repo.String() + " " + target.Where
	if by, ok := taken[rule]; ok {
		d.Reason = policy.Reason{Code: plan.LeftAlone, Text: fmt.Sprintf("the rule is decided about already, for its problems on %s", by)}
		return d, nil
	}
	taken[rule] = det.Entity
	c := plan.Case{Target: target, Evidence: []prose.Evidence{det.evidence()}, Notes: det.notes()}
	before, err := r.History.History(ctx, target.Repo.Repo, prose.Branch(target.Key(), target.Remedy.Name, target.Name))
	if err != nil {
		return d, err
	}
	c.History = plan.History(before)
	if d.Plan, d.Reason, err = r.Planner.Plan(ctx, c, now); err != nil || !d.Reason.None() || r.Proposer == nil {
		return d, err
	}
	d.Opened, err = r.Proposer.Propose(ctx, d.Plan.Proposal)
	r.Log.Info("proposed", "repo", target.Repo.Repo.String(), "pull", d.Opened.Pull.Number, "action", d.Opened.Action, "detector", det.Title)
	return d, err
}

// find returns the one rule of the one remedy that answers a detector.
func find(ctx context.Context, det Detector, repos []*plan.Repository) (plan.Target, policy.Reason, error) {
	row, subject := det.row(), plan.Subject{Title: det.Title}
	why := policy.Reason{Code: plan.NoRemedy, Text: "no remedy answers " + det.Action}
	for _, name := range names(repos, row) {
		why = policy.Reason{Code: plan.NotFound, Text: "no repository holds a rule of that title; a built-in detector has none until somebody writes one"}
		var found []plan.Target
		var left plan.Remedy
		for _, repo := range repos {
			for _, rem := range repo.Remedies {
				if rem.Name != name || !rem.When.Matches(row) {
					continue
				}
				if rem.Leave != "" {
					left = rem
					continue // of one repository: others may hold the rule
				}
				ts, _, err := repo.Targets(ctx, rem, subject)
				if err != nil {
					return plan.Target{}, policy.Reason{}, fmt.Errorf("%s: %w", repo.Repo, err)
				}
				found = append(found, ts...)
			}
		}
		switch len(found) {
		case 0:
			if left.Leave != "" {
				return plan.Target{Remedy: left}, policy.Reason{Code: plan.LeftAlone, Text: left.Leave}, nil
			}
		case 1:
			return found[0], policy.Reason{}, nil
		default:
			return found[0], policy.Reason{Code: plan.Ambiguous, Text: fmt.Sprintf("%d rules have that title: %s", len(found), wheres(found))}, nil
		}
	}
	return plan.Target{}, why, nil
}
