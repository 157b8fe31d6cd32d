package githubtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

// Auto-merge is refused in GitHub's words wherever GitHub refuses it.
func TestAutoMerge(t *testing.T) {
	w := newWorld(t)
	n, head := w.propose("salve/one", "One", map[string]string{"README.md": "# Shop 1\n"})
	node := w.want(200, "GET", fmt.Sprintf("/repos/acme/shop/pulls/%d", n), nil).text("node_id")
	ask := func(mutation string, input map[string]any) string {
		name := strings.ToUpper(mutation[:1]) + mutation[1:]
		return w.want(200, "POST", "/graphql", map[string]any{
			"query":     "mutation($input:" + name + "Input!){" + mutation + "(input:$input){pullRequest{number state autoMergeRequest{mergeMethod}}}}",
			"variables": map[string]any{"input": input},
		}).raw
	}
	enable := func(more ...any) string {
		in := map[string]any{"pullRequestId": node}
		for i := 0; i+1 < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return ask("enablePullRequestAutoMerge", in)
	}
	expect := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	expect(enable(), "Auto merge is not allowed for this repository")
	must(t, w.SetFlags("acme/shop", func(f *githubtest.Flags) { f.AutoMerge = true }))
	expect(enable(), "is in clean status")
	must(t, w.Protect("acme/shop", "main", githubtest.Protection{Reviews: 1}))
	expect(enable("expectedHeadOid", strings.Repeat("0", 40)), "didn't match expected head sha")
	expect(enable("mergeMethod", "REBASE"), "not allowed on this repository")
	expect(enable("mergeMethod", "PUSH"), "invalid value for mergeMethod")
	expect(enable("head", head), "Field is not defined on EnablePullRequestAutoMergeInput")
	expect(enable("pullRequestId", ""), "Expected value to not be null")
	expect(enable("pullRequestId", "PR_0"), "NOT_FOUND")
	expect(ask("mergePullRequest", map[string]any{"pullRequestId": node}), "doesn't exist on type 'Mutation'")
	expect(ask("disablePullRequestAutoMerge", map[string]any{"pullRequestId": node}), "Can't disable auto-merge")
	expect(enable("expectedHeadOid", head), `"mergeMethod":"MERGE"`)
	if g := w.want(200, "GET", fmt.Sprintf("/repos/acme/shop/pulls/%d", n), nil); g.text("auto_merge", "merge_method") != "merge" {
		t.Error(g.raw)
	}
	expect(ask("disablePullRequestAutoMerge", map[string]any{"pullRequestId": node}), `"autoMergeRequest":null`)
	expect(enable(), `"number":`)
	w.AddUser("ada")
	must(t, w.SetPermission("acme/shop", "ada", "write"))
	w.token = w.AddUser("ada")
	w.want(200, "POST", fmt.Sprintf("/repos/acme/shop/pulls/%d/reviews", n), map[string]any{"event": "APPROVE"})
	if st, err := w.State("acme/shop"); err != nil || st.Issues[n-1].State != "merged" {
		t.Errorf("%+v, %v; want it merged by the approval", st.Issues[n-1], err)
	}
	expect(enable(), "Can't enable auto-merge")
}
