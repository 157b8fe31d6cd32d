package inventory

import (
	"fmt"
	"slices"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
)

// decideCopy says where the change of a value goes that a replacement copies
// from another object: to that object, if nothing else is copied from there;
// else to an overlay that is built after the replacement.
func (r *Repository) decideCopy(t Target, meant []*instance, q *query, p kustomize.Place, c *kustomize.Copy) (work, error) {
	var others []*instance
	for _, i := range r.builds {
		if !slices.Contains(meant, i) && slices.ContainsFunc(i.Layers, func(l kustomize.Layer) bool { return l.Copy != nil && l.Copy.SameSource(c) }) {
			others = append(others, i)
		}
	}
	if len(others) > 0 {
		return r.override(t, meant, q, p, others)
	}
	f, err := r.file(p.File)
	if err == nil {
		err = f.Guard()
	}
	if err != nil {
		return work{}, err
	}
	source := c.Source().Object
	w := work{target: t, at: p.Address, style: q.style, site: siteOf(p, meant[0].how(p))}
	if source.Kind == "ConfigMap" {
		w.style = kubeedit.AsString
	}
	w.merge = source.Doc.Path() != p.File
	w.site.Affects = append(environments(meant), fmt.Sprintf("%s %s (%s:%d), which it is copied from", source.Kind, join(source.Namespace, source.Name), source.Doc.Path(), source.Line))
	w.share(f)
	return w, nil
}

// copiedTo names the objects that replacements copy a value to.
func (r *Repository) copiedTo(meant []*instance, q *query, p kustomize.Place) []string {
	var out []string
	for _, i := range r.copies {
		for _, l := range i.Layers {
			if l.Copy != nil && slices.ContainsFunc(meant, func(m *instance) bool { return l.Copy.Reads(m.Instance, q.Field, p.Layer) }) {
				out = append(out, fmt.Sprintf("%s %s (%s), which it is copied to", i.Object.Kind, join(i.namespace, i.name), i.where()))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
