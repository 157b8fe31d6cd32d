package inventory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// A query is one field of one instance.
type query struct {
	instance  *instance
	container *kubeedit.Container // nil for a field of the object itself
	path      kubeedit.Path       // from the top of the object
	style     kubeedit.Style
}

// objectFields are the top keys that tell a field of an object from one of a
// container.
var objectFields = []string{"spec", "metadata", "data", "status", "scaleTargetRef"}

// ask finds the field of a target in an instance.
func (r *Repository) ask(t Target, i *instance) (*query, error) {
	field, err := kubeedit.ParsePath(t.Field)
	if err != nil {
		return nil, &patch.Refusal{Path: i.object.Doc.Path(), Line: i.object.Line, Why: err.Error()}
	}
	q := &query{instance: i}
	if i.object.Kind == "ConfigMap" || slices.ContainsFunc(field, func(s kubeedit.Step) bool {
		return s.Key == "labels" || s.Key == "annotations" || s.Key == "env"
	}) {
		q.style = kubeedit.AsString
	}
	if slices.Contains(objectFields, field[0].Key) || !i.object.IsWorkload() {
		q.path = field
		return q, nil
	}
	c, err := choose(t, i.object)
	if err != nil {
		return nil, err
	}
	q.container, q.path = c, c.Path[len(i.object.At):].Append(field)
	return q, nil
}

// choose returns the container that a target means.
func choose(t Target, o kubeedit.Object) (*kubeedit.Container, error) {
	all := o.Containers()
	var fit []kubeedit.Container
	for _, c := range all {
		switch {
		case t.Container != "":
			if c.Name == t.Container {
				fit = append(fit, c)
			}
		case t.ContainerIndex >= 0 && t.Container == "" && t.ContainerIndex == c.Index && !c.Init:
			fit = append(fit, c)
		case t.ContainerIndex < 0 && !c.Init:
			fit = append(fit, c)
		}
	}
	if len(fit) == 1 {
		return &fit[0], nil
	}
	var names []string
	for _, c := range all {
		names = append(names, fmt.Sprintf("%s (line %d)", c.Name, c.Line))
	}
	what := fmt.Sprintf("%s has %d containers: %s", join(o.Kind, o.Name), len(all), strings.Join(names, ", "))
	if t.Container != "" {
		what = fmt.Sprintf("%s has %d containers called %s; it has %s", join(o.Kind, o.Name), len(fit), t.Container, strings.Join(names, ", "))
	}
	return nil, &patch.Refusal{Path: o.Doc.Path(), Line: o.Line, Why: what, Do: "name the container"}
}

// effective returns where the value in force is written: the last patch that
// writes it, else the manifest, also if nothing is written there.
func (q *query) effective() (spot, error) {
	for n := len(q.instance.layers) - 1; n >= 0; n-- {
		s, ok, err := q.layer(q.instance.layers[n])
		if err != nil || ok {
			return s, err
		}
	}
	o := q.instance.object
	return q.spot(o.Doc, nil, o.At.Append(q.path), "manifest")
}

// spot reads the address of a document.
func (q *query) spot(d *kubeedit.Document, text, p kubeedit.Path, how string) (spot, error) {
	a := kubeedit.Address{Doc: d.Index, Text: text, Path: p}
	s, err := d.File().Get(a)
	if err != nil {
		return spot{}, err
	}
	return spot{file: d.Path(), at: a, value: s.Value, written: s.Written, line: s.Line, how: how}, nil
}

// layer reports whether a patch writes the field, and where.
func (q *query) layer(l layer) (spot, bool, error) {
	if l.count != nil {
		if q.path.String() != "spec.replicas" {
			return spot{}, false, nil
		}
		s, err := q.spot(l.by.file.Docs[0], nil, l.count.at, "replicas of "+l.by.dir)
		return s, s.written, err
	}
	if l.patch.doc == nil || len(l.patch.doc.Docs) == 0 {
		return spot{}, false, nil
	}
	root, err := l.patch.doc.Docs[0].Root()
	if err != nil {
		return spot{}, false, err
	}
	if root != nil && root.Kind == yaml.SequenceNode {
		return q.operations(l.patch, root)
	}
	return q.merge(l.patch)
}

// merge looks into a strategic-merge patch.
func (q *query) merge(p *overlay) (spot, bool, error) {
	o := p.object(q.instance)
	if o == nil {
		return spot{}, false, nil
	}
	if err := q.directive(p, *o); err != nil {
		return spot{}, false, err
	}
	s, err := p.spot(q, o.Doc.Index, o.At.Append(q.path))
	return s, s.written, err
}

// directive refuses patches that delete or replace what the field is part of.
func (q *query) directive(p *overlay, o kubeedit.Object) error {
	for i := range len(q.path) + 1 {
		n := o.Doc.Follow(o.At.Append(q.path[:i]))
		if d := kubeedit.Text(n, "$patch"); d == "delete" || d == "replace" {
			return &patch.Refusal{Path: p.file, Line: p.line, Why: fmt.Sprintf("a patch says $patch: %s for %s", d, q.instance.object.Name), Do: "change the patch"}
		}
	}
	return nil
}

// spot reads an address of the text of a patch, in the file or inline.
func (p *overlay) spot(q *query, doc int, at kubeedit.Path) (spot, error) {
	if p.text != nil {
		return q.spot(p.by.file.Docs[0], p.text, at, "inline patch of "+p.by.dir)
	}
	return q.spot(p.doc.Docs[doc], nil, at, "patch of "+p.by.dir)
}

// operations looks into a JSON patch: the last operation on the field, or on
// what it is part of, counts.
// https://datatracker.ietf.org/doc/html/rfc6902
func (q *query) operations(p *overlay, root *yaml.Node) (spot, bool, error) {
	pointer := q.pointer()
	for n := len(root.Content) - 1; n >= 0; n-- {
		op := root.Content[n]
		at := pointerTokens(kubeedit.Text(op, "path"))
		kind := kubeedit.Text(op, "op")
		if kind == "test" || !prefixOf(at, pointer) {
			continue
		}
		if kind != "add" && kind != "replace" {
			return spot{}, false, &patch.Refusal{Path: p.file, Line: p.line, Why: fmt.Sprintf("a JSON patch does %s on %s", kind, kubeedit.Text(op, "path")), Do: "change the patch"}
		}
		rest := q.path[len(at):]
		s, err := p.spot(q, 0, kubeedit.Path{kubeedit.Index(n), kubeedit.Key("value")}.Append(rest))
		return s, true, err
	}
	return spot{}, false, nil
}

// pointer is the path of the field as JSON pointers have it: containers by
// number.
func (q *query) pointer() []string {
	var out []string
	for _, s := range q.path {
		switch {
		case s.Match != "" && q.container != nil:
			out = append(out, strconv.Itoa(q.container.Index))
		case s.List:
			out = append(out, strconv.Itoa(s.Index))
		default:
			out = append(out, s.Key)
		}
	}
	return out
}

func pointerTokens(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(parts[i], "~1", "/"), "~0", "~")
	}
	return parts
}

// prefixOf reports whether a leads to b.
func prefixOf(a, b []string) bool {
	return len(a) <= len(b) && slices.Equal(a, b[:len(a)])
}
