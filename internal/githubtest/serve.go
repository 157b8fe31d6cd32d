package githubtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Handler returns the API. It answers below / as github.com does and below
// /api/v3/ as GitHub Enterprise Server does.
func (s *Server) Handler() http.Handler {
	table := routes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, table) })
}

// trimRoot cuts the root of the API off a path.
func trimRoot(path string) string {
	if rest, ok := strings.CutPrefix(path, "/api/v3/"); ok {
		return "/" + rest
	}
	if path == "/api/graphql" {
		return "/graphql"
	}
	return path
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, table []Route) {
	body, err := read(r)
	if err != nil {
		a := answer{header: http.Header{}}
		a.fail(err)
		a.write(w)
		return
	}
	a, fault := s.handle(r, body, table)
	if fault != nil {
		fault.spoil(w, r, a)
		return
	}
	a.write(w)
}

// handle does what a request asks for, unless a fault comes first, and writes
// it into the journal.
func (s *Server) handle(r *http.Request, body []byte, table []Route) (a answer, f *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.fault(r)
	if f == nil || f.Applied {
		a = s.answer(r, body, table)
	} else {
		a.who, _ = s.identify(r.Header.Get("Authorization"))
	}
	if f != nil && (!f.Applied || f.Status != 0) {
		a = f.answer(a.who)
	}
	s.record(r, table, a, f)
	return a, f
}

// An answer is what goes over the wire.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	who     identity
	unknown bool
}

func (a answer) write(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// answer does what a request asks for. It is called with the lock held.
func (s *Server) answer(r *http.Request, body []byte, table []Route) answer {
	path := trimRoot(r.URL.EscapedPath())
	if s.root == "" {
		s.root = "http://" + r.Host + "/"
		if strings.HasPrefix(r.URL.Path, "/api/v3/") {
			s.root = "http://" + r.Host + "/api/v3/"
		}
	}
	// JWTs are held against this clock; clients read from Date how far theirs is off.
	a := answer{header: http.Header{"Date": {s.now().UTC().Format(http.TimeFormat)}}}
	c := &call{Server: s, r: r, body: body}
	rep, err := s.dispatch(c, path, table, &a)
	a.who = c.who
	if err == nil {
		a.render(rep)
	} else {
		a.fail(err)
	}
	a.condition(r)
	s.meter(&a, r)
	a.header.Set("X-Github-Request-Id", fmt.Sprintf("%04X:%d", s.now().Unix()&0xffff, len(s.journal)))
	return a
}

// dispatch finds the route, checks who asks, and does it.
func (s *Server) dispatch(c *call, path string, table []Route, a *answer) (reply, error) {
	if c.r.UserAgent() == "" {
		return reply{}, fail(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check https://developer.github.com for other possible causes.")
	}
	if climbs(path) {
		return reply{}, notFound()
	}
	who, err := s.identify(c.r.Header.Get("Authorization"))
	if err != nil {
		return reply{}, err
	}
	c.who = who
	if err := s.limit(c.r, who); err != nil {
		return reply{}, err
	}
	if rest, isID := strings.CutPrefix(path, "/repositories/"); isID {
		path = s.byID(rest)
	}
	route, params := find(table, c.r.Method, path)
	if route == nil {
		a.unknown = true
		return reply{}, notFound()
	}
	c.params = params
	if err := c.admit(route); err != nil {
		return reply{}, err
	}
	return route.do(c)
}

// byID turns the path of a repository by number, which redirects lead to, into
// one by name.
func (s *Server) byID(rest string) string {
	number, below, _ := strings.Cut(rest, "/")
	id, _ := strconv.ParseInt(number, 10, 64)
	for _, r := range s.repos {
		if r.id == id {
			return strings.TrimSuffix("/repos/"+r.full()+"/"+below, "/")
		}
	}
	return "/repositories/" + rest
}

func (a *answer) render(rep reply) {
	a.status = rep.status
	for k, v := range rep.header {
		a.header[k] = v
	}
	switch {
	case rep.raw != nil:
		a.body = rep.raw
		a.header.Set("Content-Type", rep.kind)
	case rep.status != http.StatusNoContent:
		a.body = encode(rep.body)
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
}

func (a *answer) fail(err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{status: http.StatusInternalServerError, message: err.Error()}
	}
	a.status = f.status
	for k, v := range f.header {
		a.header[k] = v
	}
	a.body = encode(f.body())
	a.header.Set("Content-Type", "application/json; charset=utf-8")
}

// encode writes JSON as GitHub does, which leaves <, > and & alone.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte(strconv.Quote(err.Error()))
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// condition sets the ETag of a read and answers 304 to whoever has it. As on
// GitHub, the tag depends on the headers that name the caller and the form:
// https://github.com/bored-engineer/github-conditional-http-transport
func (a *answer) condition(r *http.Request) {
	if r.Method != http.MethodGet || a.status != http.StatusOK {
		return
	}
	h := sha256.New()
	for _, name := range []string{"Accept", "Authorization", "Cookie"} {
		for _, v := range r.Header.Values(name) {
			h.Write([]byte(v + ":"))
		}
	}
	h.Write(a.body)
	tag := `"` + hex.EncodeToString(h.Sum(nil)) + `"`
	a.header.Set("ETag", "W/"+tag)
	a.header.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP")
	a.header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(known), "W/") == tag {
			a.status, a.body = http.StatusNotModified, nil
			a.header.Del("Content-Type")
		}
	}
}
