package kustomize

import (
	"maps"
	"slices"

	"github.com/salvehq/salve/internal/kubeedit"
)

// A Graph is all kustomizations of a repository, by directory.
type Graph map[string]*Kustomization

// Limits of a build, against kustomizations that multiply.
const (
	maxInstances = 100_000
	maxNesting   = 32
	maxVisits    = 10_000 // of directories in one build
)

// Roots returns the kustomizations that no other includes, by directory.
// Components are none.
func (g Graph) Roots() []*Kustomization {
	used := map[string]bool{}
	for _, k := range g {
		for _, list := range [][]string{k.Resources, k.Components} {
			for _, r := range list {
				used[r] = used[r] || r != k.Dir
			}
		}
	}
	var out []*Kustomization
	for _, dir := range slices.Sorted(maps.Keys(g)) {
		if k := g[dir]; !k.Component && !used[dir] {
			out = append(out, k)
		}
	}
	return out
}

// Listed returns the files that some kustomization renders or takes for a
// patch.
func (g Graph) Listed() map[string]bool {
	out := map[string]bool{}
	for _, k := range g {
		for _, f := range slices.Concat(k.Patches(), k.Resources, k.configs()) {
			out[f] = true
		}
	}
	return out
}

// Build returns the objects that a kustomization renders. fault is told what is
// wrong with it.
func (g Graph) Build(k *Kustomization, from Source, fault func(file, what string)) []*Instance {
	b := build{g: g, from: from, fault: fault, open: map[string]bool{}}
	return b.add(k, nil)
}

type build struct {
	g     Graph
	from  Source
	fault func(file, what string)
	open  map[string]bool
	made  int // instances
	seen  int // directories, each time they are included
}

// add appends to in what one kustomization renders, and applies it to all of
// them: what a component changes is what the kustomization before it rendered.
func (b *build) add(k *Kustomization, in []*Instance) []*Instance {
	if b.open[k.Dir] || len(b.open) > maxNesting {
		b.fault(k.Path, "kustomization includes itself, or too many others")
		return in
	}
	if b.seen++; b.seen > maxVisits || b.made > maxInstances {
		if b.seen == maxVisits+1 {
			b.fault(k.Path, "kustomization includes too many others")
		}
		return in
	}
	b.open[k.Dir] = true
	defer delete(b.open, k.Dir)
	for _, res := range k.Resources {
		if child := b.g[res]; child != nil {
			in = append(in, b.add(child, nil)...)
			continue
		}
		in = append(in, b.objects(k, res)...)
	}
	for _, dir := range k.Components {
		if c := b.g[dir]; c != nil {
			in = b.add(c, in)
		}
	}
	in = k.apply(in, b.from)
	b.transform(k, in)
	return slices.DeleteFunc(in, func(i *Instance) bool { return i.deleted })
}

func (b *build) objects(k *Kustomization, file string) []*Instance {
	f := b.from(file)
	if f == nil {
		b.fault(k.Path, "resource "+file+" is not in the repository, or not YAML")
		return nil
	}
	var out []*Instance
	for _, o := range Objects(f) {
		if b.made++; b.made > maxInstances {
			b.fault(k.Path, "kustomization renders too many objects")
			return out
		}
		out = append(out, Plain(o))
	}
	return out
}

// Plain returns an object that no kustomization changes.
func Plain(o kubeedit.Object) *Instance {
	return &Instance{Object: o, Names: []Name{{o.Namespace, o.Name}}}
}

// Objects returns the objects of all documents of a file that can be read.
func Objects(f *kubeedit.File) []kubeedit.Object {
	var out []kubeedit.Object
	for _, d := range f.Docs {
		objects, err := d.Objects()
		if err == nil {
			out = append(out, objects...)
		}
	}
	return out
}

// Above returns the kustomizations that render the charts of a file: the one
// that it is, or whose generators it configures, and all that include it,
// nearest first.
func (g Graph) Above(file string) []*Kustomization {
	var out []*Kustomization
	for _, dir := range slices.Sorted(maps.Keys(g)) {
		k := g[dir]
		if k.Path == file || slices.Contains(k.Generators, file) {
			out = append(out, k)
		}
	}
	for n := 0; n < len(out); n++ {
		for _, dir := range slices.Sorted(maps.Keys(g)) {
			k := g[dir]
			if slices.Contains(slices.Concat(k.Resources, k.Components), out[n].Dir) && !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

// For returns the patches of a kustomization that are for an object of a kind
// and name, which a chart renders.
func (k *Kustomization) For(kind, name string, from Source) []*Patch {
	var out []*Patch
	for _, p := range slices.Concat(k.patches, k.json6902) {
		content := p.Content(from)
		if content == nil {
			continue
		}
		if s := p.target; s != nil {
			if (kind == "" || whole(s.kind, kind)) && whole(s.name, name) {
				out = append(out, p)
			}
			continue
		}
		if slices.ContainsFunc(Objects(content), func(o kubeedit.Object) bool { return (kind == "" || o.Kind == kind) && o.Name == name }) {
			out = append(out, p)
		}
	}
	return out
}
