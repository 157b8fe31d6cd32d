// Package dynatracetest is a Dynatrace tenant for tests and for the sandbox:
// the Grail query API and the token endpoint, over records in memory.
//
// It knows the API from its documentation and from the clients that Dynatrace
// publishes, never from our own client, so that a mistake of ours cannot hide
// in both. It is strict where Grail is: unknown fields, spent request tokens
// and missing scopes are refused in Grail's words.
//
// https://developer.dynatrace.com/develop/sdks/client-query/
// https://github.com/dynatrace-oss/dtctl
package dynatracetest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/dql/eval"
)

// Options say what a tenant holds and who may ask.
type Options struct {
	Source  eval.Source      // the records; see [eval.Records]
	Now     func() time.Time // now() of the queries; default time.Now
	Tokens  []Token
	Clients []OAuthClient

	Async      bool  // execute always answers 202, however fast the query was
	RecordSize int64 // bytes that one record counts for against the scan limit; default 1,000
}

// A Server is one tenant.
type Server struct {
	opts Options
	mux  *http.ServeMux

	mu     sync.Mutex
	source eval.Source
	async  bool
	tokens []Token
	faults []*Fault
	runs   map[string]*run
	asked  map[string]int
}

// opToken is the operation of the token endpoint, for faults and counts.
const opToken = "token"

// New returns a tenant.
func New(opts Options) (*Server, error) {
	if opts.Source == nil {
		return nil, errors.New("dynatracetest: no records")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.RecordSize == 0 {
		opts.RecordSize = 1000
	}
	s := &Server{
		opts: opts, mux: http.NewServeMux(), source: opts.Source, async: opts.Async, tokens: slices.Clone(opts.Tokens),
		runs: map[string]*run{}, asked: map[string]int{},
	}
	s.route("POST", "query:execute", s.execute)
	s.route("GET", "query:poll", s.poll)
	s.route("POST", "query:cancel", s.cancel)
	s.route("POST", "query:verify", s.verify)
	s.route("POST", "query:parse", s.parse)
	s.control()
	s.mux.HandleFunc("POST /sso/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		s.count(opToken)
		if !s.fault(opToken).strike(w, r) {
			s.grant(w, r)
		}
	})
	return s, nil
}

// Handler serves the tenant.
func (s *Server) Handler() http.Handler { return s.mux }

// Load replaces the records; queries that run keep the old ones.
func (s *Server) Load(src eval.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source = src
}

// Requests returns how many requests an operation has had: "query:execute",
// …, "token".
func (s *Server) Requests(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[op]
}

func (s *Server) count(op string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[op]++
}

// An operation answers one request of a caller who is known.
type operation func(w http.ResponseWriter, r *http.Request, t Token, f Fault)

// route serves an operation of the query API.
func (s *Server) route(method, op string, do operation) {
	s.mux.HandleFunc("/platform/storage/query/v1/"+op, func(w http.ResponseWriter, r *http.Request) {
		s.count(op)
		f := s.fault(op)
		if f.strike(w, r) {
			return
		}
		if r.Method != method {
			w.Header().Set("Allow", method)
			problem{Code: http.StatusMethodNotAllowed, Message: "Method not allowed."}.write(w)
			return
		}
		t, refused := s.authenticate(r)
		if refused != nil {
			refused.write(w)
			return
		}
		if f.Truncate {
			w = &cut{ResponseWriter: w}
		}
		do(w, r, t, f)
	})
}

// cut is a ResponseWriter that loses the second half of what is written.
type cut struct{ http.ResponseWriter }

func (c *cut) Write(b []byte) (int, error) {
	_, err := c.ResponseWriter.Write(b[:len(b)/2])
	return len(b), err
}

// scope is what reading a table needs.
// https://docs.dynatrace.com/docs/discover-dynatrace/platform/grail/organize-data/assign-permissions-in-grail
func scope(table string) string {
	switch {
	case table == "events" || strings.HasPrefix(table, "dt.davis."):
		return "storage:events:read"
	case strings.HasPrefix(table, "dt.entity."):
		return "storage:entities:read"
	case strings.HasPrefix(table, "dt.system."):
		return "storage:system:read"
	}
	return "storage:" + table + ":read"
}
