package syntax

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// Bind returns q with a value in place of every placeholder. A placeholder in
// a string literal takes a string, number, boolean or timestamp and becomes
// part of that string; one outside takes any value, an array as the arguments
// of a list where it stands in one. A placeholder without a value, a value
// without a placeholder and a value that cannot stand there are errors. Without
// any params at all, the strings of a data command may hold ${NAME} as text.
// q is unchanged.
func Bind(q *Query, params map[string]dql.Value) (*Query, error) {
	b := &binder{q: q, params: params, used: map[string]bool{}}
	bound := b.query(q)
	if b.err != nil {
		return nil, b.err
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !b.used[name] {
			return nil, q.Errorf("UNKNOWN_PARAMETER", Span{}, "the query has no placeholder ${%s}", name)
		}
	}
	bound.Comments = q.Comments
	return bound, nil
}

// Placeholders returns the names of the placeholders in q, sorted.
func Placeholders(q *Query) []string {
	b := &binder{q: q, used: map[string]bool{}, open: true}
	b.query(q)
	return slices.Sorted(maps.Keys(b.used))
}

type binder struct {
	q      *Query
	params map[string]dql.Value
	used   map[string]bool
	open   bool // only collect names
	sample bool // in a data command
	err    *Error
}

func (b *binder) fail(at Node, format string, args ...any) {
	if b.err == nil {
		b.err = b.q.Errorf("INVALID_PARAMETER", at, format, args...)
	}
}

func (b *binder) value(name string, at Node) (dql.Value, bool) {
	b.used[name] = true
	v, ok := b.params[name]
	if !ok && !b.open {
		b.fail(at, "the placeholder ${%s} has no value", name)
	}
	return v, ok
}

func (b *binder) query(q *Query) *Query {
	out := *q
	out.Commands = make([]*Command, len(q.Commands))
	for i, c := range q.Commands {
		bound := *c
		b.sample = strings.EqualFold(c.Name, "data")
		bound.Params = b.args(c.Params)
		b.sample = false
		out.Commands[i] = &bound
	}
	return &out
}

func (b *binder) args(in []*Arg) []*Arg {
	var out []*Arg
	for _, a := range in {
		bound := *a
		bound.Value = b.expr(a.Value)
		out = append(out, &bound)
	}
	return out
}

func (b *binder) expr(x Expr) Expr {
	switch x := x.(type) {
	case *Placeholder:
		return b.placeholder(x)
	case *Template:
		return b.template(x)
	case *Call:
		out := *x
		out.Params = b.args(x.Params)
		return &out
	case *Unary:
		return &Unary{x.Span, x.Op, b.expr(x.X)}
	case *Binary:
		return &Binary{x.Span, x.Op, x.At, b.expr(x.X), b.expr(x.Y)}
	case *Align:
		if x.X == nil {
			return x
		}
		return &Align{x.Span, b.expr(x.X), x.Unit}
	case *Index:
		if x.I == nil {
			return &Index{x.Span, b.expr(x.X), nil}
		}
		return &Index{x.Span, b.expr(x.X), b.expr(x.I)}
	case *Paren:
		return &Paren{x.Span, b.expr(x.X)}
	case *Group:
		return &Group{x.Span, b.args(x.Items)}
	case *Subquery:
		return &Subquery{x.Span, b.query(x.Query)}
	}
	return x
}

func (b *binder) placeholder(x *Placeholder) Expr {
	v, ok := b.value(x.Name, x)
	if !ok {
		return x
	}
	bound, ok := ValueExpr(x.Span, v)
	if !ok {
		b.fail(x, "${%s} is a %s, which cannot be written in a query", x.Name, v.Kind())
	}
	return bound
}

// ValueExpr returns the expression that means v, at a place in the text. It
// reports false for a value that DQL has no way to write.
func ValueExpr(at Span, v dql.Value) (Expr, bool) {
	call := func(name string, args ...dql.Value) (Expr, bool) {
		c := &Call{Span: at, Name: name, Named: at}
		for _, a := range args {
			x, ok := ValueExpr(at, a)
			if !ok {
				return nil, false
			}
			c.Params = append(c.Params, &Arg{Span: at, Value: x})
		}
		return c, true
	}
	switch v.Kind() {
	case dql.KindNull, dql.KindBoolean, dql.KindString:
		return &Literal{Span: at, Value: v}, true
	case dql.KindLong, dql.KindDouble:
		return negative(at, v)
	case dql.KindDuration:
		return durationExpr(at, v)
	case dql.KindTimestamp:
		t, _ := v.AsTime()
		return call("toTimestamp", dql.String(t.Format(time.RFC3339Nano)))
	case dql.KindArray:
		list, _ := v.AsArray()
		return call("array", list...)
	case dql.KindIP:
		s, _ := v.AsText()
		return call("ip", dql.String(s))
	case dql.KindUID:
		s, _ := v.AsText()
		return call("toUid", dql.String(s))
	case dql.KindSmartscapeID:
		s, _ := v.AsText()
		return call("toSmartscapeId", dql.String(s))
	}
	return nil, false
}

// negative writes numbers below zero with a minus, as the parser reads them.
func negative(at Span, v dql.Value) (Expr, bool) {
	f, _ := v.AsDouble()
	if f != f || f-f != 0 {
		return nil, false // not a finite number
	}
	if f >= 0 {
		return &Literal{Span: at, Value: v}, true
	}
	minus := dql.Double(-f)
	if i, ok := v.AsLong(); ok && -i > 0 {
		minus = dql.Long(-i)
	}
	return &Unary{Span: at, Op: "-", X: &Literal{Span: at, Value: minus}}, true
}

// durationExpr writes a duration in the longest unit that divides it.
func durationExpr(at Span, v dql.Value) (Expr, bool) {
	months, d, _ := v.AsCalendar()
	if months != 0 && d != 0 {
		return nil, false
	}
	n, unit := months, "M"
	if months == 0 {
		n, unit = int64(d), "ns"
		for _, u := range []string{"d", "h", "m", "s", "ms", "us"} {
			if d%units[u].length == 0 {
				n, unit = int64(d/units[u].length), u
				break
			}
		}
	}
	size := n
	if n < 0 {
		size = -n
	}
	value, ok := DurationOf(size, unit)
	lit := &Literal{Span: at, Value: value, Unit: unit}
	if n < 0 {
		return &Unary{Span: at, Op: "-", X: lit}, ok
	}
	return lit, ok
}

func (b *binder) template(x *Template) Expr {
	var s strings.Builder
	for _, part := range x.Parts {
		if part.Name == "" {
			s.WriteString(part.Text)
			continue
		}
		if b.sample && b.params == nil && !b.open {
			s.WriteString("${" + part.Name + "}")
			continue
		}
		v, ok := b.value(part.Name, part)
		if !ok {
			continue
		}
		t, ok := inString(v)
		if !ok {
			b.fail(part, "${%s} is a %s, which cannot stand in a string", part.Name, v.Kind())
		}
		s.WriteString(t)
	}
	if b.open {
		return x
	}
	return &Literal{Span: x.Span, Value: dql.String(s.String())}
}

// inString spells v as part of a string.
func inString(v dql.Value) (string, bool) {
	switch v.Kind() {
	case dql.KindLong, dql.KindDouble, dql.KindBoolean:
		return Spell(v), true
	case dql.KindTimestamp:
		t, _ := v.AsTime()
		return t.Format(time.RFC3339Nano), true
	}
	return v.AsText()
}
