// Package githubtest is a GitHub for tests, demonstrations and sandboxes: the
// part of the REST API that Salve uses, in memory, as strict as GitHub is.
//
// A Server knows Apps, installations, people and repositories. What a client
// does through the API and what people do through methods such as OpenPull and
// PushCommit meet in the same state, and both are announced by signed webhooks.
// Whoever asks without the right token, permission or precondition is refused
// in GitHub's words; a request that no route answers is refused too, and
// Unknown lists it.
//
// It imports the standard library and its own git only: a server that shared
// code with the client would share its mistakes. Names and texts follow
// https://docs.github.com/en/rest and the OpenAPI description in testdata.
package githubtest

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// Options are the settings of a Server. The zero value works.
type Options struct {
	// Now tells the time; time.Now if nil.
	Now func() time.Time
	// URL is the root of the API as clients see it, with a final slash. If
	// empty, the host of the first request is it; set it if webhooks go out
	// before any request comes in.
	URL string
	// Seed is where random faults start from.
	Seed uint64
	// Limits switches GitHub's limits on.
	Limits Limits
}

// A Server is one GitHub. Its methods may be called at any time, also while it
// serves.
type Server struct {
	now    func() time.Time
	client *http.Client // delivers webhooks

	mu            sync.Mutex
	root          string
	lastID        int64
	apps          map[int64]*app
	installations map[int64]*installation
	tokens        map[string]*token
	users         map[string]*user // by lower-case login
	teams         map[string]*team // by lower-case organisation/slug
	repos         map[string]*repo // by lower-case owner/name
	moved         map[string]*repo // by former lower-case owner/name
	offers        map[string]offer // by code
	journal       []Request
	faults        []*fault
	random        *rand.Rand
	limits        Limits
	usage         map[string]*usage
	hooks         outbox
}

// New returns a Server without Apps, people or repositories.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		now:           o.Now,
		client:        &http.Client{Timeout: hookTimeout},
		root:          o.URL,
		lastID:        1000,
		apps:          map[int64]*app{},
		installations: map[int64]*installation{},
		tokens:        map[string]*token{},
		users:         map[string]*user{},
		teams:         map[string]*team{},
		repos:         map[string]*repo{},
		moved:         map[string]*repo{},
		offers:        map[string]offer{},
		random:        rand.New(rand.NewPCG(o.Seed, 0)),
		limits:        o.Limits,
		usage:         map[string]*usage{},
	}
	s.hooks.idle = sync.NewCond(&s.mu)
	return s
}

// A File is the content of a file and its git mode; an empty mode is 100644.
type File = git.File

// id returns a number that nothing else has.
func (s *Server) id() int64 {
	s.lastID++
	return s.lastID
}

// api returns an absolute URL of the API.
func (s *Server) api(path string) string { return s.root + path }

// web returns an absolute URL of a page for people.
func (s *Server) web(path string) string {
	return strings.TrimSuffix(s.root, "api/v3/") + path
}

// stamp writes a time as the API does.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// stampOrNil is null for a time that has not come.
func stampOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// orNil is null for an empty text.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// An object is a JSON object of an answer.
type object = map[string]any
