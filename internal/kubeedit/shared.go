package kubeedit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shared refuses a value that is written elsewhere than where it is used: it is
// an alias, stands within an anchor that aliases refer to, or comes in by a
// merge key.
func (d *Document) shared(trail []*yaml.Node, o Options) error {
	for i, n := range trail {
		if n.Kind == yaml.AliasNode {
			line, _ := d.position(n.Alias)
			return d.refusal(n, fmt.Sprintf("value comes from the anchor &%s on line %d", n.Value, line),
				"give this place a value of its own, or change the anchor and all that share it")
		}
		if n.Anchor != "" && !o.Shared && (i == len(trail)-1 || len(n.Content) > 0) {
			if users := d.Aliases(n.Anchor); len(users) > 0 {
				return d.refusal(n, fmt.Sprintf("value is shared through the anchor &%s, also used on line %s", n.Anchor, lines(users)),
					"allow shared values with anchors: in .github/salve.yml, or give this place a value of its own")
			}
		}
	}
	return nil
}

// merged refuses a key that is not written itself but comes in by a merge key.
func (d *Document) merged(n *yaml.Node, rest Path) error {
	if len(rest) == 0 || rest[0].List || n.Kind != yaml.MappingNode {
		return nil
	}
	from := Lookup(n, "<<")
	sources := []*yaml.Node{from}
	if from != nil && from.Kind == yaml.SequenceNode {
		sources = from.Content
	}
	for _, s := range sources {
		if v := Member(s, rest[0].Key); v != nil {
			line, _ := d.position(v)
			return d.refusal(n, fmt.Sprintf("%s comes in by the merge key <<, from line %d", rest, line),
				"give this place a value of its own, or change the anchor and all that share it")
		}
	}
	return nil
}

func lines(n []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", ", "), "[]") }

// Aliases returns the lines of the document that refer to an anchor, counted in
// the file.
func (d *Document) Aliases(anchor string) []int {
	root, _ := d.Root()
	var out []int
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.AliasNode && n.Value == anchor {
			line, _ := d.position(n)
			out = append(out, line)
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	if root != nil {
		walk(root)
	}
	return out
}

// Consumers returns the lines that would see a change at an address besides
// the one it stands on.
func (f *File) Consumers(a Address) []int {
	d, _, err := f.document(a)
	if err != nil {
		return nil
	}
	root, err := d.top()
	if err != nil {
		return nil
	}
	trail, _, _ := d.find(root, a.Path)
	var out []int
	for _, n := range trail {
		if n.Anchor != "" {
			out = append(out, d.Aliases(n.Anchor)...)
		}
	}
	return out
}
