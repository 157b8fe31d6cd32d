package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/postgrestest"
	"github.com/salvehq/salve/internal/sandbox"
)

// A front stands before GitHub and kills a process at one of its requests: after
// GitHub has done what it asks for, or before. Its answer is never read.
type front struct {
	*httptest.Server
	github http.Handler
	at     atomic.Int64 // request, from 1; 0 for none
	done   atomic.Bool  // GitHub does it first
	seen   atomic.Int64
	struck atomic.Bool
	victim chan *process
}

func newFront(t *testing.T, github http.Handler) *front {
	f := &front{github: github, victim: make(chan *process, 1)}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// strike says at which request it kills.
func (f *front) strike(at point) {
	f.at.Store(at.request)
	f.done.Store(at.done)
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.seen.Add(1) != f.at.Load() {
		f.github.ServeHTTP(w, r)
		return
	}
	if f.done.Load() {
		f.github.ServeHTTP(httptest.NewRecorder(), r)
	}
	p := <-f.victim
	p.cmd.Process.Kill()
	p.cmd.Wait()
	f.struck.Store(true)
	panic(http.ErrAbortHandler)
}

// A siege is a town whose program is a process of its own, which a front may
// kill. The process finds the problems of the day in one tenant that all sieges
// share, so that links are the same in all of them.
type siege struct {
	*town
	front *front
}

// newSiege has one pull request to update, one to close and one to open.
func newSiege(t *testing.T, tenant *sandbox.Sandbox) *siege {
	w := townOf(t, time.Now().Add(-14*24*time.Hour))
	w.environ = append(w.environ, "SALVE_DYNATRACE_URL="+tenant.DynatraceURL, "SALVE_DYNATRACE_TOKEN="+tenant.Token)
	return &siege{w, newFront(t, w.box.GitHub.Handler())}
}

// newTenant is one that has the problems which newTown ends with.
func newTenant(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	world := demoWorld(t, nil)
	box, _ := sandboxed(t, world)
	records, err := sandbox.Records(world, 0, "problems.jsonl", "metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	box.Tenant.Load(eval.Records(slices.DeleteFunc(records, func(r dql.Record) bool {
		return r.Has("display_id") && !slices.Contains([]string{"P-260301", "P-260303"}, r.Text("display_id"))
	})))
	return box
}

// serve starts the program on a database, behind a front.
func (s *siege) serve(database string, f *front) *process {
	s.t.Helper()
	p := start(s.t, append(slices.Clone(s.environ), "SALVE_GITHUB_URL="+f.URL+"/", "SALVE_DATABASE="+database),
		"--remediate", "@every 1s", "--tune", "0 0 29 2 *")
	if f.at.Load() > 0 {
		f.victim <- p
	}
	return p
}

// undisturbed is what a process leaves that nobody kills, and the number of
// requests until then.
func undisturbed(t *testing.T, tenant *sandbox.Sandbox, database string) (want githubtest.State, requests int64) {
	t.Helper()
	s := newSiege(t, tenant)
	before := s.state()
	p := s.serve(database, s.front)
	quiet := time.Now()
	var last string
	eventually(t, text(func() string {
		return fmt.Sprintf("open %v, last change %v ago:\n%s\n%s", opens(want), time.Since(quiet), last, p.log)
	}), "the end of the work", func() bool {
		if now := s.state(); !cmp.Equal(now, want) {
			last = cmp.Diff(want, now)
			want, requests, quiet = now, s.front.seen.Load(), time.Now()
		}
		return slices.Equal(opens(want), []int{1, 3}) && time.Since(quiet) > 4*time.Second
	})
	p.end(t)
	if len(want.Issues) != 3 || len(want.Branches) != 3 || cmp.Equal(before.Issues[0].Diff, want.Issues[0].Diff) || want.Issues[1].State != "closed" {
		t.Fatalf("the work did not update, close and open: %+v", want)
	}
	return want, requests
}

// end stops a process as an operator does.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("stop: %v\n%s", err, p.log)
	}
}

// becomes waits until GitHub's side is as wanted, and says what differs if that
// takes longer than a minute.
func (s *siege) becomes(want githubtest.State, log fmt.Stringer) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		have := s.state()
		if cmp.Equal(want, have) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("not within a minute:\n%s\n%s", cmp.Diff(want, have), log)
		}
	}
}

// besiege runs do for each point, several at a time: most of the time is spent
// waiting until the jobs of a process that was killed are taken up.
func besiege(t *testing.T, several int, points []point, do func(*testing.T, point)) {
	t.Helper()
	var wg sync.WaitGroup
	next := make(chan point)
	for range several {
		wg.Go(func() {
			for p := range next {
				t.Run(p.String(), func(t *testing.T) { do(t, p) })
			}
		})
	}
	for _, p := range points {
		next <- p
	}
	close(next)
	wg.Wait()
}

// A point is one at which a process is killed.
type point struct {
	request int64
	done    bool // what the request asks for
	same    bool // database for the next process
}

func (p point) String() string {
	words := fmt.Sprintf("before request %d", p.request)
	if p.done {
		words = fmt.Sprintf("after request %d", p.request)
	}
	if p.same {
		return words + ", same database"
	}
	return words + ", empty database"
}

// points are all points of so many requests.
func points(requests int64) (all []point) {
	for k := int64(1); k <= requests; k++ {
		for _, done := range []bool{false, true} {
			for _, same := range []bool{false, true} {
				all = append(all, point{k, done, same})
			}
		}
	}
	return all
}

// Wherever salve serve is killed, and whether the next process finds its
// database or an empty one, GitHub's side ends as if nothing had happened, no
// later than a minute after. Of each request, it is killed before GitHub has
// done it and after; soak tries all points.
func TestServeKilledAtEveryRequest(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	want, requests := undisturbed(t, tenant, filepath.Join(t.TempDir(), "salve.db"))
	nth := 37 // no multiple of the four kinds of points
	if soak {
		nth = 1
	}
	all := every(points(requests), nth)
	var tried, missed atomic.Int64
	besiege(t, 12, all, func(t *testing.T, at point) {
		s := newSiege(t, tenant)
		database := filepath.Join(t.TempDir(), "salve.db")
		s.front.strike(at)
		p := s.serve(database, s.front)
		eventually(t, p.log, "the end of the process", s.front.struck.Load)
		tried.Add(1)
		if cmp.Equal(want, s.state()) {
			missed.Add(1) // all was done before
		}
		if !at.same {
			database += ".new"
		}
		next := s.serve(database, newFront(t, s.box.GitHub.Handler()))
		s.becomes(want, next.log)
		next.end(t)
		s.becomes(want, next.log)
	})
	t.Logf("%d requests, %d points of %d tried, %d of them after the last change", requests, tried.Load(), 4*requests, missed.Load())
}

// Several replicas share the work of a whole cycle, and one of them is killed in
// the middle: the others end it, and GitHub's side is as if one process had done
// everything in peace.
func TestReplicaKilled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		replicas int
		database func(t *testing.T) func(testing.TB) string
	}{
		{"two on SQLite", 2, func(*testing.T) func(testing.TB) string {
			return func(t testing.TB) string { return filepath.Join(t.TempDir(), "salve.db") }
		}},
		{"two on PostgreSQL", 2, shared},
		{"four on PostgreSQL", 4, shared},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			database, tenant := tt.database(t), newTenant(t)
			want, requests := undisturbed(t, tenant, database(t))
			all := slices.DeleteFunc(points(requests/int64(tt.replicas)), func(p point) bool { return !p.same })
			nth := (len(all) + 1) / 2
			if soak {
				nth = 4 // one of two, before and after
			}
			var tried atomic.Int64
			besiege(t, 4, every(all, nth), func(t *testing.T, at point) {
				s, url := newSiege(t, tenant), database(t)
				s.front.strike(at)
				replicas := []*process{s.serve(url, s.front)}
				for range tt.replicas - 1 {
					replicas = append(replicas, s.serve(url, newFront(t, s.box.GitHub.Handler())))
				}
				eventually(t, replicas[0].log, "the end of one replica", s.front.struck.Load)
				s.becomes(want, replicas[1].log)
				for _, p := range replicas[1:] {
					p.end(t)
				}
				s.becomes(want, replicas[1].log)
				tried.Add(1)
			})
			t.Logf("%d points", tried.Load())
		})
	}
}

// shared are databases of one PostgreSQL server. Each process takes few of its
// connections.
func shared(t *testing.T) func(testing.TB) string {
	server := postgrestest.Start(t)
	return func(t testing.TB) string { return server.Database(t) + "&pool_max_conns=5" }
}

// every is each nth of points.
func every(points []point, nth int) (out []point) {
	for i := 0; i < len(points); i += max(1, nth) {
		out = append(out, points[i])
	}
	return out
}

// text is made when it is asked for.
type text func() string

func (t text) String() string { return t() }
