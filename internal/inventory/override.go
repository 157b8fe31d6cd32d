package inventory

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// A newPatch is a strategic-merge patch that a kustomization gets.
type newPatch struct {
	by   *kustomization
	file string
	text string
}

// override finds where what is meant, and nothing else, can have its own value:
// in a patch that its overlay has already, else in a new one.
func (r *Repository) override(t Target, meant []*instance, q *query, s spot, others []*instance) (work, error) {
	k := overlayOf(meant, others)
	if k == nil {
		return work{}, r.sharedBy(s, others)
	}
	if err := r.guard(k.file); err != nil {
		return work{}, err
	}
	from := fmt.Sprintf("%s:%d", s.file, s.line)
	w := work{target: t, style: q.style}
	if p, ok := r.ownPatch(k, q, s, meant); ok {
		if f, err := r.file(p.file); err == nil && r.guard(f) == nil {
			w.spot, w.site = p, p.site()
			w.site.Value, w.site.Written, w.site.From = s.value, s.written, from
			return w, nil
		}
	}
	n, err := r.patchFor(k, q)
	if err != nil {
		return work{}, err
	}
	w.create = n
	w.site = Site{
		File: n.file, Line: 1, Value: s.value, Written: s.written, From: from,
		Address: q.path.String(), How: "new patch of " + k.dir,
	}
	return w, nil
}

// sharedBy refuses a change that would reach more than what is meant.
func (r *Repository) sharedBy(s spot, others []*instance) error {
	var names []string
	for _, i := range others {
		names = append(names, fmt.Sprintf("%s (%s)", i.object.Kind+" "+join(i.namespace, i.name), i.where()))
	}
	slices.Sort(names)
	return &patch.Refusal{Path: s.file, Line: s.line, Why: "value is shared with " + strings.Join(slices.Compact(names), ", "),
		Do: "give the environment an overlay of its own, or name no environment to change it for all"}
}

// overlayOf returns the kustomization nearest to the base that renders all of
// meant and none of others.
func overlayOf(meant, others []*instance) *kustomization {
	for _, k := range meant[0].chain {
		has := func(i *instance) bool { return slices.Contains(i.chain, k) }
		if !k.component && !slices.ContainsFunc(meant, func(i *instance) bool { return !has(i) }) &&
			!slices.ContainsFunc(others, func(i *instance) bool { return has(i) && i.object.Node == meant[0].object.Node }) {
			return k
		}
	}
	return nil
}

// ownPatch returns where a patch that k has for this object alone can take the
// value. It has to be applied after whatever writes the value now.
func (r *Repository) ownPatch(k *kustomization, q *query, s spot, meant []*instance) (spot, bool) {
	var best spot
	found, holds := false, false
	for n, l := range q.instance.layers {
		if l.patch == nil || l.by != k || !r.exclusive(l.patch, meant) || n <= q.layerOf(s) {
			continue
		}
		o := l.patch.object(q.instance)
		if o == nil {
			continue
		}
		p, err := l.patch.spot(q, o.Doc.Index, o.At.Append(q.path))
		if err != nil || p.written {
			continue
		}
		p.append = true
		has := q.container != nil && o.Doc.Follow(o.At.Append(q.path[:slices.IndexFunc(q.path, isList)+1])) != nil
		if !found || has && !holds || has == holds {
			best, found, holds = p, true, has || holds
		}
	}
	return best, found
}

func isList(s kubeedit.Step) bool { return s.List }

// layerOf returns the index of the layer that a spot stands in, -1 for the
// manifest.
func (q *query) layerOf(s spot) int {
	for n := len(q.instance.layers) - 1; n >= 0; n-- {
		if l := q.instance.layers[n]; l.patch != nil && l.patch.file == s.file && l.patch.text.String() == s.at.Text.String() {
			return n
		}
	}
	return -1
}

// exclusive reports whether a patch reaches nothing but what is meant.
func (r *Repository) exclusive(p *overlay, meant []*instance) bool {
	return !slices.ContainsFunc(r.builds, func(i *instance) bool {
		return !slices.Contains(meant, i) && i.patchedBy(p.file, p.text)
	})
}

func (i *instance) patchedBy(file string, text kubeedit.Path) bool {
	return slices.ContainsFunc(i.layers, func(l layer) bool {
		return l.patch != nil && l.patch.file == file && l.patch.text.String() == text.String()
	})
}

// patchFor makes up a patch file for the field of q: its name, and all of it
// but the value.
func (r *Repository) patchFor(k *kustomization, q *query) (*newPatch, error) {
	o := q.instance.object
	topic := "patch"
	for _, s := range q.path {
		if s.Key == "resources" || s.Key == "replicas" {
			topic = s.Key
		}
	}
	name := q.instance.names[0].name
	for _, stem := range []string{name + "-" + topic, name + "-" + strings.ToLower(o.Kind) + "-" + topic} {
		file := path.Join(k.dir, stem+".yaml")
		if r.exists(file) {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n", o.APIVersion, o.Kind, name)
		if o.Namespace != "" {
			fmt.Fprintf(&b, "  namespace: %s\n", o.Namespace)
		}
		return &newPatch{by: k, file: file, text: b.String()}, nil
	}
	return nil, &patch.Refusal{Path: k.dir, Why: fmt.Sprintf("%s-%s.yaml is there already, and is not a patch of %s", name, topic, name), Do: "add the patch by hand"}
}
