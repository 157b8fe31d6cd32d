package tfedit

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/envname"
)

// An element is one of a collection.
type element struct {
	key   string
	value ref
}

// maxElements bounds what functions and for expressions make of collections.
const maxElements = 10_000

// elements lists what a collection holds, in the order in which Terraform goes
// through it: maps, objects and sets by their keys. ok is false if that is not
// known.
// https://developer.hashicorp.com/terraform/language/expressions/for#element-ordering
func (q *query) elements(of []ref) (out []element, ok bool) {
	if len(of) != 1 || of[0].kind != expression {
		return nil, false
	}
	r := of[0]
	switch e := r.e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			key, known := q.scalar(item.KeyExpr, r.s)
			if !known {
				return nil, false
			}
			out = append(out, element{key.text, q.part(r, item.ValueExpr)})
		}
		return byKey(out), true
	case *hclsyntax.TupleConsExpr:
		for _, item := range e.Exprs {
			out = append(out, element{value: q.part(r, item)})
		}
		return numbered(out), true
	case *hclsyntax.ForExpr:
		return q.loopElements(e, r.s, r.t)
	case *hclsyntax.FunctionCallExpr:
		return q.callElements(e, r)
	}
	return nil, false
}

// part is an expression within that of a ref.
func (q *query) part(r ref, e hclsyntax.Expression) ref {
	return ref{kind: expression, e: e, s: r.s, t: r.t, file: q.fileOf(e)}
}

// byKey sorts elements by key. Of a key that is there twice the last one counts.
func byKey(all []element) []element {
	slices.SortStableFunc(all, func(a, b element) int { return cmp.Compare(a.key, b.key) })
	out := all[:0]
	for i, e := range all {
		if i == len(all)-1 || all[i+1].key != e.key {
			out = append(out, e)
		}
	}
	return out
}

// numbered gives the elements of a list their keys.
func numbered(all []element) []element {
	for i := range all {
		all[i].key = strconv.Itoa(i)
	}
	return all
}

// listing are functions whose result is made of elements of their arguments.
var listing = []string{"concat", "toset", "keys", "values", "flatten", "zipmap", "reverse", "merge"}

// callElements lists what functions of collections return.
func (q *query) callElements(e *hclsyntax.FunctionCallExpr, r ref) ([]element, bool) {
	args, ok := q.arguments(e, r)
	if !ok || len(args) == 0 || !slices.Contains(listing, e.Name) {
		return nil, false
	}
	first := args[0]
	switch e.Name {
	case "merge":
		return byKey(slices.Concat(args...)), true
	case "concat":
		return numbered(slices.Concat(args...)), true
	case "values":
		return numbered(first), true
	case "reverse":
		slices.Reverse(first)
		return numbered(first), true
	case "flatten":
		return q.flatten(first, maxHops)
	case "keys":
		for i, item := range first {
			first[i].value = ref{kind: constants, text: item.key, t: item.value.t}
		}
		return numbered(first), true
	case "zipmap":
		if len(args) != 2 || len(args[0]) != len(args[1]) {
			return nil, false
		}
		return q.rekeyed(args[1], args[0])
	}
	return q.rekeyed(first, first) // toset
}

// arguments lists the elements of each argument of a function.
func (q *query) arguments(e *hclsyntax.FunctionCallExpr, r ref) (out [][]element, ok bool) {
	for i, arg := range e.Args {
		items, known := q.elements(q.follow(arg, nil, r.s, r.t))
		if !known || len(items) > maxElements {
			return nil, false
		}
		if i < len(e.Args)-1 || !e.ExpandFinal {
			out = append(out, items)
			continue
		}
		for _, item := range items {
			inner, known := q.elements(q.further(item.value, nil))
			if !known {
				return nil, false
			}
			out = append(out, inner)
		}
	}
	return out, true
}

// rekeyed gives elements the texts of others as keys.
func (q *query) rekeyed(all, keys []element) (out []element, ok bool) {
	for i, k := range keys {
		v, known := q.read1(k.value)
		if !known {
			return nil, false
		}
		out = append(out, element{v.text, all[i].value})
	}
	return byKey(out), true
}

// flatten puts the elements of lists in lists in their place.
func (q *query) flatten(all []element, depth int) (out []element, ok bool) {
	for _, item := range all {
		found := q.further(item.value, nil)
		if len(found) != 1 || found[0].kind == refused || depth == 0 || len(out) > maxElements {
			return nil, false
		}
		if !isList(found[0]) {
			out = append(out, element{value: found[0]})
			continue
		}
		inner, known := q.elements(found)
		if known {
			inner, known = q.flatten(inner, depth-1)
		}
		if !known {
			return nil, false
		}
		out = append(out, inner...)
	}
	return numbered(out), true
}

// isList reports whether an end is a list or a set.
func isList(r ref) bool {
	switch e := r.e.(type) {
	case *hclsyntax.TupleConsExpr:
		return true
	case *hclsyntax.ForExpr:
		return e.KeyExpr == nil
	case *hclsyntax.FunctionCallExpr:
		return slices.Contains(listing, e.Name) && e.Name != "merge" && e.Name != "zipmap"
	}
	return false
}

// read1 reads the text of an element, if one is known.
func (q *query) read1(r ref) (value, bool) {
	found := q.further(r, nil)
	if len(found) != 1 {
		return value{}, false
	}
	return q.read(found[0])
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
		case p[0].env && envname.Canonical(item.key) == envname.Canonical(p[0].name):
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
		made := element{value: ref{kind: expression, e: e.ValExpr, s: inner, t: t, file: q.fileOf(e)}}
		if e.KeyExpr != nil {
			key, known := q.scalar(e.KeyExpr, inner)
			if !known {
				return nil, false
			}
			made.key = key.text
		}
		out = append(out, made)
	}
	if e.KeyExpr != nil {
		return byKey(out), true
	}
	return numbered(out), true
}
