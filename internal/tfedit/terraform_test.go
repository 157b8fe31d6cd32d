package tfedit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestTerraformAgrees asks terraform itself: a file that terraform fmt would
// leave alone is left alone after an edit too. The goldens say the same by the
// formatter that terraform uses.
func TestTerraformAgrees(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not on this machine; the goldens of layout stand alone")
	}
	before, after := t.TempDir(), t.TempDir()
	write := func(dir, name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := newScript(ar).files.open(t)
		for i, tt := range addresses(r, 1000) {
			c, err := r.Set(t.Context(), tt, "1234567")
			if err != nil || len(c.Files) == 0 || !strings.HasSuffix(c.Files[0].Path, ".tf") && !strings.HasSuffix(c.Files[0].Path, ".tfvars") {
				continue
			}
			name := fmt.Sprintf("%s-%d%s", strings.TrimSuffix(filepath.Base(file), ".txtar"), i, filepath.Ext(c.Files[0].Path))
			names = append(names, name)
			write(before, name, c.Files[0].Before)
			write(after, name, c.Files[0].After)
		}
	}
	was, is := unformatted(t, terraform, before), unformatted(t, terraform, after)
	kept := 0
	for _, name := range names {
		if !was[name] && is[name] {
			text, _ := os.ReadFile(filepath.Join(after, name))
			t.Errorf("%s is not formatted any more:\n%s", name, text)
		} else if !was[name] {
			kept++
		}
	}
	if kept < 50 {
		t.Errorf("%d formatted files, want at least 50", kept)
	}
}

// unformatted returns the names of files that terraform fmt would change.
func unformatted(t *testing.T, terraform, dir string) map[string]bool {
	out, err := exec.CommandContext(t.Context(), terraform, "fmt", "-check", "-list=true", dir).Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) { // 3: some are not formatted
		t.Fatalf("terraform fmt: %v", err)
	}
	names := map[string]bool{}
	for _, line := range strings.Fields(string(out)) {
		names[filepath.Base(line)] = true
	}
	return names
}
