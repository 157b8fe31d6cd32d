package tfedit

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A plain reads HCL that is written as nearly all of it is, at many times the
// speed of package hclsyntax, and makes of it exactly what that package would:
// TestPlain and a fuzz target hold the two against each other. Of what it does
// not know (heredocs, template directives, text beyond ASCII, every mistake) it
// makes nothing, so that package hclsyntax is asked.
type plain struct {
	src   []byte
	text  string // the same bytes; names and values are pieces of it
	path  string
	pos   int
	line  int // from 1
	start int // of the line
	depth int
	chain int // operators and traversals that are open

	attributes slab[hclsyntax.Attribute]
	literals   slab[hclsyntax.LiteralValueExpr]
	templates  slab[hclsyntax.TemplateExpr]
	parts      []hclsyntax.Expression // for templates of one part
}

// A slab hands out values of one type from memory that is got for many at a
// time.
type slab[T any] []T

func (s *slab[T]) next() *T {
	if len(*s) == 0 {
		*s = make([]T, 16)
	}
	out := &(*s)[0]
	*s = (*s)[1:]
	return out
}

// Beyond these, a text is for [screen] and package hclsyntax to judge.
const (
	plainDepth = maxDepth / 2
	plainChain = 200
)

// readPlain returns the body of a text that passed [screen] without its scan, nil
// if package hclsyntax has to be asked.
func readPlain(path string, src []byte) *hclsyntax.Body {
	p := plain{src: src, text: string(src), path: path, line: 1}
	start := p.first()
	body := p.body(0)
	if body != nil {
		body.SrcRange = p.since(start)
	}
	return body
}

// first is where a text begins to mean something: the end of a line does.
func (p *plain) first() hcl.Pos {
	ahead := *p
	for {
		switch c := ahead.peek(); {
		case c == ' ' || c == '\t':
			ahead.pos++
		case c == '/' && ahead.ahead(1) == '*' && ahead.comment():
		case (c == '#' || c == '/') && bytes.IndexByte(ahead.src[ahead.pos:], '\n') < 0:
			ahead.pos = len(ahead.src)
		default:
			return ahead.here()
		}
	}
}

// peek is the byte that is next, 0 at the end.
func (p *plain) peek() byte { return p.ahead(0) }

func (p *plain) ahead(n int) byte {
	if p.pos+n < len(p.src) {
		return p.src[p.pos+n]
	}
	return 0
}

func (p *plain) here() hcl.Pos {
	return hcl.Pos{Line: p.line, Column: p.pos - p.start + 1, Byte: p.pos}
}

// since is the range from a position to here.
func (p *plain) since(start hcl.Pos) hcl.Range {
	return hcl.Range{Filename: p.path, Start: start, End: p.here()}
}

// take reads n bytes, and returns their range.
func (p *plain) take(n int) hcl.Range {
	start := p.here()
	p.pos += n
	return p.since(start)
}

// skip moves over space and comments; over the ends of lines unless they mean
// something.
func (p *plain) skip(lines bool) {
	for {
		switch c := p.peek(); {
		case c == ' ' || c == '\t':
			p.pos++
		case c == '\r' && p.ahead(1) == '\n':
			p.pos++
		case c == '\n' && !lines:
			p.newline()
		case c == '#' || c == '/' && p.ahead(1) == '/':
			line := p.src[p.pos : p.pos+lineEnd(p.src[p.pos:])]
			text, ended := bytes.CutSuffix(line, []byte("\n"))
			if !ended && !ascii(text) {
				return // where the text ends, in columns
			}
			p.pos += len(text)
		case c == '/' && p.ahead(1) == '*':
			if !p.comment() {
				return
			}
		default:
			return
		}
	}
}

func ascii(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

func (p *plain) newline() {
	p.pos++
	p.line, p.start = p.line+1, p.pos
}

// comment moves over a comment in the old style of C; false for one that is not
// plain, which is left where it is.
func (p *plain) comment() bool {
	n := bytes.Index(p.src[p.pos+2:], []byte("*/"))
	if n < 0 {
		return false
	}
	for end := p.pos + n + 4; p.pos < end; {
		switch c := p.peek(); {
		case c == '\n':
			p.newline()
		case c >= 0x80 || c == '\r':
			return false
		default:
			p.pos++
		}
	}
	return true
}

// word returns the name that is next, "" if there is none.
func (p *plain) word() string {
	at := p.pos
	for at < len(p.src) && isIdent(p.src[at], at == p.pos) {
		at++
	}
	if at < len(p.src) && p.src[at] >= 0x80 {
		return ""
	}
	return p.text[p.pos:at]
}

// body reads up to the byte that ends it, which is left: a brace, or 0 for the
// end of the text.
func (p *plain) body(end byte) *hclsyntax.Body {
	out := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, Blocks: hclsyntax.Blocks{}}
	for {
		p.skip(false)
		if p.peek() == end && (end != 0 || p.pos == len(p.src)) {
			at := p.here()
			if end != 0 {
				at.Column, at.Byte = at.Column+1, at.Byte+1
			}
			out.EndRange = hcl.Range{Filename: p.path, Start: at, End: at}
			return out
		}
		name := p.word()
		if name == "" {
			return nil
		}
		at := p.take(len(name))
		p.skip(true)
		if p.peek() == '=' {
			a := p.attribute(name, at)
			if a == nil || out.Attributes[name] != nil || !p.ends() {
				return nil
			}
			out.Attributes[name] = a
			continue
		}
		b := p.block(name, at)
		if b == nil || !p.ends() {
			return nil
		}
		out.Blocks = append(out.Blocks, b)
	}
}

// ends reports whether a line ends here.
func (p *plain) ends() bool {
	p.skip(true)
	return p.peek() == '\n' || p.pos == len(p.src)
}

// attribute reads from the equals sign on.
func (p *plain) attribute(name string, at hcl.Range) *hclsyntax.Attribute {
	if c := p.ahead(1); c == '=' || c == '>' {
		return nil
	}
	equals := p.take(1)
	e := p.expression(true)
	if e == nil {
		return nil
	}
	out := p.attributes.next()
	*out = hclsyntax.Attribute{Name: name, Expr: e, SrcRange: hcl.RangeBetween(at, e.Range()), NameRange: at, EqualsRange: equals}
	return out
}

// block reads from the labels on.
func (p *plain) block(typ string, at hcl.Range) *hclsyntax.Block {
	if p.depth++; p.depth > plainDepth {
		return nil
	}
	defer func() { p.depth-- }()
	out := &hclsyntax.Block{Type: typ, TypeRange: at}
	for p.peek() != '{' {
		name, rng := p.word(), hcl.Range{}
		switch {
		case name != "":
			rng = p.take(len(name))
		case p.peek() == '"':
			start := p.here()
			p.pos++
			text, ok := p.quoted()
			if !ok || p.peek() != '"' {
				return nil
			}
			p.pos++
			name, rng = text, p.since(start)
		default:
			return nil
		}
		out.Labels, out.LabelRanges = append(out.Labels, name), append(out.LabelRanges, rng)
		p.skip(true)
	}
	out.OpenBraceRange = p.take(1)
	p.skip(true)
	if c := p.peek(); c == '\n' || c == '}' {
		out.Body = p.body('}')
	} else {
		out.Body = p.single()
	}
	if out.Body == nil || p.peek() != '}' {
		return nil
	}
	out.CloseBraceRange = p.take(1)
	if out.Body.SrcRange.Filename == "" {
		out.Body.SrcRange = hcl.RangeBetween(out.OpenBraceRange, out.CloseBraceRange)
	}
	return out
}

// single reads the one attribute of a block that is written on one line.
func (p *plain) single() *hclsyntax.Body {
	name := p.word()
	if name == "" {
		return nil
	}
	at := p.take(len(name))
	if p.skip(true); p.peek() != '=' {
		return nil
	}
	a := p.attribute(name, at)
	if a == nil {
		return nil
	}
	p.skip(true)
	end := hcl.Range{Filename: p.path, Start: a.SrcRange.End, End: a.SrcRange.End}
	return &hclsyntax.Body{Attributes: hclsyntax.Attributes{name: a}, SrcRange: a.SrcRange, EndRange: end}
}
