package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dashboard"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/outcome"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/internal/remedy"
)

// keeper returns what keeps dashboards, as the App that GitHub knows it to be.
func (a *app) keeper(ctx context.Context) (dashboard.Keeper, error) {
	self, err := a.github.Identity(ctx)
	if err != nil {
		return dashboard.Keeper{}, err
	}
	k := dashboard.Keeper{Host: a.host, App: self.Login(), Log: a.log}
	if a.notes != nil {
		k.Notes = a.notes
	}
	return k, nil
}

// boards brings the dashboards up to date: of repositories that ask for one,
// and of those that had one and do no longer, or cannot say so. Where Dynatrace
// gave no answer they stay as they are, and so do those of dry runs.
func (a *app) boards(ctx context.Context, repos []*plan.Repository, report remedy.Report, now time.Time) error {
	had, err := a.noted(ctx)
	if err != nil {
		return err
	}
	var k dashboard.Keeper
	var errs []error
	for _, repo := range repos {
		why := repo.Writes()
		wants, broken := why.None() && repo.Config.Dashboard, repo.Config == nil && len(repo.Faults) > 0
		switch {
		case why.Code == policy.DryRun, !wants && !had[repo.Repo.String()]:
			continue
		case wants && (report.Quality == dql.Failed || report.Quality == dql.UnverifiedEmpty):
			continue
		}
		if k.Host == nil {
			if k, err = a.keeper(ctx); err != nil {
				return errors.Join(append(errs, err)...)
			}
		}
		switch {
		case wants:
			b, err := a.board(ctx, repo, report, now)
			if err == nil {
				err = k.Keep(ctx, repo.Repo, b, now)
			}
			errs = append(errs, err)
		case broken:
			errs = append(errs, k.Keep(ctx, repo.Repo, dashboard.Board{Faults: faultsOf(repo)}, now))
		default:
			errs = append(errs, k.End(ctx, repo.Repo, now))
		}
	}
	return errors.Join(errs...)
}

// noted reads which repositories had a dashboard.
func (a *app) noted(ctx context.Context) (map[string]bool, error) {
	had := map[string]bool{}
	if a.notes == nil {
		return had, nil
	}
	for f, err := range a.notes.List(ctx, dashboard.Kept) {
		if err != nil {
			return nil, err
		}
		had[f.Name] = true
	}
	return had, nil
}

// outcomesFor is how far back a dashboard sums up what came of things.
const outcomesFor = 90 * 24 * time.Hour

// board is what the dashboard of a repository shows.
func (a *app) board(ctx context.Context, repo *plan.Repository, report remedy.Report, now time.Time) (dashboard.Board, error) {
	b := dashboard.Board{Faults: faultsOf(repo), Partial: !report.Complete()}
	pulls, err := a.host.OurPulls(ctx, repo.Repo)
	if err != nil {
		return b, err
	}
	classes := classesOf(repo.Repo, report)
	gone := prose.Label(repo.Config.Labels.Prefix, "problem-closed").Name
	open := map[string]bool{}
	for _, p := range pulls {
		m, _ := forge.ParseMarker(p.Body)
		item := dashboard.Item{Key: plan.KeyIn(repo.Repo, m.Key), Pull: p.Number, Title: p.Title}
		if c := classes[item.Key]; c != nil {
			item.Problems, item.Why = c.problems, c.why.Text
		} else if slices.Contains(p.Labels, gone) {
			item.Why = "its problems have closed"
		}
		b.Open, open[item.Key] = append(b.Open, item), true
	}
	for key, c := range classes {
		if item := (dashboard.Item{Key: key, Problems: c.problems, Why: c.why.Text}); !open[key] {
			place(&b, item, c.why.Code)
		}
	}
	b.Unmapped = unmapped(repo.Repo, report, a.host.private(repo.Repo))
	past, err := a.host.OurHistory(ctx, repo.Repo, now.Add(-outcomesFor))
	for _, s := range outcome.Add(past, false) {
		b.Outcomes = append(b.Outcomes, dashboard.Outcome{
			Remedy: s.Remedy, Opened: s.Opened, Merged: s.Merged, Effective: s.Effective, Ineffective: s.Ineffective, Undecided: s.Undecided,
		})
	}
	return b, err
}

// place puts a change that is not open into the list that its reason belongs
// to. One without a reason is being proposed.
func place(b *dashboard.Board, item dashboard.Item, why policy.Code) {
	switch why {
	case "":
	case policy.TooManyOpen, policy.TooManyOfService, policy.TooManyThisHour, policy.QuietHours:
		b.Waiting = append(b.Waiting, item)
	case policy.Declined:
		b.Declined = append(b.Declined, item)
	default:
		b.Others = append(b.Others, item)
	}
}

// A problemClass is the open problems that one change would answer.
type problemClass struct {
	problems []string
	why      policy.Reason // why it is not proposed, as far as known
}

// classesOf returns the classes of a repository by key.
func classesOf(repo forge.Repo, report remedy.Report) map[string]*problemClass {
	out := map[string]*problemClass{}
	for _, d := range report.Decisions {
		key, err := plan.ParseKey(d.Key)
		if err != nil || key.Repo != repo {
			continue
		}
		c := out[d.Key]
		if c == nil {
			c = &problemClass{}
			out[d.Key] = c
		}
		c.problems = append(c.problems, string(d.Problem.ID))
		if !d.Reason.None() {
			c.why = d.Reason.Reason
		}
	}
	return out
}

// unmapped returns the problems that a line of configuration would map: those
// with a place in the repository, and where few can read the dashboard also
// those that no repository owns. What is known of other repositories is left
// out.
func unmapped(repo forge.Repo, report remedy.Report, private bool) []dashboard.Problem {
	var out []dashboard.Problem
	for _, d := range report.Decisions {
		p := dashboard.Problem{ID: string(d.Problem.ID), Title: d.Problem.Title, Why: d.Reason.Text, Snippet: d.Reason.Snippet}
		here := slices.DeleteFunc(slices.Clone(d.Reason.Candidates), func(c string) bool { return !strings.HasPrefix(c, repo.String()+" ") })
		switch n := len(d.Reason.Candidates); {
		case d.Key != "" || d.Reason.Snippet == "":
			continue
		case n == 0 && !private, n > 0 && len(here) == 0:
			continue
		case n > len(here):
			p.Snippet, p.Why = "", fmt.Sprintf("%d places could be meant, %d of them here", n, len(here))
		}
		out = append(out, p)
	}
	return out
}

func faultsOf(repo *plan.Repository) []string {
	var out []string
	for _, f := range repo.Faults {
		out = append(out, strings.Split(f.Error(), "\n")...)
	}
	return out
}

// clicked does what the boxes of a dashboard say that a person has ticked.
func (w *worker) clicked(ctx context.Context, e forge.Event) error {
	k, err := w.app.keeper(ctx)
	if err != nil {
		return err
	}
	if e.At.IsZero() {
		e.At = w.now()
	}
	c := dashboard.Clicker{Keeper: k, Soon: func(ctx context.Context) error {
		return errors.Join(w.unsettle(ctx, e.Repo, ""), w.soon(ctx, "remediate"))
	}}
	return c.Answer(ctx, e)
}
