package scalar

import "github.com/salvehq/salve/internal/dql"

// conditional: if and coalesce are here for constants; the engine evaluates
// their arguments only as far as needed.
var conditional = map[string]Func{
	"if": func(_ *Env, a []dql.Value) dql.Value {
		if c, ok := a[0].AsBool(); ok && c {
			return a[1]
		}
		return a[2]
	},
	"coalesce": func(_ *Env, a []dql.Value) dql.Value {
		for _, v := range a {
			if !v.IsNull() {
				return v
			}
		}
		return dql.Null
	},
	"in":            func(_ *Env, a []dql.Value) dql.Value { return In(a[0], a[1:]) },
	"isNull":        one(func(v dql.Value) dql.Value { return dql.Bool(v.IsNull()) }),
	"isNotNull":     one(func(v dql.Value) dql.Value { return dql.Bool(!v.IsNull()) }),
	"isTrueOrNull":  one(func(v dql.Value) dql.Value { return orNull(v, true) }),
	"isFalseOrNull": one(func(v dql.Value) dql.Value { return orNull(v, false) }),
}

// orNull reports whether v is the boolean b or null.
func orNull(v dql.Value, b bool) dql.Value {
	is, ok := v.AsBool()
	return dql.Bool(v.IsNull() || ok && is == b)
}

// In reports whether needle, or any element of it if it is an array, is one of
// the values of hay or an element of an array there.
func In(needle dql.Value, hay []dql.Value) dql.Value {
	if list, ok := needle.AsArray(); ok {
		for _, n := range list {
			if b, _ := In(n, hay).AsBool(); b {
				return dql.Bool(true)
			}
		}
		return dql.Bool(false)
	}
	if needle.IsNull() {
		return dql.Bool(false)
	}
	for _, h := range hay {
		if list, ok := h.AsArray(); ok {
			for _, v := range list {
				if needle.Equal(v) {
					return dql.Bool(true)
				}
			}
		} else if needle.Equal(h) {
			return dql.Bool(true)
		}
	}
	return dql.Bool(false)
}
