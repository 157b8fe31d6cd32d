package inventory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/helm"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/tfedit"
)

// Options of [Open].
type Options struct {
	// Environments by name. Without them, names of directories and files decide.
	Environments map[string]Environment
	// Shared permits to change a value that other places of the same file use
	// through an anchor. They are named in [Change.Affects].
	Shared bool
	// Known is an earlier state of the repository, from which what did not
	// change is taken.
	Known Known
	// Remember keeps what facts are worked out from, so that those of a later
	// state are worked out again only where that changed. It takes about as much
	// memory as the facts.
	Remember bool

	named map[string]string // what inferred said; nil to ask it each time
}

// A Repository is what stands in a repository at one commit. It may be used by
// one goroutine at a time.
type Repository struct {
	files  Files
	opts   Options
	list   []forge.File
	texts  map[string][]byte         // content of files that were read and may be YAML
	yaml   map[string]*kubeedit.File // those that were looked into
	graph  kustomize.Graph
	builds []*instance
	byFile map[string][]*instance // by manifest
	byName map[string][]*instance // by final name
	copies []*instance            // that replacements write into
	listed map[string]bool        // files that a kustomization renders or patches with

	tf       *tfedit.Repository     // nil until it is asked for
	charts   map[string]*helm.Chart // by directory
	installs []*installed           // workloads of charts

	known    Known
	trace    *trace            // nil unless somebody wants to know
	rendered map[string]*trace // of the builds, by directory
	drawn    map[string]drawn  // charts by directory
	named    map[string]string // environments by path, see inferred
	count    int               // of facts
	memos    map[origin][]memo // of the facts that were asked for
	shared   tfedit.Share      // of tf

	faults map[Finding]bool
	parent *Repository // before a change that kept builds as they are; nil for none
}

// An instance is an object as one build renders it, with what is known of the
// place that it goes to.
type instance struct {
	*kustomize.Instance
	namespace, name string
	unused          bool     // no kustomization of its directory lists the file, or it is for tests
	envs            []string // sorted
}

// where is the file that decides which environment an instance belongs to.
func (i *instance) where() string {
	if root := i.Root(); root != nil {
		return root.Path
	}
	return i.Object.Doc.Path()
}

// Open reads a repository. Files that cannot matter are not parsed; a file that
// does not parse is one of [Repository.Problems]. An error means that the files
// could not be read.
func Open(ctx context.Context, files Files, opts Options) (*Repository, error) {
	earlier, stamps := files.(stamped)
	if stamps && opts.Known.files != nil {
		earlier.after(opts.Known.files)
	}
	list, err := files.List(ctx)
	if stamps {
		earlier.after(nil)
	}
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(f forge.File) bool { return !fs.ValidPath(f.Path) })
	r := &Repository{files: files, opts: opts, list: list, yaml: map[string]*kubeedit.File{}, faults: map[Finding]bool{}}
	r.known, r.opts.Known, r.named = opts.Known, Known{}, opts.Known.named
	if r.named == nil {
		r.named = map[string]string{}
	}
	r.opts.named = r.named
	if r.known.anchors != opts.Shared || !sameEnvironments(r.known.environments, opts.Environments) {
		r.known.memos = nil
	}
	if r.texts, err = read(ctx, files, list, r.known); err != nil {
		return nil, err
	}
	for name, f := range r.known.yaml {
		if was, is := r.known.texts[name], r.texts[name]; len(is) > 0 && len(was) == len(is) && &was[0] == &is[0] {
			r.yaml[name] = f
		}
	}
	r.render()
	r.known.graph, r.known.drawn, r.known.yaml, r.known.texts = nil, nil, nil, nil // used up
	return r, nil
}

func sameEnvironments(a, b map[string]Environment) bool {
	return maps.EqualFunc(a, b, func(x, y Environment) bool {
		return slices.Equal(x.Paths, y.Paths) && slices.Equal(x.Clusters, y.Clusters) && slices.Equal(x.Namespaces, y.Namespaces) && slices.Equal(x.VarFiles, y.VarFiles)
	})
}

// readers is how many files are read at the same time.
const readers = 4

// read returns the content of all files that may be YAML; what is known to be
// as it was is not read.
func read(ctx context.Context, files Files, list []forge.File, known Known) (map[string][]byte, error) {
	out := make(map[string][]byte, len(list))
	var wanted []string
	for _, f := range list {
		if !f.Mode.Regular() || !isYAML(f.Path) || skipped(f.Path) || f.Size > kubeedit.MaxSize {
			continue
		}
		if was, ok := known.texts[f.Path]; ok && known.same(files, f) {
			out[f.Path] = was
		} else {
			wanted = append(wanted, f.Path)
		}
	}
	texts := make([][]byte, len(wanted))
	errs := make([]error, len(wanted))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(readers, len(wanted)) {
		group.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(wanted) {
					return
				}
				texts[n], errs[n] = files.Read(ctx, wanted[n])
			}
		})
	}
	group.Wait()
	for n, name := range wanted {
		if errs[n] != nil {
			return nil, fmt.Errorf("read %s: %w", name, errs[n])
		}
		out[name] = texts[n]
		if was, ok := known.texts[name]; ok && bytes.Equal(was, texts[n]) {
			out[name] = was
		}
	}
	return out, nil
}

// render finds the objects of the repository and what kustomizations make of
// them.
func (r *Repository) render() {
	r.graph = kustomize.Graph{}
	r.builds, r.copies, r.byFile, r.byName = nil, nil, map[string][]*instance{}, map[string][]*instance{}
	for _, f := range r.list {
		if kustomize.Is(f.Path) && r.texts[f.Path] != nil {
			r.kustomization(f.Path)
		}
	}
	fault := func(file, what string) { r.fault(&patch.Refusal{Path: file, Why: what}) }
	r.rendered = map[string]*trace{}
	for _, k := range r.graph.Roots() {
		r.rendered[k.Dir] = r.traced(func() {
			r.kustomizations(k, map[string]bool{})
			for _, i := range r.graph.Build(k, r.source, fault) {
				r.add(i)
			}
		})
	}
	r.listed = r.graph.Listed()
	for _, i := range r.builds {
		for _, l := range i.Layers {
			if l.Patch != nil && l.Patch.Text == nil {
				r.listed[l.Patch.File] = true
			}
		}
	}
	for _, f := range r.list {
		text := r.texts[f.Path]
		if text == nil || r.listed[f.Path] || kustomize.Is(f.Path) || !matters(f.Path, text) {
			continue
		}
		for _, o := range r.objectsIn(f.Path) {
			r.add(kustomize.Plain(o))
		}
	}
	slices.SortStableFunc(r.builds, func(a, b *instance) int {
		return cmp.Or(strings.Compare(a.Object.Doc.Path(), b.Object.Doc.Path()), cmp.Compare(a.Object.Line, b.Object.Line), strings.Compare(a.where(), b.where()))
	})
	r.deliver()
	r.install()
}

// kustomizations notes all kustomizations that one includes.
func (r *Repository) kustomizations(k *kustomize.Kustomization, seen map[string]bool) {
	if seen[k.Dir] {
		return
	}
	seen[k.Dir] = true
	r.trace.texts[k.Path] = r.textOf(k.Path)
	for _, list := range [][]string{k.Resources, k.Components} {
		for _, dir := range list {
			if child := r.graph[dir]; child != nil {
				r.kustomizations(child, seen)
			}
		}
	}
}

func (r *Repository) kustomization(file string) {
	if k := r.known.graph[path.Dir(file)]; k != nil && k.Path == file && r.known.yaml[file] != nil && r.known.yaml[file] == r.yaml[file] {
		r.graph[k.Dir] = k
		return
	}
	f, err := r.file(file)
	if err != nil {
		r.fault(err)
		return
	}
	k, err := kustomize.Read(f)
	if err != nil {
		r.fault(err)
	}
	if k != nil {
		r.graph[k.Dir] = k
	}
}

func (r *Repository) add(k *kustomize.Instance) {
	i := &instance{Instance: k, namespace: k.Name().Namespace, name: k.Name().Name}
	i.unused = len(k.Chain) == 0 && (r.graph[path.Dir(k.Object.Doc.Path())] != nil || forTests(k.Object.Doc.Path()))
	i.envs = r.opts.environmentsOf(i.where(), i.namespace, "")
	file := k.Object.Doc.Path()
	r.builds = append(r.builds, i)
	if slices.ContainsFunc(k.Layers, func(l kustomize.Layer) bool { return l.Copy != nil }) {
		r.copies = append(r.copies, i)
	}
	r.byFile[file] = append(r.byFile[file], i)
	r.byName[i.name] = append(r.byName[i.name], i)
}

// forTests reports whether a file lies where tests keep their data.
func forTests(file string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(part string) bool {
		return part == "testdata" || part == "tests" || part == "fixtures" || part == "e2e" || strings.HasSuffix(part, "-test")
	})
}

// Problems returns what is wrong with files of the repository as far as they
// were looked into, sorted.
func (r *Repository) Problems() []Finding {
	return slices.SortedFunc(maps.Keys(r.faults), func(a, b Finding) int { return strings.Compare(a.String(), b.String()) })
}

// fault keeps an error about a file.
func (r *Repository) fault(err error) {
	var refusal *patch.Refusal
	var syntax *kubeedit.SyntaxError
	switch {
	case errors.As(err, &refusal):
		r.found(Finding{refusal.Path, refusal.Line, refusal.Why})
	case errors.As(err, &syntax):
		r.found(Finding{syntax.Path, syntax.Line, syntax.What})
	default:
		r.found(Finding{What: err.Error()})
	}
}

func isYAML(file string) bool {
	switch path.Ext(file) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return path.Base(file) == "Kustomization"
}

// skipped reports whether a file lies where nothing is deployed from.
func skipped(file string) bool {
	for _, part := range strings.Split(path.Dir(file), "/") {
		switch part {
		case "node_modules", ".github", ".git", ".terraform", "__pycache__":
			return true
		}
	}
	return false
}

// matters reports, by bytes alone, whether a file can hold an object.
func matters(file string, text []byte) bool {
	return bytes.Contains(text, []byte("kind")) && !kubeedit.IsTemplate(file, text)
}

// objectsIn returns the objects of a file; what does not parse is a finding.
func (r *Repository) objectsIn(file string) []kubeedit.Object {
	f := r.source(file)
	if f == nil {
		return nil
	}
	var out []kubeedit.Object
	for _, d := range f.Docs {
		objects, err := d.Objects()
		if err != nil && !bytes.Contains(d.Text(), []byte("{{")) { // else it is a template of something
			r.fault(err)
		}
		out = append(out, objects...)
	}
	return out
}

// source returns a YAML file, nil if it cannot be read.
func (r *Repository) source(name string) *kubeedit.File {
	f, err := r.file(name)
	if err != nil && r.text(name) != nil {
		r.fault(err)
	}
	return f
}

// text returns the content of a file as it is after the change, if there is
// one.
func (r *Repository) text(name string) []byte {
	if t, ok := r.texts[name]; ok || r.parent == nil {
		return t
	}
	return r.parent.text(name)
}

// file returns a YAML file by path.
func (r *Repository) file(name string) (*kubeedit.File, error) {
	if r.trace != nil {
		r.trace.texts[name] = r.textOf(name)
	}
	if f := r.yaml[name]; f != nil {
		return f, nil
	}
	if r.parent != nil && r.texts[name] == nil {
		return r.parent.file(name)
	}
	text, ok := r.texts[name]
	if !ok {
		return nil, r.missing(name)
	}
	if kubeedit.IsTemplate(name, text) {
		return nil, &patch.Refusal{Path: name, Why: "file is a template", Do: "change the value that fills it in"}
	}
	f, err := kubeedit.Read(name, text)
	if err != nil {
		return nil, err
	}
	r.yaml[name] = f
	return f, nil
}

// object returns the object of an instance as it is now.
func (r *Repository) object(i *instance) kubeedit.Object {
	was := i.Object
	f := r.source(was.Doc.Path())
	if f == nil || was.Doc.Index >= len(f.Docs) || f == was.Doc.File() {
		return was
	}
	objects, _ := f.Docs[was.Doc.Index].Objects()
	for _, o := range objects {
		if o.At.String() == was.At.String() {
			return o
		}
	}
	return was
}

// missing says why a file was not read.
func (r *Repository) missing(name string) error {
	i, ok := r.entry(name)
	switch {
	case !ok:
		return &patch.Refusal{Path: name, Why: "file is not in the repository"}
	case !r.list[i].Mode.Regular():
		return &patch.Refusal{Path: name, Why: "path is a link or a submodule, which is not followed", Do: "name the file itself"}
	case r.list[i].Size > kubeedit.MaxSize:
		return &patch.Refusal{Path: name, Why: fmt.Sprintf("file has %d bytes, want at most %d", r.list[i].Size, kubeedit.MaxSize)}
	}
	return &patch.Refusal{Path: name, Why: "file is not YAML or JSON that this program reads"}
}
