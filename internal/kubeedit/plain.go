package kubeedit

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A plainText reads YAML that is written as nearly all manifests are, at several
// times the speed of package yaml, and makes of it the nodes that package would,
// but for their comments, which nothing here reads: TestPlain and a fuzz target
// hold the two against each other. Of what it does not know (anchors, tags,
// scalars over several lines other than "|", complex keys, tabs, every mistake)
// it makes nothing, so that package yaml is asked.
type plainText struct {
	text  string
	pos   int  // of the line after the current one
	line  int  // number of that line, from 1
	ascii bool // one byte is one column
	begun bool // there was a line

	// The current line, which holds more than a comment.
	start  int // of what it holds, behind its indentation
	stop   int // behind what it holds, without the line break
	number int // from 1
	indent int // -1 at the end of the text

	depth int
	nodes []yaml.Node
}

// plainDepth bounds how deep text may nest to be read here.
const plainDepth = 64

// readPlain returns the top node of a document, nil if package yaml has to be
// asked.
func readPlain(text []byte) *yaml.Node {
	p := plainText{text: string(text), line: 1}
	if !p.readable() || !p.next() {
		return nil
	}
	if p.indent == 0 && p.rest(p.start) == "---" {
		if !p.next() {
			return nil
		}
	}
	if p.indent < 0 {
		return nil
	}
	root := p.block(false)
	if p.indent >= 0 {
		return nil
	}
	return root
}

// readable reports whether a text has only characters whose columns and line
// breaks are plain.
func (p *plainText) readable() bool {
	p.ascii = true
	for i := range len(p.text) {
		c := p.text[i]
		if c >= ' ' && c < 0x7f || c == '\n' {
			continue
		}
		next := byte(0)
		if i+1 < len(p.text) {
			next = p.text[i+1]
		}
		switch {
		case c == '\r' && next == '\n':
		case c < ' ', c == 0x7f, c == 0xef, c == 0xc2 && next < 0xa0, c == 0xe2 && next == 0x80 && i+2 < len(p.text) && (p.text[i+2] == 0xa8 || p.text[i+2] == 0xa9):
			return false
		default:
			p.ascii = false
		}
	}
	return true
}

// next goes on to the next line that holds more than a comment; false for one
// that is not plain.
func (p *plainText) next() bool {
	for p.pos < len(p.text) {
		begin, end := p.lineAt(p.pos)
		p.pos, p.line = end, p.line+1
		stop := begin + len(strings.TrimRight(p.text[begin:end], " \r\n"))
		start := begin
		for start < stop && p.text[start] == ' ' {
			start++
		}
		if start == stop || p.text[start] == '#' {
			continue
		}
		p.start, p.stop, p.number, p.indent = start, stop, p.line-1, start-begin
		mark := p.indent == 0 && (strings.HasPrefix(p.text[start:stop], "---") && p.begun || strings.HasPrefix(p.text[start:stop], "..."))
		p.begun = true
		return !mark && p.text[start] != '%'
	}
	p.start, p.stop, p.number, p.indent = len(p.text), len(p.text), p.line, -1
	return true
}

// lineAt returns where the line that begins at a byte begins and ends, with its
// break.
func (p *plainText) lineAt(begin int) (int, int) {
	if n := strings.IndexByte(p.text[begin:], '\n'); n >= 0 {
		return begin, begin + n + 1
	}
	return begin, len(p.text)
}

// rest is what stands on the current line from a byte on, without a comment.
func (p *plainText) rest(at int) string {
	s := p.text[at:p.stop]
	if strings.HasPrefix(s, "#") && (at == p.start || p.text[at-1] == ' ') {
		return ""
	}
	if n := strings.Index(s, " #"); n >= 0 {
		s = s[:n]
	}
	return strings.TrimRight(s, " ")
}

// node makes a node that begins at a byte of the current line.
func (p *plainText) node(kind yaml.Kind, at int) *yaml.Node {
	if len(p.nodes) == 0 {
		p.nodes = make([]yaml.Node, 32)
	}
	n := &p.nodes[0]
	p.nodes = p.nodes[1:]
	n.Kind, n.Line, n.Column = kind, p.number, p.column(at)
	switch kind {
	case yaml.MappingNode:
		n.Tag = "!!map"
	case yaml.SequenceNode:
		n.Tag = "!!seq"
	}
	return n
}

func (p *plainText) column(at int) int {
	begin := strings.LastIndexByte(p.text[:min(at, p.stop)], '\n') + 1
	if p.ascii {
		return at - begin + 1
	}
	return utf8.RuneCountInString(p.text[begin:at]) + 1
}

// scalar makes the node of a text that is written without quotes.
func (p *plainText) scalar(value string, at int) *yaml.Node {
	n := p.node(yaml.ScalarNode, at)
	n.Value = value
	switch c := value[0]; {
	case strings.IndexByte("+-0123456789yYnNtTfFoO~<.", c) >= 0:
		n.Tag = n.ShortTag() // what package yaml takes it for
	default:
		n.Tag = "!!str"
	}
	return n
}

// null makes the node of a value that is left out.
func (p *plainText) null(at int) *yaml.Node {
	n := p.node(yaml.ScalarNode, at)
	n.Tag = "!!null"
	return n
}

// dash reports whether the current line begins with an element of a list.
func (p *plainText) dash() bool {
	return p.text[p.start] == '-' && (p.start+1 == p.stop || p.text[p.start+1] == ' ')
}

// block reads the collection that the current line begins. In a mapping, a list
// may stand as far left as its key.
func (p *plainText) block(beside bool) *yaml.Node {
	if p.depth++; p.depth > plainDepth {
		return nil
	}
	defer func() { p.depth-- }()
	if p.dash() {
		return p.list(beside)
	}
	return p.mapping()
}

func (p *plainText) mapping() *yaml.Node {
	out, indent := p.node(yaml.MappingNode, p.start), p.indent
	for p.indent == indent && !p.dash() {
		key, at := p.key(p.start)
		if key == nil {
			return nil
		}
		value := p.value(at, indent, true)
		if value == nil {
			return nil
		}
		out.Content = append(out.Content, key, value)
	}
	if p.indent >= indent {
		return nil
	}
	return out
}

// key reads a key and its colon.
func (p *plainText) key(at int) (*yaml.Node, int) {
	end := at
	var n *yaml.Node
	if c := p.text[at]; c == '"' || c == '\'' {
		if n, end = p.quoted(at); n == nil {
			return nil, 0
		}
	} else {
		for end < p.stop && isKey(p.text[end]) {
			end++
		}
		if end == at || c == '-' {
			return nil, 0
		}
		n = p.scalar(p.text[at:end], at)
	}
	if end >= p.stop || p.text[end] != ':' || end+1 < p.stop && p.text[end+1] != ' ' || end-at > 500 {
		return nil, 0
	}
	return n, end + 1
}

func isKey(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '/' || c == '-' || c == '$'
}

func (p *plainText) list(beside bool) *yaml.Node {
	out, indent := p.node(yaml.SequenceNode, p.start), p.indent
	for p.indent == indent && p.dash() {
		item := p.item(indent)
		if item == nil {
			return nil
		}
		out.Content = append(out.Content, item)
	}
	if p.indent > indent || p.indent == indent && !beside {
		return nil
	}
	return out
}

// item reads an element behind its dash: a collection may begin on its line.
func (p *plainText) item(indent int) *yaml.Node {
	at := p.start + 1
	for at < p.stop && p.text[at] == ' ' {
		at++
	}
	if p.rest(at) == "" {
		return p.value(p.start+1, indent, false)
	}
	nested := p.text[at] == '-' && (at+1 == p.stop || p.text[at+1] == ' ')
	if !nested {
		key, _ := p.key(at)
		nested = key != nil
	}
	if !nested {
		return p.value(at, indent, false)
	}
	p.indent, p.start = p.indent+at-p.start, at
	return p.block(false)
}

// value reads what stands behind a colon or a dash, and goes on to the next line.
func (p *plainText) value(at, indent int, inMapping bool) *yaml.Node {
	mark := at
	for at < p.stop && p.text[at] == ' ' {
		at++
	}
	if at == p.stop || p.text[at] == '#' && at > mark {
		return p.below(mark, indent, inMapping)
	}
	var n *yaml.Node
	end := p.stop
	switch c := p.text[at]; c {
	case '"', '\'':
		n, end = p.quoted(at)
	case '|':
		return p.literal(at, indent)
	case '{', '[':
		n, end = p.flow(at, 0)
	default:
		s := p.rest(at)
		if !isPlain(s) {
			return nil
		}
		n, end = p.scalar(s, at), at+len(s)
	}
	if n == nil || end < p.stop && (p.text[end] != ' ' || p.rest(end) != "") || !p.next() || p.indent > indent {
		return nil
	}
	return n
}

// below reads the value of a key or dash that stands on the lines below, if any.
func (p *plainText) below(mark, indent int, inMapping bool) *yaml.Node {
	null := p.null(mark)
	if !p.next() {
		return nil
	}
	if p.indent > indent || inMapping && p.indent == indent && p.dash() {
		return p.block(p.indent == indent)
	}
	return null
}

// isPlain reports whether a text without quotes is a scalar, and nothing else.
func isPlain(s string) bool {
	if s == "" || strings.IndexByte("&*!|>%@`?#,]}:", s[0]) >= 0 || s[0] == '-' && (len(s) == 1 || s[1] == ' ') {
		return false
	}
	return !strings.Contains(s, ": ") && s[len(s)-1] != ':'
}

// quoted reads a scalar within quotes on one line.
func (p *plainText) quoted(at int) (*yaml.Node, int) {
	quote, n := p.text[at], p.node(yaml.ScalarNode, at)
	n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	if quote == '\'' {
		n.Style = yaml.SingleQuotedStyle
	}
	var b strings.Builder
	from := at + 1
	for i := from; i < p.stop; i++ {
		switch c := p.text[i]; {
		case c == quote && quote == '\'' && i+1 < p.stop && p.text[i+1] == quote:
			b.WriteString(p.text[from : i+1])
			from, i = i+2, i+1
		case c == quote:
			n.Value = p.text[from:i]
			if b.Len() > 0 {
				n.Value = b.String() + n.Value
			}
			return n, i + 1
		case c == '\\' && quote == '"' && i+1 == p.stop:
			return nil, 0
		case c == '\\' && quote == '"':
			k := strings.IndexByte(`"\nt`, p.text[i+1])
			if k < 0 {
				return nil, 0
			}
			b.WriteString(p.text[from:i] + "\"\\\n\t"[k:k+1])
			from, i = i+2, i+1
		}
	}
	return nil, 0
}

// flow reads a flow collection that ends on its line.
func (p *plainText) flow(at, depth int) (*yaml.Node, int) {
	if depth > 8 || !p.ascii {
		return nil, 0
	}
	kind, shut := yaml.MappingNode, byte('}')
	if p.text[at] == '[' {
		kind, shut = yaml.SequenceNode, ']'
	}
	out := p.node(kind, at)
	out.Style = yaml.FlowStyle
	at = p.spaces(at + 1)
	if at < p.stop && p.text[at] == shut {
		return out, at + 1
	}
	for at < p.stop {
		if kind == yaml.MappingNode {
			key, behind := p.key(at)
			if key == nil || behind == p.stop {
				return nil, 0
			}
			out.Content, at = append(out.Content, key), p.spaces(behind)
		}
		value, behind := p.flowValue(at, depth)
		if value == nil {
			return nil, 0
		}
		out.Content, at = append(out.Content, value), p.spaces(behind)
		switch {
		case at >= p.stop:
			return nil, 0
		case p.text[at] == shut:
			return out, at + 1
		case p.text[at] != ',' || at+1 == p.stop || p.text[at+1] != ' ':
			return nil, 0
		}
		at = p.spaces(at + 1)
	}
	return nil, 0
}

func (p *plainText) spaces(at int) int {
	for at < p.stop && p.text[at] == ' ' {
		at++
	}
	return at
}

func (p *plainText) flowValue(at, depth int) (*yaml.Node, int) {
	if at >= p.stop {
		return nil, 0
	}
	switch p.text[at] {
	case '"', '\'':
		return p.quoted(at)
	case '{', '[':
		return p.flow(at, depth+1)
	}
	end := at
	for end < p.stop && (isKey(p.text[end]) || p.text[end] == '%' && end > at || p.text[end] == '+') {
		end++
	}
	if end == at || p.text[at] == '-' && end == at+1 {
		return nil, 0
	}
	return p.scalar(p.text[at:end], at), end
}

// literal reads the text below "|", and goes on to the line after it.
func (p *plainText) literal(at, indent int) *yaml.Node {
	n := p.node(yaml.ScalarNode, at)
	n.Tag, n.Style = "!!str", yaml.LiteralStyle
	head := p.rest(at)
	if head != "|" && head != "|-" {
		return nil
	}
	var b strings.Builder
	deep, blank := -1, 0
	for p.pos < len(p.text) {
		begin, end := p.lineAt(p.pos)
		line := strings.TrimRight(p.text[begin:end], "\r\n")
		lead := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case lead == len(line):
			if deep >= 0 && lead > deep || deep < 0 && lead > 0 {
				return nil
			}
			blank++
		case deep < 0 && lead > indent:
			deep = lead
		}
		if lead < len(line) {
			if lead < deep || deep < 0 {
				break
			}
			if end == begin+len(line) {
				return nil // the last line has no break
			}
			for ; blank > 0; blank-- {
				b.WriteByte('\n')
			}
			b.WriteString(line[deep:])
			b.WriteByte('\n')
		}
		p.pos, p.line = end, p.line+1
	}
	if deep < 0 {
		return nil
	}
	n.Value = b.String()
	if head == "|-" {
		n.Value = strings.TrimSuffix(n.Value, "\n")
	}
	if !p.next() || p.indent > indent {
		return nil
	}
	return n
}
