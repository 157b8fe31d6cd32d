package gate

import (
	"maps"
	"slices"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A Question is a query as it was asked, so that people can ask it again.
type Question struct {
	Name   string  // of the query: "canary-analysis"
	For    string  // service that it was asked about; empty if about all
	Params []Param // by name
	Text   string  // DQL with the parameters in it, as Dynatrace got it
}

// A Param is a parameter of a Question, its value as DQL writes it.
type Param struct{ Name, Value string }

// questionOf puts the parameters of q into its text, where they are values and
// never syntax. Text that does not parse stays as it is.
func questionOf(name string, q dql.Query) Question {
	out := Question{Name: name, Text: q.Text}
	for _, p := range slices.Sorted(maps.Keys(q.Params)) {
		out.Params = append(out.Params, Param{p, string(dql.AppendJSON(nil, q.Params[p]))})
	}
	if len(q.Params) == 0 {
		return out
	}
	if tree, err := syntax.Parse(q.Name, q.Text); err == nil {
		if bound, err := syntax.Bind(tree, q.Params); err == nil {
			out.Text = syntax.Print(bound)
		}
	}
	return out
}
