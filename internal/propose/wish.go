package propose

import (
	"context"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/policy"
)

// Wishes is where what people said about proposals is kept, by the key of the
// proposal. It is in the database: when that is lost, what was ignored is
// proposed again, once.
type Wishes interface {
	Get(ctx context.Context, bucket, name string) (value []byte, found bool, err error)
	Put(ctx context.Context, bucket, name string, value []byte, expires time.Time) error
	Delete(ctx context.Context, bucket, name string) error
}

// Buckets of [Wishes].
const (
	Ignored      = "ignored"      // by whom
	reconsidered = "reconsidered" // when; refusals before it are forgotten
	Urgent       = "urgent"       // by whom; limits and quiet times do not hold it back
)

// Reconsider forgets that people did not want a proposal before at.
func Reconsider(ctx context.Context, w Wishes, key string, at time.Time) error {
	if err := w.Delete(ctx, Ignored, key); err != nil {
		return err
	}
	return w.Put(ctx, reconsidered, key, []byte(at.UTC().Format(time.RFC3339Nano)), time.Time{})
}

// wish returns why people do not want a proposal, or else the time before which
// their refusals are forgotten.
func (m *Maker) wish(ctx context.Context, key string) (why policy.Reason, since time.Time, err error) {
	if m.Wishes == nil {
		return policy.Reason{}, time.Time{}, nil
	}
	by, found, err := m.Wishes.Get(ctx, Ignored, key)
	if err != nil {
		return policy.Reason{}, time.Time{}, fmt.Errorf("wishes about %s: %w", key, err)
	}
	if found {
		return policy.Reason{Code: policy.Declined, Text: fmt.Sprintf("%s said /salve ignore", by)}, time.Time{}, nil
	}
	text, found, err := m.Wishes.Get(ctx, reconsidered, key)
	if err != nil {
		return policy.Reason{}, time.Time{}, fmt.Errorf("wishes about %s: %w", key, err)
	}
	if found {
		since, _ = time.Parse(time.RFC3339Nano, string(text)) // ours; zero forgets nothing
	}
	return policy.Reason{}, since, nil
}

// urgent reports whether people want a proposal whatever the limits say.
func (m *Maker) urgent(ctx context.Context, key string) (bool, error) {
	if m.Wishes == nil {
		return false, nil
	}
	_, found, err := m.Wishes.Get(ctx, Urgent, key)
	if err != nil {
		return false, fmt.Errorf("wishes about %s: %w", key, err)
	}
	return found, nil
}
