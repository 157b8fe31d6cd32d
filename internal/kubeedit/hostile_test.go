package kubeedit

import (
	"bytes"
	"strings"
	"testing"
)

// TestHostile feeds what makes parsers crawl or crash. Every text has to be
// answered with an error or a value, and none may take long; a hang fails by
// the time limit of go test.
func TestHostile(t *testing.T) {
	for name, src := range hostile() {
		t.Run(name, func(t *testing.T) {
			f, err := Read("hostile.yaml", []byte(src))
			if err != nil {
				return
			}
			for _, d := range f.Docs {
				objects, _ := d.Objects()
				for _, o := range objects {
					o.Containers()
					_ = o.Decode()
				}
			}
			_ = f.Guard()
			for _, p := range []Path{Keys("a"), Keys("a", "b"), {Key("a"), Index(0)}, Keys("spec", "template", "spec", "containers")} {
				_, _ = f.Get(Address{Path: p})
				_, _ = f.Set(Address{Path: p}, "1", Options{Append: true})
			}
		})
	}
}

func hostile() map[string]string {
	const n = 1 << 16
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'j'; c++ {
		prev := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+prev+", ", 8) + "*" + prev + "]\n"
	}
	return map[string]string{
		"brackets":        "a: " + strings.Repeat("[", n),
		"braces":          "a: " + strings.Repeat("{a: ", n/4),
		"bracket lines":   strings.Repeat("[\n", n/2),
		"closed brackets": "a: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		"dashes":          strings.Repeat("- ", n/2),
		"questions":       strings.Repeat("? ", n/2),
		"colons":          strings.Repeat("a:", n/2),
		"staircase":       staircase(700),
		"bomb":            "kind: Deployment\napiVersion: apps/v1\n" + bomb,
		"merge bomb":      strings.ReplaceAll(bomb, "[", "{<<: ["),
		"self":            "a: &a [*a]\nb: &b {<<: *b}\n",
		"long key":        strings.Repeat("k", n) + ": 1\na: 1\n",
		"long keys":       "a:\n  " + strings.Repeat("k", n/2) + ":\n" + strings.Repeat("    - 1\n", n/20),
		"duplicate keys":  strings.Repeat("a: 1\n", n/5),
		"many keys":       strings.Repeat("ab:\n", 1) + strings.Repeat("  - a\n", n/6),
		"documents":       strings.Repeat("---\na: 1\n", 1999),
		"anchors":         strings.Repeat("- &a a\n", n/8),
		"spaces":          strings.Repeat(" ", n) + "a: 1",
		"tabs":            strings.Repeat("\t", n) + "a: 1",
		"quotes":          "a: " + strings.Repeat(`"`, n),
		"apostrophes":     "a: [" + strings.Repeat(`'`, n),
		"literal":         "a: |\n" + strings.Repeat("  x\n", n/4),
		"plain lines":     "a: x\n" + strings.Repeat("  x\n", n/4),
		"comments":        "a: 1\n" + strings.Repeat("# x\n", n/4),
		"comment ends":    "a:\n" + strings.Repeat("  - x # y\n", n/10),
		"directives":      strings.Repeat("%TAG ! x\n", n/10) + "---\na: 1",
		"tags":            "a: " + strings.Repeat("!", n),
		"breaks":          "a: \"" + strings.Repeat("\u2028", n/3) + "\"\n",
		"returns":         strings.Repeat("\r", n) + "a: 1",
		"list of lists":   strings.Repeat("kind: List\nitems:\n- ", 1) + strings.Repeat("{kind: List, items: [", 200),
	}
}

func staircase(depth int) string {
	var b bytes.Buffer
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
		if b.Len() > MaxSize-2*depth {
			break
		}
	}
	return b.String()
}

// TestScreen wants texts refused before a parser sees them.
func TestScreen(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"large", strings.Repeat("a", MaxSize+1), "hostile.yaml: file has 1048577 bytes, want at most 1048576"},
		{"latin-1", "a: 1\nb: caf\xe9\n", "hostile.yaml:2: file is not UTF-8"},
		{"utf-16", "\xff\xfea\x00", "hostile.yaml:1: file is not UTF-8"},
		{"nul", "a: 1\nb: \x00\n", "hostile.yaml:2: file holds a NUL byte"},
		{"documents", strings.Repeat("---\na: 1\n", 2001), "hostile.yaml: file has 2001 documents, want at most 2000"},
	} {
		if _, err := Read("hostile.yaml", []byte(tt.src)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	deep := "a:\n" + strings.Repeat(" [", 300)
	f, err := Read("deep.yaml", []byte(deep))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Docs[0].Root(); err == nil || err.Error() != "deep.yaml:2:1: text nests more than 256 levels" {
		t.Errorf("deep: %v", err)
	}
}

func TestParsePath(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a.b.c", "a.b.c"},
		{"a[0].b", "a[0].b"},
		{"a[name=app].b", "a[name=app].b"},
		{`a["x.y"].b`, `a.x\.y.b`},
		{`a.x\.y.b`, `a.x\.y.b`},
		{"[0]", "[0]"},
		{"", "error"}, {".a", "error"}, {"a..b", "error"}, {"a.", "error"}, {"a[", "error"}, {"a[]", "error"},
		{"a[-1]", "error"}, {"a[=x]", "error"}, {"a[x=]", "error"}, {`a["x`, "error"}, {strings.Repeat("a.", 100) + "a", "error"},
	} {
		p, err := ParsePath(tt.in)
		got := p.String()
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("ParsePath(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}
