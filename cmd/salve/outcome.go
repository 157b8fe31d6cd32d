package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/outcome"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/remedy"
)

// watch gives merged pull requests their verdict, as far as a cycle knows it.
func (a *app) watch(ctx context.Context, repos []*plan.Repository, report remedy.Report, now time.Time) error {
	seen := outcome.Observation{
		Complete: report.Complete(),
		Next:     func(class string) (int, string) { return a.next(ctx, repos, report, class, now) },
	}
	for _, d := range report.Decisions {
		seen.Seen = append(seen.Seen, outcome.Seen{Problem: d.Problem, Class: d.Key})
	}
	return a.outcome.Run(ctx, repos, seen, now)
}

// past is what package remedy knows of some time, as package outcome wants it.
func (a *app) past(ctx context.Context, repos []*plan.Repository, span time.Duration) (outcome.Observation, error) {
	past, err := a.remedy.Past(ctx, repos, span)
	seen := outcome.Observation{Complete: past.Quality == dql.OK && past.Unread == 0}
	for _, s := range past.Seen {
		seen.Seen = append(seen.Seen, outcome.Seen(s))
	}
	return seen, err
}

// next says what follows for a class of problem: what a cycle made of it or,
// where that is left to a job of its own, what would be planned now.
func (a *app) next(ctx context.Context, repos []*plan.Repository, r remedy.Report, class string, now time.Time) (pull int, text string) {
	if a.notes == nil { // else the report tells of the last time
		for _, p := range r.Plans {
			if p.Proposal.Key == class && p.Opened.Pull.Number > 0 {
				return p.Opened.Pull.Number, fmt.Sprintf("It proposes %s in place of %s, by the rule %s", p.To, p.From, p.Rule)
			}
		}
		for _, d := range r.Decisions {
			if d.Key == class && !d.Reason.None() {
				return 0, "Nothing for now: " + d.Reason.Text
			}
		}
	}
	planned, why, err := a.foresee(ctx, repos, r, class, now)
	switch {
	case err != nil || why.None() && planned.To == "":
		return 0, ""
	case !why.None():
		return 0, "Nothing for now: " + why.Text
	}
	return 0, fmt.Sprintf("Next is %s in place of %s, by the rule %s", planned.To, planned.From, planned.Rule)
}

// foresee works out what would be proposed for a class of problem now, and
// writes nothing. A zero plan without a reason is one for which there is no
// task.
func (a *app) foresee(ctx context.Context, repos []*plan.Repository, r remedy.Report, class string, now time.Time) (plan.Plan, policy.Reason, error) {
	i := slices.IndexFunc(r.Tasks, func(t remedy.Task) bool { return t.Key == class })
	if i < 0 {
		return plan.Plan{}, policy.Reason{}, nil
	}
	j := slices.IndexFunc(repos, func(repo *plan.Repository) bool { return repo.Repo == r.Tasks[i].Repo })
	if j < 0 {
		return plan.Plan{}, policy.Reason{}, nil
	}
	dry := *a.remedy
	dry.Maker = &propose.Maker{Planner: a.maker.Planner, History: a.maker.History, Wishes: a.maker.Wishes}
	made, err := dry.Answer(ctx, repos[j], r.Tasks[i], now)
	return made.Planned.Plan, made.Reason.Reason, err
}
