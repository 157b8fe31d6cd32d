// Package pattern matches text with Dynatrace's pattern language, DPL, as
// parse, parseAll, matchesPattern, replacePattern and splitByPattern use it:
//
//	IPADDR:ip ' ' LD:user ' [' TIMESTAMP('yyyy-MM-dd HH:mm:ss'):at ']'
//
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-pattern-language
package pattern

import (
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A Pattern is a compiled pattern. It may be used by many goroutines.
type Pattern struct {
	root    node
	exports []string
}

// Compile reads a pattern.
func Compile(text string) (*Pattern, error) {
	p := &parser{text: text, macros: map[string]node{}}
	root, err := p.pattern()
	if err != nil {
		return nil, err
	}
	return &Pattern{root: root, exports: p.exports}, nil
}

// Exports returns the names that the pattern gives to what it matches, in
// their order.
func (p *Pattern) Exports() []string { return p.exports }

// Parse matches p at the beginning of s and returns the exported values, null
// for an optional part that did not match. It reports false if p does not
// match.
func (p *Pattern) Parse(s string, loc *time.Location) ([]dql.Value, bool) {
	m := &matcher{s: s, loc: loc}
	_, ok := m.run(p.root, 0)
	return m.values(p.exports), ok
}

// Match reports whether p matches the whole of s.
func (p *Pattern) Match(s string, loc *time.Location) bool {
	m := &matcher{s: s, loc: loc}
	return m.match(p.root, 0, func(end int) bool { return end == len(s) })
}

// A Found is one match inside a text.
type Found struct {
	Start, End int
	Values     []dql.Value // in the order of Exports
}

// All returns the matches of p in s, from left to right, none of them empty.
func (p *Pattern) All(s string, loc *time.Location) []Found {
	var out []Found
	m := &matcher{s: s, loc: loc}
	for at, spent := 0, 0; at < len(s) && spent < 50*maxSteps; spent += m.steps {
		m.captures, m.steps = m.captures[:0], 0
		end, ok := m.run(p.root, at)
		if !ok || end == at {
			at++
			continue
		}
		out = append(out, Found{at, end, m.values(p.exports)})
		at = end
	}
	return out
}

// maxSteps bounds the work of one match; a pattern that needs more does not
// match.
const maxSteps = 200_000

// A matcher matches by trying one way after the other.
type matcher struct {
	s        string
	loc      *time.Location
	steps    int
	captures []capture
}

type capture struct {
	name string
	v    dql.Value
}

// A node matches at a position and calls next with every end it can have,
// until next is content.
type node interface {
	match(m *matcher, at int, next func(end int) bool) bool
}

func (m *matcher) match(n node, at int, next func(int) bool) bool {
	if m.steps++; m.steps > maxSteps {
		return false
	}
	return n.match(m, at, next)
}

// run returns the first end that n can have.
func (m *matcher) run(n node, at int) (end int, ok bool) {
	ok = m.match(n, at, func(e int) bool {
		end = e
		return true
	})
	return end, ok
}

// values returns the last capture of each name.
func (m *matcher) values(names []string) []dql.Value {
	out := make([]dql.Value, len(names))
	for i, name := range names {
		for _, c := range m.captures {
			if c.name == name {
				out[i] = c.v
			}
		}
	}
	return out
}
