package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A plan for one environment changes its overlay, its values file and its
// variables file; with recorded use, by what was used.
func TestPlanReachesOneEnvironment(t *testing.T) {
	const demo = "../../testdata/demo"
	text, err := os.ReadFile(filepath.Join(demo, "problems.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"display_id": "P-260301"`) { // of checkout, now of cart too
			lines = append(lines, strings.NewReplacer("P-260301", "P-260399", `"checkout"`, `"cart"`, "215880361294251", "999980361294251").Replace(line))
		}
		lines = append(lines, line)
	}
	problems := filepath.Join(t.TempDir(), "problems.jsonl")
	if err := os.WriteFile(problems, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"plan", "--now", "2026-03-02T10:00:00Z", "--format", "json", "--records", problems, "--records", filepath.Join(demo, "metrics.jsonl")}
	for _, repo := range []string{"shop", "billing", "platform"} {
		args = append(args, "--repo", filepath.Join(demo, "repos/acme", repo))
	}
	out, errs, code := salve(t, nil, args...)
	var got struct{ Pulls []pullView }
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("exit %d, %v: %s %s", code, err, out, errs)
	}
	for _, want := range []struct{ title, file, line, rule string }{
		{"Raise memory limit of shop/cart (production)", "deploy/cart/overlays/production/replicas.yaml", "memory: 384Mi", "OOM kill"},
		{"Raise memory limit of invoices (production)", "environments/production/values.yaml", "memory: 1280Mi", "peak of 977Mi over 7d / 0.85"},
		{"Raise maximum size of web (production)", "env/production.tfvars", "web_max_size = 10", "×1.25"},
	} {
		found := false
		for _, p := range got.Pulls {
			if !strings.HasPrefix(p.Title, want.title) {
				continue
			}
			found = true
			if strings.Count(p.Diff, "diff --git") != 1 || !strings.Contains(p.Diff, "+++ b/"+want.file) || !strings.Contains(p.Diff, want.line) || !strings.Contains(p.Rule, want.rule) {
				t.Errorf("%s by %s\n%s\nwant %s with %s by …%s…", p.Title, p.Rule, p.Diff, want.file, want.line, want.rule)
			}
		}
		if !found {
			t.Errorf("no pull request %s: %s", want.title, out)
		}
	}
}
