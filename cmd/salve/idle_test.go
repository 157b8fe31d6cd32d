package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// crowded is a world of n repositories in one account, with a problem in each
// of the first few. Every repository has a workload, a configuration and files
// beside them.
func crowded(n, problems int) fstest.MapFS {
	world := fstest.MapFS{}
	var records strings.Builder
	for i := range n {
		put := func(file, text string) {
			world[fmt.Sprintf("repos/acme/app-%04d/%s", i, file)] = &fstest.MapFile{Data: []byte(text)}
		}
		put(".github/salve.yml", "version: 1\nenvironments: {production: {namespaces: [\"*\"]}}\n")
		put("README.md", "An application.\n")
		for _, kind := range []string{"app", "worker"} {
			put("k8s/"+kind+".yaml", fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s\n  namespace: team-%04d\nspec:\n  template:\n    spec:\n"+
				"      containers:\n        - name: app\n          image: app:1\n          resources: {limits: {memory: 512Mi}}\n", kind, i))
		}
		if i < problems {
			fmt.Fprintf(&records, `{"event.kind": "DAVIS_PROBLEM", "event.id": "%d_1V2", "display_id": "P-%d", "event.name": "Out-of-memory kills", "event.category": "RESOURCE_CONTENTION", `+
				`"event.status": "ACTIVE", "event.start": "2026-03-02T09:12:00.000000000Z", "timestamp": "2026-03-02T09:13:00.000000000Z", `+
				`"affected_entity_types": ["dt.entity.cloud_application"], "affected_entity_names": ["app"], "affected_entity_ids": ["CLOUD_APPLICATION-%d"], `+
				`"k8s.namespace.name": ["team-%04d"], "k8s.workload.name": ["app"], "k8s.workload.kind": ["deployment"], "dt.analysis.ready": true, "event.severity": "1"}`+"\n", i+1, i, i, i)
		}
	}
	world["problems.jsonl"] = &fstest.MapFile{Data: []byte(records.String())}
	return world
}

// What does not change costs nothing: a cycle over a thousand repositories,
// with pull requests of people at the gate and pull requests of our own, takes
// at most 15 requests of GitHub's hourly limit, and with new tokens no more.
// One repository that changed costs what changed.
func TestIdleCycleOverManyRepositories(t *testing.T) {
	repos, problems := 1000, 20
	if testing.Short() {
		repos, problems = 120, 4
	}
	box, environ := sandboxed(t, crowded(repos, problems))
	for i := range repos / 10 { // people's pull requests, half of them at a workload
		name, files := fmt.Sprintf("acme/app-%04d", i*10), map[string]*githubtest.File{"README.md": {Content: "More.\n"}}
		if i%2 == 0 {
			text, err := box.GitHub.ReadFile(name, "main", "k8s/worker.yaml")
			if err != nil {
				t.Fatal(err)
			}
			files["k8s/worker.yaml"] = &githubtest.File{Content: strings.Replace(text, "app:1", "app:2", 1)}
		}
		if _, err := box.GitHub.PushCommit(name, "maria", "change", "change", files); err != nil {
			t.Fatal(err)
		}
		if _, err := box.GitHub.OpenPull(name, "maria", githubtest.NewPull{Head: "change", Title: "Change"}); err != nil {
			t.Fatal(err)
		}
	}
	a := appOf(t, environ)
	defer a.close()
	cycle := func(what string, most int) {
		t.Helper()
		box.GitHub.ResetJournal()
		c, err := a.cycle(t.Context(), sandbox.WorldTime)
		if err != nil {
			t.Fatal(what, err)
		}
		if len(c.Remedy.Plans) != problems {
			t.Errorf("%s: %d plans, want %d", what, len(c.Remedy.Plans), problems)
		}
		all, counted := box.GitHub.Journal(), map[string]int{}
		total := 0
		for _, r := range all {
			if !r.Free {
				counted[r.Route]++
				total++
			}
		}
		t.Logf("%s: %d requests, %d counted: %v", what, len(all), total, counted)
		if most >= 0 && total > most {
			t.Errorf("%s: %d counted requests, want at most %d", what, total, most)
		}
	}
	cycle("first cycle", -1)
	cycle("second cycle", -1) // its own pull requests are new to it
	cycle("idle cycle", 15)
	box.GitHub.ExpireTokens()
	cycle("idle cycle with new tokens", 15)

	file := &githubtest.File{Content: strings.Repeat("# A longer file.\n", 10) + "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n"}
	if _, err := box.GitHub.PushCommit("acme/app-0055", "maria", "main", "one file", map[string]*githubtest.File{"k8s/x.yaml": file}); err != nil {
		t.Fatal(err)
	}
	cycle("cycle after one file of one repository changed", 15+3) // its head, its tree, the file
}

// appOf opens the program with the variables of a sandbox.
func appOf(t *testing.T, environ []string) *app {
	t.Helper()
	env := &environment{Now: func() time.Time { return sandbox.WorldTime }, Getenv: func(name string) string {
		i := slices.IndexFunc(environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		if i < 0 {
			return ""
		}
		return environ[i][len(name)+1:]
	}}
	set := &settings{}
	if err := errors.Join(serveFlags(set, env).ParseFlags(nil), set.secrets(env), set.validate(true)); err != nil {
		t.Fatal(err)
	}
	a, err := set.open(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return a
}
