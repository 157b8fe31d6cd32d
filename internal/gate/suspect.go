package gate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/prose"
)

// A Suspect is a commit that came with a deployment that failed, or the pull
// request that brought it: what one would take back.
type Suspect struct {
	SHA    forge.SHA
	Author string // login
	Title  string
	At     time.Time
	Pull   int      // 0 for a commit without one
	Ties   []string // why it may be the cause: "changes checkout (k8s/checkout.yaml)"
}

// maxSuspects bounds the list, and how much the code host is asked for it.
const maxSuspects = 20

// suspects lists what was deployed since the last healthy deployment, the
// newest first; what ties a pull request to a problem comes with it. Where no
// deployment was ever healthy, only the deployed commit is known.
func (c *Checker) suspects(ctx context.Context, repo *plan.Repository, k *Case) ([]Suspect, error) {
	base, found, err := c.Store.Get(ctx, bucketHealthy, healthyName(k))
	if err != nil {
		return nil, err
	}
	if !found || forge.SHA(base) == k.Head {
		return []Suspect{{SHA: k.Head, Title: "the deployed commit; no healthy deployment before it is known"}}, nil
	}
	diff, err := c.Host.Compare(ctx, k.Repo, forge.SHA(base), k.Head)
	if err != nil {
		return nil, err
	}
	commits := slices.Clone(diff.Commits)
	slices.Reverse(commits)
	var out []Suspect
	for _, commit := range commits {
		if len(out) == maxSuspects {
			break
		}
		s := Suspect{SHA: commit.SHA, Author: commit.Author, Title: prose.Plain(commit.Title), At: commit.At}
		pulls, err := c.Host.PullsWith(ctx, k.Repo, commit.SHA)
		if err != nil {
			return out, err
		}
		for _, p := range pulls {
			if p.Merged {
				s.Pull, s.Title, s.Author, s.At = p.Number, prose.Plain(p.Title), p.Author, p.MergedAt
			}
		}
		if s.Pull > 0 && slices.ContainsFunc(out, func(o Suspect) bool { return o.Pull == s.Pull }) {
			continue
		}
		if s.Pull > 0 {
			if s.Ties, err = c.ties(ctx, repo, k, s.Pull); err != nil {
				return out, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// ties says which services with problems a pull request changes.
func (c *Checker) ties(ctx context.Context, repo *plan.Repository, k *Case, number int) ([]string, error) {
	paths, err := c.Host.ChangedPaths(ctx, k.Repo, number)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range Touched(repo, paths) {
		i := slices.IndexFunc(k.Rows, func(r Row) bool { return r.Service == s.Name })
		if i >= 0 {
			out = append(out, fmt.Sprintf("changes %s (%s), which has %s", s.Name, s.By, k.Rows[i].Problem))
			continue
		}
		if slices.ContainsFunc(k.Kinds, func(kind Kind) bool { return kind.Service == s.Name && kind.Verdict == Block }) {
			out = append(out, fmt.Sprintf("changes %s (%s), whose canary is worse", s.Name, s.By))
		}
	}
	return out, nil
}

func healthyName(k *Case) string { return digest(k.Repo.String(), k.Environment) }
