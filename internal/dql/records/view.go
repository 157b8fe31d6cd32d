package records

import (
	"math"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// unknown is a time that a record does not say.
const unknown = math.MinInt64

// A state is what the view of problems needs to know of one update. Times are
// nanoseconds since the epoch, so that a state holds no pointers but its id.
type state struct {
	id         string
	at         int64 // of the update
	start, end int64
	closed     bool
}

func nanos(v dql.Value) int64 {
	if t, ok := v.AsTime(); ok {
		return t.UnixNano()
	}
	return unknown
}

// state reads an update of a problem. An update without an id is a problem of
// its own.
func (p *placed) state() state {
	s := state{at: nanos(p[2]), start: nanos(p[3]), end: nanos(p[4])}
	if s.at == unknown {
		s.at = max(s.start, s.end)
	}
	if s.id, _ = p[5].AsString(); s.id == "" {
		s.id, _ = p[6].AsString()
	}
	status, _ := p[7].AsString()
	s.closed = status == "CLOSED"
	return s
}

// after reports whether s is a later update than t. Of two at the same time
// the one that closes the problem is.
func (s *state) after(t *state) bool {
	if s.at != t.at {
		return s.at > t.at
	}
	return s.closed || !t.closed
}

// touches reports whether the lifetime of a problem overlaps [from, to). A
// problem whose start is unknown is not left out.
func (s *state) touches(from, to time.Time) bool {
	return s.start < to.UnixNano() && (s.end == unknown || s.end >= from.UnixNano())
}

// A view keeps the latest update of each problem.
type view[T any] struct {
	to   int64 // updates from then on are not known yet
	list []*viewed[T]
	byID map[string]*viewed[T]
	free []viewed[T]
}

type viewed[T any] struct {
	state  state
	record T
}

func newView[T any](to time.Time) *view[T] {
	return &view[T]{to: to.UnixNano(), byID: map[string]*viewed[T]{}}
}

// entry returns where to put the record of an update, nil if a later update is
// known.
func (v *view[T]) entry(s state) *viewed[T] {
	if s.at >= v.to {
		return nil
	}
	old := v.byID[s.id]
	switch {
	case old == nil || s.id == "":
		s.id = strings.Clone(s.id)
		e := v.grow()
		e.state = s
		v.list = append(v.list, e)
		v.byID[s.id] = e
		return e
	case s.after(&old.state):
		s.id = old.state.id
		old.state = s
		return old
	}
	return nil
}

// grow returns a new entry; they are made many at a time.
func (v *view[T]) grow() *viewed[T] {
	if len(v.free) == 0 {
		v.free = make([]viewed[T], min(1+len(v.list), 512))
	}
	e := &v.free[0]
	v.free = v.free[1:]
	return e
}

// absorb takes the updates of w, which were recorded after those of v.
func (v *view[T]) absorb(w *view[T]) {
	for _, e := range w.list {
		if mine := v.entry(e.state); mine != nil {
			mine.record = e.record
		}
	}
}
