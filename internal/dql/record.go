package dql

import (
	"iter"
	"time"
)

// A Record is one row of a query result: named values in a fixed order.
// The zero Record has no fields. A Record is immutable; copies share memory.
type Record struct {
	names  []string
	values []Value
}

// NewRecord returns the record with the given fields. It keeps both slices,
// which must have the same length; rows of one result may share names.
func NewRecord(names []string, values []Value) Record {
	if len(names) != len(values) {
		panic("dql: NewRecord: names and values differ in length")
	}
	return Record{names, values}
}

// Len returns the number of fields, null ones included.
func (r Record) Len() int { return len(r.names) }

// Get returns the value of a field; a field that is not there is null.
func (r Record) Get(name string) Value {
	for i, n := range r.names {
		if n == name {
			return r.values[i]
		}
	}
	return Null
}

// Has reports whether r has a field, null or not.
func (r Record) Has(name string) bool {
	for _, n := range r.names {
		if n == name {
			return true
		}
	}
	return false
}

// At returns field i in order.
func (r Record) At(i int) (name string, v Value) { return r.names[i], r.values[i] }

// All yields the fields in order.
func (r Record) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i, n := range r.names {
			if !yield(n, r.values[i]) {
				return
			}
		}
	}
}

// Text returns the first string of a field, "" if there is none.
func (r Record) Text(name string) string {
	if ts := r.Get(name).Texts(); len(ts) > 0 {
		return ts[0]
	}
	return ""
}

// Texts returns the strings of a field; see [Value.Texts].
func (r Record) Texts(name string) []string { return r.Get(name).Texts() }

// Time returns the timestamp of a field, the zero time if there is none.
func (r Record) Time(name string) time.Time {
	t, ok := r.Get(name).AsTime()
	if !ok {
		return time.Time{}
	}
	return t
}

// True reports whether a field holds the boolean true.
func (r Record) True(name string) bool {
	b, ok := r.Get(name).AsBool()
	return b && ok
}

// Names returns the names of the fields, which the caller must not change.
// Records of one result often share them.
func (r Record) Names() []string { return r.names }

// Values returns the values of the fields, which the caller must not change.
func (r Record) Values() []Value { return r.values }
