package githubtest_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

// unshaped are the routes that GitHub's description in testdata does not have;
// their answers are judged by the tests alone.
var unshaped = []string{
	"POST /graphql",
	"GET /repos/{owner}/{repo}/branches/{branch...}/protection",
	"GET /repos/{owner}/{repo}/contents",
	"POST /repos/{owner}/{repo}/check-runs/{check_run_id}/rerequest",
	"PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}",
	"DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}",
	"DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}",
	"GET /repos/{owner}/{repo}/issues/{issue_number}/labels",
	"GET /repos/{owner}/{repo}/labels/{name...}",
	"POST /settings/apps/new",
	"POST /organizations/{org}/settings/apps/new",
	"GET /{owner}/{repo}/pull/{pull_number}",
}

// neverGranted are routes that have no success to show.
var neverGranted = []string{"GET /repos/{owner}/{repo}/git/tags/{tag_sha}"}

func TestShapes(t *testing.T) {
	var without []string
	have := map[string]bool{}
	for _, r := range githubtest.Routes() {
		path := strings.ReplaceAll(r.Path, "...}", "}")
		have[r.Method+" "+path] = true
		if item := shapes().Paths.Value(path); item == nil || item.GetOperation(r.Method) == nil {
			without = append(without, r.Method+" "+r.Path)
		}
	}
	if !slices.Equal(without, unshaped) {
		t.Errorf("routes without a shape:\n%s\nwant\n%s", strings.Join(without, "\n"), strings.Join(unshaped, "\n"))
	}
	for path, item := range shapes().Paths.Map() {
		for method := range item.Operations() {
			if !have[method+" "+path] {
				t.Errorf("no route for %s %s", method, path)
			}
		}
	}
}

// TestMain asks that every route has been used with success, so that every
// answer has been judged.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" {
		for _, r := range githubtest.Routes() {
			name := r.Method + " " + r.Path
			if !seen[name] && !slices.Contains(neverGranted, name) {
				fmt.Fprintf(os.Stderr, "no test gets a success from %s\n", name)
				code = 1
			}
		}
	}
	os.Exit(code)
}
