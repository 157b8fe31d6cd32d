package dynatracetest

import (
	"maps"
	"reflect"

	"github.com/salvehq/salve/internal/dql"
)

// A typed is an entry of the types of a result: what the fields of some of its
// records, or the elements of an array, are. Both ends of the range count.
type typed struct {
	Range    [2]int         `json:"indexRange"`
	Mappings map[string]typ `json:"mappings"`
}

// A typ is the type of a field.
type typ struct {
	Type  string  `json:"type"`
	Types []typed `json:"types,omitempty"` // of an array's elements, or a record's fields
}

// undefined is the type of a field that is null everywhere.
var undefined = typ{Type: "undefined"}

// describe returns the types of records. A record that does not agree with
// those before it opens another range.
func describe(records []dql.Record) []typed {
	out := []typed{}
	for i, r := range records {
		m := mappings(r)
		if last := len(out) - 1; last >= 0 {
			if both, ok := unify(out[last].Mappings, m); ok {
				out[last].Mappings, out[last].Range[1] = both, i
				continue
			}
		}
		out = append(out, typed{[2]int{i, i}, m})
	}
	return out
}

func mappings(r dql.Record) map[string]typ {
	m := map[string]typ{}
	for name, v := range r.All() {
		m[name] = typeOf(v)
	}
	return m
}

func typeOf(v dql.Value) typ {
	if v.IsNull() {
		return undefined
	}
	t := typ{Type: v.Kind().String()}
	if list, ok := v.AsArray(); ok {
		for i, e := range list {
			t.Types = extend(t.Types, i, map[string]typ{"element": typeOf(e)})
		}
	}
	if r, ok := v.AsRecord(); ok {
		t.Types = []typed{{[2]int{0, 0}, mappings(r)}}
	}
	return t
}

// extend adds the type of element i to ranges.
func extend(ranges []typed, i int, m map[string]typ) []typed {
	if last := len(ranges) - 1; last >= 0 {
		if both, ok := unify(ranges[last].Mappings, m); ok {
			ranges[last].Mappings, ranges[last].Range[1] = both, i
			return ranges
		}
	}
	return append(ranges, typed{[2]int{i, i}, m})
}

// unify returns the mappings that hold for two records, if there are such.
func unify(a, b map[string]typ) (map[string]typ, bool) {
	both := maps.Clone(a)
	for name, t := range b {
		old, ok := both[name]
		if !ok {
			both[name] = t
			continue
		}
		u, ok := unifyType(old, t)
		if !ok {
			return nil, false
		}
		both[name] = u
	}
	return both, true
}

func unifyType(a, b typ) (typ, bool) {
	switch {
	case reflect.DeepEqual(a, b), reflect.DeepEqual(b, undefined):
		return a, true
	case reflect.DeepEqual(a, undefined):
		return b, true
	case a.Type != b.Type || len(a.Types) > 1 || len(b.Types) > 1:
		return typ{}, false
	case len(a.Types) == 0:
		return b, true
	case len(b.Types) == 0:
		return a, true
	}
	both, ok := unify(a.Types[0].Mappings, b.Types[0].Mappings)
	end := max(a.Types[0].Range[1], b.Types[0].Range[1])
	return typ{a.Type, []typed{{[2]int{0, end}, both}}}, ok
}
