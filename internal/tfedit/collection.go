package tfedit

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// object follows the first step of a path into an object.
func (q *query) object(e *hclsyntax.ObjectConsExpr, p steps, s *scope, t *hop) []ref {
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
		case p[0].env && canonical(name) == canonical(p[0].name):
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
	return ok && (v.text == p.name || p.env && canonical(v.text) == canonical(p.name))
}

// An element is one of a collection.
type element struct {
	key   string
	value ref
}

// elements lists what collections hold; ok is false if that is not known.
func (q *query) elements(of []ref) (out []element, ok bool) {
	if len(of) != 1 || of[0].kind != expression {
		return nil, false
	}
	r := of[0]
	value := func(e hclsyntax.Expression) ref {
		return ref{kind: expression, e: e, s: r.s, t: r.t, file: q.fileOf(e)}
	}
	switch e := r.e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			key, known := constantKey(item.KeyExpr)
			if !known {
				v, known := q.scalar(item.KeyExpr, r.s)
				if !known {
					return nil, false
				}
				key = v.text
			}
			out = append(out, element{key, value(item.ValueExpr)})
		}
		return out, true
	case *hclsyntax.TupleConsExpr:
		for i, item := range e.Exprs {
			out = append(out, element{strconv.Itoa(i), value(item)})
		}
		return out, true
	case *hclsyntax.ForExpr:
		return q.loopElements(e, r.s, r.t)
	case *hclsyntax.FunctionCallExpr:
		return q.callElements(e, r)
	}
	return nil, false
}

// callElements lists what functions of collections return.
func (q *query) callElements(e *hclsyntax.FunctionCallExpr, r ref) (out []element, ok bool) {
	for _, arg := range e.Args {
		items, known := q.elements(q.follow(arg, nil, r.s, r.t))
		if !known || e.ExpandFinal {
			return nil, false
		}
		for _, item := range items {
			switch e.Name {
			case "merge":
				out = slices.DeleteFunc(out, func(old element) bool { return old.key == item.key })
			case "concat":
				item.key = strconv.Itoa(len(out))
			case "toset":
				v, known := q.read(item.value)
				if !known {
					return nil, false
				}
				item.key = v.text
			default:
				return nil, false
			}
			out = append(out, item)
		}
	}
	return out, true
}

// loop follows a path into the result of a for expression.
func (q *query) loop(e *hclsyntax.ForExpr, p steps, s *scope, t *hop) []ref {
	items, ok := q.loopElements(e, s, t)
	if !ok {
		return q.refuse(e, t, "value is computed by a for expression whose elements are not known", "")
	}
	return q.pick(items, p, t, e)
}

// pick follows a path into one of elements.
func (q *query) pick(items []element, p steps, t *hop, e hclsyntax.Expression) []ref {
	var out, alike []ref
	for _, item := range items {
		switch {
		case p[0].any, p[0].match == "" && item.key == p[0].name, p[0].match != "" && q.named(item.value, p[0]):
			out = append(out, q.further(item.value, p[1:])...)
		case p[0].env && canonical(item.key) == canonical(p[0].name):
			alike = append(alike, q.further(item.value, p[1:])...)
		}
	}
	if len(out) == 0 {
		out = alike
	}
	if len(out) == 0 {
		return []ref{{kind: absent, t: t, left: p, file: q.fileOf(e)}}
	}
	return present(out)
}

// loopElements lists what a for expression makes.
func (q *query) loopElements(e *hclsyntax.ForExpr, s *scope, t *hop) (out []element, ok bool) {
	items, ok := q.elements(q.follow(e.CollExpr, nil, s, t))
	if !ok || e.Group {
		return nil, false
	}
	for _, item := range items {
		if q.budget--; q.budget < 0 {
			return nil, false
		}
		inner := s.with(e.ValVar, item.value)
		if e.KeyVar != "" {
			inner = inner.with(e.KeyVar, ref{kind: constants, text: item.key, t: t})
		}
		if e.CondExpr != nil {
			yes, known := q.truth(e.CondExpr, inner)
			if !known {
				return nil, false
			}
			if !yes {
				continue
			}
		}
		made := element{strconv.Itoa(len(out)), ref{kind: expression, e: e.ValExpr, s: inner, t: t, file: q.fileOf(e)}}
		if e.KeyExpr != nil {
			key, known := q.scalar(e.KeyExpr, inner)
			if !known {
				return nil, false
			}
			made.key = key.text
		}
		out = append(out, made)
	}
	return out, true
}
