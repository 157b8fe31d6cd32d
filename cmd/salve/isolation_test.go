package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/queue"
	"github.com/salvehq/salve/internal/remedy"
)

// twoAccounts is a town with a second installation: acme/shop has P-260301 to
// answer and zeta/web has P-260303.
func twoAccounts(t *testing.T) *town {
	t.Helper()
	world := demoWorld(t, nil).(fstest.MapFS)
	for _, file := range []string{".github/salve.yml", "k8s/frontend.yaml"} {
		world["repos/zeta/web/"+file] = world["repos/acme/shop/"+file]
	}
	delete(world, "repos/acme/shop/k8s/frontend.yaml")
	w := &town{t: t, problems: []string{"P-260301", "P-260303"}}
	w.box, w.environ = sandboxed(t, fs.FS(world))
	return w
}

// pulls is how many pull requests are open in a repository.
func (w *town) pulls(repo string) int {
	w.t.Helper()
	s, err := w.box.GitHub.State(repo)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(opens(s))
}

// Whatever is the matter with one installation, the other's pull request is
// opened meanwhile, and the first one's once it is well.
func TestOneInstallationHoldsUpNoOther(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault githubtest.Fault
	}{
		{"no token", githubtest.Fault{Path: "/app/installations/102/access_tokens", Hang: true}},
		{"stalls when it is read", githubtest.Fault{Method: "GET", Path: "/repos/zeta/**", Hang: true}},
		{"stalls when it is written to", githubtest.Fault{Method: "POST", Path: "/repos/zeta/**", Hang: true}},
		{"stalls when it is judged", githubtest.Fault{Method: "GET", Path: "/repos/zeta/web/pulls", Hang: true}},
		{"broken", githubtest.Fault{Path: "/repos/zeta/**", Status: http.StatusInternalServerError}},
		{"limited", githubtest.Fault{Path: "/repos/zeta/**", Status: http.StatusForbidden, Header: http.Header{"Retry-After": {"3600"}}, Body: `{"message":"You have exceeded a secondary rate limit."}`}},
		{"forbidden", githubtest.Fault{Path: "/repos/zeta/**", Status: http.StatusForbidden, Body: `{"message":"Resource not accessible by integration"}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, database := twoAccounts(t), filepath.Join(t.TempDir(), "salve.db")
			remove := w.box.GitHub.Inject(tt.fault)
			e := w.engine(database)
			e.worker.app.estate.Patience = 500 * time.Millisecond
			began := time.Now()
			e.start()
			ticked, opened := make(chan error, 1), make(chan struct{})
			go func() {
				var last error
				for over := false; !over; {
					last = e.worker.remediate(t.Context(), later)
					select {
					case <-opened:
						over = true
					default: // on a busy machine the other one was late as well
					}
				}
				ticked <- last
			}()
			eventually(t, e, "the other's pull request", func() bool { return w.pulls("acme/shop") == 1 })
			close(opened)
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("opened after %v: it waited for the other", took)
			} else {
				t.Logf("opened after %v", took.Round(time.Millisecond))
			}
			if n := w.pulls("zeta/web"); n != 0 {
				t.Errorf("%d opened in spite of the fault", n)
			}
			remove()
			if err := <-ticked; err != nil {
				t.Errorf("the tick fails for all: %v", err)
			}
			e.stop()

			again := w.engine(database)
			for _, r := range again.records(queue.Scheduled) { // limits end
				if _, err := again.worker.queue.Retry(t.Context(), r.ID); err != nil {
					t.Error(err)
				}
			}
			again.tick()
			again.work()
			if n, m := w.pulls("acme/shop"), w.pulls("zeta/web"); n != 1 || m != 1 && tt.name != "forbidden" {
				t.Errorf("%d and %d open when all is well, want 1 and 1", n, m)
			}
		})
	}
}

// However many proposals an installation has, and all of them hang, there are
// workers for the others.
func TestManyStalledProposals(t *testing.T) {
	w := twoAccounts(t)
	e := w.engine(filepath.Join(t.TempDir(), "salve.db"))
	report, err := e.worker.app.remedy.Decide(t.Context(), later)
	if err != nil || len(report.Tasks) != 2 {
		t.Fatalf("%d tasks: %v", len(report.Tasks), err)
	}
	at := slices.IndexFunc(report.Tasks, func(task remedy.Task) bool { return task.Repo.Owner == "zeta" })
	var all []assignment
	for i := range 2 * proposalOptions().Workers {
		task := report.Tasks[at]
		task.Branch = fmt.Sprint(task.Branch, i)
		all = append(all, assignment{Problem: &task})
	}
	all = append(all, assignment{Problem: &report.Tasks[1-at]})
	remove := w.box.GitHub.Inject(githubtest.Fault{Path: "/repos/zeta/**", Hang: true})
	defer remove()
	e.start()
	if err := e.worker.assign(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	eventually(t, e, "the other's pull request", func() bool { return w.pulls("acme/shop") == 1 })
	stalled := slices.DeleteFunc(e.records(queue.Running), func(r queue.Record) bool { return !strings.HasPrefix(r.Unique, "zeta/") })
	if len(stalled) != 1 {
		t.Errorf("%d proposals of the installation that stalls run at a time", len(stalled))
	}
}

// Deliveries of one repository wait for each other, and those of one
// installation take a part of the workers at most.
func TestLanesOfDeliveries(t *testing.T) {
	lanes := map[string]bool{}
	for i := range 1000 {
		e := forge.Event{Installation: 7, Repo: forge.Repo{Owner: "acme", Name: fmt.Sprint("r", i)}}
		again := forge.Event{Installation: 7, Repo: forge.Repo{Owner: "Acme", Name: fmt.Sprint("R", i)}, Action: "closed"}
		if lane(e) != lane(again) {
			t.Errorf("%s is in lanes %q and %q", e.Repo, lane(e), lane(again))
		}
		lanes[lane(e)] = true
	}
	if n := len(lanes); n != eventLanes || n*4 > eventOptions().Workers {
		t.Errorf("an installation has %d lanes for %d workers", n, eventOptions().Workers)
	}
	if lane(forge.Event{Installation: 7}) == lane(forge.Event{Installation: 8}) {
		t.Error("two installations share a lane")
	}
}
