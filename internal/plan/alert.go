package plan

import (
	"context"

	"github.com/salvehq/salve/internal/policy"
)

// alertRules returns the Terraform resources of the detector that opens
// problems of a title.
func (r *Repository) alertRules(ctx context.Context, remedy Remedy, s Subject) ([]Target, policy.Reason, error) {
	return nil, policy.Reason{Code: NotFound, Text: "no rule of that title"}, nil
}
