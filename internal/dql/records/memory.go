package records

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// Memory is a source of records in memory.
type Memory []dql.Record

// Fetch yields the records of a table in [from, to); the table
// dt.davis.problems holds the state as of to of the problems whose lifetime
// touches that window.
func (m Memory) Fetch(_ context.Context, name string, from, to time.Time) (iter.Seq2[dql.Record, error], error) {
	t, ok := tables[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, ErrNoTable)
	}
	if t.view {
		return m.view(t, from, to), nil
	}
	return func(yield func(dql.Record, error) bool) {
		for _, r := range m {
			p := place(r)
			if t.holds(p.kind()) && p.within(from, to) && !yield(r, nil) {
				return
			}
		}
	}, nil
}

func (m Memory) view(t table, from, to time.Time) iter.Seq2[dql.Record, error] {
	return func(yield func(dql.Record, error) bool) {
		v := newView[dql.Record](to)
		for _, r := range m {
			p := place(r)
			if t.holds(p.kind()) {
				if e := v.entry(p.state()); e != nil {
					e.record = r
				}
			}
		}
		for _, e := range v.list {
			if e.state.touches(from, to) && !yield(e.record, nil) {
				return
			}
		}
	}
}
