package kubeedit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/patch"
)

// prove applies edits and reads the result again, with package yaml: the address
// has the value, and nothing else means anything else than before.
func (f *File) prove(a Address, value string, edits []patch.Edit) error {
	fail := func(format string, args ...any) error {
		return &patch.Refusal{Path: f.Path, Why: "edit would not be clean: " + fmt.Sprintf(format, args...), Do: "make this change by hand"}
	}
	text, err := patch.Apply(f.Src, edits...)
	if err != nil {
		return fail("%v", err)
	}
	after, err := Read(f.Path, text)
	if err != nil {
		return fail("%v", err)
	}
	if len(after.Docs) != len(f.Docs) {
		return fail("%d documents became %d", len(f.Docs), len(after.Docs))
	}
	after.Docs[a.Doc].judge = true
	got, err := after.Get(a)
	if err != nil {
		return fail("%v", err)
	}
	if !got.Written || got.Value != value {
		return fail("%s would read %q", a, got.Value)
	}
	return f.sameBut(after, a, fail)
}

// sameBut compares what two files mean, the value at a aside.
func (f *File) sameBut(after *File, a Address, fail func(string, ...any) error) error {
	outer := a.Path
	if a.Text != nil {
		outer = a.Text
	}
	if at := difference(f.Docs[a.Doc], after.Docs[a.Doc], outer); at != "" {
		return fail("it would change %s", at)
	}
	if a.Text == nil {
		return nil
	}
	was, _, err := f.document(a)
	if err != nil {
		return fail("%v", err)
	}
	is, _, err := after.document(a)
	if err != nil {
		return fail("%v", err)
	}
	if at := difference(was, is, a.Path); at != "" {
		return fail("it would change %s", at)
	}
	return nil
}

// difference returns the first place where two documents mean something else,
// apart from what p leads to; "" if there is none.
func difference(was, is *Document, p Path) string {
	a, err := was.top()
	if err != nil {
		return err.Error()
	}
	b, err := is.top()
	if err != nil {
		return err.Error()
	}
	trail, _, err := is.find(b, p)
	if err != nil {
		return err.Error()
	}
	c := comparison{meant: map[*yaml.Node]bool{}}
	for _, n := range trail {
		c.meant[n] = true
	}
	c.compare(a, b)
	return c.first
}

// A comparison walks two trees side by side.
type comparison struct {
	meant map[*yaml.Node]bool // nodes on the way to the value that may differ
	at    []string
	first string
}

func (c *comparison) differ() {
	if c.first == "" {
		c.first = "/" + strings.Join(c.at, "/")
	}
}

func (c *comparison) compare(a, b *yaml.Node) {
	switch {
	case c.first != "":
	case c.meant[b] && b.Kind == yaml.ScalarNode && a.Kind == yaml.ScalarNode && a.Anchor == b.Anchor:
	case c.meant[b] && a.Kind == yaml.ScalarNode && a.Tag == "!!null":
		c.added(b)
	case a.Kind != b.Kind || a.Anchor != b.Anchor || a.Tag != b.Tag || a.Value != b.Value:
		c.differ()
	default:
		c.children(a, b)
	}
}

// children compares the entries of two collections. Entries that are meant may
// be new; the others have to be the same, in the same order.
func (c *comparison) children(a, b *yaml.Node) {
	width := 1
	if b.Kind == yaml.MappingNode {
		width = 2
	}
	i := 0
	for j := 0; j+width <= len(b.Content) && c.first == ""; j += width {
		key, value := b.Content[j], b.Content[j+width-1]
		c.at = append(c.at, key.Value)
		same := i+width <= len(a.Content) && (width == 1 || a.Content[i].Value == key.Value && a.Content[i].Kind == key.Kind)
		switch {
		case same:
			c.compare(a.Content[i+width-1], value)
			i += width
		case c.meant[value]:
			c.added(value)
		default:
			c.differ()
		}
		c.at = c.at[:len(c.at)-1]
	}
	if i < len(a.Content) {
		c.differ()
	}
}

// added checks an entry that was not there: all of it has to be meant, or the
// name by which a new element of a list is found.
func (c *comparison) added(n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			if !c.meant[n.Content[i]] && (i > 1 || n.Content[i].Kind != yaml.ScalarNode) {
				c.differ()
				return
			}
			c.added(n.Content[i])
		}
	case yaml.SequenceNode:
		for _, e := range n.Content {
			if !c.meant[e] {
				c.differ()
				return
			}
			c.added(e)
		}
	case yaml.AliasNode:
		c.differ()
	}
}
