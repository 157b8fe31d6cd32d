package queue

import (
	"context"
	"errors"
	"testing"
	"time"
)

func testUnique(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	for _, kind := range []string{"fine", "other"} {
		handle(t, q, kind, Options{}, func(context.Context, Job) error { return nil })
	}
	handle(t, q, "dies", Options{}, func(context.Context, Job) error { return Discard(errors.New("no")) })
	if !enqueue(t, q, Job{Kind: "fine", Unique: "a"}) || enqueue(t, q, Job{Kind: "fine", Unique: "a", Payload: []byte("1")}) {
		t.Error("want the first of a name and no second, while it waits")
	}
	if !enqueue(t, q, Job{Kind: "fine", Unique: "b"}) || !enqueue(t, q, Job{Kind: "other", Unique: "a"}) {
		t.Error("want other names, and the name in another kind")
	}
	enqueue(t, q, Job{Kind: "dies", Unique: "a"})
	start(t, q)
	for _, kind := range []string{"fine", "other"} {
		awaitState(t, q, kind, Done)
	}
	if enqueue(t, q, Job{Kind: "fine", Unique: "b"}) {
		t.Error("want no second while the first is remembered as done")
	}
	awaitState(t, q, "dies", Dead)
	if !enqueue(t, q, Job{Kind: "dies", Unique: "a"}) {
		t.Error("want a dead job to make way")
	}
}

// A job that merges is joined until it starts, and no longer: what comes while
// it runs may be news to it.
func testMerge(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	began, goOn := make(chan int64), make(chan bool)
	handle(t, q, "look", Options{}, func(_ context.Context, j Job) error { began <- j.ID; <-goOn; return nil })
	job := Job{Kind: "look", Key: "k", Unique: "pull/1", Merge: true}
	if !enqueue(t, q, job) || enqueue(t, q, job) {
		t.Fatal("want the second to join the first")
	}
	start(t, q)
	first := <-began
	if !enqueue(t, q, job) || enqueue(t, q, job) {
		t.Error("want a new job after the first has started, and one only")
	}
	goOn <- true
	if second := <-began; second == first {
		t.Errorf("job %d ran twice", first)
	}
	goOn <- true
	awaitState(t, q, "look", Done)
}

// A live name is free again when its job is over, and not before, whatever
// became of the job on the way.
func testLive(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	began, goOn := make(chan int64), make(chan error)
	handle(t, q, "again", Options{Keep: time.Second}, func(_ context.Context, j Job) error { began <- j.ID; return <-goOn })
	job := Job{Kind: "again", Key: "lane", Unique: "a", Live: true}
	if !enqueue(t, q, job) || enqueue(t, q, job) {
		t.Fatal("want no second while the first waits")
	}
	start(t, q)
	first := <-began
	if enqueue(t, q, job) {
		t.Error("want no second while the first runs")
	}
	goOn <- errors.New("not yet")
	for range 10 { // before and after its failure is written down
		if enqueue(t, q, job) {
			t.Error("want no second while the first is to be retried")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if same := <-began; same != first {
		t.Errorf("job %d runs, want %d again", same, first)
	}
	goOn <- nil
	awaitState(t, q, "again", Done)
	if !enqueue(t, q, job) {
		t.Error("want the name to be free when its job is done")
	}
	if second := <-began; second == first {
		t.Errorf("job %d ran twice", first)
	}
	goOn <- Discard(errors.New("no"))
	awaitState(t, q, "again", Dead)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if list, err := q.Jobs(t.Context(), Filter{}); err != nil || time.Now().After(end) {
			t.Fatal("the job that was done is still there", err)
		} else if len(list) == 1 {
			break // the dead one
		}
	}
}

// Joining moves a timer forward, never back.
func testSooner(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	handle(t, q, "look", Options{}, func(context.Context, Job) error { return nil })
	job := Job{Kind: "look", Unique: "a", Merge: true}
	now := time.Now().Truncate(time.Second)
	for _, tt := range []struct{ in, due time.Duration }{{3 * time.Hour, 3 * time.Hour}, {time.Hour, time.Hour}, {2 * time.Hour, time.Hour}} {
		if _, err := q.EnqueueAt(t.Context(), job, now.Add(tt.in)); err != nil {
			t.Fatal(err)
		}
		if r := awaitState(t, q, "look", Scheduled); !r.Due.Equal(now.Add(tt.due)) {
			t.Errorf("after a timer in %v: due at %v, want %v", tt.in, r.Due, now.Add(tt.due).UTC())
		}
	}
	start(t, q)
	enqueue(t, q, job) // now
	awaitState(t, q, "look", Done)
}
