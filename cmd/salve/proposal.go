package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/estate"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/queue"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/tracing"
	"github.com/salvehq/salve/internal/tune"
)

// kindProposal is the kind of job that makes one proposal: a cycle decides and
// leaves the doing to these. They read the head of the repository again, so it
// does not matter when and where one runs, or how often.
const kindProposal = "proposal"

// proposalOptions bound one proposal. All attempts together take less than
// stale. Workers mostly wait for the pace of the installations, of which each
// has one.
func proposalOptions() queue.Options {
	return queue.Options{Timeout: 45 * time.Second, MaxAttempts: 10, Workers: 64, Keep: time.Hour}
}

const (
	stale = 30 * time.Minute // a task that waited longer is decided about anew
	rest  = time.Hour        // after a proposal failed for good, before a cycle tries it again
)

// bucketRest holds the proposals that failed for good a short while ago.
const bucketRest = "rest"

// An assignment is the payload of a proposal's job: one task, and through which
// installation its repository is reached.
type assignment struct {
	Installation int64        `json:"installation"`
	Problem      *remedy.Task `json:"problem,omitempty"`
	Detector     *tune.Task   `json:"detector,omitempty"`
}

func (a assignment) task() propose.Task {
	if a.Problem != nil {
		return a.Problem.Task
	}
	return a.Detector.Task
}

// cycle is the job of the schedule that made the task.
func (a assignment) cycle() string {
	if a.Problem != nil {
		return "remediate"
	}
	return "tune"
}

// name names the proposal among all of them.
func (a assignment) name() string { return a.task().Repo.String() + " " + a.task().Branch }

// job is a as a job. Those of one installation are done one at a time: they
// share its limits, and one that is slow takes one worker from the others. While
// one waits or is retried, the same proposal is not put beside it.
func (a assignment) job() (queue.Job, error) {
	payload, err := json.Marshal(a)
	return queue.Job{
		Kind: kindProposal, Key: fmt.Sprintf("proposals of installation %d", a.Installation), Unique: a.name(), Live: true, Payload: payload,
	}, err
}

// remediate decides about the problems and leaves each proposal to a job of its
// own; then it looks at the pull requests that are open. What one installation
// or repository does not allow is left to the next tick: to try all again
// because of one would be at the cost of the others.
func (w *worker) remediate(ctx context.Context, now time.Time) error {
	report, err := w.app.decide(ctx, now)
	w.app.count(report)
	if err == nil {
		var due []remedy.Task
		due, err = w.recall(ctx, &report)
		var all []assignment
		for _, t := range w.writable(&report, due) {
			all = append(all, assignment{Problem: &t})
		}
		err = errors.Join(err, w.assign(ctx, all))
	}
	w.warn("remediate", append(report.Errs, w.app.judge(ctx, report, now)))
	return err
}

// writable returns the tasks of repositories in which something may be written.
// What comes of the others is known, and takes no job.
func (w *worker) writable(report *remedy.Report, tasks []remedy.Task) []remedy.Task {
	why := map[forge.Repo]policy.Reason{}
	for _, repo := range report.Repos {
		why[repo.Repo] = repo.Writes()
	}
	answers := map[string]remedy.Answer{}
	tasks = slices.DeleteFunc(slices.Clone(tasks), func(t remedy.Task) bool {
		a := remedy.Answer{Reason: remedy.Reason{Reason: why[t.Repo]}}
		if a.Reason.None() {
			return false
		}
		answers[t.Key] = a
		w.app.countAnswer(t, a)
		return true
	})
	report.Settle(answers)
	return tasks
}

// warn logs what a tick could not do.
func (w *worker) warn(job string, errs []error) {
	for _, err := range errs {
		if err != nil {
			w.app.log.Warn("left to the next tick", "job", job, "err", err)
		}
	}
}

// tune decides about the detectors likewise.
func (w *worker) tune(ctx context.Context, now time.Time) error {
	report, err := w.app.tune.Decide(ctx, now)
	var all []assignment
	for _, t := range report.Tasks {
		all = append(all, assignment{Detector: &t})
	}
	w.warn("tune", report.Errs)
	return errors.Join(err, w.assign(ctx, all))
}

// assign puts proposals into the queue, but for those that rest. One that
// cannot be put there does not hold up the others.
func (w *worker) assign(ctx context.Context, all []assignment) error {
	rests := map[string]bool{}
	for f, err := range w.queue.List(ctx, bucketRest) {
		if err != nil {
			return err
		}
		rests[f.Name] = true
	}
	var errs []error
	for _, a := range all {
		if rests[a.name()] {
			continue
		}
		var err error
		if a.Installation, err = w.app.host.installation(ctx, a.task().Repo); err == nil {
			var j queue.Job
			if j, err = a.job(); err == nil {
				j.Cause = tracing.Cause(ctx)
				_, err = w.queue.Enqueue(ctx, j)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("proposal %s: %w", a.name(), err))
		}
	}
	return errors.Join(errs...)
}

// propose does one proposal.
func (w *worker) propose(ctx context.Context, j queue.Job) error {
	var a assignment
	if err := json.Unmarshal(j.Payload, &a); err != nil || a.Problem == nil && a.Detector == nil {
		return queue.Discard(fmt.Errorf("proposal %s: no task: %w", j.Unique, err))
	}
	now, t := w.now().UTC(), a.task()
	if now.Sub(t.Asked) > stale {
		return errors.Join(w.queue.Delete(ctx, bucketRest, a.name()), w.soon(ctx, a.cycle()))
	}
	why, err := w.answer(ctx, a, now)
	log := w.app.log.With("job", j.ID, "repo", t.Repo.String(), "installation", a.Installation)
	switch {
	case err != nil:
		log.WarnContext(ctx, "not proposed", "err", err, "attempt", j.Attempt)
	case !why.None():
		log.InfoContext(ctx, "nothing proposed", "reason", why.Text)
	}
	return w.after(ctx, a, j, err)
}

// decide is the first half of a cycle, as a span.
func (a *app) decide(ctx context.Context, now time.Time) (remedy.Report, error) {
	ctx, span := a.trace.Start(ctx, "decide")
	report, err := a.remedy.Decide(ctx, now)
	span.Set(slog.Int("problems", len(report.Decisions)), slog.Int("proposals", len(report.Tasks)), slog.Int("repositories", len(report.Repos)))
	span.End(err)
	return report, err
}

// answer reads the head of a task's repository, through the installation that it
// is in by now, and answers the task there, as a span.
func (w *worker) answer(ctx context.Context, a assignment, now time.Time) (why policy.Reason, err error) {
	t := a.task()
	ctx, span := w.app.trace.Start(ctx, "proposal", slog.String("repo", t.Repo.String()), slog.String("remedy", t.Remedy), slog.Int64("installation", a.Installation))
	defer func() {
		span.Set(slog.String("reason", string(why.Code)))
		span.End(err)
	}()
	if err := w.app.host.heard(ctx, t.Repo, a.Installation); err != nil {
		return policy.Reason{}, err
	}
	through, err := w.app.host.installation(ctx, t.Repo)
	if err != nil {
		return policy.Reason{}, err
	}
	repo, err := estate.Branch{Estate: w.app.estate, Installation: through}.Repository(ctx, t.Repo, t.Base)
	if err != nil {
		return policy.Reason{}, fmt.Errorf("read %s: %w", t.Repo, err)
	}
	if a.Detector != nil {
		made, err := w.app.tune.Answer(ctx, repo, *a.Detector, now)
		w.app.countPull(made.Opened.Action)
		return made.Reason, err
	}
	made, err := w.app.remedy.Answer(ctx, repo, *a.Problem, now)
	w.app.countAnswer(*a.Problem, made)
	return made.Reason.Reason, errors.Join(err, w.remember(ctx, *a.Problem, made, err))
}

// after says what becomes of a job whose proposal came to err. Where the world
// has changed since the task was made, the next cycle decides about it. What a
// repository's rules or the App's permissions refuse would be refused again: it
// is dead until a person looks, or for an hour.
func (w *worker) after(ctx context.Context, a assignment, j queue.Job, err error) error {
	gone := []error{forge.ErrNotFound, forge.ErrMoved, forge.ErrArchived, forge.ErrSuspended, forge.ErrEmpty}
	refused := []error{forge.ErrRejected, forge.ErrForbidden}
	var limit *forge.RateLimitError
	var incomplete *forge.AnnotationError
	switch {
	case errors.As(err, &limit):
		return err
	case err == nil, is(err, gone):
		return w.queue.Delete(ctx, bucketRest, a.name())
	case errors.As(err, &incomplete) && j.Attempt < 3:
		return err // somebody may have closed it meanwhile: look again
	case is(err, refused):
		return queue.Discard(errors.Join(err, w.rest(ctx, a, err)))
	case errors.Is(err, forge.ErrUnavailable) && j.Attempt > proposalOptions().MaxAttempts/2:
		return &forge.RateLimitError{Until: time.Now().Add(time.Minute), Err: err} // an outage uses up no attempts
	case j.Attempt >= proposalOptions().MaxAttempts:
		return errors.Join(err, w.rest(ctx, a, err))
	}
	return err
}

func is(err error, any []error) bool {
	for _, target := range any {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// rest keeps cycles from trying a proposal again for a while.
func (w *worker) rest(ctx context.Context, a assignment, err error) error {
	return w.queue.Put(context.WithoutCancel(ctx), bucketRest, a.name(), []byte(firstLine(err.Error())), time.Now().Add(rest))
}
