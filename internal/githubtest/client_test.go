package githubtest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/salvehq/salve/internal/githubtest"
)

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func keyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key())})
}

// everything is what an App needs for all routes but the protection of branches.
var everything = map[string]string{"contents": "write", "pull_requests": "write", "statuses": "write", "checks": "write",
	"deployments": "write", "actions": "read", "issues": "write", "merge_queues": "read"}

// noon is the time in every test.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A world is a server with App 7 installed as 70 at acme, which owns acme/shop,
// and a client that holds each request and answer against GitHub's shapes.
type world struct {
	*githubtest.Server
	t     *testing.T
	url   string
	token string
	now   time.Time
	mu    sync.Mutex
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: noon}
	w.Server = githubtest.New(githubtest.Options{Now: func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	}})
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(w.Settle)
	w.url = srv.URL
	must(t, w.AddApp(githubtest.App{ID: 7, Slug: "salve", Key: keyPEM(), Permissions: everything,
		Events: []string{"pull_request", "push", "status", "issue_comment", "issues", "merge_group", "deployment", "deployment_status", "deployment_protection_rule", "pull_request_review"}}))
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/shop", Flags: githubtest.Flags{Private: true}, Files: map[string]githubtest.File{
		"README.md":       {Content: "# Shop\n"},
		"k8s/deploy.yaml": {Content: "kind: Deployment\nmemory: 512Mi # raised\ncpu: 1\na: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\n"},
		"bin/run":         {Content: "#!/bin/sh\n", Mode: "100755"},
	}}))
	must(t, w.AddInstallation(githubtest.Installation{ID: 70, App: 7, Account: "acme"}))
	w.token = w.newToken(nil)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// jwt signs claims for App 7; nil stands for right ones.
func (w *world) jwt(change map[string]any) string {
	claims := map[string]any{"iss": "7", "iat": w.now.Unix() - 30, "exp": w.now.Unix() + 120}
	maps.Copy(claims, change)
	enc := func(v any) string {
		data, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := enc(map[string]string{"alg": "RS256", "typ": "JWT"}) + "." + enc(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key(), crypto.SHA256, sum[:])
	must(w.t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// newToken makes a token of installation 70, narrowed by options.
func (w *world) newToken(options any) string {
	w.t.Helper()
	a := w.as(w.jwt(nil), "POST", "/app/installations/70/access_tokens", options)
	if a.status != http.StatusCreated {
		w.t.Fatalf("token: %d %s", a.status, a.raw)
	}
	return a.text("token")
}

// A got is an answer.
type got struct {
	t      *testing.T
	status int
	header http.Header
	raw    string
	body   any
}

// at walks into the JSON of an answer: names of members, numbers of elements.
func (g got) at(path ...any) any {
	g.t.Helper()
	v := g.body
	for _, step := range path {
		switch s := step.(type) {
		case string:
			o, isObject := v.(map[string]any)
			if !isObject {
				g.t.Fatalf("no %v in %s", path, g.raw)
			}
			v = o[s]
		case int:
			l, isList := v.([]any)
			if !isList || s >= len(l) {
				g.t.Fatalf("no %v in %s", path, g.raw)
			}
			v = l[s]
		}
	}
	return v
}

func (g got) text(path ...any) string { g.t.Helper(); s, _ := g.at(path...).(string); return s }

func (g got) len() int { l, _ := g.body.([]any); return len(l) }

// ask makes a request with the token of the installation.
func (w *world) ask(method, path string, body any) got {
	w.t.Helper()
	return w.as(w.token, method, path, body)
}

// want makes a request and fails if the answer has another status.
func (w *world) want(status int, method, path string, body any) got {
	w.t.Helper()
	g := w.ask(method, path, body)
	if g.status != status {
		w.t.Fatalf("%s %s = %d %s, want %d", method, path, g.status, g.raw, status)
	}
	return g
}

func (w *world) as(token, method, path string, body any, headers ...string) got {
	w.t.Helper()
	var data []byte
	switch b := body.(type) {
	case nil:
	case string:
		data = []byte(b)
	default:
		var err error
		data, err = json.Marshal(b)
		must(w.t, err)
	}
	req, err := http.NewRequest(method, w.url+path, bytes.NewReader(data))
	must(w.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/vnd.github+json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return got{t: w.t, raw: err.Error()}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	g := got{t: w.t, status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if err != nil {
		g.raw = err.Error()
		return g
	}
	json.Unmarshal(raw, &g.body)
	conform(w.t, req, data, resp, raw)
	return g
}

var shapes = sync.OnceValue(func() *openapi3.T {
	data, err := os.ReadFile("testdata/github-openapi-shapes.json")
	if err != nil {
		panic(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		panic(err)
	}
	return doc
})

var (
	seenMu sync.Mutex
	seen   = map[string]bool{} // operations that a test has used with success
)

// templates are the paths of the routes as expressions.
var templates = sync.OnceValue(func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	for _, r := range githubtest.Routes() {
		p := regexp.MustCompile(`\{(\w+)\.\.\.\}`).ReplaceAllString(r.Path, `(?P<$1>.+)`)
		p = regexp.MustCompile(`\{(\w+)\}`).ReplaceAllString(p, `(?P<$1>[^/]+)`)
		all[r.Method+" "+r.Path] = regexp.MustCompile("^" + p + "$")
	}
	return all
})

// operation returns the operation of GitHub's description that a request is
// for, with the values in its path; nil if there is none.
func operation(method, path string) (name string, route *routers.Route, params map[string]string) {
	for _, r := range githubtest.Routes() {
		name = r.Method + " " + r.Path
		m := templates()[name].FindStringSubmatch(path)
		if r.Method != method || m == nil {
			continue
		}
		params = map[string]string{}
		for i, p := range templates()[name].SubexpNames()[1:] {
			params[p] = m[i+1]
		}
		item := shapes().Paths.Value(strings.ReplaceAll(r.Path, "...}", "}"))
		if item == nil || item.GetOperation(method) == nil {
			return name, nil, nil
		}
		return name, &routers.Route{Spec: shapes(), Path: r.Path, PathItem: item, Method: method, Operation: item.GetOperation(method)}, params
	}
	return "", nil, nil
}

// conform holds a request that was granted, and any answer that GitHub
// describes, against the shapes.
func conform(t *testing.T, req *http.Request, sent []byte, resp *http.Response, body []byte) {
	t.Helper()
	name, route, params := operation(req.Method, req.URL.EscapedPath())
	if resp.StatusCode < 300 {
		seenMu.Lock()
		seen[name] = true
		seenMu.Unlock()
	}
	if route == nil {
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: req.Clone(context.Background()), PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	in.Request.Body = io.NopCloser(bytes.NewReader(sent))
	if resp.StatusCode < 300 && !bytes.HasPrefix(sent, []byte("[")) {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Errorf("%s: request %s: %v", name, sent, err)
		}
	}
	described := route.Operation.Responses.Status(resp.StatusCode)
	if described == nil || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if described == nil && resp.StatusCode < 300 && resp.StatusCode != http.StatusNotModified {
			t.Errorf("%s: GitHub does not answer with %d", name, resp.StatusCode)
		}
		return
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(body))}
	err := openapi3filter.ValidateResponse(context.Background(), out)
	if err != nil && !slices.ContainsFunc(unsound, func(part string) bool { return strings.Contains(err.Error(), part) }) {
		t.Errorf("%s: answer %d: %v", name, resp.StatusCode, short(err))
	}
}

// unsound are complaints that come of the description itself.
var unsound = []string{
	"matches more than one oneOf",     // two kinds of errors overlap
	`Error at "/0/account"`,           // of an installation: a person and an enterprise at once
	`/line": Value is not nullable`,   // of an outdated comment, where GitHub sends null all the same
	`discriminator property "type" h`, // of contents: a directory is an array, which has no properties
}

// short cuts schemas and values out of an error.
func short(err error) string {
	text := fmt.Sprint(err)
	if i := strings.Index(text, "Schema:"); i > 0 {
		return text[:i]
	}
	return text
}

// propose does what an App does to open a pull request, and returns its number
// and head.
func (w *world) propose(branch, title string, files map[string]string) (number int, head string) {
	w.t.Helper()
	base := w.want(200, "GET", "/repos/acme/shop/commits/main", nil)
	var tree []map[string]any
	for path, content := range files {
		tree = append(tree, map[string]any{"path": path, "mode": "100644", "type": "blob", "content": content})
	}
	t := w.want(201, "POST", "/repos/acme/shop/git/trees", map[string]any{"base_tree": base.text("commit", "tree", "sha"), "tree": tree})
	c := w.want(201, "POST", "/repos/acme/shop/git/commits", map[string]any{"message": title, "tree": t.text("sha"), "parents": []string{base.text("sha")}})
	w.want(201, "POST", "/repos/acme/shop/git/refs", map[string]any{"ref": "refs/heads/" + branch, "sha": c.text("sha")})
	p := w.want(201, "POST", "/repos/acme/shop/pulls", map[string]any{"title": title, "head": branch, "base": "main", "body": "why"})
	return int(p.at("number").(float64)), c.text("sha")
}

// serve serves s and returns its address.
func serve(t *testing.T, s *githubtest.Server) string {
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}
