package tune

import (
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// A Detector is one row of alert-rule-optimization: what opened problems of one
// title on one type of entity, and how they ended.
type Detector struct {
	Title    string // event.name of its problems
	Action   string // optimization_action
	Category string
	Entity   string // affected_entity.type
	Object   string // dt.settings.object_id, where the tenant maps it
	Problems int64
	Closed   int64
	Short    int64 // closed by themselves within minutes
	Days     int64 // on which problems began
	Rate     float64
	Average  float64 // minutes
	First    time.Time
	Examples []string // display ids
	Names    []string // of affected entities
}

func detectorOf(r dql.Record) Detector {
	long := func(name string) int64 { n, _ := r.Get(name).AsLong(); return n }
	double := func(name string) float64 { f, _ := r.Get(name).AsDouble(); return f }
	return Detector{
		Title: r.Text("event.name"), Action: r.Text("optimization_action"),
		Category: r.Text("event.category"), Entity: r.Text("affected_entity.type"), Object: r.Text("dt.settings.object_id"),
		Problems: long("problem_count"), Closed: long("closed_count"), Short: long("short_count"), Days: long("distinct_days"),
		Rate: double("false_positive_rate"), Average: double("avg_duration"),
		First: r.Time("first_seen"), Examples: r.Texts("display_ids"), Names: r.Texts("affected_entity_names"),
	}
}

// tooLittle is the reason where a detector has not said enough to be changed.
func (d Detector) tooLittle() policy.Reason {
	switch {
	case d.Category == "AVAILABILITY":
		return policy.Reason{Code: plan.LeftAlone, Text: "detectors of availability are not made less sensitive"}
	case d.Closed < minClosed || d.Days < minDays:
		return policy.Reason{Code: plan.LeftAlone, Text: fmt.Sprintf(
			"%d closed problems on %d days; a change is due from %d on %d days", d.Closed, d.Days, minClosed, minDays)}
	}
	return policy.Reason{}
}

// row is what the conditions of remedies look at.
func (d Detector) row() plan.Row {
	return plan.Row{Action: d.Action, Category: d.Category, Title: d.Title, Entity: []string{strings.ToLower(d.Entity)}}
}

// evidence is the detector as a pull request shows it.
func (d Detector) evidence() prose.Evidence {
	return prose.Evidence{
		Problem: strings.Join(d.Examples, ", "), Title: d.Title, Start: d.First, Affected: d.Names,
	}
}

// notes are the figures that the action rests on.
func (d Detector) notes() []string {
	return []string{
		fmt.Sprintf("%d problems in 30 days, %d of them closed, on %d days", d.Problems, d.Closed, d.Days),
		fmt.Sprintf("%d closed by themselves within minutes (%.0f %%); they lasted %.0f minutes on average", d.Short, d.Rate, d.Average),
		fmt.Sprintf("the query alert-rule-optimization says %s", d.Action),
	}
}

// names lists the remedies for alerts that answer a row, the highest priority
// of the first repository first.
func names(repos []*plan.Repository, row plan.Row) []string {
	var out []string
	seen := map[string]bool{}
	for _, repo := range repos {
		for _, rem := range repo.Remedies {
			if rem.Answers == plan.Alert && !seen[rem.Name] && rem.When.Matches(row) {
				seen[rem.Name] = true
				out = append(out, rem.Name)
			}
		}
	}
	return out
}

func wheres(found []plan.Target) string {
	var out []string
	for _, t := range found {
		out = append(out, t.Repo.Repo.String()+" "+t.Where)
	}
	return strings.Join(out, ", ")
}
