package schedule

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunKeepsTime(t *testing.T) {
	for _, tt := range []struct {
		name string
		job  func(ctx context.Context) error
		want int // runs in one hour
	}{
		{"works", func(context.Context) error { return nil }, 12},
		{"fails", func(context.Context) error { return errors.New("no") }, 12},
		{"panics", func(context.Context) error { panic("no") }, 12},
		{"overruns", func(context.Context) error { time.Sleep(7 * time.Minute); return nil }, 6},
		{"is cut off at its limit", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, 12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour+time.Second)
				defer cancel()
				limit := time.Duration(0)
				if strings.Contains(tt.name, "limit") {
					limit = time.Minute
				}
				runs := 0
				err := Run(ctx, slog.New(slog.DiscardHandler), Job{
					Name: "test", Spec: "*/5 * * * *", Limit: limit,
					Run: func(ctx context.Context, _ time.Time) error { runs++; return tt.job(ctx) },
				})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Run = %v, want the deadline", err)
				}
				if runs != tt.want {
					t.Errorf("%d runs in an hour, want %d", runs, tt.want)
				}
			})
		})
	}
}

func TestRunWaitsForTheRunUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second)
		defer cancel()
		done := false
		_ = Run(ctx, slog.New(slog.DiscardHandler), Job{Name: "slow", Spec: "* * * * *",
			Run: func(context.Context, time.Time) error { time.Sleep(time.Second * 30); done = true; return nil }})
		if !done {
			t.Error("Run returned before the run under way")
		}
	})
}

func TestRunRefusesASpecBeforeAnythingRuns(t *testing.T) {
	ok := Job{Name: "a", Spec: "* * * * *", Run: func(context.Context, time.Time) error { t.Error("ran"); return nil }}
	bad := Job{Name: "b", Spec: "every day"}
	err := Run(t.Context(), slog.New(slog.DiscardHandler), ok, bad)
	if err == nil || !strings.Contains(err.Error(), `job b: cron expression "every day"`) {
		t.Errorf("Run = %v, want the job and the expression", err)
	}
}
