package kubeedit

import (
	"bytes"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// lineStarts returns where the lines of the document start in the file, as the
// parser counts them: besides CR, LF and CRLF it takes NEL, LS and PS for line
// breaks.
func (d *Document) lineStarts() []int { return d.lines.get(d.countLines) }

func (d *Document) countLines() []int {
	src := d.Text()
	out := make([]int, 1, 1+bytes.Count(src, []byte("\n")))
	out[0] = d.Start
	for i := 0; i < len(src); i++ {
		n := 0
		switch c := src[i]; {
		case c == '\r' && i+1 < len(src) && src[i+1] == '\n':
			n = 2
		case c == '\n' || c == '\r':
			n = 1
		case c == 0xC2 && i+1 < len(src) && src[i+1] == 0x85:
			n = 2
		case c == 0xE2 && i+2 < len(src) && src[i+1] == 0x80 && (src[i+2] == 0xA8 || src[i+2] == 0xA9):
			n = 3
		}
		if n > 0 {
			i += n - 1
			out = append(out, d.Start+i+1)
		}
	}
	return out
}

// offset returns where a node starts in the file. The parser counts columns in
// runes.
func (d *Document) offset(n *yaml.Node) int {
	lines := d.lineStarts()
	if n.Line < 1 || n.Line > len(lines) {
		return d.End
	}
	off := lines[n.Line-1]
	for col := n.Column; col > 1 && off < d.End; col-- {
		_, size := utf8.DecodeRune(d.file.Src[off:d.End])
		off += size
	}
	return off
}

// position returns line and column of a node as editors count them, from 1.
func (d *Document) position(n *yaml.Node) (line, col int) {
	off := d.valueStart(n)
	before := d.file.Src[:off]
	start := bytes.LastIndexByte(before, '\n') + 1
	if start == 0 && bytes.HasPrefix(before, bom) {
		start = len(bom)
	}
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// valueStart is the offset of a node behind its anchor and tag.
func (d *Document) valueStart(n *yaml.Node) int {
	off := d.offset(n)
	if n.Kind == yaml.AliasNode {
		return off
	}
	src := d.file.Src
	for off < d.End && (src[off] == '&' || src[off] == '!') {
		for off < d.End && !isSpace(src[off]) {
			off++
		}
		for off < d.End && isSpace(src[off]) {
			off++
		}
	}
	return off
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// span returns the bytes of a scalar without its quotes; ok is false if the
// scalar is not written out in one piece on one line.
func (d *Document) span(n *yaml.Node) (start, end int, ok bool) {
	if n.Kind != yaml.ScalarNode {
		return 0, 0, false
	}
	start = d.valueStart(n)
	src := d.file.Src
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 0, 0, false
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		end = quoteEnd(src[:d.End], start)
		if end < 0 {
			return 0, 0, false
		}
		start++
	default:
		end = start + len(n.Value)
		if end > d.End || string(src[start:end]) != n.Value {
			return 0, 0, false
		}
	}
	return start, end, !bytes.ContainsAny(src[start:end], "\r\n\u0085\u2028\u2029")
}

// quoteEnd returns where the quoted scalar that starts at off has its closing
// quote, or -1.
func quoteEnd(src []byte, off int) int {
	if off >= len(src) {
		return -1
	}
	quote := src[off]
	if quote != '"' && quote != '\'' {
		return -1
	}
	for i := off + 1; i < len(src); i++ {
		switch {
		case src[i] == '\\' && quote == '"':
			i++
		case src[i] == quote && quote == '\'' && i+1 < len(src) && src[i+1] == quote:
			i++
		case src[i] == quote:
			return i
		}
	}
	return -1
}

// flowEnd returns the offset of the bracket that closes the one at off, or -1.
// Quotes count only where a scalar may begin, so that an apostrophe within a
// word does not open one.
func flowEnd(src []byte, off int) int {
	depth := 0
	begin := true // of a scalar
	for i := off; i < len(src); i++ {
		switch c := src[i]; {
		case c == '[' || c == '{':
			depth, begin = depth+1, true
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i
			}
			begin = false
		case c == ',' || c == ':':
			begin = true
		case begin && (c == '"' || c == '\''):
			if i = quoteEnd(src, i); i < 0 {
				return -1
			}
			begin = false
		case c == '#' && i > 0 && isSpace(src[i-1]):
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case !isSpace(c):
			begin = false
		}
	}
	return -1
}

// end returns the offset behind the last byte of a node. indent is the column
// (from 0) of the key or dash that owns it: a block scalar goes on while lines
// are indented more.
func (d *Document) end(n *yaml.Node, indent int) int {
	src := d.file.Src
	switch n.Kind {
	case yaml.AliasNode:
		return d.offset(n) + 1 + len(n.Value)
	case yaml.ScalarNode:
		return d.scalarEnd(n, indent)
	}
	if n.Style&yaml.FlowStyle != 0 {
		if e := flowEnd(src[:d.End], d.valueStart(n)); e >= 0 {
			return e + 1
		}
		return d.End
	}
	if len(n.Content) == 0 {
		return d.valueStart(n)
	}
	last := n.Content[len(n.Content)-1]
	column := n.Column - 1
	if n.Kind == yaml.MappingNode {
		key := n.Content[len(n.Content)-2]
		column = key.Column - 1
		if empty(last) {
			return d.end(key, column) + 1 // the colon
		}
	} else if empty(last) {
		return d.offset(last)
	}
	return d.end(last, column)
}

// empty reports whether a value is left out, as in "limits:".
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Tag == "!!null"
}

func (d *Document) scalarEnd(n *yaml.Node, indent int) int {
	src, start := d.file.Src, d.valueStart(n)
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		header := nextLine(src[start:d.End])
		return d.blockEnd(start, indent, bytes.IndexByte(header[:min(len(header), 4)], '+') > 0)
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return quoteEnd(src[:d.End], start) + 1
	}
	if end := start + len(n.Value); end <= d.End && string(src[start:end]) == n.Value {
		return end
	}
	return d.blockEnd(start, indent, false) // a plain scalar over several lines
}

// blockEnd returns the end of the text that starts on the line of start and
// goes on while lines are indented by more than indent. Empty lines at its end
// count only if they are kept, as in "|+".
func (d *Document) blockEnd(start, indent int, keep bool) int {
	src := d.file.Src[:d.End]
	end := start + len(bytes.TrimRight(nextLine(src[start:]), "\r\n"))
	for at := start + len(nextLine(src[start:])); at < len(src); {
		line := nextLine(src[at:])
		text := bytes.TrimLeft(line, " ")
		rest := bytes.TrimRight(text, "\r\n")
		if len(rest) > 0 && len(line)-len(text) <= indent {
			break
		}
		if len(rest) > 0 || keep {
			end = at + len(bytes.TrimRight(line, "\r\n"))
		}
		at += len(line)
	}
	return end
}
