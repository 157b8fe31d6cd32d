package queue

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A statement that is being read is not run again in its place, and one that
// failed is good for the next time.
func TestStatementsAreKept(t *testing.T) {
	q := openQueue(t, filepath.Join(t.TempDir(), "salve.db"))
	const numbers = `SELECT value FROM json_each($1)`
	err := q.store.atomically(t.Context(), func(x tx) error {
		var got []int
		err := x.each(t.Context(), numbers, []any{"[1,2]"}, func(outer scan) error {
			var a int
			if err := outer(&a); err != nil {
				return err
			}
			return x.each(t.Context(), numbers, []any{"[10,20,30]"}, func(inner scan) error {
				var b int
				err := inner(&b)
				got = append(got, a*b)
				return err
			})
		})
		if err != nil || fmt.Sprint(got) != "[10 20 30 20 40 60]" {
			t.Errorf("nested: %v, %v", got, err)
		}
		for _, list := range []string{"[", "[7]"} {
			n := 0
			err := x.each(t.Context(), numbers, []any{list}, func(s scan) error { return s(&n) })
			if (err == nil) != (n == 7) {
				t.Errorf("%s: %d, %v", list, n, err)
			}
		}
		for i := range maxStatements + 10 {
			n := 0
			if err := x.each(t.Context(), fmt.Sprintf(`SELECT %d`, i), nil, func(s scan) error { return s(&n) }); err != nil || n != i {
				t.Fatalf("statement %d: %d, %v", i, n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Whoever keeps a delivery waits for the transaction that is under way, not for
// all that jobs wait for.
func TestDeliveriesGoAhead(t *testing.T) {
	q := openQueue(t, filepath.Join(t.TempDir(), "salve.db"))
	handle(t, q, "event", Options{}, func(context.Context, Job) error { return nil })
	var over atomic.Int64
	var jobs sync.WaitGroup
	for range 50 {
		jobs.Go(func() {
			err := q.store.atomically(t.Context(), func(tx) error {
				time.Sleep(10 * time.Millisecond)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			over.Add(1)
		})
	}
	time.Sleep(30 * time.Millisecond)
	before := over.Load()
	enqueue(t, q, Job{Kind: "event"})
	waited := over.Load() - before
	jobs.Wait()
	if waited > 3 {
		t.Errorf("the delivery waited for %d transactions, want the one under way", waited)
	}
}
