package kubeedit

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/testdata"
)

// samePlain reports whether a document is plain, and fails unless what is made
// of it is what package yaml makes of it, comments aside.
func samePlain(t *testing.T, text []byte) bool {
	t.Helper()
	if screen("", text) != nil {
		return false
	}
	have := readPlain(text)
	if have == nil {
		return false
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		t.Errorf("%q does not parse: %v", text, err)
		return true
	}
	want := n.Content[0]
	withoutComments(want)
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%q reads differently at %s", text, differs("", have, want))
	}
	return true
}

func withoutComments(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, c := range n.Content {
		withoutComments(c)
	}
}

// differs names the first node that differs.
func differs(at string, a, b *yaml.Node) string {
	x, y := *a, *b
	x.Content, y.Content = nil, nil
	if !reflect.DeepEqual(x, y) || len(a.Content) != len(b.Content) || (a.Content == nil) != (b.Content == nil) {
		return at + "/: " + strings.Join([]string{a.Tag, a.Value, b.Tag, b.Value}, " ")
	}
	for i := range a.Content {
		if s := differs(at+"/"+a.Content[i].Value, a.Content[i], b.Content[i]); s != "" {
			return s
		}
	}
	return ""
}

// TestPlain holds what is read fast against package yaml, over pieces that are
// plain, pieces that are not, and all YAML in testdata.
func TestPlain(t *testing.T) {
	for _, text := range []string{
		"a: b\n", "a: b", "---\na: b\n", "--- # c\na: b\n", "# c\n\na: b # c\n\n# d\n", "a: b\r\nc: d\r\n", "a:\n  b: c\n  d:\n    e: f\ng: h\n",
		"a:\n- b\n- c\nd: e\n", "a:\n  - b\n  - c\n", "a:\n- b: c\n  d: e\n- f: g\n", "- a\n- b\n", "- a: b\n  c:\n  - d\n  - e\n-\n  f: g\n-\n- h\n", "- - a\n  - b\n- c\n",
		"a:\nb:\n  c:\nd:\n-\n- \n", "a: \"b c\"\nd: 'e''f' # g\n", `a: "\"\\\n\t"` + "\n", "a: 1\nb: 1.5\nc: true\nd: null\ne: ~\nf: 2020-01-01\ng: 0x1F\nh: 1_000\ni: .5\nj: -1\nk: +1\nl: yes\nm: off\n",
		"a: {b: c, d: 1}\ne: [f, 'g', \"h\", 2]\ni: {}\nj: []\nk: {l: {m: n}, o: [p]}\n", "a: {b: c} # d\n", "a: |\n  b\n\n    c\n  d\n\ne: f\n", "a: |-\n  b\nc: d\n", "- |\n a\n- b\n", "a: |\n\n  b\n",
		"  a: b\n  c: d\n", "a: é\nb: c\n", "é: b\n", "\"é\": {b: c}\n", "a: b # é\n", "a: http://x:80/y\n", "a: b: c\n", "a:b\n", "a: -\n", "a: - b\n", "a: b\n  c\n", "a: b\n c: d\n", "a: 'b\n  c'\n",
		"a:\n    b: c\n  d: e\n", "a:\n- b\n c: d\n", "a: &b c\nd: *b\n", "a: !!str b\n", "? a\n: b\n", "<<: {a: b}\n", "a: >\n  b\n", "a: |2\n    b\n", "a: |+\n  b\n\n", "a: |\n  b", "a: |\n b\n  # c\n# d\n",
		"a: [b, c\n]\n", "a: [b,c]\n", "a: [b, c,]\n", "a: {b}\n", "a: {b: }\n", "a: {\"b\":1}\n", "a: [b: c]\n", "a: [-c, -]\n", "a: \tb\n", "\ta: b\n", "a: b\n---\nc: d\n", "a: b\n...\n", "%YAML 1.1\n---\na: b\n",
		"a: b\na: c\n", "a: #b\n", "a: b#c\n", "a: 'b'#c\n", "a : b\n", "-a: b\n", "a: {{ b }}\n", "a: \"b\" c\n", "", "# c\n", "a\n", "- a\nb: c\n", "a:\n- b\n-c\n", "a: b\n- c\n", "a: @b\n", "a: `b`\n", "a: %b\n",
		"a: x\x7fy\n", "a: \u0085\n", "a: \u2028\n", "a: b\u00a0c\n", "a: \"b\n", "a: \"\\\n", "1: a\ntrue: b\n", "a: \"\\x41\"\n", "a:\n  # c\n  b: c\n", "a:\n# c\n- b\n# d\n- e\n", "a:   b   # c\n", "a: b\n\n\n\n", "- # c\n  a: b\n", "-   a: b\n    c: d\n",
	} {
		samePlain(t, []byte(text))
	}
	n, all := 0, 0
	for _, text := range manifests(t) {
		f, err := Read("", text)
		if err != nil {
			continue
		}
		for _, d := range f.Docs {
			if all++; samePlain(t, d.Text()) {
				n++
			}
		}
	}
	t.Logf("%d of %d documents in testdata are plain", n, all)
	if n < all/2 {
		t.Errorf("%d of %d documents are plain, want most", n, all)
	}
}

// manifests are the YAML files of the testdata of this package, of package
// inventory, and of the demo's repositories.
func manifests(t testing.TB) [][]byte {
	var out [][]byte
	add := func(name string, text []byte) {
		if b := filepath.Base(name); strings.HasSuffix(b, ".yaml") || strings.HasSuffix(b, ".yml") || b == "in" {
			out = append(out, text)
		}
	}
	for _, dir := range []string{"testdata", "../inventory/testdata"} {
		err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(name)
			if strings.HasSuffix(name, ".txtar") {
				for _, f := range txtar.Parse(text).Files {
					add(f.Name, f.Data)
				}
			}
			add(name, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := fs.WalkDir(testdata.FS, "demo/repos", func(name string, e fs.DirEntry, err error) error {
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
	for _, text := range manifests(f) {
		f.Add(bytes.TrimPrefix(text, bom))
	}
	f.Fuzz(func(t *testing.T, text []byte) { samePlain(t, text) })
}
