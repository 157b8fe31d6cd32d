package syntax

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// Precedences, weakest first; not and the unary minus stand between.
const (
	precOr = iota + 1
	precXor
	precAnd
	precNot
	precIn
	precCompare
	precSearch
	precAdd
	precAlign
	precMul
	precUnary
	precIndex
)

var precedences = map[string]int{
	"or": precOr, "xor": precXor, "and": precAnd, "in": precIn,
	"==": precCompare, "!=": precCompare, "<>": precCompare,
	"<": precCompare, "<=": precCompare, ">": precCompare, ">=": precCompare,
	"~": precSearch, "+": precAdd, "-": precAdd, "@": precAlign,
	"*": precMul, "/": precMul, "%": precMul, "mod": precMul,
}

// binaryOp returns the operator that t is, "" if it is none.
func binaryOp(t *token) string {
	if t.kind != operator && t.kind != name {
		return ""
	}
	op := strings.ToLower(t.text)
	if precedences[op] == 0 {
		return ""
	}
	return op
}

func (p *parser) expr() Expr { return p.binary(precOr) }

// binary parses operators that bind at least as strongly as prec.
func (p *parser) binary(prec int) Expr {
	p.enter()
	defer p.leave()
	x := p.unary()
	for terms := 0; ; terms++ {
		t := p.peek()
		op := binaryOp(t)
		strength := precedences[op]
		if op == "" || strength < prec {
			return x
		}
		if terms > maxTerms {
			p.stop(p.fail(t, "more than %d operators in one expression", maxTerms))
			return x
		}
		p.at++
		switch op {
		case "@":
			x = p.align(x, x.Bounds().Start)
			continue
		case "in":
			x = p.in(x, t)
			continue
		case "<>":
			op = "!="
		case "mod":
			op = "%"
		}
		y := p.binary(strength + 1)
		x = &Binary{Span: Span{x.Bounds().Start, y.Bounds().End}, Op: op, At: t.Span, X: x, Y: y}
	}
}

// align parses the unit after @.
func (p *parser) align(x Expr, start int) Expr {
	t := p.next()
	if t.kind != name && t.kind != duration {
		p.unexpected(t)
		return &Literal{Span: t.Span}
	}
	unit := p.q.Text[t.Start:t.End]
	if !alignable(unit) {
		p.stop(p.fail(t, "`%s` isn't a unit to align to.", short(unit)).With("the units are s m h d w M q y, w0 to w6 name the first day of the week"))
	}
	return &Align{Span: Span{start, t.End}, X: x, Unit: unit}
}

func alignable(unit string) bool {
	rest := strings.TrimLeft(unit, "0123456789")
	if len(rest) == 2 && rest[0] == 'w' {
		return rest[1] >= '0' && rest[1] <= '7'
	}
	_, ok := units[rest]
	return ok
}

// in parses the right side of the infix in, which is a subquery; a list there
// is the usual mistake.
func (p *parser) in(x Expr, op *token) Expr {
	t := p.peek()
	if t.is("[") && p.peekAt(1).kind == name {
		y := p.unary()
		return &Binary{Span: Span{x.Bounds().Start, y.Bounds().End}, Op: "in", At: op.Span, X: x, Y: y}
	}
	var y Expr
	if t.is("[") {
		p.at++
		g := &Group{Items: p.list("]", p.arg)}
		g.Span = p.since(t)
		y = g
	} else {
		y = p.binary(precCompare)
	}
	e := p.fail(op, "`%s` isn't allowed here.", op.text)
	e.Hint = "the infix in takes a [subquery]; for a list write in(" + p.source(x) + ", " + p.items(y) + ")"
	p.soft(e)
	return &Binary{Span: Span{x.Bounds().Start, y.Bounds().End}, Op: "in", At: op.Span, X: x, Y: y}
}

func (p *parser) source(n Node) string { return short(p.q.Text[n.Bounds().Start:n.Bounds().End]) }

func (p *parser) items(y Expr) string {
	g, ok := y.(*Group)
	if !ok {
		return p.source(y)
	}
	var out []string
	for _, a := range g.Items {
		out = append(out, p.source(a))
	}
	return strings.Join(out, ", ")
}

func (p *parser) unary() Expr {
	t := p.peek()
	switch {
	case t.word("not") && !p.peekAt(1).is(":"):
		p.at++
		x := p.binary(precNot)
		return &Unary{Span: Span{t.Start, x.Bounds().End}, Op: "not", X: x}
	case t.is("-"):
		p.at++
		x := p.binary(precUnary)
		return &Unary{Span: Span{t.Start, x.Bounds().End}, Op: "-", X: x}
	case t.is("@"):
		p.at++
		return p.align(nil, t.Start)
	}
	x := p.primary()
	for terms := 0; p.is("["); terms++ {
		if terms > MaxDepth {
			p.stop(p.fail(p.peek(), "the query nests deeper than %d levels", MaxDepth))
			return x
		}
		p.at++
		var i Expr
		if !p.is("]") {
			i = p.expr()
		}
		x = &Index{X: x, I: i, Span: Span{x.Bounds().Start, p.expect("]").End}}
	}
	return x
}

func (p *parser) primary() Expr {
	p.enter()
	defer p.leave()
	t := p.next()
	switch t.kind {
	case name:
		return p.named(t)
	case quotedName:
		return &Field{Span: t.Span, Name: t.text}
	case number:
		return &Literal{Span: t.Span, Value: t.value}
	case duration:
		return &Literal{Span: t.Span, Value: t.value, Unit: t.unit}
	case text:
		if t.parts != nil {
			return &Template{Span: t.Span, Parts: t.parts, Raw: t.raw}
		}
		return &Literal{Span: t.Span, Value: dql.String(t.text), Raw: t.raw}
	case placeholder:
		return &Placeholder{Span: t.Span, Name: t.text}
	}
	switch {
	case t.is("("):
		x := p.expr()
		return &Paren{X: x, Span: Span{t.Start, p.expect(")").End}}
	case t.is("{"):
		g := &Group{Items: p.list("}", p.item)}
		g.Span = p.since(t)
		return g
	case t.is("["):
		sub := &Query{Name: p.q.Name, Text: p.q.Text}
		p.commands(sub)
		closing := p.expect("]")
		sub.Span = Span{t.End, closing.Start}
		return &Subquery{Query: sub, Span: Span{t.Start, closing.End}}
	}
	p.unexpected(t)
	return &Literal{Span: t.Span}
}

// item parses an argument in braces. A number with a colon, on:{1:1}, is the
// usual attempt at joining everything with everything.
func (p *parser) item() *Arg {
	t := p.peek()
	if t.kind == number && p.peekAt(1).is(":") {
		p.soft(p.fail(Span{t.Start, p.peekAt(1).End}, "`%s` isn't allowed here.", p.peekAt(1).text).With(
			"a join matches fields, on:{field} or on:{left[a]==right[b]}; to reach every row, give both sides a constant field and look it up"))
		p.at += 2
		a := p.arg()
		a.Start, a.Name = t.Start, t.text
		return a
	}
	return p.arg()
}

func (p *parser) named(t *token) Expr {
	switch strings.ToLower(t.text) {
	case "true":
		return &Literal{Span: t.Span, Value: dql.Bool(true)}
	case "false":
		return &Literal{Span: t.Span, Value: dql.Bool(false)}
	case "null":
		return &Literal{Span: t.Span}
	case "and", "or", "xor", "mod":
		p.unexpected(t)
		return &Literal{Span: t.Span}
	}
	if p.is("(") && strings.IndexByte(t.text, '.') < 0 {
		p.at++
		c := &Call{Name: t.text, Named: t.Span, Params: p.list(")", p.arg)}
		c.Span = p.since(t)
		return c
	}
	return &Field{Span: t.Span, Name: t.text}
}
