package githubtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/scanner"
)

// A field is one line of a GraphQL selection, or a fragment if on is set.
type field struct {
	alias  string // name if none is given
	name   string
	args   map[string]any
	on     string // type condition of an inline fragment
	fields []field
}

// maxNesting bounds the depth of a query.
const maxNesting = 25

// A gqlParser reads the part of GraphQL that queries need: operations with
// variables, fields with aliases and arguments, inline fragments.
// https://spec.graphql.org/October2021/#sec-Language
type gqlParser struct {
	scanner.Scanner
	variables map[string]any
	token     string
	err       error
}

// parseQuery returns the selection of a query, with variables filled in.
func parseQuery(query string, variables map[string]any) ([]field, error) {
	p := &gqlParser{variables: variables}
	p.Init(strings.NewReader(query))
	p.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings
	p.Error = func(_ *scanner.Scanner, msg string) { p.fail("%s", msg) }
	p.next()
	if p.token == "mutation" || p.token == "subscription" {
		return nil, fmt.Errorf("Schema is not configured for %ss", p.token)
	}
	if p.token == "query" {
		for p.next(); p.token != "{" && p.token != "(" && p.token != ""; {
			p.next()
		}
		p.declarations()
	}
	fields := p.selection(0)
	if p.err == nil && p.token != "" {
		p.unexpected()
	}
	return fields, p.err
}

func (p *gqlParser) next() {
	p.token = ""
	if p.Scan() != scanner.EOF && p.err == nil {
		p.token = p.TokenText()
	}
}

func (p *gqlParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.token = ""
}

func (p *gqlParser) unexpected() {
	p.fail("Parse error on %q at [%d, %d]", p.token, p.Position.Line, p.Position.Column)
}

func (p *gqlParser) expect(token string) {
	if p.token != token {
		p.unexpected()
		return
	}
	p.next()
}

// declarations reads ($a: String!, …) and refuses a required variable that is
// not there.
func (p *gqlParser) declarations() {
	if p.token != "(" {
		return
	}
	for p.next(); p.token == "$"; {
		p.next()
		name := p.token
		p.next()
		p.expect(":")
		kind := ""
		for p.token != "$" && p.token != ")" && p.token != "" {
			kind += p.token
			p.next()
		}
		kind = strings.TrimSuffix(kind, ",")
		if _, given := p.variables[name]; strings.HasSuffix(kind, "!") && !given {
			p.fail("Variable $%s of type %s was provided invalid value", name, kind)
		}
	}
	p.expect(")")
}

func (p *gqlParser) selection(depth int) []field {
	if depth > maxNesting {
		p.fail("Query has depth of %d, which exceeds max depth of %d", depth, maxNesting)
	}
	p.expect("{")
	var fields []field
	for p.token != "}" && p.token != "" {
		fields = append(fields, p.field(depth))
		if p.token == "," {
			p.next()
		}
	}
	p.expect("}")
	return fields
}

func (p *gqlParser) field(depth int) field {
	if p.token == "." {
		for range 3 {
			p.expect(".")
		}
		p.expect("on")
		f := field{on: p.token}
		p.next()
		f.fields = p.selection(depth + 1)
		return f
	}
	f := field{name: p.token, alias: p.token}
	if !identifier(p.token) {
		p.unexpected()
	}
	p.next()
	if p.token == ":" {
		p.next()
		f.name = p.token
		p.next()
	}
	if p.token == "(" {
		f.args = p.arguments()
	}
	if p.token == "{" {
		f.fields = p.selection(depth + 1)
	}
	return f
}

func identifier(s string) bool {
	return s != "" && strings.IndexFunc(s[:1], func(r rune) bool { return r != '_' && (r < 'A' || r > 'z' || r > 'Z' && r < 'a') }) < 0
}

func (p *gqlParser) arguments() map[string]any {
	args := map[string]any{}
	for p.expect("("); p.token != ")" && p.token != ""; {
		name := p.token
		p.next()
		p.expect(":")
		args[name] = p.value()
		if p.token == "," {
			p.next()
		}
	}
	p.expect(")")
	return args
}

func (p *gqlParser) value() any {
	token := p.token
	p.next()
	switch {
	case token == "$":
		v := p.variables[p.token]
		p.next()
		return v
	case strings.HasPrefix(token, `"`):
		var s string
		if json.Unmarshal([]byte(token), &s) != nil {
			p.fail("Parse error on bad string %s", token)
		}
		return s
	case token == "true", token == "false":
		return token == "true"
	case token == "null":
		return nil
	}
	return token
}
