package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
	"github.com/salvehq/salve/internal/prose"
)

// problems is the query that a pre-deployment verdict is made from: the
// current state of every problem, so that one answer serves every pull request
// and each problem is tied to a service by its entities, not by a phrase.
const problems = "infrastructure-remediation"

// An Estate is the repositories that this program may read.
type Estate interface {
	// Repository returns a repository at the head of a branch. The
	// configuration of the base decides, never that of a pull request.
	Repository(ctx context.Context, repo forge.Repo, branch string) (*plan.Repository, error)
}

// Pulls is what a gate asks of the code host.
type Pulls interface {
	// ChangedPaths returns the files that a pull request changes.
	ChangedPaths(ctx context.Context, repo forge.Repo, number int) ([]string, error)
	// SetStatus sets a commit status, unless it says the same already.
	SetStatus(ctx context.Context, repo forge.Repo, head forge.SHA, s forge.CommitStatus) error
}

// A Checker sets salve/pre-deployment on pull requests. All fields are
// required.
type Checker struct {
	Problems dql.Querier
	Catalog  *catalog.Catalog
	Estate   Estate
	Pulls    Pulls
	App      string // login of this App, which ends in [bot]
	Log      *slog.Logger
}

// A Decision is a verdict and what led to it.
type Decision struct {
	Verdict  Verdict
	Why      string // one line
	Services []Service
	Rows     []Row
	Quality  dql.Quality
}

// A Row is one problem that concerns the change.
type Row struct {
	Problem  problem.Problem
	Service  string
	By       string // how the problem is tied to the service
	Verdict  Verdict
	Remedied bool // the change answers it, so it does not hold the change back
}

// Check judges a pull request whose head is new and sets the status on it:
// pending at once, the verdict when it is known. A repository that does not
// want the gate gets no status.
func (c *Checker) Check(ctx context.Context, pull forge.PullRequest) (Decision, error) {
	repo, err := c.Estate.Repository(ctx, pull.Repo, pull.Base)
	if err != nil {
		return Decision{}, fmt.Errorf("read %s: %w", pull.Repo, err)
	}
	if !wanted(repo) {
		return Decision{Why: "the gate is not configured"}, nil
	}
	if err := c.say(ctx, pull, forge.Pending, "asking Dynatrace about open problems"); err != nil {
		return Decision{}, err
	}
	return c.judge(ctx, repo, pull, func() snapshot { return c.open(ctx) })
}

// wanted reports whether a repository has the gate.
func wanted(repo *plan.Repository) bool {
	return repo.Config != nil && repo.Config.Gate(policy.PreDeployment).Mode != policy.Off
}

// A snapshot is the open problems at one time, or why they are not known.
type snapshot struct {
	open    []problem.Problem
	quality dql.Quality
	err     error
}

// judge decides about a pull request and says so on its head.
func (c *Checker) judge(ctx context.Context, repo *plan.Repository, pull forge.PullRequest, ask func() snapshot) (Decision, error) {
	d, err := c.decide(ctx, repo, pull, ask)
	if err != nil {
		return d, errors.Join(err, c.say(ctx, pull, forge.Error, "could not find out: "+err.Error()))
	}
	state, why := settle(repo.Config, d)
	c.Log.Info("gate", "repo", pull.Repo.String(), "pull", pull.Number, "sha", pull.Head, "verdict", d.Verdict.String(), "reason", d.Why)
	return d, c.say(ctx, pull, state, why)
}

// say sets the status of the gate.
func (c *Checker) say(ctx context.Context, pull forge.PullRequest, state forge.State, why string) error {
	return c.Pulls.SetStatus(ctx, pull.Repo, pull.Head, forge.CommitStatus{
		Context: forge.ContextPreDeployment, State: state, Description: prose.Status(why),
	})
}

// settle turns a decision into a status by the policy of its environment.
func settle(cfg *policy.Config, d Decision) (forge.State, string) {
	if cfg.Gate(policy.PreDeployment).Mode == policy.Shadow {
		return forge.Success, "shadow: " + d.Verdict.String() + ": " + d.Why
	}
	if d.Verdict != Undecided {
		return d.Verdict.State(), d.Verdict.String() + ": " + d.Why
	}
	act := policy.Proceed
	for _, s := range d.Services {
		switch on := cfg.OnUnknownIn(policy.PreDeployment, s.Environment); {
		case on == policy.Block:
			act = policy.Block
		case on == policy.Warn && act != policy.Block:
			act = policy.Warn
		}
	}
	switch act {
	case policy.Block:
		return forge.Error, "could not find out: " + d.Why
	case policy.Warn:
		return forge.Success, "WARN: unknown: " + d.Why
	}
	return forge.Success, "unknown: " + d.Why
}

// decide finds what the change touches and what is wrong with it.
func (c *Checker) decide(ctx context.Context, repo *plan.Repository, pull forge.PullRequest, ask func() snapshot) (Decision, error) {
	paths, err := c.Pulls.ChangedPaths(ctx, pull.Repo, pull.Number)
	if err != nil {
		return Decision{}, fmt.Errorf("files of %s#%d: %w", pull.Repo, pull.Number, err)
	}
	d := Decision{Services: Touched(repo, paths)}
	if len(d.Services) == 0 {
		d.Verdict, d.Why = Proceed, "touches no service that Salve knows of"
		return d, nil
	}
	now := ask()
	if now.err != nil {
		return d, now.err
	}
	d.Quality = now.quality
	d.weigh(repo, now.open, c.remedied(pull))
	return d, nil
}

// open asks for the active problems that count: not duplicate, muted or under
// maintenance.
func (c *Checker) open(ctx context.Context) snapshot {
	entry, err := c.Catalog.Get(problems)
	if err != nil {
		return snapshot{err: err}
	}
	q, err := entry.Query(nil)
	if err != nil {
		return snapshot{err: err}
	}
	res, err := c.Problems.Query(ctx, q)
	if err != nil {
		return snapshot{err: fmt.Errorf("ask Dynatrace: %w", err)}
	}
	out := snapshot{quality: res.Quality, err: entry.Check(res)}
	for _, row := range res.Records {
		p, err := problem.FromRecord(row)
		if err != nil {
			return snapshot{err: err}
		}
		if p.Active && !p.Duplicate && !p.Muted && !p.Maintenance {
			out.open = append(out.open, p)
		}
	}
	return out
}

// remedied returns the problems that a pull request of this App answers: a fix
// must not be held back by what it fixes. Only the App's own word counts, on a
// branch of the repository itself.
func (c *Checker) remedied(pull forge.PullRequest) []string {
	if pull.Author != c.App || pull.Fork || !strings.HasPrefix(pull.Branch, "salve/") {
		return nil
	}
	m, ok := forge.ParseMarker(pull.Body)
	if !ok {
		return nil
	}
	return m.Problems
}

// weigh judges the open problems that concern the services of the change.
func (d *Decision) weigh(repo *plan.Repository, open []problem.Problem, remedied []string) {
	for _, s := range d.Services {
		for _, p := range open {
			by := s.Concerns(repo, p)
			if by == "" {
				continue
			}
			v := verdictOf(p)
			if v == Block && slices.Contains(remedied, string(p.Event)) {
				v = Warn
			}
			d.Rows = append(d.Rows, Row{p, s.Name, by, v, slices.Contains(remedied, string(p.Event))})
		}
	}
	slices.SortStableFunc(d.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Verdict, a.Verdict), int(b.Problem.Severity-a.Problem.Severity), a.Problem.Start.Compare(b.Problem.Start))
	})
	all := make([]Verdict, len(d.Rows))
	for i, r := range d.Rows {
		all[i] = r.Verdict
	}
	d.Verdict = Worst(all...)
	switch {
	case d.Verdict == Block:
	case d.Quality == dql.Partial:
		d.Verdict, d.Why = Undecided, "Dynatrace's answer was cut short"
		return
	case d.Quality != dql.OK:
		d.Verdict, d.Why = Undecided, "Dynatrace showed no problems, and nothing shows that it could have"
		return
	}
	d.Why = d.explain()
}

// verdictOf is the column deployment_risk of pre-deployment-problem-check. A
// problem whose analysis is not done holds: it may yet be told apart.
func verdictOf(p problem.Problem) Verdict {
	switch {
	case p.Severity == problem.SeverityCritical && !p.Ready:
		return Hold
	case p.Severity == problem.SeverityCritical:
		return Block
	case p.Severity == problem.SeverityHigh:
		return Warn
	}
	return Proceed
}

// explain says in one line what the verdict rests on.
func (d *Decision) explain() string {
	if len(d.Rows) == 0 {
		names := make([]string, len(d.Services))
		for i, s := range d.Services {
			names[i] = s.Name
		}
		return "no open problem on " + strings.Join(names, ", ")
	}
	r := d.Rows[0]
	more := ""
	if n := len(d.Rows) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	remedied := ""
	if r.Remedied {
		remedied = "this change remedies "
	}
	return fmt.Sprintf("%s%s %s on %s (%s)%s", remedied, r.Problem.Severity, r.Problem.ID, r.Service, r.Problem.Title, more)
}
