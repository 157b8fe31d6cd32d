package dql

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Types says which type each field of some records has, as the "types" of a
// Grail answer do: one entry for each range of records with the same types.
type Types struct {
	IndexRange [2]int          `json:"indexRange"` // of records, inclusive
	Mappings   map[string]Type `json:"mappings"`   // by field; the elements of an array are "element"
}

// A Type is the type of a field: "long", "timestamp", "array", …; "undefined"
// where all values are null. An array and a record say what is in them.
type Type struct {
	Type  string  `json:"type"`
	Types []Types `json:"types,omitempty"`
}

// element is what Grail calls the values of an array in its types.
const element = "element"

// TypesOf returns the types of records as Grail lists them: neighbours with
// the same types in one range.
func TypesOf(recs []Record) []Types {
	out := []Types{}
	for i, r := range recs {
		m := make(map[string]Type, r.Len())
		for name, v := range r.All() {
			m[name] = typeOf(v)
		}
		if last := len(out) - 1; last >= 0 && sameTypes(out[last].Mappings, m) {
			out[last].IndexRange[1] = i
			continue
		}
		out = append(out, Types{[2]int{i, i}, m})
	}
	return out
}

func typeOf(v Value) Type {
	switch v.kind {
	case KindNull:
		return Type{Type: "undefined"}
	case KindArray:
		recs := make([]Record, len(v.more.list))
		for i, e := range v.more.list {
			recs[i] = NewRecord([]string{element}, []Value{e})
		}
		return Type{Type: "array", Types: TypesOf(recs)}
	case KindRecord:
		return Type{Type: "record", Types: TypesOf([]Record{v.more.rec})}
	}
	return Type{Type: v.kind.String()}
}

func sameTypes(a, b map[string]Type) bool {
	if len(a) != len(b) {
		return false
	}
	for name, t := range a {
		u, ok := b[name]
		if !ok || t.Type != u.Type || len(t.Types) != len(u.Types) {
			return false
		}
		for i := range t.Types {
			if t.Types[i].IndexRange != u.Types[i].IndexRange || !sameTypes(t.Types[i].Mappings, u.Types[i].Mappings) {
				return false
			}
		}
	}
	return true
}

// DecodeGrail decodes the "records" of a Grail answer by its "types". It is
// lenient where Grail is seen to be: a long may be a number or a string, the
// records null. A value that does not fit its type is an error that names
// record and field; a field without a type keeps what JSON says.
func DecodeGrail(records []byte, types []Types) ([]Record, error) {
	d := json.NewDecoder(bytes.NewReader(records))
	d.UseNumber()
	v, err := decodeJSON(d, 0)
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	list, ok := v.AsArray()
	if !ok && !v.IsNull() {
		return nil, fmt.Errorf("records: want an array, have a %s", v.Kind())
	}
	out := make([]Record, len(list))
	for i, e := range list {
		r, ok := e.AsRecord()
		if !ok {
			return nil, fmt.Errorf("record %d: want an object, have a %s", i, e.Kind())
		}
		if out[i], err = typed(r, types, i); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
	}
	return out, nil
}

// mappings returns the types that hold for entry i.
func mappings(types []Types, i int) map[string]Type {
	for _, t := range types {
		if i >= t.IndexRange[0] && i <= t.IndexRange[1] {
			return t.Mappings
		}
	}
	return nil
}

func typed(r Record, types []Types, i int) (Record, error) {
	m := mappings(types, i)
	vals := make([]Value, r.Len())
	for j, name := range r.names {
		v, err := convert(r.values[j], m[name])
		if err != nil {
			return Record{}, fmt.Errorf("%s: %w", name, err)
		}
		vals[j] = v
	}
	return Record{r.names, vals}, nil
}

// convert makes v a value of type t.
func convert(v Value, t Type) (Value, error) {
	if v.IsNull() {
		return Null, nil
	}
	switch t.Type {
	case "array":
		list, ok := v.AsArray()
		if !ok {
			break
		}
		out := make([]Value, len(list))
		for i, e := range list {
			var err error
			if out[i], err = convert(e, mappings(t.Types, i)[element]); err != nil {
				return Null, err
			}
		}
		return Array(out...), nil
	case "record":
		r, ok := v.AsRecord()
		if !ok {
			break
		}
		r, err := typed(r, t.Types, 0)
		return Object(r), err
	case "", "undefined":
		return v, nil
	default:
		if out, ok := FromWire(t.Type, v); ok {
			return out, nil
		}
	}
	return Null, fmt.Errorf("want a %s, have the %s %.40s", t.Type, v.Kind(), AppendJSON(nil, v))
}

// FromWire makes a value of a type, named as in Grail's types, from what JSON
// says; ok is false if it is not one.
func FromWire(kind string, v Value) (out Value, ok bool) {
	s, isText := v.AsString()
	switch kind {
	case "long", "duration":
		i, ok := wireInteger(v, s)
		if kind == "duration" {
			return Duration(time.Duration(i)), ok
		}
		return Long(i), ok
	case "double":
		if f, ok := v.AsDouble(); ok {
			return Double(f), true
		}
		f, err := strconv.ParseFloat(s, 64)
		return Double(f), isText && err == nil
	case "timestamp":
		t, err := time.Parse(time.RFC3339Nano, s)
		return Time(t), isText && err == nil && inRange(t)
	case "timeframe":
		return wireTimeframe(v)
	case "boolean":
		return v, v.kind == KindBoolean
	case "string":
		return v, isText
	case "binary":
		b, err := base64.StdEncoding.DecodeString(s)
		return Text(KindBinary, string(b)), isText && err == nil
	}
	for k := KindUID; k <= KindSmartscapeID; k++ {
		if k.String() == kind {
			return Text(k, s), isText
		}
	}
	return v, true // a type that is newer than this program
}

func wireInteger(v Value, s string) (int64, bool) {
	if i, ok := v.AsLong(); ok {
		return i, true
	}
	if f, ok := v.AsDouble(); ok {
		return int64(f), f == math.Trunc(f) && math.Abs(f) < 1<<63
	}
	i, err := strconv.ParseInt(s, 10, 64)
	return i, err == nil && v.kind == KindString
}

func wireTimeframe(v Value) (Value, bool) {
	r, ok := v.AsRecord()
	if !ok {
		return Null, false
	}
	start, okS := FromWire("timestamp", r.Get("start"))
	end, okE := FromWire("timestamp", r.Get("end"))
	if !okS || !okE {
		return Null, false
	}
	return Timeframe(time.Unix(0, int64(start.num)), time.Unix(0, int64(end.num))), true
}

// inRange reports whether t fits into 64 bits of nanoseconds.
func inRange(t time.Time) bool {
	return t.After(time.Unix(0, math.MinInt64)) && t.Before(time.Unix(0, math.MaxInt64))
}

// maxDepth bounds how deep JSON may nest.
const maxDepth = 200

// ParseJSON reads one JSON value: whole numbers as longs, objects in the order
// of their fields, of a field given twice the last.
func ParseJSON(text string) (Value, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := decodeJSON(d, 0)
	if err != nil {
		return Null, err
	}
	if _, err := d.Token(); err != io.EOF {
		return Null, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}

func decodeJSON(d *json.Decoder, depth int) (Value, error) {
	t, err := d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Null, err
	}
	if depth > maxDepth {
		return Null, fmt.Errorf("JSON nests deeper than %d levels", maxDepth)
	}
	switch t := t.(type) {
	case bool:
		return Bool(t), nil
	case string:
		return String(t), nil
	case json.Number:
		return number(t)
	case json.Delim:
		if t == '[' {
			return decodeArray(d, depth)
		}
		return decodeObject(d, depth)
	}
	return Null, nil
}

func number(n json.Number) (Value, error) {
	if i, err := n.Int64(); err == nil {
		return Long(i), nil
	}
	f, err := n.Float64()
	return Double(f), err
}

func decodeArray(d *json.Decoder, depth int) (Value, error) {
	list := []Value{}
	for d.More() {
		v, err := decodeJSON(d, depth+1)
		if err != nil {
			return Null, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return Array(list...), err
}

func decodeObject(d *json.Decoder, depth int) (Value, error) {
	var r Record
	at := map[string]int{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return Null, err
		}
		v, err := decodeJSON(d, depth+1)
		if err != nil {
			return Null, err
		}
		name, _ := key.(string)
		if i, twice := at[name]; twice {
			r.values[i] = v
			continue
		}
		at[name] = len(r.names)
		r.names, r.values = append(r.names, name), append(r.values, v)
	}
	_, err := d.Token()
	return Object(r), err
}
