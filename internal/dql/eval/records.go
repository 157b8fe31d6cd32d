package eval

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// Records is a source of records in memory. The field event.kind decides the
// tables a record appears in, as [Tables] says.
func Records(recs []dql.Record) Source { return memory(recs) }

type memory []dql.Record

func (m memory) Fetch(_ context.Context, table string, from, to time.Time) (iter.Seq2[dql.Record, error], error) {
	t, ok := tables[table]
	if !ok {
		return nil, fmt.Errorf("%s: %w", table, ErrNoTable)
	}
	return func(yield func(dql.Record, error) bool) {
		if t.view {
			for _, r := range m.view(from, to) {
				if !yield(r, nil) {
					return
				}
			}
			return
		}
		for _, r := range m {
			if t.holds(kindOf(r)) && inWindow(r, from, to) && !yield(r, nil) {
				return
			}
		}
	}, nil
}

// view is the state of each problem as of to, for the problems whose lifetime
// touches [from, to).
func (m memory) view(from, to time.Time) []dql.Record {
	v := newView(to)
	for _, r := range m {
		if tables[problems].holds(kindOf(r)) {
			v.add(stateOf(r), r)
		}
	}
	var out []dql.Record
	for _, e := range v.list {
		if e.state.touches(from, to) {
			out = append(out, e.record)
		}
	}
	return out
}
