package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// A mortal is a process as GitHub sees it: after so many requests it is gone.
// GitHub has done what the last one asked for, and its answer is never read; or
// it has not come to that.
type mortal struct {
	mu   sync.Mutex
	left int  // requests; negative for any number
	done bool // what the last one asks for
}

var errKilled = errors.New("the process was killed")

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock() // one request at a time, so that the count is exact
	if m.left == 0 {
		return nil, errKilled
	}
	if m.left == 1 && !m.done {
		m.left = 0
		return nil, errKilled
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if m.left--; m.left == 0 {
		if err == nil {
			resp.Body.Close()
		}
		return nil, errKilled
	}
	return resp, err
}

func (m *mortal) alive() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left != 0
}

// A town is a sandbox of one repository, with the problems of the day.
type town struct {
	t        *testing.T
	box      *sandbox.Sandbox
	environ  []string
	problems []string // display ids
	repo     string   // what its repository is called by now, if not acme/shop
}

// newTown has an open pull request whose base moved, one whose problem has been
// away for two weeks, and a problem that nobody has answered yet: the next
// cycle, at later, updates, closes and opens.
func newTown(t *testing.T) *town { return townOf(t, sandbox.WorldTime) }

// townOf is a town as it became two weeks ago.
func townOf(t *testing.T, ago time.Time) *town {
	t.Helper()
	world := demoWorld(t, nil).(fstest.MapFS)
	for file := range world {
		if strings.HasPrefix(file, "repos/") && !strings.HasPrefix(file, "repos/acme/shop/") {
			delete(world, file)
		}
	}
	w := &town{t: t}
	w.box, w.environ = sandboxed(t, fs.FS(world))
	w.problems = []string{"P-260301", "P-260302"}
	w.cycle(nil, ago)
	w.problems = []string{"P-260301"}
	w.cycle(nil, ago) // 302 goes quiet
	w.problems = []string{"P-260301", "P-260303"}
	w.push("k8s/checkout.yaml", func(s string) string { return strings.Replace(s, `"512Mi"`, `"768Mi"`, 1) })
	return w
}

// name is that of the repository.
func (w *town) name() string { return cmp.Or(w.repo, "acme/shop") }

// push changes a file of the default branch, as a person does.
func (w *town) push(file string, change func(string) string) {
	w.t.Helper()
	text, err := w.box.GitHub.ReadFile(w.name(), "main", file)
	if err != nil {
		w.t.Fatal(err)
	}
	after := githubtest.File{Content: change(text)}
	if _, err := w.box.GitHub.PushCommit(w.name(), "maria", "main", "change "+file, map[string]*githubtest.File{file: &after}); err != nil {
		w.t.Fatal(err)
	}
}

// later is when the cycle under test runs.
var later = sandbox.WorldTime.Add(14 * 24 * time.Hour)

// app opens the program anew, as a restart does.
func (w *town) app(transport http.RoundTripper) *app {
	w.t.Helper()
	vars := map[string]string{}
	for _, v := range w.environ {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	env := &environment{Getenv: func(n string) string { return vars[n] }, Now: time.Now}
	set := &settings{transport: transport}
	if err := errors.Join(serveFlags(set, env).ParseFlags(nil), set.secrets(env), set.validate(true)); err != nil {
		w.t.Fatal(err)
	}
	a, err := set.open(slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	a.maker.Planner.Dynatrace, a.tenant = "https://abc12345.apps.dynatrace.com", "https://abc12345.apps.dynatrace.com" // ports differ
	a.outcome.Dynatrace = a.tenant
	a.remedy.Problems = &eval.Engine{Source: eval.Records(w.records()), Now: sandbox.WorldTime}
	return a
}

// records are those of the problems of the day.
func (w *town) records() []dql.Record {
	world := demoWorld(w.t, nil)
	all, err := sandbox.Records(world, 0, "problems.jsonl")
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r dql.Record) bool { return !slices.Contains(w.problems, r.Text("display_id")) })
}

// cycle runs a cycle in a process of its own, which must succeed.
func (w *town) cycle(transport http.RoundTripper, now time.Time) {
	w.t.Helper()
	a := w.app(transport)
	defer a.close()
	if _, err := a.remediate(context.Background(), now); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) state() githubtest.State {
	w.t.Helper()
	w.box.GitHub.Settle()
	s, err := w.box.GitHub.State(w.name())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// Wherever salve run ends that updates, closes and opens pull requests, the next
// one leaves what an undisturbed one leaves.
func TestCrashAtEveryRequestOfACycle(t *testing.T) {
	calm := newTown(t)
	before := calm.state()
	calm.cycle(nil, later)
	want := calm.state()
	if open := opens(want); len(want.Issues) != 3 || !slices.Equal(open, []int{1, 3}) || len(want.Branches) != 3 || gocmp.Equal(before.Issues[0].Diff, want.Issues[0].Diff) {
		t.Fatalf("the cycle did not update, close and open: open %v of %d", open, len(want.Issues))
	}
	calm.cycle(nil, later)
	if diff := gocmp.Diff(want, calm.state()); diff != "" {
		t.Fatalf("a second cycle changes:\n%s", diff)
	}
	nth := 9 // in a quarter of a minute; soak tries all
	if soak {
		nth = 1
	}
	tried := 0
	for _, done := range []bool{true, false} {
		for k := 1; ; k += nth {
			w := newTown(t)
			end := &mortal{left: k, done: done}
			_, err := w.app(end).remediate(t.Context(), later)
			if end.alive() {
				break // the cycle was over before
			}
			if err == nil {
				t.Errorf("killed at request %d, the cycle reports no error", k)
			}
			w.cycle(nil, later)
			if diff := gocmp.Diff(want, w.state()); diff != "" {
				t.Errorf("killed at request %d, done: %v:\n%s", k, done, diff)
			}
			w.box.Close()
			tried++
		}
	}
	t.Logf("%d points", tried)
	if tried < 80/nth {
		t.Errorf("only %d points were tried", tried)
	}
}

// opens are the numbers of the open pull requests.
func opens(s githubtest.State) (out []int) {
	for _, i := range s.Issues {
		if i.Pull && i.State == "open" {
			out = append(out, i.Number)
		}
	}
	return out
}
