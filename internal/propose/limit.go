package propose

import (
	"context"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
)

// A budget is what the limits of one repository count: pull requests that are
// open, and those among them that were opened within the hour.
type budget struct {
	branches   map[string]forge.PullRequest
	open, hour int
}

// Limits remember what was counted in each repository, for tasks that are done
// in a row. They start empty.
type Limits map[forge.Repo]*budget

// of counts what is open in a repository, once.
func (c Limits) of(ctx context.Context, pulls Pulls, repo forge.Repo, now time.Time) (*budget, error) {
	if b := c[repo]; b != nil {
		return b, nil
	}
	open, err := pulls.OurPulls(ctx, repo)
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

// allow returns why the pull request of a branch may not be opened with a body
// now. One that is open already may always be kept up to date.
//
// Several changes of one service are several pull requests, of which limits let
// one after the other through. They are not put into one: each has a life of its
// own. Its problems close, people say no to it, its value changes otherwise, it
// turns out to help or not; what one pull request holds can only be merged,
// closed and judged as a whole.
func (b *budget) allow(limits policy.Limits, branch, body string, now time.Time) policy.Reason {
	if _, there := b.branches[branch]; there {
		return policy.Reason{}
	}
	service := 0
	if m, ok := forge.ParseMarker(body); ok && m.Subject != "" {
		for _, p := range b.branches {
			if have, ok := forge.ParseMarker(p.Body); ok && have.Subject == m.Subject {
				service++
			}
		}
	}
	return limits.Allow(b.open, service, b.hour, now)
}

// opened counts a pull request that was not there when the budget was made.
func (b *budget) opened(p forge.PullRequest) {
	b.branches[p.Branch] = p
	b.open++
	b.hour++
}
