package remedy

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
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

// A group is the findings that one change answers.
type group struct {
	target    plan.Target
	findings  []finding
	decisions []int // index of each finding's decision in the report
}

// worst puts the most severe finding first, the oldest of equals.
func (g *group) worst() {
	order := make([]int, len(g.findings))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		p, q := g.findings[a].problem, g.findings[b].problem
		if p.Severity != q.Severity {
			return int(q.Severity - p.Severity)
		}
		return p.Start.Compare(q.Start)
	})
	findings, decisions := slices.Clone(g.findings), slices.Clone(g.decisions)
	for i, o := range order {
		g.findings[i], g.decisions[i] = findings[o], decisions[o]
	}
}

// cause is the gravest of what the titles say: a kill says more than use close
// to the limit.
func (g *group) cause() policy.Cause {
	causes := []policy.Cause{policy.OOMKill, policy.Throttling}
	if g.target.Remedy.Set == nil {
		return policy.Saturation
	}
	for _, want := range causes {
		for _, f := range g.findings {
			if g.target.Remedy.Set.CauseOf(f.problem.Title) == want {
				return want
			}
		}
	}
	return policy.Saturation
}

func (g *group) evidence() []prose.Evidence {
	out := make([]prose.Evidence, len(g.findings))
	for i, f := range g.findings {
		out[i] = f.evidence()
	}
	return out
}

func (g *group) ids() []problem.ID {
	out := make([]problem.ID, len(g.findings))
	for i, f := range g.findings {
		out[i] = f.problem.ID
	}
	return out
}

// cases groups findings by the change that answers them.
type cases struct {
	groups  []*group
	byKey   map[string]*group
	budgets map[forge.Repo]*budget
}

func newCases() *cases {
	return &cases{byKey: map[string]*group{}, budgets: map[forge.Repo]*budget{}}
}

func (c *cases) add(decision int, f finding, t plan.Target) {
	key := t.Key()
	g := c.byKey[key]
	if g == nil {
		g = &group{target: t}
		c.byKey[key] = g
		c.groups = append(c.groups, g)
	}
	g.findings = append(g.findings, f)
	g.decisions = append(g.decisions, decision)
}
