package inventory

import (
	"bytes"
	"maps"
	"slices"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/helm"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/tfedit"
)

// Known is what an earlier state of a repository knows, for [Options]: files that
// are as they were are not read or parsed again, and what was worked out from
// nothing but such files is not worked out again. The zero Known knows nothing.
type Known struct {
	files Files
	list  []forge.File
	texts map[string][]byte
	yaml  map[string]*kubeedit.File
	graph kustomize.Graph
	drawn map[string]drawn // charts by directory
	memos map[origin][]memo
	count int               // of facts
	named map[string]string // environments by path, see inferred
	tf    tfedit.Share

	environments map[string]Environment // that facts were worked out with
	anchors      bool                   // Shared of [Options]
}

// Known returns what r knows. It may be used while r is.
func (r *Repository) Known() Known {
	return Known{
		files: r.files, list: r.list, texts: r.allTexts(), yaml: r.allFiles(), graph: r.graph, drawn: r.drawn,
		memos: maps.Clone(r.memos), count: r.count + r.count/100, named: maps.Clone(r.named), tf: r.shared, environments: r.opts.Environments, anchors: r.opts.Shared,
	}
}

// A stamped is files that tell without being read whether one is as it was.
type stamped interface {
	after(earlier Files)
	same(earlier Files, path string) bool
}

// same reports whether a file is as it was in an earlier state of its
// repository, as far as that can be said without reading it.
func (k Known) same(files Files, f forge.File) bool {
	if k.files == nil {
		return false
	}
	i, ok := slices.BinarySearchFunc(k.list, f.Path, byPath)
	if !ok || k.list[i] != f {
		return false
	}
	if f.Blob != "" {
		return true
	}
	s, ok := files.(stamped)
	return ok && s.same(k.files, f.Path)
}

// A text is what a file holds: where it was read to. A text that is taken over
// from an earlier state is the same one.
type text struct {
	at    *byte // nil for an empty one
	there bool
}

func (r *Repository) textOf(name string) text {
	t := r.text(name)
	if len(t) == 0 {
		return text{nil, t != nil}
	}
	return text{&t[0], true}
}

// A trace is what something was worked out from, and what was found wrong on the
// way.
type trace struct {
	texts  map[string]text
	faults []Finding
}

// traced notes in a trace what work looks at.
func (r *Repository) traced(work func()) *trace {
	outer := r.trace
	r.trace = &trace{texts: map[string]text{}}
	defer func() { r.trace = outer }()
	work()
	return r.trace
}

// holds reports whether all that was looked at is as it was.
func (r *Repository) holds(t *trace) bool {
	for name, was := range t.texts {
		if r.textOf(name) != was {
			return false
		}
	}
	return true
}

// replay finds again what was found wrong.
func (r *Repository) replay(t *trace) {
	for _, f := range t.faults {
		r.found(f)
	}
}

// found keeps a finding.
func (r *Repository) found(f Finding) {
	r.faults[f] = true
	if r.trace != nil {
		r.trace.faults = append(r.trace.faults, f)
	}
}

// An origin is what facts come from: a manifest with its build, values of a
// chart, a Terraform file.
type origin struct {
	form   Form
	file   string
	within string // build, or place within the file
}

// A memo is facts, and what they were worked out from.
type memo struct {
	facts []Fact
	from  *trace
	build *trace    // of the kustomization that renders the instance; nil for none
	like  *instance // that the facts are of; nil for none
	tf    []tfedit.Trace
	at    *tfedit.Attribute // first of the resource that the facts are of; nil for none
}

// recall returns the facts number n of an origin. Those that are known and still
// right are kept, others are worked out: valid says whether what m is of is what
// is asked for, work makes facts and, in Terraform, traces.
func (r *Repository) recall(o origin, n int, m memo, valid func(old memo) bool, work func() ([]Fact, []tfedit.Trace)) []Fact {
	if !r.opts.Remember {
		facts, _ := work()
		return facts
	}
	if old := r.known.memos[o]; n < len(old) && valid(old[n]) && r.holds(old[n].from) && (old[n].build == nil || r.holds(old[n].build)) {
		m = old[n]
		r.replay(m.from)
	} else {
		m.from = r.traced(func() { m.facts, m.tf = work() })
	}
	r.memos[o] = append(r.memos[o], m)
	return m.facts
}

// alike reports whether two instances of the same texts are rendered alike.
func alike(a, b *instance) bool {
	if a.namespace != b.namespace || a.name != b.name || !slices.Equal(a.envs, b.envs) || !slices.Equal(a.Names, b.Names) {
		return false
	}
	x, y := a.Object, b.Object
	if x.Doc.Index != y.Doc.Index || x.At.String() != y.At.String() || x.APIVersion != y.APIVersion || x.Kind != y.Kind || x.Namespace != y.Namespace || x.Name != y.Name || x.Line != y.Line {
		return false
	}
	return slices.EqualFunc(a.Chain, b.Chain, func(x, y *kustomize.Kustomization) bool { return x.Dir == y.Dir }) &&
		slices.EqualFunc(a.Layers, b.Layers, sameLayer)
}

// sameLayer reports whether two layers of builds of the same texts are the same.
// Those that a delivery adds are of texts outside of the build.
func sameLayer(a, b kustomize.Layer) bool {
	switch {
	case a.Patch != nil && b.Patch != nil:
		return a.Same(b) && a.Patch.Line == b.Patch.Line && inlined(a.Patch, b.Patch)
	case a.Count != nil && b.Count != nil:
		return a.Count.File == b.Count.File && a.Count.Doc == b.Count.Doc && a.Count.At.String() == b.Count.At.String()
	}
	return a.Patch == b.Patch && a.Count == b.Count && (a.Copy == nil) == (b.Copy == nil)
}

// inlined reports whether two patches that stand in the same place of a file
// have the same text.
func inlined(a, b *kustomize.Patch) bool {
	if a.Text == nil {
		return true
	}
	none := func(string) *kubeedit.File { return nil }
	x, y := a.Content(none), b.Content(none)
	return (x == nil) == (y == nil) && (x == nil || bytes.Equal(x.Src, y.Src))
}

// A drawn is a chart with the texts that it was read from.
type drawn struct {
	chart *helm.Chart
	from  map[string]text
}
