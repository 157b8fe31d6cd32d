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
	"github.com/salvehq/salve/internal/propose"
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

// A Runner looks at the detectors once per call of Run, or of Decide and then
// Answer for each task. All fields are required.
type Runner struct {
	Problems dql.Querier
	Catalog  *catalog.Catalog
	Estate   Estate
	Maker    *propose.Maker
	Log      *slog.Logger
}

// A Report is what one cycle came to.
type Report struct {
	Quality   dql.Quality
	Decisions []Decision
	Tasks     []Task  // one for each decision without a reason, in their order
	Errs      []error // what could not be looked at, beside what could
	Repos     []*plan.Repository
}

// A Decision is what came of one detector.
type Decision struct {
	Detector Detector
	Remedy   string
	Reason   policy.Reason // why nothing is proposed; zero if something is
	Key      string        // of the task; empty if there is a reason
	Plan     plan.Plan     // what Run came to; zero if there is a reason
	Opened   forge.Opened  // zero in a dry run
}

// A Task is one proposal to make: the change of one detector's rule.
type Task struct {
	propose.Task
	Detector Detector
}

// An Answer is what came of a task.
type Answer = propose.Result

// Run asks for the detectors as of now and proposes a change for each one that
// a change can help. What cannot be handled does not hold up the rest.
func (r *Runner) Run(ctx context.Context, now time.Time) (Report, error) {
	report, err := r.Decide(ctx, now)
	errs := append(report.Errs, err)
	repos := map[forge.Repo]*plan.Repository{}
	for _, repo := range report.Repos {
		repos[repo.Repo] = repo
	}
	limits := propose.Limits{}
	for _, t := range report.Tasks {
		a, err := r.answer(ctx, repos[t.Repo], t, limits, now)
		for i := range report.Decisions {
			if d := &report.Decisions[i]; d.Key == t.Key {
				d.Reason, d.Plan, d.Opened = a.Reason, a.Plan, a.Opened
			}
		}
		errs = append(errs, err)
	}
	return report, errors.Join(errs...)
}

// Decide is the first half of Run: it asks for the detectors as of now and
// returns what is to be done about them, as tasks. It writes nothing. What
// could not be looked at is in the report; an error means that nothing could.
func (r *Runner) Decide(ctx context.Context, now time.Time) (Report, error) {
	rows, err := r.ask(ctx)
	report := Report{Quality: rows.Quality}
	if err != nil {
		return report, err
	}
	if report.Repos, err = r.Estate.Repositories(ctx); len(report.Repos) == 0 && err != nil {
		return report, err
	}
	report.Errs = []error{err}
	taken := map[string]string{}
	for _, row := range rows.Records {
		d := Decision{Detector: detectorOf(row)}
		target, why, err := decide(ctx, d.Detector, report.Repos, taken)
		if err != nil {
			report.Errs = append(report.Errs, fmt.Errorf("detector %q: %w", d.Detector.Title, err))
			why = policy.Reason{Code: plan.Refused, Text: "could not be searched for: " + err.Error()}
		}
		d.Remedy, d.Reason = target.Remedy.Name, why
		if why.None() {
			t := Task{propose.TaskOf(target, now), d.Detector}
			d.Key = t.Key
			report.Tasks = append(report.Tasks, t)
		}
		report.Decisions = append(report.Decisions, d)
	}
	return report, nil
}

// Answer plans the change of a task at repo, which is the head that the task's
// repository has now, and proposes it. Answering the same task again changes
// nothing more. An error comes with an answer that says what could not be done.
func (r *Runner) Answer(ctx context.Context, repo *plan.Repository, t Task, now time.Time) (Answer, error) {
	return r.answer(ctx, repo, t, propose.Limits{}, now)
}

func (r *Runner) answer(ctx context.Context, repo *plan.Repository, t Task, limits propose.Limits, now time.Time) (Answer, error) {
	if why := repo.Writes(); !why.None() {
		return Answer{Reason: why}, nil
	}
	target, why, err := find(ctx, t.Detector, []*plan.Repository{repo})
	if err == nil && why.None() && target.Key() != t.Key {
		why = policy.Reason{Code: plan.NotFound, Text: "another rule answers it by now: " + target.Where}
	}
	switch {
	case err != nil:
		why = policy.Reason{Code: plan.Refused, Text: "could not be searched for: " + err.Error()}
		return Answer{Reason: why}, fmt.Errorf("find the rule of %q: %w", t.Detector.Title, err)
	case !why.None():
		return Answer{Reason: why}, r.Maker.Object(ctx, t.Task, limits, why.Text, now)
	}
	c := plan.Case{Target: target, Evidence: []prose.Evidence{t.Detector.evidence()}, Notes: t.Detector.notes()}
	a, err := r.Maker.Make(ctx, t.Task, c, limits, now)
	if a.Plan.Proposal.Key != "" {
		r.Log.Info("proposed", "repo", t.Repo.String(), "pull", a.Opened.Pull.Number, "action", a.Opened.Action,
			"detector", t.Detector.Title, "reason", a.Reason.Text)
	}
	return a, err
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

// decide finds the rule of a detector. A rule that opens problems on several
// types of entity has several rows: the first one that asks for a change of it
// is answered, and taken says for which type, so that two changes of one value
// never stand beside each other.
func decide(ctx context.Context, det Detector, repos []*plan.Repository, taken map[string]string) (plan.Target, policy.Reason, error) {
	if why := det.tooLittle(); !why.None() {
		return plan.Target{}, why, nil
	}
	target, why, err := find(ctx, det, repos)
	if err != nil || !why.None() {
		return target, why, err
	}
	rule := target.Repo.Repo.String() + " " + target.Where
	if by, ok := taken[rule]; ok {
		return target, policy.Reason{Code: plan.LeftAlone, Text: fmt.Sprintf("the rule is decided about already, for its problems on %s", by)}, nil
	}
	taken[rule] = det.Entity
	return target, policy.Reason{}, nil
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
