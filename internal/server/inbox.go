package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// An Inbox keeps events in memory until a worker has handled them. It is
// bounded: what does not fit is refused, so that GitHub shows the delivery as
// failed and it can be delivered again. What it holds is lost when the process
// ends; the next cycle of the schedule reaches the same state.
type Inbox struct {
	Handle func(ctx context.Context, e forge.Event) error
	Limit  time.Duration // of handling one event
	Log    *slog.Logger

	events chan forge.Event
	mu     sync.Mutex
	seen   map[string]bool // delivery GUIDs, the last maxSeen of them
	order  []string
}

// maxSeen is how many deliveries an Inbox remembers.
const maxSeen = 10_000

// NewInbox returns an inbox with room for size events.
func NewInbox(size int, limit time.Duration, log *slog.Logger, handle func(context.Context, forge.Event) error) *Inbox {
	return &Inbox{Handle: handle, Limit: limit, Log: log,
		events: make(chan forge.Event, size), seen: map[string]bool{}}
}

// Accept keeps e. It fails with ErrSeen for a delivery it has had, and with
// ErrFull if there is no room.
func (b *Inbox) Accept(_ context.Context, e forge.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[e.Delivery] {
		return ErrSeen
	}
	select {
	case b.events <- e:
	default:
		return ErrFull
	}
	b.remember(e.Delivery)
	return nil
}

// forget lets a delivery that was not handled be delivered again.
func (b *Inbox) forget(delivery string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.seen, delivery)
}

func (b *Inbox) remember(delivery string) {
	b.seen[delivery] = true
	b.order = append(b.order, delivery)
	if len(b.order) > maxSeen {
		delete(b.seen, b.order[0])
		b.order = b.order[1:]
	}
}

// Work handles events with n workers until ctx is done.
func (b *Inbox) Work(ctx context.Context, n int) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-b.events:
					b.handle(ctx, e)
				}
			}
		})
	}
	wg.Wait()
}

func (b *Inbox) handle(ctx context.Context, e forge.Event) {
	log := b.Log.With("delivery", e.Delivery, "event", e.Kind, "action", e.Action, "repo", e.Repo.String())
	defer func() {
		if p := recover(); p != nil {
			log.Error("event handler panicked", "panic", p)
			b.forget(e.Delivery)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, b.Limit)
	defer cancel()
	start := time.Now()
	if err := b.Handle(ctx, e); err != nil {
		log.Error("event not handled", "err", err, "took", time.Since(start))
		b.forget(e.Delivery)
		return
	}
	log.Info("event handled", "took", time.Since(start))
}
