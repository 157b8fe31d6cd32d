// Package problem describes what Dynatrace knows about a Davis problem.
//
// Field names and values are those of the semantic dictionary,
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
package problem

import (
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// An ID is the display ID of a problem, such as "P-2405193". People use it;
// it is "mostly unique", so programs use the EventID.
type ID string

// An EventID is event.id: stable while the problem is updated, renamed and
// reopened.
type EventID string

// An EntityID names a monitored entity, such as "HOST-3E2A1B0C9D8F7E6A".
type EntityID string

// An Entity is a host, a service or another thing that Dynatrace monitors.
type Entity struct {
	ID   EntityID
	Type string // "dt.entity.host"
	Name string // for people; not unique, and chosen by whoever runs the thing
}

// A Problem is one Davis problem as it stood when it was queried. Every string
// in it may have been chosen by an attacker.
type Problem struct {
	ID       ID
	Event    EventID
	Title    string // event.name: "Memory resources exhausted"
	Category string // event.category: AVAILABILITY, ERROR, SLOWDOWN, RESOURCE_CONTENTION, …
	Severity Severity
	Active   bool      // event.status is ACTIVE
	Start    time.Time // event.start, UTC
	End      time.Time // zero while active
	Updated  time.Time // time of this record

	Kind      string // affected_entity.type of the query: HOST, CLOUD_APPLICATION, SERVICE, …
	Affected  []Entity
	RootCause Entity // zero for most problems
	Tags      []string
	Hosts     []string
	Workload  Workload
	EventIDs  []string // dt.davis.event_ids: the way to the detector that fired

	Duplicate   bool
	Muted       bool
	Maintenance bool
	Frequent    bool
	Ready       bool // root-cause analysis is done: the moment to act; true where the tenant does not say
}

// A Workload is where Kubernetes runs what is affected.
type Workload struct {
	Cluster, Namespace string
	Kind               string // as Dynatrace spells it: "deployment", "statefulset"
	Name               string
	Several            bool // the problem names more than one workload
}

func (w Workload) String() string { return w.Namespace + "/" + w.Name }

// Duration is how long p lasted: until it closed or, while it is open, until
// now.
func (p Problem) Duration(now time.Time) time.Duration {
	if p.End.IsZero() {
		return now.Sub(p.Start)
	}
	return p.End.Sub(p.Start)
}

// Entities returns the affected entities and the root cause, each once.
func (p Problem) Entities() []Entity {
	out := append([]Entity(nil), p.Affected...)
	if p.RootCause.ID == "" && p.RootCause.Name == "" {
		return out
	}
	for _, e := range out {
		if e.ID == p.RootCause.ID {
			return out
		}
	}
	return append(out, p.RootCause)
}

// FromRecord reads a problem from one row of a catalog query. A row without
// display_id or event.id, with an unknown status or severity is an error; any
// other missing field is left zero.
func FromRecord(r dql.Record) (Problem, error) {
	p := Problem{
		ID:       ID(r.Text("display_id")),
		Event:    EventID(r.Text("event.id")),
		Title:    r.Text("event.name"),
		Category: r.Text("event.category"),
		Start:    r.Time("event.start"),
		End:      r.Time("event.end"),
		Updated:  r.Time("timestamp"),
		Kind:     r.Text("affected_entity.type"),
		Tags:     r.Texts("entity_tags"),
		Hosts:    r.Texts("host.name"),
		EventIDs: r.Texts("dt.davis.event_ids"),

		Duplicate:   r.True("dt.davis.is_duplicate"),
		Maintenance: r.True("maintenance.is_under_maintenance"),
		Frequent:    r.True("dt.davis.is_frequent_event"),
		Muted:       r.Text("dt.davis.mute.status") == "MUTED",
		Ready:       r.Get("dt.analysis.ready").IsNull() || r.True("dt.analysis.ready"),
	}
	if p.ID == "" || p.Event == "" {
		return Problem{}, fmt.Errorf("problem record %q: want display_id and event.id", string(p.ID)+string(p.Event))
	}
	switch s := r.Text("event.status"); s {
	case "ACTIVE":
		p.Active = true
	case "CLOSED":
	default:
		return Problem{}, fmt.Errorf("problem %s: event.status is %q, want ACTIVE or CLOSED", p.ID, s)
	}
	var err error
	if p.Severity, err = ParseSeverity(r.Text("problem.severity")); err != nil {
		return Problem{}, fmt.Errorf("problem %s: %w", p.ID, err)
	}
	p.Affected = entities(r)
	p.RootCause = Entity{
		ID:   EntityID(first(r.Text("root_cause_entity.id"), r.Text("root_cause_entity_id"))),
		Name: r.Text("root_cause_entity_name"),
	}
	p.Workload = workload(r)
	return p, nil
}

// entities pairs the three parallel arrays of a record. Older tenants leave
// out names; ids may be null.
func entities(r dql.Record) []Entity {
	ids, names, types := r.Texts("affected_entity_ids"), r.Texts("affected_entity_names"), r.Texts("affected_entity_types")
	out := make([]Entity, max(len(ids), len(names)))
	for i := range out {
		if i < len(ids) {
			out[i].ID = EntityID(ids[i])
		}
		if i < len(names) {
			out[i].Name = names[i]
		}
		// The types of a record are a set, not a column of the ids: one type
		// holds for all, several only where the counts agree.
		switch {
		case len(types) == 1:
			out[i].Type = types[0]
		case len(types) == len(out):
			out[i].Type = types[i]
		}
	}
	return out
}

func workload(r dql.Record) Workload {
	names, spaces := r.Texts("k8s.workload.name"), r.Texts("k8s.namespace.name")
	w := Workload{
		Cluster: r.Text("k8s.cluster.name"),
		Kind:    strings.ToLower(r.Text("k8s.workload.kind")),
		Several: len(names) > 1 || len(spaces) > 1,
	}
	if len(names) > 0 {
		w.Name = names[0]
	}
	if len(spaces) > 0 {
		w.Namespace = spaces[0]
	}
	return w
}

func first(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
