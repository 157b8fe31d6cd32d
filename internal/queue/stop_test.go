package queue

import (
	"context"
	"testing"
	"time"
)

// Stopping cancels what runs; it runs again, and the attempt does not count.
func testStop(t *testing.T, w world) {
	url := w.url(t)
	began := make(chan bool)
	first, second := openQueue(t, url), openQueue(t, url)
	handle(t, first, "long", Options{MaxAttempts: 1, Timeout: time.Minute}, func(ctx context.Context, _ Job) error {
		began <- true
		<-ctx.Done()
		return ctx.Err()
	})
	handle(t, second, "long", Options{MaxAttempts: 1}, func(context.Context, Job) error { return nil })
	enqueue(t, first, Job{Kind: "long", Key: "k"})
	start(t, first)
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if r := awaitState(t, second, "long", Ready); r.Attempt != 0 || len(r.Errors) > 0 {
		t.Errorf("%+v", r)
	}
	start(t, second)
	awaitState(t, second, "long", Done)
}

// A job may enqueue others while the queue waits for it to finish.
func testStopSoftly(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	began, goOn := make(chan bool), make(chan bool)
	handle(t, q, "next", Options{}, func(context.Context, Job) error { return nil })
	handle(t, q, "long", Options{}, func(ctx context.Context, _ Job) error {
		began <- true
		<-goOn
		_, err := q.Enqueue(ctx, Job{Kind: "next"})
		return err
	})
	enqueue(t, q, Job{Kind: "long"})
	start(t, q)
	<-began
	stopped := make(chan error)
	go func() { stopped <- q.Stop(context.WithoutCancel(t.Context())) }()
	goOn <- true
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if r := awaitState(t, q, "long", Done); r.Attempt != 1 {
		t.Errorf("%+v", r)
	}
}
