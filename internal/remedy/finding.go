package remedy

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/prose"
)

// row is what the conditions of remedies look at.
func (f finding) row() plan.Row {
	entity := []string{strings.ToLower(f.problem.Kind)}
	if f.problem.Workload.Name != "" && f.problem.Kind != "HOST" {
		entity = append(entity, "workload")
	}
	return plan.Row{
		Action: f.action, Type: f.kind, Category: f.problem.Category, Title: f.problem.Title,
		Entity: entity, Tags: f.problem.Tags,
	}
}

// subject is what repositories are searched for.
func (f finding) subject() plan.Subject {
	w := f.problem.Workload
	s := plan.Subject{
		Cluster: w.Cluster, Namespace: w.Namespace, Kind: w.Kind, Workload: w.Name, Several: w.Several, Title: f.problem.Title,
	}
	if w.Name != "" && w.Namespace != "" && !w.Several {
		s.Subject.Workload = w.String()
	}
	s.Tags = f.problem.Tags
	s.Names = slices.Clone(f.problem.Hosts)
	for _, e := range f.problem.Entities() {
		if e.ID != "" {
			s.Entities = append(s.Entities, string(e.ID))
		}
		if e.Name != "" && !slices.Contains(s.Names, e.Name) {
			s.Names = append(s.Names, e.Name)
		}
	}
	return s
}

// evidence is a problem as a pull request shows it.
func (f finding) evidence() prose.Evidence {
	e := prose.Evidence{
		Problem: string(f.problem.ID), Event: string(f.problem.Event), Title: f.problem.Title,
		Severity: f.problem.Severity.String(), Start: f.problem.Start, RootCause: f.problem.RootCause.Name,
	}
	for _, a := range f.problem.Affected {
		if a.Name != "" {
			e.Affected = append(e.Affected, a.Name)
		} else {
			e.Affected = append(e.Affected, string(a.ID))
		}
	}
	return e
}
