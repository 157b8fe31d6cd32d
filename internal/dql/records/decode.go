package records

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// A decoder reads records from JSON. It skips the fields that nobody asked for
// without decoding them: it checks their brackets and quotes only.
//
// Records of a recording have mostly the same fields in the same order, so it
// compares each name with those that followed the one before it in earlier
// records, and seldom has to look one up.
type decoder struct {
	all   bool           // every field, in the order of the record
	slots map[string]int // where a field goes; -1 for one that is skipped
	order []*expected    // fields in the order they were met
	next  int            // in order, of the field that probably comes next
	known map[string]*expected
	names []string
	vals  []dql.Value
	seen  map[string][]string // lists of names by their text
	key   []byte

	s  string
	at int
}

type expected struct {
	quoted string // name and closing quote
	name   string
	slot   int
	as     typing
}

// newDecoder returns a decoder of the fields given, nil for all.
func newDecoder(fields []string) *decoder {
	d := &decoder{all: fields == nil, slots: map[string]int{}, names: fields, vals: make([]dql.Value, len(fields)), known: map[string]*expected{}, seen: map[string][]string{}}
	for i, f := range fields {
		d.slots[f] = i
	}
	return d
}

var errSyntax = errors.New("not a JSON object")

// decode reads one line. The values it returns are valid until the next call.
func (d *decoder) decode(line string) ([]string, []dql.Value, error) {
	d.s, d.at, d.next = line, 0, 0
	if d.all {
		d.names, d.vals = d.names[:0:0], d.vals[:0]
	} else {
		clear(d.vals)
	}
	d.space()
	if !d.take('{') {
		return nil, nil, errSyntax
	}
	d.space()
	if !d.take('}') {
		for {
			if err := d.field(); err != nil {
				return nil, nil, err
			}
			d.space()
			if d.take('}') {
				break
			}
			if !d.take(',') {
				return nil, nil, d.expect("a comma or }")
			}
			d.space()
		}
	}
	if d.space(); d.at != len(d.s) {
		return nil, nil, d.expect("the end of the line")
	}
	if d.all {
		return d.intern(), d.vals, nil
	}
	return d.names, d.vals, nil
}

func (d *decoder) space() {
	for d.at < len(d.s) && (d.s[d.at] == ' ' || d.s[d.at] == '\t' || d.s[d.at] == '\r') {
		d.at++
	}
}

func (d *decoder) take(c byte) bool {
	if d.at < len(d.s) && d.s[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) expect(what string) error {
	if d.at >= len(d.s) {
		return fmt.Errorf("the record ends where %s was expected", what)
	}
	return fmt.Errorf("expected %s, found %q", what, d.s[d.at])
}

// field reads one field of a record.
func (d *decoder) field() error {
	if !d.take('"') {
		return d.expect("a name in quotes")
	}
	e := d.guess()
	if e == nil {
		name, err := d.text()
		if err != nil {
			return err
		}
		if e = d.known[name]; e == nil {
			e = d.learn(name)
		}
	}
	d.space()
	if !d.take(':') {
		return d.expect("a colon")
	}
	d.space()
	if e.slot < 0 {
		return d.skip()
	}
	v, err := d.value(0)
	if err != nil {
		return err
	}
	if v, err = typed(v, e.as); err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	d.put(e, v)
	return nil
}

// ahead is how many fields a record may leave out before its next one has to
// be looked up.
const ahead = 4

// guess takes the name at the cursor if it is one of those expected next.
func (d *decoder) guess() *expected {
	rest := d.s[d.at:]
	for i := d.next; i < min(d.next+ahead, len(d.order)); i++ {
		if e := d.order[i]; strings.HasPrefix(rest, e.quoted) {
			d.at += len(e.quoted)
			d.next = i + 1
			return e
		}
	}
	return nil
}

// learn notes a field that was not met before.
func (d *decoder) learn(name string) *expected {
	name = strings.Clone(name)
	e := &expected{quoted: name + `"`, name: name, as: typings[name]}
	if !d.all {
		slot, wanted := d.slots[name]
		if e.slot = slot; !wanted {
			e.slot = -1
		}
	}
	if len(d.known) > maxFields {
		return e
	}
	d.known[name] = e
	if !strings.ContainsAny(name, "\"\\") { // else it is not written as it reads
		d.order = slices.Insert(d.order, d.next, e)
		d.next++
	}
	return e
}

// maxFields bounds how many fields, and lists of fields, are remembered.
const maxFields = 1000

// put keeps a value; of a field given twice the last counts.
func (d *decoder) put(e *expected, v dql.Value) {
	if !d.all {
		d.vals[e.slot] = v
		return
	}
	if len(d.names) < 64 {
		if i := slices.Index(d.names, e.name); i >= 0 {
			d.vals[i] = v
			return
		}
	}
	d.names, d.vals = append(d.names, e.name), append(d.vals, v)
}

// intern returns the list of names, the same for all records that have it.
func (d *decoder) intern() []string {
	d.key = d.key[:0]
	for _, n := range d.names {
		d.key = append(append(d.key, n...), 0)
	}
	if names, ok := d.seen[string(d.key)]; ok {
		return names
	}
	names := slices.Clone(d.names)
	if len(d.seen) < maxFields {
		d.seen[string(d.key)] = names
	}
	return names
}

// text reads a string whose opening quote was taken.
func (d *decoder) text() (string, error) {
	start := d.at
	for i := start; ; {
		j := strings.IndexByte(d.s[i:], '"')
		if j < 0 {
			d.at = len(d.s)
			return "", d.expect("a closing quote")
		}
		i += j
		if !escaped(d.s, start, i) {
			d.at = i + 1
			return d.unquote(d.s[start:i])
		}
		i++
	}
}

// escaped reports whether the quote at i is behind an odd number of
// backslashes.
func escaped(s string, start, i int) bool {
	n := 0
	for i-n > start && s[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func (d *decoder) unquote(raw string) (string, error) {
	if strings.IndexByte(raw, '\\') < 0 {
		for i := range len(raw) {
			if raw[i] < ' ' {
				return "", errors.New("control character in a string")
			}
		}
		return raw, nil
	}
	v, err := dql.ParseJSON(`"` + raw + `"`)
	if err != nil {
		return "", fmt.Errorf("string %.40q: %w", raw, err)
	}
	s, _ := v.AsString()
	return s, nil
}

// maxDepth bounds how deep a record may nest.
const maxDepth = 200

// skip passes over a value.
func (d *decoder) skip() error {
	depth := 0
	for d.at < len(d.s) {
		switch c := d.s[d.at]; c {
		case '"':
			d.at++
			if err := d.skipText(); err != nil {
				return err
			}
		case '{', '[':
			depth++
			d.at++
			if depth > maxDepth {
				return fmt.Errorf("the record nests deeper than %d levels", maxDepth)
			}
			continue
		case '}', ']':
			if depth == 0 {
				return d.expect("a value")
			}
			depth--
			d.at++
		case ',', ':', ' ', '\t':
			if depth == 0 {
				return d.expect("a value")
			}
			d.at++
			continue
		default:
			if err := d.skipWord(); err != nil {
				return err
			}
		}
		if depth == 0 {
			return nil
		}
	}
	return d.expect("a value")
}

func (d *decoder) skipText() error {
	start := d.at
	for i := start; ; {
		j := strings.IndexByte(d.s[i:], '"')
		if j < 0 {
			d.at = len(d.s)
			return d.expect("a closing quote")
		}
		i += j
		if i == start || d.s[i-1] != '\\' || !escaped(d.s, start, i) {
			d.at = i + 1
			return nil
		}
		i++
	}
}

// skipWord passes over a number, true, false or null.
func (d *decoder) skipWord() error {
	start := d.at
	for d.at < len(d.s) && wordByte(d.s[d.at]) {
		d.at++
	}
	switch w := d.s[start:d.at]; {
	case w == "true", w == "false", w == "null":
		return nil
	case w != "" && (w[0] == '-' || w[0] >= '0' && w[0] <= '9'):
		return nil
	}
	d.at = start
	return d.expect("a value")
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// value reads a value.
func (d *decoder) value(depth int) (dql.Value, error) {
	if d.at >= len(d.s) {
		return dql.Null, d.expect("a value")
	}
	if depth > maxDepth {
		return dql.Null, fmt.Errorf("the record nests deeper than %d levels", maxDepth)
	}
	switch d.s[d.at] {
	case '"':
		d.at++
		s, err := d.text()
		return dql.String(s), err
	case '[':
		d.at++
		return d.array(depth)
	case '{':
		d.at++
		return d.object(depth)
	}
	start := d.at
	if err := d.skipWord(); err != nil {
		return dql.Null, err
	}
	return word(d.s[start:d.at])
}

func word(w string) (dql.Value, error) {
	switch w {
	case "true":
		return dql.Bool(true), nil
	case "false":
		return dql.Bool(false), nil
	case "null":
		return dql.Null, nil
	}
	if i, err := strconv.ParseInt(w, 10, 64); err == nil {
		return dql.Long(i), nil
	}
	f, err := strconv.ParseFloat(w, 64)
	if err != nil || strings.ContainsAny(w, "xpin") {
		return dql.Null, fmt.Errorf("%.40q is not a number", w)
	}
	return dql.Double(f), nil
}

func (d *decoder) array(depth int) (dql.Value, error) {
	list := []dql.Value{}
	d.space()
	if d.take(']') {
		return dql.Array(list...), nil
	}
	for {
		d.space()
		v, err := d.value(depth + 1)
		if err != nil {
			return dql.Null, err
		}
		list = append(list, v)
		d.space()
		if d.take(']') {
			return dql.Array(list...), nil
		}
		if !d.take(',') {
			return dql.Null, d.expect("a comma or ]")
		}
	}
}

func (d *decoder) object(depth int) (dql.Value, error) {
	var names []string
	var vals []dql.Value
	d.space()
	if d.take('}') {
		return dql.Object(dql.Record{}), nil
	}
	for {
		d.space()
		if !d.take('"') {
			return dql.Null, d.expect("a name in quotes")
		}
		name, err := d.text()
		if err != nil {
			return dql.Null, err
		}
		d.space()
		if !d.take(':') {
			return dql.Null, d.expect("a colon")
		}
		d.space()
		v, err := d.value(depth + 1)
		if err != nil {
			return dql.Null, err
		}
		names, vals = append(names, name), append(vals, v)
		d.space()
		if d.take('}') {
			return dql.Object(dql.NewRecord(names, vals)), nil
		}
		if !d.take(',') {
			return dql.Null, d.expect("a comma or }")
		}
	}
}
