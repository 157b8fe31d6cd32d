package ghapp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/salvehq/salve/internal/githubtest"
)

// shapes is GitHub's own description of its API, as far as it is used.
var shapes = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromFile("../githubtest/testdata/github-openapi-shapes.json")
})

// conforms reports a request that GitHub's description does not allow. GraphQL
// and the URLs that renamed repositories redirect to are not described there.
func conforms(req *http.Request, body []byte) error {
	doc, err := shapes()
	if err != nil {
		return err
	}
	if strings.HasSuffix(req.URL.Path, "/graphql") || strings.HasPrefix(req.URL.Path, "/repositories/") {
		return nil
	}
	route, params := routeOf(doc, req)
	if route == nil {
		return fmt.Errorf("%s %s: GitHub describes no such call", req.Method, req.URL.Path)
	}
	again := req.Clone(req.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	err = openapi3filter.ValidateRequest(req.Context(), &openapi3filter.RequestValidationInput{
		Request: again, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	if err != nil {
		return fmt.Errorf("%s %s %s: %w", req.Method, req.URL.Path, body, err)
	}
	return nil
}

// routeOf finds the described call of a request; the one with the most fixed
// parts if several match.
func routeOf(doc *openapi3.T, req *http.Request) (best *routers.Route, params map[string]string) {
	fixed := -1
	for path, item := range doc.Paths.Map() {
		op := item.GetOperation(req.Method)
		if op == nil {
			continue
		}
		found := map[string]string{}
		if n := match(strings.Split(path, "/"), strings.Split(strings.TrimPrefix(req.URL.EscapedPath(), "/api/v3"), "/"), found); n > fixed {
			fixed, params = n, found
			best = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: req.Method, Operation: op}
		}
	}
	return best, params
}

// match returns how many parts of pattern stand in path as they are, -1 if path
// is another. Branches and paths may hold slashes.
func match(pattern, path []string, params map[string]string) int {
	if len(pattern) == 0 || len(path) == 0 {
		if len(pattern) == len(path) {
			return 0
		}
		return -1
	}
	if !strings.HasPrefix(pattern[0], "{") {
		if pattern[0] != path[0] {
			return -1
		}
		if n := match(pattern[1:], path[1:], params); n >= 0 {
			return n + 1
		}
		return -1
	}
	name, most := strings.Trim(pattern[0], "{}"), 1
	if name == "ref" || name == "branch" || name == "basehead" || name == "path" {
		most = len(path)
	}
	for k := 1; k <= most; k++ {
		if n := match(pattern[1:], path[k:], params); n >= 0 {
			params[name], _ = url.PathUnescape(strings.Join(path[:k], "/"))
			return n
		}
	}
	return -1
}

// The check itself refuses what GitHub refuses.
func TestConforms(t *testing.T) {
	for _, tt := range []struct {
		method, path, body string
		ok                 bool
	}{
		{"POST", "/repos/a/b/statuses/0123", `{"state":"success","context":"x"}`, true},
		{"POST", "/repos/a/b/statuses/0123", `{"state":"great","context":"x"}`, false},
		{"POST", "/repos/a/b/git/trees", `{"tree":[{"path":"x","mode":"100644","type":"blob","content":""}]}`, true},
		{"POST", "/repos/a/b/git/trees", `{"tree":[{"path":"x","mode":"644"}]}`, false},
		{"POST", "/repos/a/b/pulls", `{"title":"x","head":"y"}`, false},
		{"GET", "/repos/a/b/rules/branches/release/1.2", ``, true},
		{"GET", "/repos/a/b/unheard/of", ``, false},
	} {
		req, err := http.NewRequest(tt.method, "https://api.github.com"+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if err := conforms(req, []byte(tt.body)); (err == nil) != tt.ok {
			t.Errorf("%s %s %s: %v, want allowed %v", tt.method, tt.path, tt.body, err, tt.ok)
		}
	}
}

// All requests of all tests are checked; this one makes at least one of each kind.
func TestRequestsConform(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	_, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	w.must(c.Comment(t.Context(), shop, 1, "x", "body"))
	if lines := w.log.take(); len(lines) < 12 {
		t.Errorf("only %d requests were checked", len(lines))
	}
}
