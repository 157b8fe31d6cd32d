package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/problem"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/review"
)

// review looks at the pull requests of people in the light of a report.
func (a *app) review(ctx context.Context, repos []*plan.Repository, report remedy.Report, now time.Time) error {
	var errs []error
	for _, repo := range repos {
		if !repo.Writes().None() || !repo.Config.Review {
			continue
		}
		errs = append(errs, a.reviews.Review(ctx, repo, func(ctx context.Context) (review.Concerns, error) {
			return a.concerned(ctx, repo, report, now)
		}))
	}
	return errors.Join(errs...)
}

// A lastReport is what the last cycle of this process knew.
type lastReport struct {
	remedy.Report
	now time.Time // that the cycle went by
	at  time.Time // when that was by the clock
}

// recent is how long a report is good for events.
const recent = 15 * time.Minute

// changed looks at a pull request that a person has opened or changed, in the
// light of the last cycle. Where this process ran none, the next one does it.
func (w *worker) changed(ctx context.Context, e forge.Event) error {
	a, last := w.app, w.app.last.Load()
	known := []string{"opened", "reopened", "synchronize", "ready_for_review"}
	if last == nil || time.Since(last.at) > recent || !slices.Contains(known, e.Action) || !e.Pull.Open || e.Pull.Base != e.Default {
		return nil
	}
	repo, err := a.branches().Repository(ctx, e.Repo, e.Default)
	if errors.Is(err, forge.ErrEmpty) || errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	if err != nil || !repo.Writes().None() || !repo.Config.Review {
		return err
	}
	all, err := a.concerned(ctx, repo, last.Report, last.now)
	if err != nil {
		return err
	}
	return a.reviews.One(ctx, repo, e.Pull, all)
}

// concerned is what speaks for values of a repository.
func (a *app) concerned(ctx context.Context, repo *plan.Repository, report remedy.Report, now time.Time) (review.Concerns, error) {
	values, err := a.concerns(ctx, repo, report, now)
	return review.Concerns{Values: values, Alerts: a.alerts(repo, report), Complete: report.Complete()}, err
}

// concerns are the values of a repository that an open problem or a remedy that
// was merged a short while ago speaks for.
func (a *app) concerns(ctx context.Context, repo *plan.Repository, report remedy.Report, now time.Time) ([]review.Concern, error) {
	window := time.Duration(repo.Config.Recurrence)
	pulls, err := a.host.OurHistory(ctx, repo.Repo, now.Add(-window))
	if err != nil {
		return nil, err
	}
	by := map[string]*review.Concern{}
	var keys []string
	at := func(key string) *review.Concern {
		if by[key] == nil {
			if c, ok := concernOf(ctx, repo, key); ok {
				by[key] = &c
				keys = append(keys, key)
			}
		}
		return by[key]
	}
	for _, d := range report.Decisions {
		if c := at(d.Key); c != nil && d.Problem.Active {
			c.Problems = append(c.Problems, d.Problem)
		}
	}
	for _, p := range pulls {
		m, _ := forge.ParseMarker(p.Body)
		c := at(plan.KeyIn(repo.Repo, m.Key))
		switch {
		case c == nil:
		case p.Open:
			c.Next, c.NextPull = m.To, p.Number
		case p.Merged && now.Sub(p.MergedAt) < window && p.Number > c.Merged.Number:
			c.Merged, c.From, c.To = p, m.From, m.To
		}
	}
	var out []review.Concern
	for _, key := range keys {
		if c := *by[key]; len(c.Problems) > 0 || c.Merged.Number > 0 {
			out = append(out, c)
		}
	}
	return out, nil
}

// concernOf is the concern about the value that a key names: what raises it
// speaks against lowering it. A key of another repository, or of a remedy that
// creates something, is none.
func concernOf(ctx context.Context, repo *plan.Repository, key string) (review.Concern, bool) {
	k, err := plan.ParseKey(key)
	if err != nil || k.Repo != repo.Repo {
		return review.Concern{}, false
	}
	i := slices.IndexFunc(repo.Remedies, func(r plan.Remedy) bool { return r.Name == k.Remedy })
	place, ok := inventory.ParseTarget(k.Place)
	if i < 0 || repo.Remedies[i].Set == nil || !ok {
		return review.Concern{}, false
	}
	if values := place; place.Form == inventory.ConfigFile { // keys write both alike
		values.Form = inventory.Values
		if _, err := repo.Site(ctx, values); err == nil {
			place = values
		}
	}
	return review.Concern{Key: key, Kind: repo.Remedies[i].Set.Kind, Place: place, Against: -1}, true
}

// alerts are the values of alert rules whose problems are open: a rule that is
// loosened now would be silent about something that is real.
func (a *app) alerts(repo *plan.Repository, report remedy.Report) func(context.Context) ([]review.Concern, error) {
	var all []review.Concern
	var done bool
	return func(ctx context.Context) ([]review.Concern, error) {
		if done {
			return all, nil
		}
		all = nil // of an attempt that failed
		titles := map[string][]problem.Problem{}
		for _, d := range report.Decisions {
			if p := d.Problem; p.Active && !p.Duplicate && !p.Muted && !p.Maintenance {
				titles[p.Title] = append(titles[p.Title], p)
			}
		}
		for title, problems := range titles {
			values, err := repo.AlertValues(ctx, title)
			if err != nil {
				return nil, err
			}
			for _, v := range values {
				all = append(all, review.Concern{
					Key: "alert | " + v.Place.Dir + " | " + v.Place.Address, Kind: v.Kind, Place: v.Place, Against: v.Loosens, Problems: problems,
				})
			}
		}
		done = true
		return all, nil
	}
}
