package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
)

// An Answer is what came of a task.
type Answer struct {
	Reason  Reason            // why nothing was proposed; zero if something was
	Planned Planned           // without a key if it did not come to a plan, or limits hold it back
	Pull    forge.PullRequest // that answers; zero if there is none
}

// Answer plans the change of a task at repo, which is the head that the task's
// repository has now, and proposes it. Where a plan no longer holds and its
// pull request is open, salve/remediation says why.
//
// Answering the same task again changes nothing more. An error comes with an
// answer that says what could not be done.
func (r *Runner) Answer(ctx context.Context, repo *plan.Repository, t Task, now time.Time) (Answer, error) {
	return r.answer(ctx, repo, t, propose.Limits{}, now)
}

func (r *Runner) answer(ctx context.Context, repo *plan.Repository, t Task, limits propose.Limits, now time.Time) (Answer, error) {
	if why := repo.Writes(); !why.None() {
		return Answer{Reason: Reason{Reason: why}}, nil // a status is a write too
	}
	target, why, err := r.again(ctx, repo, t)
	switch {
	case err != nil:
		return Answer{Reason: because(plan.Refused, "could not be searched for: "+err.Error())}, fmt.Errorf("find the place of %s: %w", t.Key, err)
	case !why.None():
		return Answer{Reason: why}, r.Maker.Object(ctx, t.Task, limits, why.Text, now)
	}
	made, err := r.Maker.Make(ctx, t.Task, plan.Case{Target: target, Evidence: t.Evidence, Cause: t.Cause}, limits, now)
	a := Answer{Reason: Reason{Reason: made.Reason}, Pull: made.Opened.Pull}
	if made.Plan.Notice != "" {
		r.Log.WarnContext(ctx, "use not known", "problem", t.problems(), "reason", made.Plan.Notice)
	}
	if made.Plan.Proposal.Key != "" {
		a.Planned = Planned{Plan: made.Plan, Problems: t.problems(), Opened: made.Opened, Err: err}
		r.Log.InfoContext(ctx, "proposed", "repo", t.Repo.String(), "pull", a.Pull.Number, "action", made.Opened.Action,
			"problem", a.Planned.Problems, "reason", a.Reason.Text)
	}
	return a, err
}

// again finds the place of a task. What other repositories hold was weighed
// when it was made.
func (r *Runner) again(ctx context.Context, repo *plan.Repository, t Task) (plan.Target, Reason, error) {
	d, target, err := r.decide(ctx, t.finding(), one{repo, t.Remedy})
	switch {
	case err != nil || !d.Reason.None():
		return target, d.Reason, err
	case target.Key() != t.Key:
		return target, because(plan.NotFound, "another place answers it by now: "+target.Where), nil
	}
	return target, Reason{}, nil
}
