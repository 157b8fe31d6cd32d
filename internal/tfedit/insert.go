package tfedit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/patch"
)

// insertion returns the edit that adds an attribute to a body: below the
// attribute that is written last, in its indentation.
func (w work) insertion(value string) (edit, error) {
	f, body := w.into.file, w.into.body
	if f.json {
		return w.insertMember(value)
	}
	name := w.into.name
	if !hclsyntax.ValidIdentifier(name) {
		return edit{}, f.refusal(body.SrcRange.Start.Byte, fmt.Sprintf("%q is no name of an attribute", name), "")
	}
	text := literal(value, w.typ, true)
	e := edit{text: name + "=" + text}
	line := name + " = " + text
	eol := f.eol()
	if last := lastAttribute(body); last != nil {
		at := last.SrcRange.End.Byte
		rest := f.src[at:]
		end := at + lineEnd(rest)
		if !bytes.HasSuffix(f.src[:end], []byte("\n")) { // the file ends without a newline
			e.Edit = patch.Edit{Start: end, End: end, New: eol + f.indent(last.SrcRange.Start.Byte) + line}
			return e, nil
		}
		if trailing := bytes.TrimSpace(f.src[at:end]); len(trailing) > 0 && trailing[0] != '#' && !bytes.HasPrefix(trailing, []byte("//")) {
			return edit{}, f.refusal(at, "block is written on one line: "+string(trailing), "break it over several lines")
		}
		e.Edit = patch.Edit{Start: end, End: end, New: f.indent(last.SrcRange.Start.Byte) + line + eol}
		return e, nil
	}
	return w.insertFirst(e, line, eol)
}

// insertFirst adds an attribute to a body that has none.
func (w work) insertFirst(e edit, line, eol string) (edit, error) {
	f, at := w.into.file, w.into.body.SrcRange.Start.Byte
	if f.kind == vars { // a file with nothing but comments
		at = len(f.src)
		if at > 0 && f.src[at-1] != '\n' {
			line = eol + line
		}
		e.Edit = patch.Edit{Start: at, End: at, New: line + eol}
		return e, nil
	}
	open := bytes.IndexByte(f.src[at:], '{')
	if open < 0 {
		return edit{}, f.refusal(at, "block has no brace", "")
	}
	end := at + open + lineEnd(f.src[at+open:])
	if rest := bytes.TrimSpace(f.src[at+open+1 : end]); len(rest) > 0 && rest[0] != '#' {
		return edit{}, f.refusal(at, "block is written on one line", "break it over several lines")
	}
	indent := f.indent(at) + "  "
	if inner := w.into.body.Blocks; len(inner) > 0 {
		indent = f.indent(inner[0].TypeRange.Start.Byte)
	}
	e.Edit = patch.Edit{Start: end, End: end, New: indent + line + eol}
	return e, nil
}

// lastAttribute returns the attribute that stands last in a body.
func lastAttribute(body *hclsyntax.Body) *hclsyntax.Attribute {
	var last *hclsyntax.Attribute
	for _, a := range body.Attributes {
		if last == nil || a.SrcRange.Start.Byte > last.SrcRange.Start.Byte {
			last = a
		}
	}
	return last
}

// eol is the line ending of a file.
func (f *file) eol() string {
	if i := bytes.IndexByte(f.src, '\n'); i > 0 && f.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// indent is the white space at the start of the line that at stands on.
func (f *file) indent(at int) string {
	line := f.src[bytes.LastIndexByte(f.src[:at], '\n')+1:]
	line = bytes.TrimPrefix(line, bom)
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// insertMember adds a member to a JSON object, behind the last.
func (w work) insertMember(value string) (edit, error) {
	f, rng := w.into.file, w.into.body.SrcRange
	ms := slices.SortedFunc(maps.Values(w.into.body.Attributes), func(a, b *hclsyntax.Attribute) int { return a.SrcRange.End.Byte - b.SrcRange.End.Byte })
	text := `"` + escape(w.into.name, f.template()) + `": ` + literal(value, w.typ, f.template())
	if len(ms) == 0 {
		return edit{}, f.refusal(rng.Start.Byte, "object is empty", "write a first value by hand")
	}
	last := ms[len(ms)-1]
	sep := ", "
	if key := last.NameRange.Start.Byte; bytes.IndexByte(f.src[rng.Start.Byte:key], '\n') >= 0 {
		sep = "," + f.eol() + f.indent(key)
	}
	at := last.SrcRange.End.Byte
	return edit{patch.Edit{Start: at, End: at, New: sep + text}, strings.TrimSpace(sep + text)}, nil
}
