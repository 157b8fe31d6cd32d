// Package scalar holds DQL's operators and the functions that take values and
// give a value. What needs records, the aggregations, is in package eval.
//
// Nothing here fails: a value that does not fit gives null, as in Grail.
package scalar

import (
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// An Env is what functions may know beside their arguments. It also keeps the
// patterns they compiled, so an Env belongs to one goroutine.
type Env struct {
	Now      time.Time      // of the start of the query
	Location *time.Location // of the functions that read a calendar; nil means UTC

	compiled map[string]any
}

// location is the time zone of e.
func (e *Env) location() *time.Location {
	if e.Location == nil {
		return time.UTC
	}
	return e.Location
}

// maxCompiled bounds what an Env keeps when patterns come from records.
const maxCompiled = 1000

// memo returns what build made of key the last time.
func memo[T any](e *Env, key string, build func() T) T {
	if v, ok := e.compiled[key].(T); ok {
		return v
	}
	v := build()
	if e.compiled == nil || len(e.compiled) > maxCompiled {
		e.compiled = map[string]any{}
	}
	e.compiled[key] = v
	return v
}

// A Func is a function on values. Its arguments are in the order of the table
// in package function, null for those left out, the values of a variadic
// parameter last.
type Func func(e *Env, a []dql.Value) dql.Value

// Lookup returns the function of a name as the table spells it.
func Lookup(name string) (Func, bool) {
	for _, group := range []map[string]Func{conditional, text, matching, arrays, conversions, creation, calendar, arithmetic, bitwise, network, coding, structure, patterns} {
		if f, ok := group[name]; ok {
			return f, true
		}
	}
	return nil, false
}

// one makes a function of one argument.
func one(f func(dql.Value) dql.Value) Func {
	return func(_ *Env, a []dql.Value) dql.Value { return f(a[0]) }
}

// two makes a function of two arguments.
func two(f func(x, y dql.Value) dql.Value) Func {
	return func(_ *Env, a []dql.Value) dql.Value { return f(a[0], a[1]) }
}

// ofText makes a function of one string; anything else gives null.
func ofText(f func(string) dql.Value) Func {
	return one(func(v dql.Value) dql.Value {
		s, ok := v.AsString()
		if !ok {
			return dql.Null
		}
		return f(s)
	})
}

// longOr returns the long in v, or otherwise if v is not a long.
func longOr(v dql.Value, otherwise int64) int64 {
	if i, ok := v.AsLong(); ok {
		return i
	}
	return otherwise
}

// boolOr returns the boolean in v, or otherwise if v is not a boolean.
func boolOr(v dql.Value, otherwise bool) bool {
	if b, ok := v.AsBool(); ok {
		return b
	}
	return otherwise
}
