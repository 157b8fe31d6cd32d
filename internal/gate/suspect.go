package gate

import (
	"context"
	"errors"
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
	URL    string   // of the pull request, for people
	Ties   []string // why it may be the cause: "changes checkout (k8s/checkout.yaml)"
}

// maxSuspects bounds the list, and how much the code host is asked for it.
const maxSuspects = 20

// maxAsked bounds for how many commits the pull request is asked for: one that
// was merged with all its commits costs as many questions.
const maxAsked = 60

// suspects lists what was deployed since the last healthy deployment, the
// newest first; what ties a pull request to a problem comes with it. What is not
// known is said in place of it.
func (c *Checker) suspects(ctx context.Context, repo *plan.Repository, k *Case) ([]Suspect, error) {
	only := func(why string) []Suspect { return []Suspect{{SHA: k.Head, Title: "the deployed commit; " + why}} }
	text, found, err := c.Store.Get(ctx, bucketHealthy, healthyName(k))
	base := forge.SHA(text)
	switch {
	case err != nil:
		return only("the last healthy deployment is not known"), err
	case !found:
		return only("no healthy deployment before it is known"), nil
	case base == k.Head:
		return only("it was healthy when it was deployed before"), nil
	}
	diff, err := c.Host.Compare(ctx, k.Repo, base, k.Head)
	if err != nil {
		return only("what it has that " + base.Short() + " had not is not known"), err
	}
	if len(diff.Commits) == 0 {
		return only("it has nothing that " + base.Short() + " had not, which was healthy"), nil
	}
	commits := slices.Clone(diff.Commits)
	slices.Reverse(commits)
	var out []Suspect
	if commits[0].SHA != k.Head {
		out = only("more was deployed since " + base.Short() + " than is listed")
	}
	var errs []error
	for i, commit := range commits {
		if len(out) == maxSuspects || i == maxAsked {
			break
		}
		s, err := c.suspect(ctx, repo, k, commit)
		errs = append(errs, err)
		if s.Pull == 0 || !slices.ContainsFunc(out, func(o Suspect) bool { return o.Pull == s.Pull }) {
			out = append(out, s)
		}
	}
	return out, errors.Join(errs...)
}

// suspect finds the pull request that brought a commit, and what ties it to a
// problem.
func (c *Checker) suspect(ctx context.Context, repo *plan.Repository, k *Case, commit forge.Commit) (Suspect, error) {
	s := Suspect{SHA: commit.SHA, Author: commit.Author, Title: prose.Plain(commit.Title), At: commit.At}
	pulls, err := c.Host.PullsWith(ctx, k.Repo, commit.SHA)
	for _, p := range pulls {
		if p.Merged {
			s.Pull, s.Title, s.Author, s.At, s.URL = p.Number, prose.Plain(p.Title), p.Author, p.MergedAt, p.URL
		}
	}
	if err != nil || s.Pull == 0 {
		return s, err
	}
	s.Ties, err = c.ties(ctx, repo, k, s.Pull)
	return s, err
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
