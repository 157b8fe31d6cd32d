// Package check says what is wrong with a query before it runs: what Grail
// refuses, and what it runs though nobody can mean it, such as a comparison
// that is never true.
//
// It knows the grammar, the table of functions and the fields of problems; it
// sees no data.
package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A Severity says how bad a finding is.
type Severity int

const (
	Warning Severity = iota // runs, but hardly as meant
	Refused                 // Grail answers with an error
	Broken                  // does not parse
)

var severities = [...]string{"warning", "error", "error"}

// String returns the word that reports use.
func (s Severity) String() string { return severities[s] }

// A Finding is one thing that is wrong, and what to write instead.
type Finding struct {
	Severity Severity
	*syntax.Error
}

// String writes file:line:column: severity: message [CODE], without the hint.
func (f Finding) String() string {
	at := fmt.Sprintf("%d:%d", f.Start.Line, f.Start.Column)
	if f.File != "" {
		at = f.File + ":" + at
	}
	return fmt.Sprintf("%s: %s: %s [%s]", at, f.Severity, f.Message, f.Code)
}

// Text checks a text; name is that of its file. The findings are in the order
// of the text.
func Text(name, text string) []Finding {
	q, err := syntax.Parse(name, text)
	if q == nil {
		return []Finding{{Broken, syntax.AsError(err)}}
	}
	return Query(q)
}

// Query checks a tree.
func Query(q *syntax.Query) []Finding {
	c := &checker{q: q}
	for _, e := range q.Errors {
		c.findings = append(c.findings, Finding{Broken, e})
	}
	c.query(q)
	slices.SortStableFunc(c.findings, func(a, b Finding) int { return cmp.Compare(a.Start.Index, b.Start.Index) })
	return slices.CompactFunc(c.findings, func(a, b Finding) bool { return a.Code == b.Code && a.Start == b.Start && a.Message == b.Message })
}

// A checker walks through one query and its subqueries.
type checker struct {
	q        *syntax.Query
	findings []Finding
	scope    *scope
	pipe     *pipe
}

// A pipe is what is known of the commands so far.
type pipe struct {
	table    string // of the fetch
	problems bool   // updates of problems may be in the rows, one row each
	deduped  bool
	status   syntax.Node // a filter on the status, before any dedup
	joined   syntax.Node // a join since the last grouping
}

func (c *checker) report(s Severity, code string, at syntax.Node, hint, format string, args ...any) {
	c.findings = append(c.findings, Finding{s, c.q.Errorf(code, at, format, args...).With(hint)})
}

func (c *checker) warn(code string, at syntax.Node, hint, format string, args ...any) {
	c.report(Warning, code, at, hint, format, args...)
}

func (c *checker) refuse(e *syntax.Error) {
	if e != nil {
		c.findings = append(c.findings, Finding{Refused, e})
	}
}

// query checks a query or subquery and returns the scope it ends with.
func (c *checker) query(q *syntax.Query) *scope {
	outer := *c
	defer func() { c.scope, c.pipe = outer.scope, outer.pipe }()
	c.scope, c.pipe = newScope(true), &pipe{}
	for _, cmd := range q.Commands {
		c.command(cmd)
	}
	c.resurrected()
	return c.scope
}

// resurrected warns about a filter on the status of updates.
func (c *checker) resurrected() {
	if c.pipe.status != nil && c.pipe.problems {
		c.warn("STATUS_OF_UPDATES", c.pipe.status, "put dedup event.id, sort:{timestamp desc} before the filter, or fetch dt.davis.problems",
			"A problem has a record for each of its updates: one that is closed by now still has open ones.")
		c.pipe.status = nil
	}
}

// A scope is what is known of the fields at one place of the pipe: their types,
// KindNull where the type is not known.
type scope struct {
	open  bool // other fields may exist
	types map[string]dql.Kind
	names []string
	gone  map[string]string // fields that a command dropped, and which one
}

func newScope(open bool) *scope {
	return &scope{open: open, types: map[string]dql.Kind{}, gone: map[string]string{}}
}

func (s *scope) has(name string) bool {
	_, ok := s.types[name]
	return ok
}

func (s *scope) add(name string, k dql.Kind) {
	if !s.has(name) {
		s.names = append(s.names, name)
	}
	s.types[name] = k
	delete(s.gone, name)
}

// closed returns a scope with no fields, which remembers what command dropped
// those of s.
func (s *scope) closed(command string) *scope {
	out := newScope(false)
	for n, by := range s.gone {
		out.gone[n] = by
	}
	for n := range s.types {
		out.gone[n] = command
	}
	if s.open {
		for n := range fieldTypes {
			out.gone[n] = command
		}
	}
	return out
}
