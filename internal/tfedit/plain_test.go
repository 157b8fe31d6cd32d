package tfedit

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/testdata"
)

// samePlain reports whether a text is plain, and fails unless what is made of it
// is what package hclsyntax makes of it, down to the positions.
func samePlain(t *testing.T, src []byte) bool {
	t.Helper()
	if _, what := screen(src); what != "" {
		return false
	}
	have := readPlain("main.tf", src)
	if have == nil {
		return false
	}
	parsed, diags := hclsyntax.ParseConfig(src, "main.tf", hcl.InitialPos)
	switch {
	case diags.HasErrors():
		t.Errorf("%q does not parse: %v", src, diags)
	case !reflect.DeepEqual(have, parsed.Body):
		want := parsed.Body.(*hclsyntax.Body)
		t.Errorf("%q reads differently%s", src, differs("", reflect.ValueOf(have), reflect.ValueOf(want)))
	}
	return true
}

// differs names the first place where two values differ.
func differs(at string, a, b reflect.Value) string {
	if a.Kind() != b.Kind() || a.IsValid() && a.Type() != b.Type() {
		return at + ": other kinds"
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			if a.IsNil() != b.IsNil() {
				return at + ": one is nil"
			}
			return ""
		}
		return differs(at, a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if s := differs(at+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i)); s != "" {
				return s
			}
		}
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return at + ": other lengths"
		}
		for i := range a.Len() {
			if s := differs(at, a.Index(i), b.Index(i)); s != "" {
				return s
			}
		}
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return at + ": other lengths"
		}
		for _, k := range a.MapKeys() {
			if s := differs(at, a.MapIndex(k), b.MapIndex(k)); s != "" {
				return s
			}
		}
	case reflect.Int:
		if a.Int() != b.Int() {
			return at
		}
	case reflect.String:
		if a.String() != b.String() {
			return at
		}
	}
	return ""
}

// TestPlain holds what is read fast against package hclsyntax, over pieces that
// are plain, pieces that are not, and all configuration in testdata.
func TestPlain(t *testing.T) {
	for _, src := range []string{
		"a = 1", "a = 1\n", "\n\na = 1 # c\n", "# c\na=1", "/* c */ a = 1\n", "/* c\n */ a = -1.5\n", "a = 1\r\nb = 2\r\n", "# c\r\na = 1\r\n",
		`a = ""`, `a = "x"`, `a = "x${y}"`, `a = "${y}"`, `a = "${y}z${w.v}"`, `a = "\"\\\n\t\r"`, `a = "5%"`, `a = "5$"`, `a = "$x %y"`, `a = "${"${x}"}"`,
		"a = b.c.d[0][\"e\"][f].g[*].h\n", "a = b[*]\n", "a = b[*][0]\n", "a = f(x)[0].y\n", "a = [1, 2,\n3,\n]\n", "a = []\n", "a = {}\n",
		"a = { b = 1, c : 2\n d = 3 # x\n\n \"e\" = 4\n (f) = 5 }\n", "a = f()\n", "a = f(1, x...)\n", "a = f(\n1,\n2,\n)\n", "a = (\n1\n)\n",
		"a = !b && c || -d + 3 * 4 - 5 % 6 / 7 == e ? f : g != h\n", "a = x ? y ? 1 : 2 : 3\n", "a = 1 < 2 && 3 >= 4 || 5 <= 6 && 7 > 8\n",
		"a = [for x in y : z if w]\n", "a = {for k, v in y : k => v...}\n", "a = [for x in y :\n z\n]\n", "a = { for k in y : k => 1 if k != \"\" }\n",
		"b {}\n", "b \"l\" m {\n}\n", "b { a = 1 }\n", "b {\n a = 1\n c {\n }\n}\n", "a = true\nb = null\nc = false\n", "true = 1\n", "a = for\n", "a = {for = 1}\n",
		"a = \"${\nx\n}\"\nb = 2\n", "b \"\" {\n}\n", "a = b /* x */ + c\n", "a = [ # x\n 1 # y\n]\n", "a = 10000000000000000000000000001\n",
		"", "\n", "# c", "# c\n", "a", "a =", "a = 1 b = 2", "a = 1\na = 2\n", "a = <<E\nx\nE\n", `a = "%{if x}y%{endif}"`, `a = "$${x}"`, `a = "é"`, "a = é\n", "# é\na = 1\n", "/* é */ a = 1\n",
		"a = b.0\n", "a = b.*.c\n", "a = 1.\n", "a = 1e3\n", "a = [for , x in y : z]\n", "a = {for x in y : z}\n", "a = [for x in y : k => z]\n", "a = [for x in y : z...]\n",
		"a == 1\n", "a = b c\n", "a = {b}\n", "a = {b = 1 c = 2}\n", "a = {b = 1,, c = 2}\n", "a = [,]\n", "a = f(,)\n", "a = f(x... , y)\n", "b {\n", "b }\n", "b \"x${y}\" {\n}\n",
		"b { a = 1, c = 2 }\n", "b { a = 1\n}\n", "b { c {} }\n", "a = \"x\ny\"\n", "a = x::y()\n", "a = 5m\n", "a = a.b.\n", "a = ${b}\n", "a = b ? c\n", "\"a\" = 1\n", "a = 'x'\n", "a = 1 ** 2\n",
		"\xef\xbb\xbfa = 1\n", "a = 1\rb = 2\n", "a = {\n\"b\" = 1\n, c = 2}\n", "a = b\n.c\n", "a = (b\n.c)\n", "a = [b\n[0]]\n",
	} {
		samePlain(t, []byte(src))
	}
	n, all := 0, 0
	for _, src := range configurations(t) {
		if all++; samePlain(t, src) {
			n++
		}
	}
	t.Logf("%d of %d texts in testdata are plain", n, all)
	if n < all/2 {
		t.Errorf("%d of %d texts are plain, want most", n, all)
	}
}

// configurations are the HCL files of the testdata of this package and of the
// demo's repositories.
func configurations(t testing.TB) [][]byte {
	var out [][]byte
	add := func(name string, text []byte) {
		if k, isJSON := kindOf(name); k != none && !isJSON {
			out = append(out, text)
		}
	}
	err := filepath.WalkDir("testdata", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if strings.HasSuffix(name, ".txtar") {
			for _, f := range txtar.Parse(text).Files {
				add(f.Name, f.Data)
			}
		}
		add(strings.TrimSuffix(name, ".want"), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(testdata.FS, "demo/repos", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := testdata.FS.ReadFile(name)
		add(name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzPlain(f *testing.F) {
	for _, src := range configurations(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) { samePlain(t, src) })
}
