package remedy

import (
	"slices"
	"time"

	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/prose"
)

// A Task is one proposal to make: the problems that one change answers.
type Task struct {
	propose.Task
	Problem  problem.Problem // the most severe: it finds the place again
	Type     string          // remediation_type of Problem
	Action   string          // git_action of Problem
	Cause    policy.Cause
	Evidence []prose.Evidence // the most severe first; beyond what a body lists, only names
}

// task is what is to be done for a group.
func (g *group) task(now time.Time) Task {
	g.worst()
	worst := g.findings[0]
	return Task{
		Task: propose.TaskOf(g.target, now), Problem: worst.problem, Type: worst.kind, Action: worst.action,
		Cause: g.cause(), Evidence: g.evidence(),
	}
}

// finding is the most severe finding of a task.
func (t Task) finding() finding { return finding{t.Problem, t.Type, t.Action} }

// problems names what a task answers.
func (t Task) problems() []problem.ID {
	out := make([]problem.ID, len(t.Evidence))
	for i, e := range t.Evidence {
		out[i] = problem.ID(e.Problem)
	}
	return out
}

// A group is the findings that one change answers.
type group struct {
	target   plan.Target
	findings []finding
}

// worst puts the most severe finding first, the oldest of equals.
func (g *group) worst() {
	slices.SortStableFunc(g.findings, func(a, b finding) int {
		p, q := a.problem, b.problem
		if p.Severity != q.Severity {
			return int(q.Severity - p.Severity)
		}
		return p.Start.Compare(q.Start)
	})
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
		if i < prose.MaxRows {
			out[i] = f.evidence()
		} else {
			out[i].Problem = string(f.problem.ID)
		}
	}
	return out
}

// cases groups findings by the change that answers them.
type cases struct {
	groups []*group
	byKey  map[string]*group
}

func newCases() *cases { return &cases{byKey: map[string]*group{}} }

func (c *cases) add(key string, f finding, t plan.Target) {
	g := c.byKey[key]
	if g == nil {
		g = &group{target: t}
		c.byKey[key] = g
		c.groups = append(c.groups, g)
	}
	g.findings = append(g.findings, f)
}
