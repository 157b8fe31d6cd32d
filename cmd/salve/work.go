package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/metrics"
	"github.com/salvehq/salve/internal/queue"
	"github.com/salvehq/salve/internal/schedule"
	"github.com/salvehq/salve/internal/server"
	"github.com/salvehq/salve/internal/tracing"
)

// Kinds of jobs beside those of the schedule, which have its names.
const (
	kindEvent     = "event"     // one webhook delivery
	kindRedeliver = "redeliver" // ask GitHub for the deliveries that were missed
)

// goneAfter is how often something must not be found until it is gone: GitHub
// announces some things a moment before it can show them.
const goneAfter = 3

// gone reports whether err says that something is not there, and nothing else
// that could be better later.
func gone(err error) bool {
	var limit *forge.RateLimitError
	return errors.Is(err, forge.ErrNotFound) && !errors.Is(err, forge.ErrUnavailable) && !errors.As(err, &limit)
}

// eventOptions bound the handling of one delivery.
func eventOptions() queue.Options {
	return queue.Options{Timeout: time.Minute, Workers: 8 * eventLanes}
}

// A worker puts work into the database and does what is there. What the
// schedule does is a job as well: every replica ticks, one of them runs it.
type worker struct {
	app   *app
	queue *queue.Queue
	now   func() time.Time
}

// work opens the database and names what there is to do. The deliveries that
// were missed while nobody listened are asked for at once.
func (a *app) work(ctx context.Context, s *settings) (*worker, []schedule.Job, error) {
	q, err := queue.Open(ctx, s.database, a.log)
	if err != nil {
		return nil, nil, misnamed(err)
	}
	w := &worker{app: a, queue: q, now: time.Now}
	a.estate.Patience = installationPatience
	jobs := w.jobs(s)
	if err := errors.Join(w.register(jobs), w.soon(ctx, kindRedeliver)); err != nil {
		q.Close()
		return nil, nil, err
	}
	a.maker.Wishes, a.notes = q, q
	a.metrics.WatchJobs(w.counts)
	return w, jobs, nil
}

// stop lets jobs under way finish for as long as that may take.
func (w *worker) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), jobsGrace)
	defer cancel()
	return w.queue.Stop(ctx)
}

// ready reports why no work can be taken.
func (w *worker) ready(ctx context.Context) error {
	return errors.Join(w.queue.Ready(ctx), w.app.ready(ctx))
}

// counts is what metrics show of the queue.
func (w *worker) counts(ctx context.Context) ([]metrics.JobCount, time.Duration, error) {
	counts, err := w.queue.Counts(ctx)
	if err != nil {
		return nil, 0, err
	}
	var out []metrics.JobCount
	for kind, states := range counts {
		for state, n := range states {
			out = append(out, metrics.JobCount{Kind: kind, State: string(state), Jobs: n})
		}
	}
	lag, err := w.queue.Lag(ctx, w.now())
	return out, lag, err
}

// register names the handler of each kind.
func (w *worker) register(jobs []schedule.Job) error {
	err := errors.Join(
		w.queue.Handle(kindEvent, w.traced(w.event), eventOptions()),
		w.queue.Handle(kindVerdict, w.traced(w.verdict), verdictOptions()),
		w.queue.Handle(kindProposal, w.traced(w.propose), proposalOptions()))
	if err != nil {
		return err
	}
	for _, j := range jobs {
		run := func(ctx context.Context, _ queue.Job) error { return j.Run(ctx, w.now().UTC()) }
		// The next tick looks at the same things, so a run that fails is
		// tried three times and not for hours.
		if err := w.queue.Handle(j.Name, w.traced(run), queue.Options{Timeout: j.Limit, MaxAttempts: 3, Workers: 2}); err != nil {
			return err
		}
	}
	return nil
}

// traced makes a span of each attempt of a job. A delivery and its verdict are
// one trace with the request that brought it; other jobs have one of their own,
// with a link to what caused them: a cycle may leave thousands of proposals.
func (w *worker) traced(do queue.Handler) queue.Handler {
	return func(ctx context.Context, j queue.Job) error {
		ctx, span := w.app.trace.Resume(ctx, "job "+j.Kind, j.Cause, j.Kind == kindEvent || j.Kind == kindVerdict,
			slog.Int64("job", j.ID), slog.Int("attempt", j.Attempt), slog.Int64("waited_ms", time.Since(j.Enqueued).Milliseconds()))
		if j.Kind == kindEvent {
			span.Set(slog.String("delivery", j.Unique))
		}
		err := do(ctx, j)
		span.End(err)
		return err
	}
}

// ticks are jobs that put jobs into the queue.
func (w *worker) ticks(jobs []schedule.Job) []schedule.Job {
	var out []schedule.Job
	for _, j := range jobs {
		out = append(out, schedule.Job{Name: j.Name, Spec: j.Spec, Limit: 20 * time.Second,
			Run: func(ctx context.Context, now time.Time) error {
				if !strings.HasPrefix(j.Spec, "@every") {
					now = now.Truncate(time.Minute) // clocks of replicas differ
				}
				_, err := w.queue.Tick(ctx, j.Name, now)
				return err
			}})
	}
	return out
}

// soon runs a job of the schedule before its time, once for all who ask before
// it starts.
func (w *worker) soon(ctx context.Context, kind string) error {
	_, err := w.queue.Enqueue(ctx, queue.Job{Kind: kind, Unique: "soon", Merge: true, Cause: tracing.Cause(ctx)})
	return err
}

// accept keeps a delivery. Those of one repository are handled one at a time.
// Of the files that a push names, which may be very many, only those are kept
// that lead to something.
func (w *worker) accept(ctx context.Context, e forge.Event) error {
	e.Paths = slices.DeleteFunc(e.Paths, func(path string) bool { return !configures(path) })
	payload, err := json.Marshal(e)
	if err != nil {
		return err
	}
	inserted, err := w.queue.Enqueue(ctx, queue.Job{
		Kind: kindEvent, Key: lane(e), Unique: e.Delivery, Payload: payload, Cause: tracing.Cause(ctx),
	})
	switch {
	case err != nil:
		w.app.metrics.Delivery("failed")
		return err
	case !inserted:
		w.app.metrics.Delivery("seen")
		return server.ErrSeen
	}
	w.app.metrics.Delivery("accepted")
	return nil
}

// eventLanes is how many deliveries of one installation are handled at a time:
// one that stalls takes so many workers of all and no more.
const eventLanes = 8

// lane is where a delivery waits for its turn: always the same one for a
// repository.
func lane(e forge.Event) string {
	sum := fnv.New32a()
	sum.Write([]byte(strings.ToLower(e.Repo.String())))
	return fmt.Sprintf("events of installation %d, lane %d", e.Installation, sum.Sum32()%eventLanes)
}

// event does what one delivery asks for.
func (w *worker) event(ctx context.Context, j queue.Job) error {
	var e forge.Event
	if err := json.Unmarshal(j.Payload, &e); err != nil {
		return queue.Discard(fmt.Errorf("delivery %s: %w", j.Unique, err))
	}
	log := w.app.log.With("delivery", e.Delivery, "event", e.Kind, "action", e.Action, "repo", e.Repo.String())
	start := time.Now()
	err := w.react(ctx, e)
	switch {
	case j.Attempt >= goneAfter && gone(err):
		log.InfoContext(ctx, "event of something that is gone", "err", err, "took", time.Since(start))
		return nil
	case err != nil:
		log.WarnContext(ctx, "event not handled", "err", err, "attempt", j.Attempt, "took", time.Since(start))
		return err
	}
	log.InfoContext(ctx, "event handled", "took", time.Since(start))
	return nil
}
