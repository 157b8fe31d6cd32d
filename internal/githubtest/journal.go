package githubtest

import (
	"net/http"
	"slices"
	"time"
)

// maxJournal is how many requests are kept; the older half goes first.
const maxJournal = 500_000

// A Request is one entry of the journal.
type Request struct {
	At     time.Time
	Method string
	Path   string // as sent, escaped, with its query
	Route  string // "GET /repos/{owner}/{repo}", empty if none matched
	// Token is the sort of credential: app, installation, user or none.
	Token        string
	Installation int64 // of an installation token, else zero
	Status       int   // that the client got; zero for none
	Free         bool  // does not count against the hourly limit
	Unknown      bool  // no route answers it
	Climbs       bool  // it tried to leave its place with dots
	Fault        bool  // a fault was injected
}

// Mutation reports whether r asked for a change; GraphQL only reads here.
func (r Request) Mutation() bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Route != "POST /graphql"
}

// Journal returns all requests since the start or the last ResetJournal, in
// the order in which they were answered.
func (s *Server) Journal() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// ResetJournal empties the journal.
func (s *Server) ResetJournal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = nil
}

// Unknown returns the requests that no route answers.
func (s *Server) Unknown() []Request {
	return slices.DeleteFunc(s.Journal(), func(r Request) bool { return !r.Unknown })
}

// Climbing returns the requests with dots that try to leave their place.
func (s *Server) Climbing() []Request {
	return slices.DeleteFunc(s.Journal(), func(r Request) bool { return !r.Climbs })
}

// record writes a request into the journal.
func (s *Server) record(r *http.Request, table []Route, a answer, f *fault) {
	path := trimRoot(r.URL.EscapedPath())
	e := Request{At: s.now(), Method: r.Method, Path: r.URL.RequestURI(), Token: a.who.kind(), Status: a.status,
		Free:    a.status == http.StatusNotModified || path == "/rate_limit",
		Unknown: a.unknown, Climbs: climbs(path), Fault: f != nil}
	if a.who.token != nil {
		e.Installation = a.who.token.in.ID
	}
	if route, _ := find(table, r.Method, path); route != nil {
		e.Route = route.Method + " " + route.Path
	}
	if f != nil && (f.Reset || f.Hang) {
		e.Status = 0
	}
	s.journal = append(s.journal, e)
	if len(s.journal) > maxJournal {
		s.journal = slices.Clone(s.journal[maxJournal/2:])
	}
}
