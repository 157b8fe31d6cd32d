package problem

import (
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

func record(fields map[string]dql.Value) dql.Record {
	all := map[string]dql.Value{
		"display_id":   dql.String("P-1"),
		"event.id":     dql.String("-6597_1790268660000V2"),
		"event.status": dql.String("ACTIVE"),
	}
	for k, v := range fields {
		all[k] = v
	}
	var names []string
	var values []dql.Value
	for k, v := range all {
		names, values = append(names, k), append(values, v)
	}
	return dql.NewRecord(names, values)
}

func TestFromRecord(t *testing.T) {
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	p, err := FromRecord(record(map[string]dql.Value{
		"event.name":             dql.String("Backoff event"),
		"event.start":            dql.Time(start),
		"problem.severity":       dql.String("HIGH"),
		"affected_entity_ids":    dql.Strings("CLOUD_APPLICATION-1", "CLOUD_APPLICATION-2"),
		"affected_entity_names":  dql.Strings("checkout"),
		"affected_entity_types":  dql.Strings("dt.entity.cloud_application"),
		"root_cause_entity.id":   dql.String("HOST-1"),
		"k8s.namespace.name":     dql.Strings("shop"),
		"k8s.workload.name":      dql.Strings("checkout"),
		"k8s.workload.kind":      dql.Strings("Deployment"),
		"dt.davis.is_duplicate":  dql.Bool(false),
		"dt.davis.mute.status":   dql.String("MUTED"),
		"dt.davis.event_ids":     dql.Strings("a", "b"),
		"resolved_problem_other": dql.Null,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Active || !p.Muted || p.Duplicate || !p.Ready || p.Severity != SeverityHigh {
		t.Errorf("flags of %+v", p)
	}
	if got := p.Workload; got != (Workload{Namespace: "shop", Kind: "deployment", Name: "checkout"}) {
		t.Errorf("workload = %+v", got)
	}
	if len(p.Entities()) != 3 || p.Affected[1].Type != "dt.entity.cloud_application" || p.Affected[1].Name != "" {
		t.Errorf("entities = %+v", p.Entities())
	}
	if d := p.Duration(start.Add(time.Hour)); d != time.Hour {
		t.Errorf("duration = %v", d)
	}
}

func TestFromRecordRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		fields map[string]dql.Value
		want   string
	}{
		"no id":        {map[string]dql.Value{"event.id": dql.Null}, "want display_id and event.id"},
		"open":         {map[string]dql.Value{"event.status": dql.String("OPEN")}, `event.status is "OPEN"`},
		"bad severity": {map[string]dql.Value{"problem.severity": dql.String("SEVERE")}, `problem.severity is "SEVERE"`},
	} {
		if _, err := FromRecord(record(tt.fields)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

func TestNotReadyIsSaid(t *testing.T) {
	p, err := FromRecord(record(map[string]dql.Value{"dt.analysis.ready": dql.Bool(false)}))
	if err != nil || p.Ready {
		t.Errorf("ready = %v, %v; want false", p.Ready, err)
	}
}
