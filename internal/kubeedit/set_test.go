package kubeedit

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/patch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestSet runs the archives in testdata. The comment of an archive names the
// kind of place, "place: flow mapping", and has one edit per line: document,
// path, value, and options. "in" is the file, "want" the diffs or refusals.
func TestSet(t *testing.T) {
	places := map[string]int{}
	for _, file := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			place, edits := parseComment(string(ar.Comment))
			in := ar.Files[0].Data
			var got strings.Builder
			for _, e := range edits {
				fmt.Fprintf(&got, "> %s\n%s", e, e.run(t, in))
			}
			places[place] += len(edits)
			if *update {
				ar.Files = append(ar.Files[:1], txtar.File{Name: "want", Data: []byte(got.String())})
				if err := os.WriteFile(file, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(ar.Files[1].Data), got.String()); diff != "" {
				t.Errorf("(-want +have)\n%s", diff)
			}
		})
	}
	for _, p := range slices.Sorted(maps.Keys(places)) {
		t.Logf("%3d %s", places[p], p)
		if places[p] < 3 {
			t.Errorf("%s: %d cases, want at least 3", p, places[p])
		}
	}
}

func archives(t *testing.T) []string {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	return files
}

type command struct {
	doc               int
	text, path, value string
	options           []string
}

func (c command) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s %s", c.doc, c.path, c.value, strings.Join(c.options, " ")))
}

func parseComment(text string) (place string, out []command) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "place:":
			place = strings.Join(words[1:], " ")
		default:
			out = append(out, parseCommand(words))
		}
	}
	return place, out
}

func parseCommand(words []string) command {
	c := command{path: words[1], value: words[2], options: words[3:]}
	c.doc, _ = strconv.Atoi(words[0])
	return c
}

// address reads the path; text within a block scalar is behind a bar.
func (c command) address(t *testing.T) (Address, Options) {
	a, o := Address{Doc: c.doc}, Options{}
	at := c.path
	if text, in, ok := strings.Cut(c.path, "|"); ok {
		p, err := ParsePath(text)
		if err != nil {
			t.Fatal(err)
		}
		a.Text, at = p, in
	}
	p, err := ParsePath(at)
	if err != nil {
		t.Fatal(err)
	}
	a.Path = p
	for _, w := range c.options {
		switch w {
		case "append":
			o.Append = true
		case "shared":
			o.Shared = true
		case "string":
			o.Style = AsString
		default:
			t.Fatalf("no option %s", w)
		}
	}
	return a, o
}

// run makes one edit and returns the diff or the refusal.
func (c command) run(t *testing.T, in []byte) string {
	a, o := c.address(t)
	f, err := Read("in.yaml", in)
	if err != nil {
		return err.Error() + "\n"
	}
	value := strings.ReplaceAll(c.value, "␠", " ")
	before, _ := f.Get(a)
	edits, err := f.Set(a, value, o)
	if err != nil {
		if len(edits) > 0 && !errors.As(err, new(*patch.Refusal)) {
			t.Errorf("%s: edits and an error", c)
		}
		return err.Error() + "\n"
	}
	out, err := patch.Apply(in, edits...)
	if err != nil {
		t.Fatal(err)
	}
	if before.Written {
		undo(t, out, a, before.Value, o, in)
	}
	return strings.ReplaceAll(patch.FileChange{Path: "in.yaml", Before: in, After: out}.Unified(), "\r", "␍")
}

// undo sets the old value again and wants the old bytes, unless the new value
// needed quotes that the old one did not.
func undo(t *testing.T, after []byte, a Address, old string, o Options, want []byte) {
	t.Helper()
	f, err := Read("in.yaml", after)
	if err != nil {
		t.Fatal(err)
	}
	edits, err := f.Set(a, old, o)
	if err != nil {
		t.Errorf("undo %s: %v", a, err)
		return
	}
	back, err := patch.Apply(after, edits...)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(back, []byte{'"'}) == bytes.Count(want, []byte{'"'}) && !bytes.Equal(back, want) {
		t.Errorf("%s: edit and undo give\n%q, want\n%q", a, back, want)
	}
}

// TestBytes runs the folders of testdata/bytes: in, out, and edit, a line as in
// the archives. They are plain files, since an archive ends every file in a
// newline.
func TestBytes(t *testing.T) {
	dirs, err := filepath.Glob("testdata/bytes/*")
	if err != nil || len(dirs) < 3 {
		t.Fatalf("no testdata: %v", err)
	}
	kinds := map[string]int{}
	for _, dir := range dirs {
		kind := ""
		for _, k := range byteKinds {
			if base := filepath.Base(dir); base == k || strings.HasPrefix(base, k+"-") {
				kind = k
			}
		}
		kinds[kind]++
		t.Run(filepath.Base(dir), func(t *testing.T) {
			read := func(name string) []byte {
				b, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil && !*update {
					t.Fatal(err)
				}
				return b
			}
			in := read("in")
			c := parseCommand(strings.Fields(string(read("edit"))))
			a, o := c.address(t)
			f, err := Read("in", in)
			if err != nil {
				t.Fatal(err)
			}
			edits, err := f.Set(a, c.value, o)
			if err != nil {
				t.Fatal(err)
			}
			out, err := patch.Apply(in, edits...)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(filepath.Join(dir, "out"), out, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := read("out"); !bytes.Equal(out, want) {
				t.Errorf("have\n%q, want\n%q", out, want)
			}
		})
	}
	for _, k := range byteKinds {
		t.Logf("%3d %s", kinds[k], k)
		if kinds[k] < 3 {
			t.Errorf("%s: %d cases, want at least 3", k, kinds[k])
		}
	}
	if n := kinds[""]; n > 0 {
		t.Errorf("%d folders are of no kind", n)
	}
}

// byteKinds are what the folders of testdata/bytes are about; a folder is called
// after its kind.
var byteKinds = []string{
	"plain", "single", "double", "flow", "block", "tabs", "crlf", "bom", "no-newline", "multibyte", "breaks", "directive", "end-marker",
	"comment", "duplicate", "items", "mixed", "embedded", "insert",
}

// TestEveryScalar sets every value of all testdata to another and back: the
// first changes one line, the second gives the original bytes.
func TestEveryScalar(t *testing.T) {
	tried, refused := 0, 0
	for name, src := range samples(t) {
		f, err := Read(name, src)
		if err != nil {
			continue
		}
		for _, a := range addresses(f) {
			tried++
			edits, err := f.Set(a, "7Gi", Options{})
			if err != nil {
				refused++
				continue
			}
			after, err := patch.Apply(src, edits...)
			if err != nil {
				t.Fatal(err)
			}
			hunks := patch.Hunks(src, after)
			if len(hunks) != 1 || len(hunks[0].Old) != 1 || len(hunks[0].New) != 1 {
				t.Errorf("%s: %s: changed %v", name, a, hunks)
			}
			if old, err := f.Get(a); err == nil && writable(old.Value) == nil {
				undo(t, after, a, old.Value, Options{}, src)
			}
		}
	}
	if tried < 250 || refused > tried/3 {
		t.Errorf("tried %d values, %d refused", tried, refused)
	}
	t.Logf("%d values, %d refused", tried, refused)
}

// samples are all YAML texts of the testdata of this repository.
func samples(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	for _, file := range archives(t) {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[file] = ar.Files[0].Data
	}
	for _, glob := range []string{"testdata/bytes/*/in", "../../testdata/demo/repos/*/*/*/*.yaml", "../../testdata/demo/repos/*/*/*/*/*.yaml", "../../testdata/demo/repos/*/*/*/*/*/*.yaml"} {
		files, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out[file] = b
		}
	}
	return out
}

// addresses returns those of all scalars with a value.
func addresses(f *File) []Address {
	var out []Address
	for _, d := range f.Docs {
		var walk func(n *yaml.Node, at Path)
		walk = func(n *yaml.Node, at Path) {
			if n.Kind == yaml.ScalarNode && n.Value != "" && n.Value != "7Gi" && len(at) > 0 {
				out = append(out, Address{Doc: d.Index, Path: at})
			}
			for i, c := range n.Content {
				switch {
				case n.Kind == yaml.SequenceNode:
					walk(c, at.Join(Index(i)))
				case n.Kind == yaml.MappingNode && i%2 == 1:
					walk(c, at.Join(Key(n.Content[i-1].Value)))
				}
			}
		}
		if root, err := d.Root(); err == nil && root != nil {
			walk(root, nil)
		}
	}
	return out
}

// FuzzSet edits any text at any path: nothing panics, and what is not refused
// reads back as the value that was asked for, with one line changed or lines
// added.
func FuzzSet(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, edits := parseComment(string(ar.Comment))
		for _, e := range edits {
			f.Add(ar.Files[0].Data, e.doc, e.path, e.value, slices.Contains(e.options, "append"))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, doc int, path, value string, app bool) {
		file, err := Read("fuzz.yaml", src)
		if err != nil {
			return
		}
		text, in, ok := strings.Cut(path, "|")
		if !ok {
			text, in = "", path
		}
		p, err := ParsePath(in)
		if err != nil {
			return
		}
		a := Address{Doc: doc, Path: p}
		if ok {
			if a.Text, err = ParsePath(text); err != nil {
				return
			}
		}
		for _, d := range file.Docs {
			objects, _ := d.Objects()
			for _, o := range objects {
				o.Containers()
				_ = o.IsWorkload()
			}
		}
		_ = file.Guard()
		before, errBefore := file.Get(a)
		edits, err := file.Set(a, value, Options{Append: app})
		if err != nil {
			return
		}
		after, err := patch.Apply(src, edits...)
		if err != nil {
			t.Fatalf("edits do not apply: %v", err)
		}
		again, err := Read("fuzz.yaml", after)
		if err != nil {
			t.Fatalf("result does not read: %v", err)
		}
		if s, err := again.Get(a); err != nil || s.Value != value {
			t.Fatalf("reads %q, %v", s.Value, err)
		}
		if errBefore == nil && before.Written {
			for _, h := range patch.Hunks(src, after) {
				if len(h.Old) != len(h.New) {
					t.Fatalf("replacing changed lines %v", h)
				}
			}
		}
	})
}
