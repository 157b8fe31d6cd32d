package ghapp

import (
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
)

// guard makes acme/shop take auto-merge, with a required check to wait for.
func (w *world) guard() {
	w.t.Helper()
	w.must(w.SetFlags("acme/shop", func(f *githubtest.Flags) { f.AutoMerge = true }))
	w.must(w.Protect("acme/shop", "main", githubtest.Protection{Checks: []githubtest.RequiredCheck{{Context: "ci"}}}))
}

// pull is what GitHub shows of #1.
func (w *world) pull() githubtest.Issue {
	w.t.Helper()
	st, err := w.State("acme/shop")
	w.must(err)
	return st.Issues[0]
}

// GitHub merges when its rules are met, not before, and only what was proposed.
func TestAutoMerge(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.guard()
	p := w.raise("640Mi")
	p.AutoMerge = true
	c := w.client()
	opened, err := c.Propose(t.Context(), p)
	w.must(err)
	if pull := w.pull(); !pull.Auto || pull.State != "open" || len(pull.Comments) > 0 {
		t.Errorf("%+v, want it open and waiting, without a word", pull)
	}
	w.log.take()
	_, err = c.Propose(t.Context(), p)
	w.must(err)
	if lines := w.log.take(); strings.Contains(strings.Join(lines, "\n"), "graphql") {
		t.Errorf("asked again: %v", lines)
	}
	w.must(w.SetStatus("acme/shop", "mona", string(opened.Pull.Head), "success", "ci", ""))
	if pull := w.pull(); pull.State != "merged" {
		t.Errorf("%+v, want it merged", pull)
	}
}

// Where GitHub does not take it, a person merges, and a comment says why.
func TestAutoMergeRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*world)
		want    string
	}{
		"not allowed": {func(w *world) { w.must(w.SetFlags("acme/shop", func(f *githubtest.Flags) { f.AutoMerge = false })) }, "Auto merge is not allowed for this repository"},
		"no rule":     {func(w *world) { w.must(w.Protect("acme/shop", "main", githubtest.Protection{})) }, "is in clean status"},
		"no rights": {func(w *world) {
			w.Inject(githubtest.Fault{Path: "/graphql", Status: 200, Body: `{"data":{"enablePullRequestAutoMerge":null},"errors":[{"type":"FORBIDDEN","message":"Resource not accessible ` + "`by`" + ` integration"}]}`})
		}, "Resource not accessible 'by' integration"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			w.guard()
			tt.prepare(w)
			p := w.raise("640Mi")
			p.AutoMerge = true
			opened, err := w.client().Propose(t.Context(), p)
			w.must(err)
			pull := w.pull()
			if opened.Action != forge.Created || pull.Auto || len(pull.Comments) != 1 || !strings.Contains(pull.Comments[0].Body, tt.want) || strings.Count(pull.Comments[0].Body, "`") != 2 {
				t.Errorf("%s, %+v; want one comment that says %s", opened.Action, pull, tt.want)
			}
		})
	}
}

// A repository that takes one method of merging only is asked for that.
func TestAutoMergeMethod(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.guard()
	w.Inject(githubtest.Fault{Path: "/graphql", Count: 1, Status: 200, Body: `{"errors":[{"type":"UNPROCESSABLE","message":"Merge method merge commits are not allowed on this repository"}]}`})
	p := w.raise("640Mi")
	p.AutoMerge = true
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	if pull := w.pull(); !pull.Auto || len(pull.Comments) > 0 {
		t.Errorf("%+v, want it waiting", pull)
	}
}

// What this App asked for it takes back once it may not any more; what a person
// asked for stays.
func TestHold(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.guard()
	p := w.raise("640Mi")
	p.AutoMerge = true
	c := w.client()
	opened, err := c.Propose(t.Context(), p)
	w.must(err)
	p.AutoMerge = false
	_, err = c.Propose(t.Context(), p)
	w.must(err)
	if w.pull().Auto {
		t.Error("still waiting to be merged")
	}
	w.must(c.Hold(t.Context(), opened.Pull)) // again, with what was known before
	var out any
	w.must(w.person("POST", "graphql", map[string]any{"query": enableAutoMerge, "variables": map[string]any{"input": map[string]string{"pullRequestId": opened.Pull.Node}}}, &out))
	_, err = c.Propose(t.Context(), p)
	w.must(err)
	if !w.pull().Auto {
		t.Error("took back what a person asked for")
	}
}
