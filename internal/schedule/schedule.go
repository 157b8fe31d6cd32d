// Package schedule runs jobs at the times of cron expressions.
//
// It is the only package that imports robfig/cron. Times are UTC.
package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"
)

// A Job is work that repeats.
type Job struct {
	Name  string
	Spec  string        // five fields (minute, hour, day of month, month, day of week) or @every 5m
	Limit time.Duration // of one run; 0 means none
	Run   func(ctx context.Context, now time.Time) error
}

// Validate reports a cron expression that does not parse.
func Validate(spec string) error {
	if _, err := cron.ParseStandard(spec); err != nil {
		return fmt.Errorf("cron expression %q: want five fields such as */5 * * * *: %w", spec, err)
	}
	return nil
}

// Run runs jobs until ctx is done, waits for the runs under way to return, and
// returns the cause of ctx. It fails before anything runs if a Spec does not
// parse.
//
// A job never runs beside itself: a time that comes up while it is still
// running is skipped. An error or a panic ends one run, not the job.
func Run(ctx context.Context, log *slog.Logger, jobs ...Job) error {
	// SkipIfStillRunning stands outside Recover: in cron v3.0.1 it keeps its
	// token when what it wraps panics, and the job would never run again
	// (https://github.com/robfig/cron/issues/366).
	c := cron.New(cron.WithLocation(time.UTC), cron.WithChain(
		cron.SkipIfStillRunning(skips{log}),
		cron.Recover(panics{log}),
	))
	for _, j := range jobs {
		if err := Validate(j.Spec); err != nil {
			return fmt.Errorf("job %s: %w", j.Name, err)
		}
		if _, err := c.AddFunc(j.Spec, func() { j.once(ctx, log.With("job", j.Name)) }); err != nil {
			return fmt.Errorf("job %s: %w", j.Name, err)
		}
	}
	c.Start()
	<-ctx.Done()
	<-c.Stop().Done()
	return context.Cause(ctx)
}

// once runs j one time.
func (j Job) once(ctx context.Context, log *slog.Logger) {
	if ctx.Err() != nil {
		return // shutting down
	}
	if j.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, j.Limit, fmt.Errorf("run took longer than %v", j.Limit))
		defer cancel()
	}
	start := time.Now()
	if err := j.Run(ctx, start.UTC()); err != nil {
		log.Error("run failed", "err", err, "took", time.Since(start))
		return
	}
	log.Info("run done", "took", time.Since(start))
}

// skips hears of a tick that found its job still running.
type skips struct{ log *slog.Logger }

func (l skips) Info(string, ...any) {
	l.log.Warn("tick skipped", "reason", "the run before it is not done")
}
func (l skips) Error(err error, msg string, kv ...any) { l.log.Error(msg, append(kv, "err", err)...) }

// panics hears of a job that panicked.
type panics struct{ log *slog.Logger }

func (l panics) Info(msg string, kv ...any)             { l.log.Debug(msg, kv...) }
func (l panics) Error(err error, msg string, kv ...any) { l.log.Error(msg, append(kv, "err", err)...) }
