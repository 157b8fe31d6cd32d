package scalar

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// ParseRecords reads a JSON object or a list of objects.
func ParseRecords(text string) ([]dql.Value, bool) {
	v, ok := ParseJSON(text)
	if !ok {
		return nil, false
	}
	if v.Kind() == dql.KindRecord {
		return []dql.Value{v}, true
	}
	list, ok := v.AsArray()
	for _, e := range list {
		ok = ok && e.Kind() == dql.KindRecord
	}
	return list, ok
}

// maxJSONDepth bounds how deep JSON may nest.
const maxJSONDepth = 200

// ParseJSON reads one JSON value: whole numbers as longs, objects in the order
// of their fields.
func ParseJSON(text string) (dql.Value, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, ok := jsonValue(d, 0)
	if !ok {
		return dql.Null, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

func jsonValue(d *json.Decoder, depth int) (dql.Value, bool) {
	t, err := d.Token()
	if err != nil || depth > maxJSONDepth {
		return dql.Null, false
	}
	switch t := t.(type) {
	case nil:
		return dql.Null, true
	case bool:
		return dql.Bool(t), true
	case string:
		return dql.String(t), true
	case json.Number:
		if i, err := t.Int64(); err == nil {
			return dql.Long(i), true
		}
		f, err := t.Float64()
		return dql.Double(f), err == nil
	case json.Delim:
		if t == '[' {
			return jsonArray(d, depth)
		}
		return jsonObject(d, depth)
	}
	return dql.Null, false
}

func jsonArray(d *json.Decoder, depth int) (dql.Value, bool) {
	list := []dql.Value{}
	for d.More() {
		v, ok := jsonValue(d, depth+1)
		if !ok {
			return dql.Null, false
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return dql.Array(list...), err == nil
}

func jsonObject(d *json.Decoder, depth int) (dql.Value, bool) {
	var names []string
	var vals []dql.Value
	at := map[string]int{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return dql.Null, false
		}
		v, ok := jsonValue(d, depth+1)
		if !ok {
			return dql.Null, false
		}
		name, _ := key.(string)
		if i, dup := at[name]; dup {
			vals[i] = v
			continue
		}
		at[name] = len(names)
		names, vals = append(names, name), append(vals, v)
	}
	_, err := d.Token()
	return dql.Object(dql.NewRecord(names, vals)), err == nil
}
