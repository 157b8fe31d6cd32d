package kustomize

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
)

// An Instance is one object as one build renders it.
type Instance struct {
	Object kubeedit.Object
	Chain  []*Kustomization // from the one that lists the file to the root of the build
	Names  []Name           // as written, then after each of Chain
	Layers []Layer          // in order of application

	deleted bool // by a patch
}

// A Name is what an object is called at one stage of a build.
type Name struct{ Namespace, Name string }

// A Layer changes an instance: a patch, a count of replicas, a copy of another
// object's field, or something that this program does not know.
type Layer struct {
	Patch   *Patch
	Count   *Count
	Copy    *Copy
	Foreign *Foreign
}

// By is the kustomization that a layer belongs to.
func (l Layer) By() *Kustomization {
	switch {
	case l.Count != nil:
		return l.Count.By
	case l.Copy != nil:
		return l.Copy.By
	case l.Foreign != nil:
		return l.Foreign.By
	}
	return l.Patch.By
}

// Late reports whether a patch that the layer's kustomization gets anew is
// applied before the layer.
func (l Layer) Late() bool { return l.Patch == nil || l.Patch.late }

// Same reports whether two layers stand in the same text, as when several builds
// use one patch.
func (l Layer) Same(o Layer) bool {
	a, b := l.Patch, o.Patch
	if a == nil || b == nil {
		return l.Count == o.Count && l.Copy == o.Copy && l.Foreign == o.Foreign && a == b
	}
	return a.File == b.File && a.Doc == b.Doc && a.Text.String() == b.Text.String()
}

// Name is what the instance is called in the end.
func (i *Instance) Name() Name { return i.Names[len(i.Names)-1] }

// Root is the kustomization that is built, nil for a plain manifest.
func (i *Instance) Root() *Kustomization {
	if len(i.Chain) == 0 {
		return nil
	}
	return i.Chain[len(i.Chain)-1]
}

// Source finds files of the repository; nil for a file that is not there or
// cannot be read.
type Source func(file string) *kubeedit.File

// apply does to objects what a kustomization says, in the order of kustomize:
// patches, namespace, prefix and suffix, JSON patches, replicas, replacements.
// It returns those that no patch deletes.
func (k *Kustomization) apply(in []*Instance, from Source) []*Instance {
	for _, i := range in {
		i.Chain = append(i.Chain, k)
		i.patch(k.patches, from)
		n := i.Name()
		if k.namespace != "" && !clusterScoped[i.Object.Kind] {
			n.Namespace = k.namespace
		}
		if k.prefix+k.suffix != "" && i.Object.Kind != "Namespace" && i.Object.Kind != "CustomResourceDefinition" {
			n.Name = k.prefix + n.Name + k.suffix
		}
		i.Names = append(i.Names, n)
		i.patch(k.json6902, from)
		for c := range k.counts {
			if i.called(k.counts[c].Name) && k.scales(i.Object, from) {
				i.Layers = append(i.Layers, Layer{Count: &k.counts[c]})
			}
		}
	}
	in = slices.DeleteFunc(in, func(i *Instance) bool { return i.deleted })
	k.copy(append(slices.Clone(k.replacements), k.more(from)...), in)
	return in
}

// scalable lists the kinds that the replicas field changes.
var scalable = map[string]bool{"Deployment": true, "ReplicationController": true, "ReplicaSet": true, "StatefulSet": true}

// clusterScoped lists the usual kinds that have no namespace.
var clusterScoped = map[string]bool{
	"Namespace": true, "CustomResourceDefinition": true, "ClusterRole": true, "ClusterRoleBinding": true,
	"PersistentVolume": true, "StorageClass": true, "PriorityClass": true, "IngressClass": true,
	"ValidatingWebhookConfiguration": true, "MutatingWebhookConfiguration": true, "APIService": true, "Node": true,
}

func (i *Instance) called(name string) bool {
	return slices.ContainsFunc(i.Names, func(n Name) bool { return n.Name == name })
}

// Rename returns what a reference to a name becomes: references are renamed
// together with what they mean.
func (i *Instance) Rename(ref string) string {
	for _, k := range i.Chain {
		ref = k.prefix + ref + k.suffix
	}
	return ref
}

func (i *Instance) patch(patches []*Patch, from Source) {
	for _, p := range patches {
		if p.applies(i, from) {
			i.Layers = append(i.Layers, Layer{Patch: p})
			i.deleted = i.deleted || p.deletes(i, from)
			i.renamed(p, from)
		}
	}
}

// renamed notes the name and the namespace that a patch gives to an object: a
// merge patch gives a name alone, and only where it is allowed to.
func (i *Instance) renamed(p *Patch, from Source) {
	f := p.Content(from)
	if f == nil || !bytes.Contains(f.Src, []byte("metadata")) {
		return
	}
	name := i.Name()
	for key, to := range map[string]*string{"name": &name.Name, "namespace": &name.Namespace} {
		field := Field{Path: kubeedit.Keys("metadata", key)}
		switch root, err := f.Docs[0].Root(); {
		case err != nil || root == nil:
		case root.Kind == yaml.SequenceNode && bytes.Contains(f.Src, []byte("/metadata/"+key)):
			if place, ok, err := i.operation(len(i.Layers)-1, field, root, from); ok && err == nil && place.Written {
				*to = place.Value
			}
		case root.Kind == yaml.MappingNode && p.renames && key == "name":
			if o, ok := p.Object(i, from); ok {
				if v := kubeedit.Text(o.Node(), "metadata", key); v != "" {
					*to = v
				}
			}
		}
	}
	if name != i.Name() {
		i.Names = append(i.Names, name)
	}
}

// deletes reports whether a patch takes the object out of the build.
func (p *Patch) deletes(i *Instance, from Source) bool {
	f := p.Content(from)
	if f == nil || !bytes.Contains(f.Src, []byte("$patch")) {
		return false
	}
	o, ok := p.Object(i, from)
	return ok && kubeedit.Text(o.Node(), "$patch") == "delete"
}

// Add puts a patch from outside on top of an instance, if it is for it.
func (i *Instance) Add(p *Patch, from Source) { i.patch([]*Patch{p}, from) }

// Count puts a count of replicas from outside on top of an instance, if it is
// for it.
func (i *Instance) Count(c *Count) {
	if i.called(c.Name) && scalable[i.Object.Kind] {
		i.Layers = append(i.Layers, Layer{Count: c})
	}
}

// Content is the text of the patch, nil if it cannot be read.
func (p *Patch) Content(from Source) *kubeedit.File {
	if p.Text != nil {
		return p.doc
	}
	return from(p.File)
}

// applies reports whether a patch is for an instance: by its target, else by
// the kind and name that the patch itself writes.
func (p *Patch) applies(i *Instance, from Source) bool {
	if p.target != nil {
		return p.target.selects(i)
	}
	_, ok := p.Object(i, from)
	return ok
}

// Object returns the part of a strategic-merge patch that is for an instance.
func (p *Patch) Object(i *Instance, from Source) (kubeedit.Object, bool) {
	f := p.Content(from)
	if f == nil {
		return kubeedit.Object{}, false
	}
	for _, d := range f.Docs {
		objects, err := d.Objects()
		if err != nil {
			continue
		}
		for _, o := range objects {
			only := p.target != nil && len(objects) == 1 && len(f.Docs) == 1
			if only || o.Kind == i.Object.Kind && i.identified(o.Namespace, o.Name) {
				return o, true
			}
		}
	}
	return kubeedit.Object{}, false
}

// identified reports whether the instance was ever called so. A patch that says
// no namespace means any.
func (i *Instance) identified(namespace, name string) bool {
	return slices.ContainsFunc(i.Names, func(n Name) bool {
		return n.Name == name && (namespace == "" || n.Namespace == namespace || n.Namespace == "" && namespace == "default")
	})
}

// selects reports whether a target is for an instance.
func (s *selector) selects(i *Instance) bool { return s.by(i, whole) }

// names reports whether a selector without patterns is for an instance.
func (s *selector) names(i *Instance) bool {
	return s.by(i, func(want, have string) bool { return want == "" || want == have })
}

func (s *selector) by(i *Instance, whole func(pattern, s string) bool) bool {
	group, version, ok := strings.Cut(i.Object.APIVersion, "/")
	if !ok {
		group, version = "", i.Object.APIVersion
	}
	if !whole(s.group, group) || !whole(s.version, version) || !whole(s.kind, i.Object.Kind) {
		return false
	}
	named := slices.ContainsFunc(i.Names, func(n Name) bool { return whole(s.name, n.Name) && whole(s.namespace, n.Namespace) })
	return named && labelled(s.labels, i, "labels") && labelled(s.annotations, i, "annotations")
}

// maxPattern bounds the regular expressions of a target.
const maxPattern = 1000

// whole reports whether a pattern is empty or matches all of s.
func whole(pattern, s string) bool {
	if pattern == "" || pattern == s {
		return true
	}
	if len(pattern) > maxPattern || regexp.QuoteMeta(pattern) == pattern {
		return false
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err == nil && re.MatchString(s)
}

// labelled reports whether an object can have the labels of a selector. Labels
// that kustomize adds are not followed, and a selector with other operators than
// equality counts as fitting.
func labelled(want string, i *Instance, key string) bool {
	if want == "" {
		return true
	}
	for _, term := range strings.Split(want, ",") {
		k, v, ok := strings.Cut(strings.ReplaceAll(strings.TrimSpace(term), "==", "="), "=")
		if ok && !strings.HasSuffix(k, "!") && kubeedit.Text(i.Object.Node(), "metadata", key, k) != v {
			return false
		}
	}
	return true
}
