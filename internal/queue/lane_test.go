package queue

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Jobs of one key run one at a time in their order, and take no worker while
// they wait: with two workers, forty jobs behind a slow one hold up nobody.
func testLane(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	var mu sync.Mutex
	var order []int64
	running := map[string]int{}
	goOn, quick := make(chan bool), make(chan bool)
	handle(t, q, "work", Options{Workers: 2}, func(_ context.Context, j Job) error {
		mu.Lock()
		running[j.Key]++
		if running[j.Key] > 1 {
			t.Errorf("%d jobs of %s at once", running[j.Key], j.Key)
		}
		if j.Key == "slow" {
			order = append(order, j.ID)
		}
		mu.Unlock()
		if j.Key == "slow" {
			<-goOn
		}
		mu.Lock()
		running[j.Key]--
		mu.Unlock()
		if j.Key == "quick" {
			quick <- true
		}
		return nil
	})
	start(t, q)
	for range 10 {
		enqueue(t, q, Job{Kind: "work", Key: "slow"})
	}
	for range 10 {
		enqueue(t, q, Job{Kind: "work", Key: "quick"})
	}
	for range 10 {
		<-quick // while the slow one has not been told to go on
	}
	if list, err := q.Jobs(t.Context(), Filter{State: Waiting}); err != nil || len(list) != 9 {
		t.Errorf("%d jobs wait, want 9: %v", len(list), err)
	}
	close(goOn)
	await(t, "all to be done", func() bool {
		counts, err := q.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return counts["work"][Done] == 20
	})
	for i := 1; i < len(order); i++ {
		if order[i] < order[i-1] {
			t.Errorf("ran in the order %v", order)
			break
		}
	}
	await(t, "lanes to be removed", func() bool { return count(t, q, "salve_lane") == 0 && count(t, q, "salve_waiting") == 0 })
}

func count(t testing.TB, q *Queue, table string) (n int) {
	t.Helper()
	err := q.store.atomically(t.Context(), func(tx tx) error {
		return tx.each(t.Context(), "SELECT count(*) FROM "+table, nil, func(s scan) error { return s(&n) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A job that failed leaves its turn to others and waits for it like them when
// it comes back, without using an attempt.
func testLaneRetry(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	var mu sync.Mutex
	busy := false
	began, goOn := make(chan Job, 10), make(chan bool)
	handle(t, q, "fails", Options{}, func(_ context.Context, j Job) error {
		mu.Lock()
		defer mu.Unlock()
		if busy {
			t.Error("two jobs of one key at once")
		}
		began <- j
		if j.Attempt == 1 {
			return errors.New("not yet")
		}
		return nil
	})
	handle(t, q, "holds", Options{}, func(context.Context, Job) error {
		mu.Lock()
		busy = true
		mu.Unlock()
		<-goOn
		mu.Lock()
		busy = false
		mu.Unlock()
		return nil
	})
	enqueue(t, q, Job{Kind: "fails", Key: "k"})
	enqueue(t, q, Job{Kind: "holds", Key: "k"})
	start(t, q)
	<-began
	awaitState(t, q, "fails", Waiting) // after its pause, parked behind the other
	goOn <- true
	if j := <-began; j.Attempt != 2 {
		t.Errorf("attempt %d, want 2", j.Attempt)
	}
	awaitState(t, q, "fails", Done)
}
