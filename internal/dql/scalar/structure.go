package scalar

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// structure are the functions on JSON and records, and type.
var structure = map[string]Func{
	"jsonField":      jsonField,
	"jsonPath":       jsonPath,
	"type":           typeName,
	"getRecordField": two(Element),
	"recordField":    two(Element),
}

// typeName is the type of a value, with its subtype if asked for: "uid/uuid".
func typeName(_ *Env, a []dql.Value) dql.Value {
	text, _ := a[0].AsText()
	name, sub := a[0].Kind().String(), ""
	switch a[0].Kind() {
	case dql.KindNull:
		name = "undefined"
	case dql.KindIP:
		if name, sub = "ip", "/ipv4"; strings.Contains(text, ":") {
			sub = "/ipv6"
		}
	case dql.KindUID:
		sub = map[int]string{16: "/uid64", 32: "/uid128", 36: "/uuid"}[len(text)]
	}
	if boolOr(a[1], false) {
		name += sub
	}
	return dql.String(name)
}

// maxSeeks bounds how many places of a text seek looks for JSON at.
const maxSeeks = 1000

// jsonIn returns the JSON value that a text is or, with seek, the first object
// or array that it holds.
func jsonIn(s string, seek bool) (dql.Value, bool) {
	if v, err := dql.ParseJSON(s); err == nil {
		return v, true
	}
	if !seek {
		return dql.Null, false
	}
	for at, tries := 0, 0; tries < maxSeeks; tries++ {
		i := strings.IndexAny(s[at:], "{[")
		if i < 0 {
			break
		}
		at += i
		var raw json.RawMessage
		if json.NewDecoder(strings.NewReader(s[at:])).Decode(&raw) == nil {
			v, err := dql.ParseJSON(string(raw))
			return v, err == nil
		}
		at++
	}
	return dql.Null, false
}

func jsonField(_ *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	name, okName := a[1].AsString()
	if !ok || !okName {
		return dql.Null
	}
	v, ok := jsonIn(s, boolOr(a[2], false))
	r, isRecord := v.AsRecord()
	if !ok || !isRecord {
		return dql.Null
	}
	return r.Get(name)
}

func jsonPath(e *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	path, okPath := a[1].AsString()
	if !ok || !okPath {
		return dql.Null
	}
	v, ok := jsonIn(s, boolOr(a[2], false))
	steps := memo(e, "path "+path, func() []string { return pathSteps(path) })
	if !ok || steps == nil {
		return dql.Null
	}
	for i, step := range steps {
		if step == "[*]" {
			return wildcard(v, steps[i+1:])
		}
		v = follow(v, step)
	}
	return v
}

// pathSteps cuts $.a['b'][0][*] into its steps, [0] and [*] with brackets; nil
// if it is no path.
func pathSteps(path string) []string {
	rest := strings.TrimPrefix(path, "$")
	steps := []string{}
	for rest != "" {
		switch {
		case rest[0] == '.':
			n := strings.IndexAny(rest[1:], ".[") + 1
			if n == 0 {
				n = len(rest)
			}
			if n == 1 {
				return nil
			}
			steps = append(steps, rest[1:n])
			rest = rest[n:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 2 {
				return nil
			}
			inside := rest[1:end]
			if q := inside[0]; (q == '\'' || q == '"') && len(inside) > 1 && inside[len(inside)-1] == q {
				steps = append(steps, inside[1:len(inside)-1])
			} else {
				steps = append(steps, "["+inside+"]")
			}
			rest = rest[end+1:]
		default:
			rest = "." + rest
		}
	}
	return steps
}

func follow(v dql.Value, step string) dql.Value {
	if r, ok := v.AsRecord(); ok {
		return r.Get(step)
	}
	inside, isIndex := strings.CutPrefix(step, "[")
	i, err := strconv.ParseInt(strings.TrimSuffix(inside, "]"), 10, 64)
	if !isIndex || err != nil {
		return dql.Null
	}
	return Element(v, dql.Long(i))
}

// wildcard follows the rest of a path from every element of an array.
func wildcard(v dql.Value, steps []string) dql.Value {
	list, ok := v.AsArray()
	if !ok {
		return dql.Null
	}
	out := make([]dql.Value, len(list))
	for i, e := range list {
		for j, step := range steps {
			if step == "[*]" {
				e = wildcard(e, steps[j+1:])
				break
			}
			e = follow(e, step)
		}
		out[i] = e
	}
	return dql.Array(out...)
}
