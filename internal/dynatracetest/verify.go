package dynatracetest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// verify says whether a query could run, without reading a record. It needs no
// scope, and like Grail it cannot see a misspelt field of an open table.
// POST /platform/storage/query/v1/query:verify
func (s *Server) verify(w http.ResponseWriter, r *http.Request, _ Token, _ Fault) {
	var req request
	if p := read(w, r, &req); p != nil {
		p.write(w)
		return
	}
	s.mu.Lock()
	source := s.source
	s.mu.Unlock()
	canonical, p := s.rehearse(r.Context(), plan{query: dql.Query{Text: req.Query}, source: source, open: true})
	if p == nil {
		reply(w, http.StatusOK, map[string]any{"valid": true, "canonicalQuery": canonical, "notifications": []note{}})
		return
	}
	n := note{Severity: "ERROR", Type: p.Message, Message: p.Details.ErrorMessage, Format: p.Details.ErrorMessage, Arguments: []string{}, Position: p.Details.Position}
	reply(w, http.StatusOK, map[string]any{"valid": false, "notifications": []note{n}})
}

// parse gives the tree of a query.
// POST /platform/storage/query/v1/query:parse
func (s *Server) parse(w http.ResponseWriter, r *http.Request, _ Token, _ Fault) {
	var req request
	if p := read(w, r, &req); p != nil {
		p.write(w)
		return
	}
	tree, err := syntax.Parse("", req.Query)
	var bad *syntax.Error
	if errors.As(err, &bad) {
		asProblem(bad, req.Query).write(w)
		return
	}
	t := treeWriter{text: req.Query}
	reply(w, http.StatusOK, t.query(tree))
}

// A branch is a DQLNode: a TERMINAL has a canonical string, a CONTAINER has
// children.
type branch struct {
	Kind      string    `json:"nodeType"`
	Type      string    `json:"type"`
	Position  span      `json:"tokenPosition"`
	Optional  bool      `json:"isOptional"`
	Canonical string    `json:"canonicalString,omitempty"`
	Children  []*branch `json:"children,omitempty"`
}

type treeWriter struct{ text string }

func (t treeWriter) span(s syntax.Span) span {
	return span{at(syntax.Position(t.text, s.Start)), at(syntax.Position(t.text, max(s.Start, s.End-1)))}
}

func (t treeWriter) leaf(kind string, s syntax.Span) *branch {
	return &branch{Kind: "TERMINAL", Type: kind, Position: t.span(s), Canonical: t.text[s.Start:s.End]}
}

func (t treeWriter) node(kind string, s syntax.Span, children ...*branch) *branch {
	return &branch{Kind: "CONTAINER", Type: kind, Position: t.span(s), Children: children}
}

func (t treeWriter) query(q *syntax.Query) *branch {
	out := t.node("QUERY", q.Span)
	for _, c := range q.Commands {
		children := append([]*branch{t.leaf("COMMAND_NAME", c.Named)}, t.args(c.Params)...)
		out.Children = append(out.Children, t.node("COMMAND", c.Span, children...))
	}
	return out
}

func (t treeWriter) args(args []*syntax.Arg) []*branch {
	var out []*branch
	for _, a := range args {
		var children []*branch
		if a.Alias != nil {
			children = append(children, t.leaf("FIELD_NAME", a.Alias.Span))
		}
		out = append(out, t.node("PARAMETER", a.Span, append(children, t.expr(a.Value))...))
	}
	return out
}

func (t treeWriter) expr(x syntax.Expr) *branch {
	s := x.Bounds()
	switch x := x.(type) {
	case *syntax.Field:
		return t.leaf("FIELD_NAME", s)
	case *syntax.Literal:
		return t.leaf(strings.ToUpper(x.Value.Kind().String()), s)
	case *syntax.Call:
		return t.node("FUNCTION", s, append([]*branch{t.leaf("FUNCTION_NAME", x.Named)}, t.args(x.Params)...)...)
	case *syntax.Unary:
		return t.node("EXPRESSION", s, t.expr(x.X))
	case *syntax.Binary:
		return t.node("EXPRESSION", s, t.expr(x.X), t.leaf("OPERATOR", x.At), t.expr(x.Y))
	case *syntax.Index:
		if x.I == nil {
			return t.node("ARRAY_ACCESS", s, t.expr(x.X))
		}
		return t.node("ARRAY_ACCESS", s, t.expr(x.X), t.expr(x.I))
	case *syntax.Align:
		if x.X != nil {
			return t.node("TIME_ALIGNMENT", s, t.expr(x.X))
		}
	case *syntax.Paren:
		return t.node("PARENTHESIS", s, t.expr(x.X))
	case *syntax.Group:
		return t.node("GROUP", s, t.args(x.Items)...)
	case *syntax.Subquery:
		return t.node("EXECUTION_BLOCK", s, t.query(x.Query))
	}
	return t.leaf("OTHER", s)
}
