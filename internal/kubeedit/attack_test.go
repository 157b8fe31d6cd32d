package kubeedit

import (
	"errors"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/patch"
)

// traps is a file that loses half of itself, and more, when it is read into Go
// values by sigs.k8s.io/yaml and printed again.
const traps = `# first
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {on: yes, y: n, mode: 0777, big: 12345678901234567890, "1": one, 1: two, sexagesimal: 1:30, null: ~, .nan: 1e3}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  annotations: {<<: {x: "1"}, y: "2"}   # twice
  annotations: {y: "3"}
spec:
  template:
    spec:
      containers:
        - name: app
          command: [sh, -c, 'umask 022; exec app']
          resources:
            limits: {memory: 512Mi, cpu: 0500m}
      volumes: [{name: v, secret: {secretName: s, defaultMode: 0400}}]
---
# a third document
kind: Service
on: [push]
...
`

// Attack 54: several documents, keys that YAML 1.1 takes for truth values,
// octal numbers, and keys that stand twice stay as they are; the value that is
// meant, and nothing else, is another one. What stands twice itself is refused.
func TestYAMLThatPrintersLose(t *testing.T) {
	f, err := Read("traps.yaml", []byte(traps))
	if err != nil {
		t.Fatal(err)
	}
	at := func(path string) Address {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		return Address{Doc: 1, Path: p}
	}
	limits := "spec.template.spec.containers[0].resources.limits."
	for _, tt := range []struct{ path, to, from, into string }{
		{limits + "memory", "640Mi", "memory: 512Mi", "memory: 640Mi"},
		{limits + "cpu", "1", "cpu: 0500m", "cpu: 1"},
	} {
		edits, err := f.Set(at(tt.path), tt.to, Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		after, err := patch.Apply(f.Src, edits...)
		if want := strings.Replace(traps, tt.from, tt.into, 1); err != nil || string(after) != want {
			t.Errorf("%s: %v\n%s", tt.path, err, patch.FileChange{Path: "traps.yaml", Before: []byte(want), After: after}.Unified())
		}
	}
	var refusal *patch.Refusal
	if edits, err := f.Set(at("metadata.annotations.y"), "4", Options{}); !errors.As(err, &refusal) {
		t.Errorf("a key that stands twice: edits %v, %v; want a refusal", edits, err)
	}
}

// Attack 55: a limit that other workloads use through an anchor or a merge key
// is not changed unasked; asked, all who use it are named.
func TestSharedLimits(t *testing.T) {
	const anchored = `x: &limits {memory: 512Mi}
a: {limits: *limits}
b: {limits: {<<: *limits, cpu: 1}}
c: {limits: &own {memory: 1Gi}}
d: {limits: *own}
e: {limits: {memory: &m 256Mi}}
f: {limits: {memory: *m}}
`
	f, err := Read("shared.yaml", []byte(anchored))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path      string
		consumers int // lines that are named where sharing is allowed; 0: refused also then
	}{
		{"a.limits.memory", 0}, {"b.limits.memory", 0}, {"d.limits.memory", 0}, {"f.limits.memory", 0},
		{"x.memory", 2}, {"c.limits.memory", 1}, {"e.limits.memory", 1},
	} {
		p, err := ParsePath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		a := Address{Path: p}
		var refusal *patch.Refusal
		if edits, err := f.Set(a, "2Gi", Options{}); !errors.As(err, &refusal) || len(edits) > 0 {
			t.Errorf("%s: edits %v, %v; want a refusal", tt.path, edits, err)
		}
		_, err = f.Set(a, "2Gi", Options{Shared: true})
		if (err == nil) != (tt.consumers > 0) || len(f.Consumers(a)) != tt.consumers {
			t.Errorf("%s, sharing allowed: %v, used on lines %v; want %d", tt.path, err, f.Consumers(a), tt.consumers)
		}
	}
}
