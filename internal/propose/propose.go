// Package propose carries one change from its place in a repository to a pull
// request: past what people wished, what came of it before, the rules of the
// repository and its limits. The use cases find the place; what happens to it
// then is the same for all of them.
package propose

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// A Proposer opens pull requests. Proposing the same key again returns the
// pull request that is already there.
type Proposer interface {
	Propose(ctx context.Context, p forge.Proposal) (forge.Opened, error)
}

// A Historian knows the pull requests that a branch had before, open ones left
// out.
type Historian interface {
	History(ctx context.Context, repo forge.Repo, branch string) ([]forge.PullRequest, error)
}

// Pulls knows the open pull requests of this App in a repository, and says on
// them what speaks against them.
type Pulls interface {
	OurPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
	SetStatus(ctx context.Context, repo forge.Repo, head forge.SHA, s forge.CommitStatus) error
	// Hold takes back that the host merges a pull request by itself, if this App
	// had asked for that.
	Hold(ctx context.Context, p forge.PullRequest) error
}

// A Maker makes proposals. All fields are required, but for Proposer and Pulls,
// without which it plans and does nothing, and Wishes.
type Maker struct {
	Planner  *plan.Planner
	History  Historian
	Proposer Proposer
	Pulls    Pulls
	Wishes   Wishes // of people; nil where there is no database

	mu   sync.Mutex
	told map[forge.Repo]forge.SHA // head that says what the rules forbid
}

// A Task is one proposal to make. It says what to look for and not what was
// found, so that whoever takes it up, later or in another process, plans at the
// head that the repository has then.
type Task struct {
	Key    string // of the proposal
	Repo   forge.Repo
	Base   string    // default branch
	Head   forge.SHA // of Base when the task was made
	Branch string    // of the proposal
	Remedy string
	Asked  time.Time // as of when it was right
}

// TaskOf is the task of changing a place, as of now.
func TaskOf(t plan.Target, now time.Time) Task {
	return Task{
		Key: t.Key(), Repo: t.Repo.Repo, Base: t.Repo.Branch, Head: t.Repo.SHA,
		Branch: t.Branch(), Remedy: t.Remedy.Name, Asked: now,
	}
}

// A Result is what came of a task.
type Result struct {
	Plan   plan.Plan     // zero if something spoke against it, the limits of the repository among it
	Reason policy.Reason // why there is no pull request; zero if there is one, or none was wanted
	Opened forge.Opened  // zero if none was wanted
}

// Make plans the change of a case and proposes it. Where a plan no longer holds
// and the pull request is open, its status says why; see [Maker.Object]. An
// error comes with a result whose reason says what could not be done.
func (m *Maker) Make(ctx context.Context, t Task, c plan.Case, limits Limits, now time.Time) (Result, error) {
	budget := &budget{}
	if m.Proposer != nil {
		var err error
		if budget, err = limits.of(ctx, m.Pulls, t.Repo, now); err != nil {
			return refused("not opened", err), err
		}
	}
	planned, why, err := m.plan(ctx, t, c, now)
	switch {
	case err != nil:
		return refused("could not be worked out", err), fmt.Errorf("plan %s: %w", t.Key, err)
	case !why.None():
		return Result{Reason: why}, m.Object(ctx, t, limits, why.Text, now)
	case m.Proposer == nil:
		return Result{Plan: planned}, nil
	}
	if why := budget.allow(c.Target.Repo.Config.Limits, t.Branch, planned.Proposal.Body, now); !why.None() {
		if now, err := m.urgent(ctx, t.Key); err != nil || !now {
			return Result{Reason: why}, err
		}
	}
	r := Result{Plan: planned}
	r.Opened, err = m.Proposer.Propose(ctx, planned.Proposal)
	if r.Opened.Action == forge.Created {
		budget.opened(r.Opened.Pull)
		err = errors.Join(err, m.permitted(ctx, c.Target.Repo))
	}
	r.Reason = outcome(r.Opened, err)
	var incomplete *forge.AnnotationError
	if errors.Is(err, forge.ErrRejected) && !errors.As(err, &incomplete) {
		said := m.forbidden(ctx, c.Target.Repo, r.Opened.Pull, err)
		if errors.As(err, new(*forge.RuleError)) {
			return r, said // nothing was written, so the next cycle may ask again
		}
		err = errors.Join(err, said)
	}
	if err != nil {
		return r, fmt.Errorf("propose %s: %w", t.Key, err)
	}
	return r, nil
}

// forbidden says which rule of the repository keeps a change from being
// proposed: on the head of the default branch, where owners look, or of the pull
// request that cannot be brought up to date. What is wrong with the configuration
// itself stands there first.
func (m *Maker) forbidden(ctx context.Context, repo *plan.Repository, pull forge.PullRequest, err error) error {
	text := err.Error()
	var broken *forge.RuleError
	if errors.As(err, &broken) {
		text = broken.Error()
	}
	if pull.Number != 0 {
		err := m.Pulls.SetStatus(ctx, repo.Repo, pull.Head, forge.CommitStatus{
			Context: forge.ContextRemediation, State: forge.Error, Description: prose.Status("cannot be brought up to date: " + text),
		})
		if err != nil {
			return fmt.Errorf("status of %s#%d: %w", repo.Repo, pull.Number, err)
		}
		return nil
	}
	if len(repo.Faults) > 0 {
		return nil
	}
	err = m.Pulls.SetStatus(ctx, repo.Repo, repo.SHA, forge.CommitStatus{
		Context: forge.ContextConfiguration, State: forge.Failure, Description: prose.Status("cannot propose: " + text),
	})
	if err != nil {
		return fmt.Errorf("status of %s: %w", repo.Repo, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told == nil {
		m.told = map[forge.Repo]forge.SHA{}
	}
	m.told[repo.Repo] = repo.SHA
	return nil
}

// permitted takes back what forbidden said. Another process has forgotten it;
// there the next commit begins without.
func (m *Maker) permitted(ctx context.Context, repo *plan.Repository) error {
	m.mu.Lock()
	told, any := m.told[repo.Repo]
	delete(m.told, repo.Repo)
	m.mu.Unlock()
	if !any || told != repo.SHA {
		return nil
	}
	err := m.Pulls.SetStatus(ctx, repo.Repo, repo.SHA, forge.CommitStatus{
		Context: forge.ContextConfiguration, State: forge.Success, Description: "the rules of the repository allow proposals",
	})
	if err != nil {
		return fmt.Errorf("status of %s: %w", repo.Repo, err)
	}
	return nil
}

func refused(what string, err error) Result {
	return Result{Reason: policy.Reason{Code: plan.Refused, Text: what + ": " + err.Error()}}
}

// outcome is the reason why proposing left no pull request of ours.
func outcome(o forge.Opened, err error) policy.Reason {
	switch {
	case err != nil && o.Pull.Number == 0:
		return policy.Reason{Code: plan.Refused, Text: "not opened: " + err.Error()}
	case o.Action == forge.Declined:
		return policy.Reason{Code: policy.Declined, Text: fmt.Sprintf("people closed %s; it stays closed", o.Pull.URL)}
	case o.Action == forge.HandsOff:
		return policy.Reason{Code: plan.LeftAlone, Text: fmt.Sprintf("%s holds commits of other people, and is left to them", o.Pull.URL)}
	}
	return policy.Reason{}
}

// plan works out the change of a case, in the light of what people said and did
// about it before.
func (m *Maker) plan(ctx context.Context, t Task, c plan.Case, now time.Time) (plan.Plan, policy.Reason, error) {
	why, since, err := m.wish(ctx, t.Key)
	if err != nil || !why.None() {
		return plan.Plan{}, why, err
	}
	before, err := m.History.History(ctx, t.Repo, t.Branch)
	if err != nil {
		return plan.Plan{}, policy.Reason{}, fmt.Errorf("history of %s: %w", t.Branch, err)
	}
	for _, change := range plan.History(before) {
		if change.Declined.IsZero() || !change.Declined.Before(since) {
			c.History = append(c.History, change)
		}
	}
	planned, why, err := m.Planner.Plan(ctx, c, now)
	planned.Proposal.Reconsider = since
	return planned, why, err
}

// Object says on the open pull request of a task, if there is one, what speaks
// against it by now, and leaves merging it to people.
func (m *Maker) Object(ctx context.Context, t Task, limits Limits, why string, now time.Time) error {
	if m.Proposer == nil {
		return nil
	}
	budget, err := limits.of(ctx, m.Pulls, t.Repo, now)
	if err != nil {
		return err
	}
	p, open := budget.branches[t.Branch]
	if marker, ok := forge.ParseMarker(p.Body); !open || !ok || !plan.SameChange(marker.Key, t.Key) {
		return nil
	}
	if err := m.Pulls.Hold(ctx, p); err != nil {
		return fmt.Errorf("auto-merge of %s#%d: %w", t.Repo, p.Number, err)
	}
	err = m.Pulls.SetStatus(ctx, t.Repo, p.Head, forge.CommitStatus{
		Context: forge.ContextRemediation, State: forge.Failure, Description: prose.Status("no longer right: " + why),
	})
	if err != nil {
		return fmt.Errorf("status of %s#%d: %w", t.Repo, p.Number, err)
	}
	return nil
}
