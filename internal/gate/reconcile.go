package gate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// Reconcile judges every open pull request of repos again: webhooks make a gate
// fast, this makes it right. Pull requests for another branch than the default
// one deploy nothing and are left out. One that cannot be judged does not hold
// up the others. Dynatrace is asked once, and only if a change touches anything.
func (c *Checker) Reconcile(ctx context.Context, repos []*plan.Repository, now time.Time) error {
	var errs []error
	for _, repo := range repos {
		if !wanted(repo) {
			continue
		}
		pulls, err := c.Host.OpenPulls(ctx, repo.Repo)
		errs = append(errs, err)
		for _, p := range pulls {
			if p.Base != repo.Branch {
				continue
			}
			if _, err := c.check(ctx, repo, p, now); err != nil {
				errs = append(errs, fmt.Errorf("gate of %s#%d: %w", p.Repo, p.Number, err))
			}
		}
	}
	return errors.Join(errs...)
}

// wanted reports whether a repository has a gate before merging, or might.
func wanted(repo *plan.Repository) bool {
	if repo.Config == nil {
		return len(repo.Faults) > 0
	}
	return repo.Config.Gate(policy.PreDeployment).Mode != policy.Off || repo.Config.Gate(policy.Risk).Mode != policy.Off
}

// queued finds the pull request that a merge group was made for in the name of
// its branch: gh-readonly-queue/main/pr-7-<commit>.
var queued = regexp.MustCompile(`^refs/heads/gh-readonly-queue/.+/pr-([0-9]{1,9})-[0-9a-f]{40,64}$`)

// Merge judges a merge group, by the files in which it differs from its base.
// A queue without an answer merges nothing.
func (c *Checker) Merge(ctx context.Context, e forge.Event, now time.Time) (Case, error) {
	repo, err := c.Estate.Repository(ctx, e.Repo, e.Base)
	if err != nil {
		return Case{}, fmt.Errorf("read %s: %w", e.Repo, err)
	}
	return c.merge(ctx, repo, e, now)
}

func (c *Checker) merge(ctx context.Context, repo *plan.Repository, e forge.Event, now time.Time) (Case, error) {
	if repo.Config == nil {
		return Case{}, c.broken(ctx, repo, e.Repo, e.Head)
	}
	ch := &change{repo: e.Repo, head: e.Head, base: e.Base, baseSHA: e.BaseSHA, ref: e.Ref, paths: func(ctx context.Context) ([]string, error) {
		diff, err := c.Host.Compare(ctx, e.Repo, e.BaseSHA, e.Head)
		if err != nil {
			return nil, err
		}
		if diff.Truncated {
			return everything(repo), nil
		}
		return diff.Paths, nil
	}}
	// What was allowed for the pull request holds in the queue: GitHub ends the
	// group when the pull request changes.
	if m := queued.FindStringSubmatch(e.Ref); m != nil {
		if number, err := strconv.Atoi(m[1]); err == nil {
			if pull, err := c.Host.Pull(ctx, e.Repo, number); err == nil {
				pull.Number, pull.Head = number, e.Head
				ch.pull = &pull
			}
		}
	}
	return c.change(ctx, repo, ch, now)
}

// everything lists the files of all services: what a change touches whose files
// are too many to be listed.
func everything(repo *plan.Repository) []string {
	var out []string
	for _, w := range repo.Workloads() {
		out = append(out, w.File)
	}
	for _, s := range repo.Config.Services {
		for _, p := range s.Owns {
			for _, file := range []string{p.Values, p.Config, p.File} {
				if file != "" {
					out = append(out, file)
				}
			}
		}
	}
	return out
}

// Forged answers a status event: a status of ours that somebody else set is
// logged, and overwritten by the verdict that stands.
func (c *Checker) Forged(ctx context.Context, e forge.Event, now time.Time) error {
	name, ours := strings.CutPrefix(strings.ToLower(e.Status.Context), "salve/")
	if !ours || strings.EqualFold(e.Status.Creator, c.App) {
		return nil
	}
	c.Log.Warn("forged status", "repo", e.Repo.String(), "sha", string(e.Head), "context", e.Status.Context, "state", string(e.Status.State), "by", e.Status.Creator)
	if checkNames[policy.GateName(name)] == "" {
		return nil
	}
	k, found, err := c.told(ctx, e.Repo, policy.GateName(name), e.Head)
	if err != nil {
		return err
	}
	if !found { // never judged: nobody but us may say that it passed
		return c.Host.SetStatus(ctx, e.Repo, e.Head, forge.CommitStatus{
			Context: "salve/" + name, State: forge.Pending,
			Description: prose.Status("a status that " + e.Status.Creator + " set does not count; waiting for Salve's own"),
		})
	}
	defer c.Turns.take(k.ID)()
	if k, _, err = c.Case(ctx, k.ID); err != nil {
		return err
	}
	k.Said = ""
	return errors.Join(c.tell(ctx, &k, k.Why, now), c.save(ctx, &k, now))
}

// told returns a case that a status of a commit speaks of.
func (c *Checker) told(ctx context.Context, repo forge.Repo, gate policy.GateName, head forge.SHA) (Case, bool, error) {
	all, err := c.everywhere(ctx, repo, gate, head)
	if err != nil || len(all) > 0 {
		return append(all, Case{})[0], len(all) > 0, err
	}
	return c.Case(ctx, c.caseID(gate, repo, head, "", 0))
}

// Rerun answers the button on a check run: whoever may write has the commit
// judged again. A deployment that was judged stays so; one of which nothing
// could be found out is looked at again.
func (c *Checker) Rerun(ctx context.Context, e forge.Event, now time.Time) error {
	may, err := c.Host.Permission(ctx, e.Repo, e.Sender)
	if err != nil {
		return err
	}
	if may < forge.PermissionWrite {
		c.Log.Warn("rerun refused", "repo", e.Repo.String(), "sha", string(e.Head), "by", e.Sender, "permission", may.String())
		return nil
	}
	pulls, err := c.Host.OpenPulls(ctx, e.Repo)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range pulls {
		if p.Head == e.Head {
			_, err := c.Check(ctx, p, now)
			errs = append(errs, err)
		}
	}
	for _, name := range gates {
		k, found, err := c.told(ctx, e.Repo, name, e.Head)
		errs = append(errs, err)
		switch {
		case !found:
		case k.Environment != "":
			errs = append(errs, c.lookAgain(ctx, e, name, now))
		case k.Ref != "" && name == policy.PreDeployment: // both gates of a merge group
			_, err := c.Merge(ctx, forge.Event{Repo: k.Repo, Head: k.Head, Base: k.Base, BaseSHA: k.BaseSHA, Ref: k.Ref}, now)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// remembers is how long ago a deployment may have been to be judged from what
// Dynatrace is asked for, which is the problems of twelve hours.
const remembers = 11 * time.Hour

// lookAgain judges the deployments of a commit of which nothing is known.
func (c *Checker) lookAgain(ctx context.Context, e forge.Event, name policy.GateName, now time.Time) error {
	all, err := c.everywhere(ctx, e.Repo, name, e.Head)
	errs := []error{err}
	for _, k := range all {
		if k.Done && k.Verdict != Undecided || now.Sub(k.Opened) > remembers {
			continue
		}
		repo, err := c.Estate.Repository(ctx, k.Repo, k.Base)
		k.Done = false
		if err == nil {
			err = c.save(ctx, &k, now)
		}
		if err == nil {
			err = c.deployment(ctx, repo, k, now)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
