// Package records reads recorded events: JSON lines in files, or records in
// memory, in the tables that Grail would show them in.
//
// A recording is one plain record a line, in the shape of a query's result.
// The field event.kind decides the tables: a DAVIS_PROBLEM is an update of a
// problem and appears in events, dt.davis.problems.snapshots and, if it is the
// latest of its problem, in dt.davis.problems.
package records

import (
	"errors"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// ErrNoTable says that a source does not have a table.
var ErrNoTable = errors.New("no such table")

// A table is a view of recorded events.
type table struct {
	kinds []string // of event.kind; none means all that no other table claims
	view  bool     // the current state of problems, not their updates
}

const problems = "dt.davis.problems"

// tables are the tables that recorded events appear in.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
var tables = map[string]table{
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

// elsewhere are the kinds that the table events does not hold.
var elsewhere = []string{metricPoint, "BIZ_EVENT", "SECURITY_EVENT", "AUDIT_EVENT", "QUERY_EXECUTION_EVENT", "BILLING_USAGE_EVENT"}

func (t table) holds(kind string) bool {
	if len(t.kinds) == 0 {
		return !slices.Contains(elsewhere, kind)
	}
	return slices.Contains(t.kinds, kind)
}

// header are the fields that place a record: in its table, in time, and among
// the updates of its problem.
var header = []string{"event.kind", "metric.key", "timestamp", "event.start", "event.end", "event.id", "display_id", "event.status"}

// A placed is the header of a record.
type placed [8]dql.Value

func place(r dql.Record) placed {
	var p placed
	for i, name := range header {
		p[i] = r.Get(name)
	}
	return p
}

// kind is event.kind, or metricPoint.
func (p *placed) kind() string {
	if !p[1].IsNull() {
		return metricPoint
	}
	s, _ := p[0].AsString()
	return s
}

// within reports whether a record belongs to [from, to): by its timestamp, else
// by the start of its event. A record without either is in every window;
// leaving it out could hide a problem.
func (p *placed) within(from, to time.Time) bool {
	t, ok := p[2].AsTime()
	if !ok {
		if t, ok = p[3].AsTime(); !ok {
			return true
		}
	}
	return !t.Before(from) && t.Before(to)
}
