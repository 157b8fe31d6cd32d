package kustomize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/kubeedit"
)

// world reads kustomizations and manifests by path.
func world(t *testing.T, files map[string]string) (Graph, Source) {
	read := map[string]*kubeedit.File{}
	g := Graph{}
	for name, text := range files {
		f, err := kubeedit.Read(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		read[name] = f
		if !Is(name) {
			continue
		}
		k, err := Read(f)
		if err != nil {
			t.Fatal(err)
		}
		g[k.Dir] = k
	}
	return g, func(name string) *kubeedit.File { return read[name] }
}

func TestRemote(t *testing.T) {
	for name, want := range map[string]bool{
		"../base": false, "web.yaml": false, "./git/base": false,
		"https://example.com/base.yaml": true, "github.com/acme/base": true, "github.com/acme/base//dir?ref=v1": true,
		"git@github.com:acme/base.git": true, "ssh://git@example.com/base": true, "git::https://example.com/x": true,
	} {
		if got := remote(name); got != want {
			t.Errorf("remote(%q) = %t, want %t", name, got, want)
		}
	}
}

func TestSelector(t *testing.T) {
	_, from := world(t, map[string]string{"web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-api\n  labels: {tier: front}\n"})
	i := Plain(Objects(from("web.yaml"))[0])
	for _, tt := range []struct {
		s    selector
		want bool
	}{
		{selector{}, true},
		{selector{kind: "Deployment", name: "web-.*"}, true},
		{selector{kind: "Deploy"}, false},
		{selector{name: "web"}, false},
		{selector{group: "apps", version: "v1"}, true},
		{selector{group: "batch"}, false},
		{selector{labels: "tier=front"}, true},
		{selector{labels: "tier=back"}, false},
		{selector{labels: "tier in (front)"}, true},
		{selector{name: "("}, false},
		{selector{name: strings.Repeat("a", 2000)}, false},
	} {
		if got := tt.s.selects(i); got != tt.want {
			t.Errorf("%+v selects = %t, want %t", tt.s, got, tt.want)
		}
	}
}

// TestBuildIsBounded builds kustomizations that include themselves, or each
// other twice over many levels.
func TestBuildIsBounded(t *testing.T) {
	files := map[string]string{
		"self/kustomization.yaml": "resources: [../self, web.yaml]\n",
		"self/web.yaml":           "kind: Deployment\nmetadata: {name: web}\n",
		"level0/web.yaml":         "kind: Deployment\nmetadata: {name: web}\n",
	}
	files["level0/kustomization.yaml"] = "resources: [web.yaml]\n"
	for n := 1; n < 40; n++ {
		files[fmt.Sprintf("level%d/kustomization.yaml", n)] = fmt.Sprintf("resources: [../level%d, ../level%d]\n", n-1, n-1)
	}
	g, from := world(t, files)
	faults := 0
	fault := func(string, string) { faults++ }
	if got := g.Build(g["self"], from, fault); len(got) != 1 || faults != 1 {
		t.Errorf("self: %d instances, %d faults", len(got), faults)
	}
	faults = 0
	if got := g.Build(g["level39"], from, fault); len(got) > maxInstances || faults == 0 {
		t.Errorf("levels: %d instances, %d faults", len(got), faults)
	}
}

func TestDeleted(t *testing.T) {
	g, from := world(t, map[string]string{
		"kustomization.yaml": "resources: [web.yaml]\npatches:\n- patch: |-\n    $patch: delete\n    kind: Deployment\n    metadata: {name: web}\n",
		"web.yaml":           "kind: Deployment\nmetadata: {name: web}\n---\nkind: Deployment\nmetadata: {name: api}\n",
	})
	got := g.Build(g["."], from, func(string, string) {})
	if len(got) != 1 || got[0].Name().Name != "api" {
		t.Errorf("have %d instances, want api alone", len(got))
	}
}

// TestReplacementsAreBounded copies in circles, along a long chain, and more
// than is looked at.
func TestReplacementsAreBounded(t *testing.T) {
	field := Field{Path: kubeedit.Keys("spec", "replicas"), Index: -1}
	build := func(n int) ([]*Instance, Source) {
		var objects, rules strings.Builder
		for i := range n {
			fmt.Fprintf(&objects, "---\nkind: Deployment\nmetadata: {name: d%d}\nspec: {replicas: %d}\n", i%300, i%300)
			fmt.Fprintf(&rules, "- {source: {name: d%d, fieldPath: spec.replicas}, targets: [{select: {name: d%d}, fieldPaths: [spec.replicas]}]}\n", i%300, (i+1)%300)
		}
		g, from := world(t, map[string]string{"kustomization.yaml": "resources: [all.yaml]\nreplacements:\n" + rules.String(), "all.yaml": objects.String()})
		return g.Build(g["."], from, func(string, string) {}), from
	}
	circle, from := build(300)
	for _, i := range circle {
		if p, err := i.Value(field, from); err != nil || p.Value != "0" {
			t.Fatalf("%s: %q, %v; want what the first of the chain has", i.Name().Name, p.Value, err)
		}
	}
	many, from := build(maxRules + 1)
	if _, err := many[0].Value(field, from); err == nil || !strings.Contains(err.Error(), "replacements") {
		t.Errorf("%v, want a refusal that names the replacements", err)
	}
}

func TestFieldBelow(t *testing.T) {
	f := Field{Path: kubeedit.Keys("spec", "containers").Join(kubeedit.Named("app"), kubeedit.Key("resources"), kubeedit.Key("memory")), Index: 1}
	for text, want := range map[string]struct {
		rest string
		fit  int
	}{
		"spec.containers.[name=app].resources.memory":           {"", 1},
		"spec.containers[name=app].resources":                   {"memory", 1},
		"spec.containers.1.resources.memory":                    {"", 1},
		"spec.containers.*.resources.memory":                    {"", 1},
		"spec.containers":                                       {"[name=app].resources.memory", 1},
		"spec.containers.0.resources.memory":                    {"", 0},
		"spec.containers.[name=other].resources.memory":         {"", 0},
		"spec.containers.[name=app].resources.cpu":              {"", 0},
		"spec.containers.[name=app].resources.memory.x":         {"", 0},
		"metadata.annotations.[example.com/size.of-it]":         {"", 0},
		"spec.template.metadata.annotations.example\\.com/size": {"", 0},
		"spec.containers.[image=x].resources.memory":            {"", -1},
		"spec.[": {"", -1},
	} {
		rest, fit := f.below(readField(text).path)
		if fit != want.fit || fit > 0 && rest.String() != want.rest {
			t.Errorf("%s: %d %q, want %d %q", text, fit, rest, want.fit, want.rest)
		}
	}
}
