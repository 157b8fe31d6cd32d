package tfedit

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/salvehq/salve/internal/envname"
)

// A value is a text that was read.
type value struct {
	text string
	typ  valueType
	env  bool // holds the name of an environment as the caller spelled it
}

type valueType int

const (
	anyType valueType = iota // not known
	isText
	isNumeric
	isBool
)

// same compares two values; names of environments are the same in any spelling.
// To Terraform 3 is not "3", but a variable could convert one to the other on
// the way here: then it is not known.
func (v value) same(o value) (yes, known bool) {
	if v.typ != o.typ && v.typ != anyType && o.typ != anyType {
		return false, false
	}
	return v.text == o.text || (v.env || o.env) && envname.Canonical(v.text) == envname.Canonical(o.text), true
}

// scalar reads the text of an expression, if exactly one is known.
func (q *query) scalar(e hclsyntax.Expression, s *scope) (value, bool) {
	switch k := e.(type) {
	case *hclsyntax.ObjectConsKeyExpr:
		if word, ok := constantKey(k); ok {
			return value{text: word}, true
		}
		e = k.Wrapped
	}
	found := q.follow(e, nil, s, nil)
	if len(found) == 0 {
		return value{}, false
	}
	v, ok := q.read(found[0])
	for _, r := range found[1:] {
		if o, known := q.read(r); !known || o != v {
			return value{}, false
		}
	}
	return v, ok
}

// read returns the text of an end.
func (q *query) read(r ref) (value, bool) {
	switch {
	case r.kind == constants:
		return value{text: r.text, env: r.env}, !r.null
	case r.kind != expression:
		return value{}, false
	}
	if s, ok := constant(r.e); ok {
		if f := q.fileOf(r.e); f != nil && f.json {
			s, ok = f.literal(r.e)
		}
		return value{text: s, typ: typeOfLiteral(r.e)}, ok
	}
	switch e := r.e.(type) {
	case *hclsyntax.TemplateExpr:
		return q.concatenate(e, r.s)
	case *hclsyntax.FunctionCallExpr:
		return q.textFunction(e, r.s)
	case *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr:
		if yes, ok := q.truth(e, r.s); ok {
			return value{text: strconv.FormatBool(yes), typ: isBool}, true
		}
	}
	return value{}, false
}

// typeOfLiteral is the type of a literal as it is written.
func typeOfLiteral(e hclsyntax.Expression) valueType {
	l, ok := e.(*hclsyntax.LiteralValueExpr)
	switch {
	case !ok:
		return isText
	case l.Val.Type() == cty.Bool:
		return isBool
	}
	return isNumeric
}

// literal is the text of a constant in JSON, where numbers have no value but
// their text.
func (f *file) literal(e hclsyntax.Expression) (string, bool) {
	if l, ok := e.(*hclsyntax.LiteralValueExpr); ok && l.Val.Type() == cty.Number {
		return string(f.src[l.SrcRange.Start.Byte:l.SrcRange.End.Byte]), true
	}
	return constant(e)
}

// concatenate reads a template all parts of which are known.
func (q *query) concatenate(e *hclsyntax.TemplateExpr, s *scope) (value, bool) {
	var b strings.Builder
	env := false
	for _, part := range e.Parts {
		v, ok := q.scalar(part, s)
		if !ok || b.Len() > 4096 {
			return value{}, false
		}
		b.WriteString(v.text)
		env = env || v.env
	}
	return value{b.String(), isText, env}, true
}

// truth evaluates a condition as far as it can be read.
func (q *query) truth(e hclsyntax.Expression, s *scope) (yes, known bool) {
	if q.budget--; q.budget < 0 {
		return false, false
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return q.truth(e.Expression, s)
	case *hclsyntax.UnaryOpExpr:
		yes, known = q.truth(e.Val, s)
		return !yes, known && e.Op == hclsyntax.OpLogicalNot
	case *hclsyntax.BinaryOpExpr:
		return q.compare(e, s)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "contains" && len(e.Args) == 2 && !e.ExpandFinal {
			return q.contains(e, s)
		}
		if e.Name == "fileexists" && len(e.Args) == 1 && !e.ExpandFinal {
			// A file that is not in the repository may be written before Terraform runs.
			name, ok := q.scalar(e.Args[0], s)
			there := ok && q.r.present(name.text, s)
			return there, there
		}
	}
	v, ok := q.scalar(e, s)
	return v.text == "true", ok && (v.text == "true" || v.text == "false")
}

func (q *query) compare(e *hclsyntax.BinaryOpExpr, s *scope) (yes, known bool) {
	switch e.Op {
	case hclsyntax.OpLogicalAnd, hclsyntax.OpLogicalOr:
		a, knownA := q.truth(e.LHS, s)
		b, knownB := q.truth(e.RHS, s)
		decides := e.Op == hclsyntax.OpLogicalOr // true decides an or, false an and
		if knownA && a == decides || knownB && b == decides {
			return decides, true
		}
		return !decides, knownA && knownB
	case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
		yes, known = q.equal(e.LHS, e.RHS, s)
		return yes == (e.Op == hclsyntax.OpEqual), known
	}
	return q.order(e, s)
}

// order evaluates a comparison of two numbers.
func (q *query) order(e *hclsyntax.BinaryOpExpr, s *scope) (yes, known bool) {
	x, knownX := q.scalar(e.LHS, s)
	y, knownY := q.scalar(e.RHS, s)
	a, errA := strconv.ParseFloat(x.text, 64)
	b, errB := strconv.ParseFloat(y.text, 64)
	if !knownX || !knownY || errA != nil || errB != nil || !isNumberLiteral(x.text) || !isNumberLiteral(y.text) {
		return false, false
	}
	switch e.Op {
	case hclsyntax.OpGreaterThan:
		return a > b, true
	case hclsyntax.OpGreaterThanOrEqual:
		return a >= b, true
	case hclsyntax.OpLessThan:
		return a < b, true
	case hclsyntax.OpLessThanOrEqual:
		return a <= b, true
	}
	return false, false
}

func (q *query) equal(a, b hclsyntax.Expression, s *scope) (yes, known bool) {
	if l, ok := a.(*hclsyntax.LiteralValueExpr); ok && l.Val.IsNull() {
		a, b = b, a
	}
	if l, ok := b.(*hclsyntax.LiteralValueExpr); ok && l.Val.IsNull() {
		found := q.follow(a, nil, s, nil)
		if len(found) != 1 || found[0].kind == refused {
			return false, false
		}
		return isNull(found[0]), found[0].kind != absent
	}
	x, knownX := q.scalar(a, s)
	y, knownY := q.scalar(b, s)
	yes, known = x.same(y)
	return yes, known && knownX && knownY
}

func (q *query) contains(e *hclsyntax.FunctionCallExpr, s *scope) (yes, known bool) {
	items, ok := q.elements(q.follow(e.Args[0], nil, s, nil))
	want, known := q.scalar(e.Args[1], s)
	if !ok || !known {
		return false, false
	}
	for _, item := range items {
		v, ok := q.read1(item.value)
		if !ok {
			return false, false
		}
		is, known := v.same(want)
		if !known {
			return false, false
		}
		yes = yes || is
	}
	return yes, true
}
