package queue

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// A Fact is something to remember: the deadline of a gate, a sample, a label
// that a person gave to a problem.
type Fact struct {
	Name    string
	Value   []byte
	Expires time.Time // UTC; zero for never
}

// Put remembers value under name until expires, for ever if that is zero. It
// replaces what was there.
func (q *Queue) Put(ctx context.Context, bucket, name string, value []byte, expires time.Time) error {
	return q.facts(ctx, bucket, func(t tx) error { return putFact(ctx, t, bucket, name, value, expires) })
}

const upsertFact = `INSERT INTO salve_fact (bucket, name, value, expires) VALUES ($1, $2, $3, $4)
	ON CONFLICT (bucket, name) DO UPDATE SET value = excluded.value, expires = excluded.expires`

func putFact(ctx context.Context, t tx, bucket, name string, value []byte, expires time.Time) error {
	if value == nil {
		value = []byte{} // nil is NULL
	}
	_, err := t.exec(ctx, upsertFact, bucket, name, value, seconds(expires))
	return err
}

// First remembers value as Put does unless there is a value already, and
// returns the value that stands: whichever replica came first decides, say, the
// deadline of a gate.
func (q *Queue) First(ctx context.Context, bucket, name string, value []byte, expires time.Time) (stands []byte, err error) {
	err = q.facts(ctx, bucket, func(t tx) error {
		_, err := t.exec(ctx, `DELETE FROM salve_fact WHERE bucket = $1 AND name = $2 AND `+expired(t), bucket, name)
		if err != nil {
			return err
		}
		if value == nil {
			value = []byte{}
		}
		// An update that changes nothing returns the row, and locks it.
		return t.each(ctx, `INSERT INTO salve_fact (bucket, name, value, expires) VALUES ($1, $2, $3, $4)
			ON CONFLICT (bucket, name) DO UPDATE SET bucket = excluded.bucket RETURNING value`,
			[]any{bucket, name, value, seconds(expires)}, func(s scan) error { return s(&stands) })
	})
	return stands, err
}

// Get returns the value under name; found is false if there is none or it has
// expired by the clock of the database.
func (q *Queue) Get(ctx context.Context, bucket, name string) (value []byte, found bool, err error) {
	err = q.facts(ctx, bucket, func(t tx) error {
		return t.each(ctx, `SELECT value FROM salve_fact WHERE bucket = $1 AND name = $2 AND NOT `+expired(t),
			[]any{bucket, name}, func(s scan) error { found = true; return s(&value) })
	})
	return value, found, err
}

// List yields the facts of a bucket by name. It reads them in pages and holds
// no transaction while the caller works on one. An error comes last.
func (q *Queue) List(ctx context.Context, bucket string) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		for last := ""; ; {
			page, err := q.page(ctx, bucket, last)
			if err != nil {
				yield(Fact{}, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
				last = f.Name
			}
			if len(page) < factsPerPage {
				return
			}
		}
	}
}

const factsPerPage = 500

func (q *Queue) page(ctx context.Context, bucket, after string) (page []Fact, err error) {
	err = q.facts(ctx, bucket, func(t tx) error {
		return t.each(ctx, `SELECT name, value, expires FROM salve_fact
			WHERE bucket = $1 AND name > $2 AND NOT `+expired(t)+` ORDER BY name LIMIT $3`,
			[]any{bucket, after, factsPerPage}, func(s scan) error {
				var f Fact
				var expires float64
				err := s(&f.Name, &f.Value, &expires)
				f.Expires = fromSeconds(expires)
				page = append(page, f)
				return err
			})
	})
	return page, err
}

// Delete forgets what is under name, if anything is.
func (q *Queue) Delete(ctx context.Context, bucket, name string) error {
	return q.facts(ctx, bucket, func(t tx) error {
		_, err := t.exec(ctx, `DELETE FROM salve_fact WHERE bucket = $1 AND name = $2`, bucket, name)
		return err
	})
}

// expire removes facts that have expired.
func (q *Queue) expire(ctx context.Context) error {
	return q.store.atomically(ctx, func(t tx) error {
		_, err := t.exec(ctx, `DELETE FROM salve_fact WHERE `+expired(t))
		return err
	})
}

func (q *Queue) facts(ctx context.Context, bucket string, do func(tx) error) error {
	if err := q.store.atomically(ctx, do); err != nil {
		return fmt.Errorf("facts of %s: %w", bucket, err)
	}
	return nil
}

func expired(t tx) string { return `(expires > 0 AND expires <= ` + t.words().epoch + `)` }

// seconds is t in the database: since 1970, with a fraction; 0 for no time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}

func fromSeconds(s float64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(s*1e6 + 0.5)).UTC()
}
