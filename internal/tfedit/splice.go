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
func (f *file) splice(e edit) ([]byte, error) {
	fail := func(format string, args ...any) ([]byte, error) {
		return nil, f.refusal(e.Start, "edit would not be clean: "+fmt.Sprintf(format, args...), "make this change by hand")
	}
	after, err := patch.Apply(f.src, e.Edit)
	if err != nil {
		return fail("%v", err)
	}
	next := &file{path: f.path, kind: f.kind, json: f.json, src: after}
	if next.parse(); next.fault != nil {
		return fail("%v", next.fault)
	}
	if f.json {
		return after, nil
	}
	if f.formatted() {
		next.src = next.format()
	}
	if !onlyTokens(f.src, next.src, e) {
		return fail("more than the value would change")
	}
	return next.src, nil
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
