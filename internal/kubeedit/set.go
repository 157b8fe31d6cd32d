package kubeedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/patch"
)

// An Address names one value of one file.
type Address struct {
	Doc  int  // index of the document
	Text Path // to a block scalar that holds YAML itself; nil for none
	Path Path // from the top of the document, or of the text
}

func (a Address) String() string {
	if a.Text == nil {
		return a.Path.String()
	}
	return a.Text.String() + " | " + a.Path.String()
}

// A Scalar is a value as it is written.
type Scalar struct {
	Value     string // without quotes
	Line, Col int    // from 1; of the nearest thing that is written, if the value is not
	Written   bool
}

// A Style says how a value is to be written.
type Style int

const (
	Free Style = iota // plain if that is safe
	// AsString keeps a value a string: keys of a ConfigMap, of labels or of
	// environment variables may be nothing else.
	AsString
)

// Options of [Set].
type Options struct {
	Style Style
	// Append adds elements to lists that are named by a key and not there: right
	// for a patch, where a list is merged, wrong for a manifest.
	Append bool
	// Shared permits to change a value that aliases elsewhere refer to.
	Shared bool
}

// maxValue bounds what is written.
const maxValue = 4096

// Get reads the value at an address. It fails with a [*patch.Refusal] if what
// stands there is not a value that [Set] could change.
func (f *File) Get(a Address) (Scalar, error) {
	d, view, err := f.document(a)
	if err != nil {
		return Scalar{}, err
	}
	s, err := d.get(a.Path)
	if view != nil {
		s.Line = view.line(s.Line)
		err = view.move(err)
	}
	return s, err
}

func (d *Document) get(p Path) (Scalar, error) {
	root, err := d.top()
	if err != nil {
		return Scalar{}, err
	}
	trail, rest, err := d.find(root, p)
	if err != nil {
		return Scalar{}, err
	}
	last := trail[len(trail)-1]
	s := Scalar{}
	s.Line, s.Col = d.position(last)
	if err := d.shared(trail, Options{Shared: true}); err != nil {
		return s, err
	}
	if err := d.merged(last, rest); err != nil {
		return s, err
	}
	if len(rest) > 0 || last.Tag == "!!null" && last.Kind == yaml.ScalarNode {
		return s, nil
	}
	if last.Kind != yaml.ScalarNode {
		return s, d.refusal(last, fmt.Sprintf("%s is a %s, want one value", p, kindName(last)), "")
	}
	s.Value, s.Written = last.Value, true
	return s, nil
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	case yaml.AliasNode:
		return "alias"
	}
	return "value"
}

// top is the root of a document that must have one.
func (d *Document) top() (*yaml.Node, error) {
	root, err := d.Root()
	if err != nil {
		return nil, err
	}
	if root == nil {
		return nil, d.refusal(nil, "document is empty", "")
	}
	return root, nil
}

// document returns the document of an address and, if the value stands in text
// within it, a view of that text.
func (f *File) document(a Address) (*Document, *view, error) {
	if a.Doc < 0 || a.Doc >= len(f.Docs) {
		return nil, nil, fmt.Errorf("%s: no document %d", f.Path, a.Doc)
	}
	d := f.Docs[a.Doc]
	if a.Text == nil {
		return d, nil, nil
	}
	v, err := d.view(a.Text)
	if err != nil {
		return nil, nil, err
	}
	return v.inner.Docs[0], v, nil
}

// Set returns the edits that give the value at an address a new text, inserting
// what is not written yet. They are proven by [Prove].
func (f *File) Set(a Address, value string, o Options) ([]patch.Edit, error) {
	if err := writable(value); err != nil {
		return nil, err
	}
	d, view, err := f.document(a)
	if err != nil {
		return nil, err
	}
	edits, err := d.set(a.Path, value, o)
	if view != nil {
		edits, err = view.edits(edits), view.move(err)
	}
	if err != nil {
		return nil, err
	}
	return edits, f.prove(a, value, edits)
}

// writable refuses values that are more than one short line of text.
func writable(value string) error {
	if value == "" || len(value) > maxValue || strings.TrimSpace(value) != value {
		return &patch.Refusal{Why: fmt.Sprintf("value %.40q: want one line of text without space around it", value)}
	}
	for _, r := range value {
		if r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xFEFF || r == 0xFFFD {
			return &patch.Refusal{Why: fmt.Sprintf("value %.40q holds a control character", value)}
		}
	}
	return nil
}

func (d *Document) set(p Path, value string, o Options) ([]patch.Edit, error) {
	root, err := d.top()
	if err != nil {
		return nil, err
	}
	trail, rest, err := d.find(root, p)
	if err != nil {
		return nil, err
	}
	if err := d.shared(trail, o); err != nil {
		return nil, err
	}
	last := trail[len(trail)-1]
	if err := d.merged(last, rest); err != nil {
		return nil, err
	}
	switch {
	case len(rest) > 0:
		return d.insert(trail, p[:len(p)-len(rest)], rest, value, o)
	case last.Kind != yaml.ScalarNode:
		return nil, d.refusal(last, fmt.Sprintf("%s is a %s, want one value", p, kindName(last)), "")
	case empty(last):
		return d.fill(trail, p, value, o)
	}
	return d.replace(last, value, o)
}

// replace changes the bytes of a scalar within its quotes.
func (d *Document) replace(n *yaml.Node, value string, o Options) ([]patch.Edit, error) {
	if err := d.computed(n); err != nil {
		return nil, err
	}
	start, end, ok := d.span(n)
	if !ok {
		return nil, d.refusal(n, "value is not written in one piece on one line", "")
	}
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		value = quoted(value)
		value = value[1 : len(value)-1]
	case n.Style&yaml.SingleQuotedStyle != 0:
		value = strings.ReplaceAll(value, "'", "''")
	default:
		value = plain(value, o, n, d.inFlow(start))
	}
	return []patch.Edit{{Start: start, End: end, New: value}}, nil
}

// inFlow reports whether the byte at off stands within a flow collection, where
// commas and brackets end a plain scalar.
func (d *Document) inFlow(off int) bool {
	root, _ := d.Root()
	return root != nil && d.flowAt(root, off)
}

func (d *Document) flowAt(n *yaml.Node, off int) bool {
	if n.Kind == yaml.AliasNode {
		return false
	}
	if n.Style&yaml.FlowStyle != 0 && n.Kind != yaml.ScalarNode {
		start := d.valueStart(n)
		if start < off && off <= flowEnd(d.file.Src[:d.End], start) {
			return true
		}
	}
	for _, c := range n.Content {
		if d.flowAt(c, off) {
			return true
		}
	}
	return false
}

// quoted writes a JSON string, which is a double-quoted YAML scalar too.
func quoted(value string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(value) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plain writes a value without quotes if it is read back as itself, and as the
// kind of value it should be.
func plain(value string, o Options, old *yaml.Node, flow bool) string {
	text := "k: " + value + "\n"
	if flow {
		text = "{k: " + value + ", l: 1}\n"
	}
	root := readPlain([]byte(text))
	if root == nil {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			return quoted(value)
		}
		root = n.Content[0]
	}
	got := Member(root, "k")
	if got == nil || got.Value != value || got.Kind != yaml.ScalarNode || got.Style != 0 || root.LineComment != "" {
		return quoted(value)
	}
	if got.Tag == "!!str" && !ambiguous(value) {
		return value
	}
	if got.Tag == "!!str" || o.Style == AsString || got.Tag == "!!null" || got.Tag == "!!merge" || got.Tag == "!!timestamp" {
		return quoted(value)
	}
	// A string stays a string, unless it is a quantity, for which a bare number
	// is as good.
	if old != nil && old.Tag == "!!str" && !isQuantity(old.Value) {
		return quoted(value)
	}
	return value
}

// ambiguous reports whether YAML 1.1, which Kubernetes reads, takes a text for
// a truth or a number where YAML 1.2 does not.
// https://yaml.org/type/bool.html, https://yaml.org/type/int.html
func ambiguous(value string) bool {
	switch strings.ToLower(value) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	}
	return strings.Trim(value, "+-0123456789_:") == "" && strings.ContainsAny(value, "_:")
}

// computed refuses a value that something else fills in before it is used.
func (d *Document) computed(n *yaml.Node) error {
	for _, mark := range []string{"{{", "${", "$(", "<%", "ENC[", "((", "#@"} {
		if strings.Contains(n.Value, mark) {
			return d.refusal(n, fmt.Sprintf("value is filled in elsewhere: %.80s", n.Value), "change it where it is defined")
		}
	}
	return nil
}

// fill gives a key that is written without a value its value.
func (d *Document) fill(trail []*yaml.Node, p Path, value string, o Options) ([]patch.Edit, error) {
	last := trail[len(trail)-1]
	if len(trail) < 2 || trail[len(trail)-2].Kind != yaml.MappingNode {
		return nil, d.refusal(last, "list has an empty element", "")
	}
	key := keyOf(trail[len(trail)-2], last)
	colon := d.colon(key)
	if colon < 0 {
		return nil, d.refusal(key, "key has no value and no colon that could be found", "")
	}
	return []patch.Edit{{Start: colon, End: colon, New: " " + d.inserted(value, p, o, key, d.inFlow(colon))}}, nil
}

// colon returns the offset behind the colon of a key, or -1.
func (d *Document) colon(key *yaml.Node) int {
	at := d.scalarEnd(key, key.Column-1)
	for at < d.End && (d.file.Src[at] == ' ' || d.file.Src[at] == '\t') {
		at++
	}
	if at >= d.End || d.file.Src[at] != ':' {
		return -1
	}
	return at + 1
}

// keyOf returns the key of a value of a mapping.
func keyOf(m, value *yaml.Node) *yaml.Node {
	for i := 1; i < len(m.Content); i += 2 {
		if m.Content[i] == value {
			return m.Content[i-1]
		}
	}
	return nil
}

// asRefusal moves the place of a refusal or syntax error; other errors stay.
func asRefusal(err error, move func(line int) int) error {
	var r *patch.Refusal
	var s *SyntaxError
	switch {
	case errors.As(err, &r):
		moved := *r
		moved.Line, moved.Col = move(r.Line), 0
		return &moved
	case errors.As(err, &s):
		return &SyntaxError{s.Path, move(s.Line), s.What}
	}
	return err
}

// Editable reports why the value at an address could not be changed, nil if it
// could. It proves nothing; [File.Set] does.
func (f *File) Editable(a Address, shared bool) error {
	d, view, err := f.document(a)
	if err != nil {
		return err
	}
	err = d.editable(a.Path, shared)
	if view != nil {
		err = view.move(err)
	}
	return err
}

func (d *Document) editable(p Path, shared bool) error {
	root, err := d.top()
	if err != nil {
		return err
	}
	trail, rest, err := d.find(root, p)
	if err != nil {
		return err
	}
	last := trail[len(trail)-1]
	if err := d.shared(trail, Options{Shared: shared}); err != nil {
		return err
	}
	if err := d.merged(last, rest); err != nil || len(rest) > 0 || empty(last) {
		return err
	}
	if err := d.computed(last); err != nil {
		return err
	}
	if _, _, ok := d.span(last); !ok {
		return d.refusal(last, "value is not written in one piece on one line", "")
	}
	return nil
}

// Top returns the node at an address, nil if it is not written.
func (f *File) Top(a Address) (*yaml.Node, error) {
	d, _, err := f.document(a)
	if err != nil {
		return nil, err
	}
	return d.Follow(a.Path), nil
}
