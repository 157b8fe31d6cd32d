package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/prose"
)

// Pulls is what judging asks of the code host.
type Pulls interface {
	// OurPulls returns the open pull requests of this App in a repository.
	OurPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
	SetStatus(ctx context.Context, repo forge.Repo, head forge.SHA, s forge.CommitStatus) error
	AddLabels(ctx context.Context, repo forge.Repo, number int, labels ...forge.Label) error
}

// Judge looks again at the open pull requests of repos in the light of a
// report, and keeps salve/remediation true on each: success while the change
// would be proposed again as it stands, failure once something speaks against
// it, pending once its problems have closed.
//
// It judges only by what it knows: without a complete answer nothing is called
// closed.
func Judge(ctx context.Context, pulls Pulls, repos []*plan.Repository, report Report) error {
	var errs []error
	for _, repo := range repos {
		if !repo.Writes().None() {
			continue
		}
		open, err := pulls.OurPulls(ctx, repo.Repo)
		errs = append(errs, err)
		for _, p := range open {
			errs = append(errs, judge(ctx, pulls, repo, p, report))
		}
	}
	return errors.Join(errs...)
}

func judge(ctx context.Context, pulls Pulls, repo *plan.Repository, p forge.PullRequest, report Report) error {
	m, ok := forge.ParseMarker(p.Body)
	if !ok || len(m.Problems) == 0 || report.planned(m.Key) {
		return nil // not ours to judge, or proposed again a moment ago
	}
	s := forge.CommitStatus{Context: forge.ContextRemediation}
	switch why := report.reason(m.Key); {
	case why != "":
		s.State, s.Description = forge.Failure, prose.Status("no longer right: "+why)
	case report.Quality == dql.OK && report.closed(m.Problems):
		s.State, s.Description = forge.Pending, "the problem has closed; merge it if it should not come back"
		label := prose.Label(repo.Config.Labels.Prefix, "problem-closed")
		if !slices.Contains(p.Labels, label.Name) {
			if err := pulls.AddLabels(ctx, repo.Repo, p.Number, label); err != nil {
				return fmt.Errorf("label %s#%d: %w", repo.Repo, p.Number, err)
			}
		}
	default:
		return nil
	}
	return pulls.SetStatus(ctx, repo.Repo, p.Head, s)
}

// planned reports whether a cycle planned the change of a key.
func (r Report) planned(key string) bool {
	return slices.ContainsFunc(r.Plans, func(p Planned) bool { return p.Proposal.Key == key })
}

// reason is why a cycle did not plan the change of a key again, "" if it had
// nothing to say about it.
func (r Report) reason(key string) string {
	for _, d := range r.Decisions {
		if d.Key == key && !d.Reason.None() {
			return d.Reason.Text
		}
	}
	return ""
}

// closed reports whether no problem of a pull request is active any more.
func (r Report) closed(events []string) bool {
	return !slices.ContainsFunc(r.Decisions, func(d Decision) bool {
		return d.Problem.Active && slices.Contains(events, string(d.Problem.Event))
	})
}
