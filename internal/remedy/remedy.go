// Package remedy turns open problems into pull requests.
//
// One cycle asks for the problems, decides about each, and makes a task of what
// can be answered: [Runner.Decide]. Each task is planned and proposed by itself,
// at once or as a job of its own: [Runner.Answer]. A decision is a value with a
// reason; doing is the last step.
package remedy

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
	"github.com/salvehq/salve/internal/problem"
	"github.com/salvehq/salve/internal/propose"
)

// Query is the name of the query that a cycle asks.
const Query = "infrastructure-remediation"

// An Estate is the repositories that this program may read, each at the head
// of its default branch. A repository that cannot be read is an error beside
// the others, not in their place.
type Estate interface {
	Repositories(ctx context.Context) ([]*plan.Repository, error)
}

// A Runner looks at the problems once per call of Run, or of Decide and then
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
	Notices   []dql.Notice
	Decisions []Decision // one per problem, in the order of the query
	Tasks     []Task     // one per pull request, in the order of their first problem
	Plans     []Planned  // what Run came to for each task that it could plan
	Faults    []Fault    // mistakes in the files of repositories
	Errs      []error    // what could not be looked at, beside what could
	Unread    int        // rows that made no sense: problems of which nothing is known
	Repos     []*plan.Repository
}

// Complete reports whether a problem that is not in the report is not open.
func (r Report) Complete() bool { return r.Quality == dql.OK && r.Unread == 0 }

// A Decision is what came of one problem.
type Decision struct {
	Problem problem.Problem
	Type    string // remediation_type
	Action  string // git_action
	Remedy  string // that answered; empty if none did
	Reason  Reason // why nothing is proposed; zero if something is
	Key     string // of the task that answers; empty if none does
	Pull    forge.PullRequest
}

// A Planned is one change and the pull request that came of it.
type Planned struct {
	plan.Plan
	Problems []problem.ID
	Opened   forge.Opened // zero in a dry run
	Err      error        // why it could not be opened
}

// A Fault is a mistake in a file of a repository, for its owners to mend.
type Fault struct {
	Repo forge.Repo
	Err  error
}

// Run asks for the problems as of now and proposes a change for each one that
// a change can answer. What cannot be handled does not hold up the rest: Run
// returns the report of what it did together with the errors it met, joined.
func (r *Runner) Run(ctx context.Context, now time.Time) (Report, error) {
	report, err := r.Decide(ctx, now)
	errs := append(report.Errs, err)
	repos := map[forge.Repo]*plan.Repository{}
	for _, repo := range report.Repos {
		repos[repo.Repo] = repo
	}
	limits, of := propose.Limits{}, report.byKey()
	for _, t := range report.Tasks {
		a, err := r.answer(ctx, repos[t.Repo], t, limits, now)
		report.settle(of[t.Key], a)
		errs = append(errs, err)
	}
	return report, errors.Join(errs...)
}

// Decide is the first half of Run: it asks for the problems as of now and
// returns what is to be done about them, as tasks. It writes nothing. What
// could not be looked at is in the report; an error means that nothing could.
func (r *Runner) Decide(ctx context.Context, now time.Time) (Report, error) {
	repos, unread := r.Estate.Repositories(ctx)
	rows, err := r.ask(ctx)
	report := Report{Quality: rows.Quality, Notices: rows.Notices, Repos: repos, Faults: faults(repos)}
	switch {
	case err != nil, len(repos) == 0 && unread != nil:
		return report, errors.Join(err, unread)
	case rows.Quality == dql.UnverifiedEmpty:
		return report, errors.Join(fmt.Errorf("query %s: no rows, and nothing shows that rows could have been seen: %w", Query, ErrUntrusted), unread)
	}
	findings, errs := read(rows.Records)
	report.Errs = append(errs, unread)
	report.Unread = len(rows.Records) - len(findings)
	cases, remedies := newCases(), open(report.Repos)
	for _, f := range findings {
		d, target, err := r.decide(ctx, f, remedies)
		if err != nil {
			report.Errs = append(report.Errs, fmt.Errorf("problem %s: %w", f.problem.ID, err))
		}
		if d.Reason.None() {
			d.Key = target.Key()
			cases.add(d.Key, f, target)
		}
		report.Decisions = append(report.Decisions, d)
	}
	for _, g := range cases.groups {
		report.Tasks = append(report.Tasks, g.task(now))
	}
	return report, nil
}

// faults are the mistakes of all repositories.
func faults(repos []*plan.Repository) (out []Fault) {
	for _, repo := range repos {
		for _, f := range repo.Faults {
			out = append(out, Fault{repo.Repo, f})
		}
	}
	return out
}

// byKey returns the places of decisions by the key of their task.
func (r *Report) byKey() map[string][]int {
	out := map[string][]int{}
	for i, d := range r.Decisions {
		out[d.Key] = append(out[d.Key], i)
	}
	return out
}

// Settle writes what came of tasks, by their keys, into the report.
func (r *Report) Settle(answers map[string]Answer) {
	decisions := r.byKey()
	for _, t := range r.Tasks {
		if a, ok := answers[t.Key]; ok {
			r.settle(decisions[t.Key], a)
		}
	}
}

// settle writes what came of a task into the decisions of its problems.
func (r *Report) settle(decisions []int, a Answer) {
	for _, i := range decisions {
		r.Decisions[i].Reason, r.Decisions[i].Pull = a.Reason, a.Pull
	}
	if a.Planned.Proposal.Key != "" {
		r.Plans = append(r.Plans, a.Planned)
	}
}

// ErrUntrusted reports an empty answer that may not be read as "no problems".
var ErrUntrusted = errors.New("the answer cannot be trusted")

// ask runs the query of the catalog.
func (r *Runner) ask(ctx context.Context) (dql.Result, error) {
	entry, err := r.Catalog.Get(Query)
	if err != nil {
		return dql.Result{}, err
	}
	return r.rows(ctx, entry)
}

// rows asks one query and checks what comes of it.
func (r *Runner) rows(ctx context.Context, entry catalog.Entry) (dql.Result, error) {
	q, err := entry.Query(nil)
	if err != nil {
		return dql.Result{}, err
	}
	res, err := r.Problems.Query(ctx, q)
	if err != nil {
		return res, fmt.Errorf("query %s: %w", Query, err)
	}
	return res, entry.Check(res)
}
