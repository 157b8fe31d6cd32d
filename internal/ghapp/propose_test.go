package ghapp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/patch"
)

// A pull request costs six writes, and one for the remarks on its lines.
func TestProposeCosts(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	opened, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	if opened.Action != forge.Created || opened.Pull.Number != 1 || opened.Pull.Head != w.head(opened.Pull.Branch) {
		t.Errorf("opened %+v", opened)
	}
	w.log.take()

	// The second in the same process: labels, base and configuration are known.
	p := w.raise("640Mi")
	p.Key, p.Branch = "other", "salve/memory-limit/other-00000000"
	_, err = c.Snapshot(t.Context(), shop, "main")
	w.must(err)
	_, err = c.Propose(t.Context(), p)
	w.must(err)
	lines := w.log.take()
	want := []string{
		"GET /repos/acme/shop/commits/heads/main",
		"GET /repos/acme/shop/pulls",
		"POST /repos/acme/shop/git/trees",
		"POST /repos/acme/shop/git/commits",
		"POST /repos/acme/shop/git/refs",
		"POST /repos/acme/shop/pulls",
		"POST /repos/acme/shop/statuses/" + string(w.head(p.Branch)),
		"POST /repos/acme/shop/issues/2/labels",
		"POST /repos/acme/shop/pulls/2/reviews",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// What is proposed is what GitHub shows, and proposing it again changes nothing.
func TestProposeOnce(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	first := w.state()
	for _, part := range []string{
		`#1 open salve/memory-limit/checkout-1a2b3c4d "Raise memory limit of checkout to 640Mi"`,
		"Because of P-1.", forge.Marker{Key: p.Key, Evidence: "e1", Version: 1}.String(),
		"label salve\n", "label remedy/memory-limit\n", "modified k8s/checkout.yaml",
		`status salve/remediation success "1 file, 1 line"`, `remark k8s/checkout.yaml:6 "One step of 25 %.`,
	} {
		if !strings.Contains(first, part) {
			t.Errorf("GitHub does not show %q:\n%s", part, first)
		}
	}
	w.log.take()
	opened, err := w.client().Propose(t.Context(), p)
	w.must(err)
	if got := writes(w.log.take()); opened.Action != forge.Unchanged || len(got) > 0 || w.state() != first {
		t.Errorf("again: %s with writes %v\n%s", opened.Action, got, cmp.Diff(first, w.state()))
	}
}

// What was worked out without knowing everything opens a pull request, and
// rewrites none.
func TestTentative(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	p.Tentative = true
	opened, err := w.client().Propose(t.Context(), p)
	w.must(err)
	if opened.Action != forge.Created {
		t.Errorf("%s, want created", opened.Action)
	}
	first := w.state()
	other := w.raise("768Mi")
	other.Tentative = true
	opened, err = w.client().Propose(t.Context(), other)
	w.must(err)
	if opened.Action != forge.Unchanged || w.state() != first {
		t.Errorf("again: %s\n%s", opened.Action, cmp.Diff(first, w.state()))
	}
	other.Tentative = false
	opened, err = w.client().Propose(t.Context(), other)
	w.must(err)
	if opened.Action != forge.Updated {
		t.Errorf("known: %s, want updated", opened.Action)
	}
}

// The commit is verified: it names no author of its own (attack 45).
func TestCommitIsVerified(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	opened, err := w.client().Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	var commit struct {
		Author struct{ Login string }
		Commit struct {
			Verification struct{ Verified bool }
		}
	}
	w.must(w.person("GET", "repos/acme/shop/commits/"+string(opened.Pull.Head), nil, &commit))
	if commit.Author.Login != "salve[bot]" || !commit.Commit.Verification.Verified {
		t.Errorf("commit %+v, want it verified and by salve[bot]", commit)
	}
}

// Attack 47: replicas that do the same at the same time.
func TestReplicas(t *testing.T) {
	calm := newWorld(t, githubtest.Options{})
	_, err := calm.client().Propose(t.Context(), calm.raise("640Mi"))
	calm.must(err)
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	var wg sync.WaitGroup
	for range 4 {
		c := w.client()
		wg.Go(func() {
			if _, err := c.Propose(t.Context(), p); err != nil && !errors.Is(err, forge.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	_, err = w.client().Propose(t.Context(), p)
	w.must(err)
	var pulls []struct{ Number int }
	w.must(w.person("GET", "repos/acme/shop/pulls?state=all", nil, &pulls))
	if len(pulls) != 1 {
		t.Errorf("%d pull requests, want 1:\n%s", len(pulls), w.state())
	}
}

// Closed by people means no, until it is reconsidered; closed by the App does
// not; a merged one makes way for a new one.
func TestClosed(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	p := w.raise("640Mi")
	_, err := c.Propose(t.Context(), p)
	w.must(err)
	propose := func(want forge.ProposeAction, number int) {
		t.Helper()
		opened, err := w.client().Propose(t.Context(), p)
		if err != nil || opened.Action != want || opened.Pull.Number != number {
			t.Errorf("%s #%d, %v; want %s #%d", opened.Action, opened.Pull.Number, err, want, number)
		}
	}
	w.must(w.person("PATCH", "repos/acme/shop/pulls/1", map[string]string{"state": "closed"}, nil))
	propose(forge.Declined, 1)
	w.must(w.person("DELETE", "repos/acme/shop/git/refs/heads/"+p.Branch, nil, nil))
	propose(forge.Declined, 1)
	p.Reconsider = time.Now().Add(time.Hour)
	propose(forge.Created, 2)
	p.Reconsider = time.Time{}
	w.must(c.ClosePull(t.Context(), shop, 2, "The problem is over.", true))
	if w.head(p.Branch) != "" || !strings.Contains(w.state(), `comment "The problem is over.`) {
		t.Errorf("after ClosePull:\n%s", w.state())
	}
	w.must(c.ClosePull(t.Context(), shop, 2, "The problem is over.", true)) // again: nothing to do
	propose(forge.Created, 3)
	w.must(w.person("PUT", "repos/acme/shop/pulls/3/merge", map[string]string{"merge_method": "squash"}, nil))
	p = w.raise("768Mi")
	p.Changes[0].Before = []byte(manifest("640Mi"))
	propose(forge.Created, 4) // the branch of the merged one is still there
}

// Attack 40: what people add to our branch is left alone.
func TestHandsOff(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	_, err := w.client().Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	p := w.raise("768Mi")
	w.push(p.Branch, "k8s/checkout.yaml", manifest("1Gi"))
	before := w.state()
	opened, err := w.client().Propose(t.Context(), p)
	if err != nil || opened.Action != forge.HandsOff || opened.Pull.Number != 1 || w.state() != before {
		t.Errorf("%+v, %v\n%s", opened, err, cmp.Diff(before, w.state()))
	}

	// Also a pull request that a person made from what a crash left.
	w = newWorld(t, githubtest.Options{})
	p.BaseSHA = w.head("main")
	transport, _ := crash(10, "before") // after the branch
	if _, err := w.client(transport).Propose(t.Context(), p); err == nil || w.head(p.Branch) == "" {
		t.Fatalf("%v; branch at %q, want it without a pull request", err, w.head(p.Branch))
	}
	_, err = w.OpenPull("acme/shop", "mona", githubtest.NewPull{Head: p.Branch, Title: "mine now"})
	w.must(err)
	before = w.state()
	opened, err = w.client().Propose(t.Context(), w.raise("640Mi"))
	if err != nil || opened.Action != forge.HandsOff || w.state() != before {
		t.Errorf("%+v, %v\n%s", opened, err, cmp.Diff(before, w.state()))
	}

	// And a branch that never got its pull request.
	w = newWorld(t, githubtest.Options{})
	w.must(w.person("POST", "repos/acme/shop/git/refs", map[string]any{"ref": "refs/heads/" + p.Branch, "sha": w.head("main")}, nil))
	w.push(p.Branch, "README.md", "# Mine\n")
	mine := w.head(p.Branch)
	opened, err = w.client().Propose(t.Context(), w.raise("640Mi"))
	if err != nil || opened.Action != forge.HandsOff || w.head(p.Branch) != mine {
		t.Errorf("%+v, %v; branch at %s, want %s", opened, err, w.head(p.Branch), mine)
	}
}

// A push that comes while we make the new commit is not overwritten.
func TestPushMeanwhile(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	_, err := w.client().Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	p := w.raise("768Mi")
	w.log.check = func(req *http.Request, _ []byte) error {
		if req.Method == "POST" && strings.HasSuffix(req.URL.Path, "/git/commits") {
			_, err := w.PushCommit("acme/shop", "mona", p.Branch, "mine", map[string]*githubtest.File{"mine": {Content: "x"}})
			w.must(err)
		}
		return nil
	}
	_, err = w.client().Propose(t.Context(), p)
	if !errors.Is(err, forge.ErrConflict) {
		t.Errorf("%v, want ErrConflict", err)
	}
	snap, err := w.client().Snapshot(t.Context(), shop, p.Branch)
	w.must(err)
	if _, err := snap.Read(t.Context(), "mine"); err != nil {
		t.Errorf("the person's commit is gone: %v", err)
	}
	w.log.check = nil
	if opened, err := w.client().Propose(t.Context(), p); err != nil || opened.Action != forge.HandsOff {
		t.Errorf("%+v, %v; want hands off", opened, err)
	}
}

// Attacks 36 to 38 and 41: the bytes, modes and kinds of files survive, and a
// change that was made from something else is not written.
func TestContent(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	p.Comments = nil
	p.Changes = patch.ChangeSet{}.
		With(patch.FileChange{Path: "bin/run.sh", Before: []byte(shopFiles["bin/run.sh"].Content), After: []byte("#!/bin/sh\nexec shop --heap 512\n"), Mode: "100644"}).
		With(patch.FileChange{Path: "k8s/windows.yaml", Before: []byte("a: 1\r\nb: 2\r\n"), After: []byte("\ufeffa: 1\r\nb: 3\r\n\tno end")}).
		With(patch.FileChange{Path: "latin1.txt", Before: []byte("gr\xfc\xdfe 1\n"), After: []byte("gr\xfc\xdfe 2\n")}).
		With(patch.FileChange{Path: "new/file.yaml", After: []byte("")})
	c := w.client()
	opened, err := c.Propose(t.Context(), p)
	w.must(err)
	snap, err := c.SnapshotAt(t.Context(), shop, opened.Pull.Head)
	w.must(err)
	for _, change := range p.Changes {
		got, err := snap.Read(t.Context(), change.Path)
		if err != nil || string(got) != string(change.After) {
			t.Errorf("%s holds %q, %v; want %q", change.Path, got, err, change.After)
		}
	}
	if f, err := snap.File(t.Context(), "bin/run.sh"); err != nil || f.Mode != forge.ModeExecutable {
		t.Errorf("bin/run.sh is %+v, %v; want it executable", f, err)
	}

	before := w.state()
	for name, change := range map[string]patch.FileChange{
		"base moved":       {Path: "k8s/checkout.yaml", Before: []byte(manifest("256Mi")), After: []byte(manifest("1Gi"))},
		"gone":             {Path: "k8s/gone.yaml", Before: []byte("x"), After: []byte("y")},
		"there already":    {Path: "README.md", After: []byte("y")},
		"link":             {Path: "link.yaml", Before: []byte("k8s/checkout.yaml"), After: []byte("y")},
		"below a link":     {Path: "link.yaml/x", After: []byte("y")},
		"below a file":     {Path: "README.md/x", After: []byte("y")},
		"workflow":         {Path: ".github/workflows/x.yml", After: []byte("y")},
		"climbs":           {Path: "../x", After: []byte("y")},
		"git":              {Path: ".GIT/config", After: []byte("y")},
		"ours":             {Path: ".github/salve.yml", Before: []byte("limits: {}\n"), After: []byte("y")},
		"changes nothing":  {Path: "README.md", Before: []byte("# Shop\n"), After: []byte("# Shop\n")},
		"control in name":  {Path: "a\x00b", After: []byte("y")},
		"too much to read": {Path: "large", After: make([]byte, maxContent+1)},
	} {
		bad := w.raise("640Mi")
		bad.Key, bad.Branch, bad.Comments = name, "salve/bad/x", nil
		bad.Changes = patch.ChangeSet{change}
		if opened, err := c.Propose(t.Context(), bad); err == nil {
			t.Errorf("%s: %+v, want an error", name, opened)
		}
	}
	if diff := cmp.Diff(before, w.state()); diff != "" {
		t.Errorf("refused changes left something (-before +after):\n%s", diff)
	}
}

// Attacks 35, 39, 48, 60, 61 and 63: what GitHub or a URL would not take is
// refused before anything is sent.
func TestRefusedUnsent(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	for name, spoil := range map[string]func(*forge.Proposal){
		"repo climbs":       func(p *forge.Proposal) { p.Repo = forge.Repo{Owner: "o", Name: "../../user"} },
		"repo empty":        func(p *forge.Proposal) { p.Repo = forge.Repo{} },
		"base climbs":       func(p *forge.Proposal) { p.Base = "heads/../../../../user" },
		"base has a query":  func(p *forge.Proposal) { p.Base = "x?y#z" },
		"base commit":       func(p *forge.Proposal) { p.BaseSHA = "../../x" },
		"branch not ours":   func(p *forge.Proposal) { p.Branch = "main" },
		"branch dots":       func(p *forge.Proposal) { p.Branch = "salve/a..b" },
		"branch lock":       func(p *forge.Proposal) { p.Branch = "salve/x.lock" },
		"branch at":         func(p *forge.Proposal) { p.Branch = "salve/x@{1}" },
		"branch long":       func(p *forge.Proposal) { p.Branch = "salve/" + strings.Repeat("x", 300) },
		"title lines":       func(p *forge.Proposal) { p.Title = "a\nb" },
		"title long":        func(p *forge.Proposal) { p.Title = strings.Repeat("x", 257) },
		"title empty":       func(p *forge.Proposal) { p.Title = "" },
		"body long":         func(p *forge.Proposal) { p.Body = strings.Repeat("ü", 65_500) },
		"label comma":       func(p *forge.Proposal) { p.Labels = []forge.Label{{Name: "a,b"}} },
		"label long":        func(p *forge.Proposal) { p.Labels = []forge.Label{{Name: strings.Repeat("x", 51)}} },
		"no change":         func(p *forge.Proposal) { p.Changes, p.Comments = nil, nil },
		"marker of another": func(p *forge.Proposal) { p.Body = forge.Marker{Key: "x", Version: 1}.String() },
		"no key":            func(p *forge.Proposal) { p.Key = "" },
		"comment elsewhere": func(p *forge.Proposal) { p.Comments[0].Line = 1 },
	} {
		p := w.raise("640Mi")
		spoil(&p)
		w.log.take()
		if opened, err := c.Propose(t.Context(), p); err == nil || len(w.log.take()) > 0 {
			t.Errorf("%s: %+v, %v; want an error and no request", name, opened, err)
		}
	}
}

// What cannot be added to an open pull request is an error beside it, and the
// next call adds it.
func TestAnnotationError(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	for _, path := range []string{"/labels", "/reviews", "/statuses/"} {
		w.log.check = nil
		p := w.raise("640Mi")
		p.Key, p.Branch, p.Message = path, "salve/x/"+strings.Trim(path, "/"), path // another commit
		w.log.check = func(req *http.Request, _ []byte) error {
			if req.Method == "POST" && strings.Contains(req.URL.Path, path) {
				return errCrash
			}
			return nil
		}
		opened, err := w.client().Propose(t.Context(), p)
		var partial *forge.AnnotationError
		if !errors.As(err, &partial) || partial.Pull != opened.Pull.Number || opened.Action != forge.Created {
			t.Errorf("%s: %+v, %v; want the pull request and an AnnotationError", path, opened, err)
		}
		w.log.check = nil
		w.log.take()
		opened, err = w.client().Propose(t.Context(), p)
		if got := writes(w.log.take()); err != nil || opened.Action != forge.Unchanged || len(got) == 0 || !strings.Contains(fmt.Sprint(got), path) {
			t.Errorf("%s, again: %+v, %v with writes %v; want what was missing", path, opened, err, got)
		}
	}
}

// A label that a person took off stays off.
func TestLabelStaysOff(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	w.must(w.person("DELETE", "repos/acme/shop/issues/1/labels/salve", nil, nil))
	_, err = w.client().Propose(t.Context(), p)
	w.must(err)
	if strings.Contains(w.state(), "label salve\n") {
		t.Errorf("the label is back:\n%s", w.state())
	}
}

// A draft is one where the plan of the repository has them, else an ordinary
// pull request.
func TestDraft(t *testing.T) {
	for _, none := range []bool{false, true} {
		w := newWorld(t, githubtest.Options{})
		w.must(w.SetFlags("acme/shop", func(f *githubtest.Flags) { f.NoDrafts = none }))
		p := w.raise("640Mi")
		p.Draft = true
		opened, err := w.client().Propose(t.Context(), p)
		w.must(err)
		if opened.Action != forge.Created || opened.Pull.Draft == none || w.pull().Draft == none {
			t.Errorf("plan without drafts %v: %s, draft %v", none, opened.Action, opened.Pull.Draft)
		}
	}
}
