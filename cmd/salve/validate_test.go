package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salvehq/salve/templates"
	"golang.org/x/tools/txtar"
)

func TestValidate(t *testing.T) {
	const world = `
-- good/.github/salve.yml --
version: 1
remedies: {memory-limit: {ceiling: 2Gi}, our-own: {enabled: false}}
-- bad/.github/salve.yml --
version: 1
remedies: {memory-limt: {ceiling: 2Gi}}
-- bad/.github/salve/remedies/x.yaml --
name: x
wen: {category: [CUSTOM_ALERT]}
-- bad/.github/salve/queries/pre-deployment-problem-check.dql --
fetch nothing at all
-- misspelt/.github/salve.yml --
version: 1
remedies: {memory-limt: {ceiling: 2Gi}}
-- unknown.yml --
version: 1
limits: {opne: 1}
-- empty/README.md --
`
	dir := t.TempDir()
	files, err := txtar.FS(txtar.Parse([]byte(world)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	remedy, err := fs.ReadFile(templates.FS, "remedies/custom-alert.yaml")
	if err != nil {
		t.Fatal(err)
	}
	remedy = bytes.Replace(remedy, []byte("name: custom-alert"), []byte("name: our-own"), 1)
	if err := os.MkdirAll("good/.github/salve/remedies", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("good/.github/salve/remedies/our-own.yaml", remedy, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args        string
		code        int
		out, errors []string // what stands in each line, in order
	}{
		{"good", 0, []string{"good/.github/salve.yml: ok", "our-own.yaml: ok"}, nil},
		{"good/.github/salve.yml", 0, []string{": ok"}, nil},
		{"bad", exitUsage, []string{"salve.yml: ok"}, []string{"x.yaml", "pre-deployment-problem-check.dql"}},
		{"misspelt", exitUsage, nil, []string{`misspelt/.github/salve.yml:2:12: unknown remedy "memory-limt"; did you mean "memory-limit"?`}},
		{"unknown.yml", exitUsage, nil, []string{`unknown.yml:2:10: unknown key "opne"; did you mean "open"?`}},
		{"good unknown.yml", exitUsage, []string{": ok", ": ok"}, []string{"opne"}},
		{"--as remedy good/.github/salve/remedies/our-own.yaml", 0, []string{": ok"}, nil},
		{"--as remedy unknown.yml", exitUsage, nil, []string{"unknown.yml:1:1: ", "unknown.yml:2:1: "}},
		{"--as poem unknown.yml", exitUsage, nil, []string{`--as "poem": want config, remedy or query`}},
		{"empty", exitUsage, nil, []string{"empty: there is no .github/salve.yml below it"}},
		{"absent.yml", exitUsage, nil, []string{"absent.yml: no such file"}},
	} {
		var out, errs bytes.Buffer
		cmd := validateCommand(&environment{Stdout: &out, Stderr: &errs})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(strings.Fields(tt.args))
		err := cmd.Execute()
		if exit := new(exitError); errors.As(err, &exit) && exit.err != nil {
			fmt.Fprintln(&errs, exit)
		}
		code := exitCode(err)
		if code != tt.code || !inLines(out.String(), tt.out) || !inLines(errs.String(), tt.errors) {
			t.Errorf("salve validate %s: exit %d, want %d\nstdout:\n%sstderr:\n%s", tt.args, code, tt.code, &out, &errs)
		}
	}
}

// inLines reports whether text has as many lines as want, each with its words.
func inLines(text string, want []string) bool {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if text == "" {
		lines = nil
	}
	ok := len(lines) == len(want)
	for i := range want {
		ok = ok && strings.Contains(filepath.ToSlash(lines[i]), want[i])
	}
	return ok
}
