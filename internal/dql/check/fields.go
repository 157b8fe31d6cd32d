package check

import "github.com/salvehq/salve/internal/dql"

// events are the tables with records of problems.
var events = map[string]bool{
	"events": true, "dt.davis.problems": true, "dt.davis.problems.snapshots": true, "dt.davis.events": true,
}

// strangers are the names that people give to fields of problems which
// Dynatrace does not set, and what to write instead.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
var strangers = map[string]string{
	"problem.status":       `write event.status, which is "ACTIVE" or "CLOSED"`,
	"problem.severity":     "derive it from event.severity (1 is the most severe) or event.category",
	"problem.title":        "write event.name",
	"problem.id":           "write event.id",
	"title":                "write event.name",
	"status":               `write event.status, which is "ACTIVE" or "CLOSED"`,
	"severity":             "write event.severity (1 is the most severe) or event.category",
	"problem_url":          "it can be built from event.id",
	"affected_entity.name": "expand affected_entity_names, or write matchesPhrase(affected_entity_names, …)",
	"affected_entity.id":   "write in(…, affected_entity_ids)",
	"affected_entity.type": `write in("dt.entity.host", affected_entity_types)`,
	"root_cause_entity.id": "write root_cause_entity_id",
	"duration_minutes":     "write (coalesce(event.end, now()) - event.start) / 1m",
	"duration":             "write resolved_problem_duration, or coalesce(event.end, now()) - event.start",
	"management_zones":     "it is not on problems; entity_tags may serve",
}

// fieldTypes are the types of the fields of problems.
var fieldTypes = map[string]dql.Kind{
	"timestamp": dql.KindTimestamp, "event.start": dql.KindTimestamp, "event.end": dql.KindTimestamp,
	"resolved_problem_duration": dql.KindDuration,
	"event.id":                  dql.KindString, "event.kind": dql.KindString, "event.name": dql.KindString,
	"event.status": dql.KindString, "event.category": dql.KindString, "event.description": dql.KindString,
	"event.status_transition": dql.KindString, "display_id": dql.KindString,
	"root_cause_entity_id": dql.KindString, "root_cause_entity_name": dql.KindString, "dt.davis.mute.status": dql.KindString,
	"affected_entity_ids": dql.KindArray, "affected_entity_types": dql.KindArray, "affected_entity_names": dql.KindArray,
	"related_entity_ids": dql.KindArray, "entity_tags": dql.KindArray, "dt.davis.event_ids": dql.KindArray,
	"dt.davis.is_duplicate": dql.KindBoolean, "dt.davis.is_frequent_event": dql.KindBoolean,
	"maintenance.is_under_maintenance": dql.KindBoolean, "dt.analysis.ready": dql.KindBoolean,
}
