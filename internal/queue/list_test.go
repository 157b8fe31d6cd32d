package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testList(t *testing.T, w world) {
	q, ctx := openQueue(t, w.url(t)), t.Context()
	fail := true
	handle(t, q, "work", Options{}, func(context.Context, Job) error {
		if fail {
			return Discard(errors.New("no"))
		}
		return nil
	})
	handle(t, q, "later", Options{}, func(context.Context, Job) error { return nil })
	enqueue(t, q, Job{Kind: "work", Unique: "u"})
	if _, err := q.EnqueueAt(ctx, Job{Kind: "later", Key: "k"}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if lag, err := q.Lag(ctx, time.Now().Add(time.Minute)); err != nil || lag < time.Minute || lag > time.Hour {
		t.Errorf("lag %v %v", lag, err)
	}
	start(t, q)
	dead := awaitState(t, q, "work", Dead)
	if lag, err := q.Lag(ctx, time.Now()); err != nil || lag != 0 {
		t.Errorf("lag %v %v with nothing to do", lag, err)
	}
	for _, tt := range []struct {
		f    Filter
		want int
	}{{Filter{}, 2}, {Filter{Limit: 1}, 1}, {Filter{Kind: "work"}, 1}, {Filter{State: Dead}, 1}, {Filter{State: Scheduled}, 1}, {Filter{State: Waiting}, 0}, {Filter{State: Running}, 0}} {
		if list, err := q.Jobs(ctx, tt.f); err != nil || len(list) != tt.want {
			t.Errorf("%+v: %d jobs, want %d: %v", tt.f, len(list), tt.want, err)
		}
	}
	if _, err := q.Jobs(ctx, Filter{State: "odd"}); err == nil {
		t.Error("want an error for a state that is none")
	}
	fail = false
	if r, err := q.Retry(ctx, dead.ID); err != nil || r.State != Ready {
		t.Errorf("Retry = %+v %v", r, err)
	}
	if r := awaitState(t, q, "work", Done); r.Unique != "u" || len(r.Errors) != 1 || r.Finished.IsZero() || r.Process == "" {
		t.Errorf("%+v", r)
	}
	later := awaitState(t, q, "later", Scheduled)
	if r, err := q.Kill(ctx, later.ID); err != nil || r.State != Dead {
		t.Errorf("Kill = %+v %v", r, err)
	}
	for _, do := range []func(context.Context, int64) (Record, error){q.Show, q.Retry, q.Kill} {
		if _, err := do(ctx, 999); !errors.Is(err, ErrNoJob) {
			t.Errorf("of no job: %v", err)
		}
	}
	counts, err := q.Counts(ctx)
	want := map[string]map[State]int{"work": {Done: 1}, "later": {Dead: 1}}
	if diff := cmp.Diff(want, counts); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
