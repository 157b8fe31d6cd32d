package check_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/dql/check"
)

var update = flag.Bool("update", false, "write the goldens")

// report writes findings as salve vet does.
func report(fs []check.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(f.String() + "\n")
		if f.Hint != "" {
			b.WriteString("\t" + f.Hint + "\n")
		}
	}
	return b.String()
}

// TestDocument names the defects of the document's nine queries.
func TestDocument(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/document/*.dql")
	if err != nil || len(files) != 9 {
		t.Fatalf("%d files, want 9: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dql")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/document/"+name+".txt", report(check.Text(name+".dql", string(text))))
		})
	}
}

// TestQueries says that the corrected queries have nothing to report.
func TestQueries(t *testing.T) {
	files, err := filepath.Glob("../../../templates/queries/*.dql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no queries: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := report(check.Text(filepath.Base(file), string(text))); got != "" {
			t.Errorf("%s", got)
		}
	}
}

// TestCases runs txtar files of two sections: query, and the report wanted.
func TestCases(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(archive.Files); i += 2 {
			query, want := archive.Files[i], &archive.Files[i+1]
			got := report(check.Text("", string(query.Data)))
			if *update {
				want.Data = []byte(got)
			} else if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("%s: %s\n%s", file, query.Name, diff)
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func golden(t *testing.T, file, got string) {
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}
