package records

import (
	"strings"
	"time"
)

// A state is what the view of problems needs to know of one update.
type state struct {
	id         string
	at         time.Time // of the update
	start, end time.Time // zero if unknown
	closed     bool
}

// state reads an update of a problem. An update without an id is a problem of
// its own.
func (p *placed) state() state {
	var s state
	s.start, _ = p[3].AsTime()
	if p[3].IsNull() {
		s.start = time.Time{}
	}
	if end, ok := p[4].AsTime(); ok {
		s.end = end
	}
	if at, ok := p[2].AsTime(); ok {
		s.at = at
	} else if s.at = s.start; !s.end.IsZero() {
		s.at = s.end
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
func (s state) after(t state) bool {
	if !s.at.Equal(t.at) {
		return s.at.After(t.at)
	}
	return s.closed || !t.closed
}

// touches reports whether the lifetime of a problem overlaps [from, to). A
// problem whose start is unknown is not left out.
func (s state) touches(from, to time.Time) bool {
	return s.start.Before(to) && (s.end.IsZero() || !s.end.Before(from))
}

// A view keeps the latest update of each problem.
type view[T any] struct {
	to   time.Time // updates from then on are not known yet
	list []*viewed[T]
	byID map[string]*viewed[T]
}

type viewed[T any] struct {
	state  state
	record T
}

func newView[T any](to time.Time) *view[T] {
	return &view[T]{to: to, byID: map[string]*viewed[T]{}}
}

// entry returns where to put the record of an update, nil if a later update is
// known.
func (v *view[T]) entry(s state) *viewed[T] {
	if !s.at.IsZero() && !s.at.Before(v.to) {
		return nil
	}
	old := v.byID[s.id]
	switch {
	case old == nil || s.id == "":
		s.id = strings.Clone(s.id)
		e := &viewed[T]{state: s}
		v.list = append(v.list, e)
		v.byID[s.id] = e
		return e
	case s.after(old.state):
		s.id = old.state.id
		old.state = s
		return old
	}
	return nil
}

// absorb takes the updates of w, which were recorded after those of v.
func (v *view[T]) absorb(w *view[T]) {
	for _, e := range w.list {
		if mine := v.entry(e.state); mine != nil {
			mine.record = e.record
		}
	}
}
