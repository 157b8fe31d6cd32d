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
		for _, source := range append(kubeedit.Items(n, "spec", "sources"), kubeedit.Lookup(n, "spec", "source")) {
			if dir := kubeedit.Text(source, "path"); dir != "" {
				d.dir = path.Join(".", dir)
				out = append(out, d)
			}
		}
		return out
	}
	return nil
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
