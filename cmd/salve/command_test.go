package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// An office is a program with a database that hears the comments of a town.
type office struct {
	*town
	worker *worker
}

func newOffice(t *testing.T) *office {
	w := newTown(t)
	for login, level := range map[string]string{"maria": "write", "ivan": "read"} {
		if err := w.box.GitHub.SetPermission("acme/shop", login, level); err != nil {
			t.Fatal(err)
		}
	}
	a := w.app(nil)
	worker, _, err := a.work(t.Context(), &settings{remediate: "@yearly", tune: "@yearly", database: filepath.Join(t.TempDir(), "salve.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(worker.queue.Close)
	o := &office{w, worker}
	o.cycle()
	return o
}

func (o *office) cycle() {
	o.t.Helper()
	if _, err := o.worker.app.remediate(o.t.Context(), sandbox.WorldTime); err != nil {
		o.t.Fatal(err)
	}
}

// say comments on a pull request and hands the comment over twice, as a retried
// job would. It returns the reactions to it.
func (o *office) say(login string, number int, text string) []string {
	o.t.Helper()
	id, err := o.box.GitHub.Comment("acme/shop", login, number, text)
	if err != nil {
		o.t.Fatal(err)
	}
	e := forge.Event{
		Kind: forge.EventIssueComment, Action: "created", Repo: forge.Repo{Owner: "acme", Name: "shop"}, Issue: number, Sender: login,
		Comment: forge.Comment{ID: id, Author: login, Body: text},
	}
	for range 2 {
		if err := o.worker.commanded(o.t.Context(), e); err != nil {
			o.t.Fatal(err)
		}
	}
	i := o.issue(number)
	at := slices.IndexFunc(i.Comments, func(c githubtest.Comment) bool { return c.Author == login && c.Body == text })
	return i.Comments[at].Reactions
}

func (o *office) issue(number int) githubtest.Issue {
	o.t.Helper()
	return o.state().Issues[number-1]
}

// ours are the comments of the App on a pull request.
func (o *office) ours(number int) (out []string) {
	for _, c := range o.issue(number).Comments {
		if c.Author == sandbox.Bot {
			out = append(out, c.Body)
		}
	}
	return out
}

// Whoever may write gets a receipt; whoever may not, changes nothing.
func TestCommandReceipts(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct {
		by, text string
		receipt  string // empty: left alone
		says     string
	}{
		{"maria", "/salve help", "rocket", "/salve explain"},
		{"ivan", "/salve explain", "rocket", "It changes 768Mi to 960Mi"},
		{"ivan", "/salve ignore", "-1", ""},
		{"ivan", "/salve retry", "-1", ""},
		{"maria", "/salve rebase\r\nplease", "rocket", ""},
		{"maria", "/salve dance", "confused", "I listen to"},
		{"maria", "/salve ignore for ever", "confused", "I listen to"},
		{"maria", "/salve break-glass the shop is down", "", ""},
		{"maria", "/salvement", "", ""},
		{"maria", "please /salve ignore", "", ""},
	} {
		got := o.say(tt.by, 1, tt.text)
		if want := slices.DeleteFunc([]string{tt.receipt}, func(s string) bool { return s == "" }); !slices.Equal(got, want) {
			t.Errorf("%s: %q: reactions %v, want %v", tt.by, tt.text, got, want)
		}
		if !slices.ContainsFunc(o.ours(1), func(s string) bool { return strings.Contains(s, tt.says) }) {
			t.Errorf("%q: our comments %q, want %q", tt.text, o.ours(1), tt.says)
		}
	}
	if i := o.issue(1); i.State != "open" || len(o.ours(1)) != 2 {
		t.Errorf("%s with %d comments of ours, want open with help and explanation", i.State, len(o.ours(1)))
	}
}

// What was ignored stays closed until somebody wants it back.
func TestIgnoreAndReopen(t *testing.T) {
	o := newOffice(t)
	o.say("maria", 1, "/salve ignore for 7d")
	if i := o.issue(1); i.State != "closed" {
		t.Fatalf("ignored, it is %s", i.State)
	}
	o.cycle()
	count := len(o.state().Issues)
	if open := opens(o.state()); slices.Contains(open, 1) {
		t.Errorf("open after it was ignored: %v", open)
	}
	o.say("maria", 1, "/salve reopen")
	o.cycle()
	s := o.state()
	if len(s.Issues) != count+1 || s.Issues[count].State != "open" || s.Issues[count].Head != s.Issues[0].Head {
		t.Errorf("%d pull requests, want one more on the branch of the first", len(s.Issues))
	}
}

// What this App closed because it stayed quiet is proposed again when the
// problem comes back: that was nobody's no.
func TestQuietProblemComesBack(t *testing.T) {
	w := newTown(t)
	w.cycle(nil, later) // closes the pull request of P-260302
	w.problems = []string{"P-260302"}
	w.cycle(nil, later.Add(time.Hour))
	s := w.state()
	if last := s.Issues[len(s.Issues)-1]; s.Issues[1].State != "closed" || last.Head != s.Issues[1].Head || last.State != "open" {
		t.Errorf("the problem is back, and its last pull request is %s %q", last.State, last.Title)
	}
}

// A person's no, given by closing, is taken back the same way.
func TestReopenAfterAPersonClosed(t *testing.T) {
	o := newOffice(t)
	if err := o.box.GitHub.ClosePull("acme/shop", "maria", 1); err != nil {
		t.Fatal(err)
	}
	o.cycle()
	count := len(o.state().Issues)
	o.say("maria", 1, "/salve reopen")
	o.cycle()
	if s := o.state(); len(s.Issues) != count+1 || s.Issues[count].State != "open" {
		t.Errorf("%d pull requests after reopen, want %d", len(s.Issues), count+1)
	}
}
