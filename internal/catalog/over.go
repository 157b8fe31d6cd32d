package catalog

import (
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql/syntax"
)

// Over returns e looking back over another span than its text says. The first
// command must be a fetch with from:, and without to:; what it says there is
// the only thing that changes.
func (e Entry) Over(span time.Duration) (Entry, error) {
	tree, err := syntax.Parse(e.Name+".dql", e.Text)
	if err != nil {
		return Entry{}, err
	}
	first := tree.Commands[0]
	var from syntax.Expr
	for _, p := range first.Params {
		switch {
		case strings.EqualFold(p.Name, "from"):
			from = p.Value
		case strings.EqualFold(p.Name, "to"), strings.EqualFold(p.Name, "timeframe"):
			return Entry{}, tree.Errorf(mismatch, p, "%s: has an end, so it cannot look back over another span", e.Name)
		}
	}
	if !strings.EqualFold(first.Name, "fetch") || from == nil {
		return Entry{}, tree.Errorf(mismatch, first.Named, "%s: want fetch with from:, to look back over another span", e.Name)
	}
	at := from.Bounds()
	e.Text = e.Text[:at.Start] + fmt.Sprintf("now() - %ds", int64(span.Seconds())) + e.Text[at.End:]
	return e, nil
}
