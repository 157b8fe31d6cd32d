package tfedit

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/salvehq/salve/internal/patch"
)

// splice makes an edit and proves it: the new text parses, and of its tokens,
// comments included, no others differ. A file that terraform fmt would have left
// alone it would still leave alone.
func (f *file) splice(e edit) (*file, error) {
	fail := func(format string, args ...any) (*file, error) {
		return nil, f.refusal(e.Start, "edit would not be clean: "+fmt.Sprintf(format, args...), "make this change by hand")
	}
	after, err := patch.Apply(f.src, e.Edit)
	if err != nil {
		return fail("%v", err)
	}
	next := &file{path: f.path, mode: f.mode, kind: f.kind, json: f.json, src: after}
	if fault := next.fault(); fault != nil {
		return fail("%v", fault)
	}
	if f.json || f.within(e, after) {
		return next, nil
	}
	if f.formatted() {
		if laid := next.format(); !bytes.Equal(laid, after) {
			next = &file{path: f.path, mode: f.mode, kind: f.kind, src: laid}
		}
	}
	if !next.judged() {
		return fail("the file would not parse")
	}
	if !onlyTokens(f.src, next.src, e) {
		return fail("more than the value would change")
	}
	return next, nil
}

// within proves, by the lines of one attribute alone, that an edit gives its file
// another value and no other token, and that terraform fmt would move nothing
// for it. The bytes outside of these lines are the same, and they are read from
// the state in which a file is read from its top: what holds for the lines holds
// for the file. False means that the whole file has to be looked at.
func (f *file) within(e edit, after []byte) bool {
	start, end, ok := f.attributeAt(e)
	if !ok {
		return false
	}
	was, is := f.src[start:end], after[start:end+len(after)-len(f.src)]
	e.Start, e.End = e.Start-start, e.End-start
	if _, diags := hclsyntax.ParseConfig(is, f.path, hcl.InitialPos); diags.HasErrors() {
		return false
	}
	a, _ := hclsyntax.LexConfig(was, "", hcl.InitialPos)
	b, _ := hclsyntax.LexConfig(is, "", hcl.InitialPos)
	return ends(a) && ends(b) && onlyTokensOf(a, b, e) && stays(a, b, e)
}

// attributeAt returns the lines of the attribute in which an edit replaces
// bytes; ok is false if it stands on no lines of its own.
func (f *file) attributeAt(e edit) (start, end int, ok bool) {
	a := attributeAt(f.parse(), e.Start, e.End)
	if a == nil {
		return 0, 0, false
	}
	start = bytes.LastIndexByte(f.src[:a.SrcRange.Start.Byte], '\n') + 1
	end = a.SrcRange.End.Byte + lineEnd(f.src[a.SrcRange.End.Byte:])
	return start, end, len(bytes.TrimLeft(f.src[start:a.SrcRange.Start.Byte], " \t")) == 0
}

// attributeAt returns the attribute of a body, or of a block within, that holds
// a range of bytes; nil if there is none.
func attributeAt(body *hclsyntax.Body, start, end int) *hclsyntax.Attribute {
	holds := func(r hcl.Range) bool { return r.Start.Byte <= start && end <= r.End.Byte }
	for _, b := range body.Blocks {
		if holds(b.Body.SrcRange) {
			return attributeAt(b.Body, start, end)
		}
	}
	for _, a := range body.Attributes {
		if holds(a.Expr.Range()) {
			return a
		}
	}
	return nil
}

// ends reports whether tokens, and an end of the file, are what there is, so that
// what follows is read anew: nothing is open but blocks and brackets.
func ends(tokens hclsyntax.Tokens) bool {
	if len(tokens) < 2 {
		return false
	}
	last := tokens[len(tokens)-2]
	return (last.Type == hclsyntax.TokenNewline || last.Type == hclsyntax.TokenComment) && bytes.HasSuffix(last.Bytes, []byte("\n"))
}

// stays reports whether terraform fmt puts the tokens b where it puts a, of which
// they differ by one: of the same type, on a line without a comment, and not in
// front of its first equals sign. That is all whose width fmt looks at;
// TestFormatStays holds this against fmt itself.
// https://github.com/hashicorp/hcl/blob/v2.25.0/hclwrite/format.go
func stays(a, b hclsyntax.Tokens, e edit) bool {
	if len(a) != len(b) {
		return false
	}
	changed := -1
	for i := range a {
		if a[i].Type != b[i].Type {
			return false
		}
		if !bytes.Equal(a[i].Bytes, b[i].Bytes) {
			if changed >= 0 {
				return false
			}
			changed = i
		}
	}
	if changed < 0 {
		return false
	}
	before, equals := false, false
	for i := changed; i >= 0 && (i == changed || !newline(a[i])); i-- {
		before = before || a[i].Type == hclsyntax.TokenEqual
	}
	for i := changed + 1; i < len(a); i++ {
		equals = equals || a[i].Type == hclsyntax.TokenEqual
		if a[i].Type == hclsyntax.TokenComment {
			return false
		}
		if newline(a[i]) {
			break
		}
	}
	return before || !equals
}

func newline(t hclsyntax.Token) bool {
	return t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment && bytes.HasSuffix(t.Bytes, []byte("\n"))
}

// formatted reports whether terraform fmt would leave a file alone.
func (f *file) formatted() bool { return bytes.Equal(f.format(), f.src) }

// format returns the text as terraform fmt lays it out.
func (f *file) format() []byte {
	text, marked := bytes.CutPrefix(f.src, bom)
	out := hclwrite.Format(text)
	if marked {
		return append(bytes.Clone(bom), out...)
	}
	return out
}

// onlyTokens reports whether the tokens of two texts are the same but for those
// that the edit took away and put in.
func onlyTokens(before, after []byte, e edit) bool {
	a, _ := hclsyntax.LexConfig(before, "", hcl.InitialPos)
	b, _ := hclsyntax.LexConfig(after, "", hcl.InitialPos)
	return onlyTokensOf(a, b, e)
}

func onlyTokensOf(a, b hclsyntax.Tokens, e edit) bool {
	var head, tail int // tokens before and behind the edit
	for head < len(a) && a[head].Range.End.Byte <= e.Start && a[head].Type != hclsyntax.TokenEOF {
		head++
	}
	for tail < len(a)-head && a[len(a)-1-tail].Range.Start.Byte >= e.End {
		tail++
	}
	if head+tail > len(b) {
		return false
	}
	for i := range head {
		if !sameToken(a[i], b[i]) {
			return false
		}
	}
	for i := range tail {
		if !sameToken(a[len(a)-1-i], b[len(b)-1-i]) {
			return false
		}
	}
	if head+1+tail == len(a) && len(a) == len(b) {
		if t := a[head]; t.Range.Start.Byte < e.Start || e.End < t.Range.End.Byte { // within a heredoc
			want := string(t.Bytes[:e.Start-t.Range.Start.Byte]) + e.text + string(t.Bytes[e.End-t.Range.Start.Byte:])
			return string(b[head].Bytes) == want
		}
	}
	var middle []byte
	for _, t := range b[head : len(b)-tail] {
		middle = append(middle, bytes.TrimSpace(t.Bytes)...)
	}
	return string(middle) == e.text
}

func sameToken(a, b hclsyntax.Token) bool {
	return a.Type == b.Type && bytes.Equal(a.Bytes, b.Bytes)
}
