package plan_test

import (
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/templates"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec:
  replicas: 3
  selector:
    matchLabels: {app: checkout, "tier": 'web: {{.}}'}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers:
        - {name: app, image: x, resources: {requests: {cpu: 100m}}}
`

// create plans what a remedy creates in a repository of one service.
func create(t *testing.T, remedy, owns string, files map[string]string) (plan.Plan, policy.Reason) {
	t.Helper()
	files[".github/salve.yml"] = "version: 1\nservices:\n  it:\n    match: {tags: [it]}\n    owns: [{" + owns + ", for: " + remedy + "}]\n"
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(files)}, remedies)
	if err != nil || len(repo.Faults) > 0 {
		t.Fatal(err, repo.Faults)
	}
	for _, r := range repo.Remedies {
		if r.Name != remedy {
			continue
		}
		targets, why, err := repo.Targets(t.Context(), r, plan.Subject{Subject: policy.Subject{Tags: []string{"it"}}})
		if err != nil || len(targets) != 1 {
			t.Fatal(targets, why, err)
		}
		p, why, err := (&plan.Planner{}).Plan(t.Context(), plan.Case{
			Target: targets[0], Evidence: []prose.Evidence{{Problem: "P-1", Title: "x", Severity: "HIGH"}},
		}, sandbox.WorldTime)
		if err != nil {
			t.Fatal(err)
		}
		return p, why
	}
	t.Fatalf("no remedy %s", remedy)
	return plan.Plan{}, policy.Reason{}
}

func TestCreate(t *testing.T) {
	for _, tt := range []struct {
		name, remedy, owns string
		files              map[string]string
		title              string
		added              []string // lines of the diff
	}{
		{"disruption budget", "disruption-budget", `kubernetes: "Deployment shop/checkout"`,
			map[string]string{"k8s/checkout.yaml": deployment}, "Add a disruption budget for it",
			[]string{"+++ b/k8s/checkout-disruption-budget.yaml", "+  namespace: shop", "+  maxUnavailable: 1", `+      "app": "checkout"`, `+      "tier": "web: {{.}}"`}},
		{"disruption budget in a kustomization", "disruption-budget", `kubernetes: "Deployment shop/checkout"`,
			map[string]string{"k8s/checkout.yaml": deployment, "k8s/kustomization.yaml": "namespace: shop\nresources: [checkout.yaml]\n"}, "Add a disruption budget for it",
			[]string{"-resources: [checkout.yaml]", "+resources: [checkout.yaml, checkout-disruption-budget.yaml]"}},
		{"scaling policy", "scaling-policy", `terraform: aws_autoscaling_group.web`,
			map[string]string{"main.tf": "resource \"aws_autoscaling_group\" \"web\" {\n  max_size = 4\n}\n"}, "Add a scaling policy for it",
			[]string{`+resource "aws_autoscaling_policy" "web_cpu" {`, "+  autoscaling_group_name = aws_autoscaling_group.web.name"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, why := create(t, tt.remedy, tt.owns, tt.files)
			if !why.None() || p.Proposal.Title != tt.title {
				t.Fatalf("title %q, reason %q", p.Proposal.Title, why.Text)
			}
			diff := p.Proposal.Changes.Unified()
			for _, line := range tt.added {
				if !strings.Contains(diff, line+"\n") {
					t.Errorf("diff lacks %q:\n%s", line, diff)
				}
			}
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, remedy, owns string
		files              map[string]string
		want               string
	}{
		{"there already", "disruption-budget", `kubernetes: "Deployment shop/checkout"`,
			map[string]string{"k8s/checkout.yaml": deployment, "k8s/checkout-disruption-budget.yaml": "a: b\n"}, "file exists already"},
		{"no such workload", "disruption-budget", `kubernetes: "Deployment shop/cart"`, map[string]string{"k8s/checkout.yaml": deployment}, "0 manifests could be meant"},
		{"no such group", "scaling-policy", `terraform: aws_autoscaling_group.web`, map[string]string{"main.tf": "locals {}\n"}, "stands in 0 files"},
		{"no resource", "scaling-policy", `terraform: module.web.asg`, map[string]string{"main.tf": "locals {}\n"}, "no address of a resource"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, why := create(t, tt.remedy, tt.owns, tt.files)
			if !strings.Contains(why.Text, tt.want) {
				t.Errorf("reason %q, want %q", why.Text, tt.want)
			}
		})
	}
}
