package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
)

// Open lists the open pull requests of a repository.
type Open interface {
	OpenPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
}

// Reconcile judges every open pull request of repos again: webhooks make a gate
// fast, this makes it right. Pull requests for another branch than the default
// one deploy nothing and are left out. One that cannot be judged does not hold
// up the others. Dynatrace is asked once, and only if a change touches anything.
func (c *Checker) Reconcile(ctx context.Context, open Open, repos []*plan.Repository) error {
	var errs []error
	ask := sync.OnceValue(func() snapshot { return c.open(ctx) })
	for _, repo := range repos {
		if !wanted(repo) {
			continue
		}
		pulls, err := open.OpenPulls(ctx, repo.Repo)
		errs = append(errs, err)
		for _, p := range pulls {
			if p.Base != repo.Branch {
				continue
			}
			if _, err := c.judge(ctx, repo, p, ask); err != nil {
				errs = append(errs, fmt.Errorf("gate of %s#%d: %w", p.Repo, p.Number, err))
			}
		}
	}
	return errors.Join(errs...)
}
