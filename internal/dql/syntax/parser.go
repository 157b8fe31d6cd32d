package syntax

import (
	"errors"
	"strings"
)

// maxTerms bounds the operands of one chain of operators, a + b + c + …,
// which makes a tree as deep as it is long.
const maxTerms = 10_000

// Parse reads a text; name is that of its file, for errors. The error is the
// first *[Error]. If the mistakes found leave the structure clear, Parse
// returns the tree beside the error, and all of them in its Errors.
func Parse(name, text string) (*Query, error) {
	q := &Query{Span: Span{0, len(text)}, Name: name, Text: text}
	s, bad := scan(q)
	if bad != nil {
		return nil, first(q, bad)
	}
	q.Comments = s.comments
	p := &parser{q: q, tokens: s.tokens}
	if err := p.run(q); err != nil {
		return nil, first(q, err)
	}
	if len(q.Errors) > 0 {
		return q, first(q, nil)
	}
	return q, nil
}

// first returns the mistake of q or err that stands first in the text.
func first(q *Query, err *Error) error {
	for _, e := range q.Errors {
		if err == nil || e.Start.Index < err.Start.Index {
			err = e
		}
	}
	return err
}

type parser struct {
	q      *Query
	tokens []token
	at     int
	depth  int
	err    *Error
}

// run parses the whole text.
func (p *parser) run(q *Query) *Error {
	p.commands(q)
	if t := p.peek(); t.kind != end {
		p.unexpected(t)
	}
	return p.err
}

// stop ends the parse: it keeps the first mistake and moves to the end of the
// text, where every rule of the grammar ends.
func (p *parser) stop(e *Error) {
	if p.err == nil {
		p.err = e
	}
	p.at = len(p.tokens) - 1
}

func (p *parser) peek() *token { return &p.tokens[p.at] }

func (p *parser) peekAt(n int) *token { return &p.tokens[min(p.at+n, len(p.tokens)-1)] }

// since is the text from t to the last token taken.
func (p *parser) since(t *token) Span {
	return Span{t.Start, max(t.End, p.tokens[max(0, p.at-1)].End)}
}

func (p *parser) next() *token {
	t := &p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// is reports whether the next token is the operator op.
func (p *parser) is(op string) bool { return p.peek().is(op) }

func (t *token) is(op string) bool { return t.kind == operator && t.text == op }

// word reports whether t is the keyword w, in any case.
func (t *token) word(w string) bool { return t.kind == name && strings.EqualFold(t.text, w) }

func (p *parser) accept(op string) bool {
	if p.is(op) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(op string) Span {
	t := p.peek()
	if !t.is(op) {
		p.unexpected(t)
		return t.Span
	}
	p.at++
	return t.Span
}

func (p *parser) fail(at Node, format string, args ...any) *Error {
	return p.q.Errorf("PARSE_ERROR", at, format, args...)
}

// soft notes a mistake that leaves the structure clear.
func (p *parser) soft(e *Error) { p.q.Errors = append(p.q.Errors, e) }

func (p *parser) unexpected(t *token) {
	if t.kind == end {
		at := max(0, len(strings.TrimRight(p.q.Text, " \t\r\n"))-1)
		p.stop(p.fail(Span{at, at + 1}, "The query ends here, but more was expected."))
		return
	}
	e := p.fail(t, "`%s` isn't allowed here.", short(p.q.Text[t.Start:t.End]))
	switch next := p.peekAt(1); {
	case t.kind == name && next.is(":"):
		e.Hint = "a comma is missing before it"
	case t.is("="):
		e.Hint = "equality is =="
	case t.kind == name && (next.is("(") || next.kind == name):
		e.Hint = "a | or a comma is missing before it"
	}
	p.stop(e)
}

// short cuts a word for a message.
func short(w string) string {
	if r := []rune(w); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return w
}

// enter counts one more level of nesting; leave it with defer p.leave().
func (p *parser) enter() {
	if p.depth++; p.depth > MaxDepth {
		p.stop(p.fail(p.peek(), "the query nests deeper than %d levels", MaxDepth))
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) commands(q *Query) {
	p.enter()
	defer p.leave()
	if t := p.peek(); t.kind == end {
		p.stop(p.fail(t, "The query is empty."))
		return
	}
	q.Commands = append(q.Commands, p.command())
	for p.accept("|") {
		q.Commands = append(q.Commands, p.command())
	}
}

func (p *parser) command() *Command {
	t := p.peek()
	if t.kind != name {
		p.unexpected(t)
		return &Command{Span: t.Span}
	}
	p.at++
	c := &Command{Name: t.text, Named: t.Span}
	one := p.arg
	if strings.EqualFold(c.Name, "fieldsKeep") || strings.EqualFold(c.Name, "fieldsRemove") {
		one = p.pattern
	}
	if t := p.peek(); t.kind != end && !t.is("|") && !t.is("]") {
		c.Params = append(c.Params, one())
		for p.accept(",") {
			c.Params = append(c.Params, one())
		}
	}
	c.Span = p.since(t)
	return c
}

// arg parses [name:] [alias =] value [asc|desc].
func (p *parser) arg() *Arg {
	p.enter()
	defer p.leave()
	t := p.peek()
	a := &Arg{}
	if t.kind == name && p.peekAt(1).is(":") {
		a.Name = t.text
		p.at += 2
	}
	a.Value = p.expr()
	if p.is("=") {
		field, ok := a.Value.(*Field)
		if !ok || field.Pattern {
			p.unexpected(p.peek())
			return a
		}
		p.at++
		a.Alias, a.Value = field, p.expr()
	}
	if d := p.peek(); d.word("asc") || d.word("desc") {
		a.Direction = strings.ToLower(d.text)
		p.at++
	}
	a.Span = p.since(t)
	return a
}

// pattern parses a field of fieldsKeep or fieldsRemove, which may have *.
func (p *parser) pattern() *Arg {
	if p.is("{") {
		t := p.next()
		g := &Group{Items: p.list("}", p.pattern)}
		g.Span = p.since(t)
		return &Arg{Span: g.Span, Value: g}
	}
	start, n, star := p.peek(), 0, false
	for t := start; n == 0 || t.Start == p.peekAt(n-1).End; t = p.peekAt(n) {
		if t.kind != name && t.kind != number && !t.is("*") && !t.is(".") {
			break
		}
		star = star || t.is("*")
		n++
	}
	if !star {
		return p.arg()
	}
	p.at += n
	s := p.since(start)
	return &Arg{Span: s, Value: &Field{Span: s, Name: p.q.Text[s.Start:s.End], Pattern: true}}
}

// list parses comma-separated items up to the closing bracket, which it takes.
func (p *parser) list(closing string, item func() *Arg) []*Arg {
	var items []*Arg
	if p.accept(closing) {
		return nil
	}
	for {
		items = append(items, item())
		if p.accept(closing) || p.err != nil {
			return items
		}
		p.expect(",")
	}
}

// AsError returns the *Error in err, nil if there is none.
func AsError(err error) *Error {
	var e *Error
	errors.As(err, &e)
	return e
}
