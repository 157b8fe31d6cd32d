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

// Due judges every case again that waits for something: a clean stretch, a
// second sample, the end of a window, a deadline. It is for a schedule of one
// minute, and costs nothing while nothing waits.
func (c *Checker) Due(ctx context.Context, now time.Time) error {
	var errs []error
	var ids []string
	for id, err := range c.Store.Each(ctx, bucketLive) {
		if err != nil {
			return err
		}
		ids = append(ids, string(id))
	}
	for _, id := range ids {
		k, found, err := c.Case(ctx, id)
		switch {
		case err != nil:
			errs = append(errs, err)
		case !found:
			errs = append(errs, c.Store.Delete(ctx, bucketLive, id))
		default:
			if err := c.again(ctx, k, now); err != nil {
				errs = append(errs, fmt.Errorf("gate %s of %s@%s: %w", k.Gate, k.Repo, k.Head.Short(), err))
			}
		}
	}
	return errors.Join(errs...)
}

// groupLife bounds how long a merge group is judged again: GitHub gives up on
// one after six hours at most.
// https://docs.github.com/en/rest/repos/rules
const groupLife = 6 * time.Hour

// again judges a case that waits.
func (c *Checker) again(ctx context.Context, k Case, now time.Time) error {
	switch {
	case k.Environment != "":
		repo, err := c.Estate.Repository(ctx, k.Repo, k.Base)
		if err != nil {
			return err
		}
		return c.deployment(ctx, repo, k, now)
	case k.Ref != "" && now.Sub(k.Opened) > groupLife:
		return c.Store.Delete(ctx, bucketLive, k.ID)
	case k.Ref != "":
		_, err := c.Merge(ctx, forge.Event{Repo: k.Repo, Head: k.Head, Base: k.Base, BaseSHA: k.BaseSHA, Ref: k.Ref}, now)
		return err
	}
	pull, err := c.Host.Pull(ctx, k.Repo, k.Pull)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return err
	}
	if err != nil || !pull.Open || pull.Head != k.Head {
		return c.Store.Delete(ctx, bucketLive, k.ID)
	}
	_, err = c.Check(ctx, pull, now)
	return err
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
	k, found, err := c.deployed(ctx, policy.GateName(name), e.Head, "")
	if err == nil && !found {
		k, found, err = c.Case(ctx, c.caseID(policy.GateName(name), e.Repo, e.Head, "", 0))
	}
	if err != nil {
		return err
	}
	if !found || k.Repo != e.Repo { // never judged: nobody but us may say that it passed
		return c.Host.SetStatus(ctx, e.Repo, e.Head, forge.CommitStatus{
			Context: "salve/" + name, State: forge.Pending,
			Description: prose.Status("a status that " + e.Status.Creator + " set does not count; waiting for Salve's own"),
		})
	}
	k.Said = ""
	return errors.Join(c.tell(ctx, &k, k.Why, now), c.save(ctx, &k, now))
}

// Rerun answers the button on a check run: whoever may write has the commit
// judged again.
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
	return errors.Join(errs...)
}
