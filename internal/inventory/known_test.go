package inventory

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/tfedit"
	"github.com/salvehq/salve/testdata"
)

// A view is all that a repository says of itself.
type view struct {
	Workloads []Workload
	Facts     []Fact
	Rules     []tfedit.AlertRule
	Problems  []Finding
}

func viewOf(t *testing.T, r *Repository) view {
	t.Helper()
	facts, err := r.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := r.AlertRules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return view{r.Workloads(), facts, rules, r.Problems()}
}

// worlds are the repositories of the testdata of this package and of package
// tfedit, and those of the demo.
func worlds(t testing.TB) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, pattern := range []string{"testdata/*.txtar", "../tfedit/testdata/*.txtar", "../tfedit/testdata/stock/*.txtar"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no testdata: %v", pattern, err)
		}
		for _, name := range names {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range ar.Files {
				if f.Name != "want" {
					files[f.Name] = string(f.Data)
				}
			}
			out[name] = files
		}
	}
	demo := map[string]string{}
	err := fs.WalkDir(testdata.FS, "demo/repos/acme", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := testdata.FS.ReadFile(name)
		demo[strings.TrimPrefix(name, "demo/repos/acme/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out["demo"] = demo
	return out
}

// change changes some files at random: values, lines, names, whole files; also to
// what does not parse.
func change(random *rand.Rand, files map[string]string) {
	names := slices.Sorted(maps.Keys(files))
	if len(names) == 0 {
		return
	}
	name := names[random.IntN(len(names))]
	other := names[random.IntN(len(names))]
	text := files[name]
	lines := strings.SplitAfter(text, "\n")
	n := random.IntN(len(lines))
	switch random.IntN(12) {
	case 0, 1, 2: // another value
		digits := strings.IndexAny(text[len(text)/(1+random.IntN(4))-min(1, len(text)):], "0123456789")
		if digits >= 0 {
			files[name] = strings.Replace(text, text[digits:min(digits+1, len(text))], fmt.Sprint(random.IntN(10)), 1)
		}
	case 3: // a line less
		files[name] = strings.Join(slices.Delete(lines, n, n+1), "")
	case 4: // a line twice
		files[name] = strings.Join(slices.Insert(lines, n, lines[n]), "")
	case 5: // a comment
		files[name] = "# changed\n" + text
	case 6:
		delete(files, name)
	case 7: // a copy elsewhere
		files[path.Join(path.Dir(other), "copy-"+path.Base(name))] = text
	case 8: // moved
		delete(files, name)
		files[path.Join(path.Dir(other), path.Base(name))] = text
	case 9: // exchanged
		files[name], files[other] = files[other], text
	case 10: // another name
		files[name] = strings.Replace(text, "name: ", "name: x", 1)
	case 11: // broken
		files[name] = strings.Join(slices.Insert(lines, n, "{{ [\n"), "")
	}
}

// TestKnown changes repositories at random, and holds what is said of each state
// with knowledge of the one before against what is said of it without.
func TestKnown(t *testing.T) {
	steps := 25
	if testing.Short() {
		steps = 4
	}
	for name, files := range worlds(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(len(name))))
			files := maps.Clone(files)
			opts := Options{Remember: true}
			r, err := Open(t.Context(), Map(maps.Clone(files)), opts)
			if err != nil {
				t.Fatal(err)
			}
			for step := range steps {
				for range 1 + random.IntN(3) {
					change(random, files)
				}
				if random.IntN(5) == 0 {
					opts.Shared = !opts.Shared
				}
				opts.Known = r.Known()
				if r, err = Open(t.Context(), Map(maps.Clone(files)), opts); err != nil {
					t.Fatal(err)
				}
				opts.Known = Known{}
				if random.IntN(4) == 0 {
					continue // a state that nobody asks
				}
				fresh, err := Open(t.Context(), Map(maps.Clone(files)), opts)
				if err != nil {
					t.Fatal(err)
				}
				want, have := viewOf(t, fresh), viewOf(t, r)
				// Files of Terraform that an earlier state looked into are not
				// forgotten, and what is wrong with them is not either.
				have.Problems = slices.DeleteFunc(have.Problems, func(f Finding) bool {
					return !slices.Contains(want.Problems, f) && path.Ext(f.File) != ".yaml"
				})
				if diff := cmp.Diff(want, have, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("step %d: (-fresh +with what is known)\n%s", step, diff)
				}
			}
		})
	}
}

// TestKnownReadsWhatChanged changes files of a directory behind the back of the
// file system's times: what was settled is not read again, what was new is.
func TestKnownReadsWhatChanged(t *testing.T) {
	dir, old, now := t.TempDir(), time.Now().Add(-time.Hour), time.Now()
	put := func(name string, replicas int, at time.Time) {
		file := filepath.Join(dir, name)
		text := fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\nspec:\n  replicas: %d\n", name, replicas)
		if strings.HasSuffix(name, ".tf") {
			text = fmt.Sprintf("resource \"aws_autoscaling_group\" \"a\" {\n  max_size = %d\n}\n", replicas)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	values := func(r *Repository) (out []string) {
		for _, f := range viewOf(t, r).Facts {
			out = append(out, f.File+" "+f.Value)
		}
		return out
	}
	put("a.yaml", 1, old)
	put("b.yaml", 1, old)
	put("c.yaml", 1, now)
	put("d.tf", 1, old)
	put("e.tf", 1, old)
	r, err := Open(t.Context(), Dir(dir), Options{Remember: true})
	if err != nil {
		t.Fatal(err)
	}
	values(r)
	put("a.yaml", 2, old) // as if it had not changed
	put("b.yaml", 2, old.Add(time.Nanosecond))
	put("c.yaml", 2, now)
	put("d.tf", 2, old)
	put("e.tf", 2, now)
	if r, err = Open(t.Context(), Dir(dir), Options{Known: r.Known(), Remember: true}); err != nil {
		t.Fatal(err)
	}
	want := []string{"a.yaml 1", "b.yaml 2", "c.yaml 2", "d.tf 1", "e.tf 2"}
	if got := values(r); !slices.Equal(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
}

// TestDirKeepsFewOpen reads files of very many directories.
func TestDirKeepsFewOpen(t *testing.T) {
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc/self/fd to count open files in")
		}
		return len(fds)
	}
	root := t.TempDir()
	for n := range 500 {
		dir := filepath.Join(root, fmt.Sprintf("d%d", n))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("kind: x\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := open()
	r, err := Open(t.Context(), Dir(root), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := open() - before; n > maxOpen+10 {
		t.Errorf("%d directories are open, want at most %d", n, maxOpen)
	}
	if len(r.texts) != 500 {
		t.Errorf("%d files were read, want 500", len(r.texts))
	}
}
