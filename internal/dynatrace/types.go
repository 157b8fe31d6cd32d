package dynatrace

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A typed says what the fields of some records, or the elements of an array,
// are. Both ends of the range count.
type typed struct {
	Range    [2]int         `json:"indexRange"`
	Mappings map[string]typ `json:"mappings"`
}

// A typ is the type of a field in Grail's words.
type typ struct {
	Type  string  `json:"type"`
	Types []typed `json:"types"` // of an array's elements ("element"), or a record's fields
}

// mappings returns the types that hold for item i of a list.
func mappings(types []typed, i int) map[string]typ {
	for _, t := range types {
		if t.Range[0] <= i && i <= t.Range[1] {
			return t.Mappings
		}
	}
	return nil
}

// decode turns records into values. Grail writes long and duration as strings;
// the types that come with the records tell them from text. Without a type, a
// value is what it is in JSON.
func decode(records, types json.RawMessage) ([]dql.Record, error) {
	var all []typed
	if len(types) > 0 {
		if err := json.Unmarshal(types, &all); err != nil {
			return nil, fmt.Errorf("types: %w", err)
		}
	}
	if r := bytes.TrimSpace(records); len(r) == 0 || string(r) == "null" {
		return nil, nil
	}
	d := &decoder{json.NewDecoder(bytes.NewReader(records))}
	d.UseNumber()
	if err := d.open('['); err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	var out []dql.Record
	for d.More() {
		r, err := d.record(mappings(all, len(out)))
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(out)+1, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// A decoder reads JSON that is known to be well formed.
type decoder struct{ *json.Decoder }

var errShape = errors.New("an array of objects was expected")

func (d *decoder) open(want json.Delim) error {
	t, err := d.Token()
	if err == nil && t != want {
		err = errShape
	}
	return err
}

// record reads an object, its fields in their order.
func (d *decoder) record(types map[string]typ) (dql.Record, error) {
	if err := d.open('{'); err != nil {
		return dql.Record{}, err
	}
	return d.fields(types)
}

// fields reads what follows the opening brace of an object.
func (d *decoder) fields(types map[string]typ) (dql.Record, error) {
	var names []string
	var values []dql.Value
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return dql.Record{}, err
		}
		name, _ := t.(string)
		v, err := d.value(types[name])
		if err != nil {
			return dql.Record{}, fmt.Errorf("%.80q: %w", name, err)
		}
		names, values = append(names, name), append(values, v)
	}
	_, err := d.Token() // the closing brace
	return dql.NewRecord(names, values), err
}

// value reads a value of type t.
func (d *decoder) value(t typ) (dql.Value, error) {
	token, err := d.Token()
	if err != nil {
		return dql.Null, err
	}
	switch x := token.(type) {
	case json.Delim:
		if x == '[' {
			return d.array(t.Types)
		}
		r, err := d.fields(mappings(t.Types, 0))
		if err == nil && t.Type == dql.KindTimeframe.String() {
			return timeframe(r)
		}
		return dql.Object(r), err
	case bool:
		return dql.Bool(x), nil
	case json.Number:
		return numeric(x, t.Type)
	case string:
		return textual(x, t.Type)
	}
	return dql.Null, nil
}

// array reads what follows the opening bracket of an array.
func (d *decoder) array(types []typed) (dql.Value, error) {
	var list []dql.Value
	for d.More() {
		v, err := d.value(mappings(types, len(list))["element"])
		if err != nil {
			return dql.Null, err
		}
		list = append(list, v)
	}
	_, err := d.Token() // the closing bracket
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return dql.Array(list...), err
}

// numeric reads a JSON number.
func numeric(n json.Number, kind string) (dql.Value, error) {
	if kind == dql.KindString.String() {
		return dql.String(n.String()), nil
	}
	i, err := n.Int64()
	switch {
	case err == nil && kind == dql.KindDuration.String():
		return dql.Duration(time.Duration(i)), nil
	case err == nil && kind != dql.KindDouble.String():
		return dql.Long(i), nil
	}
	f, err := n.Float64()
	if err != nil {
		return dql.Null, fmt.Errorf("%.40q: want a number", n)
	}
	return dql.Double(f), nil
}

// textual reads a JSON string by the type that Grail says it has.
func textual(s, kind string) (dql.Value, error) {
	switch kind {
	case dql.KindLong.String(), dql.KindDuration.String():
		n := json.Number(s)
		if _, err := n.Int64(); err != nil {
			return dql.Null, fmt.Errorf("%.40q: want a %s", s, kind)
		}
		return numeric(n, kind)
	case dql.KindDouble.String():
		return double(s)
	case dql.KindTimestamp.String():
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return dql.Null, fmt.Errorf("%.40q: want a timestamp", s)
		}
		return dql.Time(t), nil
	}
	if kind == dql.KindBinary.String() {
		b, err := base64.StdEncoding.DecodeString(s)
		return dql.Text(dql.KindBinary, string(b)), err
	}
	for _, k := range []dql.Kind{dql.KindUID, dql.KindIP, dql.KindSmartscapeID} {
		if kind == k.String() {
			return dql.Text(k, s), nil
		}
	}
	return dql.String(s), nil
}

// double reads the doubles that JSON has no number for.
func double(s string) (dql.Value, error) {
	switch s {
	case "NaN":
		return dql.Double(math.NaN()), nil
	case "Infinity":
		return dql.Double(math.Inf(1)), nil
	case "-Infinity":
		return dql.Double(math.Inf(-1)), nil
	}
	return numeric(json.Number(s), dql.KindDouble.String())
}

// timeframe reads {"start","end"}.
func timeframe(r dql.Record) (dql.Value, error) {
	start, err := time.Parse(time.RFC3339Nano, r.Text("start"))
	if err != nil {
		return dql.Null, fmt.Errorf("start %.40q: want a timestamp", r.Text("start"))
	}
	end, err := time.Parse(time.RFC3339Nano, r.Text("end"))
	if err != nil {
		return dql.Null, fmt.Errorf("end %.40q: want a timestamp", r.Text("end"))
	}
	return dql.Timeframe(start, end), nil
}
