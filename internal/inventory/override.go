package inventory

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/patch"
)

// A newPatch is a strategic-merge patch that a kustomization gets.
type newPatch struct {
	by   *kustomize.Kustomization
	file string
	text string
	path kubeedit.Path
}

// override finds where what is meant, and nothing else, can have its own value:
// in a patch that its overlay has already, else in a new one.
func (r *Repository) override(t Target, meant []*instance, q *query, p kustomize.Place, others []*instance) (work, error) {
	k := overlayOf(meant, others, afterLayer(meant[0], p))
	if k == nil || !q.instance.Mergeable(q.Field) {
		return work{}, sharedBy(p, others)
	}
	f, err := r.file(k.Path)
	if err == nil {
		err = f.Guard()
	}
	if err != nil {
		return work{}, err
	}
	w := work{target: t, style: q.style}
	if own, ok := r.ownPatch(k, q, p, meant); ok {
		w.at, w.merge, w.site = own.Address, true, siteOf(own, q.instance.how(own))
	} else if w.create, err = r.patchFor(k, q); err == nil {
		w.site = Site{File: w.create.file, Line: 1, Address: q.Path.String(), How: "new patch of " + k.Dir}
	}
	w.site.Value, w.site.Written, w.site.From = p.Value, p.Written, fmt.Sprintf("%s:%d", p.File, p.Line)
	return w, err
}

// sharedBy refuses a change that would reach more than what is meant.
func sharedBy(p kustomize.Place, others []*instance) error {
	var names []string
	for _, i := range others {
		names = append(names, fmt.Sprintf("%s %s (%s)", i.Object.Kind, join(i.namespace, i.name), i.where()))
	}
	slices.Sort(names)
	return &patch.Refusal{
		Path: p.File, Line: p.Line, Why: "value is shared with " + strings.Join(slices.Compact(names), ", "),
		Do: "give this one a patch of its own, or name no environment to change it for all",
	}
}

// afterLayer is the first kustomization of an instance's chain, by its index,
// whose new patches come after what writes a value now.
func afterLayer(i *instance, p kustomize.Place) int {
	if p.Layer < 0 {
		return 0
	}
	l := i.Layers[p.Layer]
	at := slices.Index(i.Chain, l.By())
	switch {
	case at < 0:
		return len(i.Chain) // above all of them
	case l.Late():
		return at + 1
	}
	return at
}

// overlayOf returns the kustomization nearest to the base, from an index of the
// chain on, that renders all of meant, and the same object for nobody else.
func overlayOf(meant, others []*instance, from int) *kustomize.Kustomization {
	for _, k := range meant[0].Chain[min(from, len(meant[0].Chain)):] {
		all := !slices.ContainsFunc(meant, func(i *instance) bool { return !slices.Contains(i.Chain, k) })
		alone := !slices.ContainsFunc(others, func(i *instance) bool {
			return slices.Contains(i.Chain, k) && i.Object.Doc == meant[0].Object.Doc
		})
		if !k.Component && all && alone {
			return k
		}
	}
	return nil
}

// ownPatch returns where a patch that k has for this object alone can take the
// value. It has to be applied after whatever writes the value now. A patch that
// names the container already is the first choice.
func (r *Repository) ownPatch(k *kustomize.Kustomization, q *query, now kustomize.Place, meant []*instance) (kustomize.Place, bool) {
	var best kustomize.Place
	found, named := false, false
	for n := now.Layer + 1; n < len(q.instance.Layers); n++ {
		l := q.instance.Layers[n]
		if l.Patch == nil || l.By() != k || !r.exclusive(l.Patch, meant) {
			continue
		}
		p, ok, err := q.instance.Merge(n, q.Field, r.source)
		if err != nil || !ok {
			continue
		}
		if f, err := r.file(p.File); err != nil || f.Guard() != nil {
			continue
		}
		o, _ := l.Patch.Object(q.instance.Instance, r.source)
		names := q.container != nil && o.Doc.Follow(o.At.Append(q.Path[:slices.IndexFunc(q.Path, isList)+1])) != nil
		if !found || names || !named {
			best, found, named = p, true, named || names
		}
	}
	return best, found
}

func isList(s kubeedit.Step) bool { return s.List }

// exclusive reports whether a patch reaches nothing but what is meant.
func (r *Repository) exclusive(p *kustomize.Patch, meant []*instance) bool {
	return !slices.ContainsFunc(r.builds, func(i *instance) bool {
		return !slices.Contains(meant, i) && slices.ContainsFunc(i.Layers, kustomize.Layer{Patch: p}.Same)
	})
}

// patchFor makes up a patch file for the field of q: its name, and all of it
// but the value.
func (r *Repository) patchFor(k *kustomize.Kustomization, q *query) (*newPatch, error) {
	o, topic := q.instance.Object, "patch"
	for _, s := range q.Path {
		if s.Key == "resources" || s.Key == "replicas" {
			topic = s.Key
		}
	}
	for _, stem := range []string{o.Name + "-" + topic, o.Name + "-" + strings.ToLower(o.Kind) + "-" + topic} {
		file := path.Join(k.Dir, stem+".yaml")
		if r.exists(file) {
			continue
		}
		text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n", o.APIVersion, o.Kind, o.Name)
		if o.Namespace != "" {
			text += fmt.Sprintf("  namespace: %s\n", o.Namespace)
		}
		return &newPatch{by: k, file: file, text: text, path: q.Path}, nil
	}
	return nil, &patch.Refusal{
		Path: k.Dir, Why: fmt.Sprintf("%s-%s.yaml is there already, and is no patch of %s alone", o.Name, topic, o.Name), Do: "add the patch by hand",
	}
}
