package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/salvehq/salve/internal/inventory"
)

// TestWriteStock holds what is written piece by piece against what is written
// at once.
func TestWriteStock(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 200} {
		var workloads []inventory.Workload
		var facts []inventory.Fact
		var problems []inventory.Finding
		for i := range n {
			workloads = append(workloads, inventory.Workload{Kind: "Deployment", Name: fmt.Sprint("<&", i)})
			facts = append(facts, inventory.Fact{Form: inventory.Kubernetes, Field: "spec.replicas", Value: fmt.Sprint(i), Environments: []string{"a"}})
			problems = append(problems, inventory.Finding{File: "a.yaml", Line: i, What: "]\n"})
		}
		var have, want bytes.Buffer
		if err := writeStock(&have, workloads, facts, problems); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(&want, stockOf(workloads, facts, problems)); err != nil {
			t.Fatal(err)
		}
		if have.String() != want.String() {
			t.Errorf("%d: have %s\nwant %s", n, have.String(), want.String())
		}
	}
}
