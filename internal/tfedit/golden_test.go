package tfedit

import (
	"bytes"
	"context"
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

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// texts is a repository in memory.
type texts map[string]string

func (m texts) Read(_ context.Context, path string) ([]byte, error) {
	s, ok := m[path]
	if !ok {
		return nil, os.ErrNotExist
	}
	return []byte(s), nil
}

func (m texts) open(t testing.TB) *Repository {
	t.Helper()
	var list []forge.File
	for _, p := range slices.Sorted(maps.Keys(m)) {
		list = append(list, forge.File{Path: p, Mode: forge.ModeFile, Size: int64(len(m[p]))})
	}
	r, err := Open(t.Context(), list, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGolden runs the archives in testdata. The comment of an archive names the
// kind of place it is about, "place: variable", and then has one command per
// line; the file "want" is what they print, the other files are the repository.
// Every change of a value is also undone, and has to give the bytes that were
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
			s := newScript(ar)
			have := s.run(t)
			if s.place == "" {
				t.Error("no line place:")
			}
			places[s.place] += s.answers
			if *update {
				s.save(t, file, ar, have)
			} else if diff := cmp.Diff(s.want, have); diff != "" {
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
	commands []string
	files    texts
	want     string
	answers  int
}

func newScript(ar *txtar.Archive) *script {
	s := &script{files: texts{}}
	for _, f := range ar.Files {
		if f.Name == "want" {
			s.want = string(f.Data)
		} else {
			s.files[f.Name] = string(f.Data)
		}
	}
	for line := range strings.Lines(string(ar.Comment)) {
		switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "place:":
			s.place = rest
		case "set", "locate":
			s.commands = append(s.commands, strings.TrimSpace(line))
		}
	}
	return s
}

func (s *script) run(t *testing.T) string {
	var out strings.Builder
	r := s.files.open(t)
	for _, c := range s.commands {
		fmt.Fprintf(&out, "> %s\n", c)
		words := strings.Fields(c)
		switch words[0] {
		case "set":
			s.answers++
			out.WriteString(s.set(t, r, words[1], words[2], target(words[3:])))
		case "locate":
			s.answers++
			tt := target(words[2:])
			tt.Address = words[1]
			site, err := r.Locate(t.Context(), tt)
			if err != nil {
				out.WriteString(explain(err))
				break
			}
			fmt.Fprintf(&out, "%s:%d:%d %q%s\n  %s\n", site.File, site.Line, site.Col, site.Value, map[bool]string{false: " not written here"}[site.Written], strings.Join(site.Trail, " → "))
			if site.Written && string(s.files[site.File][site.Start:site.End]) != site.Value {
				t.Errorf("%s: bytes %q are not value %q", c, s.files[site.File][site.Start:site.End], site.Value)
			}
			affects(&out, site.Affects)
		}
	}
	for _, f := range r.Faults() {
		fmt.Fprintf(&out, "fault: %s\n", f)
	}
	return out.String()
}

// target reads options of a command: env=production file=main.tf var=a=b.
func target(words []string) Target {
	t := Target{Vars: map[string]string{}}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "env":
			t.Environment = v
		case "file":
			t.File = v
		case "dir":
			t.Dir = v
		case "var-file":
			t.VarFiles = append(t.VarFiles, v)
		case "var":
			name, value, _ := strings.Cut(v, "=")
			t.Vars[name] = value
		}
	}
	return t
}

// set changes a value, shows the lines that changed, and undoes it.
func (s *script) set(t *testing.T, r *Repository, address, value string, tt Target) string {
	tt.Address = address
	c, err := r.Set(t.Context(), tt, value)
	if err != nil {
		return explain(err)
	}
	var out strings.Builder
	for _, f := range c.Files {
		if string(f.Before) != s.files[f.Path] {
			t.Errorf("%s: before is not the file", f.Path)
		}
		for _, h := range patch.Hunks(f.Before, f.After) {
			fmt.Fprintf(&out, "%s:%d\n", f.Path, h.NewLine)
			for _, l := range h.Old {
				fmt.Fprintf(&out, "-%s\n", strings.TrimRight(strings.ReplaceAll(l, "\r", "␍"), "\n"))
			}
			for _, l := range h.New {
				fmt.Fprintf(&out, "+%s\n", strings.TrimRight(strings.ReplaceAll(l, "\r", "␍"), "\n"))
			}
		}
	}
	if len(c.Files) == 0 {
		out.WriteString("nothing to do\n")
	}
	affects(&out, c.Affects)
	undo(t, r, tt, c)
	return out.String()
}

// undo gives a target its old value again, and compares bytes.
func undo(t testing.TB, r *Repository, tt Target, c Change) {
	t.Helper()
	before, err := r.Locate(t.Context(), tt)
	if err != nil || !before.Written || len(c.Files) == 0 {
		return
	}
	f := r.file(before.File)
	if raw := string(f.src[before.Start:before.End]); before.Value == "" || before.Quoted && raw != escape(before.Value, f.template()) {
		return // not something to ask for, or one of several ways to write it
	}
	back, err := r.With(c.Files).Set(t.Context(), tt, before.Value)
	if err != nil {
		t.Errorf("undo %s: %v", tt, err)
		return
	}
	if f := c.Files[0]; len(back.Files) != 1 || !bytes.Equal(back.Files[0].After, f.Before) {
		t.Errorf("undo %s: have\n%s\nwant\n%s", tt, back.Files[0].After, f.Before)
	}
}

func affects(out *strings.Builder, list []string) {
	for _, a := range list {
		fmt.Fprintf(out, "  affects %s\n", a)
	}
}

// explain prints an answer that is no change.
func explain(err error) string {
	var several *AmbiguousError
	var refusal *patch.Refusal
	switch {
	case errors.As(err, &several):
		out := "ambiguous; " + several.Do + "\n"
		for _, c := range several.Candidates {
			out += fmt.Sprintf("  %s:%d %q %s\n", c.File, c.Line, c.Value, strings.Join(c.Trail, " → "))
		}
		return out
	case errors.As(err, &refusal):
		return "refused: " + refusal.Error() + "\n"
	}
	return "error: " + err.Error() + "\n"
}

func (s *script) save(t *testing.T, file string, ar *txtar.Archive, have string) {
	i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
	if i < 0 {
		ar.Files = append(ar.Files, txtar.File{Name: "want"})
		i = len(ar.Files) - 1
	}
	ar.Files[i].Data = []byte(have)
	if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}
