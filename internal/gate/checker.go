package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// An Estate is the repositories that this program may read.
type Estate interface {
	// Repository returns a repository at the head of a branch. The
	// configuration of the base decides, never that of a pull request.
	Repository(ctx context.Context, repo forge.Repo, branch string) (*plan.Repository, error)
}

// A Host is what gates ask of the code host, and tell it.
type Host interface {
	Pull(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error)
	OpenPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
	// ChangedPaths returns the files that a pull request changes.
	ChangedPaths(ctx context.Context, repo forge.Repo, number int) ([]string, error)
	// Compare returns what head has and base has not.
	Compare(ctx context.Context, repo forge.Repo, base, head forge.SHA) (forge.Comparison, error)
	// PullsWith returns the pull requests that brought a commit.
	PullsWith(ctx context.Context, repo forge.Repo, at forge.SHA) ([]forge.PullRequest, error)
	Permission(ctx context.Context, repo forge.Repo, login string) (forge.Permission, error)
	// SetStatus and SetCheck write nothing that is there already.
	SetStatus(ctx context.Context, repo forge.Repo, head forge.SHA, s forge.CommitStatus) error
	SetCheck(ctx context.Context, repo forge.Repo, run forge.CheckRun) error
	// Comment leaves one comment for each tag.
	Comment(ctx context.Context, repo forge.Repo, number int, tag, body string) error
	// SetDeployment says how a deployment went, in an environment that is the
	// context of s; it says nothing about one that is over, or twice.
	SetDeployment(ctx context.Context, repo forge.Repo, deployment int64, s forge.CommitStatus) error
	// AnswerRule answers a deployment protection rule: "approved", "rejected"
	// or, with an empty state, a report that leaves it open.
	AnswerRule(ctx context.Context, repo forge.Repo, run int64, environment, state, comment string) error
}

// A Checker judges commits and says so on the code host. Those without
// a word on their being empty are required.
type Checker struct {
	Source    *Source
	Estate    Estate
	Host      Host
	Store     Store
	Telemetry Telemetry // nil knows nothing, so that no deployment is healthy
	Turns     *Turns    // nil where only one goroutine judges
	App       string    // login of this App, which ends in [bot]
	Key       string    // secret that makes the addresses of pages; with another one, cases begin anew
	Pages     string    // root URL of this program's own pages; empty if people cannot reach them
	Log       *slog.Logger
}

// Check judges a pull request, before merging, and says so on its head:
// pending at once, the verdict when it is known. A repository that does not
// want the gate gets no status.
func (c *Checker) Check(ctx context.Context, pull forge.PullRequest, now time.Time) (Case, error) {
	repo, err := c.Estate.Repository(ctx, pull.Repo, pull.Base)
	if err != nil {
		return Case{}, fmt.Errorf("read %s: %w", pull.Repo, err)
	}
	return c.check(ctx, repo, pull, now)
}

// check runs the gates that belong to a pull request.
func (c *Checker) check(ctx context.Context, repo *plan.Repository, pull forge.PullRequest, now time.Time) (Case, error) {
	if repo.Config == nil {
		return Case{}, c.broken(ctx, repo, pull.Repo, pull.Head)
	}
	ch := &change{repo: pull.Repo, head: pull.Head, base: pull.Base, pull: &pull, paths: func(ctx context.Context) ([]string, error) {
		return c.Host.ChangedPaths(ctx, pull.Repo, pull.Number)
	}}
	return c.change(ctx, repo, ch, now)
}

// broken says on a commit that its base has a configuration with mistakes: a
// gate that cannot be read may be wanted, so it lets nothing pass.
func (c *Checker) broken(ctx context.Context, repo *plan.Repository, name forge.Repo, head forge.SHA) error {
	if len(repo.Faults) == 0 {
		return nil
	}
	return c.Host.SetStatus(ctx, name, head, forge.CommitStatus{
		Context: forge.ContextPreDeployment, State: forge.Error,
		Description: prose.Status("the configuration has a mistake: " + repo.Faults[0].Error()),
	})
}

// A change is a commit that may be merged.
type change struct {
	repo        forge.Repo
	head        forge.SHA
	pull        *forge.PullRequest // of a merge group, the one that it was made for, if known
	base        string             // branch
	baseSHA     forge.SHA          // of a merge group
	ref         string             // of a merge group
	environment string             // of a deployment, which touches all that is there
	paths       func(context.Context) ([]string, error)
}

// change judges a commit by the gates that stand before merging, and returns
// the case of the first.
func (c *Checker) change(ctx context.Context, repo *plan.Repository, ch *change, now time.Time) (Case, error) {
	var first Case
	var errs []error
	if list := ch.paths; list != nil { // once for both gates
		var paths []string
		var err error
		var once sync.Once
		ch.paths = func(ctx context.Context) ([]string, error) {
			once.Do(func() { paths, err = list(ctx) })
			return paths, err
		}
	}
	for _, name := range []policy.GateName{policy.PreDeployment, policy.Risk} {
		rule := repo.Config.Gate(name)
		if rule.Mode == policy.Off {
			continue
		}
		k, err := c.judge(ctx, repo, ch, name, rule, now)
		errs = append(errs, err)
		if first.ID == "" {
			first = k
		}
	}
	return first, errors.Join(errs...)
}

// judge runs one gate on a change.
func (c *Checker) judge(ctx context.Context, repo *plan.Repository, ch *change, name policy.GateName, rule policy.Gate, now time.Time) (Case, error) {
	k := Case{Gate: name, Repo: ch.repo, Head: ch.head, Base: ch.base, BaseSHA: ch.baseSHA, Ref: ch.ref}
	if ch.pull != nil {
		k.Pull, k.PullURL = ch.pull.Number, ch.pull.URL
	}
	k.ID = c.caseID(name, ch.repo, ch.head, "", 0)
	defer c.Turns.take(k.ID)()
	k, err := c.open(ctx, k, rule, now)
	if err != nil {
		return k, err
	}
	if k.Base != ch.base { // the pull request was moved to another branch
		k.Base, k.Paths, k.Config = ch.base, nil, ""
	}
	if err := c.announce(ctx, &k, now); err != nil {
		return k, err
	}
	d, failed := c.decide(ctx, repo, &k, ch, rule, now)
	k.Rows = d.Rows
	if ch.pull != nil {
		c.lower(ctx, &k, &d, ch.pull, now)
	}
	return k, errors.Join(failed, c.conclude(ctx, repo, &k, d, now))
}

// announce says on a new head that it is looked at.
func (c *Checker) announce(ctx context.Context, k *Case, now time.Time) error {
	if k.State != "" {
		return nil
	}
	k.State = forge.Pending
	return c.tell(ctx, k, "asking Dynatrace", now)
}

// Announce says on the head of a pull request that its gates are looking, where
// they have not said anything yet: a new head must not be without a status for
// as long as a query takes. The cases are open then, so they are judged even if
// nobody asks for it again.
func (c *Checker) Announce(ctx context.Context, pull forge.PullRequest, now time.Time) error {
	repo, err := c.Estate.Repository(ctx, pull.Repo, pull.Base)
	if err != nil || repo.Config == nil {
		return err
	}
	var errs []error
	for _, name := range []policy.GateName{policy.PreDeployment, policy.Risk} {
		rule := repo.Config.Gate(name)
		if rule.Mode == policy.Off {
			continue
		}
		k, err := c.open(ctx, Case{Gate: name, Repo: pull.Repo, Head: pull.Head, Base: pull.Base, Pull: pull.Number, PullURL: pull.URL}, rule, now)
		if err == nil && k.State == "" {
			if err = c.announce(ctx, &k, now); err == nil {
				err = c.save(ctx, &k, now)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// conclude settles a case, says so and stores it. It does so even if ctx is
// over: a commit must not be left without an answer.
func (c *Checker) conclude(ctx context.Context, repo *plan.Repository, k *Case, d Decision, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	k.Verdict, k.Judged = d.Verdict, now
	if d.Verdict == Block && len(k.Rows) > 0 {
		k.Evidence = k.Rows
	}
	k.sample(d.Verdict, k.Quality, now)
	line := k.settle(repo.Config, d, now)
	k.Why = prose.Plain(line)
	if k.Environment == "" {
		// A broken glass is waited for: it ends at its time.
		k.Done = (d.Verdict == Proceed || d.Verdict == Warn || d.Verdict == Block) && k.Pass == ""
	}
	err := c.tell(ctx, k, line, now)
	c.Log.InfoContext(ctx, "gate", "gate", string(k.Gate), "repo", k.Repo.String(), "pull", k.Pull, "sha", string(k.Head), "environment", k.Environment,
		"verdict", k.Verdict.Word(k.Gate), "state", string(k.State), "reason", k.Why)
	err = errors.Join(err, c.save(ctx, k, now))
	return errors.Join(err, c.outcome(ctx, k))
}

// decide finds what the change touches and what is wrong with it. Whatever
// goes wrong, a panic too, is a verdict that lets nothing pass.
func (c *Checker) decide(ctx context.Context, repo *plan.Repository, k *Case, ch *change, rule policy.Gate, now time.Time) (d Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = Decision{Why: "an error of this program", Services: k.Services}, fmt.Errorf("gate %s of %s@%s: panic: %v", k.Gate, k.Repo, k.Head.Short(), p)
		}
	}()
	if ch.environment != "" {
		k.Services, k.Config = Deployed(repo, ch.environment), repo.SHA
	} else if k.Config != repo.SHA || k.Config == "" {
		paths := k.Paths
		if len(paths) == 0 {
			if paths, err = ch.paths(ctx); err != nil {
				k.Services, k.Config = nil, ""
				return Decision{Why: "the changed files are not known: " + err.Error()}, fmt.Errorf("files of %s@%s: %w", k.Repo, k.Head.Short(), err)
			}
		}
		k.Services, k.Config = Touched(repo, paths), repo.SHA
		if len(paths) <= pathsKept && k.Pull > 0 && k.Ref == "" {
			k.Paths = paths
		}
	}
	if len(k.Services) == 0 {
		k.Quality, k.Asked = "", nil
		return Before(repo, nil, Snapshot{}, nil, rule, now), nil
	}
	if k.Gate == policy.Risk {
		return c.risk(ctx, repo, k, k.Services, now)
	}
	snap := c.Source.Problems(ctx, now)
	k.Quality, k.Asked = snap.Quality.String(), []Question{snap.Question}
	d = Before(repo, k.Services, snap, c.fixes(ctx, ch.pull, now), rule, now)
	if snap.Fault != "" {
		err = errors.New(snap.Fault)
	}
	return d, err
}

// pathsKept is how many changed files of a pull request are remembered with its
// case. What a commit changes stays the same when the base moves on, so that a
// busy base does not make every open pull request be listed anew.
const pathsKept = 200

// checkNames are those of the check runs, which must differ from the contexts
// of the statuses: GitHub would require both.
// https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks
var checkNames = map[policy.GateName]string{
	policy.PreDeployment: "Salve: pre-deployment", policy.Risk: "Salve: risk",
	policy.PostDeployment: "Salve: post-deployment", policy.Canary: "Salve: canary",
}

// gates are those that say something on a commit.
var gates = []policy.GateName{policy.PreDeployment, policy.Risk, policy.PostDeployment, policy.Canary}

// sure is how long the program believes that the code host still says what it
// was told. Whoever overwrites a status is seen by an event long before.
const sure = time.Hour

// tell writes status and check run of a case where they would say something
// else than before.
func (c *Checker) tell(ctx context.Context, k *Case, line string, now time.Time) error {
	say, err := c.statement(ctx, k, line)
	if err != nil {
		return err
	}
	status := forge.CommitStatus{Context: "salve/" + string(k.Gate), State: say.state, Description: prose.Status(say.line), URL: say.url}
	run := forge.CheckRun{
		Name: checkNames[k.Gate], Head: k.Head, Conclusion: say.conclusion, Title: status.Description, Summary: say.summary, URL: say.url,
	}
	said := digest(string(status.State), status.Description, status.URL, run.Conclusion, run.Summary)
	if said == k.Said && now.Sub(k.SaidAt) < sure {
		return nil
	}
	if err := c.Host.SetStatus(ctx, k.Repo, k.Head, status); err != nil {
		return fmt.Errorf("status of %s@%s: %w", k.Repo, k.Head.Short(), err)
	}
	if k.Verdict != Undecided || k.State != forge.Pending || len(k.Samples) > 0 {
		if err := c.Host.SetCheck(ctx, k.Repo, run); err != nil {
			return fmt.Errorf("check run of %s@%s: %w", k.Repo, k.Head.Short(), err)
		}
	}
	k.Said, k.SaidAt = said, now
	return nil
}

// conclusion is what the check run says: nothing while the case is pending,
// neutral for what passes with a warning.
func conclusion(k *Case) string {
	switch {
	case k.State == forge.Pending:
		return ""
	case k.State != forge.Success:
		return "failure"
	case k.Verdict == Proceed:
		return "success"
	}
	return "neutral"
}

// page is the URL of the details of a case, "" if there are no pages.
func (c *Checker) page(k *Case) string {
	if c.Pages == "" {
		return ""
	}
	return strings.TrimSuffix(c.Pages, "/") + "/gates/" + k.ID
}
