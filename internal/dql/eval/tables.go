package eval

import (
	"slices"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A kindTable is a table of recorded events.
type kindTable struct {
	kinds []string // of event.kind; none means all that no other table claims
	view  bool     // current state of problems, not their updates
}

const problems = "dt.davis.problems"

// tables are the tables that recorded events appear in.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
var tables = map[string]kindTable{
	"events":                      {},
	problems:                      {kinds: []string{"DAVIS_PROBLEM"}, view: true},
	"dt.davis.problems.snapshots": {kinds: []string{"DAVIS_PROBLEM"}},
	"dt.davis.events":             {kinds: []string{"DAVIS_EVENT"}},
	"dt.davis.events.snapshots":   {kinds: []string{"DAVIS_EVENT"}},
	"metrics":                     {kinds: []string{metricPoint}},
	"bizevents":                   {kinds: []string{"BIZ_EVENT"}},
	"security.events":             {kinds: []string{"SECURITY_EVENT"}},
	"dt.system.events":            {kinds: []string{"AUDIT_EVENT", "QUERY_EXECUTION_EVENT", "BILLING_USAGE_EVENT"}},
}

// metricPoint is the kind of a record that is a point of a metric: it has
// metric.key, timestamp, value and dimensions.
const metricPoint = "metric point"

func kindOf(r dql.Record) string {
	if r.Has("metric.key") {
		return metricPoint
	}
	return r.Text("event.kind")
}

// elsewhere are the kinds that the table events does not hold.
var elsewhere = []string{metricPoint, "BIZ_EVENT", "SECURITY_EVENT", "AUDIT_EVENT", "QUERY_EXECUTION_EVENT", "BILLING_USAGE_EVENT"}

func (t kindTable) holds(kind string) bool {
	if len(t.kinds) == 0 {
		return !slices.Contains(elsewhere, kind)
	}
	return slices.Contains(t.kinds, kind)
}

// inWindow reports whether a record belongs to [from, to): by its timestamp,
// else by the start of its event. A record without either is in every window;
// leaving it out could hide a problem.
func inWindow(r dql.Record, from, to time.Time) bool {
	t, ok := r.Get("timestamp").AsTime()
	if !ok {
		if t, ok = r.Get("event.start").AsTime(); !ok {
			return true
		}
	}
	return !t.Before(from) && t.Before(to)
}

// A state is what the view of problems needs to know of one update.
type state struct {
	id         string
	at         time.Time // of the update
	start, end time.Time // zero if unknown
	closed     bool
}

func stateOf(r dql.Record) state {
	s := state{id: r.Text("event.id"), start: r.Time("event.start"), end: r.Time("event.end"), at: r.Time("timestamp")}
	if s.id == "" {
		s.id = r.Text("display_id")
	}
	if s.at.IsZero() {
		s.at = s.start
		if !s.end.IsZero() {
			s.at = s.end
		}
	}
	s.closed = r.Text("event.status") == "CLOSED"
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

func newView(to time.Time) *view[dql.Record] {
	return &view[dql.Record]{to: to, byID: map[string]*viewed[dql.Record]{}}
}

func (v *view[T]) add(s state, r T) {
	if !s.at.IsZero() && !s.at.Before(v.to) {
		return
	}
	old := v.byID[s.id]
	switch {
	case old == nil || s.id == "":
		e := &viewed[T]{s, r}
		v.list = append(v.list, e)
		v.byID[s.id] = e
	case s.after(old.state):
		old.state, old.record = s, r
	}
}
