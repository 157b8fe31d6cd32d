package plan_test

import (
	"context"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/codeowners"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/templates"
)

// linked is a map of files of which one is a link.
type linked struct {
	inventory.Files
	path string
}

func (l linked) List(ctx context.Context) ([]forge.File, error) {
	files, err := l.Files.List(ctx)
	for i := range files {
		if files[i].Path == l.path {
			files[i].Mode = forge.ModeSymlink
		}
	}
	return files, err
}

// Whom a pull request asks: those of the configuration, then the owners of its
// file by the first CODEOWNERS of GitHub's three places.
func TestReviewers(t *testing.T) {
	const settings = "version: 1\npull-requests: {reviewers: [acme/platform], assignees: [alice]"
	for name, tt := range map[string]struct {
		config string
		files  map[string]string
		link   string
		want   string // reviewers
		note   string // in the body
	}{
		"none":          {settings + "}\n", nil, "", "acme/platform", ""},
		"owners":        {settings + "}\n", map[string]string{"CODEOWNERS": "* @eve\n/k8s/ @bob @acme/shop\n"}, "", "acme/platform bob acme/shop", ""},
		"first place":   {settings + "}\n", map[string]string{".github/CODEOWNERS": "* @ada\n", "CODEOWNERS": "* @eve\n", "docs/CODEOWNERS": "* @eve\n"}, "", "acme/platform ada", ""},
		"third place":   {settings + "}\n", map[string]string{"docs/CODEOWNERS": "* @ada\n"}, "", "acme/platform ada", ""},
		"another place": {settings + "}\n", map[string]string{"k8s/CODEOWNERS": "* @eve\n"}, "", "acme/platform", ""},
		"switched off":  {settings + ", code-owners: false}\n", map[string]string{"CODEOWNERS": "* @eve\n"}, "", "acme/platform", ""},
		"nobody's":      {settings + "}\n", map[string]string{"CODEOWNERS": "* @eve\n/k8s/\n"}, "", "acme/platform", ""},
		"link":          {settings + "}\n", map[string]string{"CODEOWNERS": "secret", "docs/CODEOWNERS": "* @eve\n"}, "CODEOWNERS", "acme/platform", "CODEOWNERS is a link or a submodule"},
		"huge":          {settings + "}\n", map[string]string{"CODEOWNERS": strings.Repeat("* @eve\n", codeowners.MaxSize/7+1)}, "", "acme/platform", "more than GitHub reads"},
		"endless":       {settings + "}\n", map[string]string{"CODEOWNERS": strings.Repeat("/x @e\n", 30_000)}, "", "acme/platform", "has more than 20000 rules"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{".github/salve.yml": tt.config, "k8s/checkout.yaml": strings.Replace(deployment, "{cpu: 100m}", "{cpu: 100m}, limits: {memory: 512Mi}", 1)}
			for path, text := range tt.files {
				files[path] = text
			}
			p := raise(t, linked{inventory.Map(files), tt.link})
			if got := strings.Join(append(p.Reviewers, p.Owners...), " "); got != tt.want || strings.Join(p.Assignees, " ") != "alice" {
				t.Errorf("reviewers %s, assignees %v; want %s and alice", got, p.Assignees, tt.want)
			}
			if !strings.Contains(p.Body, tt.note) || tt.note == "" && strings.Contains(p.Body, "**Note**") {
				t.Errorf("want the note %q in\n%s", tt.note, p.Body)
			}
		})
	}
}

// raise plans more memory for shop/checkout.
func raise(t *testing.T, files inventory.Files) forge.Proposal {
	t.Helper()
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: files}, remedies)
	if err != nil || len(repo.Faults) > 0 {
		t.Fatal(err, repo.Faults)
	}
	for _, r := range repo.Remedies {
		if r.Name != "memory-limit" {
			continue
		}
		targets, why, err := repo.Targets(t.Context(), r, plan.Subject{Subject: policy.Subject{Workload: "shop/checkout"}, Kind: "deployment", Namespace: "shop", Workload: "checkout"})
		if err != nil || len(targets) != 1 {
			t.Fatal(targets, why, err)
		}
		p, why, err := (&plan.Planner{}).Plan(t.Context(), plan.Case{
			Target: targets[0], Cause: policy.OOMKill, Evidence: []prose.Evidence{{Problem: "P-1", Title: "x", Severity: "HIGH"}},
		}, sandbox.WorldTime)
		if err != nil || !why.None() {
			t.Fatal(why, err)
		}
		return p.Proposal
	}
	t.Fatal("no remedy memory-limit")
	return forge.Proposal{}
}

// GitHub merges by itself only in the environments that the remedy names, one
// by one.
func TestAutoMerge(t *testing.T) {
	for list, want := range map[string]bool{
		"[staging]": false, "[production]": true, "[staging, production]": true, `["*"]`: false, `["prod"]`: false, "[]": false,
	} {
		for _, service := range []string{"", "services: {checkout: {match: {workloads: [shop/checkout]}, environment: production, owns: [{kubernetes: Deployment shop/checkout}]}}\n"} {
			config := "version: 1\nremedies: {memory-limit: {auto-merge: " + list + "}}\n" + service
			if service == "" {
				config += "environments: {production: {namespaces: [shop]}, staging: {namespaces: [stage]}, prod: {namespaces: [p]}, \"x\": {namespaces: [x]}}\n"
				if strings.Contains(list, "*") {
					continue // is no environment
				}
			}
			p := raise(t, inventory.Map(map[string]string{".github/salve.yml": config, "k8s/checkout.yaml": strings.Replace(deployment, "{cpu: 100m}", "{cpu: 100m}, limits: {memory: 512Mi}", 1)}))
			if p.AutoMerge != want || want != strings.Contains(p.Body, "GitHub merges this by itself") {
				t.Errorf("%s: %v, want %v\n%s", config, p.AutoMerge, want, p.Body)
			}
		}
	}
}
