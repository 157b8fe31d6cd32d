package githubtest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
)

func TestApp(t *testing.T) {
	w := newWorld(t)
	jwt := w.jwt(nil)
	if g := w.as(jwt, "GET", "/app", nil); g.text("slug") != "salve" || g.text("permissions", "metadata") != "read" {
		t.Error(g.raw)
	}
	if g := w.as(jwt, "GET", "/app/installations", nil); g.len() != 1 || g.text(0, "account", "login") != "acme" {
		t.Error(g.raw)
	}
	if g := w.as(jwt, "GET", "/app/installations/70", nil); g.text("repository_selection") != "all" {
		t.Error(g.raw)
	}
	if g := w.as(jwt, "GET", "/repos/acme/shop/installation", nil); g.at("id") != 70.0 {
		t.Error(g.raw)
	}
	// GitHub Enterprise Server has its API below /api/v3.
	if g := w.as(jwt, "GET", "/api/v3/app", nil); g.status != 200 {
		t.Error(g.raw)
	}
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	must(t, push(w, "main", map[string]*githubtest.File{"big": {Content: strings.Repeat("0123456789abcdef", 70000)}, "link": {Content: "README.md", Mode: "120000"}}))
	file := w.want(200, "GET", shop+"/contents/k8s/deploy.yaml?ref=main", nil)
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(file.text("content"), "\n", ""))
	if err != nil || !strings.HasPrefix(string(data), "kind: Deployment\n") {
		t.Errorf("%q, %v", data, err)
	}
	if g := w.want(200, "GET", shop+"/contents/big", nil); g.text("encoding") != "none" || g.text("content") != "" || g.at("size") != 1120000.0 {
		t.Error(g.raw)
	}
	if g := w.as(w.token, "GET", shop+"/contents/big", nil, "Accept: application/vnd.github.raw+json"); len(g.raw) != 1120000 {
		t.Errorf("%d bytes", len(g.raw))
	}
	if g := w.want(200, "GET", shop+"/contents/link", nil); g.text("type") != "symlink" || g.text("target") != "README.md" {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", shop+"/contents/k8s", nil); g.text(0, "path") != "k8s/deploy.yaml" {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", shop+"/contents", nil); g.len() != 5 {
		t.Error(g.raw)
	}
	if g := w.as(w.token, "GET", shop+"/contents/k8s", nil, "Accept: application/vnd.github.object+json"); g.text("entries", 0, "name") != "deploy.yaml" {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", shop+"/git/blobs/"+file.text("sha"), nil); g.text("content") != file.text("content") {
		t.Error(g.raw)
	}
	tree := w.want(200, "GET", shop+"/git/trees/main?recursive=1", nil)
	if tree.text("tree", 3, "mode") != "100755" || tree.text("tree", 2, "type") != "tree" || tree.at("truncated") != false {
		t.Error(tree.raw)
	}
	w.SetLimits(githubtest.Limits{TreeEntries: 2})
	if g := w.want(200, "GET", shop+"/git/trees/main?recursive=1", nil); g.at("truncated") != true {
		t.Error(g.raw)
	}
	put := w.want(200, "PUT", shop+"/contents/bin/run", map[string]any{"message": "m", "content": "eA==", "sha": tree.text("tree", 3, "sha")})
	w.want(201, "PUT", shop+"/contents/new%20file", map[string]any{"message": "m", "content": "eA==", "branch": "main"})
	w.want(200, "GET", shop+"/git/commits/"+put.text("commit", "sha"), nil)
}

// push lets a person push to acme/shop.
func push(w *world, branch string, files map[string]*githubtest.File) error {
	_, err := w.PushCommit("acme/shop", "ada", branch, "change "+branch, files)
	return err
}

func TestRefs(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	main := w.want(200, "GET", shop+"/git/ref/heads/main", nil).text("object", "sha")
	for _, ref := range []string{"refs/heads/salve/a/b", "refs/heads/salve/c", "refs/tags/v1"} {
		w.want(201, "POST", shop+"/git/refs", map[string]any{"ref": ref, "sha": main})
	}
	if g := w.want(200, "GET", shop+"/git/matching-refs/heads%2Fsalve", nil); g.len() != 2 {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", shop+"/branches/salve%2Fa%2Fb", nil); g.text("commit", "sha") != main {
		t.Error(g.raw)
	}
	for _, ref := range []string{"salve/c", "heads/salve/c", "v1", main, main[:8], "salve%2Fc"} {
		if g := w.want(200, "GET", shop+"/commits/"+ref, nil); g.text("sha") != main {
			t.Errorf("%s: %s", ref, g.raw)
		}
	}
	must(t, push(w, "main", map[string]*githubtest.File{"f": {Content: "1\n"}}))
	next := w.want(200, "GET", shop+"/git/ref/heads/main", nil).text("object", "sha")
	w.want(200, "PATCH", shop+"/git/refs/heads/salve/c", map[string]any{"sha": next})
	w.want(200, "PATCH", shop+"/git/refs/heads/salve/c", map[string]any{"sha": main, "force": true})
	w.want(204, "DELETE", shop+"/git/refs/heads/salve/a/b", nil)
	if g := w.want(200, "GET", shop+"/compare/salve%2Fc...main", nil); g.at("ahead_by") != 1.0 || g.text("status") != "ahead" || g.text("files", 0, "filename") != "f" {
		t.Error(g.raw)
	}
	if g := w.as(w.token, "GET", shop+"/compare/salve%2Fc...main", nil, "Accept: application/vnd.github.diff"); g.raw != "diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+1\n" {
		t.Errorf("%q", g.raw)
	}
	if g := w.as(w.token, "GET", shop+"/commits/main", nil, "Accept: application/vnd.github.sha"); g.raw != next {
		t.Error(g.raw)
	}
}

func TestSignedCommits(t *testing.T) {
	w := newWorld(t)
	tree := w.tree("f", "x")
	for name, test := range map[string]struct {
		body     map[string]any
		verified bool
		author   string
	}{
		"as the App":          {map[string]any{}, true, "salve[bot]"},
		"as somebody else":    {map[string]any{"author": map[string]string{"name": "Ada", "email": "ada@example.com"}}, false, "Ada"},
		"with a committer":    {map[string]any{"committer": map[string]string{"name": "Ada", "email": "ada@example.com"}}, false, "salve[bot]"},
		"with another's mark": {map[string]any{"signature": "-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----"}, false, "salve[bot]"},
	} {
		test.body["message"], test.body["tree"] = "m", tree
		g := w.want(201, "POST", "/repos/acme/shop/git/commits", test.body)
		if g.at("verification", "verified") != test.verified || g.text("author", "name") != test.author {
			t.Errorf("%s: %s", name, g.raw)
		}
	}
}

func TestIssues(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	w.AddUser("ada")
	must(t, w.SetPermission("acme/shop", "ada", "write"))
	w.want(201, "POST", shop+"/labels", map[string]any{"name": "salve", "color": "1D76DB", "description": "by Salve"})
	w.want(201, "POST", shop+"/issues", map[string]any{"title": "Dashboard", "body": "- [ ] one", "labels": []string{"salve", "new"}, "assignees": []string{"ada", "nobody"}})
	w.want(200, "PATCH", shop+"/issues/1", map[string]any{"body": "- [x] one", "labels": []string{"salve"}})
	g := w.want(200, "GET", shop+"/issues/1", nil)
	if g.text("labels", 0, "color") != "1d76db" || g.text("assignees", 0, "login") != "ada" || g.text("body") != "- [x] one" {
		t.Error(g.raw)
	}
	w.want(200, "PUT", shop+"/issues/1/labels", map[string]any{"labels": []string{"a", "b/c"}})
	w.want(200, "DELETE", shop+"/issues/1/labels/b%2Fc", nil)
	if g := w.want(200, "GET", shop+"/issues/1/labels", nil); g.len() != 1 {
		t.Error(g.raw)
	}
	w.want(200, "GET", shop+"/labels/b/c", nil)
	if g := w.want(200, "GET", shop+"/labels?per_page=2", nil); g.len() != 2 || !strings.Contains(g.header.Get("Link"), "page=2") {
		t.Error(g.raw)
	}
	c := w.want(201, "POST", shop+"/issues/1/comments", map[string]any{"body": "hello"})
	id := fmt.Sprintf("%s/issues/comments/%.0f", shop, c.at("id"))
	w.want(200, "PATCH", id, map[string]any{"body": "hello again"})
	w.want(201, "POST", id+"/reactions", map[string]any{"content": "eyes"})
	w.want(200, "POST", id+"/reactions", map[string]any{"content": "eyes"})
	if g := w.want(200, "GET", shop+"/issues/1/comments", nil); g.text(0, "body") != "hello again" {
		t.Error(g.raw)
	}
	w.want(204, "DELETE", id, nil)
	w.want(200, "PATCH", shop+"/issues/1", map[string]any{"state": "closed", "state_reason": "not_planned"})
	if g := w.want(200, "GET", shop+"/issues?state=closed&labels=a", nil); g.len() != 1 || g.text(0, "state_reason") != "not_planned" {
		t.Error(g.raw)
	}
	// With pull requests alone, plain issues are out of reach.
	w.token = w.newToken(map[string]any{"permissions": map[string]string{"pull_requests": "write"}})
	w.want(403, "POST", shop+"/issues/1/comments", map[string]any{"body": "hello"})
}

func TestPulls(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	w.AddUser("ada")
	must(t, w.SetPermission("acme/shop", "ada", "write"))
	n, head := w.propose("salve/one", "One", map[string]string{"README.md": "# Shop 1\n"})
	pull := fmt.Sprintf("%s/pulls/%d", shop, n)
	w.want(201, "POST", pull+"/requested_reviewers", map[string]any{"reviewers": []string{"ada"}})
	for query, want := range map[string]int{"": 1, "?head=acme:salve/one": 1, "?head=acme:salve/two": 0, "?head=eve:salve/one": 0, "?head=salve/two": 1,
		"?state=closed": 0, "?state=all&base=main": 1, "?base=other": 0} {
		if g := w.want(200, "GET", shop+"/pulls"+query, nil); g.len() != want {
			t.Errorf("%s: %d pulls, want %d", query, g.len(), want)
		}
	}
	if g := w.want(200, "GET", shop+"/commits/"+head+"/pulls", nil); g.len() != 1 {
		t.Error(g.raw)
	}
	review := w.want(200, "POST", pull+"/reviews", map[string]any{"event": "COMMENT", "body": "why", "comments": []map[string]any{
		{"path": "README.md", "line": 1, "side": "LEFT", "body": "before"}, {"path": "README.md", "position": 2, "body": "after"}}})
	if review.text("state") != "COMMENTED" {
		t.Error(review.raw)
	}
	w.want(200, "GET", pull+"/reviews", nil)
	comments := w.want(200, "GET", pull+"/comments", nil)
	if comments.text(0, "side") != "LEFT" || comments.text(1, "side") != "RIGHT" || comments.text(1, "diff_hunk") != "@@ -1 +1 @@\n-# Shop\n+# Shop 1" {
		t.Error(comments.raw)
	}
	w.want(201, "POST", pull+"/comments", map[string]any{"body": "reply", "commit_id": head, "path": "README.md", "in_reply_to": comments.at(0, "id")})
	extra := w.want(201, "POST", pull+"/comments", map[string]any{"body": "new", "commit_id": head, "path": "README.md", "line": 1, "side": "RIGHT"})
	remark := fmt.Sprintf("%s/pulls/comments/%.0f", shop, extra.at("id"))
	if g := w.want(200, "PATCH", remark, map[string]any{"body": "newer"}); g.text("body") != "newer" {
		t.Error(g.raw)
	}
	w.want(204, "DELETE", remark, nil)
	w.want(404, "DELETE", remark, nil)
	w.want(201, "POST", pull+"/comments", map[string]any{"body": "new", "commit_id": head, "path": "README.md", "line": 1, "side": "RIGHT"})
	must(t, push(w, "salve/one", map[string]*githubtest.File{"README.md": {Content: "# Shop 1.1\n"}}))
	head = w.want(200, "GET", shop+"/git/ref/heads/salve/one", nil).text("object", "sha")
	comments = w.want(200, "GET", pull+"/comments", nil)
	if comments.at(0, "line") != 1.0 || comments.at(1, "line") != nil || comments.at(1, "original_line") != 1.0 {
		t.Errorf("lines of outdated comments: %s", comments.raw)
	}
	w.want(200, "PATCH", pull, map[string]any{"title": "One!", "body": "new body"})
	w.want(200, "PATCH", pull, map[string]any{"state": "closed"})
	if g := w.want(200, "PATCH", pull, map[string]any{"state": "open"}); g.text("state") != "open" || g.text("title") != "One!" {
		t.Error(g.raw)
	}
	// A branch that is deleted takes its pull request along.
	w.want(204, "DELETE", shop+"/git/refs/heads/salve/one", nil)
	if g := w.want(200, "GET", pull, nil); g.text("state") != "closed" || g.at("merged") != false || g.text("head", "sha") != head {
		t.Error(g.raw)
	}
	w.want(422, "PATCH", strings.Replace(pull, "pulls", "issues", 1), map[string]any{"state": "open"})
	if g := w.want(422, "PATCH", pull, map[string]any{"state": "open"}); !strings.Contains(g.raw, "branch has been deleted") {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", "/search/issues?q="+url.QueryEscape(`repo:acme/shop is:pr author:app/salve "new body"`), nil); g.at("total_count") != 1.0 {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", "/acme/shop/pull/1", nil); !strings.Contains(g.raw, "One!  (closed)") {
		t.Error(g.raw)
	}
}

// Heads that move, bases that move, and merges that meet.
func TestPullFollows(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	one, head := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
	two, _ := w.propose("two", "Two", map[string]string{"README.md": "# Shop 2\n"})
	w.want(200, "GET", fmt.Sprintf("%s/pulls/%d", shop, two), nil)
	if g := w.want(200, "GET", fmt.Sprintf("%s/pulls/%d", shop, two), nil); g.text("mergeable_state") != "clean" {
		t.Error(g.text("mergeable_state"))
	}
	w.want(200, "PUT", fmt.Sprintf("%s/pulls/%d/merge", shop, one), nil)
	w.want(200, "GET", fmt.Sprintf("%s/pulls/%d", shop, two), nil)
	if g := w.want(200, "GET", fmt.Sprintf("%s/pulls/%d", shop, two), nil); g.at("mergeable") != false || g.text("mergeable_state") != "dirty" {
		t.Error(g.raw)
	}
	w.want(405, "PUT", fmt.Sprintf("%s/pulls/%d/merge", shop, two), nil)
	if g := w.want(200, "GET", fmt.Sprintf("%s/pulls/%d", shop, one), nil); g.text("merged_by", "login") != "salve[bot]" || g.text("head", "sha") != head {
		t.Error(g.raw)
	}
	// Pushed over to the base, nothing is left to merge, and it closes.
	main := w.want(200, "GET", shop+"/git/ref/heads/main", nil).text("object", "sha")
	w.want(200, "PATCH", shop+"/git/refs/heads/two", map[string]any{"sha": main, "force": true})
	if g := w.want(200, "GET", fmt.Sprintf("%s/pulls/%d", shop, two), nil); g.text("state") != "closed" {
		t.Error(g.raw)
	}
	// A push of the head to the base merges.
	three, head := w.propose("three", "Three", map[string]string{"three": "3\n"})
	w.want(200, "PATCH", shop+"/git/refs/heads/main", map[string]any{"sha": head})
	if g := w.want(200, "GET", fmt.Sprintf("%s/pulls/%d", shop, three), nil); g.at("merged") != true {
		t.Error(g.raw)
	}
}

func TestForks(t *testing.T) {
	w := newWorld(t)
	must(t, push(w, "mallory:patch", map[string]*githubtest.File{"README.md": {Content: "# Mine\n"}}))
	n, err := w.OpenPull("acme/shop", "mallory", githubtest.NewPull{Head: "mallory:patch", Title: "Mine"})
	must(t, err)
	g := w.want(200, "GET", fmt.Sprintf("/repos/acme/shop/pulls/%d", n), nil)
	if g.text("head", "label") != "mallory:patch" || g.text("head", "repo", "full_name") != "mallory/shop" || g.text("base", "repo", "full_name") != "acme/shop" {
		t.Error(g.raw)
	}
	w.want(404, "GET", "/repos/acme/shop/git/ref/heads/patch", nil)
	w.want(404, "GET", "/repos/acme/shop/git/ref/forks/mallory/patch", nil)
	w.want(200, "GET", "/repos/acme/shop/git/ref/pull/1/head", nil)
}

func TestStatuses(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	main := w.want(200, "GET", shop+"/git/ref/heads/main", nil).text("object", "sha")
	combined := func(want string) {
		t.Helper()
		if g := w.want(200, "GET", shop+"/commits/main/status", nil); g.text("state") != want {
			t.Errorf("combined state %s, want %s", g.text("state"), want)
		}
	}
	combined("pending")
	for i, state := range []string{"success", "pending", "error", "success"} {
		w.later(time.Second)
		w.want(201, "POST", shop+"/statuses/"+main, map[string]any{"state": state, "context": fmt.Sprint("ci/", i%3), "target_url": "https://example.com"})
		combined([]string{"success", "pending", "failure", "failure"}[i])
	}
	w.want(201, "POST", shop+"/statuses/"+main, map[string]any{"state": "success", "context": "CI/2"})
	combined("pending")
	w.want(201, "POST", shop+"/statuses/"+main, map[string]any{"state": "success", "context": "ci/1"})
	combined("success")
	if g := w.want(200, "GET", shop+"/commits/heads/main/statuses?per_page=100", nil); g.len() != 6 || g.text(0, "context") != "ci/1" {
		t.Error(g.raw)
	}
	for range 998 {
		must(t, w.SetStatus("acme/shop", "ada", main, "success", "CI/0", ""))
	}
	if g := w.want(422, "POST", shop+"/statuses/"+main, map[string]any{"state": "success", "context": "ci/0"}); !strings.Contains(g.raw, "maximum number of statuses") {
		t.Error(g.raw)
	}
}

func TestChecks(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	main := w.want(200, "GET", shop+"/git/ref/heads/main", nil).text("object", "sha")
	run := w.want(201, "POST", shop+"/check-runs", map[string]any{"name": "Salve: pre-deployment", "head_sha": main, "status": "in_progress",
		"output": map[string]any{"title": "t", "summary": "s"}, "actions": []map[string]string{{"label": "Explain", "description": "d", "identifier": "explain"}}})
	path := fmt.Sprintf("%s/check-runs/%.0f", shop, run.at("id"))
	w.want(200, "PATCH", path, map[string]any{"conclusion": "failure", "output": map[string]any{"title": "t", "summary": "s2"}})
	if g := w.want(200, "GET", path, nil); g.text("status") != "completed" || g.text("output", "summary") != "s2" {
		t.Error(g.raw)
	}
	w.want(201, "POST", shop+"/check-runs", map[string]any{"name": "Salve: pre-deployment", "head_sha": main, "conclusion": "success", "status": "completed"})
	if g := w.want(200, "GET", shop+"/commits/main/check-runs", nil); g.at("total_count") != 1.0 || g.text("check_runs", 0, "conclusion") != "success" {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", shop+"/commits/main/check-runs?filter=all", nil); g.at("total_count") != 2.0 {
		t.Error(g.raw)
	}
	w.want(201, "POST", path+"/rerequest", nil)
	must(t, w.RerunCheck("acme/shop", "ada", main, "Salve: pre-deployment"))
	if g := w.want(200, "GET", shop+"/commits/main/check-runs", nil); g.text("check_runs", 0, "status") != "queued" {
		t.Error(g.raw)
	}
	w.want(201, "POST", fmt.Sprintf("%s/check-suites/%.0f/rerequest", shop, run.at("check_suite", "id")), nil)
	// Another App cannot touch it.
	must(t, w.AddApp(githubtest.App{ID: 8, Slug: "other", Key: keyPEM(), Permissions: everything}))
	must(t, w.AddInstallation(githubtest.Installation{ID: 80, App: 8, Account: "acme"}))
	other := w.as(w.jwt(map[string]any{"iss": "8"}), "POST", "/app/installations/80/access_tokens", nil).text("token")
	if g := w.as(other, "PATCH", path, map[string]any{"conclusion": "success"}); g.status != 403 || !strings.Contains(g.raw, "Invalid app_id `7`") {
		t.Error(g.raw)
	}
}

func TestDeployments(t *testing.T) {
	w := newWorld(t)
	shop := "/repos/acme/shop"
	d := w.want(201, "POST", shop+"/deployments", map[string]any{"ref": "main", "environment": "production"})
	path := fmt.Sprintf("%s/deployments/%.0f/statuses", shop, d.at("id"))
	w.want(201, "POST", path, map[string]any{"state": "in_progress", "description": "going"})
	w.want(422, "POST", path, map[string]any{"state": "great"})
	w.want(422, "POST", path, map[string]any{"state": "success", "description": strings.Repeat("x", 141)})
	if g := w.want(200, "GET", path, nil); g.len() != 1 {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", shop+"/deployments?environment=production", nil); g.len() != 1 {
		t.Error(g.raw)
	}
	w.want(201, "POST", shop+"/statuses/"+d.text("sha"), map[string]any{"state": "failure", "context": "salve/pre-deployment"})
	if g := w.want(409, "POST", shop+"/deployments", map[string]any{"ref": "main"}); !strings.Contains(g.raw, "salve/pre-deployment") {
		t.Error(g.raw)
	}
	w.want(201, "POST", shop+"/deployments", map[string]any{"ref": "main", "required_contexts": []string{}, "environment": "staging"})
	if g := w.want(200, "GET", shop+"/environments", nil); g.at("total_count") != 2.0 {
		t.Error(g.raw)
	}
	_, err := w.Deploy("acme/shop", "ada", "main", "test", "in_progress", "success")
	must(t, err)
}

func TestGates(t *testing.T) {
	w := newWorld(t)
	run, err := w.AskGate("acme/shop", "ada", 7, "main", "production")
	must(t, err)
	w.want(200, "GET", fmt.Sprintf("/repos/acme/shop/actions/runs/%d", run), nil)
	path := fmt.Sprintf("/repos/acme/shop/actions/runs/%d/deployment_protection_rule", run)
	w.want(422, "POST", path, map[string]any{"environment_name": "staging", "state": "approved", "comment": "c"})
	w.want(422, "POST", path, map[string]any{"environment_name": "production", "state": "maybe"})
	w.want(422, "POST", path, map[string]any{"environment_name": "production", "comment": strings.Repeat("x", 1025)})
	for range 10 {
		w.want(204, "POST", path, map[string]any{"environment_name": "production", "comment": "still looking"})
	}
	w.want(422, "POST", path, map[string]any{"environment_name": "production", "comment": "once more"})
	w.want(204, "POST", path, map[string]any{"environment_name": "production", "state": "approved", "comment": "clean"})
	w.want(422, "POST", path, map[string]any{"environment_name": "production", "state": "rejected", "comment": "late"})
	gates, err := w.Gates("acme/shop")
	if err != nil || len(gates) != 1 || gates[0].State != "approved" || len(gates[0].Comments) != 11 {
		t.Errorf("%+v, %v", gates, err)
	}
	w.want(200, "GET", fmt.Sprintf("/repos/acme/shop/actions/runs/%d", run), nil)
}

func TestManifest(t *testing.T) {
	w := newWorld(t)
	manifest := `{"name":"Salve Two","url":"https://example.com","hook_attributes":{"url":"https://example.com/webhook"},"redirect_url":"http://127.0.0.1/done?x=1",
		"default_permissions":{"contents":"write"},"default_events":["push"]}`
	for _, path := range []string{"/settings/apps/new?state=s1", "/organizations/acme/settings/apps/new?state=s1"} {
		g := w.as("", "POST", path, url.Values{"manifest": {manifest}}.Encode(), "Content-Type: application/x-www-form-urlencoded")
		back, err := url.Parse(g.header.Get("Location"))
		if err != nil || g.status != 302 || back.Query().Get("state") != "s1" || back.Query().Get("x") != "1" {
			t.Fatalf("%d %v", g.status, back)
		}
		seenMu.Lock()
		seen["POST "+map[bool]string{true: "/settings/apps/new", false: "/organizations/{org}/settings/apps/new"}[strings.HasPrefix(path, "/settings")]] = true
		seenMu.Unlock()
		code := "/app-manifests/" + back.Query().Get("code") + "/conversions"
		made := w.as("", "POST", code, nil)
		if made.status != 201 || made.text("slug") != "salve-two" || !strings.HasPrefix(made.text("pem"), "-----BEGIN RSA PRIVATE KEY-----") || made.text("webhook_secret") == "" {
			t.Error(made.raw)
		}
		if g := w.as("", "POST", code, nil); g.status != 404 {
			t.Errorf("a code works twice: %d", g.status)
		}
	}
	for _, bad := range []string{"", "manifest=x", url.Values{"manifest": {`{"url":"https://example.com","redirect_url":"javascript:x"}`}}.Encode()} {
		if g := w.as("", "POST", "/settings/apps/new", bad); g.status != 422 {
			t.Errorf("%q: %d", bad, g.status)
		}
	}
}

func TestOwners(t *testing.T) {
	w := newWorld(t)
	w.AddUser("ada")
	must(t, w.SetPermission("acme/shop", "ada", "write"))
	must(t, push(w, "main", map[string]*githubtest.File{".github/CODEOWNERS": {Content: "# who\n* @ada\n/k8s @nobody ops@example.com\n"}}))
	if g := w.want(200, "GET", "/repos/acme/shop/codeowners/errors", nil); g.at("errors", 0, "line") != 3.0 || g.at("errors", 0, "column") != 6.0 {
		t.Error(g.raw)
	}
}

// A repository can be read off a disk, and change its states.
func TestRepoFiles(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/bin", 0o755))
	must(t, os.WriteFile(dir+"/bin/run", []byte("#!/bin/sh\n"), 0o755))
	must(t, os.WriteFile(dir+"/.hidden", []byte("x\r\n"), 0o644))
	files, err := githubtest.Files(os.DirFS(dir))
	must(t, err)
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/disk", Branch: "release/1", Files: files}))
	g := w.want(200, "GET", "/repos/acme/disk/git/trees/release%2F1?recursive=1", nil)
	if g.text("tree", 0, "path") != ".hidden" || g.text("tree", 2, "mode") != "100755" {
		t.Error(g.raw)
	}
	if text, err := w.ReadFile("acme/disk", "release/1", ".hidden"); err != nil || text != "x\r\n" {
		t.Errorf("%q, %v", text, err)
	}
	must(t, w.SetFlags("acme/disk", func(f *githubtest.Flags) { f.Archived = true }))
	if g := w.want(200, "GET", "/repos/acme/disk", nil); g.at("archived") != true || g.text("default_branch") != "release/1" {
		t.Error(g.raw)
	}
	for name, bad := range map[string]githubtest.Repo{"name": {Name: "disk"}, "path": {Name: "acme/x", Files: map[string]githubtest.File{"../x": {}}}} {
		if err := w.AddRepo(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestRenamed(t *testing.T) {
	w := newWorld(t)
	must(t, w.RenameRepo("acme/shop", "acme/store"))
	g := w.want(301, "GET", "/repos/acme/shop/git/ref/heads/main", nil)
	to, err := url.Parse(g.header.Get("Location"))
	must(t, err)
	if g := w.want(200, "GET", to.RequestURI(), nil); g.text("ref") != "refs/heads/main" {
		t.Error(g.raw)
	}
	w.want(307, "POST", "/repos/acme/shop/issues", `{"title":"x"}`)
	w.want(200, "GET", "/repos/acme/store", nil)
}

// An answer that has not changed costs nothing; its tag goes with the token.
func TestETag(t *testing.T) {
	w := newWorld(t)
	first := w.want(200, "GET", "/repos/acme/shop", nil)
	tag := "If-None-Match: " + first.header.Get("ETag")
	if g := w.as(w.token, "GET", "/repos/acme/shop", nil, tag); g.status != 304 || g.raw != "" {
		t.Errorf("%d %s", g.status, g.raw)
	}
	if g := w.as(w.newToken(nil), "GET", "/repos/acme/shop", nil, tag); g.status != 200 {
		t.Errorf("the tag works for another token: %d", g.status)
	}
	must(t, push(w, "main", map[string]*githubtest.File{"f": {Content: "x"}}))
	if g := w.as(w.token, "GET", "/repos/acme/shop/commits/main", nil, tag); g.status != 200 {
		t.Error(g.status)
	}
	free := 0
	for _, r := range w.Journal() {
		if r.Free {
			free++
		}
	}
	if free != 1 {
		t.Errorf("%d free requests in the journal, want 1", free)
	}
}

func TestState(t *testing.T) {
	run := func() githubtest.State {
		w := newWorld(t)
		n, head := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
		w.want(200, "POST", fmt.Sprintf("/repos/acme/shop/issues/%d/labels", n), map[string]any{"labels": []string{"b", "a"}})
		w.want(201, "POST", "/repos/acme/shop/statuses/"+head, map[string]any{"state": "success", "context": "c", "description": "d"})
		st, err := w.State("acme/shop")
		must(t, err)
		return st
	}
	text := func(s githubtest.State) string { data, _ := json.MarshalIndent(s, "", " "); return string(data) }
	a, b := text(run()), text(run())
	if a != b {
		t.Errorf("two equal runs differ:\n%s\n%s", a, b)
	}
	for _, want := range []string{`"Title": "One"`, `"a",`, `"Context": "c"`, `"By": "salve[bot]"`, `"One"`} {
		if !strings.Contains(a, want) {
			t.Errorf("no %s in %s", want, a)
		}
	}
}
