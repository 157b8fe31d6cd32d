package kubeedit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/patch"
)

// Append returns the edits that add an element to the list of a document, in
// the style of the list: the value itself or, with a key, a mapping of that one
// key. A list that is not there is added at the end of its mapping.
func (f *File) Append(doc int, list Path, key, value string) ([]patch.Edit, error) {
	if err := writable(value); err != nil {
		return nil, err
	}
	d, _, err := f.document(Address{Doc: doc})
	if err != nil {
		return nil, err
	}
	edits, err := d.append(list, key, value)
	if err != nil {
		return nil, err
	}
	return edits, f.proveAppend(doc, list, key, value, edits)
}

func (d *Document) append(list Path, key, value string) ([]patch.Edit, error) {
	root, err := d.top()
	if err != nil {
		return nil, err
	}
	trail, rest, err := d.find(root, list)
	if err != nil {
		return nil, err
	}
	if err := d.shared(trail, Options{}); err != nil {
		return nil, err
	}
	n := trail[len(trail)-1]
	switch {
	case len(rest) > 1 || len(rest) == 1 && (n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0):
		return nil, d.refusal(n, fmt.Sprintf("no list %s to add to", list), "")
	case len(rest) == 1:
		lead := strings.Repeat(" ", n.Content[0].Column-1)
		dash := lead + strings.Repeat(" ", d.layout(trail).list)
		text := lead + rest[0].Key + ":\n" + dash + "- " + element(key, value, false) + "\n"
		return []patch.Edit{d.newLines(d.entryEnd(n, len(n.Content)/2-1), text)}, nil
	case n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0:
		text := strings.Repeat(" ", n.Column-1) + "- " + element(key, value, false) + "\n"
		return []patch.Edit{d.newLines(d.entryEnd(n, len(n.Content)-1), text)}, nil
	case n.Kind == yaml.SequenceNode:
		return d.appendFlow(n, element(key, value, true))
	case empty(n):
		owner := parentKey(trail)
		dash := strings.Repeat(" ", owner.Column-1+d.layout(trail[:1]).list)
		return []patch.Edit{d.newLines(d.colon(owner), dash+"- "+element(key, value, false)+"\n")}, nil
	}
	return nil, d.refusal(n, fmt.Sprintf("%s is a %s, want a list", list, kindName(n)), "")
}

func (d *Document) appendFlow(n *yaml.Node, text string) ([]patch.Edit, error) {
	open := d.valueStart(n)
	if len(n.Content) == 0 {
		return []patch.Edit{{Start: open + 1, End: open + 1, New: text}}, nil
	}
	at := d.end(n.Content[len(n.Content)-1], 0)
	return []patch.Edit{{Start: at, End: at, New: ", " + text}}, nil
}

func element(key, value string, flow bool) string {
	value = plain(value, Options{Style: AsString}, nil, flow)
	switch {
	case key == "":
		return value
	case flow:
		return "{" + key + ": " + value + "}"
	}
	return key + ": " + value
}

// proveAppend reads the result again: the list has one more element, and the
// rest is as it was.
func (f *File) proveAppend(doc int, list Path, key, value string, edits []patch.Edit) error {
	fail := func(why string) error {
		return &patch.Refusal{Path: f.Path, Why: "edit would not be clean: " + why, Do: "make this change by hand"}
	}
	text, err := patch.Apply(f.Src, edits...)
	if err != nil {
		return fail(err.Error())
	}
	after, err := Read(f.Path, text)
	if err != nil {
		return fail(err.Error())
	}
	if len(after.Docs) != len(f.Docs) {
		return fail("the number of documents would change")
	}
	after.Docs[doc].judge = true
	n := after.Docs[doc].Follow(list)
	if n == nil || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return fail("there would be no list")
	}
	last := n.Content[len(n.Content)-1]
	if key == "" && last.Value != value || key != "" && Text(last, key) != value {
		return fail("the new element would not be the last")
	}
	if at := difference(f.Docs[doc], after.Docs[doc], list.Join(Index(len(n.Content)-1))); at != "" {
		return fail("it would change " + at)
	}
	return nil
}
