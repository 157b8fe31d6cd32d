package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
)

// knows reports whether the configuration names an environment.
func knows(repo *plan.Repository, environment string) bool {
	if repo.Config == nil || environment == "" {
		return false
	}
	if _, ok := repo.Config.Environments[environment]; ok {
		return true
	}
	for _, s := range repo.Config.Services {
		if s.Environment == environment {
			return true
		}
	}
	return false
}

// Deployed begins to watch a deployment that was reported as done. One to an
// environment that the configuration does not name is not watched, nor is what
// we said of one ourselves.
func (c *Checker) Deployed(ctx context.Context, e forge.Event, now time.Time) error {
	if e.Sender != "" && strings.EqualFold(e.Sender, c.App) {
		return nil
	}
	repo, err := c.Estate.Repository(ctx, e.Repo, e.Default)
	if err != nil {
		return fmt.Errorf("read %s: %w", e.Repo, err)
	}
	if !knows(repo, e.Environment) {
		c.Log.Info("deployment not watched", "repo", e.Repo.String(), "environment", e.Environment, "reason", "the configuration does not name the environment")
		return nil
	}
	var errs []error
	for _, name := range []policy.GateName{policy.PostDeployment, policy.Canary} {
		rule := repo.Config.Gate(name)
		if rule.Mode == policy.Off || name == policy.Canary && len(sides(repo, e.Environment)) == 0 {
			continue
		}
		fresh := Case{
			Gate: name, Repo: e.Repo, Head: e.Head, Environment: e.Environment, Deployment: e.Deployment, Base: repo.Branch, Opened: since(e.At, now),
		}
		k, err := c.open(ctx, fresh, rule, now)
		if err == nil && k.Done && anew(&k, &fresh) {
			k, err = c.begin(ctx, fresh, rule, now)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, c.replace(ctx, repo, &k, now), c.deployment(ctx, repo, k, now))
	}
	return errors.Join(errs...)
}

// anew reports whether a commit was deployed once more, to go back to it. A
// pipeline may report the same deployment as done several times.
func anew(have, fresh *Case) bool {
	if have.Deployment != 0 && have.Deployment == fresh.Deployment {
		return false
	}
	return fresh.Opened.After(have.Opened)
}

// since is when a deployment was done: as the host says, unless its clock and
// ours differ by more than an hour.
func since(at, now time.Time) time.Time {
	if age := now.Sub(at); age < -time.Hour || age > time.Hour {
		return now
	}
	return at
}

// Ask answers a deployment that waits for the gate as a protection rule. The
// answer goes to a URL that is built from the repository and the run. A run
// that was answered is not answered again, whatever is delivered.
func (c *Checker) Ask(ctx context.Context, e forge.Event, now time.Time) error {
	repo, err := c.Estate.Repository(ctx, e.Repo, e.Default)
	if err != nil {
		return fmt.Errorf("read %s: %w", e.Repo, err)
	}
	rule := policy.Gate{Mode: policy.Enforce, Deadline: policy.Duration(unknownDeadline)}
	if repo.Config != nil {
		rule = repo.Config.Gate(policy.PreDeployment)
	}
	k, err := c.open(ctx, Case{
		Gate: policy.PreDeployment, Repo: e.Repo, Head: e.Head, Environment: e.Environment, Run: e.Run, Base: repo.Branch,
	}, rule, now)
	if err != nil || k.Done {
		return err
	}
	return c.deployment(ctx, repo, k, now)
}

// unknownDeadline is when a rule of a repository without a configuration is
// answered.
const unknownDeadline = 30 * time.Minute

// deployment judges a case that has an environment, as it stands in the
// database when its turn comes.
func (c *Checker) deployment(ctx context.Context, repo *plan.Repository, k Case, now time.Time) error {
	defer c.Turns.take(k.ID)()
	k, found, err := c.Case(ctx, k.ID)
	if err != nil || !found || k.Done {
		return err
	}
	if repo.Config != nil {
		k.Mode = repo.Config.Gate(k.Gate).Mode
	}
	if k.Run > 0 {
		return c.rule(ctx, repo, k, now)
	}
	if repo.Config == nil { // it was there when the deployment was done
		k.Done = !now.Before(k.Deadline)
		return c.save(ctx, &k, now)
	}
	d, failed := c.watch(ctx, repo, &k, now)
	k.unless(&d)
	k.Rows = d.Rows
	over := !now.Before(k.Deadline)
	decided := d.Verdict == Block || k.Gate == policy.Canary && d.Verdict == Proceed
	if d.Verdict == Block && k.Suspects == nil {
		var err error
		k.Suspects, err = c.suspects(ctx, repo, &k)
		failed = errors.Join(failed, err)
	}
	if d.Verdict == Proceed && (over || decided) && k.Gate == policy.PostDeployment {
		failed = errors.Join(failed, c.Store.Put(ctx, bucketHealthy, healthyName(&k), []byte(k.Head), time.Time{}))
	}
	late := d.Verdict == Undecided && k.Replaced == "" && now.Before(k.Deadline.Add(lateness))
	k.Done = decided || over && !late
	return errors.Join(failed, c.conclude(ctx, repo, &k, d, now))
}

// lateness is how long after the deadline of a deployment an answer still
// counts that could not be had before: the answer holds the problems of the last
// twelve hours, so it shows the whole window.
const lateness = time.Hour

// watch takes one sample of a deployment.
func (c *Checker) watch(ctx context.Context, repo *plan.Repository, k *Case, now time.Time) (d Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = Decision{Why: "an error of this program", Services: k.Services}, fmt.Errorf("panic: %v", p)
		}
	}()
	if k.Gate == policy.Canary {
		k.Services = sides(repo, k.Environment)
		return c.canary(ctx, repo, k, now)
	}
	k.Services = Deployed(repo, k.Environment)
	snap := c.Source.Problems(ctx, now)
	k.Quality, k.Asked = snap.Quality.String(), []Question{snap.Question}
	silent := ""
	if !now.Before(k.Deadline) {
		silent = c.silent(ctx, repo, k, now)
	}
	d, k.Health = After(repo, k.Services, snap, k.Opened, k.Deadline, k.Failing, silent, now)
	critical := slices.ContainsFunc(k.Health, func(h Health) bool { return h.Verdict == Block })
	switch {
	case !critical:
		k.Failing = time.Time{}
	case k.Failing.IsZero():
		k.Failing = now
	}
	return d, nil
}

// silent says why nothing shows that a deployment did anything. That takes
// reading spans, of which there are many: while there are none, they are looked
// for again after a twelfth of the window, and at its end.
func (c *Checker) silent(ctx context.Context, repo *plan.Repository, k *Case, now time.Time) string {
	if c.Telemetry == nil {
		return "nothing tells whether the new version did anything"
	}
	window := k.Deadline.Sub(k.Opened)
	ended := !now.Before(k.Deadline) && k.SilentAt.Before(k.Deadline)
	if k.Silent != "" && !ended && now.Sub(k.SilentAt) < window/12 {
		return k.Silent
	}
	why, asked := c.Telemetry.Silent(ctx, repo, k.Services, k.Opened)
	k.Asked = append(k.Asked, asked)
	k.Silent, k.SilentAt = why, now
	return why
}

// release judges a deployment that has not begun. What was allowed for the pull
// request that brought its commit holds for it too, or the fix that the gate let
// through would be held back here.
func (c *Checker) release(ctx context.Context, repo *plan.Repository, k *Case, now time.Time) (Decision, error) {
	rule, ch := repo.Config.Gate(k.Gate), &change{repo: k.Repo, head: k.Head, environment: k.Environment}
	d, err := c.decide(ctx, repo, k, ch, rule, now)
	if d.Verdict == Proceed || d.Verdict == Warn {
		return d, err
	}
	for _, pull := range c.merged(ctx, repo, k.Head) {
		ch.pull = &pull
		if one, failed := c.decide(ctx, repo, k, ch, rule, now); failed == nil {
			c.lower(ctx, k, &one, &pull, now)
			if one.Verdict == Proceed || one.Verdict == Warn {
				return one, err
			}
		}
	}
	return d, err
}

// merged returns the pull requests that brought a commit into the branch that is
// deployed. What is not known allows nothing.
func (c *Checker) merged(ctx context.Context, repo *plan.Repository, head forge.SHA) []forge.PullRequest {
	pulls, err := c.Host.PullsWith(ctx, repo.Repo, head)
	if err != nil {
		c.Log.Warn("pull requests not known", "repo", repo.Repo.String(), "sha", string(head), "err", err)
		return nil
	}
	return slices.DeleteFunc(slices.Clone(pulls), func(p forge.PullRequest) bool { return !p.Merged || p.Base != repo.Branch })
}

// mostReports is how many reports a protection rule gets before its answer:
// GitHub takes ten.
// https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules
const mostReports = 9

// rule answers a protection rule: approved as soon as the gate lets pass,
// rejected at the deadline only, since neither can be taken back. Until then
// each change is a report.
func (c *Checker) rule(ctx context.Context, repo *plan.Repository, k Case, now time.Time) error {
	var d Decision
	var failed error
	known := knows(repo, k.Environment)
	if known {
		d, failed = c.release(ctx, repo, &k, now)
	} else {
		d = Decision{Verdict: Block, Why: fmt.Sprintf("%s does not name the environment %.60q", policy.File, k.Environment)}
	}
	k.Rows, k.Verdict, k.Judged = d.Rows, d.Verdict, now
	if d.Verdict == Block && len(k.Rows) > 0 {
		k.Evidence = k.Rows
	}
	k.sample(d.Verdict, k.Quality, now)
	config := repo.Config
	if config == nil {
		config = &policy.Config{Version: 1}
	}
	k.Why = k.settle(config, d, now)
	over := !now.Before(k.Deadline)
	state := ""
	switch {
	case known && k.State == forge.Success:
		state = "approved"
	case over:
		state = "rejected"
	}
	k.Done = state != ""
	// An answer that the host does not take leaves the case waiting: right after
	// its event a rule may not be there yet.
	comment := c.comment(k)
	if k.Done || comment != k.Reported && k.Reports < mostReports {
		if err := c.Host.AnswerRule(ctx, k.Repo, k.Run, k.Environment, state, comment); err != nil {
			k.Done = false
			failed = errors.Join(failed, err)
		} else {
			k.Reports, k.Reported = k.Reports+1, comment
		}
	}
	c.Log.Info("gate", "gate", "protection rule", "repo", k.Repo.String(), "run", k.Run, "environment", k.Environment, "verdict", k.Verdict.String(), "answer", state, "reason", k.Why)
	return errors.Join(failed, c.save(ctx, &k, now))
}
