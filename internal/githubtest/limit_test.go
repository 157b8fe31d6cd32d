package githubtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
)

func TestPrimaryLimit(t *testing.T) {
	w := newWorld(t)
	w.SetLimits(githubtest.Limits{PerHour: 3})
	first := w.want(200, "GET", "/repos/acme/shop", nil)
	if h := first.header; h.Get("X-RateLimit-Remaining") != "2" || h.Get("X-RateLimit-Limit") != "3" || h.Get("X-RateLimit-Resource") != "core" {
		t.Errorf("%v", h)
	}
	w.as(w.token, "GET", "/repos/acme/shop", nil, "If-None-Match: "+first.header.Get("ETag")) // free
	w.want(201, "POST", "/repos/acme/shop/git/blobs", `{"content":"x"}`)
	w.want(404, "GET", "/repos/acme/none", nil)
	g := w.want(403, "GET", "/repos/acme/shop", nil)
	if g.header.Get("X-RateLimit-Remaining") != "0" || !strings.HasPrefix(g.text("message"), "API rate limit exceeded for installation ID 70.") {
		t.Errorf("%v %s", g.header, g.raw)
	}
	if g := w.want(200, "GET", "/rate_limit", nil); g.at("rate", "remaining") != 0.0 {
		t.Error(g.raw)
	}
	w.SetLimits(githubtest.Limits{PerHour: 3, TooMany: true})
	w.want(429, "GET", "/repos/acme/shop", nil)
	w.later(time.Hour)
	w.SetLimits(githubtest.Limits{PerHour: 3})
	w.token = w.newToken(nil)
	w.want(200, "GET", "/repos/acme/shop", nil)
}

func TestSecondaryLimit(t *testing.T) {
	w := newWorld(t)
	blob := func(status int) got {
		t.Helper()
		return w.want(status, "POST", "/repos/acme/shop/git/blobs", `{"content":"x"}`)
	}
	w.SetLimits(githubtest.Limits{WritesPerMinute: 2, WritesPerHour: 3})
	blob(201)
	blob(201)
	if g := blob(403); g.header.Get("Retry-After") != "60" || !strings.Contains(g.raw, "secondary rate limit") {
		t.Errorf("%v %s", g.header, g.raw)
	}
	w.want(200, "GET", "/repos/acme/shop", nil)
	w.later(time.Minute)
	blob(201)
	w.SetLimits(githubtest.Limits{WritesPerHour: 3, TooMany: true, Silent: true})
	if g := blob(429); g.header.Get("Retry-After") != "" {
		t.Errorf("%v", g.header)
	}
	w.later(59 * time.Minute)
	w.token = w.newToken(nil)
	blob(201)
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name   string
		fault  githubtest.Fault
		status int  // 0: no answer
		done   bool // the branch is there afterwards
	}{
		{"status", githubtest.Fault{Method: "POST", Status: 502, Body: "<html>", Header: http.Header{"Content-Type": {"text/html"}}}, 502, false},
		{"status after", githubtest.Fault{Method: "POST", Status: 500, Applied: true}, 500, true},
		{"reset", githubtest.Fault{Method: "POST", Reset: true}, 0, false},
		{"reset after", githubtest.Fault{Method: "POST", Reset: true, Applied: true}, 0, true},
		{"cut", githubtest.Fault{Method: "POST", Cut: 10, Applied: true}, 201, true},
		{"other path", githubtest.Fault{Path: "/repos/acme/shop/pulls/**", Status: 500}, 201, true},
		{"this path", githubtest.Fault{Path: "/repos/*/*/git/refs", Status: 500}, 500, false},
		{"second only", githubtest.Fault{Method: "POST", Skip: 1, Status: 500}, 201, true},
		{"used up", githubtest.Fault{Path: "/repos/acme/shop/git/**", Count: 1, Status: 500}, 201, true}, // by the read of the head
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			sha := w.head()
			remove := w.Inject(test.fault)
			if test.name == "used up" {
				w.ask("GET", "/repos/acme/shop/git/ref/heads/main", nil)
			}
			g := w.ask("POST", "/repos/acme/shop/git/refs", map[string]any{"ref": "refs/heads/f", "sha": sha})
			remove()
			last := w.Journal()[len(w.Journal())-1]
			if last.Status != test.status || last.Token != "installation" || !last.Mutation() {
				t.Errorf("journal: %+v", last)
			}
			if g.status != test.status {
				t.Errorf("%d %s, want %d", g.status, g.raw, test.status)
			}
			if test.fault.Cut > 0 && !strings.Contains(g.raw, "EOF") {
				t.Errorf("read in full: %s", g.raw)
			}
			there := w.ask("GET", "/repos/acme/shop/git/ref/heads/f", nil).status == 200
			if there != test.done {
				t.Errorf("branch is there: %v", there)
			}
			if there {
				w.want(204, "DELETE", "/repos/acme/shop/git/refs/heads/f", nil)
			}
		})
	}
}

// head returns the head of main.
func (w *world) head() string {
	w.t.Helper()
	return w.want(200, "GET", "/repos/acme/shop/git/ref/heads/main", nil).text("object", "sha")
}

// The same seed strikes the same requests.
func TestRandomFaults(t *testing.T) {
	run := func(seed uint64) (struck string) {
		s := githubtest.New(githubtest.Options{Seed: seed})
		s.Inject(githubtest.Fault{Chance: 0.5, Status: 500})
		w := &world{t: t, Server: s}
		h := serve(t, s)
		w.url = h
		for range 40 {
			struck += map[bool]string{true: "x", false: "."}[w.as("", "GET", "/repos/a/b", nil).status == 500]
		}
		return struck
	}
	a, b, c := run(1), run(1), run(2)
	if a != b || a == c || !strings.Contains(a, "x") || !strings.Contains(a, ".") {
		t.Errorf("%s\n%s\n%s", a, b, c)
	}
}

// A stalled request ends with the patience of the client.
func TestHang(t *testing.T) {
	w := newWorld(t)
	w.Inject(githubtest.Fault{Path: "/repos/acme/shop", Hang: true})
	asked := make(chan struct{})
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 50 * time.Millisecond}
	go func() {
		defer close(asked)
		if resp, err := client.Get(w.url + "/repos/acme/shop"); err == nil {
			resp.Body.Close()
			t.Error("answered")
		}
	}()
	<-asked
	w.want(200, "GET", "/repos/acme/shop/commits/main", nil) // others go on
}
