package githubtest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

// What GitHub refuses, and in which words.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/empty", Flags: githubtest.Flags{Private: true}}))
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/old", Files: map[string]githubtest.File{"f": {Content: "x"}}, Flags: githubtest.Flags{Archived: true}}))
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/off", Files: map[string]githubtest.File{"f": {Content: "x"}}, Flags: githubtest.Flags{Disabled: true}}))
	n, head := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
	main := w.want(200, "GET", "/repos/acme/shop/git/ref/heads/main", nil).text("object", "sha")
	root := w.want(201, "POST", "/repos/acme/shop/git/commits", map[string]any{"message": "alone", "tree": w.tree("f", "x")}).text("sha")
	for _, ref := range []string{"stranger", "same"} {
		w.want(201, "POST", "/repos/acme/shop/git/refs", map[string]any{"ref": "refs/heads/" + ref, "sha": map[string]string{"stranger": root, "same": main}[ref]})
	}
	pull := fmt.Sprintf("/repos/acme/shop/pulls/%d", n)
	long := strings.Repeat("x", 70000)
	shop := "/repos/acme/shop"
	for _, test := range []struct {
		method, path string
		body         any
		status       int
		want         string // part of the answer
	}{
		{"GET", "/repos/acme/none", nil, 404, "Not Found"},
		{"GET", "/nowhere", nil, 404, "Not Found"},
		{"POST", shop + "/git/blobs", "{", 400, "Problems parsing JSON"},
		{"POST", shop + "/git/blobs", "[]", 400, "Body should be a JSON object"},
		{"POST", shop + "/git/blobs", `{"content":5}`, 422, "For 'properties/content', number is not a string."},
		{"POST", shop + "/git/blobs", `{}`, 422, `"content" wasn't supplied`},
		{"POST", shop + "/git/blobs", `{"content":"?","encoding":"base64"}`, 422, "Base64"},
		{"GET", shop + "/git/blobs/abc", nil, 422, "exactly 40 characters"},
		{"GET", shop + "/git/blobs/" + main, nil, 404, ""},

		{"POST", "/repos/acme/empty/git/trees", `{"tree":[]}`, 409, "Git Repository is empty."},
		{"POST", "/repos/acme/empty/git/refs", `{}`, 409, "Git Repository is empty."},
		{"GET", "/repos/acme/empty/commits/main", nil, 409, "Git Repository is empty."},
		{"GET", "/repos/acme/empty/contents/f", nil, 404, "This repository is empty."},
		{"POST", "/repos/acme/old/issues", `{"title":"x"}`, 403, "Repository was archived so is read-only."},
		{"GET", "/repos/acme/off", nil, 403, "Repository access blocked"},

		{"POST", shop + "/git/trees", `{"tree":[]}`, 422, "Invalid tree info"},
		{"POST", shop + "/git/trees", map[string]any{"base_tree": strings.Repeat("1", 40), "tree": []any{}}, 422, "base_tree is not a valid tree oid"},
		{"POST", shop + "/git/trees", `{"tree":[{"path":"/a","mode":"100644","content":"x"}]}`, 422, "cannot start with a slash"},
		{"POST", shop + "/git/trees", `{"tree":[{"path":"a/../../b","mode":"100644","content":"x"}]}`, 422, "malformed path component"},
		{"POST", shop + "/git/trees", `{"tree":[{"path":".git/config","mode":"100644","content":"x"}]}`, 422, "malformed path component"},
		{"POST", shop + "/git/trees", `{"tree":[{"path":"a","mode":"100600","content":"x"}]}`, 422, "valid tree.mode"},
		{"POST", shop + "/git/trees", `{"tree":[{"path":"a","mode":"100644"}]}`, 422, "either tree.sha or tree.content"},
		{"POST", shop + "/git/trees", `{"tree":[{"path":"a","mode":"100644","sha":"` + main + `"}]}`, 422, "is not a valid blob"},
		{"POST", shop + "/git/trees", `{"base_tree":"` + main + `","tree":[{"path":"none","mode":"100644","sha":null}]}`, 422, "GitRPC::BadObjectState"},
		{"POST", shop + "/git/commits", `{"message":"x","tree":"` + main + `"}`, 422, "Tree SHA does not exist"},
		{"POST", shop + "/git/commits", `{"message":"x","tree":"` + w.tree("f", "x") + `","parents":["` + strings.Repeat("1", 40) + `"]}`, 422, "Parent SHA does not exist"},

		{"POST", shop + "/git/refs", map[string]any{"ref": "refs/heads/one", "sha": main}, 422, "Reference already exists"},
		{"POST", shop + "/git/refs", map[string]any{"ref": "refs/heads/one/two", "sha": main}, 422, "Reference update failed"},
		{"POST", shop + "/git/refs", map[string]any{"ref": "refs/heads/a..b", "sha": main}, 422, "is not a valid ref name"},
		{"POST", shop + "/git/refs", map[string]any{"ref": "main", "sha": main}, 422, "is not a valid ref name"},
		{"POST", shop + "/git/refs", map[string]any{"ref": "refs/heads/x", "sha": strings.Repeat("1", 40)}, 422, "Object does not exist"},
		{"PATCH", shop + "/git/refs/heads/one", map[string]any{"sha": main}, 422, "Update is not a fast forward"},
		{"PATCH", shop + "/git/refs/heads/none", map[string]any{"sha": main}, 422, "Reference does not exist"},
		{"DELETE", shop + "/git/refs/heads/none", nil, 422, "Reference does not exist"},
		{"DELETE", shop + "/git/refs/heads/main", nil, 422, "default branch"},
		{"GET", shop + "/git/ref/heads/none", nil, 404, "Not Found"},
		{"GET", shop + "/branches/none", nil, 404, "Branch not found"},
		{"GET", shop + "/commits/none", nil, 422, "No commit found for SHA: none"},
		{"GET", shop + "/contents/none", nil, 404, "Not Found"},
		{"GET", shop + "/contents/README.md?ref=none", nil, 404, "No commit found for the ref none"},
		{"PUT", shop + "/contents/README.md", `{"message":"m","content":"eA=="}`, 422, `"sha" wasn't supplied`},
		{"PUT", shop + "/contents/README.md", `{"message":"m","content":"eA==","sha":"` + main + `"}`, 409, "does not match"},
		{"GET", shop + "/compare/main...none", nil, 404, ""},
		{"GET", shop + "/compare/main...stranger", nil, 404, "No common ancestor"},

		{"POST", shop + "/pulls", `{"title":"x","head":"one","base":"main"}`, 422, "A pull request already exists for acme:one."},
		{"POST", shop + "/pulls", `{"title":"x","head":"acme:one","base":"main"}`, 422, "A pull request already exists for acme:one."},
		{"POST", shop + "/pulls", `{"title":"x","head":"same","base":"main"}`, 422, "No commits between main and same"},
		{"POST", shop + "/pulls", `{"title":"x","head":"stranger","base":"main"}`, 422, "The stranger branch has no history in common with main"},
		{"POST", shop + "/pulls", `{"title":"x","head":"none","base":"main"}`, 422, `"field":"head"`},
		{"POST", shop + "/pulls", `{"title":"x","head":"one","base":"none"}`, 422, `"field":"base"`},
		{"POST", shop + "/pulls", map[string]any{"title": strings.Repeat("x", 257), "head": "one", "base": "main"}, 422, "title is too long (maximum is 256 characters)"},
		{"POST", shop + "/pulls", map[string]any{"title": "x", "body": long, "head": "one", "base": "main"}, 422, "body is too long (maximum is 65536 characters)"},
		{"PATCH", pull, map[string]any{"body": long}, 422, "body is too long"},
		{"PATCH", pull, `{"state":"shut"}`, 422, `"field":"state"`},
		{"GET", shop + "/pulls?state=merged", nil, 422, `"field":"state"`},
		{"GET", shop + "/pulls/99", nil, 404, "Not Found"},
		{"PUT", pull + "/merge", map[string]any{"sha": main}, 409, "Head branch was modified"},
		{"PUT", pull + "/merge", `{"merge_method":"rebase"}`, 405, "not allowed"},
		{"POST", pull + "/requested_reviewers", `{"reviewers":["salve[bot]"]}`, 422, "from pull request author"},
		{"POST", pull + "/requested_reviewers", `{"reviewers":["nobody"]}`, 422, "not a collaborator"},

		{"POST", pull + "/reviews", `{"event":"APPROVE"}`, 422, "Can not approve your own pull request"},
		{"POST", pull + "/reviews", `{"event":"LIKE"}`, 422, "invalid value"},
		{"POST", pull + "/reviews", `{"event":"COMMENT","comments":[{"path":"none","line":1,"body":"b"}]}`, 422, "Path could not be resolved"},
		{"POST", pull + "/reviews", `{"event":"COMMENT","comments":[{"path":"README.md","line":9,"body":"b"}]}`, 422, "Line could not be resolved"},
		{"POST", pull + "/reviews", `{"event":"COMMENT","comments":[{"path":"README.md","line":1,"side":"UP","body":"b"}]}`, 422, "is not a member"},
		{"POST", pull + "/reviews", `{"event":"COMMENT","commit_id":"` + main + `","comments":[{"path":"README.md","line":1,"body":"b"}]}`, 422, "not part of the pull request"},
		{"POST", pull + "/comments", `{"path":"README.md","line":1,"body":"b"}`, 422, `"commit_id" wasn't supplied`},

		{"POST", shop + "/statuses/" + head, `{"state":"good"}`, 422, `"field":"state"`},
		{"POST", shop + "/statuses/" + head, map[string]any{"state": "success", "description": strings.Repeat("é", 141)}, 422, "description is too long (maximum is 140 characters)"},
		{"POST", shop + "/statuses/" + head, `{"state":"success","target_url":"javascript:alert(1)"}`, 422, "must use http(s) scheme"},
		{"POST", shop + "/statuses/" + strings.Repeat("1", 40), `{"state":"success"}`, 422, "No commit found for SHA"},
		{"GET", shop + "/commits/none/status", nil, 404, "Not Found"},

		{"POST", shop + "/labels", `{"name":"a","color":"#ff0000"}`, 422, `"field":"color"`},
		{"POST", shop + "/labels", map[string]any{"name": strings.Repeat("x", 51), "color": "ff0000"}, 422, "name is too long (maximum is 50 characters)"},
		{"POST", shop + "/issues/1/labels", map[string]any{"labels": []string{strings.Repeat("x", 51)}}, 422, "name is too long"},
		{"DELETE", shop + "/issues/1/labels/none", nil, 404, "Label does not exist"},
		{"POST", shop + "/issues/99/comments", `{"body":"x"}`, 404, "Not Found"},
		{"POST", shop + "/issues/1/comments", `{"body":" "}`, 422, "missing_field"},
		{"PATCH", shop + "/issues/comments/99", `{"body":"x"}`, 404, ""},

		{"POST", shop + "/check-runs", `{"name":"c"}`, 422, `"head_sha" wasn't supplied`},
		{"POST", shop + "/check-runs", map[string]any{"name": "c", "head_sha": head, "status": "completed"}, 422, `"conclusion" wasn't supplied`},
		{"POST", shop + "/check-runs", map[string]any{"name": "c", "head_sha": head, "output": map[string]any{"title": "t", "summary": long}}, 422, "Only 65535 characters"},
		{"POST", shop + "/check-runs", map[string]any{"name": "c", "head_sha": head, "actions": []any{1, 2}}, 422, "not a struct"},
		{"POST", shop + "/deployments", `{"ref":"none"}`, 422, "No ref found for: none"},
		{"POST", shop + "/actions/runs/1/deployment_protection_rule", `{"environment_name":"p"}`, 404, ""},
		{"POST", "/app-manifests/none/conversions", nil, 404, ""},
		{"GET", shop + "/git/tags/" + main, nil, 404, ""},
		{"GET", shop + "/codeowners/errors", nil, 404, ""},
		{"GET", shop + "/branches/main/protection", nil, 403, "Resource not accessible by integration"},
		{"GET", "/search/issues", nil, 422, `"missing"`},
		{"GET", "/rate_limit", nil, 404, "not enabled"},
	} {
		g := w.ask(test.method, test.path, test.body)
		if g.status != test.status || !strings.Contains(plain(g), test.want) {
			t.Errorf("%s %s %.80v\n got %d %s\nwant %d %s", test.method, test.path, test.body, g.status, plain(g), test.status, test.want)
		}
		if g.text("documentation_url") == "" {
			t.Errorf("%s %s: no documentation_url", test.method, test.path)
		}
	}
}

// plain is an answer without the escapes of JSON in messages.
func plain(g got) string { return strings.ReplaceAll(g.raw, `\"`, `"`) }

// tree makes a tree of one file and returns its id.
func (w *world) tree(path, content string) string {
	w.t.Helper()
	entry, _ := json.Marshal([]map[string]string{{"path": path, "mode": "100644", "content": content}})
	return w.want(201, "POST", "/repos/acme/shop/git/trees", `{"tree":`+string(entry)+`}`).text("sha")
}

// Requests that no route answers are refused and remembered, and so are those
// that climb.
func TestUnknownAndClimbing(t *testing.T) {
	w := newWorld(t)
	w.ask("GET", "/repos/acme/shop/stargazers", nil)
	w.ask("POST", "/repos/acme/shop/pulls/1/merge", nil)
	for _, path := range []string{"/repos/acme/..%2F..%2Fapp", "/repos/acme/shop/contents/a/../../../app", "/repos/acme/shop/git/ref/heads%2F..%2F..%2Fx", "/repos/acme/%2e%2e/shop"} {
		if g := w.ask("GET", path, nil); g.status != 404 {
			t.Errorf("%s: %d %s", path, g.status, g.raw)
		}
	}
	if got := w.Unknown(); len(got) != 2 || got[0].Path != "/repos/acme/shop/stargazers" {
		t.Errorf("unknown: %+v", got)
	}
	if got := w.Climbing(); len(got) != 4 {
		t.Errorf("climbing: %+v", got)
	}
	w.want(200, "GET", "/repos/acme/shop/compare/main...main", nil)
	if got := w.Climbing(); len(got) != 4 {
		t.Errorf("a comparison counts as climbing")
	}
}
