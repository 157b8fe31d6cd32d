package main

import (
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"github.com/salvehq/salve/internal/sandbox"
)

// A town is where the program works: repositories and the problems in them.
type town struct {
	files    fstest.MapFS
	records  strings.Builder
	problems int
}

func newTown() *town { return &town{files: fstest.MapFS{}} }

// repository adds a repository with n workloads in a namespace of its own.
func (t *town) repository(name, namespace string, n int) {
	put := func(file, text string) {
		t.files["repos/"+name+"/"+file] = &fstest.MapFile{Data: []byte(text)}
	}
	put(".github/salve.yml", "version: 1\nenvironments: {production: {namespaces: [\"*\"]}}\n")
	put("README.md", "An application.\n")
	for i := range n {
		put(fmt.Sprintf("k8s/app-%d.yaml", i), fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%d
  namespace: %s
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: app
          image: registry.example/app:1
          resources:
            requests: {memory: 256Mi}
            limits: {memory: 512Mi}
`, i, namespace))
	}
}

// problem adds an open problem of a workload.
func (t *town) problem(namespace, workload string) {
	t.problems++
	fmt.Fprintf(&t.records, `{"event.kind": "DAVIS_PROBLEM", "event.id": "%d_1V2", "display_id": "P-%d", "event.name": "Out-of-memory kills", `+
		`"event.category": "RESOURCE_CONTENTION", "event.status": "ACTIVE", "event.start": "2026-03-02T09:12:00.000000000Z", "timestamp": "2026-03-02T09:59:00.000000000Z", `+
		`"affected_entity_types": ["dt.entity.cloud_application"], "affected_entity_names": [%q], "affected_entity_ids": ["CLOUD_APPLICATION-%016X"], `+
		`"k8s.namespace.name": [%q], "k8s.workload.name": [%q], "k8s.workload.kind": ["deployment"], "dt.analysis.ready": true, "event.severity": "1"}`+"\n",
		t.problems, t.problems, workload, t.problems, namespace, workload)
}

// open starts both servers.
func (t *town) open() (*sandbox.Sandbox, error) {
	t.files["problems.jsonl"] = &fstest.MapFile{Data: []byte(t.records.String())}
	return sandbox.Start(sandbox.Options{World: t.files, Now: time.Now, Shift: time.Since(sandbox.WorldTime)})
}
