package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
)

// Due judges every case again that waits for something: a clean stretch, a
// second sample, the end of a window, a deadline. It is for a schedule of one
// minute, and costs nothing while nothing waits. A repository is read once, and
// its pull requests are listed together where several wait.
func (c *Checker) Due(ctx context.Context, now time.Time) error {
	var errs []error
	waiting := map[forge.Repo][]Case{}
	var order []forge.Repo
	for id, err := range c.Store.Each(ctx, bucketLive) {
		if err != nil {
			return err
		}
		k, found, err := c.Case(ctx, string(id))
		switch {
		case err != nil:
			errs = append(errs, err)
		case !found:
			errs = append(errs, c.Store.Delete(ctx, bucketLive, string(id)))
		default:
			if waiting[k.Repo] == nil {
				order = append(order, k.Repo)
			}
			waiting[k.Repo] = append(waiting[k.Repo], k)
		}
	}
	for _, repo := range order {
		r := round{Checker: c, now: now, read: map[string]*plan.Repository{}, done: map[forge.SHA]bool{}}
		errs = append(errs, r.all(ctx, repo, waiting[repo])...)
	}
	return errors.Join(errs...)
}

// A round judges the cases of one repository that wait.
type round struct {
	*Checker
	now  time.Time
	read map[string]*plan.Repository // by branch
	open map[int]forge.PullRequest   // nil until they are listed
	done map[forge.SHA]bool          // heads of pull requests and merge groups, which have two gates
}

// listsFrom is how many waiting pull requests are cheaper to list than to read
// one by one. A list has a hundred on a page.
const listsFrom = 3

func (r *round) all(ctx context.Context, repo forge.Repo, cases []Case) (errs []error) {
	heads := map[forge.SHA]bool{}
	for _, k := range cases {
		if k.Environment == "" && k.Ref == "" {
			heads[k.Head] = true
		}
	}
	if len(heads) >= listsFrom {
		pulls, err := r.Host.OpenPulls(ctx, repo)
		if err != nil {
			return []error{err}
		}
		r.open = map[int]forge.PullRequest{}
		for _, p := range pulls {
			r.open[p.Number] = p
		}
	}
	for _, k := range cases {
		if err := r.again(ctx, k); err != nil {
			errs = append(errs, fmt.Errorf("gate %s of %s@%s: %w", k.Gate, k.Repo, k.Head.Short(), err))
		}
	}
	return errs
}

// groupLife bounds how long a merge group is judged again: GitHub gives up on
// one after six hours at most.
// https://docs.github.com/en/rest/repos/rules
const groupLife = 6 * time.Hour

// again judges a case that waits.
func (r *round) again(ctx context.Context, k Case) error {
	if k.Environment == "" && r.done[k.Head] {
		return nil
	}
	if k.Ref != "" && r.now.Sub(k.Opened) > groupLife {
		return r.Store.Delete(ctx, bucketLive, k.ID)
	}
	repo, err := r.repository(ctx, k)
	if err != nil {
		return err
	}
	if k.Environment != "" {
		return r.deployment(ctx, repo, k, r.now)
	}
	if k.Ref == "" {
		pull, open, err := r.pull(ctx, k)
		switch {
		case err != nil:
			return err
		case !open || pull.Head != k.Head:
			return r.Store.Delete(ctx, bucketLive, k.ID)
		}
		r.done[k.Head] = true
		_, err = r.check(ctx, repo, pull, r.now)
		return err
	}
	r.done[k.Head] = true
	_, err = r.merge(ctx, repo, forge.Event{Repo: k.Repo, Head: k.Head, Base: k.Base, BaseSHA: k.BaseSHA, Ref: k.Ref}, r.now)
	return err
}

// repository reads the branch whose configuration decides about a case.
func (r *round) repository(ctx context.Context, k Case) (*plan.Repository, error) {
	if repo := r.read[k.Base]; repo != nil {
		return repo, nil
	}
	repo, err := r.Estate.Repository(ctx, k.Repo, k.Base)
	if err == nil {
		r.read[k.Base] = repo
	}
	return repo, err
}

// pull returns the pull request of a case, and whether it is still open.
func (r *round) pull(ctx context.Context, k Case) (pull forge.PullRequest, open bool, err error) {
	if r.open != nil {
		pull, open = r.open[k.Pull]
		return pull, open, nil
	}
	pull, err = r.Host.Pull(ctx, k.Repo, k.Pull)
	if errors.Is(err, forge.ErrNotFound) {
		return pull, false, nil
	}
	return pull, pull.Open, err
}
