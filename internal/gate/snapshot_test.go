package gate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/gate"
)

// A slow is a tenant that takes three seconds, and then fails if it is broken.
type slow struct {
	asked  atomic.Int32
	broken atomic.Bool
}

func (s *slow) Query(ctx context.Context, _ dql.Query) (dql.Result, error) {
	s.asked.Add(1)
	time.Sleep(3 * time.Second)
	if s.broken.Load() {
		return dql.Result{}, errors.New("503")
	}
	return dql.Result{Quality: dql.OK}, nil
}

// Who asks while somebody asks waits for that answer, also where it is none; a
// good one serves for ten seconds, a bad one only who asks as of the same time.
func TestSourceAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queries, err := catalog.Default()
		if err != nil {
			t.Fatal(err)
		}
		tenant := &slow{}
		s := &gate.Source{Dynatrace: tenant, Catalog: queries}
		crowd := func(want dql.Quality) {
			t.Helper()
			done := make(chan gate.Snapshot)
			for range 100 {
				go func() { done <- s.Problems(t.Context(), time.Now()) }()
				time.Sleep(10 * time.Millisecond)
			}
			for range 100 {
				if got := <-done; got.Quality != want {
					t.Errorf("quality %v, want %v", got.Quality, want)
				}
			}
		}
		if s.Ready(time.Now()) {
			t.Error("ready before anybody asked")
		}
		tenant.broken.Store(true)
		crowd(dql.Failed)
		if got := tenant.asked.Load(); got != 1 {
			t.Errorf("a crowd asked a broken tenant %d times", got)
		}
		at := time.Now()
		s.Problems(t.Context(), at)
		s.Problems(t.Context(), at)
		if got := tenant.asked.Load(); got != 2 || s.Ready(at) {
			t.Errorf("asked %d times as of the same time, ready %v", got-1, s.Ready(at))
		}
		tenant.broken.Store(false)
		crowd(dql.OK)
		if got := tenant.asked.Load(); got != 3 || !s.Ready(time.Now()) {
			t.Errorf("a crowd asked %d times, ready %v", got-2, s.Ready(time.Now()))
		}
		time.Sleep(10 * time.Second)
		if s.Ready(time.Now()) {
			t.Error("an old answer serves")
		}

		go s.Problems(t.Context(), time.Now())
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got := s.Problems(short, time.Now()); got.Quality != dql.Failed || got.Unknown() == "" {
			t.Errorf("who did not wait got %+v", got)
		}
		time.Sleep(10 * time.Second)
	})
}
