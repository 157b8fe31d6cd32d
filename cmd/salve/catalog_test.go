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
