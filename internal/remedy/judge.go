package remedy

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
	known := report.judgement()
	for _, repo := range repos {
		if !repo.Writes().None() {
			errs = append(errs, holdAll(ctx, pulls, repo))
			continue
		}
		open, err := pulls.OurPulls(ctx, repo.Repo)
		errs = append(errs, err)
		for _, p := range open {
			errs = append(errs, judge(ctx, pulls, repo, p, known, now))
		}
	}
	return errors.Join(errs...)
}

// holdAll takes back what the host was asked to merge by itself in a repository
// that has come to say dry-run: true, or whose configuration cannot be read any
// more: nothing of ours is to go on there. (One without any configuration is not
// looked at.)
func holdAll(ctx context.Context, pulls Pulls, repo *plan.Repository) error {
	if repo.Config == nil && len(repo.Faults) == 0 {
		return nil
	}
	open, err := pulls.OurPulls(ctx, repo.Repo)
	errs := []error{err}
	for _, p := range open {
		errs = append(errs, pulls.Hold(ctx, p))
	}
	return errors.Join(errs...)
}

func judge(ctx context.Context, pulls Pulls, repo *plan.Repository, p forge.PullRequest, known judgement, now time.Time) error {
	if p.Branch == forge.ConfigureBranch {
		return withdraw(ctx, pulls, p)
	}
	m, ok := forge.ParseMarker(p.Body)
	if !ok || len(m.Problems) == 0 {
		return nil // not ours to judge
	}
	gone := prose.Label(repo.Config.Labels.Prefix, "problem-closed")
	active := slices.ContainsFunc(m.Problems, func(event string) bool { return known.active[event] })
	if active && slices.Contains(p.Labels, gone.Name) {
		if err := pulls.RemoveLabel(ctx, repo.Repo, p.Number, gone.Name); err != nil {
			return fmt.Errorf("label %s#%d: %w", repo.Repo, p.Number, err)
		}
	}
	switch {
	case known.answered[plan.KeyIn(repo.Repo, m.Key)]:
		return nil
	case known.complete && !active:
		if err := quiet(ctx, pulls, p, now); err != nil || slices.Contains(p.Labels, gone.Name) {
			return err
		}
		if err := pulls.AddLabels(ctx, repo.Repo, p.Number, gone); err != nil {
			return fmt.Errorf("label %s#%d: %w", repo.Repo, p.Number, err)
		}
	}
	return nil
}

// withdraw closes the offer of a configuration where there is one by now.
func withdraw(ctx context.Context, pulls Pulls, p forge.PullRequest) error {
	ours, err := pulls.Ours(ctx, p)
	if err != nil || !ours {
		return err
	}
	return pulls.ClosePull(ctx, p.Repo, p.Number, "The repository has a configuration by now.")
}

// A judgement is what a report says about open pull requests.
type judgement struct {
	answered map[string]bool // by key: whoever takes the task up says what came of it
	active   map[string]bool // by event.id: the problem is open
	complete bool            // a problem that is not there has closed
}

func (r Report) judgement() judgement {
	j := judgement{answered: map[string]bool{}, active: map[string]bool{}, complete: r.Complete()}
	for _, t := range r.Tasks {
		j.answered[t.Key] = true
	}
	for _, d := range r.Decisions {
		if d.Problem.Active {
			j.active[string(d.Problem.Event)] = true
		}
	}
	return j
}
