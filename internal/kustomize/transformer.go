package kustomize

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// A Foreign is a transformer that this program does not know: it may change
// anything.
type Foreign struct {
	By   *Kustomization
	file string
	line int
	what string
}

func (x *Foreign) refuse() error {
	return &patch.Refusal{Path: x.file, Line: x.line, Why: x.what + " may change it", Do: "change what that is configured with"}
}

// harmless are the transformers of kustomize that touch no value that is
// edited here.
// https://kubectl.docs.kubernetes.io/references/kustomize/builtins/
var harmless = map[string]bool{
	"LabelTransformer": true, "AnnotationsTransformer": true, "ImageTagTransformer": true, "HashTransformer": true,
	"LegacyOrderTransformer": true, "SortOrderTransformer": true,
}

// configs are the files that replacements and transformers of a kustomization
// stand in.
func (k *Kustomization) configs() []string {
	var out []string
	for _, f := range k.replacementFiles {
		out = append(out, path.Join(k.Dir, f))
	}
	for _, t := range k.transformers {
		if !strings.Contains(t.text, "\n") {
			out = append(out, path.Join(k.Dir, t.text))
		}
	}
	return out
}

// transform applies what transformers: of a kustomization lists, in its order.
func (b *build) transform(k *Kustomization, in []*Instance) {
	if len(k.transformers) > maxRules {
		k.foreign(in, k.Path, 0, fmt.Sprintf("one of its %d transformers, more than the %d that are looked at,", len(k.transformers), maxRules))
		return
	}
	for _, t := range k.transformers {
		objects, ok := b.configs(k, t)
		if !ok {
			k.foreign(in, k.Path, t.line, "transformer "+firstLine(t.text)+", which is not in the repository,")
		}
		for _, o := range objects {
			k.transformer(o, t, in, b.from)
		}
	}
}

// configs returns the objects that an entry of transformers: configures.
func (b *build) configs(k *Kustomization, t listed) ([]kubeedit.Object, bool) {
	if strings.Contains(t.text, "\n") {
		f, err := kubeedit.Read(k.Path, []byte(t.text))
		if err != nil {
			return nil, false
		}
		return Objects(f), true
	}
	name := path.Join(k.Dir, t.text)
	if child := b.g[name]; child != nil && !remote(t.text) {
		var out []kubeedit.Object
		for _, i := range b.add(child, nil) {
			out = append(out, i.Object)
		}
		return out, true
	}
	if f := b.from(name); f != nil && !remote(t.text) {
		return Objects(f), true
	}
	return nil, false
}

// transformer applies one transformer to objects.
func (k *Kustomization) transformer(o kubeedit.Object, t listed, in []*Instance, from Source) {
	n, file, line := o.Node(), o.Doc.Path(), o.Line
	inline := strings.Contains(t.text, "\n")
	if inline {
		line = t.line
	}
	target := readSelector(kubeedit.Member(n, "target"))
	switch kind := o.Kind; {
	case o.APIVersion != "builtin" && !(harmless[kind] && o.APIVersion == ""):
		k.foreign(in, file, line, fmt.Sprintf("transformer %s %s", kind, o.Name))
	case harmless[kind]:
	case kind == "PatchTransformer" || kind == "PatchJson6902Transformer" || kind == "PatchStrategicMergeTransformer":
		for _, p := range patchesOf(o, inline) {
			p.By, p.target, p.late = k, target, true
			if p.Text == nil {
				p.File = path.Join(k.Dir, p.File)
			}
			for _, i := range in {
				i.patch([]*Patch{p}, from)
			}
		}
	case kind == "PrefixTransformer" || kind == "SuffixTransformer" || kind == "NamespaceTransformer":
		for _, i := range in {
			i.rename(o)
		}
	case kind == "ReplicaCountTransformer" && !inline:
		c := &Count{By: k, Name: kubeedit.Text(n, "replica", "name"), File: file, Doc: o.Doc.Index, At: o.At.Append(kubeedit.Keys("replica", "count"))}
		for _, i := range in {
			if i.called(c.Name) && fits(n, i.Object, "spec/replicas") {
				i.Layers = append(i.Layers, Layer{Count: c})
			}
		}
	case kind == "ReplacementTransformer":
		rules, _ := readReplacements(file, o.Doc.Line, kubeedit.Items(n, "replacements"))
		k.copy(rules, in)
	default:
		k.foreign(in, file, line, fmt.Sprintf("transformer %s %s", kind, o.Name))
	}
}

// foreign notes for objects that something unknown is done to them.
func (k *Kustomization) foreign(in []*Instance, file string, line int, what string) {
	x := &Foreign{k, file, line, what}
	for _, i := range in {
		i.Layers = append(i.Layers, Layer{Foreign: x})
	}
}

// patchesOf returns the patches that a transformer holds. Those of a transformer
// that itself stands in a block of text are too deep to be edited.
func patchesOf(o kubeedit.Object, inline bool) []*Patch {
	n := o.Node()
	var out []*Patch
	add := func(text *yaml.Node, at kubeedit.Path) {
		p := &Patch{File: o.Doc.Path(), Doc: o.Doc.Index, Text: o.At.Append(at), Line: o.Doc.Line + text.Line - 1, deep: inline}
		p.inline(text)
		out = append(out, p)
	}
	for _, key := range []string{"patch", "jsonOp", "patches"} {
		if text := kubeedit.Member(n, key); text != nil && text.Kind == yaml.ScalarNode {
			add(text, kubeedit.Keys(key))
		}
	}
	for _, file := range append(kubeedit.Items(n, "paths"), kubeedit.Member(n, "path")) {
		if file != nil {
			out = append(out, &Patch{File: file.Value, Line: o.Line, deep: inline})
		}
	}
	return out
}

// rename applies a transformer of names or namespaces, whose fields say which
// kinds it is for.
func (i *Instance) rename(o kubeedit.Object) {
	n, name := o.Node(), i.Name()
	switch o.Kind {
	case "NamespaceTransformer":
		if clusterScoped[i.Object.Kind] || kubeedit.Text(n, "unsetOnly") == "true" && name.Namespace != "" {
			return
		}
		name.Namespace = kubeedit.Text(n, "metadata", "namespace")
	case "PrefixTransformer":
		if !fits(n, i.Object, "metadata/name") {
			return
		}
		name.Name = kubeedit.Text(n, "prefix") + name.Name
	default:
		if !fits(n, i.Object, "metadata/name") {
			return
		}
		name.Name += kubeedit.Text(n, "suffix")
	}
	i.Names[len(i.Names)-1] = name
}

// fits reports whether the field specifications of a transformer name a field of
// an object's kind.
func fits(n *yaml.Node, o kubeedit.Object, field string) bool {
	return slices.ContainsFunc(kubeedit.Items(n, "fieldSpecs"), func(s *yaml.Node) bool {
		kind := kubeedit.Text(s, "kind")
		return kubeedit.Text(s, "path") == field && (kind == "" || kind == o.Kind)
	})
}

// A listed is one entry of a list of a kustomization: a path, or YAML.
type listed struct {
	text string
	line int
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// scales reports whether the replicas field changes objects of a kind: the usual
// ones, and those that configurations: add.
func (k *Kustomization) scales(o kubeedit.Object, from Source) bool {
	if scalable[o.Kind] {
		return true
	}
	for _, name := range k.configurations {
		f := from(path.Join(k.Dir, name))
		if f == nil {
			continue
		}
		for _, d := range f.Docs {
			root, err := d.Root()
			if err != nil {
				continue
			}
			if slices.ContainsFunc(kubeedit.Items(root, "replicas"), func(s *yaml.Node) bool {
				return kubeedit.Text(s, "path") == "spec/replicas" && kubeedit.Text(s, "kind") == o.Kind
			}) {
				return true
			}
		}
	}
	return false
}
