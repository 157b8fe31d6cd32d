package inventory

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
)

// What kustomize renders is what this package says is in force: before a
// change, and after each change that it makes, in which no other field of any
// build differs.
// https://github.com/kubernetes-sigs/kustomize
func TestAgainstKustomize(t *testing.T) {
	if _, err := exec.LookPath("kustomize"); err != nil {
		t.Skip("no kustomize to compare with; go install sigs.k8s.io/kustomize/kustomize/v5")
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(txtar.Format(ar), []byte("kustomization.yaml --")) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { compare(t, newScript(t, ar)) })
		}
	}
}

// rendered are the values of all fields of interest of all builds: by
// directory, object and field.
type rendered map[string]string

func compare(t *testing.T, s *script) {
	r := s.open(t)
	var roots []string
	for _, k := range r.graph.Roots() {
		roots = append(roots, k.Dir)
	}
	before, broken := build(t, s.files, roots, false)
	values, edits := 0, 0
	for _, i := range r.builds {
		outside := slices.ContainsFunc(i.Layers, func(l kustomize.Layer) bool { return l.By() == nil }) // Flux has patches of its own
		if i.Root() == nil || broken[i.Root().Dir] || outside {
			continue
		}
		for _, f := range r.facts(i) {
			if f.Refused != "" {
				continue
			}
			key := rowKey(i.Root().Dir, i.Object.Kind, i.namespace, i.name, f.Container, f.Field)
			have, ok := before[key]
			if !ok {
				t.Errorf("%s: kustomize renders nothing there, want %s (%s:%d)", key, f.Value, f.File, f.Line)
				continue
			}
			if values++; have != f.Value {
				t.Errorf("%s: kustomize renders %s, want %s (%s:%d)", key, have, f.Value, f.File, f.Line)
			}
			if edit(t, s, r, f, i, key, before, broken, roots) {
				edits++
			}
		}
	}
	t.Logf("%d values and %d edits compared; %d directories that kustomize does not build", values, edits, len(broken))
}

// edit sets one value to another and compares all that is rendered then.
func edit(t *testing.T, s *script, r *Repository, f Fact, i *instance, key string, before rendered, broken map[string]bool, roots []string) bool {
	to := "7"
	if strings.HasPrefix(f.Field, "resources") || strings.Contains(f.Field, "torage") {
		to = "777Mi"
	}
	if strings.HasSuffix(f.Field, "cpu") {
		to = "77"
	}
	if strings.HasPrefix(f.Field, "resources.requests") {
		to = "1"
	}
	target := Target{
		Form: Kubernetes, APIVersion: i.Object.APIVersion, Kind: f.Kind, Namespace: f.Namespace, Name: f.Name, Container: f.Container,
		ContainerIndex: -1, Field: f.Field, File: i.Root().Path,
	}
	change, err := r.Set(t.Context(), target, to)
	if err != nil {
		return false // refused: nothing changes
	}
	files := map[string]string{}
	for name, text := range s.files {
		files[name] = text
	}
	for _, c := range change.Files {
		files[c.Path] = string(c.After)
	}
	after, still := build(t, files, roots, true)
	for dir := range still {
		if !broken[dir] {
			t.Errorf("%s: after the change kustomize does not build %s", key, dir)
		}
	}
	if after[key] != to {
		t.Errorf("%s: set to %s, kustomize renders %s\n%s", key, to, after[key], change.Files.Unified())
	}
	for other, was := range before {
		if other != key && after[other] != was && len(change.Affects) == 0 {
			t.Errorf("%s: set, and %s became %s, without a word\n%s", key, other, after[other], change.Files.Unified())
		}
	}
	return true
}

func rowKey(parts ...string) string { return strings.Join(parts, " | ") }

// build renders directories; broken are those that kustomize refuses.
func build(t *testing.T, files map[string]string, roots []string, quiet bool) (rendered, map[string]bool) {
	t.Helper()
	dir := t.TempDir()
	out, broken := rendered{}, map[string]bool{}
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, root := range roots {
		cmd := exec.CommandContext(t.Context(), "kustomize", "build", "--load-restrictor", "LoadRestrictionsNone", filepath.Join(dir, root))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		text, err := cmd.Output()
		if err != nil {
			broken[root] = true
			if !quiet {
				t.Logf("%s: %s", root, strings.TrimSpace(stderr.String()))
			}
			continue
		}
		out.add(t, root, text)
	}
	return out, broken
}

// add reads what kustomize printed.
func (r rendered) add(t *testing.T, root string, text []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", root, err)
		}
		one, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		f, err := kubeedit.Read("rendered.yaml", one)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := f.Docs[0].Objects()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			walk(o.Node(), nil, func(p kubeedit.Path, v string) {
				if !strings.Contains(p.String(), "ontainers[") { // those come below, by name
					r[rowKey(root, o.Kind, o.Namespace, o.Name, "", p.String())] = v
				}
			})
			for _, c := range o.Containers() {
				walk(c.Node, nil, func(p kubeedit.Path, v string) { r[rowKey(root, o.Kind, o.Namespace, o.Name, c.Name, p.String())] = v })
			}
		}
	}
}

// walk calls do for each scalar.
func walk(n *yaml.Node, at kubeedit.Path, do func(kubeedit.Path, string)) {
	switch n.Kind {
	case yaml.ScalarNode:
		do(at, n.Value)
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			walk(n.Content[i], at.Join(kubeedit.Key(n.Content[i-1].Value)), do)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			walk(c, at.Join(kubeedit.Index(i)), do)
		}
	}
}
