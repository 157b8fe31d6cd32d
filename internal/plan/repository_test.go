package plan_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
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

// What a repository holds that goes beyond all measure is a fault for its
// owners, not a burden on others.
func TestOpenIsBounded(t *testing.T) {
	remedies := map[string]string{}
	for i := range 150 {
		name := fmt.Sprintf("r%d", i)
		remedies[policy.RemedyPath+"/"+name+".yaml"] = "name: " + name + "\nsummary: s\nanswers: problem\nwhen: {title: [x]}\nleave: no\n"
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		fault string
		own   int
	}{
		{"many remedies", remedies, "more than 100 remedies", 100},
		{"a huge configuration", map[string]string{policy.File: "version: 1\n# " + strings.Repeat("x", 2<<20)}, "bytes, at most", 0},
		{"a deep configuration", map[string]string{policy.File: "version: 1\nlabels: " + strings.Repeat("[", 10_000)}, "nested more than", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(tt.files)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Error(), tt.fault) || len(r.Remedies) != tt.own {
				t.Errorf("%d remedies, faults %.200v; want %q", len(r.Remedies), r.Faults, tt.fault)
			}
			if r.Writes().None() {
				t.Error("may be written to, want not")
			}
		})
	}
}

// A workload whose name leads elsewhere gets no file there.
func TestCreateStaysBesideTheWorkload(t *testing.T) {
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(remedies, func(r plan.Remedy) bool { return r.Name == "autoscaler" })
	for name, ok := range map[string]bool{"x": true, "../x": false, "../../x": false, "a/b": false, "x\u202ey": false, "x\n- y": false} {
		repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(map[string]string{
			policy.File:         "version: 1\n",
			"deploy/k8s/a.yaml": strings.Replace(deployment, "name: checkout,", fmt.Sprintf("name: %q,", name), 1),
		})}, remedies)
		if err != nil || len(repo.Faults) > 0 {
			t.Fatal(err, repo.Faults)
		}
		targets, why, err := repo.Targets(t.Context(), remedies[i], plan.Subject{Namespace: "shop", Workload: name})
		if err != nil || len(targets) != 1 {
			t.Fatal(targets, why, err)
		}
		p, why, err := (&plan.Planner{}).Plan(t.Context(), plan.Case{Target: targets[0], Evidence: []prose.Evidence{{Problem: "P-1", Title: "x"}}}, sandbox.WorldTime)
		if err != nil || why.None() != ok {
			t.Errorf("%q: %v, reason %q, writes %s", name, err, why.Text, p.Proposal.Changes.Unified())
		}
	}
}

// What counts in the .github repository of an organisation only is a mistake
// elsewhere, beside which the rest holds.
func TestMisplacedRepositories(t *testing.T) {
	for name, faults := range map[string]int{"shop": 1, ".github": 0} {
		r, err := plan.Open(t.Context(), plan.Checkout{
			Repo:  forge.Repo{Owner: "acme", Name: name},
			Files: inventory.Map(map[string]string{".github/salve.yml": "version: 1\nrepositories: [\"*\"]\n"}),
		}, nil)
		if err != nil || len(r.Faults) != faults || r.Config == nil {
			t.Errorf("%s: faults %v, %v; want %d and a configuration", name, r.Faults, err, faults)
		}
	}
}

// blobs are files whose contents have names, and that note what is read of them.
type blobs struct {
	files map[string]string
	read  []string
}

func (b *blobs) List(context.Context) ([]forge.File, error) {
	var out []forge.File
	for _, p := range slices.Sorted(maps.Keys(b.files)) {
		out = append(out, forge.File{Path: p, Mode: forge.ModeFile, Size: int64(len(b.files[p])), Blob: forge.SHA(fmt.Sprintf("%x", sha256.Sum256([]byte(b.files[p]))))})
	}
	return out, nil
}

func (b *blobs) Read(_ context.Context, name string) ([]byte, error) {
	b.read = append(b.read, name)
	return []byte(b.files[name]), nil
}

func TestOpenReadsWhatChanged(t *testing.T) {
	files := &blobs{files: map[string]string{
		"k8s/a.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: shop}\n",
		"k8s/b.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b, namespace: shop}\n",
	}}
	open := func(before *plan.Repository) *plan.Repository {
		r, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: files, Before: before}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := open(nil)
	files.read = nil
	files.files["k8s/b.yaml"] = strings.ReplaceAll(files.files["k8s/b.yaml"], "name: b", "name: c")
	second := open(first)
	if want := []string{"k8s/b.yaml"}; !slices.Equal(files.read, want) {
		t.Errorf("read %q, want %q", files.read, want)
	}
	var names []string
	for _, w := range second.Workloads() {
		names = append(names, w.Name)
	}
	if want := []string{"a", "c"}; !slices.Equal(names, want) {
		t.Errorf("workloads %q, want %q", names, want)
	}
	if second.Before != nil {
		t.Error("the earlier state is kept")
	}
}
