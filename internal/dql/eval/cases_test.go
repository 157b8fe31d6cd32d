package eval_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A testCase is one line of testdata/cases.jsonl.
type testCase struct {
	ID        string            `json:"id"`
	Query     string            `json:"query"`
	Expected  []json.RawMessage `json:"expected"`
	Ordered   *bool             `json:"ordered"`
	Tolerance float64           `json:"tolerance"`
	Error     string            `json:"error"`
	Types     map[string]string `json:"types"`
}

// TestCases runs the published examples of the reference; see
// testdata/README.md.
func TestCases(t *testing.T) {
	for _, file := range []string{"testdata/cases.jsonl", "testdata/reference.jsonl"} {
		for _, c := range readCases(t, file) {
			t.Run(c.ID, func(t *testing.T) { c.run(t) })
		}
	}
}

func (c testCase) run(t *testing.T) {
	engine := &eval.Engine{Now: now, Source: eval.Records(nil)}
	res, err := engine.Query(context.Background(), dql.Query{Text: c.Query})
	if c.Error != "" {
		if e := syntax.AsError(err); e == nil || e.Code != c.Error {
			t.Fatalf("error %v, want %s", err, c.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var got, want []any
	for _, r := range res.Records {
		got = append(got, decode(t, dql.AppendJSON(nil, dql.Object(r))))
	}
	for _, raw := range c.Expected {
		want = append(want, decode(t, raw))
	}
	if !sameRows(got, want, c.Ordered == nil || *c.Ordered, c.Tolerance) {
		t.Errorf("%s\nhave %v\nwant %v", c.Query, got, want)
	}
	for name, kind := range c.Types {
		for _, r := range res.Records {
			if v := r.Get(name); !v.IsNull() && v.Kind().String() != kind {
				t.Errorf("%s is a %s, want %s", name, v.Kind(), kind)
			}
		}
	}
}

func readCases(t testing.TB, file string) []testCase {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []testCase
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

func decode(t *testing.T, raw []byte) any {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func sameRows(got, want []any, ordered bool, tolerance float64) bool {
	if len(got) != len(want) {
		return false
	}
	if ordered {
		return same(got, want, tolerance)
	}
	rest := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(rest, func(g any) bool { return same(g, w, tolerance) })
		if i < 0 {
			return false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return true
}

// same compares decoded JSON: numbers within a tolerance, a missing field as
// null.
func same(a, b any, tolerance float64) bool {
	switch a := a.(type) {
	case float64:
		f, ok := b.(float64)
		return ok && math.Abs(a-f) <= max(tolerance, 1e-9*max(math.Abs(a), math.Abs(f)))
	case string:
		s, ok := b.(string)
		return ok && strings.TrimSuffix(a, ".000000000Z") == strings.TrimSuffix(s, ".000000000Z")
	case []any:
		l, ok := b.([]any)
		return ok && len(a) == len(l) && !slices.ContainsFunc(indexes(a), func(i int) bool { return !same(a[i], l[i], tolerance) })
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok {
			return false
		}
		for k := range m {
			if _, have := a[k]; !have && m[k] != nil {
				return false
			}
		}
		for k, v := range a {
			if !same(v, m[k], tolerance) {
				return false
			}
		}
		return true
	}
	return a == b
}

func indexes(l []any) []int {
	out := make([]int, len(l))
	for i := range l {
		out[i] = i
	}
	return out
}
