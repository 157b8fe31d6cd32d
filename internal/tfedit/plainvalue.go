package tfedit

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// expression reads an expression and the space behind it.
func (p *plain) expression(lines bool) hclsyntax.Expression {
	chain := p.chain
	if p.depth++; p.depth > plainDepth {
		return nil
	}
	defer func() { p.depth, p.chain = p.depth-1, chain }()
	is := p.binary(0, lines)
	if is == nil || p.peek() != '?' {
		return is
	}
	p.pos++
	yes := p.expression(lines)
	if yes == nil || p.peek() != ':' || p.ahead(1) == ':' {
		return nil
	}
	p.pos++
	no := p.expression(lines)
	if no == nil {
		return nil
	}
	return &hclsyntax.ConditionalExpr{Condition: is, TrueResult: yes, FalseResult: no, SrcRange: hcl.RangeBetween(is.Range(), no.Range())}
}

// An operator joins two values; of those that follow each other, the higher
// rank goes first.
type operator struct {
	rank, length int
	op           *hclsyntax.Operation
}

// operator returns the operator that is next; its length is 0 if there is none,
// its rank -1 if it is for package hclsyntax to say.
func (p *plain) operator() operator {
	c, next := p.peek(), p.ahead(1)
	switch {
	case c == '|' && next == '|':
		return operator{1, 2, hclsyntax.OpLogicalOr}
	case c == '&' && next == '&':
		return operator{2, 2, hclsyntax.OpLogicalAnd}
	case c == '=' && next == '=':
		return operator{3, 2, hclsyntax.OpEqual}
	case c == '!' && next == '=':
		return operator{3, 2, hclsyntax.OpNotEqual}
	case c == '>' && next == '=':
		return operator{4, 2, hclsyntax.OpGreaterThanOrEqual}
	case c == '<' && next == '=':
		return operator{4, 2, hclsyntax.OpLessThanOrEqual}
	case c == '<' && next == '<':
		return operator{rank: -1}
	case c == '>':
		return operator{4, 1, hclsyntax.OpGreaterThan}
	case c == '<':
		return operator{4, 1, hclsyntax.OpLessThan}
	case c == '+':
		return operator{5, 1, hclsyntax.OpAdd}
	case c == '-':
		return operator{5, 1, hclsyntax.OpSubtract}
	case c == '*':
		return operator{6, 1, hclsyntax.OpMultiply}
	case c == '/':
		return operator{6, 1, hclsyntax.OpDivide}
	case c == '%':
		return operator{6, 1, hclsyntax.OpModulo}
	}
	return operator{}
}

// binary reads terms that operators above a rank join.
func (p *plain) binary(rank int, lines bool) hclsyntax.Expression {
	left := p.term(lines)
	for left != nil {
		op := p.operator()
		if op.rank < 0 {
			return nil
		}
		if op.length == 0 || op.rank <= rank {
			break
		}
		if p.chain++; p.chain > plainChain {
			return nil
		}
		p.pos += op.length
		right := p.binary(op.rank, lines)
		if right == nil {
			return nil
		}
		left = &hclsyntax.BinaryOpExpr{LHS: left, Op: op.op, RHS: right, SrcRange: hcl.RangeBetween(left.Range(), right.Range())}
	}
	return left
}

// term reads one value, what is taken of it, and the space behind.
func (p *plain) term(lines bool) hclsyntax.Expression {
	p.skip(lines)
	e := p.value(lines)
	if e != nil {
		e = p.traversal(e, lines)
	}
	return e
}

func (p *plain) value(lines bool) hclsyntax.Expression {
	switch c := p.peek(); {
	case c == '"':
		return p.template()
	case c == '[':
		return p.tuple()
	case c == '{':
		return p.object()
	case c == '(':
		return p.parentheses()
	case c == '-', c == '!' && p.ahead(1) != '=':
		return p.unary(lines)
	case '0' <= c && c <= '9':
		return p.number()
	}
	return p.named(lines)
}

func (p *plain) unary(lines bool) hclsyntax.Expression {
	op := hclsyntax.OpNegate
	if p.peek() == '!' {
		op = hclsyntax.OpLogicalNot
	}
	if p.chain++; p.chain > plainChain || p.depth > plainDepth {
		return nil
	}
	p.depth++
	defer func() { p.depth-- }()
	symbol := p.take(1)
	e := p.term(lines)
	if e == nil {
		return nil
	}
	return &hclsyntax.UnaryOpExpr{Op: op, Val: e, SrcRange: hcl.RangeBetween(symbol, e.Range()), SymbolRange: symbol}
}

// number reads digits with at most one dot between them.
func (p *plain) number() hclsyntax.Expression {
	n := 0
	digits := func() bool {
		from := n
		for c := p.ahead(n); '0' <= c && c <= '9'; c = p.ahead(n) {
			n++
		}
		return n > from
	}
	digits()
	if p.ahead(n) == '.' {
		if n++; !digits() {
			return nil
		}
	}
	if c := p.ahead(n); c == '.' || c >= 0x80 || isIdent(c, false) && c != '-' || n > 40 {
		return nil
	}
	v, err := numeric(p.text[p.pos : p.pos+n])
	if err != nil {
		return nil
	}
	return p.literal(v, p.take(n))
}

// small are the values of the numbers below a thousand that were read: most
// are, and a value takes longer to make than the text around it to read.
var small [1000]atomic.Pointer[cty.Value]

// numeric is the value of a number.
func numeric(text string) (cty.Value, error) {
	n := len(small)
	if len(text) <= 3 && !strings.Contains(text, ".") && (text[0] != '0' || text == "0") {
		n, _ = strconv.Atoi(text)
		if v := small[n].Load(); v != nil {
			return *v, nil
		}
	}
	v, err := cty.ParseNumberVal(text)
	if n < len(small) && err == nil {
		small[n].Store(&v)
	}
	return v, err
}

// named reads a constant, a reference or the call of a function.
func (p *plain) named(lines bool) hclsyntax.Expression {
	name := p.word()
	if name == "" {
		return nil
	}
	at := p.take(len(name))
	switch p.skip(lines); {
	case p.peek() == '(':
		return p.call(name, at)
	case p.peek() == ':' && p.ahead(1) == ':':
		return nil
	case name == "true":
		return p.literal(cty.True, at)
	case name == "false":
		return p.literal(cty.False, at)
	case name == "null":
		return p.literal(cty.NullVal(cty.DynamicPseudoType), at)
	}
	return &hclsyntax.ScopeTraversalExpr{Traversal: hcl.Traversal{hcl.TraverseRoot{Name: name, SrcRange: at}}, SrcRange: at}
}

func (p *plain) call(name string, at hcl.Range) hclsyntax.Expression {
	out := &hclsyntax.FunctionCallExpr{Name: name, NameRange: at, OpenParenRange: p.take(1)}
	for p.skip(false); p.peek() != ')'; p.skip(false) {
		e := p.expression(false)
		if e == nil {
			return nil
		}
		out.Args = append(out.Args, e)
		switch {
		case p.peek() == ',':
			p.pos++
		case p.ellipsis():
			if out.ExpandFinal = true; p.peek() != ')' {
				return nil
			}
		case p.peek() != ')':
			return nil
		}
	}
	out.CloseParenRange = p.take(1)
	return out
}

// ellipsis reads three dots and the space behind them, if they are there.
func (p *plain) ellipsis() bool {
	if p.peek() != '.' || p.ahead(1) != '.' || p.ahead(2) != '.' {
		return false
	}
	p.pos += 3
	p.skip(false)
	return true
}

func (p *plain) parentheses() hclsyntax.Expression {
	start := p.here()
	p.pos++
	e := p.expression(false)
	if e == nil || p.peek() != ')' {
		return nil
	}
	p.pos++
	return &hclsyntax.ParenthesesExpr{Expression: e, SrcRange: p.since(start)}
}

func (p *plain) tuple() hclsyntax.Expression {
	open := p.take(1)
	p.skip(false)
	if p.word() == "for" {
		return p.loop(open, ']')
	}
	out := &hclsyntax.TupleConsExpr{OpenRange: open}
	for p.peek() != ']' {
		e := p.expression(false)
		if e == nil {
			return nil
		}
		out.Exprs = append(out.Exprs, e)
		if p.peek() == ',' {
			p.pos++
			p.skip(false)
		} else if p.peek() != ']' {
			return nil
		}
	}
	out.SrcRange = hcl.RangeBetween(open, p.take(1))
	return out
}

func (p *plain) object() hclsyntax.Expression {
	open := p.take(1)
	p.skip(false)
	if p.word() == "for" {
		return p.loop(open, '}')
	}
	out := &hclsyntax.ObjectConsExpr{OpenRange: open}
	for p.skip(false); p.peek() != '}'; p.skip(false) {
		computed := p.peek() == '('
		key := p.expression(true)
		if c, next := p.peek(), p.ahead(1); key == nil || c != '=' && c != ':' || next == '=' || next == '>' || c == ':' && next == ':' {
			return nil
		}
		p.pos++
		value := p.expression(true)
		if value == nil {
			return nil
		}
		out.Items = append(out.Items, hclsyntax.ObjectConsItem{
			KeyExpr: &hclsyntax.ObjectConsKeyExpr{Wrapped: key, ForceNonLiteral: computed}, ValueExpr: value,
		})
		switch p.peek() {
		case ',':
			p.pos++
		case '\n', '}':
		default:
			return nil
		}
	}
	out.SrcRange = hcl.RangeBetween(open, p.take(1))
	return out
}

// loop reads a for expression from its first word on.
func (p *plain) loop(open hcl.Range, end byte) hclsyntax.Expression {
	out := &hclsyntax.ForExpr{OpenRange: open}
	p.pos += len("for")
	out.ValVar = p.variable()
	if p.peek() == ',' && out.ValVar != "" {
		p.pos++
		out.KeyVar, out.ValVar = out.ValVar, p.variable()
	}
	if out.ValVar == "" || p.word() != "in" {
		return nil
	}
	p.pos += len("in")
	out.CollExpr = p.expression(false)
	if out.CollExpr == nil || p.peek() != ':' || p.ahead(1) == ':' {
		return nil
	}
	p.pos++
	out.ValExpr = p.expression(false)
	if out.ValExpr != nil && p.peek() == '=' && p.ahead(1) == '>' {
		p.pos += 2
		out.KeyExpr, out.ValExpr = out.ValExpr, p.expression(false)
	}
	if out.ValExpr == nil || (out.KeyExpr != nil) != (end == '}') {
		return nil
	}
	out.Group = p.ellipsis()
	if p.word() == "if" {
		p.pos += len("if")
		if out.CondExpr = p.expression(false); out.CondExpr == nil {
			return nil
		}
	}
	if p.peek() != end || out.Group && end != '}' {
		return nil
	}
	out.CloseRange = p.take(1)
	out.SrcRange = hcl.RangeBetween(open, out.CloseRange)
	return out
}

// variable reads the name of a variable of a for expression, with the space
// around it.
func (p *plain) variable() string {
	p.skip(false)
	name := p.word()
	p.pos += len(name)
	p.skip(false)
	return name
}

// template reads a string.
func (p *plain) template() hclsyntax.Expression {
	start := p.here()
	p.pos++
	var parts []hclsyntax.Expression
	expressions := 0
	for p.peek() != '"' {
		from := p.here()
		if p.peek() == '$' && p.ahead(1) == '{' {
			e := p.interpolation()
			if e == nil {
				return nil
			}
			parts, expressions = p.append(parts, e), expressions+1
			continue
		}
		text, ok := p.quoted()
		if !ok {
			return nil
		}
		parts = p.append(parts, p.literal(cty.StringVal(text), p.since(from)))
	}
	p.pos++
	if len(parts) == 0 {
		parts = p.append(parts, p.literal(cty.StringVal(""), p.since(p.here())))
	}
	if len(parts) == 1 && expressions == 1 {
		return &hclsyntax.TemplateWrapExpr{Wrapped: parts[0], SrcRange: p.since(start)}
	}
	out := p.templates.next()
	*out = hclsyntax.TemplateExpr{Parts: parts, SrcRange: p.since(start)}
	return out
}

func (p *plain) literal(v cty.Value, at hcl.Range) *hclsyntax.LiteralValueExpr {
	out := p.literals.next()
	*out = hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}
	return out
}

// append adds a part to a template; most have one.
func (p *plain) append(parts []hclsyntax.Expression, e hclsyntax.Expression) []hclsyntax.Expression {
	if parts != nil {
		return append(parts, e)
	}
	if len(p.parts) == 0 {
		p.parts = make([]hclsyntax.Expression, 16)
	}
	parts = p.parts[:1:1]
	parts[0], p.parts = e, p.parts[1:]
	return parts
}

func (p *plain) interpolation() hclsyntax.Expression {
	p.pos += 2
	e := p.expression(false)
	if e == nil || p.peek() != '}' {
		return nil
	}
	p.pos++
	return e
}

// escapes are what may follow a backslash.
var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\'}

// quoted reads text within quotes up to a quote or an interpolation; ok is false
// if it is not plain.
func (p *plain) quoted() (s string, ok bool) {
	from := p.pos
	var escaped []byte
	for {
		switch c := p.peek(); {
		case c == '"', c == '$' && p.ahead(1) == '{':
			if escaped == nil {
				return p.text[from:p.pos], true
			}
			return string(escaped), true
		case c < ' ' && c != '\t' || c >= 0x7f:
			return "", false
		case c == '\\':
			by := escapes[p.ahead(1)]
			if by == 0 {
				return "", false
			}
			if escaped == nil {
				escaped = append(make([]byte, 0, 64), p.src[from:p.pos]...)
			}
			escaped = append(escaped, by)
			p.pos += 2
			continue
		case c == '$' || c == '%':
			if next := p.ahead(1); next == c || next == '{' || next == '\\' || next < ' ' || next >= 0x7f {
				return "", false
			}
		}
		if escaped != nil {
			escaped = append(escaped, p.peek())
		}
		p.pos++
	}
}

// traversal reads what is taken of a value: attributes, elements, all elements.
func (p *plain) traversal(from hclsyntax.Expression, lines bool) hclsyntax.Expression {
	e := from
	for {
		p.skip(lines)
		if p.chain++; p.chain > plainChain {
			return nil
		}
		switch c := p.peek(); {
		case c == '.' && p.ahead(1) != '.':
			start := p.here()
			p.pos++
			p.skip(lines)
			name := p.word()
			if name == "" {
				return nil
			}
			p.pos += len(name)
			rng := p.since(start)
			e = joined(e, hcl.TraverseAttr{Name: name, SrcRange: rng}, rng)
		case c == '[':
			if e = p.index(from, e, lines); e == nil {
				return nil
			}
		default:
			return e
		}
	}
}

// index reads brackets behind a value.
func (p *plain) index(from, e hclsyntax.Expression, lines bool) hclsyntax.Expression {
	open := p.take(1)
	p.skip(lines)
	if p.peek() == '*' {
		p.pos++
		if p.skip(lines); p.peek() != ']' {
			return nil
		}
		marker := hcl.RangeBetween(open, p.take(1))
		item := &hclsyntax.AnonSymbolExpr{SrcRange: marker}
		each := p.traversal(item, lines)
		if each == nil {
			return nil
		}
		return &hclsyntax.SplatExpr{Source: e, Each: each, Item: item, SrcRange: hcl.RangeBetween(from.Range(), each.Range()), MarkerRange: marker}
	}
	key := p.expression(false)
	if key == nil || p.peek() != ']' {
		return nil
	}
	rng := hcl.RangeBetween(open, p.take(1))
	switch k := key.(type) {
	case *hclsyntax.LiteralValueExpr:
		return joined(e, hcl.TraverseIndex{Key: k.Val, SrcRange: rng}, rng)
	case *hclsyntax.TemplateExpr:
		if k.IsStringLiteral() {
			return joined(e, hcl.TraverseIndex{Key: k.Parts[0].(*hclsyntax.LiteralValueExpr).Val, SrcRange: rng}, rng)
		}
	}
	return &hclsyntax.IndexExpr{Collection: e, Key: key, SrcRange: hcl.RangeBetween(from.Range(), rng), OpenRange: open, BracketRange: rng}
}

// joined adds a step to a value.
func joined(e hclsyntax.Expression, next hcl.Traverser, rng hcl.Range) hclsyntax.Expression {
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		e.Traversal, e.SrcRange = append(e.Traversal, next), hcl.RangeBetween(e.SrcRange, rng)
		return e
	case *hclsyntax.RelativeTraversalExpr:
		e.Traversal, e.SrcRange = append(e.Traversal, next), hcl.RangeBetween(e.SrcRange, rng)
		return e
	}
	return &hclsyntax.RelativeTraversalExpr{Source: e, Traversal: hcl.Traversal{next}, SrcRange: hcl.RangeBetween(e.Range(), rng)}
}
