package scalar

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/pattern"
)

// patterns are the functions that take a pattern in DPL.
var patterns = map[string]Func{
	"parse":          parse,
	"parseAll":       parseAll,
	"matchesPattern": matchesPattern,
	"replacePattern": replacePattern,
	"splitByPattern": splitByPattern,
}

// Pattern compiles a pattern, once for each text; nil if it is none.
func (e *Env) Pattern(text string) *pattern.Pattern {
	return memo(e, "dpl "+text, func() *pattern.Pattern {
		p, err := pattern.Compile(text)
		if err != nil {
			return nil
		}
		return p
	})
}

// subject returns the string and the pattern of a call.
func (e *Env) subject(a []dql.Value) (string, *pattern.Pattern) {
	s, ok := a[0].AsString()
	text, okText := a[1].AsString()
	if !ok || !okText {
		return "", nil
	}
	return s, e.Pattern(text)
}

// parse is the one value that a pattern exports, or a record of several.
func parse(e *Env, a []dql.Value) dql.Value {
	s, p := e.subject(a)
	if p == nil {
		return dql.Null
	}
	vals, ok := p.Parse(s, e.location())
	if !ok {
		return dql.Null
	}
	return exported(p, vals)
}

func exported(p *pattern.Pattern, vals []dql.Value) dql.Value {
	if len(vals) == 1 {
		return vals[0]
	}
	return dql.Object(dql.NewRecord(p.Exports(), vals))
}

func parseAll(e *Env, a []dql.Value) dql.Value {
	s, p := e.subject(a)
	if p == nil {
		return dql.Null
	}
	out := []dql.Value{}
	for _, f := range p.All(s, e.location()) {
		out = append(out, exported(p, f.Values))
	}
	return dql.Array(out...)
}

func matchesPattern(e *Env, a []dql.Value) dql.Value {
	s, p := e.subject(a)
	if p == nil {
		return dql.Null
	}
	return dql.Bool(p.Match(s, e.location()))
}

func replacePattern(e *Env, a []dql.Value) dql.Value {
	s, p := e.subject(a)
	with, ok := a[2].AsString()
	if p == nil || !ok {
		return dql.Null
	}
	var b strings.Builder
	at := 0
	for _, f := range p.All(s, e.location()) {
		b.WriteString(s[at:f.Start] + with)
		at = f.End
		if b.Len() > maxText {
			return dql.Null
		}
	}
	return dql.String(b.String() + s[at:])
}

func splitByPattern(e *Env, a []dql.Value) dql.Value {
	s, p := e.subject(a)
	if p == nil {
		return dql.Null
	}
	out := []dql.Value{}
	at := 0
	for _, f := range p.All(s, e.location()) {
		out = append(out, dql.String(s[at:f.Start]))
		at = f.End
	}
	return dql.Array(append(out, dql.String(s[at:]))...)
}
