// Package remedy turns open problems into pull requests.
//
// One cycle asks for the problems, decides about each, and proposes what can be
// answered. A decision is a value with a reason; doing is the last step.
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
)

// Query is the name of the query that a cycle asks.
const Query = "infrastructure-remediation"

// An Estate is the repositories that this program may read, each at the head
// of its default branch. A repository that cannot be read is an error beside
// the others, not in their place.
type Estate interface {
	Repositories(ctx context.Context) ([]*plan.Repository, error)
}

// A Proposer opens pull requests. Proposing the same key again returns the
// pull request that is already there.
type Proposer interface {
	Propose(ctx context.Context, p forge.Proposal) (forge.Opened, error)
}

// A Historian knows the pull requests that a branch had before, open ones left
// out.
type Historian interface {
	History(ctx context.Context, repo forge.Repo, branch string) ([]forge.PullRequest, error)
}

// A Runner looks at the problems once per call of Run. All fields are
// required, but for Proposer and Pulls, without which a run decides and does
// nothing, and Wishes.
type Runner struct {
	Problems dql.Querier
	Catalog  *catalog.Catalog
	Estate   Estate
	Planner  *plan.Planner
	History  Historian
	Proposer Proposer
	Pulls    Lister
	Wishes   Wishes // of people; nil where there is no database
	Log      *slog.Logger
}

// A Report is what one cycle came to.
type Report struct {
	Quality   dql.Quality
	Notices   []dql.Notice
	Decisions []Decision // one per problem, in the order of the query
	Plans     []Planned  // one per pull request, in the order of their first problem
	Faults    []Fault    // mistakes in the files of repositories
	Unread    int        // rows that made no sense: problems of which nothing is known
}

// A Decision is what came of one problem.
type Decision struct {
	Problem problem.Problem
	Type    string // remediation_type
	Action  string // git_action
	Remedy  string // that answered; empty if none did
	Reason  Reason // why nothing was proposed; zero if something was
	Key     string // of the plan that answers
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
	rows, err := r.ask(ctx)
	report := Report{Quality: rows.Quality, Notices: rows.Notices}
	if err != nil {
		return report, err
	}
	if rows.Quality == dql.UnverifiedEmpty {
		return report, fmt.Errorf("query %s: no rows, and nothing shows that rows could have been seen: %w", Query, ErrUntrusted)
	}
	findings, errs := read(rows.Records)
	repos, err := r.Estate.Repositories(ctx)
	errs = append(errs, err)
	for _, repo := range repos {
		for _, f := range repo.Faults {
			report.Faults = append(report.Faults, Fault{repo.Repo, f})
		}
	}
	report.Unread = len(rows.Records) - len(findings)
	cases, remedies := newCases(), open(repos)
	for _, f := range findings {
		d, target, err := r.decide(ctx, f, remedies)
		if err != nil {
			errs = append(errs, fmt.Errorf("problem %s: %w", f.problem.ID, err))
		}
		if d.Reason.None() {
			cases.add(len(report.Decisions), f, target)
		}
		report.Decisions = append(report.Decisions, d)
	}
	for _, g := range cases.groups {
		errs = append(errs, r.answer(ctx, cases, g, &report, now))
	}
	return report, errors.Join(errs...)
}

// ErrUntrusted reports an empty answer that may not be read as "no problems".
var ErrUntrusted = errors.New("the answer cannot be trusted")

// ask runs the query of the catalog.
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
	if err != nil {
		return res, fmt.Errorf("query %s: %w", Query, err)
	}
	return res, entry.Check(res)
}
