package tfedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/patch"
)

// addresses lists what could be addressed in the configuration files of a
// repository: the attributes of its blocks, at most n.
func addresses(r *Repository, n int) []Target {
	var out []Target
	var walk func(dir, at string, body *hclsyntax.Body)
	walk = func(dir, at string, body *hclsyntax.Body) {
		for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
			out = append(out, Target{Dir: dir, Address: at + "." + name})
		}
		for i, b := range body.Blocks {
			if len(b.Labels) == 0 {
				walk(dir, at+"."+b.Type+"["+strconv.Itoa(i)+"]", b.Body)
			}
		}
	}
	for f := range r.all() {
		if f.kind != config {
			continue
		}
		for _, b := range f.parse().Blocks {
			if b.Type == "resource" || b.Type == "module" || b.Type == "locals" {
				walk(filepath.Dir(f.path), nameOf(b), b.Body)
			}
		}
	}
	return out[:min(n, len(out))]
}

// checkSet gives a target another value and holds the result against what is
// promised: one file changes, in the lines of the edit or, in a file that was
// formatted, in white space only; undone, it is what it was; refused, nothing.
func checkSet(t testing.TB, r *Repository, tt Target) {
	t.Helper()
	before, err := r.Locate(t.Context(), tt)
	var several *AmbiguousError
	var refusal *patch.Refusal
	if err != nil {
		if !errors.As(err, &several) && !errors.As(err, &refusal) {
			t.Fatalf("%s: %v is no answer", tt, err)
		}
		return
	}
	value := "salve"
	if !before.Quoted && before.Value != "" {
		value = map[string]string{"true": "false", "false": "true"}[before.Value]
		if value == "" {
			value = "1234567"
		}
	}
	c, err := r.Set(t.Context(), tt, value)
	if err != nil {
		if !errors.As(err, &refusal) || len(c.Files) > 0 && c.Files[0].Path == "" {
			t.Fatalf("%s: %v is no answer", tt, err)
		}
		return
	}
	if len(c.Files) != 1 || c.Files[0].Path != before.File {
		t.Fatalf("%s: changes %d files, want %s", tt, len(c.Files), before.File)
	}
	for _, h := range patch.Hunks(c.Files[0].Before, c.Files[0].After) {
		for i := range min(len(h.Old), len(h.New)) {
			comma := !before.Written && sameButSpace(h.Old[i]+",", h.New[i]) // before a new member of JSON
			if h.OldLine+i != before.Line && !comma && !sameButSpace(h.Old[i], h.New[i]) {
				t.Errorf("%s: changes line %d %q to %q, want line %d only", tt, h.OldLine+i, h.Old[i], h.New[i], before.Line)
			}
		}
		if added := len(h.New) - len(h.Old); added > 1 || added < 0 || added == 1 && before.Written {
			t.Errorf("%s: adds %d lines", tt, added)
		}
	}
	undo(t, r, tt, c)
}

func sameButSpace(a, b string) bool {
	return strings.Join(strings.Fields(a), "") == strings.Join(strings.Fields(b), "")
}

// TestEverything sets each attribute of each repository in testdata.
func TestEverything(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	more, _ := filepath.Glob("testdata/*/*.txtar")
	n := 0
	for _, file := range append(files, more...) {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := newScript(ar)
		for _, env := range []string{"", "production"} {
			r := s.files.open(t)
			for _, tt := range addresses(r, 1000) {
				tt.Environment = env
				checkSet(t, r, tt)
				n++
			}
		}
	}
	if n < 500 {
		t.Errorf("%d targets, want at least 500", n)
	}
}

// FuzzSet sets what can be addressed in any text.
func FuzzSet(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no testdata")
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		s := newScript(ar)
		f.Add([]byte(s.files["main.tf"]), []byte(s.files["main.tf.json"]), []byte(s.files["application_variables.json"]))
	}
	f.Fuzz(func(t *testing.T, native, inJSON, data []byte) {
		files := texts{"main.tf": string(native), "main.tf.json": string(inJSON), "application_variables.json": string(data), "env/prod.tfvars": "max = 1\n"}
		r := files.open(t)
		for _, tt := range addresses(r, 12) {
			checkSet(t, r, tt)
			tt.Environment = "prod"
			checkSet(t, r, tt)
		}
	})
}

// FuzzJSON holds the reader of JSON against that of the standard library.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, -2.5e3, "x\n", true, null, {}]}`, `[`, `{"a":}`, `"${x}"`, `1e`, `"\ud800"`, ` []x`, `{"a":1,}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		e, err := readJSON("x.json", src, 0, len(src), false)
		if valid := json.Valid(src); valid != (err == nil) && utf8.Valid(src) && !strings.Contains(errorText(err), "levels") {
			t.Fatalf("%q: %v, want valid %v", src, err, valid)
		}
		if err == nil && !json.Valid(src[e.Range().Start.Byte:e.Range().End.Byte]) {
			t.Errorf("%q: value is not at %v", src, e.Range())
		}
		if _, err := readJSON("x.json", src, 0, len(src), true); err == nil && bytes.Count(src, []byte("${")) == 0 && !json.Valid(src) {
			t.Errorf("%q: template is read where JSON is not", src)
		}
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzAddress prints what it parsed, and parses that.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"aws_x.y.z", `a.b["c.d"][0].e`, "a[*].b[name=x]", `a[name="x]"]`, "a..b", "a[", ".a", `a["\x00"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseAddress(s)
		if err != nil {
			return
		}
		again, err := parseAddress(p.String())
		if err != nil || !slices.Equal(p, again) {
			t.Errorf("%q is %q, which is %q (%v)", s, p, again, err)
		}
	})
}
