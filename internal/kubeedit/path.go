package kubeedit

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Path leads from the top of a document to a value.
type Path []Step

// A Step is one element of a [Path]: a key of a mapping, an element of a list by
// number, or the element of a list whose key Match has the value Key.
type Step struct {
	Key   string
	Index int
	Match string // "name"; the element is the one where it is Key
	List  bool   // the step is into a list
}

// Key, Index and Named return steps.
func Key(k string) Step      { return Step{Key: k} }
func Index(i int) Step       { return Step{Index: i, List: true} }
func Named(name string) Step { return Step{Match: "name", Key: name, List: true} }

// Keys returns a path of keys.
func Keys(keys ...string) Path {
	p := make(Path, len(keys))
	for i, k := range keys {
		p[i] = Key(k)
	}
	return p
}

// Join returns p followed by more, in a slice of its own.
func (p Path) Join(more ...Step) Path {
	return append(p[:len(p):len(p)], more...)
}

// Append returns p followed by q.
func (p Path) Append(q Path) Path { return p.Join(q...) }

// Last is the last key of p, "" if it ends in a list.
func (p Path) Last() string {
	if len(p) == 0 || p[len(p)-1].List {
		return ""
	}
	return p[len(p)-1].Key
}

func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.Match != "":
			fmt.Fprintf(&b, "[%s=%s]", s.Match, s.Key)
		case s.List:
			fmt.Fprintf(&b, "[%d]", s.Index)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(strings.ReplaceAll(strings.ReplaceAll(s.Key, `\`, `\\`), ".", `\.`))
		}
	}
	return b.String()
}

// maxPath bounds the steps of a path that somebody wrote.
const maxPath = 64

// ParsePath reads a path as Helm and yq write it: keys with dots between them,
// elements of lists as [0] or [name=app], and a dot within a key as \. or the
// key as ["a.b"].
func ParsePath(text string) (Path, error) {
	fail := func(at int, why string) (Path, error) {
		return nil, fmt.Errorf("path %q: character %d: %s", text, at+1, why)
	}
	var p Path
	for at := 0; at < len(text); {
		if len(p) >= maxPath {
			return fail(at, fmt.Sprintf("more than %d steps", maxPath))
		}
		switch {
		case text[at] == '[':
			step, n, ok := bracket(text[at:])
			if !ok {
				return fail(at, "want [0], [name=value] or [\"key\"]")
			}
			p, at = append(p, step), at+n
		case text[at] == '.' && len(p) == 0:
			return fail(at, "want a key before the dot")
		default:
			if text[at] == '.' {
				at++
			}
			key, n := bareKey(text[at:])
			if key == "" {
				return fail(at, "want a key")
			}
			p, at = append(p, Key(key)), at+n
		}
	}
	if len(p) == 0 {
		return nil, fmt.Errorf("path is empty, want keys with dots between them")
	}
	return p, nil
}

// bareKey reads a key up to a dot or a bracket.
func bareKey(s string) (key string, n int) {
	var b strings.Builder
	for n < len(s) && s[n] != '.' && s[n] != '[' {
		if s[n] == '\\' && n+1 < len(s) {
			n++
		}
		b.WriteByte(s[n])
		n++
	}
	return b.String(), n
}

// bracket reads a step in brackets.
func bracket(s string) (Step, int, bool) {
	if strings.HasPrefix(s, `["`) {
		key, err := strconv.QuotedPrefix(s[1:])
		if err != nil || len(s) <= 1+len(key) || s[1+len(key)] != ']' {
			return Step{}, 0, false
		}
		text, err := strconv.Unquote(key)
		return Key(text), len(key) + 2, err == nil && text != ""
	}
	body, _, ok := strings.Cut(s[1:], "]")
	if !ok || body == "" {
		return Step{}, 0, false
	}
	if key, value, named := strings.Cut(body, "="); named {
		return Step{Match: key, Key: value, List: true}, len(body) + 2, key != "" && value != ""
	}
	i, err := strconv.Atoi(body)
	return Index(i), len(body) + 2, err == nil && i >= 0 && body[0] != '+'
}

// find walks from n along p as far as it is written, and returns the nodes on
// the way: the last belongs to the first len(trail)-1 steps. Keys with dots in
// them may be written without escapes.
func (d *Document) find(n *yaml.Node, p Path) (trail []*yaml.Node, rest Path, err error) {
	trail = []*yaml.Node{n}
	for len(p) > 0 {
		next, used, err := d.step(n, p)
		if err != nil {
			return trail, p, err
		}
		if next == nil {
			return trail, p, nil
		}
		n, p = next, p[used:]
		trail = append(trail, n)
	}
	return trail, nil, nil
}

// step returns the node that the first steps of p lead to, and how many steps
// it took; nil if it is not written.
func (d *Document) step(n *yaml.Node, p Path) (*yaml.Node, int, error) {
	s := p[0]
	switch {
	case n.Kind == yaml.MappingNode && !s.List:
		key := s.Key
		for used := 1; ; used++ {
			v, err := d.member(n, key)
			if v != nil || err != nil {
				return v, used, err
			}
			if used == len(p) || p[used].List {
				return nil, 0, nil
			}
			key += "." + p[used].Key
		}
	case n.Kind == yaml.SequenceNode && s.Match != "":
		return d.element(n, s)
	case n.Kind == yaml.SequenceNode && s.List:
		if s.Index < len(n.Content) {
			return n.Content[s.Index], 1, nil
		}
	}
	return nil, 0, nil
}

// member returns the value of a key. A key that is written twice is refused:
// readers disagree which one counts.
func (d *Document) member(n *yaml.Node, key string) (*yaml.Node, error) {
	var found, at *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Value == key && k.Kind == yaml.ScalarNode {
			if found != nil {
				line, _ := d.position(at)
				return nil, d.refusal(k, fmt.Sprintf("key %s is written twice, first on line %d", key, line), "delete one of them")
			}
			found, at = n.Content[i+1], k
		}
	}
	return found, nil
}

// element returns the element of a list by the value of one of its keys.
func (d *Document) element(n *yaml.Node, s Step) (*yaml.Node, int, error) {
	var found *yaml.Node
	for _, item := range n.Content {
		v := Member(item, s.Match)
		if v == nil || v.Value != s.Key {
			continue
		}
		if found != nil {
			return nil, 0, d.refusal(item, fmt.Sprintf("two elements have the %s %s", s.Match, s.Key), "")
		}
		found = item
	}
	return found, 1, nil
}

// Member returns the last value of a key of a mapping, behind aliases; nil if
// there is none.
func Member(n *yaml.Node, key string) *yaml.Node {
	n = Deref(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if n.Content[i].Value == key {
			return Deref(n.Content[i+1])
		}
	}
	return nil
}

// Lookup follows keys, behind aliases; nil if one of them is not there.
func Lookup(n *yaml.Node, keys ...string) *yaml.Node {
	n = Deref(n)
	for _, k := range keys {
		n = Member(n, k)
	}
	return n
}

// Text returns the scalar that keys lead to, "" if there is none.
func Text(n *yaml.Node, keys ...string) string {
	n = Lookup(n, keys...)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// Items returns the elements of the list that keys lead to.
func Items(n *yaml.Node, keys ...string) []*yaml.Node {
	n = Lookup(n, keys...)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// Deref returns what an alias stands for.
func Deref(n *yaml.Node) *yaml.Node {
	for range maxPath {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}
