package ghapp

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
)

// The App finds its own issues and pull requests in one list, which costs
// nothing where nothing changed, and leaves out those of others.
func TestIssues(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	made, err := c.CreateIssue(t.Context(), shop, "Salve\nhere", "<!-- x -->")
	w.must(err)
	opened, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	w.must(w.person("POST", "repos/acme/shop/issues", map[string]string{"title": "other", "body": "<!-- x -->"}, nil))
	w.must(c.EditIssue(t.Context(), shop, made.Number, "new ghs_012345678901234567890123456789012345", false))
	issues, err := c.OurIssues(t.Context(), shop, time.Time{})
	w.must(err)
	if len(issues) != 1 || issues[0].Open || !strings.HasPrefix(issues[0].Body, "new ") || strings.Contains(issues[0].Body, "ghs_") || issues[0].Title != "Salve here" {
		t.Errorf("issues: %+v", issues)
	}
	pulls, err := c.OurHistory(t.Context(), shop, time.Time{})
	w.must(err)
	if len(pulls) != 1 || pulls[0].Number != opened.Pull.Number || !pulls[0].Open || pulls[0].Body != opened.Pull.Body {
		t.Errorf("pull requests: %+v", pulls)
	}
	w.must(w.MergePull("acme/shop", "mona", opened.Pull.Number))
	pulls, err = c.OurHistory(t.Context(), shop, time.Now().Add(-time.Minute))
	w.must(err)
	if len(pulls) != 1 || !pulls[0].Merged || time.Since(pulls[0].MergedAt) > time.Minute {
		t.Errorf("merged: %+v", pulls)
	}
	w.log.take()
	pulls, err = c.OurHistory(t.Context(), shop, time.Now().Add(time.Minute))
	if w.must(err); len(pulls) != 0 {
		t.Errorf("changed in the future: %+v", pulls)
	}
	journal := w.Journal()
	if last := journal[len(journal)-1]; last.Status != http.StatusNotModified || !last.Free {
		t.Errorf("the same list again: %+v", last)
	}
	one, err := c.Issue(t.Context(), shop, made.Number)
	if w.must(err); one.ClosedBy != "salve[bot]" {
		t.Errorf("closed by %q", one.ClosedBy)
	}
}

// Where issues are switched off, the pull requests of this App are found among
// all others.
func TestHistoryWithoutIssues(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	opened, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	w.Inject(githubtest.Fault{Method: "GET", Path: "/repos/*/*/issues", Status: http.StatusGone, Body: `{"message":"Issues are disabled for this repo"}`})
	pulls, err := c.OurHistory(t.Context(), shop, time.Time{})
	if err != nil || len(pulls) != 1 || pulls[0].Number != opened.Pull.Number {
		t.Errorf("%+v, %v", pulls, err)
	}
	if _, err := c.OurIssues(t.Context(), shop, time.Time{}); err == nil || !strings.Contains(err.Error(), "switched off") {
		t.Errorf("issues: %v", err)
	}
}
