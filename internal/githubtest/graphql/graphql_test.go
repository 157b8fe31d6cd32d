package graphql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest/graphql"
)

// show writes a selection in one form, whatever form it came in.
func show(fields []graphql.Field) string {
	var parts []string
	for _, f := range fields {
		s := f.Alias + ":" + f.Name
		if f.On != "" {
			s = "... on " + f.On
		}
		if f.Args != nil {
			s += fmt.Sprint(f.Args)
		}
		if f.Fields != nil {
			s += "{" + show(f.Fields) + "}"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestParse(t *testing.T) {
	for query, want := range map[string]string{
		`{a b}`:                           "a:a b:b",
		`query{a}`:                        "a:a",
		`query Q($x: String!){a}`:         "a:a",
		`mutation{a(x:$x){b}}`:            "a:a map[x:v]{b:b}",
		`mutation M($x: In!){a}`:          "a:a",
		`{a:b(x:$x, n:5 t:true){c}}`:      "a:b map[n:5 t:true x:v]{c:c}",
		`{a(s:"\u0041\"{"){... on B{c}}}`: `a:a map[s:A"{]{... on B{c:c}}`,
		"{a # {comment\n b}":              "a:a b:b",
		"{a} # end":                       "a:a",
		`{}`:                              "",
		``:                                `!Parse error on "" at`,
		`{a}}`:                            `!Parse error on "}" at [1, 4]`,
		`{5}`:                             `!Parse error on "5" at [1, 2]`,
		`subscription{a}`:                 "!Schema is not configured for subscriptions",
		`query($y:Int!){a}`:               "!Variable $y of type Int! was provided invalid value",
		strings.Repeat("{a", 40):          "!exceeds max depth",
	} {
		root, fields, err := graphql.Parse(query, map[string]any{"x": "v"})
		if mutates := strings.HasPrefix(query, "mutation"); err == nil && mutates != (root == graphql.Mutation) {
			t.Errorf("%s is a %s", query, root)
		}
		if text, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: error %v, want %s", query, err, text)
			}
			continue
		}
		if got := strings.ReplaceAll(show(fields), "map[", " map["); err != nil || strings.ReplaceAll(got, "  ", " ") != want {
			t.Errorf("%s: %s %v, want %s", query, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{a:b(x:$x){... on C{d}}}`, `query Q($a:[Int!]!){a(b:"c")}`, `{a(`, `{... on`, `query(`, "\"\x00", `{a(b:"\ud800")}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if _, fields, err := graphql.Parse(query, nil); err == nil && strings.Count(show(fields), "{") > len(query) {
			t.Errorf("%q parsed into more than it holds", query)
		}
	})
}
