package inventory

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// A spot is one address in one file: where a value is written, or would be.
type spot struct {
	file    string
	at      kubeedit.Address
	value   string
	written bool
	line    int
	append  bool   // elements of lists may be added: it is a patch
	how     string // "manifest", "patch", …
}

func (s spot) same(o spot) bool {
	return s.file == o.file && s.at.String() == o.at.String() && s.at.Doc == o.at.Doc
}

func (s spot) site() Site {
	return Site{File: s.file, Line: s.line, Value: s.value, Written: s.written, Address: s.at.String(), How: s.how}
}

// Locate returns the one place where a change of t goes. It fails with an
// [*AmbiguousError] if there are several, and with a [*patch.Refusal] if there
// is none that may be changed.
func (r *Repository) Locate(ctx context.Context, t Target) (Site, error) {
	if err := ctx.Err(); err != nil {
		return Site{}, err
	}
	w, err := r.locate(t)
	return w.site, err
}

// A work is a located target: what to write where.
type work struct {
	target Target
	site   Site
	spot   spot
	create *newPatch // a patch file that is not there yet; nil for an edit
	style  kubeedit.Style
}

func (r *Repository) locate(t Target) (work, error) {
	switch t.Form {
	case Kubernetes, "":
		return r.locateObject(t)
	case Values, ConfigFile:
		return r.locatePath(t)
	}
	return work{}, fmt.Errorf("target of form %q: want kubernetes, values, config or terraform", t.Form)
}

// locatePath finds a value by file and path.
func (r *Repository) locatePath(t Target) (work, error) {
	p, err := kubeedit.ParsePath(t.Path)
	if err != nil {
		return work{}, &patch.Refusal{Path: t.File, Why: err.Error()}
	}
	file := path.Clean(t.File)
	f, err := r.file(file)
	if err != nil {
		return work{}, err
	}
	if err := r.guard(f); err != nil {
		return work{}, err
	}
	a, style, how, err := within(f, p)
	if err != nil {
		return work{}, err
	}
	s, err := f.Get(a)
	if err != nil {
		return work{}, err
	}
	if !s.Written && len(f.Docs) > 1 {
		return work{}, &patch.Refusal{Path: file, Why: fmt.Sprintf("none of its %d documents has %s", len(f.Docs), p)}
	}
	sp := spot{file: file, at: a, value: s.Value, written: s.Written, line: s.Line, how: how}
	w := work{target: t, spot: sp, site: sp.site(), style: style}
	return w, r.share(&w, f)
}

// within returns the address of a path in the document that has it. In a
// ConfigMap or a release, values stand below a key that people leave out.
func within(f *kubeedit.File, p kubeedit.Path) (kubeedit.Address, kubeedit.Style, string, error) {
	first := kubeedit.Address{Path: p}
	found, how, style := false, "values", kubeedit.Free
	for _, d := range f.Docs {
		root, err := d.Root()
		if err != nil {
			return first, style, how, err
		}
		for _, lead := range leads(root) {
			a := kubeedit.Address{Doc: d.Index, Path: lead.path.Append(p)}
			s, err := f.Get(a)
			if err != nil || !s.Written {
				continue
			}
			if found {
				return first, style, how, &patch.Refusal{Path: f.Path, Line: s.Line, Why: fmt.Sprintf("%s stands in several documents", p), Do: "name the workload instead"}
			}
			first, found, how, style = a, true, lead.how, lead.style
			break
		}
	}
	return first, style, how, nil
}

// A lead is where the values of an object begin.
type lead struct {
	path  kubeedit.Path
	how   string
	style kubeedit.Style
}

// leads returns where a path may start in an object: at its top, and where its
// kind keeps values.
func leads(root *yaml.Node) []lead {
	out := []lead{{nil, "values", kubeedit.Free}}
	switch kubeedit.Text(root, "kind") {
	case "ConfigMap":
		return []lead{{nil, "config map", kubeedit.AsString}, {kubeedit.Keys("data"), "config map", kubeedit.AsString}}
	case "HelmRelease":
		out = append(out, lead{kubeedit.Keys("spec", "values"), "values of a HelmRelease", kubeedit.Free})
	case "HelmChartInflationGenerator":
		out = append(out, lead{kubeedit.Keys("valuesInline"), "values of a HelmChartInflationGenerator", kubeedit.Free})
	case "Application":
		out = append(out, lead{kubeedit.Keys("spec", "source", "helm", "valuesObject"), "values of an Argo CD Application", kubeedit.Free})
	}
	return out
}

// locateObject finds a field of a Kubernetes object.
func (r *Repository) locateObject(t Target) (work, error) {
	all := r.candidates(t)
	if len(all) == 0 {
		return work{}, r.notFound(t)
	}
	if err := r.owned(t, all[0]); err != nil {
		return work{}, err
	}
	var spots []spot
	var first *query
	for _, i := range all {
		q, err := r.ask(t, i)
		if err != nil {
			return work{}, err
		}
		s, err := q.effective()
		if err != nil {
			return work{}, err
		}
		if !slices.ContainsFunc(spots, s.same) {
			spots = append(spots, s)
		}
		if first == nil {
			first = q
		}
	}
	if len(spots) > 1 {
		return work{}, ambiguous(t, spots)
	}
	return r.decide(t, all, first, spots[0])
}

func ambiguous(t Target, spots []spot) error {
	e := &AmbiguousError{Target: t, Do: "name the environment, the namespace or the file"}
	for _, s := range spots {
		e.Candidates = append(e.Candidates, s.site())
	}
	return e
}

// decide says where the change goes: to where the value is written, if only
// what is meant takes it from there; else to the overlay of what is meant.
func (r *Repository) decide(t Target, meant []*instance, q *query, s spot) (work, error) {
	others := r.othersAt(t, meant, s)
	f, err := r.file(s.file)
	if err != nil {
		return work{}, err
	}
	if len(others) == 0 {
		if err := r.guard(f); err != nil {
			return work{}, err
		}
		w := work{target: t, spot: s, site: s.site(), style: q.style}
		w.site.Affects = append(w.site.Affects, environments(meant)...)
		return w, r.share(&w, f)
	}
	return r.override(t, meant, q, s, others)
}

// environments names the builds that a change for several of them reaches.
func environments(meant []*instance) []string {
	if len(meant) < 2 {
		return nil
	}
	var out []string
	for _, i := range meant {
		out = append(out, i.where())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// othersAt returns the instances besides those meant that take a value from s.
func (r *Repository) othersAt(t Target, meant []*instance, s spot) []*instance {
	var out []*instance
	for _, i := range r.builds {
		if slices.Contains(meant, i) || !i.uses(s) {
			continue
		}
		q, err := r.ask(t, i)
		if err != nil {
			continue
		}
		if got, err := q.effective(); err == nil && got.same(s) {
			out = append(out, i)
		}
	}
	return out
}

// uses reports whether a file is part of an instance.
func (i *instance) uses(s spot) bool {
	if i.object.Doc.Path() == s.file {
		return true
	}
	return slices.ContainsFunc(i.layers, func(l layer) bool {
		return l.patch != nil && l.patch.file == s.file || l.count != nil && l.by.file.Path == s.file
	})
}

// candidates returns the instances that a target could mean. Where some are
// known to be of its environment, those of no known environment are left out;
// files that nothing deploys count only if there are no others.
func (r *Repository) candidates(t Target) []*instance {
	all := r.find(t.Kind, t.Namespace, t.Name, t.Environment)
	all = slices.DeleteFunc(all, func(i *instance) bool {
		return t.APIVersion != "" && i.object.APIVersion != t.APIVersion || t.File != "" && !i.below(t.File)
	})
	return all
}

// below reports whether an instance has to do with a file or a directory.
func (i *instance) below(file string) bool {
	file = path.Clean(file)
	inside := func(p string) bool { return file == "." || p == file || strings.HasPrefix(p, file+"/") }
	if inside(i.object.Doc.Path()) || i.root != nil && inside(i.root.file.Path) {
		return true
	}
	return slices.ContainsFunc(i.layers, func(l layer) bool { return l.patch != nil && inside(l.patch.file) })
}

// find returns instances by name.
func (r *Repository) find(kind, namespace, name, environment string) []*instance {
	var named, certain, deployed []*instance
	for _, i := range r.builds {
		if i.name == name && sameKind(kind, i.object.Kind) && (namespace == "" || i.namespace == "" || i.namespace == namespace) {
			named = append(named, i)
		}
	}
	if slices.ContainsFunc(named, func(i *instance) bool { return i.namespace == namespace }) && namespace != "" {
		named = slices.DeleteFunc(named, func(i *instance) bool { return i.namespace == "" })
	}
	if environment != "" {
		for _, i := range named {
			if means(environment, i.envs) {
				certain = append(certain, i)
			}
		}
		if len(certain) == 0 {
			certain = slices.DeleteFunc(named, func(i *instance) bool { return len(i.envs) > 0 })
		}
		named = certain
	}
	for _, i := range named {
		if !i.unused {
			deployed = append(deployed, i)
		}
	}
	if len(deployed) > 0 {
		return deployed
	}
	return named
}

// sameKind compares kinds as Kubernetes and Dynatrace spell them: "Deployment",
// "deployment", "KUBERNETES_DEPLOYMENT", "stateful_set".
func sameKind(want, kind string) bool {
	if want == "" {
		return true
	}
	want = strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(want))
	return strings.TrimPrefix(want, "kubernetes") == strings.ToLower(kind)
}

// notFound says what was looked for and what is near it.
func (r *Repository) notFound(t Target) error {
	what := strings.TrimSpace(t.Kind + " " + join(t.Namespace, t.Name))
	var near []string
	for _, i := range r.builds {
		if i.name == t.Name {
			near = append(near, fmt.Sprintf("%s %s (%s)", i.object.Kind, join(i.namespace, i.name), i.object.Doc.Path()))
		}
	}
	refusal := &patch.Refusal{Path: t.File, Why: "no manifest of " + what}
	if t.Environment != "" {
		refusal.Why += " in " + t.Environment
	}
	if len(near) > 0 {
		slices.Sort(near)
		refusal.Do = "there is " + strings.Join(slices.Compact(near), ", ")
	}
	return refusal
}

// guard refuses files that must not be edited where they stand.
func (r *Repository) guard(f *kubeedit.File) error {
	if err := f.Guard(); err != nil {
		return err
	}
	return nil
}

// share notes in w who else sees a change through an anchor, and refuses it
// where that is not permitted.
func (r *Repository) share(w *work, f *kubeedit.File) error {
	for _, line := range f.Consumers(w.spot.at) {
		w.site.Affects = append(w.site.Affects, fmt.Sprintf("%s:%d", w.spot.file, line))
	}
	_, err := f.Get(w.spot.at)
	return err
}
