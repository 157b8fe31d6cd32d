package githubtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

func TestProtection(t *testing.T) {
	w := newWorld(t)
	w.AddUser("ada")
	must(t, w.SetPermission("acme/shop", "ada", "write"))
	must(t, w.Protect("acme/shop", "main", githubtest.Protection{Reviews: 1, Strict: true,
		Checks: []githubtest.RequiredCheck{{Context: "salve/pre-deployment", App: 7}, {Context: "ci"}}}))
	n, head := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
	pull := fmt.Sprintf("/repos/acme/shop/pulls/%d", n)
	refused := func(want string) {
		t.Helper()
		if g := w.want(405, "PUT", pull+"/merge", nil); g.text("message") != want {
			t.Errorf("%s, want %s", g.text("message"), want)
		}
	}
	set := func(context, state string) {
		t.Helper()
		w.want(201, "POST", "/repos/acme/shop/statuses/"+head, map[string]any{"state": state, "context": context})
	}
	refused("2 of 2 required status checks have not succeeded: 2 expected.")
	set("ci", "success")
	refused(`Required status check "salve/pre-deployment" is expected.`)
	set("salve/pre-deployment", "pending")
	refused(`Required status check "salve/pre-deployment" is pending.`)
	set("salve/pre-deployment", "failure")
	refused(`Required status check "salve/pre-deployment" is failing.`)
	must(t, w.SetStatus("acme/shop", "mallory", head, "success", "salve/pre-deployment", "forged"))
	refused(`Required status check "salve/pre-deployment" was not set by the expected GitHub app.`)
	set("salve/pre-deployment", "success")
	// A check run of the same name is required as well.
	w.want(201, "POST", "/repos/acme/shop/check-runs", map[string]any{"name": "ci", "head_sha": head})
	refused(`Required status check "ci" is pending.`)
	w.want(201, "POST", "/repos/acme/shop/check-runs", map[string]any{"name": "ci", "head_sha": head, "status": "completed", "conclusion": "neutral"})
	refused("At least 1 approving review is required by reviewers with write access.")
	ada := w.AddUser("ada")
	if g := w.as(ada, "POST", pull+"/reviews", `{"event":"APPROVE"}`); g.status != 200 {
		t.Error(g.raw)
	}
	// Nobody pushes past it.
	if g := w.want(422, "PATCH", "/repos/acme/shop/git/refs/heads/main", map[string]any{"sha": head}); !strings.Contains(g.raw, "Required status check") {
		t.Error(g.raw)
	}
	// people push where rules let them; here the base moves on, and Strict asks for it.
	if _, err := w.PushCommit("acme/shop", "acme", "main", "move", map[string]*githubtest.File{"f": {Content: "1"}}); err != nil {
		t.Fatal(err)
	}
	refused("Head branch is out of date")
	if err := w.MergePull("acme/shop", "ada", n); err == nil {
		t.Error("merged out of date")
	}
	must(t, w.Protect("acme/shop", "main", githubtest.Protection{Checks: []githubtest.RequiredCheck{{Context: "ci"}}}))
	must(t, w.MergePull("acme/shop", "ada", n))
}

func TestReadProtection(t *testing.T) {
	w := newWorld(t)
	must(t, w.AddApp(githubtest.App{ID: 7, Slug: "salve", Key: keyPEM(), Permissions: map[string]string{"administration": "read", "contents": "read"}}))
	must(t, w.AddInstallation(githubtest.Installation{ID: 70, App: 7, Account: "acme"}))
	w.token = w.newToken(nil)
	w.want(404, "GET", "/repos/acme/shop/branches/main/protection", nil)
	must(t, w.Protect("acme/shop", "main", githubtest.Protection{Reviews: 2, Checks: []githubtest.RequiredCheck{{Context: "a", App: 7}, {Context: "b"}}}))
	g := w.want(200, "GET", "/repos/acme/shop/branches/main/protection", nil)
	if g.at("required_status_checks", "checks", 0, "app_id") != 7.0 || g.at("required_status_checks", "checks", 1, "app_id") != nil {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", "/repos/acme/shop/branches/main", nil); g.at("protected") != true {
		t.Error(g.raw)
	}
}

func TestRules(t *testing.T) {
	type rule = githubtest.Rule
	pattern := func(operator, text string) map[string]any {
		return map[string]any{"operator": operator, "pattern": text}
	}
	for _, test := range []struct {
		name     string
		branches []string
		rule     rule
		branch   string // to be made
		want     string // part of the refusal; empty: granted
	}{
		{"creation", []string{"salve/**/*"}, rule{Type: "creation"}, "salve/a/b", "Cannot create ref due to creations being restricted."},
		{"creation elsewhere", []string{"release/*"}, rule{Type: "creation"}, "salve/a", ""},
		{"name", []string{"~ALL"}, rule{Type: "branch_name_pattern", Parameters: pattern("starts_with", "bot/")}, "salve/a", "Branch name must match"},
		{"name fits", []string{"~ALL"}, rule{Type: "branch_name_pattern", Parameters: pattern("starts_with", "salve/")}, "salve/a", ""},
		{"message", []string{"~ALL"}, rule{Type: "commit_message_pattern", Parameters: pattern("regex", `^[A-Z]+-\d+`)}, "salve/a", "Commit message must match"},
		{"signatures", []string{"~ALL"}, rule{Type: "required_signatures"}, "salve/a", ""},
		{"path", []string{"~ALL"}, rule{Type: "file_path_restriction", Parameters: map[string]any{"restricted_file_paths": []string{"k8s/**/*"}}}, "salve/a", "File path is restricted: k8s/deploy.yaml"},
		{"default branch only", []string{"~DEFAULT_BRANCH"}, rule{Type: "creation"}, "salve/a", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			must(t, w.AddRuleset("acme/shop", githubtest.Ruleset{Branches: test.branches, Rules: []rule{test.rule}}))
			tree := w.want(201, "POST", "/repos/acme/shop/git/trees", map[string]any{"base_tree": w.head(), "tree": []map[string]string{{"path": "k8s/deploy.yaml", "mode": "100644", "content": "x"}}})
			c := w.want(201, "POST", "/repos/acme/shop/git/commits", map[string]any{"message": "m", "tree": tree.text("sha"), "parents": []string{w.head()}})
			g := w.ask("POST", "/repos/acme/shop/git/refs", map[string]any{"ref": "refs/heads/" + test.branch, "sha": c.text("sha")})
			if granted := g.status == 201; granted != (test.want == "") || !strings.Contains(g.raw, test.want) {
				t.Errorf("%d %s, want %q", g.status, g.raw, test.want)
			}
			if !strings.HasPrefix(test.name, "default") {
				rules := w.want(200, "GET", "/repos/acme/shop/rules/branches/"+test.branch, nil)
				if applies := rules.len() == 1; applies == (test.name == "creation elsewhere") {
					t.Errorf("rules for %s: %s", test.branch, rules.raw)
				}
			}
		})
	}
}

func TestRulesBypassAndMerge(t *testing.T) {
	w := newWorld(t)
	rules := githubtest.Ruleset{Branches: []string{"main"}, Rules: []githubtest.Rule{
		{Type: "required_status_checks", Parameters: map[string]any{"required_status_checks": []githubtest.RequiredCheck{{Context: "salve/risk", App: 7}}}},
		{Type: "non_fast_forward"}, {Type: "deletion"}, {Type: "pull_request"}}}
	must(t, w.AddRuleset("acme/shop", rules))
	id := fmt.Sprint(int(w.want(200, "GET", "/repos/acme/shop/rules/branches/main", nil).at(0, "ruleset_id").(float64)))
	if g := w.want(200, "GET", "/repos/acme/shop/rulesets/"+id+"?includes_parents=true", nil); g.text("current_user_can_bypass") != "never" {
		t.Error(g.raw)
	}
	w.want(404, "GET", "/repos/acme/shop/rulesets/1", nil)
	if g := w.want(200, "GET", "/repos/acme/shop/rules/branches/main", nil); g.at(0, "parameters", "required_status_checks", 0, "integration_id") != 7.0 {
		t.Error(g.raw)
	}
	n, head := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
	w.want(405, "PUT", fmt.Sprintf("/repos/acme/shop/pulls/%d/merge", n), nil)
	if g := w.want(422, "PATCH", "/repos/acme/shop/git/refs/heads/main", map[string]any{"sha": head}); !strings.Contains(g.raw, "Repository rule violations found") {
		t.Error(g.raw)
	}
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/free", Files: map[string]githubtest.File{"f": {Content: "x"}}}))
	rules.Bypass = []int64{7}
	must(t, w.AddRuleset("acme/free", rules))
	at := w.want(200, "GET", "/repos/acme/free/commits/main", nil)
	c := w.want(201, "POST", "/repos/acme/free/git/commits", map[string]any{"message": "m", "tree": at.text("commit", "tree", "sha"), "parents": []string{at.text("sha")}})
	w.want(200, "PATCH", "/repos/acme/free/git/refs/heads/main", map[string]any{"sha": c.text("sha")})
}

// Apps without the permission cannot touch workflows.
func TestWorkflows(t *testing.T) {
	w := newWorld(t)
	tree := w.want(201, "POST", "/repos/acme/shop/git/trees", map[string]any{"base_tree": w.head(), "tree": []map[string]string{{"path": ".github/workflows/x.yml", "mode": "100644", "content": "x"}}})
	c := w.want(201, "POST", "/repos/acme/shop/git/commits", map[string]any{"message": "m", "tree": tree.text("sha"), "parents": []string{w.head()}})
	w.want(403, "POST", "/repos/acme/shop/git/refs", map[string]any{"ref": "refs/heads/x", "sha": c.text("sha")})
}
