package tfedit

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/envname"
)

// object follows the first step of a path into an object.
func (q *query) object(e *hclsyntax.ObjectConsExpr, p steps, s *scope, t *hop) []ref {
	if !q.spend(len(e.Items)) {
		return q.refuse(e, t, "value stands among too many others", "set it by hand")
	}
	var out, alike, unsure []ref
	for _, item := range e.Items {
		name, ok := constantKey(item.KeyExpr)
		if !ok {
			v, known := q.scalar(item.KeyExpr, s)
			if !known {
				unsure = append(unsure, q.follow(item.ValueExpr, p[1:], s, t)...)
				continue
			}
			name = v.text
		}
		switch {
		case p[0].any, p[0].match == "" && name == p[0].name:
			out = append(out, q.follow(item.ValueExpr, p[1:], s, t)...)
		case p[0].match != "" && q.named(ref{kind: expression, e: item.ValueExpr, s: s}, p[0]):
			out = append(out, q.follow(item.ValueExpr, p[1:], s, t)...)
		case p[0].env && envname.Canonical(name) == envname.Canonical(p[0].name):
			alike = append(alike, q.follow(item.ValueExpr, p[1:], s, t)...)
		}
	}
	switch {
	case len(out) > 0 && !p[0].any:
		// Of a key that is written twice the last one counts.
		return q.last(e, p, s, t, out)
	case len(out)+len(alike)+len(unsure) == 0:
		return []ref{{kind: absent, t: t, left: p, e: e, file: q.fileOf(e)}}
	case len(alike) > 0 && len(out) == 0:
		return alike
	case !p[0].any:
		return q.refuse(e, t, fmt.Sprintf("keys of the object are computed, so which is %s is not known", p[0].noun()), "")
	}
	return present(append(out, unsure...))
}

// present leaves out elements that have not got what is sought, where others
// have it: which element is meant is not known, but it will be one that has it.
func present(all []ref) []ref {
	there := slices.DeleteFunc(slices.Clone(all), func(r ref) bool { return r.kind == absent })
	if len(there) == 0 {
		return all[:min(1, len(all))]
	}
	return there
}

// last refuses a key that an object has twice: which one people mean is not
// for this program to say.
func (q *query) last(e *hclsyntax.ObjectConsExpr, p steps, s *scope, t *hop, out []ref) []ref {
	n := 0
	for _, m := range members(e) {
		if p[0].match == "" && m.key == p[0].name {
			n++
		}
	}
	if n > 1 {
		return q.refuse(e, t, fmt.Sprintf("key %q is written %d times", p[0].name, n), "remove all but one")
	}
	return out
}

// tuple follows the first step of a path into a list.
func (q *query) tuple(e *hclsyntax.TupleConsExpr, p steps, s *scope, t *hop) []ref {
	if !q.spend(len(e.Exprs)) {
		return q.refuse(e, t, "value stands among too many others", "set it by hand")
	}
	var out []ref
	for i, item := range e.Exprs {
		switch {
		case p[0].any,
			p[0].match != "" && q.named(ref{kind: expression, e: item, s: s}, p[0]),
			p[0].match == "" && p[0].name == strconv.Itoa(i):
			out = append(out, q.follow(item, p[1:], s, t)...)
		}
	}
	if len(out) > 0 {
		return present(out)
	}
	if !p[0].index && !isNumber(p[0].name) {
		// In JSON a block that is written once may be a list of one.
		if f := q.fileOf(e); f != nil && f.json && len(e.Exprs) == 1 {
			return q.follow(e.Exprs[0], p, s, t)
		}
		return q.refuse(e, t, fmt.Sprintf("%s is sought in a list of %d elements", p, len(e.Exprs)), "name the element: [0], or [name=…]")
	}
	return []ref{{kind: absent, t: t, left: p, file: q.fileOf(e)}}
}

// named reports whether the attribute that a step [match=name] speaks of has
// the name.
func (q *query) named(r ref, p step) bool {
	found := q.further(r, steps{{name: p.match}})
	if len(found) != 1 {
		return false
	}
	v, ok := q.read(found[0])
	return ok && (v.text == p.name || p.env && envname.Canonical(v.text) == envname.Canonical(p.name))
}
