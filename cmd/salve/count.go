package main

import (
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/remedy"
)

// reasons are those that metrics keep apart.
func reasons() []string {
	var out []string
	for _, code := range []policy.Code{
		policy.AtCeiling, policy.CoolingDown, policy.ProbableLeak, policy.Disabled, policy.NotConfigured, policy.DryRun,
		policy.TooManyOpen, policy.TooManyOfService, policy.TooManyThisHour, policy.QuietHours, policy.Declined,
		plan.NotFound, plan.Ambiguous, plan.Refused, plan.LeftAlone, plan.NoRemedy,
	} {
		out = append(out, string(code))
	}
	return out
}

// count adds what a cycle decided. What became somebody's task is counted when
// that is done.
func (a *app) count(r remedy.Report) {
	for _, d := range r.Decisions {
		if d.Key == "" {
			a.metrics.Decision(string(d.Reason.Code))
		}
	}
}

// countAnswer adds what came of a task.
func (a *app) countAnswer(t remedy.Task, answer remedy.Answer) {
	for range t.Evidence {
		a.metrics.Decision(string(answer.Reason.Code))
	}
	a.countPull(answer.Planned.Opened.Action)
}

func (a *app) countPull(action forge.ProposeAction) {
	switch action {
	case forge.Created:
		a.metrics.Pull("opened")
	case forge.Updated:
		a.metrics.Pull("updated")
	case forge.Unchanged:
		a.metrics.Pull("unchanged")
	}
}
