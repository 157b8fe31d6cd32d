package inventory

import (
	"bytes"
	"errors"
	"flag"

	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/patch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden runs the archives in testdata. The comment of an archive names the
// kind of place it is about, "place: plain manifest", and then has one command
// per line, up to the next kind; the file "want" is what they print, the other files are the
// repository. Every change is also undone, and has to give the bytes that were
// there before.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	places := map[string]int{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newScript(t, ar)
			got := s.run(t)
			for place, n := range s.answers {
				if place == "" {
					t.Error("no line place:")
				}
				places[place] += n
			}
			if *update {
				s.save(t, file, ar, got)
			} else if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("(-want +have)\n%s", diff)
			}
		})
	}
	for _, p := range slices.Sorted(maps.Keys(places)) {
		t.Logf("%3d %s", places[p], p)
		if places[p] < 3 && !t.Failed() {
			t.Errorf("%s: %d cases, want at least 3", p, places[p])
		}
	}
}

type script struct {
	place    string
	commands []step
	opts     Options
	files    map[string]string
	want     string
	answers  map[string]int // of set and locate, by place
}

// A step is one command and the kind of place that it is about.
type step struct{ place, command string }

func newScript(t *testing.T, ar *txtar.Archive) *script {
	s := &script{answers: map[string]int{}, files: map[string]string{}, opts: Options{Environments: map[string]Environment{}}}
	for _, f := range ar.Files {
		if f.Name == "want" {
			s.want = string(f.Data)
		} else {
			s.files[f.Name] = string(f.Data)
		}
	}
	for line := range strings.Lines(string(ar.Comment)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "", "#":
		case "place:":
			s.place = rest
		case "shared":
			s.opts.Shared = true
		case "crlf": // the archive has LF: this file has CRLF in the repository
			s.files[rest] = strings.ReplaceAll(s.files[rest], "\n", "\r\n")
		case "environment":
			s.environment(t, strings.Fields(rest))
		default:
			s.commands = append(s.commands, step{s.place, strings.TrimSpace(line)})
		}
	}
	return s
}

// environment reads "production paths=a/**,b/** namespaces=shop clusters=c".
func (s *script) environment(t *testing.T, words []string) {
	var e Environment
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		list := map[string]*[]string{"paths": &e.Paths, "namespaces": &e.Namespaces, "clusters": &e.Clusters, "var-files": &e.VarFiles}[key]
		if list == nil {
			t.Fatalf("environment has no %s", key)
		}
		*list = strings.Split(value, ",")
	}
	s.opts.Environments[words[0]] = e
}

func (s *script) open(t *testing.T) *Repository {
	r, err := Open(t.Context(), Map(s.files), s.opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *script) run(t *testing.T) string {
	var out strings.Builder
	r := s.open(t)
	for _, st := range s.commands {
		fmt.Fprintf(&out, "> %s\n", st.command)
		words := strings.Fields(st.command)
		switch words[0] {
		case "workloads":
			for _, w := range r.Workloads() {
				fmt.Fprintf(&out, "%s %v %s:%d %s %v\n", w, w.Containers, w.File, w.Line, w.Build, w.Environments)
			}
		case "problems":
			for _, p := range r.Problems() {
				fmt.Fprintln(&out, p)
			}
		case "bounds":
			for _, b := range r.Bounds(words[1], "") {
				fmt.Fprintf(&out, "%+v\n", b)
			}
		case "autoscalers":
			for _, a := range append(r.Autoscalers("", words[1], words[2], ""), r.VerticalAutoscalers("", words[1], words[2], "")...) {
				fmt.Fprintln(&out, a, a.Resources)
			}
		case "create":
			change, err := r.Create(t.Context(), words[1], []byte(strings.ReplaceAll(strings.Join(words[2:], " "), `\n`, "\n")+"\n"))
			s.print(t, &out, change, err)
		case "locate":
			s.answers[st.place]++
			site, err := r.Locate(t.Context(), target(t, words[1:]))
			if err != nil {
				fmt.Fprintln(&out, err)
				break
			}
			fmt.Fprintf(&out, "%s:%d %q written=%t from=%q %s; %s\n", site.File, site.Line, site.Value, site.Written, site.From, site.Address, site.How)
		case "set":
			s.answers[st.place]++
			change, err := r.SetAll(t.Context(), assignments(t, words[1:]))
			s.print(t, &out, change, err)
			if err == nil {
				s.undo(t, change, words[1:])
			}
		default:
			t.Fatalf("no command %q", words[0])
		}
	}
	return out.String()
}

// assignments reads targets with values, "+" between them; a later one starts
// from the one before.
func assignments(t *testing.T, words []string) []Assignment {
	var out []Assignment
	var given []string
	for {
		n := slices.Index(words, "+")
		part := words
		if n >= 0 {
			part = words[:n]
		}
		given = append(given, part...)
		out = append(out, Assignment{target(t, given), value(given)})
		if n < 0 {
			return out
		}
		words = words[n+1:]
	}
}

func value(words []string) (v string) {
	for _, w := range words {
		if s, ok := strings.CutPrefix(w, "to="); ok {
			v = s
		}
	}
	return v
}

// target reads "Deployment shop/checkout field=… container=… env=… file=…", or
// "values file=… path=…".
func target(t *testing.T, words []string) Target {
	out := Target{Form: Kubernetes, ContainerIndex: -1}
	for _, w := range words {
		key, v, ok := strings.Cut(w, "=")
		switch {
		case w == "values":
			out.Form = Values
		case w == "config":
			out.Form = ConfigFile
		case w == "terraform":
			out.Form = Terraform
		case !ok && strings.Contains(w, "/"):
			out.Namespace, out.Name, _ = strings.Cut(w, "/")
		case !ok:
			out.Kind = w
		case key == "field":
			out.Field = v
		case key == "path":
			out.Path = v
		case key == "file":
			out.File = v
		case key == "container":
			out.Container = v
		case key == "index":
			if _, err := fmt.Sscan(v, &out.ContainerIndex); err != nil {
				t.Fatal(err)
			}
		case key == "env":
			out.Environment = v
		case key == "address":
			out.Address = v
		case key == "api":
			out.APIVersion = v
		case key == "to":
		default:
			t.Fatalf("no key %s", key)
		}
	}
	return out
}

// print writes a change, and checks that its changed lines are those of its
// edits.
func (s *script) print(t *testing.T, out *strings.Builder, c Change, err error) {
	if err != nil {
		var refusal *patch.Refusal
		var several *AmbiguousError
		if !errors.As(err, &refusal) && !errors.As(err, &several) {
			t.Errorf("%T is neither a refusal nor ambiguous: %v", err, err)
		}
		if len(c.Files) > 0 && c.Edits == nil {
			t.Errorf("refused, and changes %d files", len(c.Files))
		}
		fmt.Fprintln(out, err)
		return
	}
	for _, e := range c.Edits {
		fmt.Fprintf(out, "%s:%d %q → %q\n", e.File, e.Line, e.Old, e.New)
	}
	if len(c.Affects) > 0 {
		fmt.Fprintf(out, "affects %s\n", strings.Join(c.Affects, ", "))
	}
	out.WriteString(strings.ReplaceAll(c.Files.Unified(), "\r", "␍"))
	for _, f := range c.Files {
		s.lines(t, c, f)
	}
}

// lines checks that a file differs only where an edit says so, or in lines that
// are new.
func (s *script) lines(t *testing.T, c Change, f patch.FileChange) {
	if f.New() {
		return
	}
	if !bytes.Equal(f.Before, []byte(s.files[f.Path])) {
		t.Errorf("%s: the change starts from other bytes than the file has", f.Path)
	}
	for _, h := range patch.Hunks(f.Before, f.After) {
		if len(h.Old) > 0 && len(h.New) == 0 {
			t.Errorf("%s:%d: lines are lost: %q", f.Path, h.OldLine, h.Old)
		}
	}
}

// undo sets the old values again in the changed repository.
func (s *script) undo(t *testing.T, c Change, words []string) {
	for _, e := range c.Edits {
		if e.Old == "" {
			return // what was inserted is not taken out again
		}
	}
	files := map[string]string{}
	for p, text := range s.files {
		files[p] = text
	}
	for _, f := range c.Files {
		if f.New() {
			return
		}
		files[f.Path] = string(f.After)
	}
	after, err := Open(t.Context(), Map(files), s.opts)
	if err != nil {
		t.Fatal(err)
	}
	back := assignments(t, words)
	for n := range back {
		back[n].Value = c.Edits[n].Old
	}
	undone, err := after.SetAll(t.Context(), back)
	if err != nil {
		t.Errorf("undo: %v", err)
		return
	}
	for _, f := range undone.Files {
		before, ok := c.Files.Get(f.Path)
		if !ok || grown(before) || quoted(before) {
			continue
		}
		if !bytes.Equal(f.After, before.Before) {
			t.Errorf("%s: edit and undo give\n%s", f.Path, f.After)
		}
	}
}

// grown reports whether a change added lines.
func grown(f patch.FileChange) bool {
	return bytes.Count(f.Before, []byte("\n")) != bytes.Count(f.After, []byte("\n"))
}

// quoted reports whether a value needed quotes that were not there.
func quoted(f patch.FileChange) bool {
	return bytes.Count(f.Before, []byte(`"`)) != bytes.Count(f.After, []byte(`"`))
}

func (s *script) save(t *testing.T, file string, ar *txtar.Archive, got string) {
	ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
	ar.Files = append(ar.Files, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(file, txtar.Format(ar), 0o666); err != nil {
		t.Fatal(err)
	}
}
