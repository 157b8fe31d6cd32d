package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// network answers requests without a connection, so that hours of pacing pass
// in milliseconds.
type network func(*http.Request) *http.Response

func (n network) RoundTrip(req *http.Request) (*http.Response, error) { return n(req), nil }

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for _, line := range header {
		k, v, _ := strings.Cut(line, ": ")
		h.Set(k, v)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func do(t *testing.T, p *Paced, method, path string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "https://api.example/"+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.RoundTrip(req)
	if err == nil && resp.StatusCode >= 400 {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return err
}

// However many wait at once, no window ever holds more writes than GitHub
// takes, and reads do not wait at all.
func TestWindowsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var writes []time.Time
		p := &Paced{&Pace{Windows: GitHubWindows(), MaxWait: 3 * time.Hour}, network(func(req *http.Request) *http.Response {
			mu.Lock()
			defer mu.Unlock()
			if req.Method == http.MethodPost {
				writes = append(writes, time.Now())
			}
			return answer(200, "{}")
		})}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 250 {
					if err := do(t, p, "POST", "x"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(time.Minute)
		before := time.Now()
		if err := do(t, p, "GET", "x"); err != nil || time.Since(before) != 0 {
			t.Errorf("a read waited %v: %v", time.Since(before), err)
		}
		wg.Wait()
		slices.SortFunc(writes, time.Time.Compare)
		for _, w := range GitHubWindows() {
			for i := w.N; i < len(writes); i++ {
				if got := writes[i].Sub(writes[i-w.N]); got < w.Per {
					t.Fatalf("%d writes within %v, want at most %d in %v", w.N+1, got, w.N, w.Per)
				}
			}
		}
		if len(writes) != 1000 {
			t.Errorf("%d writes, want 1000", len(writes))
		}
	})
}

// A status goes before the pull requests that wait.
func TestUrgentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		urgent := func(req *http.Request) bool { return strings.Contains(req.URL.Path, "statuses") }
		p := &Paced{&Pace{Windows: GitHubWindows(), MaxWait: time.Minute, Urgent: urgent}, network(func(req *http.Request) *http.Response {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, req.URL.Path)
			return answer(200, "{}")
		})}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { _ = do(t, p, "POST", "pulls") })
		}
		time.Sleep(100 * time.Millisecond)
		wg.Go(func() { _ = do(t, p, "POST", "statuses") })
		wg.Wait()
		if i := slices.Index(order, "/statuses"); i != 1 {
			t.Errorf("the status came as number %d of %v, want right after the one that was sent", i, order)
		}
	})
}

// Attack 68, and the order of GitHub's documentation: Retry-After, then the
// reset of the hourly limit, then a minute and more.
func TestLimitsReported(t *testing.T) {
	for _, tt := range []struct {
		name   string
		first  func() *http.Response
		method string
		want   time.Duration // until it is sent again; negative: given up with that time
	}{
		{"429 with Retry-After", func() *http.Response { return answer(429, "", "Retry-After: 7") }, "POST", 7 * time.Second},
		{"403 with Retry-After", func() *http.Response { return answer(403, "", "Retry-After: 3") }, "GET", 3 * time.Second},
		{"Retry-After zero", func() *http.Response { return answer(429, "", "Retry-After: 0") }, "GET", time.Second},
		{"Retry-After date", func() *http.Response {
			return answer(429, "", "Date: Sat, 01 Jan 2000 00:00:00 GMT", "Retry-After: Sat, 01 Jan 2000 00:00:05 GMT")
		}, "GET", 5 * time.Second},
		{"Retry-After nonsense", func() *http.Response { return answer(429, "", "Retry-After: soon") }, "POST", -time.Minute},
		{"Retry-After a century", func() *http.Response { return answer(429, "", "Retry-After: 3153600000") }, "POST", -2 * time.Hour},
		{"secondary without headers", func() *http.Response {
			return answer(403, `{"message":"You have exceeded a secondary rate limit."}`)
		}, "POST", -time.Minute},
		{"429 without headers", func() *http.Response { return answer(429, "") }, "POST", -time.Minute},
		{"hour used up", func() *http.Response {
			return answer(403, "", "X-RateLimit-Remaining: 0", fmt.Sprint("X-RateLimit-Reset: ", time.Now().Add(40*time.Minute).Unix()))
		}, "GET", -(40*time.Minute + time.Second)},
		{"hour used up, server's clock ahead", func() *http.Response {
			at := time.Now().Add(24 * time.Hour)
			return answer(403, "", "Date: "+at.UTC().Format(http.TimeFormat), "X-RateLimit-Remaining: 0", fmt.Sprint("X-RateLimit-Reset: ", at.Add(4*time.Second).Unix()))
		}, "GET", 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				p := &Paced{&Pace{MaxWait: 30 * time.Second}, network(func(req *http.Request) *http.Response {
					if b, _ := io.ReadAll(req.Body); string(b) != "{}" {
						t.Errorf("body sent is %q", b)
					}
					if calls++; calls == 1 {
						return tt.first()
					}
					return answer(200, "{}")
				})}
				start := time.Now()
				err := do(t, p, tt.method, "x")
				took := time.Since(start)
				var limit *forge.RateLimitError
				switch {
				case tt.want >= 0 && (err != nil || calls != 2 || took < tt.want || took > tt.want+time.Second):
					t.Errorf("sent %d times, took %v: %v; want it again after %v", calls, took, err, tt.want)
				case tt.want < 0 && (!errors.As(err, &limit) || calls != 1 || took != 0):
					t.Errorf("sent %d times, took %v: %v; want a RateLimitError at once", calls, took, err)
				case tt.want < 0:
					if got := limit.Until.Sub(start); got != -tt.want {
						t.Errorf("until %v from now, want %v", got, -tt.want)
					}
				}
			})
		})
	}
}

// A secondary limit met by a write stops writes; reads go on. One met again
// and again is waited out for longer each time.
func TestReadsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := map[string]int{}
		p := &Paced{&Pace{MaxWait: time.Second}, network(func(req *http.Request) *http.Response {
			sent[req.Method]++
			if req.Method == http.MethodPost {
				return answer(403, "secondary rate limit")
			}
			return answer(200, "{}")
		})}
		var limit *forge.RateLimitError
		for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			if err := do(t, p, "POST", "x"); !errors.As(err, &limit) || time.Until(limit.Until) != want {
				t.Errorf("strike %d: %v, want a limit of %v", i+1, err, want)
			}
			if err := do(t, p, "POST", "x"); !errors.As(err, &limit) || sent["POST"] != i+1 {
				t.Errorf("strike %d: a write was sent while writes pause: %v", i+1, err)
			}
			if err := do(t, p, "GET", "x"); err != nil {
				t.Errorf("strike %d: a read while writes pause: %v", i+1, err)
			}
			time.Sleep(time.Until(limit.Until))
		}
	})
}

// The last request of the hour stops the next one before it is sent, for its
// resource only.
func TestHourUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		p := &Paced{&Pace{MaxWait: time.Second}, network(func(req *http.Request) *http.Response {
			sent++
			return answer(200, "{}", "X-RateLimit-Remaining: 0", "X-RateLimit-Resource: core", fmt.Sprint("X-RateLimit-Reset: ", time.Now().Add(time.Minute).Unix()))
		})}
		if err := do(t, p, "GET", "x"); err != nil {
			t.Fatal(err)
		}
		var limit *forge.RateLimitError
		if err := do(t, p, "GET", "x"); !errors.As(err, &limit) || sent != 1 {
			t.Errorf("%v after %d requests, want a limit after 1", err, sent)
		}
		if err := do(t, p, "POST", "graphql"); err != nil {
			t.Errorf("graphql has a limit of its own: %v", err)
		}
	})
}

// A 403 for want of a permission is an answer, not a limit.
func TestForbiddenIsNoLimit(t *testing.T) {
	p := &Paced{&Pace{MaxWait: time.Second}, network(func(*http.Request) *http.Response {
		return answer(403, `{"message":"Resource not accessible by integration"}`, "X-RateLimit-Remaining: 4999")
	})}
	if err := do(t, p, "POST", "x"); err == nil || err.Error() != "status 403" {
		t.Errorf("%v, want the answer itself", err)
	}
}

func FuzzLimitHeaders(f *testing.F) {
	f.Add(403, "7", "0", "1700000000", "Sat, 01 Jan 2000 00:00:00 GMT", "secondary rate limit")
	f.Add(429, "-99999999999999999999", "0", "9223372036854775807", "", "")
	f.Fuzz(func(t *testing.T, status int, after, remaining, reset, date, body string) {
		p := new(Pace)
		req, _ := http.NewRequest(http.MethodPost, "https://api.example/", nil)
		resp := answer(status, body)
		resp.Header = http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}, "Date": {date}}
		until, limited, err := p.observe(req, resp)
		if wait := time.Until(until); err != nil || limited && (wait <= 0 || wait > longestPause) {
			t.Errorf("wait %v, %v; want between 0 and %v", wait, err, longestPause)
		}
	})
}

// Whoever has no time to wait is told at once when to come back.
func TestNoTimeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Paced{&Pace{Windows: []Window{{1, 20 * time.Second}}, MaxWait: time.Minute}, network(func(*http.Request) *http.Response { return answer(200, "{}") })}
		post := func(limit time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, "POST", "https://api.example/", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.RoundTrip(req)
			return err
		}
		began := time.Now()
		if err := post(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		var limited *forge.RateLimitError
		if err := post(10 * time.Second); !errors.As(err, &limited) || !limited.Until.Equal(began.Add(20*time.Second)) || time.Since(began) > 0 {
			t.Errorf("with 10 s left: %v after %v, want a limit of 20 s at once", err, time.Since(began))
		}
		if err := post(30 * time.Second); err != nil || time.Since(began) < 20*time.Second {
			t.Errorf("with 30 s left: %v after %v", err, time.Since(began))
		}
	})
}

// Of GraphQL, mutations are writes.
func TestWrites(t *testing.T) {
	for _, tt := range []struct {
		method, path, body string
		want               bool
	}{
		{"GET", "repos/a/b", "", false},
		{"PATCH", "repos/a/b", "", true},
		{"POST", "graphql", `{"query":"query($owner:String!){a}","variables":{}}`, false},
		{"POST", "graphql", `{"query":"mutation($input:X!){a}","variables":{}}`, true},
		{"POST", "api/graphql", `{"query":"mutation{a}"}`, true},
		{"POST", "graphql", `{`, false},
	} {
		req, err := http.NewRequest(tt.method, "https://api.example/"+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if got := writes(req); got != tt.want {
			t.Errorf("%s %s %s: %v, want %v", tt.method, tt.path, tt.body, got, tt.want)
		}
	}
}
