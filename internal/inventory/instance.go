package inventory

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/kubeedit"
)

// An instance is one object as one build renders it.
type instance struct {
	object    kubeedit.Object
	root      *kustomization // nil for a plain manifest
	chain     []*kustomization
	names     []ident // as written, then after each kustomization on the way
	layers    []layer // in order of application
	unused    bool    // no kustomization of its directory lists the file
	envs      []string
	namespace string
	name      string
}

// An ident is what an object is called at one stage of a build.
type ident struct{ namespace, name string }

// A layer is a patch that applies to an instance, or a count of replicas.
type layer struct {
	patch *overlay
	count *replicaCount
	by    *kustomization
}

func (i *instance) now() ident { return i.names[len(i.names)-1] }

// where is the file that decides which environment the instance belongs to.
func (i *instance) where() string {
	if i.root != nil {
		return path.Join(i.root.dir, path.Base(i.root.file.Path))
	}
	return i.object.Doc.Path()
}

// Limits of a build, against kustomizations that multiply.
const (
	maxInstances = 200_000
	maxNesting   = 32
)

// render builds all instances of the repository.
func (r *Repository) render() {
	used, patches := r.referenced()
	listed := map[string]bool{}
	for _, dir := range sortedKeys(r.kust) {
		k := r.kust[dir]
		if k.component || used[dir] {
			continue
		}
		for _, i := range r.build(k, map[string]bool{}, nil) {
			i.root = k
			r.add(i)
		}
	}
	for _, k := range r.kust {
		for _, res := range k.resources {
			listed[res] = true
		}
	}
	for _, file := range sortedKeys(r.yaml) {
		if listed[file] || patches[file] || isKustomization(file) {
			continue
		}
		for _, o := range r.objectsIn(file) {
			i := &instance{object: o, names: []ident{{o.Namespace, o.Name}}, unused: r.kust[path.Dir(file)] != nil}
			r.add(i)
		}
	}
	slices.SortStableFunc(r.builds, func(a, b *instance) int {
		return cmp.Or(strings.Compare(a.object.Doc.Path(), b.object.Doc.Path()), cmp.Compare(a.object.Line, b.object.Line), strings.Compare(a.where(), b.where()))
	})
}

func (r *Repository) add(i *instance) {
	if len(r.builds) >= maxInstances {
		return
	}
	i.namespace, i.name = i.now().namespace, i.now().name
	i.envs = r.opts.environmentsOf(i.where(), i.namespace, "")
	r.builds = append(r.builds, i)
}

// referenced returns the directories that some kustomization builds on, and the
// files that are patches.
func (r *Repository) referenced() (dirs, patches map[string]bool) {
	dirs, patches = map[string]bool{}, map[string]bool{}
	for _, k := range r.kust {
		for _, res := range slices.Concat(k.resources, k.components) {
			if res != k.dir {
				dirs[res] = true
			}
		}
		for _, p := range slices.Concat(k.patches, k.json6902) {
			if p.text == nil {
				patches[p.file] = true
			}
		}
	}
	return dirs, patches
}

// build adds to in what one kustomization renders, and applies it to all of
// them: what a component changes is what the kustomization before it rendered.
// Each call makes instances of its own.
func (r *Repository) build(k *kustomization, open map[string]bool, in []*instance) []*instance {
	if open[k.dir] || len(open) > maxNesting {
		r.faults = append(r.faults, Finding{k.file.Path, 0, "kustomization includes itself, or too many others"})
		return in
	}
	open[k.dir] = true
	defer delete(open, k.dir)
	for _, res := range k.resources {
		if child := r.kust[res]; child != nil {
			in = append(in, r.build(child, open, nil)...)
			continue
		}
		for _, o := range r.objectsIn(res) {
			in = append(in, &instance{object: o, names: []ident{{o.Namespace, o.Name}}})
		}
		if len(in) > maxInstances {
			return in[:maxInstances]
		}
	}
	for _, dir := range k.components {
		if c := r.kust[dir]; c != nil {
			in = r.build(c, open, in)
		}
	}
	k.apply(in)
	return in
}

// apply does to objects what a kustomization says, in the order of kustomize:
// patches, namespace, prefix and suffix, JSON patches, replicas.
func (k *kustomization) apply(in []*instance) {
	for _, i := range in {
		i.chain = append(i.chain, k)
		i.patch(k, k.patches)
		id := i.now()
		if k.namespace != "" && !clusterScoped[i.object.Kind] {
			id.namespace = k.namespace
		}
		if k.prefix+k.suffix != "" && i.object.Kind != "Namespace" && i.object.Kind != "CustomResourceDefinition" {
			id.name = k.prefix + id.name + k.suffix
		}
		i.names = append(i.names, id)
		i.patch(k, k.json6902)
		for n := range k.replicas {
			if i.called(k.replicas[n].name) && scalable[i.object.Kind] {
				i.layers = append(i.layers, layer{count: &k.replicas[n], by: k})
			}
		}
	}
}

// scalable lists the kinds that the replicas field of kustomize changes.
var scalable = map[string]bool{"Deployment": true, "ReplicationController": true, "ReplicaSet": true, "StatefulSet": true}

// clusterScoped lists the usual kinds that have no namespace.
var clusterScoped = map[string]bool{
	"Namespace": true, "CustomResourceDefinition": true, "ClusterRole": true, "ClusterRoleBinding": true,
	"PersistentVolume": true, "StorageClass": true, "PriorityClass": true, "IngressClass": true,
	"ValidatingWebhookConfiguration": true, "MutatingWebhookConfiguration": true, "APIService": true, "Node": true,
}

func (i *instance) called(name string) bool {
	return slices.ContainsFunc(i.names, func(id ident) bool { return id.name == name })
}

func (i *instance) patch(k *kustomization, patches []*overlay) {
	for _, p := range patches {
		if p.applies(i) {
			i.layers = append(i.layers, layer{patch: p, by: k})
		}
	}
}

// applies reports whether a patch is for an instance: by its target, else by
// the kind and name that the patch itself writes.
func (p *overlay) applies(i *instance) bool {
	if p.doc == nil {
		return p.target != nil && p.target.selects(i)
	}
	if p.target != nil {
		return p.target.selects(i)
	}
	return p.object(i) != nil
}

// object returns the part of a strategic-merge patch that is for an instance.
func (p *overlay) object(i *instance) *kubeedit.Object {
	if p.doc == nil {
		return nil
	}
	for _, d := range p.doc.Docs {
		objects, err := d.Objects()
		if err != nil {
			return nil
		}
		for _, o := range objects {
			if p.target != nil && len(objects) == 1 && len(p.doc.Docs) == 1 || o.Kind == i.object.Kind && i.identified(o.Namespace, o.Name) {
				return &o
			}
		}
	}
	return nil
}

// identified reports whether the instance was ever called so. A patch that says
// no namespace means any.
func (i *instance) identified(namespace, name string) bool {
	return slices.ContainsFunc(i.names, func(id ident) bool {
		return id.name == name && (namespace == "" || id.namespace == namespace || id.namespace == "" && namespace == "default")
	})
}

func (s *selector) selects(i *instance) bool {
	group, version := "", i.object.APIVersion
	if g, v, ok := strings.Cut(i.object.APIVersion, "/"); ok {
		group, version = g, v
	}
	if !whole(s.group, group) || !whole(s.version, version) || !whole(s.kind, i.object.Kind) {
		return false
	}
	named := slices.ContainsFunc(i.names, func(id ident) bool {
		return whole(s.name, id.name) && whole(s.namespace, id.namespace)
	})
	return named && labelled(s.labels, i, "labels") && labelled(s.annotations, i, "annotations")
}

// whole reports whether a pattern is empty or matches all of s.
func whole(pattern, s string) bool {
	if pattern == "" || pattern == s {
		return true
	}
	if len(pattern) > 1000 {
		return false
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err == nil && re.MatchString(s)
}

// labelled reports whether an object can have the labels of a selector. Labels
// that kustomize adds are not followed, so a selector with other operators than
// equality counts as fitting.
func labelled(want string, i *instance, key string) bool {
	for _, term := range strings.Split(want, ",") {
		k, v, ok := strings.Cut(strings.ReplaceAll(strings.TrimSpace(term), "==", "="), "=")
		if term == "" || !ok || strings.HasSuffix(k, "!") {
			continue
		}
		if kubeedit.Text(i.object.Node, "metadata", key, k) != v {
			return false
		}
	}
	return true
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
