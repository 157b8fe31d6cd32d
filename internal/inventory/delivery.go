package inventory

import (
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
)

// A delivery is what Flux or Argo CD is told to apply: a directory of this
// repository, and where to.
type delivery struct {
	dir       string
	namespace string
	cluster   string
	force     bool // the namespace replaces what manifests say
	patches   []*kustomize.Patch
	counts    []*kustomize.Count
	prefix    string // of names
	suffix    string
	file      string // that says so
}

// deliver tells the instances what the deliveries know of their namespace and
// environment: what all deliveries of their directory agree on.
func (r *Repository) deliver() {
	all := map[string][]delivery{} // by directory
	for _, i := range r.builds {
		for _, d := range r.deliveries(i) {
			all[d.dir] = append(all[d.dir], d)
		}
	}
	if len(all) == 0 {
		return
	}
	r.byName = map[string][]*instance{}
	for _, i := range r.builds {
		r.settle(i, all)
		r.byName[i.name] = append(r.byName[i.name], i)
	}
}

// deliveries reads an object of Flux or Argo CD.
// https://fluxcd.io/flux/components/kustomize/kustomizations/,
// https://argo-cd.readthedocs.io/en/stable/user-guide/application-specification/
func (r *Repository) deliveries(i *instance) []delivery {
	group, _, _ := strings.Cut(i.Object.APIVersion, "/")
	file := i.Object.Doc.Path()
	switch {
	case i.Object.Kind == "Kustomization" && group == "kustomize.toolkit.fluxcd.io":
		o := r.object(i)
		namespace := kubeedit.Text(o.Node(), "spec", "targetNamespace")
		return []delivery{{
			dir: path.Join(".", kubeedit.Text(o.Node(), "spec", "path")), namespace: namespace, force: namespace != "", file: file,
			patches: kustomize.Inline(o, kubeedit.Keys("spec", "patches")),
		}}
	case i.Object.Kind == "Application" && group == "argoproj.io":
		n := r.object(i).Node()
		d := delivery{namespace: kubeedit.Text(n, "spec", "destination", "namespace"), cluster: kubeedit.Text(n, "spec", "destination", "name"), file: file}
		var out []delivery
		at := []kubeedit.Path{kubeedit.Keys("spec", "source")}
		for s := range kubeedit.Items(n, "spec", "sources") {
			at = append(at, kubeedit.Keys("spec", "sources").Join(kubeedit.Index(s)))
		}
		for _, p := range at {
			if dir := kubeedit.Text(r.object(i).Doc.Follow(i.Object.At.Append(p)), "path"); dir != "" {
				d.dir = path.Join(".", dir)
				out = append(out, d.kustomized(r.object(i), p.Join(kubeedit.Key("kustomize"))))
			}
		}
		return out
	}
	return nil
}

// kustomized is d with what an Application adds to the kustomization that it
// builds.
// https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/
func (d delivery) kustomized(o kubeedit.Object, at kubeedit.Path) delivery {
	n := o.Doc.Follow(o.At.Append(at))
	d.patches = kustomize.Inline(o, at.Join(kubeedit.Key("patches")))
	d.prefix, d.suffix, d.counts = kubeedit.Text(n, "namePrefix"), kubeedit.Text(n, "nameSuffix"), nil
	for c, entry := range kubeedit.Items(n, "replicas") {
		d.counts = append(d.counts, &kustomize.Count{
			Name: kubeedit.Text(entry, "name"), File: o.Doc.Path(), Doc: o.Doc.Index,
			At: o.At.Append(at).Join(kubeedit.Key("replicas"), kubeedit.Index(c), kubeedit.Key("count")),
		})
	}
	if name := kubeedit.Text(n, "namespace"); name != "" {
		d.namespace, d.force = name, true
	}
	return d
}

// of returns the deliveries that apply an instance: of the directory that is
// built or, for a plain manifest, of any above it.
func of(all map[string][]delivery, i *instance) []delivery {
	if root := i.Root(); root != nil {
		return all[root.Dir]
	}
	var out []delivery
	for dir := i.Object.Doc.Path(); dir != "."; {
		dir = path.Dir(dir)
		out = append(out, all[dir]...)
	}
	return out
}

// settle takes over what the deliveries of an instance agree on.
func (r *Repository) settle(i *instance, all map[string][]delivery) {
	mine := of(all, i)
	if len(mine) == 0 {
		return
	}
	first := mine[0]
	if len(mine) == 1 {
		for _, p := range first.patches {
			i.Add(p, r.source)
		}
		for _, c := range first.counts {
			i.Count(c)
		}
		if i.Root() != nil {
			i.name = first.prefix + i.name + first.suffix
		}
	}
	i.unused = false
	if !slices.ContainsFunc(mine, func(d delivery) bool { return d.namespace != first.namespace }) && (i.namespace == "" || first.force) {
		i.namespace = first.namespace
	}
	cluster := first.cluster
	if slices.ContainsFunc(mine, func(d delivery) bool { return d.cluster != cluster }) {
		cluster = ""
	}
	i.envs = r.opts.environmentsOf(i.where(), i.namespace, cluster)
	for _, d := range mine {
		if len(i.envs) > 0 && len(mine) == 1 {
			break
		}
		for _, e := range r.opts.environmentsOf(d.file, i.namespace, d.cluster) {
			if !slices.Contains(i.envs, e) {
				i.envs = append(i.envs, e)
			}
		}
	}
	slices.Sort(i.envs)
}
