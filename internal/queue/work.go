package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/salvehq/salve/internal/forge"
)

// Discard makes the job that returns it dead at once: trying again would not
// help.
func Discard(err error) error { return &discardError{err} }

type discardError struct{ err error }

func (e *discardError) Error() string { return e.err.Error() }
func (e *discardError) Unwrap() error { return e.err }

// errStopping is why a job is cancelled when the queue stops.
var errStopping = errors.New("queue is stopping")

// A worker runs the jobs of one kind.
type worker struct {
	river.WorkerDefaults[args]
	queue *Queue
	kind  kind
}

// Timeout is the limit of one attempt.
func (w *worker) Timeout(*river.Job[args]) time.Duration { return w.kind.Timeout }

// NextRetry doubles the pause from one second to 15 minutes, and shifts it by
// up to a quarter so that jobs that failed together do not come back together.
func (w *worker) NextRetry(j *river.Job[args]) time.Time {
	return time.Now().Add(pause(j.Attempt, rand.Float64()))
}

func pause(attempt int, shift float64) time.Duration {
	d := min(time.Second<<min(max(attempt-1, 0), 20), 15*time.Minute)
	return time.Duration(float64(d) * (0.75 + shift/2))
}

// Work runs one attempt, in its turn.
func (w *worker) Work(ctx context.Context, r *river.Job[args]) error {
	turn, err := w.begin(ctx, r)
	switch {
	case err != nil:
		return err
	case !turn:
		return river.JobSnooze(parkedFor)
	}
	err = w.run(ctx, Job{
		ID: r.ID, Kind: r.Kind, Key: r.Args.Key, Unique: r.Args.Unique, Merge: r.Args.Merge, Live: r.Args.Live, Cause: r.Args.Cause,
		Payload: r.Args.Payload, Attempt: r.Attempt, Enqueued: r.CreatedAt.UTC(),
	})
	w.end(ctx, r)
	return w.outcome(ctx, err)
}

// begin waits for nothing: it says whether the job has its turn. From here on a
// job that merges is no longer joined by others, for it may have looked already.
func (w *worker) begin(ctx context.Context, r *river.Job[args]) (turn bool, err error) {
	if r.Args.Key == "" && !r.Args.Merge {
		return true, nil
	}
	turn = true
	err = w.queue.store.atomically(ctx, func(t tx) error {
		if r.Args.Key != "" {
			if turn, err = begin(ctx, t, r.Args.Key, r.ID); err != nil || !turn {
				return err
			}
		}
		if r.Args.Merge {
			_, err = t.exec(ctx, `UPDATE river_job SET unique_key = NULL, unique_states = NULL WHERE id = $1`, r.ID)
		}
		return err
	})
	return turn, err
}

// end passes the turn on, also when ctx is over. If it cannot, the sweep will.
func (w *worker) end(ctx context.Context, r *river.Job[args]) {
	if r.Args.Key == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := w.queue.store.atomically(ctx, func(t tx) error { return end(ctx, t, r.Args.Key, r.ID) })
	if err != nil {
		w.queue.log.Warn("turn not passed on", "job", r.ID, "kind", r.Kind, "err", err)
	}
}

// run calls the handler. A panic is an error like others.
func (w *worker) run(ctx context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return w.kind.handle(ctx, j)
}

// outcome is err in the words of River.
func (w *worker) outcome(ctx context.Context, err error) error {
	var limit *forge.RateLimitError
	var dead *discardError
	switch {
	case err == nil:
		return nil
	case w.queue.isStopping() && ctx.Err() != nil:
		return river.JobSnooze(0)
	case errors.As(err, &dead):
		return river.JobCancel(storable(err))
	case errors.As(err, &limit):
		return river.JobSnooze(max(time.Until(limit.Until), time.Second))
	}
	return storable(err)
}

// maxError is how much of an error is kept with the job, in bytes.
const maxError = 8 << 10

// storable is err as PostgreSQL takes it: without NUL, which jsonb refuses, and
// without end.
func storable(err error) error {
	text := err.Error()
	if len(text) > maxError {
		text = text[:maxError] + "…"
	}
	return errors.New(strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "␀"), "�"))
}

func (q *Queue) isStopping() bool {
	select {
	case <-q.stopping:
		return true
	default:
		return false
	}
}
