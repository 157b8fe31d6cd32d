package main

import (
	"context"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/outcome"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/remedy"
)

// watch gives merged pull requests their verdict, as far as a cycle knows it.
func (a *app) watch(ctx context.Context, repos []*plan.Repository, report remedy.Report, now time.Time) error {
	seen := outcome.Observation{
		Complete: report.Quality == dql.OK && report.Unread == 0,
		Next:     func(class string) (int, string) { return next(report, class) },
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

// next says what a cycle made of a class of problem.
func next(r remedy.Report, class string) (pull int, text string) {
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
	return 0, ""
}
