package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
)

// A Lister knows the open pull requests of this App in a repository.
type Lister interface {
	OurPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
}

// A budget is what the limits of one repository count in a cycle: pull requests
// that are open, and those among them that were opened within the hour.
type budget struct {
	branches   map[string]bool
	open, hour int
}

// budget counts what is open in a repository, once per cycle.
func (c *cases) budget(ctx context.Context, l Lister, repo forge.Repo, now time.Time) (*budget, error) {
	if b := c.budgets[repo]; b != nil {
		return b, nil
	}
	open, err := l.OurPulls(ctx, repo)
	if err != nil {
		return nil, fmt.Errorf("open pull requests of %s: %w", repo, err)
	}
	b := &budget{branches: map[string]bool{}, open: len(open)}
	for _, p := range open {
		b.branches[p.Branch] = true
		if now.Sub(p.CreatedAt) < time.Hour {
			b.hour++
		}
	}
	c.budgets[repo] = b
	return b, nil
}

// allow returns why no pull request may be opened for a branch now. One that is
// open already may always be kept up to date.
func (b *budget) allow(limits policy.Limits, branch string, now time.Time) policy.Reason {
	if b.branches[branch] {
		return policy.Reason{}
	}
	return limits.Allow(b.open, b.hour, now)
}

// opened counts a pull request of this cycle.
func (b *budget) opened(branch string) {
	b.branches[branch] = true
	b.open++
	b.hour++
}
