package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/sandbox"
)

// fresh is a world of repositories without a configuration, the first few with a
// problem that could be answered.
func fresh(n, problems int) fstest.MapFS {
	world := crowded(n, problems)
	for i := range n {
		delete(world, fmt.Sprintf("repos/acme/app-%04d/.github/salve.yml", i))
	}
	return world
}

// An offer of a configuration is made once, where something could be done and
// the operator allows it; merged it works, closed it is a no.
func TestOnboarding(t *testing.T) {
	box, environ := sandboxed(t, fresh(3, 2))
	cycle := func(environ []string) {
		t.Helper()
		a := appOf(t, environ)
		defer a.close()
		if _, err := a.cycle(t.Context(), sandbox.WorldTime); err != nil {
			t.Fatal(err)
		}
	}
	pulls := func(i int) []githubtest.Issue {
		t.Helper()
		st, err := box.GitHub.State(fmt.Sprintf("acme/app-%04d", i))
		if err != nil {
			t.Fatal(err)
		}
		return st.Issues
	}
	cycle(environ)
	if n := len(pulls(0)) + len(pulls(1)) + len(pulls(2)); n > 0 {
		t.Fatalf("%d pull requests without leave", n)
	}
	environ = append(environ, "SALVE_ONBOARD=on")
	cycle(environ)
	cycle(environ)
	if len(pulls(0)) != 1 || len(pulls(1)) != 1 || len(pulls(2)) != 0 {
		t.Fatalf("%d, %d and %d offers; want one each where there is a problem", len(pulls(0)), len(pulls(1)), len(pulls(2)))
	}
	p := pulls(0)[0]
	for _, part := range []string{"| Raise memory limit of team‑0000/app to ", "P-0", "dry-run: true", "At most 10 are open at a time, and 4 opened in an hour."} {
		if !strings.Contains(strings.ReplaceAll(p.Body, "\\", ""), strings.ReplaceAll(part, "‑", "-")) {
			t.Errorf("body lacks %q:\n%s", part, p.Body)
		}
	}
	if p.Head != forge.ConfigureBranch || strings.Count(p.Diff, "\n+") < 5 || !strings.Contains(p.Diff, "+version: 1") || !strings.Contains(p.Diff, `+# - {kubernetes`) && !strings.Contains(p.Diff, "kubernetes: \"Deployment team-0000/app\"") {
		t.Errorf("%s\n%s", p.Head, p.Diff)
	}
	if file, err := box.GitHub.ReadFile("acme/app-0000", p.Head, policy.File); err != nil {
		t.Error(err)
	} else if _, err := policy.Parse(policy.File, []byte(file)); err != nil {
		t.Error(err)
	}

	// Yes.
	if err := box.GitHub.MergePull("acme/app-0000", "maria", 1); err != nil {
		t.Fatal(err)
	}
	// No, said twice.
	if err := box.GitHub.ClosePull("acme/app-0001", "maria", 1); err != nil {
		t.Fatal(err)
	}
	cycle(environ)
	if all := pulls(0); len(all) != 2 || !strings.Contains(all[1].Title, "Raise memory limit") {
		t.Errorf("after the merge: %+v", all)
	}
	if all := pulls(1); len(all) != 1 || all[0].State != "closed" {
		t.Errorf("after a no: %+v", all)
	}
	if err := box.GitHub.DeleteBranch("acme/app-0001", "maria", forge.ConfigureBranch); err != nil {
		t.Fatal(err)
	}
	cycle(environ)
	if all := pulls(1); len(all) != 1 {
		t.Errorf("offered once more: %+v", all)
	}
	// Whoever takes the file away is not asked either.
	if _, err := box.GitHub.PushCommit("acme/app-0000", "maria", "main", "no more", map[string]*githubtest.File{policy.File: nil}); err != nil {
		t.Fatal(err)
	}
	cycle(environ)
	if all := pulls(0); len(all) != 2 {
		t.Errorf("offered after the file was taken away: %+v", all)
	}
}

// An open offer follows what it says, and is left to people once they work on
// it; it is withdrawn when a file is there without it.
func TestOnboardingUpdates(t *testing.T) {
	box, environ := sandboxed(t, fresh(2, 2))
	environ = append(environ, "SALVE_ONBOARD=on")
	cycle := func() {
		t.Helper()
		a := appOf(t, environ)
		defer a.close()
		if _, err := a.cycle(t.Context(), sandbox.WorldTime); err != nil {
			t.Fatal(err)
		}
	}
	push := func(repo, branch, path, text string) {
		t.Helper()
		if _, err := box.GitHub.PushCommit(repo, "maria", branch, "by hand", map[string]*githubtest.File{path: {Content: text}}); err != nil {
			t.Fatal(err)
		}
	}
	file := func(repo string) string {
		t.Helper()
		text, err := box.GitHub.ReadFile(repo, forge.ConfigureBranch, policy.File)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	cycle()
	text, err := box.GitHub.ReadFile("acme/app-0000", "main", "k8s/worker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	push("acme/app-0000", "main", "k8s/batch.yaml", strings.Replace(text, "name: worker", "name: batch", 1))
	cycle()
	if !strings.Contains(file("acme/app-0000"), "team-0000/batch") {
		t.Errorf("not brought up to date:\n%s", file("acme/app-0000"))
	}
	push("acme/app-0000", forge.ConfigureBranch, policy.File, "version: 1\ndry-run: true\n")
	push("acme/app-0000", "main", "k8s/more.yaml", strings.Replace(text, "name: worker", "name: more", 1))
	cycle()
	if file("acme/app-0000") != "version: 1\ndry-run: true\n" {
		t.Errorf("a person's file was overwritten:\n%s", file("acme/app-0000"))
	}
	push("acme/app-0001", "main", policy.File, "version: 1\ndry-run: true\n")
	cycle()
	push("acme/app-0001", "main", policy.File, "version: 1\n")
	cycle()
	st, err := box.GitHub.State("acme/app-0001")
	if err != nil || st.Issues[0].State != "closed" {
		t.Errorf("%+v, %v; want the offer withdrawn", st.Issues[0], err)
	}
}
