package policy

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Error is one mistake in a configuration file.
type Error struct {
	File      string
	Line, Col int // from 1; Col counts characters
	What      string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.What) }

// Errors are all mistakes of a configuration file, in its order.
type Errors []*Error

func (es Errors) Error() string {
	var lines []string
	for _, e := range es {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

// A source knows where each setting of a file stands.
type source struct {
	file string
	at   map[string]position // by path: "services.checkout.owns[0].for"
}

type position struct{ line, col int }

// find returns an error at the setting of a path or, if that is not written,
// at the nearest one above it.
func (s source) find(path, what string) *Error {
	for p := path; ; {
		if at, ok := s.at[p]; ok {
			return &Error{s.file, at.line, at.col, what}
		}
		i := max(strings.LastIndexByte(p, '.'), strings.LastIndexByte(p, '['))
		if i < 0 {
			return &Error{s.file, 1, 1, what}
		}
		p = p[:i]
	}
}

// A decoder fills Go values from YAML and takes nothing that it does not know.
// It goes on after a mistake, so that one run reports them all.
type decoder struct {
	source
	errs Errors
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.errs = append(d.errs, &Error{d.file, n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// maxErrors bounds what is reported of one file.
const maxErrors = 100

// sorted returns the mistakes in the order of the file, nil if there are none.
func (d *decoder) sorted() error {
	if len(d.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(d.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	if n := len(d.errs) - maxErrors; n > 0 {
		last := d.errs[maxErrors]
		d.errs = append(d.errs[:maxErrors], &Error{last.File, last.Line, last.Col, fmt.Sprintf("and %d more mistakes from here", n)})
	}
	return d.errs
}

// value decodes n into v. The depth is that of the Go types.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if _, ok := d.at[path]; !ok {
		d.at[path] = position{n.Line, n.Column}
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fail(n, "%s: anchors and aliases are not taken here; write the value out", path)
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		d.fail(n, "%s has no value; give it one or remove the line", path)
	case v.CanAddr() && reads(v):
		if err := v.Addr().Interface().(yaml.Unmarshaler).UnmarshalYAML(n); err != nil {
			d.fail(n, "%s: %v", path, err)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case v.Kind() == reflect.Struct:
		d.fields(n, v, path)
	case v.Kind() == reflect.Map:
		d.entries(n, v, path)
	case v.Kind() == reflect.Slice:
		d.items(n, v, path)
	case n.Kind != yaml.ScalarNode:
		d.fail(n, "%s: want %s, not %s", path, describe(v.Type()), kindOf(n))
	default:
		d.scalar(n, v, path)
	}
}

// reads reports whether v reads YAML itself.
func reads(v reflect.Value) bool {
	_, ok := v.Addr().Interface().(yaml.Unmarshaler)
	return ok
}

// fields decodes a mapping into a struct.
func (d *decoder) fields(n *yaml.Node, v reflect.Value, path string) {
	known := map[string]int{}
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			known[name] = i
		}
	}
	d.pairs(n, path, func(key, value *yaml.Node, path string) {
		i, ok := known[key.Value]
		if !ok {
			d.fail(key, "unknown key %q%s", key.Value, suggest(key.Value, keys(known)))
			return
		}
		d.value(value, v.Field(i), path)
	})
}

// nameForm is what services, environments and remedies may be called.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// entries decodes a mapping into a map.
func (d *decoder) entries(n *yaml.Node, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	names, fixed := reflect.Zero(v.Type().Key()).Interface().(word)
	d.pairs(n, path, func(key, value *yaml.Node, path string) {
		switch {
		case fixed && !slices.Contains(names.words(), key.Value):
			d.fail(key, "unknown key %q%s", key.Value, suggest(key.Value, names.words()))
			return
		case !fixed && !nameForm.MatchString(key.Value):
			d.fail(key, "%q is not a name: want up to 63 letters, digits, dots, dashes or underscores", key.Value)
			return
		}
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, item, path)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
	})
}

// pairs calls fn for each key of a mapping, and reports keys that stand there
// twice.
func (d *decoder) pairs(n *yaml.Node, path string, fn func(key, value *yaml.Node, path string)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s: want a mapping (key: value), not %s", cmp.Or(path, "file"), kindOf(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Tag == "!!merge" {
			d.fail(key, "%s: want a plain key, not %s", cmp.Or(path, "file"), kindOf(key))
			continue
		}
		if line, ok := seen[key.Value]; ok {
			d.fail(key, "key %q stands on line %d already", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		at := key.Value
		if path != "" {
			at = path + "." + at
		}
		d.at[at] = position{key.Line, key.Column}
		fn(key, value, at)
	}
}

func (d *decoder) items(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "%s: want a list, not %s; write [%s]", path, kindOf(n), brief(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if t, ok := v.Addr().Interface().(text); ok {
		if err := t.read(n.Value); err != nil {
			d.fail(n, "%s: %v", path, err)
		}
		return
	}
	if w, ok := v.Interface().(word); ok {
		if !slices.Contains(w.words(), n.Value) {
			d.fail(n, "%s: %q is not known%s", path, n.Value, suggest(n.Value, w.words()))
		}
		v.SetString(n.Value)
		return
	}
	switch {
	case v.Kind() == reflect.Bool && n.Tag == "!!bool":
		v.SetBool(n.Value == "true" || n.Value == "True" || n.Value == "TRUE")
	case v.Kind() == reflect.Int && n.Tag == "!!int":
		i, err := strconv.Atoi(n.Value)
		if err != nil || i < 0 || i > 1_000_000 {
			d.fail(n, "%s: %s is not a whole number from 0 to 1000000", path, n.Value)
		}
		v.SetInt(int64(i))
	case v.Kind() == reflect.String && n.Tag == "!!str":
		if len(n.Value) > maxText || n.Value == "" {
			d.fail(n, "%s: want a text of 1 to %d bytes", path, maxText)
		}
		v.SetString(n.Value)
	default:
		d.fail(n, "%s: want %s, not %s", path, describe(v.Type()), brief(n))
	}
}

// maxText bounds one text of a configuration file, in bytes.
const maxText = 4096

// describe says in words what a Go type takes.
func describe(t reflect.Type) string {
	zero := reflect.New(t)
	if w, ok := zero.Elem().Interface().(word); ok {
		return "one of " + strings.Join(w.words(), ", ")
	}
	if _, ok := zero.Interface().(text); ok {
		return "a single value"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	}
	return "a text (in quotes, if it looks like something else)"
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Tag == "!!merge" {
		return "a merge key"
	}
	return brief(n)
}

// brief quotes a scalar, or says what else stands there.
func brief(n *yaml.Node) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "…"
	case len(n.Value) > 40:
		return strconv.Quote(n.Value[:40]) + "…"
	}
	return strconv.Quote(n.Value)
}

func keys(m map[string]int) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// suggest returns "; did you mean …?" for the nearest of words, if any is near.
func suggest(s string, words []string) string {
	best, least := "", max(2, len(s)/3)+1
	for _, w := range words {
		d := distance(strings.ToLower(s), strings.ToLower(w))
		if len(s) > 2 && strings.HasPrefix(w, s) {
			d = 1
		}
		if d < least {
			best, least = w, d
		}
	}
	if best == "" {
		return "; want one of " + strings.Join(words, ", ")
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the number of bytes to insert, delete or replace to turn a into
// b, at most 64 of each being looked at.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := prev
			if a[i] != b[j] {
				cost = 1 + min(prev, row[j], row[j+1])
			}
			prev, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
