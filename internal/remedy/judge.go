package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
	RemoveLabel(ctx context.Context, repo forge.Repo, number int, name string) error
	// Statuses returns the latest status of each context of a commit.
	Statuses(ctx context.Context, repo forge.Repo, at forge.SHA) ([]forge.CommitStatus, error)
	// Ours reports whether every commit of a pull request is this App's.
	Ours(ctx context.Context, p forge.PullRequest) (bool, error)
	// ClosePull closes a pull request with a comment, and deletes its branch.
	ClosePull(ctx context.Context, repo forge.Repo, number int, comment string) error
}

// Judge looks again at the open pull requests of repos in the light of a
// report, and keeps salve/remediation true on each: success while the change
// would be proposed again as it stands, failure once something speaks against
// it, pending once its problems have closed. One whose problems stayed away for
// [Quiet] is closed.
//
// It judges only by what it knows: without a complete answer nothing is called
// closed.
func Judge(ctx context.Context, pulls Pulls, repos []*plan.Repository, report Report, now time.Time) error {
	var errs []error
	for _, repo := range repos {
		if !repo.Writes().None() {
			continue
		}
		open, err := pulls.OurPulls(ctx, repo.Repo)
		errs = append(errs, err)
		for _, p := range open {
			errs = append(errs, judge(ctx, pulls, repo, p, report, now))
		}
	}
	return errors.Join(errs...)
}

func judge(ctx context.Context, pulls Pulls, repo *plan.Repository, p forge.PullRequest, report Report, now time.Time) error {
	m, ok := forge.ParseMarker(p.Body)
	if !ok || len(m.Problems) == 0 {
		return nil // not ours to judge
	}
	gone := prose.Label(repo.Config.Labels.Prefix, "problem-closed")
	if report.active(m.Problems) && slices.Contains(p.Labels, gone.Name) {
		if err := pulls.RemoveLabel(ctx, repo.Repo, p.Number, gone.Name); err != nil {
			return fmt.Errorf("label %s#%d: %w", repo.Repo, p.Number, err)
		}
	}
	why := report.reason(m.Key)
	switch {
	case report.planned(m.Key):
		return nil // proposed again a moment ago
	case why != "":
		return pulls.SetStatus(ctx, repo.Repo, p.Head, forge.CommitStatus{
			Context: forge.ContextRemediation, State: forge.Failure, Description: prose.Status("no longer right: " + why),
		})
	case report.Quality == dql.OK && report.Unread == 0 && !report.active(m.Problems):
		if err := quiet(ctx, pulls, p, now); err != nil || slices.Contains(p.Labels, gone.Name) {
			return err
		}
		if err := pulls.AddLabels(ctx, repo.Repo, p.Number, gone); err != nil {
			return fmt.Errorf("label %s#%d: %w", repo.Repo, p.Number, err)
		}
	}
	return nil
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

// active reports whether a problem of a pull request is open.
func (r Report) active(events []string) bool {
	return slices.ContainsFunc(r.Decisions, func(d Decision) bool {
		return d.Problem.Active && slices.Contains(events, string(d.Problem.Event))
	})
}
