package dynatrace

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A text is a query as it is sent, and the tables that it reads.
type text struct {
	dql    string
	tables []string
}

// bind puts the parameters of q into its text as literals. A query without
// parameters is sent as it was written, so that the positions in Grail's
// errors are those of its file, and so that Grail and not this client judges
// syntax that only Grail knows.
func bind(q dql.Query) (text, error) {
	tree, err := syntax.Parse(q.Name, q.Text)
	if err != nil && (tree == nil || len(q.Params) > 0) {
		if len(q.Params) == 0 && !strings.Contains(q.Text, "${") {
			return text{q.Text, []string{"?"}}, nil
		}
		return text{}, err
	}
	bound, err := syntax.Bind(tree, q.Params)
	if err != nil {
		return text{}, err
	}
	t := text{dql: q.Text, tables: tables(bound)}
	if len(q.Params) > 0 {
		t.dql = syntax.Print(bound)
	}
	return t, nil
}

// tables lists what q and its subqueries read: tables, or the name of another
// command that is a source.
func tables(q *syntax.Query) []string {
	var out []string
	for i, c := range q.Commands {
		name := strings.ToLower(c.Name)
		if i == 0 && name != "data" {
			out = append(out, source(name, c.Params))
		}
		for _, a := range c.Params {
			out = append(out, inner(a.Value)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// source names what the first command of a pipe reads.
func source(command string, params []*syntax.Arg) string {
	if command == "fetch" && len(params) > 0 {
		if f, ok := params[0].Value.(*syntax.Field); ok {
			return f.Name
		}
	}
	return command
}

// inner lists the tables of the subqueries in x: [ … ] of join, lookup and
// append, and x in [ … ] anywhere in a condition.
func inner(x syntax.Expr) []string {
	switch x := x.(type) {
	case *syntax.Subquery:
		return tables(x.Query)
	case *syntax.Paren:
		return inner(x.X)
	case *syntax.Unary:
		return inner(x.X)
	case *syntax.Binary:
		return append(inner(x.X), inner(x.Y)...)
	case *syntax.Call:
		return innerArgs(x.Params)
	case *syntax.Group:
		return innerArgs(x.Items)
	}
	return nil
}

func innerArgs(args []*syntax.Arg) []string {
	var out []string
	for _, a := range args {
		out = append(out, inner(a.Value)...)
	}
	return out
}
