package kustomize

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// A Field is one field of the objects of an [Instance].
type Field struct {
	Path  kubeedit.Path // from the top of the object
	Index int           // of the element that a step of Path names, as JSON patches count
}

// A Place is where a file writes a field, or would.
type Place struct {
	File    string
	Address kubeedit.Address
	Layer   int // index into Layers; -1 is the manifest
	kubeedit.Scalar
}

// Value returns where the field that is in force is written: in the last layer
// that writes it, else in the manifest, also if nothing is written there.
func (i *Instance) Value(f Field, from Source) (Place, error) {
	if err := i.image(f); err != nil {
		return Place{}, err
	}
	return i.value(len(i.Layers), f, from)
}

// value is Value as of the first layers.
func (i *Instance) value(layers int, f Field, from Source) (Place, error) {
	for n := layers - 1; n >= 0; n-- {
		if p, ok, err := i.InLayer(n, f, from); err != nil || ok {
			return p, err
		}
	}
	o := i.Object
	file := from(o.Doc.Path())
	return read(file, -1, kubeedit.Address{Doc: o.Doc.Index, Path: o.At.Append(f.Path)})
}

func read(f *kubeedit.File, layer int, a kubeedit.Address) (Place, error) {
	s, err := f.Get(a)
	return Place{File: f.Path, Address: a, Layer: layer, Scalar: s}, err
}

// InLayer returns where a layer writes a field; ok is false if it does not.
func (i *Instance) InLayer(n int, f Field, from Source) (p Place, ok bool, err error) {
	l := i.Layers[n]
	switch {
	case l.Foreign != nil:
		return Place{}, false, l.Foreign.refuse()
	case l.Copy != nil:
		p, ok, err := l.Copy.value(i, f, from)
		p.Layer = n
		return p, ok, err
	case l.Count != nil:
		if f.Path.String() != "spec.replicas" {
			return Place{}, false, nil
		}
		p, err := read(from(l.Count.File), n, kubeedit.Address{Doc: l.Count.Doc, Path: l.Count.At})
		return p, p.Written, err
	}
	content := l.Patch.Content(from)
	if content == nil || len(content.Docs) == 0 {
		return Place{}, false, nil
	}
	root, err := content.Docs[0].Root()
	if err != nil {
		return Place{}, false, err
	}
	if root != nil && root.Kind == yaml.SequenceNode {
		p, ok, err = i.operation(n, f, root, from)
	} else if p, ok, err = i.Merge(n, f, from); ok {
		if err := i.uncertain(l.Patch, f, from); err != nil {
			return Place{}, false, err
		}
		ok = p.Written || l.Patch.replaces(i, f, from)
	}
	if ok && err == nil && l.Patch.deep {
		err = &patch.Refusal{Path: l.Patch.File, Line: l.Patch.Line, Why: "it is written by a patch that stands in a text within a text", Do: "change that patch"}
	}
	return p, ok, err
}

// Merge returns where a strategic-merge patch writes a field or would; ok is
// false if the layer is no such patch of this object.
func (i *Instance) Merge(n int, f Field, from Source) (Place, bool, error) {
	p := i.Layers[n].Patch
	if p == nil {
		return Place{}, false, nil
	}
	o, ok := p.Object(i, from)
	if !ok {
		return Place{}, false, nil
	}
	for step := range len(f.Path) + 1 {
		at := o.Doc.Follow(o.At.Append(f.Path[:step]))
		if d := kubeedit.Text(at, "$patch"); d == "delete" || d == "replace" {
			return Place{}, false, &patch.Refusal{Path: p.File, Line: p.Line, Why: fmt.Sprintf("a patch says $patch: %s for %s", d, i.Object.Name), Do: "change that patch"}
		}
	}
	place, err := p.read(n, o.Doc.Index, o.At.Append(f.Path), from)
	return place, true, err
}

// replaces reports whether a strategic-merge patch writes a list that the field
// is in, and so replaces it: only the containers of built-in kinds are merged
// by name.
func (p *Patch) replaces(i *Instance, f Field, from Source) bool {
	o, ok := p.Object(i, from)
	if !ok {
		return false
	}
	for n, s := range f.Path {
		if s.List && !i.merges(s) && o.Doc.Follow(o.At.Append(f.Path[:n])) != nil {
			return true
		}
	}
	return false
}

// merges reports whether patches merge the list that a step leads into.
func (i *Instance) merges(s kubeedit.Step) bool {
	return !s.List || s.Match == "name" && kubeedit.BuiltIn(i.Object.Kind)
}

// Mergeable reports whether a strategic-merge patch can change the field
// without replacing a list.
func (i *Instance) Mergeable(f Field) bool {
	return !slices.ContainsFunc(f.Path, func(s kubeedit.Step) bool { return !i.merges(s) })
}

// read reads an address of the text of a patch, in its file or inline.
func (p *Patch) read(layer, doc int, at kubeedit.Path, from Source) (Place, error) {
	f := from(p.File)
	if p.deep && p.Text != nil {
		return read(p.doc, layer, kubeedit.Address{Doc: doc, Path: at})
	}
	if p.Text != nil {
		return read(f, layer, kubeedit.Address{Doc: p.Doc, Text: p.Text, Path: at})
	}
	return read(f, layer, kubeedit.Address{Doc: doc, Path: at})
}

// operation looks into a JSON patch: the last operation on the field, or on
// what it is part of, counts.
// https://datatracker.ietf.org/doc/html/rfc6902
func (i *Instance) operation(n int, f Field, root *yaml.Node, from Source) (Place, bool, error) {
	p, pointer := i.Layers[n].Patch, f.pointer()
	for k := len(root.Content) - 1; k >= 0; k-- {
		op, at := kubeedit.Text(root.Content[k], "op"), tokens(kubeedit.Text(root.Content[k], "path"))
		if f.shifts(op, at) {
			return Place{}, false, &patch.Refusal{Path: p.File, Line: p.Line, Why: fmt.Sprintf("a JSON patch does %s on /%s, which moves the elements of that list", op, strings.Join(at, "/")), Do: "change that patch"}
		}
		if op == "test" || len(at) > len(pointer) || !slices.Equal(at, pointer[:len(at)]) {
			continue
		}
		if op != "add" && op != "replace" {
			return Place{}, false, &patch.Refusal{Path: p.File, Line: p.Line, Why: fmt.Sprintf("a JSON patch does %s on /%s", op, strings.Join(at, "/")), Do: "change that patch"}
		}
		place, err := p.read(n, 0, kubeedit.Path{kubeedit.Index(k), kubeedit.Key("value")}.Append(f.Path[len(at):]), from)
		return place, true, err
	}
	return Place{}, false, nil
}

// shifts reports whether an operation puts another element in the place of one
// that f leads through, by its index.
func (f Field) shifts(op string, at []string) bool {
	n := len(at) - 1
	pointer := f.pointer()
	if op != "add" && op != "remove" || n < 0 || n >= len(f.Path) || !f.Path[n].List || !slices.Equal(at[:n], pointer[:n]) {
		return false
	}
	i, err := strconv.Atoi(at[n])
	mine, bad := strconv.Atoi(pointer[n])
	return err == nil && bad == nil && (i < mine || i == mine && op == "add")
}

// pointer is the path of the field as JSON pointers have it.
func (f Field) pointer() []string {
	var out []string
	for _, s := range f.Path {
		switch {
		case s.Match != "":
			out = append(out, strconv.Itoa(f.Index))
		case s.List:
			out = append(out, strconv.Itoa(s.Index))
		default:
			out = append(out, s.Key)
		}
	}
	return out
}

func tokens(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(parts[i], "~1", "/"), "~0", "~")
	}
	return parts
}
