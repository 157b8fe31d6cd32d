package ghapp

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
)

// tasks are what a client does in several requests. prepare brings the world to
// where it starts; what it returns may be called again.
var tasks = []struct {
	name    string
	prepare func(*world) func(*Client) error
	points  int // at which it is ended, at least: its requests, before and after
}{
	{"open", func(w *world) func(*Client) error {
		return propose(w, w.raise("640Mi"))
	}, 30},
	{"open and ask people", func(w *world) func(*Client) error {
		w.team()
		w.guard()
		p := w.raise("640Mi")
		p.AutoMerge = true
		p.Reviewers, p.Assignees = []string{"mona", "acme/platform", "nobody"}, []string{"mona", "nobody"}
		return propose(w, p)
	}, 50},
	{"update", func(w *world) func(*Client) error {
		w.must(propose(w, w.raise("640Mi"))(w.client()))
		p := w.raise("768Mi")
		p.Evidence, p.Body = "e2", "Because of P-1 and P-2."
		return propose(w, p)
	}, 30},
	{"new evidence", func(w *world) func(*Client) error {
		w.must(propose(w, w.raise("640Mi"))(w.client()))
		p := w.raise("640Mi")
		p.Evidence, p.Body = "e2", "Because of P-1 and P-2."
		return propose(w, p)
	}, 14},
	{"open after a merge", func(w *world) func(*Client) error {
		w.must(propose(w, w.raise("640Mi"))(w.client()))
		w.must(w.person("PUT", "repos/acme/shop/pulls/1/merge", map[string]string{"merge_method": "squash"}, nil))
		p := w.raise("768Mi")
		p.Changes[0].Before = []byte(manifest("640Mi"))
		return propose(w, p)
	}, 30},
	{"close", func(w *world) func(*Client) error {
		w.must(propose(w, w.raise("640Mi"))(w.client()))
		return func(c *Client) error { return c.ClosePull(w.t.Context(), shop, 1, "The problem is over.", true) }
	}, 14},
}

func propose(w *world, p forge.Proposal) func(*Client) error {
	return func(c *Client) error {
		_, err := c.Propose(w.t.Context(), p)
		return err
	}
}

// Attack 46: whichever request the process ends at, before GitHub has it or
// after GitHub has done it, the next run leaves what an undisturbed run leaves.
// So does the same process after a single failure.
func TestCrashAtEveryRequest(t *testing.T) {
	for _, task := range tasks {
		t.Run(task.name, func(t *testing.T) {
			calm := newWorld(t, githubtest.Options{})
			calm.must(task.prepare(calm)(calm.client()))
			want := calm.state()
			points := 0
			for _, mode := range []string{"before", "after", "once"} {
				for k := 0; endAt(t, task.prepare, mode, k, want); k++ {
					points++
				}
			}
			t.Logf("%d points", points)
			if points < task.points {
				t.Errorf("only %d points were tried, want %d", points, task.points)
			}
		})
	}
}

// endAt runs a task that is ended at request k and then run again. It reports
// whether there was a request k.
func endAt(t *testing.T, prepare func(*world) func(*Client) error, mode string, k int, want string) bool {
	w := newWorld(t, githubtest.Options{})
	run := prepare(w)
	transport, sent := crash(k, mode)
	c := w.client(transport)
	err := run(c)
	if *sent <= k {
		w.must(err)
		return false
	}
	if mode != "once" {
		c = w.client() // a new process
	}
	if err := run(c); err != nil {
		t.Fatalf("ended %s request %d, then: %v", mode, k, err)
	}
	if diff := cmp.Diff(want, w.state()); diff != "" {
		t.Errorf("ended %s request %d (-want +got):\n%s", mode, k, diff)
	}
	return true
}

// A network that fails one request in five, in every way a proxy knows, only
// makes it take longer.
func TestBadNetwork(t *testing.T) {
	for _, task := range tasks {
		calm := newWorld(t, githubtest.Options{})
		calm.must(task.prepare(calm)(calm.client()))
		want := calm.state()
		failures := 0
		for seed := range uint64(6) {
			w := newWorld(t, githubtest.Options{Seed: seed})
			run := task.prepare(w)
			var remove []func()
			for _, f := range []githubtest.Fault{
				{Status: http.StatusInternalServerError}, {Status: http.StatusBadGateway, Body: "<html>"}, {Reset: true}, {Reset: true, Applied: true},
				{Cut: 10, Applied: true}, {Status: http.StatusTooManyRequests}, {Status: http.StatusForbidden, Body: `{"message":"secondary rate limit"}`},
			} {
				f.Chance = 0.03
				remove = append(remove, w.Inject(f))
			}
			err := errors.New("not tried")
			for try := 0; err != nil && try < 100; try++ {
				if err = run(w.client()); err != nil {
					failures++
				}
			}
			w.must(err)
			for _, r := range remove {
				r()
			}
			if diff := cmp.Diff(want, w.state()); diff != "" {
				t.Errorf("%s, seed %d (-want +got):\n%s", task.name, seed, diff)
			}
		}
		t.Logf("%s: %d runs failed on the way", task.name, failures)
		if failures == 0 {
			t.Errorf("%s: no run failed, so nothing was tried", task.name)
		}
	}
}

// Every request that a task makes is one that githubtest knows.
func TestNothingUnknown(t *testing.T) {
	for _, task := range tasks {
		w := newWorld(t, githubtest.Options{})
		w.must(task.prepare(w)(w.client()))
		if unknown := w.Unknown(); len(unknown) > 0 {
			t.Errorf("%s: %s", task.name, fmt.Sprint(unknown))
		}
	}
}
