package kustomize

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// A replacement copies a field of one object into fields of others.
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/replacements/
type replacement struct {
	file string
	line int

	source  selector
	from    fieldAt // the field that is copied
	part    bool    // only a part of it is copied
	targets []destination
	fault   string // why the entry cannot be read
}

// A destination is what a replacement writes into.
type destination struct {
	selects selector
	rejects []selector
	fields  []fieldAt
	part    bool // only a part of the field is written
}

// A fieldAt is the path of a field as kustomize writes it.
type fieldAt struct {
	text string
	path kubeedit.Path // nil if it cannot be read
}

func readField(text string) fieldAt {
	p, err := fieldPath(text)
	if err != nil {
		p = nil
	}
	return fieldAt{text, p}
}

// readReplacements reads the replacements of a kustomization that stand in it;
// those in files of their own are read with [Kustomization.more].
func readReplacements(file string, first int, list []*yaml.Node) (out []*replacement, files []string) {
	for _, n := range list {
		if name := kubeedit.Text(n, "path"); name != "" {
			files = append(files, name)
			continue
		}
		out = append(out, readReplacement(file, first+n.Line-1, n))
	}
	return out, files
}

func readReplacement(file string, line int, n *yaml.Node) *replacement {
	r := &replacement{file: file, line: line}
	source := kubeedit.Member(n, "source")
	if source == nil {
		r.fault = "a replacement without a source"
		return r
	}
	r.source = *readSelector(source)
	r.from, r.part = readField(cmp.Or(kubeedit.Text(source, "fieldPath"), "metadata.name")), kubeedit.Member(source, "options") != nil
	for _, t := range kubeedit.Items(n, "targets") {
		d := destination{part: kubeedit.Lookup(t, "options", "delimiter") != nil || kubeedit.Lookup(t, "options", "encoding") != nil}
		if s := readSelector(kubeedit.Member(t, "select")); s != nil {
			d.selects = *s
		}
		for _, x := range kubeedit.Items(t, "reject") {
			d.rejects = append(d.rejects, *readSelector(x))
		}
		for _, f := range kubeedit.Items(t, "fieldPaths") {
			d.fields = append(d.fields, readField(f.Value))
		}
		if len(d.fields) == 0 {
			d.fields = []fieldAt{readField("metadata.name")}
		}
		r.targets = append(r.targets, d)
	}
	return r
}

// more returns the replacements of a kustomization that stand in other files.
func (k *Kustomization) more(from Source) []*replacement {
	var out []*replacement
	for _, name := range k.replacementFiles {
		name = path.Join(k.Dir, name)
		f := from(name)
		if f == nil {
			out = append(out, &replacement{file: k.Path, fault: "replacements of " + name + ", which is not in the repository, or not YAML"})
			continue
		}
		for _, d := range f.Docs {
			root, err := d.Root()
			if err != nil || root == nil {
				continue
			}
			list := []*yaml.Node{root}
			if root.Kind == yaml.SequenceNode {
				list = root.Content
			}
			read, _ := readReplacements(name, d.Line, list)
			out = append(out, read...)
		}
	}
	return out
}

// A Copy is a replacement as it reaches one object: a field of From, as it was
// at that stage of the build, is written into fields of that object.
type Copy struct {
	By   *Kustomization
	rule *replacement
	to   destination
	from *Instance // nil if the source is not one object
	upTo int       // layers of from that were there
	sure bool      // every version of kustomize makes it
}

// maxRules bounds the replacements and the transformers of one kustomization:
// each is held against each object.
const maxRules = 1000

// copy adds the replacements of a kustomization to the objects that they write
// into.
func (k *Kustomization) copy(rules []*replacement, all []*Instance) {
	if len(rules) > maxRules {
		k.foreign(all, k.Path, 0, fmt.Sprintf("one of its %d replacements, more than the %d that are looked at,", len(rules), maxRules))
		return
	}
	for _, r := range rules {
		var source []*Instance
		for _, i := range all {
			if r.fault == "" && r.source.names(i) {
				source = append(source, i)
			}
		}
		for _, i := range all {
			for _, t := range r.targets {
				chosen, sure := t.chooses(i)
				if !chosen {
					continue
				}
				c := &Copy{By: k, rule: r, to: t, sure: sure}
				if len(source) == 1 {
					c.from, c.upTo = source[0], len(source[0].Layers)
				}
				i.Layers = append(i.Layers, Layer{Copy: c})
			}
		}
	}
}

// chooses reports whether a destination is for an instance. Names were patterns
// in no version before 5.8.
func (d destination) chooses(i *Instance) (chosen, sure bool) {
	if !d.selects.selects(i) || slices.ContainsFunc(d.rejects, func(s selector) bool { return s.names(i) }) {
		return false, true
	}
	return true, d.selects.names(i) && !slices.ContainsFunc(d.rejects, func(s selector) bool { return s.selects(i) })
}

// value returns where the source of a copy is written, if the copy writes f.
func (c *Copy) value(i *Instance, f Field, from Source) (p Place, ok bool, err error) {
	for _, field := range c.to.fields {
		rest, fit := f.below(field.path)
		if fit == 0 {
			continue
		}
		text := field.text
		switch {
		case c.rule.from.path == nil || fit < 0:
			return Place{}, false, c.refuse(fmt.Sprintf("a replacement writes %s", text))
		case !c.sure:
			return Place{}, false, c.refuse(fmt.Sprintf("a replacement may write %s: whether a name is a pattern depends on the version of kustomize", text))
		case c.from == nil:
			return Place{}, false, c.refuse(fmt.Sprintf("a replacement writes %s, from an object that is not in the repository, or is generated", text))
		case c.to.part || c.rule.part:
			return Place{}, false, c.refuse(fmt.Sprintf("a replacement writes a part of %s", text))
		}
		p, err := c.from.value(c.upTo, Field{Path: c.rule.from.path.Append(rest), Index: -1}, from)
		if err == nil && !p.Written {
			err = c.refuse(fmt.Sprintf("a replacement writes %s, from %s of %s %s, which is not written", text, c.rule.from.text, c.from.Object.Kind, c.from.Object.Name))
		}
		return p, err == nil, err
	}
	return Place{}, false, nil
}

// Reads reports whether a copy is made from a field of an instance as a layer of
// it writes that field, -1 for the manifest.
func (c *Copy) Reads(i *Instance, f Field, layer int) bool {
	if c.from == nil || c.from.Object.Doc != i.Object.Doc || c.from.Object.At.String() != i.Object.At.String() || layer >= c.upTo {
		return false
	}
	_, fit := f.below(c.rule.from.path)
	return fit != 0
}

// Source is the object that a copy is made from.
func (c *Copy) Source() *Instance { return c.from }

// SameSource reports whether two copies are made from one field.
func (c *Copy) SameSource(o *Copy) bool {
	return c.from != nil && o.from != nil && c.rule.from.text == o.rule.from.text &&
		c.from.Object.Doc == o.from.Object.Doc && c.from.Object.At.String() == o.from.Object.At.String()
}

func (c *Copy) refuse(why string) error {
	return &patch.Refusal{Path: c.rule.file, Line: c.rule.line, Why: why, Do: "change what it is copied from"}
}

// keyInBrackets is a key that stands in brackets because of the dots in it:
// annotations.[example.com/size].
var keyInBrackets = regexp.MustCompile(`\[([^\]="]*[^\]="0-9][^\]="]*)\]`)

// fieldPath reads a path as kustomize writes it: spec.containers.[name=app].image.
func fieldPath(text string) (kubeedit.Path, error) {
	text = keyInBrackets.ReplaceAllString(strings.ReplaceAll(text, ".[", "["), `["$1"]`)
	p, err := kubeedit.ParsePath(text)
	for n, s := range p {
		if i, bad := strconv.Atoi(s.Key); bad == nil && !s.List {
			p[n] = kubeedit.Index(i)
		}
	}
	return p, err
}

// below reports whether a path of kustomize leads to f, or to what f is part of,
// and what of f lies below it: 1 that it does, 0 that it does not, -1 that it
// cannot be said.
func (f Field) below(p kubeedit.Path) (rest kubeedit.Path, fit int) {
	if p == nil {
		return nil, -1
	}
	if len(p) > len(f.Path) {
		return nil, 0
	}
	sure := 1
	for n, s := range p {
		mine := f.Path[n]
		at := mine.Index
		if mine.Match != "" {
			at = f.Index
		}
		switch {
		case !mine.List && !s.List && mine.Key == s.Key:
		case mine.List && !s.List && s.Key == "*":
		case mine.List && s.List && s.Match == "" && s.Index == at:
		case mine.List && s.List && s.Match != "" && s.Match == mine.Match && s.Key == mine.Key:
		case mine.List && s.List && s.Match != "" && s.Match != mine.Match:
			sure = -1
		default:
			return nil, 0
		}
	}
	return f.Path[len(p):], sure
}
