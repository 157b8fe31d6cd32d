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
		policy.TooManyOpen, policy.TooManyThisHour, policy.QuietHours, policy.Declined,
		plan.NotFound, plan.Ambiguous, plan.Refused, plan.LeftAlone, plan.NoRemedy,
	} {
		out = append(out, string(code))
	}
	return out
}

// count adds what a cycle came to.
func (a *app) count(r remedy.Report) {
	for _, d := range r.Decisions {
		a.metrics.Decision(string(d.Reason.Code))
	}
	for _, p := range r.Plans {
		switch p.Opened.Action {
		case forge.Created:
			a.metrics.Pull("opened")
		case forge.Updated:
			a.metrics.Pull("updated")
		case forge.Unchanged:
			a.metrics.Pull("unchanged")
		}
	}
}
