package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCatalogCommand(t *testing.T) {
	own := t.TempDir()
	if err := os.WriteFile(filepath.Join(own, "severity.dql"), []byte("| fieldsAdd problem.severity = \"HIGH\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, "error-budget.dql"), []byte("data record(a = 1)\n| fields a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"list", nil, 0, "pre-deployment-problem-check  DEPLOYMENT_TARGET", ""},
		{"one", []string{"pre-deployment-problem-check"}, 0, "decision   deployment_risk", ""},
		{"text", []string{"error-budget", "--text"}, 0, "// Error budget:", ""},
		{"own mapping", []string{"error-budget", "--text", "--queries", own}, 0, "\n| fieldsAdd problem.severity = \"HIGH\"\n// @end\n", ""},
		{"unknown", []string{"nope"}, exitUsage, "", `no query "nope": want one of alert-rule-optimization,`},
		{"no directory", []string{"--queries", filepath.Join(own, "none")}, exitUsage, "", "want a directory of *.dql files"},
		{"bad override", []string{"--queries", bad}, exitUsage, "", "error-budget.dql:2:3: column affected_entity.name is declared and not given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			env := &environment{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }, Now: time.Now}
			cmd := catalogCommand(env)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetOut(io.Discard)
			cmd.SetArgs(append([]string{}, tt.args...))
			err := cmd.Execute()
			if err != nil {
				stderr.WriteString(err.Error())
			}
			if exitCode(err) != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("exit %d, stdout %q, stderr %q", exitCode(err), stdout.String(), stderr.String())
			}
		})
	}
}

// What the operator's own queries say is what is planned by.
func TestOwnQueriesAreAsked(t *testing.T) {
	own := t.TempDir()
	text := `| fieldsAdd problem.severity = if(in("tier:1", entity_tags), "CRITICAL", else: "LOW")`
	if err := os.WriteFile(filepath.Join(own, "severity.dql"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"plan", "--repo", "../../testdata/demo/repos/acme/shop", "--records", "../../testdata/demo/problems.jsonl", "--now", now}
	if out, _, code := salve(t, nil, args...); code != 0 || !strings.Contains(out, "severity/critical") || strings.Contains(out, "severity/low") {
		t.Fatalf("exit %d\n%s", code, out)
	}
	if out, errs, code := salve(t, []string{"SALVE_QUERIES=" + own}, args...); code != 0 || strings.Contains(out, "severity/critical") || !strings.Contains(out, "severity/low") {
		t.Errorf("exit %d, %s\n%s", code, errs, out)
	}
	if err := os.WriteFile(filepath.Join(own, "error-budget.dql"), []byte("fetch dt.davis.problems"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := salve(t, nil, append(args, "--queries", own)...); code != exitUsage || !strings.Contains(errs, "error-budget.dql:1:1: ") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
