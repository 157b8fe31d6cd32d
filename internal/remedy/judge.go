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
	// Hold takes back that the host merges a pull request by itself, if this App
	// had asked for that.
	Hold(ctx context.Context, p forge.PullRequest) error
	// Ours reports whether every commit of a pull request is this App's.
	Ours(ctx context.Context, p forge.PullRequest) (bool, error)
	// ClosePull closes a pull request with a comment, and deletes its branch.
	ClosePull(ctx context.Context, repo forge.Repo, number int, comment string) error
}

// Judge looks again at the open pull requests of repos that no task of a report
// is about, and keeps salve/remediation true on each: pending once its problems
// have closed. One whose problems stayed away for [Quiet] is closed. Of the
// others their task says success while the change would be proposed again as it
// stands, and failure once something speaks against it.
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
	switch {
	case report.answered(m.Key):
		return nil
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

// answered reports whether the change of a key is somebody's task: whoever
// takes it up says on the pull request what came of it.
func (r Report) answered(key string) bool {
	return slices.ContainsFunc(r.Tasks, func(t Task) bool { return t.Key == key })
}

// active reports whether a problem of a pull request is open.
func (r Report) active(events []string) bool {
	return slices.ContainsFunc(r.Decisions, func(d Decision) bool {
		return d.Problem.Active && slices.Contains(events, string(d.Problem.Event))
	})
}
