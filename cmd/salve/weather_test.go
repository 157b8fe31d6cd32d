package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dynatrace"
	"github.com/salvehq/salve/internal/dynatracetest"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/sandbox"
)

const (
	// chance is that of each request to be spoiled, in percent: more than every
	// second cycle is cut short.
	chance = 2
	// murk is the chance of each cycle that Dynatrace fails in it, in percent.
	murk = 40
	// patience is how long a process waits for an answer of GitHub in bad
	// weather, and stall how long one takes that stalls.
	patience = time.Second
	stall    = 30 * time.Second
)

// Weather is a proxy before GitHub that spoils some of the requests, by its
// seed.
type weather struct {
	github http.Handler
	expire func() // ends every token

	mu       sync.Mutex
	random   *rand.Rand
	met      map[string]int // faults by kind
	requests int
}

// ServeHTTP passes a request on, or spoils it. Which request is spoiled how is
// decided in the order in which they come in.
func (s *weather) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // a client that goes away is noticed only then
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	do := func() *httptest.ResponseRecorder {
		a := httptest.NewRecorder()
		s.github.ServeHTTP(a, r.WithContext(context.WithoutCancel(r.Context())))
		return a
	}
	if spoil := s.strike(); spoil != nil {
		spoil(w, r, do)
		return
	}
	give(w, do())
}

// strike picks how the next request is spoiled, nil for not at all.
func (s *weather) strike() spoiler {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests++; s.random.IntN(100) >= chance {
		return nil
	}
	all := s.spoilers()
	kinds := slices.Sorted(maps.Keys(all))
	kind := kinds[s.random.IntN(len(kinds))]
	s.met[kind]++
	return all[kind]
}

func give(w http.ResponseWriter, a *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), a.Header())
	w.WriteHeader(a.Code)
	w.Write(a.Body.Bytes())
}

// A spoiler answers a request wrongly. do has GitHub do it, and returns the
// answer that it should have had.
type spoiler func(w http.ResponseWriter, r *http.Request, do func() *httptest.ResponseRecorder)

// spoilers are what GitHub, and proxies on the way to it, are known for.
func (s *weather) spoilers() map[string]spoiler {
	says := func(status int, kind, body string, header ...string) spoiler {
		return func(w http.ResponseWriter, _ *http.Request, _ func() *httptest.ResponseRecorder) {
			w.Header().Set("Content-Type", kind)
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	done := func(then spoiler) spoiler {
		return func(w http.ResponseWriter, r *http.Request, do func() *httptest.ResponseRecorder) {
			do()
			then(w, r, do)
		}
	}
	const object, page = "application/json", "text/html"
	hour := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	return map[string]spoiler{
		"500":                   says(500, object, `{"message":"Server Error"}`),
		"502 page":              says(502, page, "<html>Unicorn!</html>"),
		"502 after it was done": done(says(502, page, "<html>Unicorn!</html>")),
		"200 page":              says(200, page, "<html>Please sign in to the proxy</html>"),
		"429":                   says(429, object, `{"message":"API rate limit exceeded"}`, "Retry-After", "3600"),
		"hour used up":          says(403, object, `{"message":"API rate limit exceeded"}`, "X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", hour),
		"secondary limit":       says(403, object, `{"message":"You have exceeded a secondary rate limit."}`),
		"reset":                 func(w http.ResponseWriter, _ *http.Request, _ func() *httptest.ResponseRecorder) { breakOff(w) },
		"reset after it was done": done(func(w http.ResponseWriter, _ *http.Request, _ func() *httptest.ResponseRecorder) {
			breakOff(w)
		}),
		"half an answer": func(w http.ResponseWriter, _ *http.Request, do func() *httptest.ResponseRecorder) {
			a := do()
			half(w, a, fmt.Sprint(a.Body.Len()+1))
			panic(http.ErrAbortHandler)
		},
		"half of its JSON": func(w http.ResponseWriter, _ *http.Request, do func() *httptest.ResponseRecorder) {
			a := do()
			half(w, a, fmt.Sprint(a.Body.Len()/2))
		},
		"stall": func(_ http.ResponseWriter, r *http.Request, _ func() *httptest.ResponseRecorder) { wait(r) },
		"stall after it was done": done(func(_ http.ResponseWriter, r *http.Request, _ func() *httptest.ResponseRecorder) {
			wait(r)
		}),
		"stall in the answer": func(w http.ResponseWriter, r *http.Request, do func() *httptest.ResponseRecorder) {
			a := do()
			half(w, a, fmt.Sprint(a.Body.Len()+1))
			http.NewResponseController(w).Flush()
			wait(r)
		},
		"expired tokens": func(w http.ResponseWriter, _ *http.Request, do func() *httptest.ResponseRecorder) {
			s.expire()
			give(w, do())
		},
	}
}

// half writes the headers of an answer, with another length, and half of it.
func half(w http.ResponseWriter, a *httptest.ResponseRecorder, length string) {
	maps.Copy(w.Header(), a.Header())
	w.Header().Set("Content-Length", length)
	w.WriteHeader(a.Code)
	w.Write(a.Body.Bytes()[:a.Body.Len()/2])
}

// wait answers nothing until the stall is over or the client has gone.
func wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(stall):
	}
	panic(http.ErrAbortHandler)
}

func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// fog is how Dynatrace fails for a cycle.
var fog = map[string][]dynatracetest.Fault{
	"Dynatrace 500 once":       {{Status: 500, Times: 1}},
	"Dynatrace 503":            {{Status: 503}},
	"Dynatrace 502 page":       {{Status: 502, HTML: true}},
	"Dynatrace 429":            {{Status: 429, RetryAfter: time.Hour}},
	"Dynatrace token expired":  {{Status: 401}},
	"Dynatrace not permitted":  {{Status: 403}},
	"Dynatrace poll stuck":     {{On: "query:execute", State: "RUNNING"}, {On: "query:poll", State: "RUNNING"}},
	"Dynatrace result gone":    {{On: "query:execute", State: "RUNNING"}, {On: "query:poll", State: "RESULT_GONE"}},
	"Dynatrace query failed":   {{On: "query:execute", State: "FAILED"}},
	"Dynatrace blind":          {{On: "query:execute", Blind: true}},
	"Dynatrace silently blind": {{On: "query:execute", Silent: true}},
	"Dynatrace partial":        {{On: "query:execute", Notification: "SCAN_LIMIT_GBYTES"}},
	"Dynatrace half an answer": {{Truncate: true}},
	"Dynatrace stall":          {{Latency: stall}},
}

// A season is a town in bad weather, over several days.
type season struct {
	*town
	sky    *weather
	front  *httptest.Server
	random *rand.Rand // of what befalls Dynatrace
	failed int
}

func newSeason(t *testing.T, seed uint64) *season {
	w := newTown(t)
	s := &season{town: w, random: rand.New(rand.NewPCG(seed, 1))}
	s.sky = &weather{github: w.box.GitHub.Handler(), expire: w.box.GitHub.ExpireTokens, random: rand.New(rand.NewPCG(seed, 0)), met: map[string]int{}}
	s.front = httptest.NewServer(s.sky)
	return s
}

func (s *season) close() {
	s.front.Close()
	s.box.Close()
}

// stormy runs one cycle of a new process in bad weather.
func (s *season) stormy(now time.Time) {
	s.t.Helper()
	if s.random.IntN(100) < murk {
		kinds := slices.Sorted(maps.Keys(fog))
		kind := kinds[s.random.IntN(len(kinds))]
		s.sky.mu.Lock()
		s.sky.met[kind]++
		s.sky.mu.Unlock()
		for _, f := range fog[kind] {
			s.box.Tenant.Break(f)
		}
		defer s.box.Tenant.Heal()
	}
	calm := s.environ
	s.environ = append(slices.Clone(calm), "SALVE_GITHUB_URL="+s.front.URL+"/")
	defer func() { s.environ = calm }()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	a := s.overTheWire(hasty{transport}, time.Second)
	if _, err := a.remediate(s.t.Context(), now); err != nil {
		s.failed++
	}
	// The process ends without revoking its tokens, as a crash does.
}

// good runs one cycle in good weather.
func (s *season) good(now time.Time) {
	s.t.Helper()
	a := s.overTheWire(nil, time.Minute)
	defer a.close()
	if _, err := a.remediate(s.t.Context(), now); err != nil {
		s.t.Fatal(err)
	}
}

// overTheWire opens the program with a client of the tenant, which has the
// problems of the day, and is waited for so long.
func (s *season) overTheWire(transport http.RoundTripper, timeout time.Duration) *app {
	s.t.Helper()
	s.box.Tenant.Load(eval.Records(s.records()))
	a := s.app(transport)
	grail, err := dynatrace.New(dynatrace.Config{URL: s.box.DynatraceURL, Token: s.box.Token, Timeout: timeout, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	a.grail, a.remedy.Problems, a.source.Dynatrace = grail, grail, grail
	a.maker.Planner.Usage = plan.Metrics{Dynatrace: grail, Catalog: a.catalog, Denied: dynatrace.ErrForbidden}
	return a
}

// hasty waits no longer than patience for a whole answer.
type hasty struct{ next http.RoundTripper }

func (h hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	resp, err := h.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), broken{err}))
	return resp, nil
}

// broken is how a body ends.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, cmp.Or(b.err, io.EOF) }

// days are what happens in a season, one after the other; each is followed by
// cycles. No day opens more than one pull request, so that their numbers do not
// hang on the weather.
var days = []struct {
	name     string
	after    time.Duration // since later
	problems []string
	open     []int // pull requests in the end
	happens  func(s *season) error
}{
	{"one to update, one to close, one to open", 0, []string{"P-260301", "P-260303"}, []int{1, 3}, nil},
	{"one is merged, one is to be opened", 24 * time.Hour, []string{"P-260303", "P-260307"}, []int{3, 4}, func(s *season) error {
		return s.box.GitHub.MergePull("acme/shop", sandbox.Person, 1)
	}},
	{"a person works on one, and closes one", 48 * time.Hour, []string{"P-260303", "P-260307"}, []int{4}, func(s *season) error {
		branch, text := "", "# mine\n"
		for name := range s.state().Branches {
			if strings.HasPrefix(name, "salve/autoscaler/") {
				branch = name
			}
		}
		_, err := s.box.GitHub.PushCommit("acme/shop", sandbox.Person, branch, "mine", map[string]*githubtest.File{"mine.md": {Content: text}})
		if err == nil {
			err = s.box.GitHub.ClosePull("acme/shop", sandbox.Person, 3)
		}
		return err
	}},
	{"an old problem is back", 20 * 24 * time.Hour, []string{"P-260302", "P-260303", "P-260307"}, []int{4, 5}, nil},
	{"the rest is over", 40 * 24 * time.Hour, []string{"P-260317"}, []int{4, 5}, nil},
	{"and stays over; what a person works on is theirs", 60 * 24 * time.Hour, []string{"P-260317"}, []int{4}, nil},
}

// calmSeason is what each day comes to without bad weather.
func calmSeason(t *testing.T) (out []githubtest.State) {
	t.Helper()
	s := newSeason(t, 0)
	defer s.close()
	for _, d := range days {
		s.problems = d.problems
		if d.happens != nil {
			if err := d.happens(s); err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
		}
		s.good(later.Add(d.after))
		state := s.state()
		if out = append(out, state); !slices.Equal(opens(state), d.open) {
			t.Fatalf("%s: open %v, want %v: not the season that was meant", d.name, opens(state), d.open)
		}
	}
	return out
}

// badWeather runs seasons until there were so many cycles in bad weather, each
// in a process of its own. After each day's storm, the first good cycle leaves
// what an undisturbed one leaves: nothing twice, nothing lost.
func badWeather(t *testing.T, cycles, perDay int) {
	want := calmSeason(t)
	met := map[string]int{}
	ran, failed, requests := 0, 0, 0
	for seed := uint64(0); ran < cycles; seed++ {
		s := newSeason(t, seed)
		for i, d := range days {
			s.problems = d.problems
			if d.happens != nil {
				if err := d.happens(s); err != nil {
					t.Fatalf("seed %d, %s: %v", seed, d.name, err)
				}
			}
			for range perDay {
				s.stormy(later.Add(d.after))
				ran++
			}
			s.good(later.Add(d.after))
			if diff := gocmp.Diff(want[i], s.state()); diff != "" {
				t.Errorf("seed %d, %s:\n%s", seed, d.name, diff)
				break
			}
		}
		failed, requests = failed+s.failed, requests+s.sky.requests
		for kind, n := range s.sky.met {
			met[kind] += n
		}
		s.close()
	}
	faults := 0
	for _, kind := range slices.Sorted(maps.Keys(met)) {
		t.Logf("%4d %s", met[kind], kind)
		faults += met[kind]
	}
	t.Logf("%d cycles, %d of them failed; %d requests to GitHub, %d faults of %d kinds", ran, failed, requests, faults, len(met))
	if failed < ran/5 || failed == ran {
		t.Errorf("%d of %d cycles failed: not the weather that was meant", failed, ran)
	}
	if all := len(fog) + len((&weather{}).spoilers()); ran >= 500 && len(met) < all {
		t.Errorf("%d of %d kinds of faults came", len(met), all)
	}
}

// Cycle after cycle in bad weather; soak has five hundred of them.
func TestBadWeather(t *testing.T) {
	if soak {
		badWeather(t, 500, 4)
		return
	}
	badWeather(t, 4*len(days), 4)
}
