package wire

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// A Window allows N writes in any span of length Per.
type Window struct {
	N   int
	Per time.Duration
}

// GitHubWindows are what GitHub asks of a client that writes: one second between
// writes, and at most 80 in a minute and 500 in an hour that create content.
//
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
func GitHubWindows() []Window {
	return []Window{{1, time.Second}, {80, time.Minute}, {500, time.Hour}}
}

const (
	secondaryWait = time.Minute      // what GitHub asks for where it names no time
	longestWait   = 15 * time.Minute // of a secondary limit met again and again
	longestPause  = 2 * time.Hour    // no answer can stop us for longer
)

// A Pace is what one installation may still do, shared by all its tokens. It
// keeps writes inside Windows, and remembers the limits that GitHub reports:
// the hourly one stops everything of its resource, a secondary one met by a
// write stops writes only.
type Pace struct {
	Windows []Window
	MaxWait time.Duration            // longer waits, and those that the context leaves no time for, are [forge.RateLimitError]
	Urgent  func(*http.Request) bool // writes that go first; nil means none

	mu      sync.Mutex
	sent    []time.Time          // latest writes, oldest first
	primary map[string]time.Time // by resource ("core", "graphql"): when requests are taken again
	reads   time.Time            // when reads are taken again
	writes  time.Time            // when writes are taken again
	strikes int                  // secondary limits since the last write that passed
	urgent  int                  // urgent writes that wait
}

// errPaced is why a request was not sent, or not sent again.
var errPaced = errors.New("limit of this installation")

// Paced sends requests at a Pace.
type Paced struct {
	Pace *Pace
	Next http.RoundTripper
}

// RoundTrip sends req when the pace allows it. A limit that GitHub reports is
// waited out and req sent again, as long as that takes no longer than MaxWait:
// such an answer means that nothing was done.
func (p *Paced) RoundTrip(req *http.Request) (*http.Response, error) {
	give := time.Now().Add(p.Pace.MaxWait)
	for {
		if err := p.Pace.admit(req, give); err != nil {
			closeBody(req)
			return nil, err
		}
		again, can := Again(req)
		resp, err := p.Next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		until, limited, err := p.Pace.observe(req, resp)
		if err != nil || !limited {
			return resp, err
		}
		resp.Body.Close()
		if end, ok := req.Context().Deadline(); !can || until.After(give) || ok && until.After(end) {
			return nil, &forge.RateLimitError{Until: until.UTC(), Err: errPaced}
		}
		req = again
	}
}

// admit waits until req may be sent, and counts it if it writes.
func (p *Pace) admit(req *http.Request, give time.Time) error {
	write := writes(req)
	urgent := write && p.Urgent != nil && p.Urgent(req)
	if urgent {
		p.waiting(+1)
		defer p.waiting(-1)
	}
	for {
		at, now := p.next(req, write, urgent)
		if !at.After(now) {
			return nil
		}
		if end, ok := req.Context().Deadline(); at.After(give) || ok && at.After(end) {
			return &forge.RateLimitError{Until: at.UTC(), Err: errPaced}
		}
		// Jitter, so that those who wait for the same moment do not all come in it.
		if err := sleep(req.Context(), at.Sub(now)+rand.N(50*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (p *Pace) waiting(n int) {
	p.mu.Lock()
	p.urgent += n
	p.mu.Unlock()
}

// next returns when a request may be sent. If that is now, it is counted.
func (p *Pace) next(req *http.Request, write, urgent bool) (at, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now = time.Now()
	at = later(p.primary[resource(req)], p.reads)
	if write {
		at = later(at, p.writes, p.windowed(urgent, now))
	}
	if write && !at.After(now) {
		p.sent = append(p.sent, now)
		if n := p.longest(); len(p.sent) > n {
			p.sent = p.sent[len(p.sent)-n:]
		}
	}
	return at, now
}

// windowed returns when Windows allow one more write. Writes that are not
// urgent leave a tenth of each window to those that are, and let them pass.
func (p *Pace) windowed(urgent bool, now time.Time) (at time.Time) {
	for _, w := range p.Windows {
		n := w.N
		if !urgent {
			n -= n / 10
		}
		if behind := len(p.sent) - n; behind >= 0 {
			at = later(at, p.sent[behind].Add(w.Per))
		}
	}
	if !urgent && p.urgent > 0 && len(p.Windows) > 0 {
		at = later(at, now).Add(p.Windows[0].Per)
	}
	return at
}

func (p *Pace) longest() (n int) {
	for _, w := range p.Windows {
		n = max(n, w.N)
	}
	return n
}

// observe takes note of the limits that resp reports. limited says that resp
// refuses req for a limit, and until when.
func (p *Pace) observe(req *http.Request, resp *http.Response) (until time.Time, limited bool, err error) {
	now := time.Now()
	spent := resp.Header.Get("X-Ratelimit-Remaining") == "0"
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		p.mu.Lock()
		defer p.mu.Unlock()
		if writes(req) {
			p.strikes = 0
		}
		if spent {
			p.exhaust(req, resp, reset(resp, now))
		}
		return time.Time{}, false, nil
	}
	body, err := peek(resp)
	if err != nil {
		return time.Time{}, false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	after, named := retryAfter(resp, now)
	switch {
	case named:
		p.pause(req, after)
		return after, true, nil
	case spent:
		until = reset(resp, now)
		p.exhaust(req, resp, until)
		return until, true, nil
	case resp.StatusCode == http.StatusTooManyRequests || secondary(body):
		until = now.Add(min(secondaryWait<<min(p.strikes, 8), longestWait))
		p.strikes++
		p.pause(req, until)
		return until, true, nil
	}
	return time.Time{}, false, nil // 403 for want of a permission
}

// exhaust notes that the hourly limit of a resource is used up.
func (p *Pace) exhaust(req *http.Request, resp *http.Response, until time.Time) {
	name := resp.Header.Get("X-Ratelimit-Resource")
	if name == "" || len(name) > 40 {
		name = resource(req)
	}
	if p.primary == nil || len(p.primary) > 20 {
		p.primary = map[string]time.Time{}
	}
	p.primary[name] = until
}

// pause notes a secondary limit. One that a read met holds for everything.
func (p *Pace) pause(req *http.Request, until time.Time) {
	p.writes = later(p.writes, until)
	if !writes(req) {
		p.reads = later(p.reads, until)
	}
}

// writes reports whether req changes something. Of GraphQL, which is all sent by
// POST, mutations do.
func writes(req *http.Request) bool {
	if resource(req) == "graphql" {
		return mutates(req)
	}
	return req.Method != http.MethodGet && req.Method != http.MethodHead
}

// mutates reports whether the body of a GraphQL request is a mutation. The
// query is its first member, as package ghapp writes it.
func mutates(req *http.Request) bool {
	const begins = `{"query":"mutation`
	if req.GetBody == nil {
		return false
	}
	body, err := req.GetBody()
	if err != nil {
		return false
	}
	defer body.Close()
	start := make([]byte, len(begins))
	_, err = io.ReadFull(body, start)
	return err == nil && string(start) == begins
}

// secondary reports whether the body of a 403 speaks of a secondary limit.
// GitHub gives it no code of its own.
func secondary(body []byte) bool {
	s := strings.ToLower(string(body[:min(len(body), 4096)]))
	return strings.Contains(s, "rate limit") || strings.Contains(s, "rate-limit") || strings.Contains(s, "abuse detection")
}

// retryAfter reads the Retry-After header: seconds or a date.
func retryAfter(resp *http.Response, now time.Time) (time.Time, bool) {
	v := resp.Header.Get("Retry-After")
	if v == "" {
		return time.Time{}, false
	}
	wait := secondaryWait
	if n, err := strconv.Atoi(v); err == nil {
		wait = time.Duration(min(max(n, 0), int(longestPause/time.Second))) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		wait = at.Sub(serverTime(resp, now))
	}
	return now.Add(min(max(wait, time.Second), longestPause)), true
}

// reset reads when the hourly limit starts anew, by the clock of the server.
func reset(resp *http.Response, now time.Time) time.Time {
	sec, err := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return now.Add(secondaryWait)
	}
	wait := time.Unix(sec, 0).Sub(serverTime(resp, now)) + time.Second
	return now.Add(min(max(wait, time.Second), longestPause))
}

func serverTime(resp *http.Response, now time.Time) time.Time {
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return t
	}
	return now
}

// resource names the budget that a request is taken from.
// https://docs.github.com/en/rest/rate-limit/rate-limit
func resource(req *http.Request) string {
	switch path := req.URL.Path; {
	case strings.HasSuffix(path, "/graphql"):
		return "graphql"
	case strings.Contains(path, "/search/"):
		return "search"
	}
	return "core"
}

func later(times ...time.Time) (latest time.Time) {
	for _, t := range times {
		if t.After(latest) {
			latest = t
		}
	}
	return latest
}
