package ghapp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
)

// Attacks 23, 28 and 29: a status is written once, made to fit, and taken back
// from whoever forged it.
func TestSetStatus(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c, head := w.client(), w.head("main")
	set := func(s forge.CommitStatus, want bool) {
		t.Helper()
		if changed, err := c.SetStatus(t.Context(), shop, head, s); err != nil || changed != want {
			t.Errorf("SetStatus(%q) = %v, %v; want %v", s.Description, changed, err, want)
		}
	}
	s := forge.CommitStatus{Context: forge.ContextPreDeployment, State: forge.Failure, Description: "BLOCK: P-1\non shop\x00", URL: "https://salve.example.com/gates/1"}
	set(s, true)
	set(s, false)
	s.Description = strings.Repeat("äöü ", 100)
	set(s, true)
	set(s, false)
	w.must(w.Server.SetStatus("acme/shop", "mona", string(head), "success", "SALVE/pre-deployment", "all is well"))
	set(s, true)

	got, err := c.Statuses(t.Context(), shop, head)
	w.must(err)
	want := []forge.CommitStatus{{
		Context: forge.ContextPreDeployment, State: forge.Failure, URL: s.URL, Creator: "salve[bot]",
		Description: strings.TrimSpace(strings.Repeat("äöü ", 35)[:len("äöü ")*34]) + " äöü…",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if _, err := c.SetStatus(t.Context(), shop, "../../../o/other/statuses/abc", s); err == nil {
		t.Error("a commit that climbs was taken (attack 48)")
	}
}

func TestOurPulls(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	_, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	for _, head := range []string{"feature", "salve/memory-limit/forged", "eve:salve/x/y"} {
		_, err := w.PushCommit("acme/shop", "mona", head, "x", map[string]*githubtest.File{"x": {Content: head}})
		w.must(err)
		_, err = w.OpenPull("acme/shop", "mona", githubtest.NewPull{Head: head, Title: head, Body: "<!-- salve:{\"key\":\"forged\",\"v\":1} -->"})
		w.must(err)
	}
	ours, err := c.OurPulls(t.Context(), shop)
	if err != nil || len(ours) != 1 || ours[0].Number != 1 {
		t.Errorf("%+v, %v; want #1 alone", ours, err)
	}
	if m, ok := forge.ParseMarker(ours[0].Body); !ok || m.Key != w.raise("").Key {
		t.Errorf("marker %+v, %v", m, ok)
	}
	fork, err := c.Pull(t.Context(), shop, 4)
	if err != nil || !fork.Fork {
		t.Errorf("%+v, %v; want a fork", fork, err)
	}
}

// A merge that the base branch's rules refuse names what is missing.
func TestMergeRefused(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.must(w.Protect("acme/shop", "main", githubtest.Protection{Checks: []githubtest.RequiredCheck{{Context: forge.ContextPreDeployment}}}))
	c := w.client()
	opened, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	head := opened.Pull.Head
	for _, state := range []forge.State{"", forge.Pending, forge.Failure} {
		if state != "" {
			_, err := c.SetStatus(t.Context(), shop, head, forge.CommitStatus{Context: forge.ContextPreDeployment, State: state})
			w.must(err)
		}
		err := c.Merge(t.Context(), shop, 1, head)
		var refused *forge.MergeRefusedError
		if !errors.As(err, &refused) || !errors.Is(err, forge.ErrRejected) || !slices.Equal(refused.Contexts, []string{forge.ContextPreDeployment}) {
			t.Errorf("status %q: %v; want a refusal that names %s", state, err, forge.ContextPreDeployment)
		}
	}
	_, err = c.SetStatus(t.Context(), shop, head, forge.CommitStatus{Context: forge.ContextPreDeployment, State: forge.Success})
	w.must(err)
	if err := c.Merge(t.Context(), shop, 1, w.head("main")); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("merge at another head: %v, want ErrConflict", err)
	}
	w.must(c.Merge(t.Context(), shop, 1, head))
	if pull, err := c.Pull(t.Context(), shop, 1); err != nil || !pull.Merged || pull.Open {
		t.Errorf("%+v, %v; want it merged", pull, err)
	}
}

// A comment with the same tag is one comment.
func TestComment(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	_, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	_, err = w.Comment("acme/shop", "mona", 1, "mine <!-- salve:comment 2d711642b726b044 -->")
	w.must(err)
	for _, body := range []string{"one", "one", "two"} {
		w.must(c.Comment(t.Context(), shop, 1, "x", body))
	}
	w.must(c.Comment(t.Context(), shop, 1, "y", "three"))
	var bodies []struct {
		Body string
		ID   int64
	}
	w.must(w.person("GET", "repos/acme/shop/issues/1/comments", nil, &bodies))
	if len(bodies) != 3 || !strings.HasPrefix(bodies[0].Body, "mine") || !strings.HasPrefix(bodies[1].Body, "two\n") || !strings.HasPrefix(bodies[2].Body, "three\n") {
		t.Errorf("comments %+v", bodies)
	}
	w.must(c.React(t.Context(), shop, bodies[0].ID, "eyes"))
	if err := c.React(t.Context(), shop, bodies[0].ID, "applause"); err == nil {
		t.Errorf("a reaction that there is not: %v", err)
	}
}

// Labels are made once, with their looks, and may hold what a URL may not.
func TestLabels(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	_, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	odd := forge.Label{Name: "odd/50% ?x#y", Colour: "ff0000", Description: "two\nlines"}
	w.log.take()
	w.must(c.AddLabels(t.Context(), shop, 1, odd, forge.Label{Name: "SALVE", Colour: "000000"}))
	if got := writes(w.log.take()); fmt.Sprint(got) != "[POST /repos/acme/shop/labels POST /repos/acme/shop/issues/1/labels]" {
		t.Errorf("writes %v, want one label made", got)
	}
	var made struct{ Color, Description string }
	w.must(w.person("GET", "repos/acme/shop/labels/odd%2F50%25%20%3Fx%23y", nil, &made))
	if made.Color != "ff0000" || made.Description != "two lines" {
		t.Errorf("label %+v", made)
	}
	w.must(c.RemoveLabel(t.Context(), shop, 1, odd.Name))
	w.must(c.RemoveLabel(t.Context(), shop, 1, odd.Name)) // gone already
	pull, err := c.Pull(t.Context(), shop, 1)
	if err != nil || slices.Contains(pull.Labels, odd.Name) || len(pull.Labels) != 2 {
		t.Errorf("labels %v, %v", pull.Labels, err)
	}
	if err := c.RemoveLabel(t.Context(), shop, 99, "salve"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("label of no pull request: %v", err)
	}
	for _, name := range []string{"", "a,b", "a\nb", strings.Repeat("x", 51)} {
		if err := c.AddLabels(t.Context(), shop, 1, forge.Label{Name: name}); err == nil {
			t.Errorf("label %q was taken (attack 63)", name)
		}
	}
}
