package dql

import (
	"math"
	"strings"
	"time"
)

// A Kind is one of the data types of DQL.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/data-types
type Kind uint8

// The kinds stand in the order in which DQL sorts values of different types,
// except that null always sorts last.
const (
	KindNull Kind = iota
	KindBoolean
	KindLong
	KindDouble
	KindBinary
	KindString
	KindTimestamp
	KindDuration
	KindTimeframe
	KindUID
	KindIP
	KindSmartscapeID
	KindArray
	KindRecord
)

var kindNames = [...]string{
	"null", "boolean", "long", "double", "binary", "string", "timestamp", "duration",
	"timeframe", "uid", "ip_address", "smartscape_id", "array", "record",
}

// String spells k as Grail does in the types of a result.
func (k Kind) String() string { return kindNames[k] }

// A Value is one DQL value. The zero Value is null.
//
// Long, double, duration and timestamp are different types and stay so: a
// comparison of a duration with a number is null in DQL, never a coincidence.
type Value struct {
	kind Kind
	num  uint64 // boolean, long, double (IEEE bits), timestamp and duration (ns), start of a timeframe
	text string // string, uid, ip, smartscape id, bytes of a binary
	more *extra // what few values have; keeps a Value small, since records hold many
}

// An extra is the part of a value that does not fit into a Value.
type extra struct {
	list   []Value // of an array
	rec    Record
	end    int64 // of a timeframe (ns)
	months int64 // of a calendar duration
}

// Null is the absent value.
var Null = Value{}

// Bool returns a boolean.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBoolean, num: 1}
	}
	return Value{kind: KindBoolean}
}

// Long returns a 64-bit integer.
func Long(i int64) Value { return Value{kind: KindLong, num: uint64(i)} }

// Double returns a 64-bit float.
func Double(f float64) Value { return Value{kind: KindDouble, num: math.Float64bits(f)} }

// String returns a string.
func String(s string) Value { return Value{kind: KindString, text: s} }

// Time returns a timestamp; DQL keeps nanoseconds and no time zone.
func Time(t time.Time) Value { return Value{kind: KindTimestamp, num: uint64(t.UnixNano())} }

// Duration returns a duration.
func Duration(d time.Duration) Value { return Value{kind: KindDuration, num: uint64(d)} }

// CalendarDuration returns a duration of whole months and a rest; it is what
// 1M, 1q and 1y mean, whose length depends on the timestamp they are added to.
func CalendarDuration(months int64, d time.Duration) Value {
	if months == 0 {
		return Duration(d)
	}
	return Value{kind: KindDuration, num: uint64(d), more: &extra{months: months}}
}

// Timeframe returns the span from start to end.
func Timeframe(start, end time.Time) Value {
	return Value{kind: KindTimeframe, num: uint64(start.UnixNano()), more: &extra{end: end.UnixNano()}}
}

// Text returns a value of a kind that is written as text: uid, ip address,
// smartscape id or binary.
func Text(k Kind, s string) Value { return Value{kind: k, text: s} }

// Array returns an array. It keeps vs.
func Array(vs ...Value) Value { return Value{kind: KindArray, more: &extra{list: vs}} }

// Strings returns an array of strings.
func Strings(ss ...string) Value {
	vs := make([]Value, len(ss))
	for i, s := range ss {
		vs[i] = String(s)
	}
	return Array(vs...)
}

// Object returns a nested record.
func Object(r Record) Value { return Value{kind: KindRecord, more: &extra{rec: r}} }

// Kind returns the type of v.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// AsBool returns the boolean in v; ok is false for any other kind.
func (v Value) AsBool() (b, ok bool) { return v.num != 0, v.kind == KindBoolean }

// AsLong returns the long in v; ok is false for any other kind.
func (v Value) AsLong() (i int64, ok bool) { return int64(v.num), v.kind == KindLong }

// AsDouble returns the number in v, a long converted; ok is false for any
// other kind.
func (v Value) AsDouble() (f float64, ok bool) {
	switch v.kind {
	case KindDouble:
		return math.Float64frombits(v.num), true
	case KindLong:
		return float64(int64(v.num)), true
	}
	return 0, false
}

// AsString returns the string in v; ok is false for any other kind.
func (v Value) AsString() (s string, ok bool) { return v.text, v.kind == KindString }

// AsTime returns the timestamp in v, in UTC; ok is false for any other kind.
func (v Value) AsTime() (t time.Time, ok bool) {
	return time.Unix(0, int64(v.num)).UTC(), v.kind == KindTimestamp
}

// meanMonth is the length of a month where nothing says which one is meant:
// a twelfth of 365.25 days.
const meanMonth = 30*24*time.Hour + 10*time.Hour + 30*time.Minute

// AsDuration returns the duration in v, a calendar month counted as 30 days
// and ten and a half hours; ok is false for any other kind.
func (v Value) AsDuration() (d time.Duration, ok bool) {
	months, d, ok := v.AsCalendar()
	return d + time.Duration(months)*meanMonth, ok
}

// AsCalendar returns the duration in v as whole months and the rest; ok is
// false for any other kind.
func (v Value) AsCalendar() (months int64, d time.Duration, ok bool) {
	if v.kind != KindDuration {
		return 0, 0, false
	}
	if v.more != nil {
		months = v.more.months
	}
	return months, time.Duration(v.num), true
}

// AsTimeframe returns the ends of the timeframe in v; ok is false for any
// other kind.
func (v Value) AsTimeframe() (start, end time.Time, ok bool) {
	if v.kind != KindTimeframe {
		return time.Time{}, time.Time{}, false
	}
	return time.Unix(0, int64(v.num)).UTC(), time.Unix(0, v.more.end).UTC(), true
}

// AsText returns the text of a string, uid, ip address, smartscape id or
// binary; ok is false for any other kind.
func (v Value) AsText() (s string, ok bool) {
	switch v.kind {
	case KindString, KindUID, KindIP, KindSmartscapeID, KindBinary:
		return v.text, true
	}
	return "", false
}

// AsArray returns the elements of v, which the caller must not change; ok is
// false for any other kind.
func (v Value) AsArray() (vs []Value, ok bool) {
	if v.kind != KindArray {
		return nil, false
	}
	return v.more.list, true
}

// AsRecord returns the record in v; ok is false for any other kind.
func (v Value) AsRecord() (r Record, ok bool) {
	if v.kind != KindRecord {
		return Record{}, false
	}
	return v.more.rec, true
}

// Texts returns the non-empty strings in v: the elements of an array, or v
// itself if it is a string. Dynatrace writes k8s.workload.name as an array and
// root_cause_entity_name as a string; readers want a list of names from both.
func (v Value) Texts() []string {
	if s, ok := v.AsText(); ok {
		if strings.TrimSpace(s) == "" {
			return nil
		}
		return []string{s}
	}
	var out []string
	list, _ := v.AsArray()
	for _, e := range list {
		out = append(out, e.Texts()...)
	}
	return out
}
