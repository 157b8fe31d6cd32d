package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
)

// A Lister knows the open pull requests of this App in a repository, and says
// on them what speaks against them.
type Lister interface {
	OurPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
	SetStatus(ctx context.Context, repo forge.Repo, head forge.SHA, s forge.CommitStatus) error
}

// A budget is what the limits of one repository count: pull requests that are
// open, and those among them that were opened within the hour.
type budget struct {
	branches   map[string]forge.PullRequest
	open, hour int
}

// Budgets are those of the repositories that one process answers in a row.
type budgets map[forge.Repo]*budget

// of counts what is open in a repository, once.
func (c budgets) of(ctx context.Context, l Lister, repo forge.Repo, now time.Time) (*budget, error) {
	if b := c[repo]; b != nil {
		return b, nil
	}
	open, err := l.OurPulls(ctx, repo)
	if err != nil {
		return nil, fmt.Errorf("open pull requests of %s: %w", repo, err)
	}
	b := &budget{branches: map[string]forge.PullRequest{}, open: len(open)}
	for _, p := range open {
		b.branches[p.Branch] = p
		if now.Sub(p.CreatedAt) < time.Hour {
			b.hour++
		}
	}
	c[repo] = b
	return b, nil
}

// allow returns why no pull request may be opened for a branch now. One that is
// open already may always be kept up to date.
func (b *budget) allow(limits policy.Limits, branch string, now time.Time) policy.Reason {
	if _, there := b.branches[branch]; there {
		return policy.Reason{}
	}
	return limits.Allow(b.open, b.hour, now)
}

// opened counts a pull request that was not there when the budget was made.
func (b *budget) opened(p forge.PullRequest) {
	b.branches[p.Branch] = p
	b.open++
	b.hour++
}
