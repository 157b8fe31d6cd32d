package plan

import (
	"context"
	"fmt"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/policy"
)

// alertRules returns the Terraform resources of the detector that opens
// problems of a title. A rule that has not the field of the remedy, such as a
// built-in one without samples, is no target.
func (r *Repository) alertRules(ctx context.Context, remedy Remedy, s Subject) ([]Target, policy.Reason, error) {
	rules, err := r.inventory.AlertRules(ctx)
	if err != nil {
		return nil, policy.Reason{}, err
	}
	var out []Target
	for _, rule := range rules {
		address, ok := rule.Addresses[remedy.Set.Field]
		if !ok || !rule.Matches(s.Title) {
			continue
		}
		out = append(out, Target{
			Repo: r, Remedy: remedy, Name: rule.Address, By: "title of the rule",
			Where: fmt.Sprintf("%s:%d", rule.File, rule.Line), Fields: rule.Addresses,
			Place: inventory.Target{Form: inventory.Terraform, Address: address, Dir: rule.Dir},
		})
	}
	if len(out) == 0 {
		return nil, policy.Reason{Code: NotFound, Text: "no rule of that title"}, nil
	}
	return out, policy.Reason{}, nil
}
