package plan

import (
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
)

// History turns earlier pull requests of one key into what package policy wants
// to know of them. A pull request that this App closed itself is no verdict of
// people.
func History(pulls []forge.PullRequest) []policy.Change {
	var out []policy.Change
	for _, p := range pulls {
		m, ok := forge.ParseMarker(p.Body)
		if !ok || p.Open {
			continue
		}
		c := policy.Change{From: m.From, To: m.To}
		switch {
		case p.Merged:
			c.Merged = p.MergedAt
		case !strings.HasSuffix(p.ClosedBy, "[bot]"):
			c.Declined = p.ClosedAt
		}
		out = append(out, c)
	}
	return out
}
