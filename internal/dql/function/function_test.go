package function_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// Each row of the table can be called as it says, and reads back as written.
func TestTable(t *testing.T) {
	if n := len(function.All()); n < 200 {
		t.Fatalf("%d functions", n)
	}
	seen := map[string]bool{}
	for _, s := range function.All() {
		if seen[s.Name] {
			t.Errorf("%s stands twice", s.Name)
		}
		seen[s.Name] = true
		if s.Doc == "" || strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%s: doc %q", s.Name, s.Doc)
		}
		if function.Lookup(strings.ToUpper(s.Name)) != s {
			t.Errorf("%s is not found in upper case", s.Name)
		}
		if !strings.HasPrefix(s.URL(), "https://docs.dynatrace.com/") {
			t.Errorf("%s: %s", s.Name, s.URL())
		}
		variadic := slices.IndexFunc(s.Params, func(p function.Param) bool { return p.Variadic })
		if variadic >= 0 && variadic != len(s.Params)-1 {
			t.Errorf("%s: the variadic parameter is not the last", s.Name)
		}
		q, err := syntax.Parse("", "fetch x | fieldsAdd "+call(s))
		if err != nil {
			t.Fatal(err)
		}
		c := q.Commands[1].Params[0].Value.(*syntax.Call)
		args, bad := s.Resolve(q, c, c.Params)
		if bad != nil {
			t.Errorf("%s: %v", call(s), bad)
			continue
		}
		for _, p := range s.Params {
			if !args.Has(p.Name) {
				t.Errorf("%s: %s has no argument", call(s), p.Name)
			}
		}
	}
}

// call is a call with all parameters.
func call(s *function.Signature) string {
	var args []string
	for _, p := range s.Params {
		if p.Named {
			args = append(args, p.Name+": x")
		} else {
			args = append(args, "x")
		}
	}
	return s.Name + "(" + strings.Join(args, ", ") + ")"
}

func TestSuggest(t *testing.T) {
	for name, want := range map[string]string{"uper": "did you mean upper?", "CountIff": "did you mean countIf?", "frobnicate": ""} {
		if got := function.Suggest(name, function.All()); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
