package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/onboard"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/internal/remedy"
)

// offersAtATime is how many repositories of an installation are offered a
// configuration in one cycle; the others are next.
const offersAtATime = 10

// offers offers a configuration to the repositories that have none and in which
// something could be done, if the operator allows it.
func (a *app) offers(ctx context.Context, repos []*plan.Repository, report remedy.Report, now time.Time) error {
	if a.onboard == nil {
		return nil
	}
	tasks := map[forge.Repo][]remedy.Task{}
	for _, t := range report.Tasks {
		tasks[t.Repo] = append(tasks[t.Repo], t)
	}
	made := 0
	var errs []error
	for _, repo := range repos {
		if !onboard.Open(repo) || len(tasks[repo.Repo]) == 0 {
			a.onboard.Forget(repo.Repo)
			continue
		}
		if made == offersAtATime {
			continue
		}
		opened, err := a.onboard.Offer(ctx, repo, func(trial *plan.Repository) ([]prose.Preview, error) {
			return a.preview(ctx, trial, tasks[repo.Repo], now)
		})
		if opened.Action == forge.Created {
			made++
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// preview says what tasks would come to at a repository. It proposes nothing,
// and asks Dynatrace for nothing more.
func (a *app) preview(ctx context.Context, trial *plan.Repository, tasks []remedy.Task, now time.Time) ([]prose.Preview, error) {
	maker := &propose.Maker{Planner: &plan.Planner{}, History: local{}}
	runner := &remedy.Runner{Problems: a.grail, Catalog: a.catalog, Estate: a.estate, Maker: maker, Log: a.log}
	var out []prose.Preview
	for _, t := range tasks[:min(len(tasks), prose.MaxRows)] {
		answer, err := runner.Answer(ctx, trial, t, now)
		if err != nil {
			return nil, fmt.Errorf("what %s would get: %w", t.Repo, err)
		}
		if answer.Planned.Proposal.Key == "" {
			continue
		}
		p := prose.Preview{Title: answer.Planned.Proposal.Title}
		for _, id := range answer.Planned.Problems {
			p.Problems = append(p.Problems, string(id))
		}
		out = append(out, p)
	}
	return out, nil
}
