package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
)

// Start runs jobs in the background until Stop. Cancelling ctx stops nothing;
// it bounds the start alone.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.client != nil {
		return errors.New("queue has started already")
	}
	if len(q.kinds) == 0 {
		return errors.New("queue has no handlers: register kinds before Start")
	}
	if err := q.beat(ctx); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	c, err := q.store.client(q.config())
	if err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	if err := c.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	q.client = c
	q.tending.Go(q.tend)
	return nil
}

// config is River's view of the kinds: each has a queue of its own, so that one
// kind cannot take the workers of another.
func (q *Queue) config() *river.Config {
	workers, queues := river.NewWorkers(), map[string]river.QueueConfig{}
	for name, k := range q.kinds {
		river.AddWorkerArgs(workers, args{kind: name}, river.Worker[args](&worker{queue: q, kind: k}))
		queues[name] = river.QueueConfig{MaxWorkers: k.Workers}
	}
	return &river.Config{
		ID:                          q.id,
		Logger:                      q.log,
		Queues:                      queues,
		Workers:                     workers,
		FetchCooldown:               10 * time.Millisecond,
		FetchPollInterval:           q.store.poll(),
		JobTimeout:                  maxTimeout,
		RescueStuckJobsAfter:        2 * maxTimeout, // of handlers that hang; see life.go for processes that died
		CompletedJobRetentionPeriod: keepDone,
		CancelledJobRetentionPeriod: keepDead,
		DiscardedJobRetentionPeriod: keepDead,
	}
}

// Stop takes no more jobs, lets those under way finish for half of the time
// that ctx leaves (10 s if it has no deadline), then cancels them; they run
// again elsewhere or after the next Start, and the attempt does not count. An
// error means that some did not listen; they are taken up again when this
// process has ended.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.RLock()
	client := q.client
	q.mu.RUnlock() // jobs that are asked to finish may enqueue others
	if client == nil {
		return nil
	}
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(10 * time.Second)
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	soft, cancel := context.WithTimeout(ctx, time.Until(end)/2)
	defer cancel()
	err := client.Stop(soft)
	q.stop.Do(func() { close(q.stopping) })
	if err != nil {
		err = client.StopAndCancel(ctx)
	}
	q.tending.Wait()
	if err != nil {
		return fmt.Errorf("stop queue: %w", err)
	}
	return q.depart(ctx)
}
