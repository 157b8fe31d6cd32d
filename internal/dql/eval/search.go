package eval

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// search keeps the rows that match a condition in which a bare string is looked
// for in every field, and field ~ "text" in one.
func (c *compiler) search(args function.Args) (step, error) {
	s := searcher{c: c, names: true, values: true}
	if a := args.Get("caseSensitive"); a != nil {
		v, _ := c.constant(a.Value)
		s.sensitive, _ = v.AsBool()
	}
	scope, err := c.text(args.Get("scope"), "all")
	if err != nil {
		return nil, err
	}
	s.names, s.values = scope != "values", scope != "names"
	cond, err := s.compile(args.Get("condition").Value)
	if err != nil {
		return nil, err
	}
	return func(next sink) sink { return &filterSink{next, cond, true} }, nil
}

type searcher struct {
	c             *compiler
	sensitive     bool
	names, values bool
}

func (s searcher) compile(x syntax.Expr) (expr, error) {
	switch x := x.(type) {
	case *syntax.Paren:
		return s.compile(x.X)
	case *syntax.Literal:
		if text, ok := x.Value.AsString(); ok {
			return s.anywhere(text), nil
		}
	case *syntax.Unary:
		if x.Op == "not" {
			f, err := s.compile(x.X)
			return func(r *row) dql.Value { return scalar.Not(f(r)) }, err
		}
	case *syntax.Binary:
		if op := logic[x.Op]; op != nil {
			f, err := s.compile(x.X)
			if err != nil {
				return nil, err
			}
			g, err := s.compile(x.Y)
			return func(r *row) dql.Value { return op(f(r), g(r)) }, err
		}
	}
	return s.c.expr(x)
}

var logic = map[string]func(x, y dql.Value) dql.Value{"and": scalar.And, "or": scalar.Or, "xor": scalar.Xor}

// anywhere looks for text in the fields of a row, reading all of them. The
// names of the fields themselves do not count, those in nested records do.
func (s searcher) anywhere(text string) expr {
	s.c.needAll()
	t := s.term(text)
	return func(r *row) dql.Value {
		for _, v := range r.vals {
			if t.in(v) {
				return dql.Bool(true)
			}
		}
		return dql.Bool(false)
	}
}

// A term is what is looked for.
type term struct {
	text          string
	phrase        *scalar.Phrase
	names, values bool
}

func (s searcher) term(text string) term {
	return term{text, scalar.NewPhrase(text, "*", s.sensitive), s.names, s.values}
}

// in looks for t in a value and all that is in it. Strings match by words;
// numbers, addresses and uids as a whole.
func (t term) in(v dql.Value) bool {
	switch v.Kind() {
	case dql.KindArray:
		list, _ := v.AsArray()
		return slices.ContainsFunc(list, t.in)
	case dql.KindRecord:
		r, _ := v.AsRecord()
		for name, e := range r.All() {
			if t.names && t.phrase.Match(name) || t.in(e) {
				return true
			}
		}
	case dql.KindString, dql.KindSmartscapeID:
		s, _ := v.AsText()
		return t.values && t.phrase.Match(s)
	case dql.KindLong, dql.KindDouble, dql.KindIP, dql.KindUID:
		s, _ := scalar.Spell(v).AsString()
		return t.values && strings.EqualFold(s, t.text)
	}
	return false
}

// tilde is field ~ "text": whether the field holds the phrase.
func (c *compiler) tilde(x *syntax.Binary) (expr, error) {
	v, _ := c.constant(x.Y)
	text, ok := scalar.Spell(v).AsString()
	if !ok {
		return nil, c.q.Errorf("PARSE_ERROR", x.Y, "`~` takes a string.")
	}
	f, err := c.expr(x.X)
	if err != nil {
		return nil, err
	}
	t := searcher{names: true, values: true}.term(text)
	return func(r *row) dql.Value {
		v := f(r)
		if v.IsNull() {
			return dql.Null
		}
		return dql.Bool(t.in(v))
	}, nil
}
