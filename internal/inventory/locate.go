package inventory

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/patch"
)

// Locate returns the one place where a change of t goes. It fails with an
// [*AmbiguousError] if there are several, and with a [*patch.Refusal] if there
// is none that may be changed.
func (r *Repository) Locate(ctx context.Context, t Target) (Site, error) {
	w, err := r.locate(ctx, t)
	return w.site, err
}

// A work is a located target: what to write where.
type work struct {
	target Target
	site   Site
	at     kubeedit.Address
	merge  bool      // the file is a patch, whose lists are merged
	create *newPatch // a patch file that is not there yet; nil for an edit
	style  kubeedit.Style
}

func (r *Repository) locate(ctx context.Context, t Target) (work, error) {
	if err := ctx.Err(); err != nil {
		return work{}, err
	}
	switch t.Form {
	case Kubernetes, "":
		return r.locateObject(t)
	case Values, ConfigFile:
		return r.locatePath(t)
	case Terraform:
		return r.locateTerraform(ctx, t)
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
	if err := f.Guard(); err != nil {
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
	w := work{target: t, at: a, style: style, site: Site{
		File: file, Line: s.Line, Value: s.Value, Written: s.Written, Address: a.String(), How: how,
	}}
	w.share(f)
	return w, nil
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
	meant := r.candidates(t)
	if len(meant) == 0 {
		if charts := r.findInstalled(t); len(charts) > 0 {
			return r.locateInstalled(t, charts)
		}
		return work{}, r.notFound(t)
	}
	if err := r.owned(t, meant[0]); err != nil {
		return work{}, err
	}
	var places []kustomize.Place
	var sites []Site
	var first *query
	for _, i := range meant {
		q, err := r.ask(t, i)
		if err != nil {
			return work{}, err
		}
		p, err := i.Value(q.Field, r.source)
		if err != nil {
			return work{}, err
		}
		if !slices.ContainsFunc(places, func(o kustomize.Place) bool { return same(o, p) }) {
			places, sites = append(places, p), append(sites, siteOf(p, i.how(p)))
		}
		if first == nil {
			first = q
		}
	}
	if len(places) > 1 {
		return work{}, &AmbiguousError{Target: t, Candidates: sites, Do: "name the environment, the namespace or the file"}
	}
	return r.decide(t, meant, first, places[0])
}

// same reports whether two places are one.
func same(a, b kustomize.Place) bool {
	return a.File == b.File && a.Address.Doc == b.Address.Doc && a.Address.String() == b.Address.String()
}

func siteOf(p kustomize.Place, how string) Site {
	return Site{File: p.File, Line: p.Line, Value: p.Value, Written: p.Written, Address: p.Address.String(), How: how}
}

// decide says where the change goes: to where the value is written, if only
// what is meant takes it from there; else to the overlay of what is meant.
func (r *Repository) decide(t Target, meant []*instance, q *query, p kustomize.Place) (work, error) {
	if p.Layer >= 0 && meant[0].Layers[p.Layer].Copy != nil {
		return r.decideCopy(t, meant, q, p, meant[0].Layers[p.Layer].Copy)
	}
	others := r.othersAt(t, meant, p)
	if len(others) > 0 {
		return r.override(t, meant, q, p, others)
	}
	f, err := r.file(p.File)
	if err != nil {
		return work{}, err
	}
	if err := f.Guard(); err != nil {
		return work{}, err
	}
	w := work{target: t, at: p.Address, style: q.style, site: siteOf(p, meant[0].how(p))}
	w.merge = p.Layer >= 0
	w.site.Affects = append(environments(meant), r.copiedTo(meant, q, p)...)
	w.share(f)
	return w, nil
}

// how says what kind of file a place is in.
func (i *instance) how(p kustomize.Place) string {
	if p.Layer < 0 {
		return "manifest"
	}
	l := i.Layers[p.Layer]
	by := "above the kustomization"
	if k := l.By(); k != nil {
		by = "of " + k.Dir
	}
	switch {
	case l.Count != nil:
		return "replicas " + by
	case l.Copy != nil:
		return fmt.Sprintf("%s %s, copied by a replacement %s", l.Copy.Source().Object.Kind, l.Copy.Source().Object.Name, by)
	case l.Patch.Text != nil:
		return "inline patch " + by
	}
	return "patch " + by
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

// othersAt returns the instances besides those meant that take a value from the
// same place: all that a patch is for, and those of a manifest's object whose
// value nothing else overrides.
func (r *Repository) othersAt(t Target, meant []*instance, p kustomize.Place) []*instance {
	among := r.builds
	if p.Layer < 0 {
		among = r.byFile[meant[0].Object.Doc.Path()]
	}
	var out []*instance
	for _, i := range among {
		if slices.Contains(meant, i) {
			continue
		}
		if p.Layer >= 0 {
			if slices.ContainsFunc(i.Layers, meant[0].Layers[p.Layer].Same) {
				out = append(out, i)
			}
			continue
		}
		if i.Object.Doc != meant[0].Object.Doc || i.Object.At.String() != meant[0].Object.At.String() {
			continue
		}
		q, err := r.ask(t, i)
		if err != nil {
			continue
		}
		if got, err := i.Value(q.Field, r.source); err != nil || same(got, p) { // what cannot be said may be so
			out = append(out, i)
		}
	}
	return out
}

// candidates returns the instances that a target could mean.
func (r *Repository) candidates(t Target) []*instance {
	among := slices.DeleteFunc(slices.Clone(r.byName[t.Name]), func(i *instance) bool {
		return t.Kind == "" && !r.object(i).IsWorkload() || t.APIVersion != "" && i.Object.APIVersion != t.APIVersion || t.File != "" && !i.below(t.File)
	})
	return fitting(among, t.Kind, t.Namespace, t.Environment)
}

// below reports whether an instance has to do with a file or a directory.
func (i *instance) below(file string) bool {
	file = path.Clean(file)
	inside := func(p string) bool { return file == "." || p == file || strings.HasPrefix(p, file+"/") }
	if inside(i.Object.Doc.Path()) || inside(i.where()) {
		return true
	}
	return slices.ContainsFunc(i.Layers, func(l kustomize.Layer) bool { return l.Patch != nil && inside(l.Patch.File) })
}

// find returns instances by name. What is known to fit stands above what only
// may: a namespace or an environment that no file says. Files that nothing
// deploys count only if there are no others.
func (r *Repository) find(kind, namespace, name, environment string) []*instance {
	return fitting(r.byName[name], kind, namespace, environment)
}

func fitting(among []*instance, kind, namespace, environment string) []*instance {
	var out []*instance
	for _, i := range among {
		if sameKind(kind, i.Object.Kind) && (namespace == "" || i.namespace == "" || i.namespace == namespace) {
			out = append(out, i)
		}
	}
	if namespace != "" {
		out = prefer(out, func(i *instance) bool { return i.namespace == namespace })
	}
	if environment != "" {
		out = slices.DeleteFunc(out, func(i *instance) bool { return len(i.envs) > 0 && !means(environment, i.envs) })
		out = prefer(out, func(i *instance) bool { return len(i.envs) > 0 })
	}
	return prefer(out, func(i *instance) bool { return !i.unused })
}

// prefer returns those that are better, or all if none is.
func prefer(all []*instance, better func(*instance) bool) []*instance {
	if slices.ContainsFunc(all, better) {
		return slices.DeleteFunc(all, func(i *instance) bool { return !better(i) })
	}
	return all
}

// sameKind compares kinds as Kubernetes and Dynatrace spell them: "Deployment",
// "deployment", "KUBERNETES_DEPLOYMENT", "stateful_set".
func sameKind(want, kind string) bool {
	if want == "" {
		return true
	}
	if want == kind {
		return true
	}
	want = strings.ToLower(separators.Replace(want))
	return strings.TrimPrefix(want, "kubernetes") == strings.ToLower(kind)
}

// separators of words in the name of a kind.
var separators = strings.NewReplacer("_", "", "-", "", " ", "")

// notFound says what was looked for and what is near it.
func (r *Repository) notFound(t Target) error {
	what := strings.TrimSpace(t.Kind + " " + join(t.Namespace, t.Name))
	var near []string
	for _, i := range r.byName[t.Name] {
		near = append(near, fmt.Sprintf("%s %s (%s)", i.Object.Kind, join(i.namespace, i.name), i.Object.Doc.Path()))
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

// share notes in w who else sees a change through an anchor.
func (w *work) share(f *kubeedit.File) {
	for _, line := range f.Consumers(w.at) {
		w.site.Affects = append(w.site.Affects, fmt.Sprintf("%s:%d", f.Path, line))
	}
}
