// Package graphql parses the part of GraphQL that Salve needs: queries and
// mutations with variables, fields with aliases and arguments, inline fragments.
//
// https://spec.graphql.org/October2021/#sec-Language
package graphql

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/scanner"
)

// A Field is one line of a selection, or an inline fragment if On is set.
type Field struct {
	Alias  string // Name if none is given
	Name   string
	Args   map[string]any // string, bool, nil, other literals as written
	On     string         // type that a fragment is for
	Fields []Field
}

// maxNesting bounds the depth of a query.
const maxNesting = 25

// A parser reads a query with one token in hand.
type parser struct {
	scanner.Scanner
	variables map[string]any
	token     string
	err       error
}

// The types that a selection starts from.
const (
	Query    = "Query"
	Mutation = "Mutation"
)

// Parse returns the selection of a query or a mutation, with variables filled
// in, and which of the two it is. It fails in GitHub's words, with line and
// column.
func Parse(query string, variables map[string]any) (root string, fields []Field, err error) {
	p := &parser{variables: variables}
	p.Init(strings.NewReader(query))
	p.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings
	p.Error = func(_ *scanner.Scanner, msg string) { p.fail("%s", msg) }
	p.next()
	if p.token == "subscription" {
		return "", nil, fmt.Errorf("Schema is not configured for %ss", p.token)
	}
	root = Query
	if p.token == "mutation" {
		root = Mutation
	}
	if p.token == "query" || p.token == "mutation" {
		for p.next(); p.token != "{" && p.token != "(" && p.token != ""; {
			p.next()
		}
		p.declarations()
	}
	fields = p.selection(0)
	if p.err == nil && p.token != "" {
		p.unexpected()
	}
	return root, fields, p.err
}

// next takes the next token, over comments.
func (p *parser) next() {
	p.token = ""
	for p.err == nil && p.Scan() != scanner.EOF {
		if p.token = p.TokenText(); p.token != "#" {
			return
		}
		for c := p.Next(); c != '\n' && c != scanner.EOF; {
			c = p.Next()
		}
		p.token = ""
	}
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.token = ""
}

func (p *parser) unexpected() {
	p.fail("Parse error on %q at [%d, %d]", p.token, p.Position.Line, p.Position.Column)
}

func (p *parser) expect(token string) {
	if p.token != token {
		p.unexpected()
		return
	}
	p.next()
}

// declarations reads ($a: String!, …) and refuses a required variable that is
// not there.
func (p *parser) declarations() {
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

func (p *parser) selection(depth int) []Field {
	if depth > maxNesting {
		p.fail("Query has depth of %d, which exceeds max depth of %d", depth, maxNesting)
	}
	p.expect("{")
	var fields []Field
	for p.token != "}" && p.token != "" {
		fields = append(fields, p.field(depth))
		if p.token == "," {
			p.next()
		}
	}
	p.expect("}")
	return fields
}

func (p *parser) field(depth int) Field {
	if p.token == "." {
		for range 3 {
			p.expect(".")
		}
		p.expect("on")
		f := Field{On: p.token}
		p.next()
		f.Fields = p.selection(depth + 1)
		return f
	}
	f := Field{Name: p.token, Alias: p.token}
	if !identifier(p.token) {
		p.unexpected()
	}
	p.next()
	if p.token == ":" {
		p.next()
		f.Name = p.token
		p.next()
	}
	if p.token == "(" {
		f.Args = p.arguments()
	}
	if p.token == "{" {
		f.Fields = p.selection(depth + 1)
	}
	return f
}

func identifier(s string) bool {
	return s != "" && strings.IndexFunc(s[:1], func(r rune) bool { return r != '_' && (r < 'A' || r > 'z' || r > 'Z' && r < 'a') }) < 0
}

func (p *parser) arguments() map[string]any {
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

func (p *parser) value() any {
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
