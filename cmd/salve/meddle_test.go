package main

import (
	"cmp"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/queue"
	"github.com/salvehq/salve/internal/sandbox"
)

// A meddler lets something happen on GitHub right before the nth write of a
// process.
type meddler struct {
	mu     sync.Mutex
	writes int // of the run
	over   bool
	at     int
	meddle func()
	met    bool // it happened
}

func (m *meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/access_tokens") && !strings.HasSuffix(r.URL.Path, "/graphql") {
		m.mu.Lock()
		if !m.over {
			m.writes++
		}
		if !m.over && m.writes == m.at {
			m.met = true
			m.meddle()
		}
		m.mu.Unlock()
	}
	return http.DefaultTransport.RoundTrip(r)
}

// must is for what people do.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// run lets a run go through m, delivers events, and lets two more cycles follow
// without m. If what happened is taken back by then, two follow after that. It
// returns what GitHub has at the end.
func (m *meddler) run(t *testing.T, w *town, back func(), events ...forge.Event) githubtest.State {
	t.Helper()
	e := w.engineOver(filepath.Join(t.TempDir(), "salve.db"), m)
	defer e.stop()
	e.tick()
	e.work()
	m.mu.Lock()
	m.over = true
	m.mu.Unlock()
	for _, event := range events {
		must(t, e.worker.react(t.Context(), event))
	}
	for range 2 {
		e.tick()
		e.work()
	}
	if back != nil {
		back()
		for range 2 {
			e.tick()
			e.work()
		}
	}
	for _, r := range e.records(queue.Dead) {
		t.Errorf("%s is dead: %v", r.Unique, r.Errors)
	}
	return w.state()
}

// sound reports what must never be: two open pull requests for one thing, and a
// branch of ours that belongs to none.
func sound(t *testing.T, s githubtest.State) {
	t.Helper()
	titles, heads := map[string]int{}, map[string]bool{}
	for _, i := range s.Issues {
		heads[i.Head] = true
		if what, _, _ := strings.Cut(i.Title, " to "); i.State == "open" {
			if titles[what] > 0 {
				t.Errorf("#%d and #%d are the same: %q", titles[what], i.Number, what)
			}
			titles[what] = i.Number
		}
	}
	for name := range s.Branches {
		if strings.HasPrefix(name, forge.BranchPrefix) && !heads[name] {
			t.Errorf("branch %s belongs to no pull request", name)
		}
	}
}

// What happens to a repository in the middle of a run, whatever the run has done
// by then, has come out right two cycles later, or two after the repository can
// be written to again: until then a branch whose pull request could not follow
// has to stay.
func TestInTheMiddleOfARun(t *testing.T) {
	counter := &meddler{}
	undisturbed := counter.run(t, newTown(t), nil)
	for _, tt := range []struct {
		name   string
		meddle func(w *town)
		back   func(w *town) // takes it back
		repo   string        // its name afterwards
		open   []int         // or nil where it depends on how far the run was
		events []forge.Event
		right  func(t *testing.T, s githubtest.State)
	}{
		{name: "the token is revoked", open: []int{1, 3},
			meddle: func(w *town) { w.box.GitHub.ExpireTokens() },
			right: func(t *testing.T, s githubtest.State) {
				if diff := gocmp.Diff(undisturbed, s); diff != "" {
					t.Errorf("it is not as if nothing had happened:\n%s", diff)
				}
			}},
		{name: "the base moves elsewhere", open: []int{1, 3},
			meddle: func(w *town) { w.push("README.md", func(string) string { return "moved" }) },
			right: func(t *testing.T, s githubtest.State) {
				for i, issue := range s.Issues {
					if issue.Diff != undisturbed.Issues[i].Diff {
						t.Errorf("#%d has the diff\n%s", issue.Number, issue.Diff)
					}
				}
			}},
		{name: "the base moves where it matters", open: []int{1, 3},
			meddle: func(w *town) {
				w.push("k8s/checkout.yaml", func(s string) string { return strings.Replace(s, `"768Mi"`, `"1Gi"`, 1) })
			},
			right: func(t *testing.T, s githubtest.State) {
				if got := s.Issues[0]; !strings.HasSuffix(got.Title, "to 1280Mi") || !strings.Contains(got.Diff, `-              memory: "1Gi"`) {
					t.Errorf("#1 is %q\n%s", got.Title, got.Diff)
				}
			}},
		{name: "a branch is deleted",
			meddle: func(w *town) { must(w.t, w.box.GitHub.DeleteBranch("acme/shop", "maria", w.state().Issues[0].Head)) },
			open:   []int{3}},
		{name: "a pull request is closed", open: []int{3},
			meddle: func(w *town) { must(w.t, w.box.GitHub.ClosePull("acme/shop", "maria", 1)) }},
		{name: "a label is removed", open: []int{1, 3},
			meddle: func(w *town) { must(w.t, w.box.GitHub.Label("acme/shop", "maria", 1, "remediation", false)) },
			events: []forge.Event{{
				Kind: forge.EventPullRequest, Action: "unlabeled", Repo: forge.Repo{Owner: "acme", Name: "shop"}, Installation: 101,
				Pull: forge.PullRequest{Number: 1, Branch: undisturbed.Issues[0].Head},
			}},
			right: func(t *testing.T, s githubtest.State) { // what a person took away stays away
				s.Issues[0].Labels = append([]string{"remediation"}, s.Issues[0].Labels...)
				if diff := gocmp.Diff(undisturbed, s); diff != "" {
					t.Errorf("it is not as if nothing else had happened:\n%s", diff)
				}
			}},
		{name: "the repository is renamed", repo: "acme/store", open: []int{1, 3},
			meddle: func(w *town) { must(w.t, w.box.GitHub.RenameRepo("acme/shop", "acme/store")) }},
		{name: "the repository is archived",
			meddle: func(w *town) {
				must(w.t, w.box.GitHub.SetFlags("acme/shop", func(f *githubtest.Flags) { f.Archived = true }))
			},
			back: func(w *town) {
				must(w.t, w.box.GitHub.SetFlags("acme/shop", func(f *githubtest.Flags) { f.Archived = false }))
			}},
		{name: "the App is uninstalled",
			meddle: func(w *town) { must(w.t, w.box.GitHub.RemoveInstallation(101)) },
			back: func(w *town) { // installed again, it has another number
				must(w.t, w.box.GitHub.AddInstallation(githubtest.Installation{ID: 201, App: sandbox.AppID, Account: "acme"}))
			}},
		{name: "the installation is suspended",
			meddle: func(w *town) { must(w.t, w.box.GitHub.Suspend(101, true)) },
			back:   func(w *town) { must(w.t, w.box.GitHub.Suspend(101, false)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			nth := 9
			if soak {
				nth = 1
			}
			tried := 0
			for k := 1; k <= counter.writes; k += nth {
				w := newTown(t)
				m := &meddler{at: k, meddle: func() {
					tt.meddle(w)
					w.repo = cmp.Or(tt.repo, w.repo)
				}}
				var back func()
				if tt.back != nil {
					back = func() { tt.back(w) }
				}
				s := m.run(t, w, back, tt.events...)
				if !m.met {
					break
				}
				tried++
				sound(t, s)
				if open := opens(s); tt.open != nil && !slices.Equal(open, tt.open) {
					t.Errorf("at write %d: open %v, want %v", k, open, tt.open)
				}
				if tt.right != nil {
					tt.right(t, s)
				}
				w.box.Close()
			}
			t.Logf("at %d of %d writes", tried, counter.writes)
		})
	}
}
