package pattern

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// Nodes of a pattern.
type (
	// literal is 'text'.
	literal string

	// sequence is one node after the other.
	sequence []node

	// alternatives is (a | b).
	alternatives []node

	// repeat is n{min,max}.
	repeat struct {
		n        node
		min, max int
	}

	// optional is n?.
	optional struct{ n node }

	// export is n:name.
	export struct {
		n    node
		name string
	}

	// look is >>n, <<n and their negations.
	look struct {
		n           node
		behind, not bool
	}

	// class is one character of a set, min to max times, as many as possible.
	class struct {
		in       func(b byte) bool
		min, max int
	}

	// data is LD and DATA: as little as possible, at least min bytes.
	data struct {
		min, max int
		line     bool
	}

	// value is a matcher of one type: it has at most one end.
	value struct {
		scan func(m *matcher, at int) (end int, v dql.Value)
	}
)

func (l literal) match(m *matcher, at int, next func(int) bool) bool {
	return strings.HasPrefix(m.s[at:], string(l)) && next(at+len(l))
}

func (q sequence) match(m *matcher, at int, next func(int) bool) bool {
	if len(q) == 0 {
		return next(at)
	}
	return m.match(q[0], at, func(end int) bool { return m.match(q[1:], end, next) })
}

func (a alternatives) match(m *matcher, at int, next func(int) bool) bool {
	for _, n := range a {
		if m.match(n, at, next) {
			return true
		}
	}
	return false
}

func (r repeat) match(m *matcher, at int, next func(int) bool) bool { return r.from(m, at, 0, next) }

// from matches n again after count times, as often as possible.
func (r repeat) from(m *matcher, at, count int, next func(int) bool) bool {
	if count < r.max && m.steps < maxSteps && count < maxDepth {
		kept := len(m.captures)
		again := m.match(r.n, at, func(end int) bool {
			return end > at && r.from(m, end, count+1, next)
		})
		if again {
			return true
		}
		m.captures = m.captures[:kept]
	}
	return count >= r.min && next(at)
}

// maxDepth bounds how often a group repeats.
const maxDepth = 5_000

func (o optional) match(m *matcher, at int, next func(int) bool) bool {
	kept := len(m.captures)
	if m.match(o.n, at, next) {
		return true
	}
	m.captures = m.captures[:kept]
	return next(at)
}

func (e export) match(m *matcher, at int, next func(int) bool) bool {
	if v, ok := e.n.(value); ok {
		end, val := v.scan(m, at)
		return end >= 0 && m.keep(e.name, val, end, next)
	}
	return m.match(e.n, at, func(end int) bool {
		return m.keep(e.name, dql.String(m.s[at:end]), end, next)
	})
}

// keep notes a capture for as long as the rest of the pattern matches.
func (m *matcher) keep(name string, v dql.Value, end int, next func(int) bool) bool {
	kept := len(m.captures)
	m.captures = append(m.captures, capture{name, v})
	if next(end) {
		return true
	}
	m.captures = m.captures[:kept]
	return false
}

// lookBack is how far << looks.
const lookBack = 64

func (l look) match(m *matcher, at int, next func(int) bool) bool {
	found := false
	if l.behind {
		for from := at; from >= max(0, at-lookBack) && !found; from-- {
			found = m.match(l.n, from, func(end int) bool { return end == at })
		}
	} else {
		_, found = m.run(l.n, at)
	}
	return found != l.not && next(at)
}

func (c class) match(m *matcher, at int, next func(int) bool) bool {
	n := 0
	for n < c.max && at+n < len(m.s) && c.in(m.s[at+n]) {
		n++
	}
	for ; n >= c.min; n-- {
		if m.steps++; m.steps > maxSteps {
			return false
		}
		if next(at + n) {
			return true
		}
	}
	return false
}

func (d data) match(m *matcher, at int, next func(int) bool) bool {
	for n := 0; n <= d.max && at+n <= len(m.s); n++ {
		if n > 0 && d.line && m.s[at+n-1] == '\n' {
			return false
		}
		if n < d.min {
			continue
		}
		if m.steps++; m.steps > maxSteps {
			return false
		}
		if next(at + n) {
			return true
		}
	}
	return false
}

func (v value) match(m *matcher, at int, next func(int) bool) bool {
	end, _ := v.scan(m, at)
	return end >= 0 && next(end)
}

// rest is LD or DATA at the end of a pattern: everything up to the end of the
// line or of the text.
type rest struct{ data }

func (r rest) match(m *matcher, at int, next func(int) bool) bool {
	n := len(m.s) - at
	if i := strings.IndexByte(m.s[at:], '\n'); r.line && i >= 0 {
		n = i
	}
	for n = min(n, r.max); n >= r.min; n-- {
		if next(at + n) {
			return true
		}
		if m.steps++; m.steps > maxSteps {
			return false
		}
	}
	return false
}
