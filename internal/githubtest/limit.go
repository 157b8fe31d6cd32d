package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Limits are GitHub's, off where zero.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
type Limits struct {
	PerHour         int  // requests of one installation or person; 304 are free
	WritesPerMinute int  // secondary limit: requests that change something
	WritesPerHour   int  // secondary limit
	TooMany         bool // refuse with 429 instead of 403; GitHub does both
	Silent          bool // secondary limits come without Retry-After
	TreeEntries     int  // of a recursive tree before it is truncated; GitHub's 100,000 if zero
}

// usage is what one installation or person has used.
type usage struct {
	since  time.Time // of the running hour
	used   int
	writes []time.Time // of the last hour
}

// SetLimits changes the limits; what was used stays used.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = l
}

// account is whom a request counts for.
func (i identity) account() string {
	switch i.kind() {
	case "installation":
		return fmt.Sprintf("installation ID %d", i.token.in.ID)
	case "app":
		return fmt.Sprintf("app ID %d", i.app.ID)
	case "user":
		return "user ID " + strconv.FormatInt(i.user.id, 10)
	}
	return "127.0.0.1"
}

func (s *Server) usageOf(who identity) *usage {
	key := who.account()
	u := s.usage[key]
	if now := s.now(); u == nil || now.Sub(u.since) >= time.Hour {
		if u == nil {
			u = &usage{}
			s.usage[key] = u
		}
		u.since, u.used = now, 0
	}
	return u
}

// limit refuses a request that is over a limit.
func (s *Server) limit(r *http.Request, who identity) error {
	status := http.StatusForbidden
	if s.limits.TooMany {
		status = http.StatusTooManyRequests
	}
	u := s.usageOf(who)
	if s.limits.PerHour > 0 && u.used >= s.limits.PerHour && trimRoot(r.URL.Path) != "/rate_limit" {
		return fail(status, "API rate limit exceeded for %s. If you reach out to GitHub Support for help, please include the request ID.", who.account())
	}
	if s.limits.WritesPerMinute+s.limits.WritesPerHour == 0 || r.Method == http.MethodGet || trimRoot(r.URL.Path) == "/graphql" {
		return nil
	}
	now := s.now()
	u.writes = slices.DeleteFunc(u.writes, func(at time.Time) bool { return now.Sub(at) >= time.Hour })
	minute := 0
	for _, at := range u.writes {
		if now.Sub(at) < time.Minute {
			minute++
		}
	}
	over := s.limits.WritesPerMinute > 0 && minute >= s.limits.WritesPerMinute || s.limits.WritesPerHour > 0 && len(u.writes) >= s.limits.WritesPerHour
	if !over {
		u.writes = append(u.writes, now)
		return nil
	}
	f := &failure{status: status, header: http.Header{},
		message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
	if !s.limits.Silent {
		f.header.Set("Retry-After", "60")
	}
	return f
}

// meter counts an answer and says in its headers what is left.
func (s *Server) meter(a *answer, r *http.Request) {
	if s.limits.PerHour == 0 {
		return
	}
	u := s.usageOf(a.who)
	free := a.status == http.StatusNotModified || trimRoot(r.URL.Path) == "/rate_limit"
	if !free && u.used < s.limits.PerHour {
		u.used++
	}
	for name, n := range map[string]int64{"Limit": int64(s.limits.PerHour), "Remaining": int64(s.limits.PerHour - u.used),
		"Used": int64(u.used), "Reset": u.since.Add(time.Hour).Unix()} {
		a.header.Set("X-Ratelimit-"+name, strconv.FormatInt(n, 10))
	}
	a.header.Set("X-Ratelimit-Resource", "core")
}

// https://docs.github.com/en/rest/rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user
func (c *call) getRateLimit() (reply, error) {
	if c.limits.PerHour == 0 {
		return reply{}, fail(http.StatusNotFound, "Rate limiting is not enabled.")
	}
	u := c.usageOf(c.who)
	core := object{"limit": c.limits.PerHour, "used": u.used, "remaining": c.limits.PerHour - u.used, "reset": u.since.Add(time.Hour).Unix()}
	return ok(object{"rate": core, "resources": object{"core": core, "search": core, "graphql": core}})
}
