package kubeedit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/patch"
)

// insert adds what rest of a path names below the last node of trail, which at
// leads to.
func (d *Document) insert(trail []*yaml.Node, at, rest Path, value string, o Options) ([]patch.Edit, error) {
	n := trail[len(trail)-1]
	for i, s := range rest {
		if s.List && (i == 0 && n.Kind != yaml.SequenceNode || s.Match == "" || !o.Append) {
			return nil, d.refusal(n, fmt.Sprintf("%s has no element %s", nameOf(at), Path{s}), "")
		}
	}
	switch {
	case n.Kind == yaml.SequenceNode && !rest[0].List, n.Kind == yaml.MappingNode && rest[0].List, n.Kind == yaml.AliasNode:
		return nil, d.refusal(n, fmt.Sprintf("%s is a %s, so it has no %s", nameOf(at), kindName(n), rest), "")
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return nil, d.refusal(n, fmt.Sprintf("%s is a value, so it has no %s", nameOf(at), rest), "")
	}
	full := at.Append(rest)
	switch {
	case n.Kind == yaml.ScalarNode || len(n.Content) == 0:
		return d.insertFirst(trail, full, rest, value, o)
	case n.Style&yaml.FlowStyle != 0:
		return d.insertFlow(n, full, rest, value, o)
	}
	return d.insertBlock(trail, full, rest, value, o)
}

func nameOf(p Path) string {
	if len(p) == 0 {
		return "the document"
	}
	return p.String()
}

// insertBlock adds an entry to a block mapping or list.
func (d *Document) insertBlock(trail []*yaml.Node, full, rest Path, value string, o Options) ([]patch.Edit, error) {
	n := trail[len(trail)-1]
	indent := n.Content[0].Column - 1
	if n.Kind == yaml.SequenceNode {
		indent = n.Column - 1
	}
	text := d.render(rest, d.inserted(value, full, o, nil, false), d.layout(trail), indent)
	at := d.entryEnd(n, after(n, rest[0]))
	if after(n, rest[0]) < 0 {
		key := parentKey(trail)
		if key == nil || key.Line == n.Line {
			at = d.entryEnd(n, len(n.Content)/2-1)
		} else {
			at = d.colon(key)
		}
	}
	return []patch.Edit{d.newLines(d.pastComments(at, indent), text)}, nil
}

// pastComments moves an offset to the last of the comments below its line that
// are indented more than a new key: they belong to the entry before it.
func (d *Document) pastComments(off, indent int) int {
	src := d.file.Src[:d.End]
	for at := off + len(nextLine(src[off:])); at < len(src); {
		line := nextLine(src[at:])
		text := bytes.TrimLeft(line, " ")
		if len(text) == 0 || text[0] != '#' || len(line)-len(text) <= indent {
			break
		}
		off = at
		at += len(line)
	}
	return off
}

// newLines inserts lines below the line of the byte at off.
func (d *Document) newLines(off int, text string) patch.Edit {
	src := d.file.Src
	line := nextLine(src[off:d.End])
	end := off + len(line)
	eol := d.eol()
	text = strings.ReplaceAll(text, "\n", eol)
	if !bytes.HasSuffix(line, []byte("\n")) { // the last line of the file has no ending
		return patch.Edit{Start: end, End: end, New: eol + strings.TrimSuffix(text, eol)}
	}
	return patch.Edit{Start: end, End: end, New: text}
}

// eol is the line ending of the file.
func (d *Document) eol() string {
	line := nextLine(d.Text())
	if bytes.HasSuffix(line, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// order lists the keys behind which people write a key of a container; none of
// them there, or another key: at the end.
var order = map[string][]string{
	"resources": {"name", "image", "imagePullPolicy", "command", "args", "workingDir", "envFrom", "env", "ports"},
	"limits":    {"claims", "requests"},
	"requests":  {"claims", "limits"},
}

// after returns the index of the entry that a new one follows; -1 puts it on
// top.
func after(n *yaml.Node, s Step) int {
	if n.Kind == yaml.SequenceNode {
		return len(n.Content) - 1
	}
	if s.Key == "replicas" {
		return -1
	}
	last := -1
	for i := 0; i < len(n.Content); i += 2 {
		if slices.Contains(order[s.Key], n.Content[i].Value) {
			last = i / 2
		}
	}
	if last >= 0 {
		return last
	}
	return len(n.Content)/2 - 1
}

// entryEnd returns the end of entry i of a block collection.
func (d *Document) entryEnd(n *yaml.Node, i int) int {
	if n.Kind == yaml.SequenceNode {
		return d.end(n.Content[i], n.Column-1)
	}
	part := &yaml.Node{Kind: yaml.MappingNode, Column: n.Column, Line: n.Line, Content: n.Content[:2*i+2]}
	return d.end(part, n.Column-1)
}

// parentKey is the key that the last node of trail is the value of.
func parentKey(trail []*yaml.Node) *yaml.Node {
	if len(trail) < 2 || trail[len(trail)-2].Kind != yaml.MappingNode {
		return nil
	}
	return keyOf(trail[len(trail)-2], trail[len(trail)-1])
}

// A layout is how a file indents.
type layout struct {
	step int // columns from a key to the keys below it
	list int // columns from a key to the dashes below it
}

// layout reads the indentation around the nodes of trail, the nearest first,
// then in the whole document.
func (d *Document) layout(trail []*yaml.Node) layout {
	l := layout{step: -1, list: -1}
	for i := len(trail) - 1; i >= 0; i-- {
		l.learn(trail[i], 2)
	}
	l.learn(trail[0], maxDepth)
	if l.step <= 0 {
		l.step = 2
	}
	if l.list < 0 {
		l.list = l.step
	}
	return l
}

// learn takes the first indentations found in n, down to a depth.
func (l *layout) learn(n *yaml.Node, depth int) {
	if depth == 0 || l.step > 0 && l.list >= 0 || n.Style&yaml.FlowStyle != 0 || n.Kind == yaml.AliasNode {
		return
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && len(c.Content) > 0 && c.Style&yaml.FlowStyle == 0 {
			key := n.Content[i-1]
			switch {
			case c.Kind == yaml.MappingNode && l.step <= 0 && c.Line > key.Line && c.Content[0].Column > key.Column:
				l.step = c.Content[0].Column - key.Column
			case c.Kind == yaml.SequenceNode && l.list < 0 && c.Line > key.Line:
				l.list = c.Column - key.Column
			}
		}
		l.learn(c, depth-1)
	}
}

// render writes the rest of a path in block style, each line ended, the first
// one indented by indent columns.
func (d *Document) render(rest Path, value string, l layout, indent int) string {
	var b strings.Builder
	lead := strings.Repeat(" ", indent)
	for i, s := range rest {
		last := i == len(rest)-1
		b.WriteString(lead)
		if s.List {
			fmt.Fprintf(&b, "- %s: %s\n", s.Match, plain(s.Key, Options{Style: AsString}, nil, false))
			indent += 2
			lead = strings.Repeat(" ", indent)
			continue
		}
		b.WriteString(plain(s.Key, Options{Style: AsString}, nil, false) + ":")
		switch {
		case last:
			b.WriteString(" " + value)
		case rest[i+1].List:
			indent += l.list
		default:
			indent += l.step
		}
		b.WriteByte('\n')
		lead = strings.Repeat(" ", indent)
	}
	return b.String()
}

// insertFirst gives a key without a value, or with an empty collection, its
// first entry.
func (d *Document) insertFirst(trail []*yaml.Node, full, rest Path, value string, o Options) ([]patch.Edit, error) {
	n, key := trail[len(trail)-1], parentKey(trail)
	if key == nil {
		if n.Style&yaml.FlowStyle != 0 && !rest[0].List {
			return d.insertFlow(n, full, rest, value, o)
		}
		return nil, d.refusal(n, "collection is empty and has no key", "")
	}
	colon := d.colon(key)
	if colon < 0 {
		return nil, d.refusal(key, "key is not followed by a colon", "")
	}
	written := colon // end of what stands for the empty value
	if !empty(n) {
		written = d.end(n, key.Column-1)
	}
	line := nextLine(d.file.Src[written:d.End])
	if d.inFlow(colon) || n.Style&yaml.FlowStyle != 0 && !blankEnd(line) {
		if n.Kind == yaml.ScalarNode {
			return nil, d.refusal(n, nameOf(full[:len(full)-len(rest)])+" is empty within a flow collection", "")
		}
		return d.insertFlow(n, full, rest, value, o)
	}
	l := d.layout(trail[:len(trail)-1])
	indent := key.Column - 1 + l.step
	if rest[0].List {
		indent = key.Column - 1 + l.list
	}
	edits := []patch.Edit{d.newLines(written, d.render(rest, d.inserted(value, full, o, nil, false), l, indent))}
	if written > colon {
		edits = append(edits, patch.Edit{Start: colon, End: written})
	}
	return edits, nil
}

// blankEnd reports whether nothing follows on a line, not even a comment.
func blankEnd(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// insertFlow adds an entry to a flow mapping.
func (d *Document) insertFlow(n *yaml.Node, full, rest Path, value string, o Options) ([]patch.Edit, error) {
	src := d.file.Src
	open := d.valueStart(n)
	shut := flowEnd(src[:d.End], open)
	if shut < 0 {
		return nil, d.refusal(n, "bracket is not closed", "")
	}
	quoteKeys := bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(d.Text(), bom)), []byte("{"))
	if len(n.Content) > 0 {
		quoteKeys = n.Content[0].Style&yaml.DoubleQuotedStyle != 0
	}
	entry := flowEntry(rest, d.inserted(value, full, o, n, true), quoteKeys)
	if len(n.Content) == 0 {
		return []patch.Edit{{Start: open + 1, End: shut, New: entry}}, nil
	}
	last := n.Content[len(n.Content)-1]
	at := d.end(last, 0)
	first := n.Content[len(n.Content)-1]
	if n.Kind == yaml.MappingNode {
		first = n.Content[len(n.Content)-2]
	}
	lead := " "
	if ws := lineLead(src, d.offset(first)); ws != nil && bytes.IndexByte(src[open:d.offset(first)], '\n') >= 0 {
		lead = d.eol() + string(ws)
	}
	return []patch.Edit{{Start: at, End: at, New: "," + lead + entry}}, nil
}

// lineLead returns the white space before off on its line, nil if something
// else stands there.
func lineLead(src []byte, off int) []byte {
	start := bytes.LastIndexByte(src[:off], '\n') + 1
	if len(bytes.TrimLeft(src[start:off], " \t")) > 0 {
		return nil
	}
	return src[start:off]
}

// flowEntry writes the rest of a path in flow style.
func flowEntry(rest Path, value string, quoteKeys bool) string {
	key := func(k string) string {
		if quoteKeys {
			return quoted(k)
		}
		return plain(k, Options{Style: AsString}, nil, true)
	}
	var b, shut strings.Builder
	ends := []string{}
	for i, s := range rest {
		if s.List {
			b.WriteString("{" + key(s.Match) + ": " + key(s.Key) + ", ")
			ends = append(ends, "}")
			continue
		}
		b.WriteString(key(s.Key) + ": ")
		switch {
		case i == len(rest)-1:
			b.WriteString(value)
		case rest[i+1].List:
			b.WriteString("[")
			ends = append(ends, "]")
		default:
			b.WriteString("{")
			ends = append(ends, "}")
		}
	}
	slices.Reverse(ends)
	shut.WriteString(strings.Join(ends, ""))
	return b.String() + shut.String()
}

// inserted writes a new value. near is a node of the collection it goes into:
// where its keys are quoted as in JSON, strings are too.
func (d *Document) inserted(value string, p Path, o Options, near *yaml.Node, flow bool) string {
	json := bytes.HasPrefix(bytes.TrimSpace(d.Text()), []byte("{"))
	if near != nil && len(near.Content) > 0 {
		json = near.Content[0].Style&yaml.DoubleQuotedStyle != 0
	}
	text := plain(value, o, nil, flow)
	if json && (isResource(p.Last()) || !number(value)) && text[0] != '"' {
		return quoted(value)
	}
	return text
}

// isResource reports whether a key holds a quantity, which is a string in JSON
// even where it looks like a number.
func isResource(key string) bool {
	return key == "cpu" || key == "memory" || key == "storage" || key == "ephemeral-storage"
}

// number reports whether JSON reads value as a number or a truth.
func number(value string) bool {
	if value == "true" || value == "false" {
		return true
	}
	digits := strings.TrimPrefix(value, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == "" && (digits == "0" || digits[0] != '0')
}
