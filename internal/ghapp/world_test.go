package ghapp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/patch"
)

const (
	appID        = 4711
	installation = 7
	hookSecret   = "it is a secret to everybody"
)

var shop = forge.Repo{Owner: "acme", Name: "shop"}

// shopFiles is what acme/shop holds.
var shopFiles = map[string]githubtest.File{
	"README.md":          {Content: "# Shop\n"},
	"k8s/checkout.yaml":  {Content: manifest("512Mi")},
	"k8s/windows.yaml":   {Content: "a: 1\r\nb: 2\r\n"},
	"bin/run.sh":         {Content: "#!/bin/sh\nexec shop --heap 256\n", Mode: "100755"},
	"latin1.txt":         {Content: "gr\xfc\xdfe 1\n"},
	"link.yaml":          {Content: "k8s/checkout.yaml", Mode: "120000"},
	".github/salve.yml":  {Content: "limits: {}\n"},
	"docs/deep/er/x.txt": {Content: "x\n"},
}

func manifest(memory string) string {
	return "kind: Deployment\nmetadata:\n  name: checkout\nspec:\n  limits:\n    memory: " + memory + " # raised 2024-03\n"
}

// A world is a GitHub with one App, one installation and acme/shop, and the
// App as its production code sees it.
type world struct {
	*githubtest.Server
	t    *testing.T
	url  string
	log  *recorder
	user string // token of a person who may write
}

func newWorld(t *testing.T, opts githubtest.Options) *world {
	t.Helper()
	w := &world{Server: githubtest.New(opts), t: t, log: &recorder{t: t}}
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(srv.Close)
	w.url = srv.URL + "/"
	w.must(w.AddApp(githubtest.App{
		ID: appID, Slug: "salve", Key: testPEM(), WebhookSecret: hookSecret,
		Permissions: map[string]string{
			"contents": "write", "pull_requests": "write", "statuses": "write", "checks": "write",
			"actions": "read", "deployments": "write", "issues": "write", "merge_queues": "read", "members": "read",
		},
		Events: []string{"pull_request", "push", "status"},
	}))
	w.must(w.AddRepo(githubtest.Repo{Name: "acme/shop", Files: shopFiles}))
	w.must(w.AddInstallation(githubtest.Installation{ID: installation, App: appID, Account: "acme"}))
	w.user = w.AddUser("mona")
	w.must(w.SetPermission("acme/shop", "mona", "write"))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// open opens the App as a new process would. Its requests are recorded.
func (w *world) open(transport ...http.RoundTripper) *App {
	w.t.Helper()
	var next http.RoundTripper = http.DefaultTransport
	if len(transport) > 0 {
		next = transport[0]
	}
	app, err := Open(Config{
		AppID: appID, PrivateKey: testPEM(), BaseURL: w.url, WebhookSecret: hookSecret,
		Pacing: Pacing{Off: true}, Transport: w.log.around(next), Log: slog.New(slog.DiscardHandler),
	})
	w.must(err)
	return app
}

func (w *world) client(transport ...http.RoundTripper) *Client {
	w.t.Helper()
	return w.open(transport...).Client(installation)
}

// head returns the commit of a branch of acme/shop, empty if it is not there.
func (w *world) head(branch string) forge.SHA {
	w.t.Helper()
	var ref struct {
		Object struct{ SHA forge.SHA }
	}
	if w.person("GET", "repos/acme/shop/git/ref/heads/"+branch, nil, &ref) != nil {
		return ""
	}
	return ref.Object.SHA
}

// person makes a request as a person who may write, without our client.
func (w *world) person(method, path string, in, out any) error {
	w.t.Helper()
	var body bytes.Buffer
	if in != nil {
		w.must(json.NewEncoder(&body).Encode(in))
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, &body)
	w.must(err)
	req.Header.Set("Authorization", "Bearer "+w.user)
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	if out != nil {
		return json.Unmarshal(text, out)
	}
	return nil
}

// push adds a commit of a person to a branch.
func (w *world) push(branch, path, content string) {
	w.t.Helper()
	var commit struct {
		Tree struct{ SHA string }
	}
	head := w.head(branch)
	w.must(w.person("GET", "repos/acme/shop/git/commits/"+string(head), nil, &commit))
	var made struct{ SHA string }
	w.must(w.person("POST", "repos/acme/shop/git/trees", map[string]any{
		"base_tree": commit.Tree.SHA,
		"tree":      []map[string]string{{"path": path, "mode": "100644", "type": "blob", "content": content}},
	}, &made))
	w.must(w.person("POST", "repos/acme/shop/git/commits", map[string]any{
		"message": "by hand", "tree": made.SHA, "parents": []forge.SHA{head},
	}, &made))
	w.must(w.person("PATCH", "repos/acme/shop/git/refs/heads/"+branch, map[string]string{"sha": made.SHA}, nil))
}

// raise is the proposal of most tests: more memory for checkout.
func (w *world) raise(memory string) forge.Proposal {
	w.t.Helper()
	return forge.Proposal{
		Key: "acme/shop production Deployment/shop/checkout memory-limit", Repo: shop, Base: "main", BaseSHA: w.head("main"),
		Branch: "salve/memory-limit/checkout-1a2b3c4d", Title: "Raise memory limit of checkout to " + memory,
		Body: "Because of P-1.", Message: "Raise memory limit of checkout to " + memory, Evidence: "e1",
		Labels: []forge.Label{
			{Name: "salve", Colour: "0b7285", Description: "Opened by Salve"},
			{Name: "remedy/memory-limit", Colour: "1c7ed6", Description: "More memory"},
		},
		Changes:  patch.ChangeSet{{Path: "k8s/checkout.yaml", Before: []byte(manifest("512Mi")), After: []byte(manifest(memory))}},
		Comments: []forge.LineComment{{Path: "k8s/checkout.yaml", Line: 6, Body: "One step of 25 %."}},
		Status:   forge.CommitStatus{Context: forge.ContextRemediation, State: forge.Success, Description: "1 file, 1 line"},
	}
}

// state is what GitHub shows of acme/shop: pull requests with everything that
// belongs to them, and branches. Names of commits are left out, their content is not.
func (w *world) state() string {
	w.t.Helper()
	var out strings.Builder
	var pulls []struct {
		Number             int
		State, Title, Body string
		Head               struct{ Ref, SHA string }
		Requested          []struct{ Login string } `json:"requested_reviewers"`
		Teams              []struct{ Slug string }  `json:"requested_teams"`
		Assignees          []struct{ Login string }
		Auto               *struct{} `json:"auto_merge"`
		Labels             []struct{ Name string }
	}
	w.must(w.person("GET", "repos/acme/shop/pulls?state=all&sort=created&direction=asc", nil, &pulls))
	for _, p := range pulls {
		fmt.Fprintf(&out, "#%d %s %s %q\n%s\n", p.Number, p.State, p.Head.Ref, p.Title, p.Body)
		if p.Auto != nil {
			fmt.Fprintln(&out, "  merges by itself")
		}
		for _, u := range p.Requested {
			fmt.Fprintf(&out, "  reviewer %s\n", u.Login)
		}
		for _, t := range p.Teams {
			fmt.Fprintf(&out, "  reviewer acme/%s\n", t.Slug)
		}
		for _, u := range p.Assignees {
			fmt.Fprintf(&out, "  assignee %s\n", u.Login)
		}
		for _, l := range p.Labels {
			fmt.Fprintf(&out, "  label %s\n", l.Name)
		}
		var files []struct{ Filename, Status, SHA string }
		w.must(w.person("GET", fmt.Sprintf("repos/acme/shop/pulls/%d/files", p.Number), nil, &files))
		for _, f := range files {
			fmt.Fprintf(&out, "  %s %s %s\n", f.Status, f.Filename, f.SHA)
		}
		var statuses []struct{ Context, State, Description string }
		w.must(w.person("GET", "repos/acme/shop/commits/"+p.Head.SHA+"/statuses", nil, &statuses))
		for _, s := range statuses {
			fmt.Fprintf(&out, "  status %s %s %q\n", s.Context, s.State, s.Description)
		}
		var remarks []struct {
			Path, Body string
			Line       int
		}
		w.must(w.person("GET", fmt.Sprintf("repos/acme/shop/pulls/%d/comments", p.Number), nil, &remarks))
		for _, c := range remarks {
			fmt.Fprintf(&out, "  remark %s:%d %q\n", c.Path, c.Line, c.Body)
		}
		var comments []struct{ Body string }
		w.must(w.person("GET", fmt.Sprintf("repos/acme/shop/issues/%d/comments", p.Number), nil, &comments))
		for _, c := range comments {
			fmt.Fprintf(&out, "  comment %q\n", c.Body)
		}
	}
	var refs []struct{ Ref string }
	w.must(w.person("GET", "repos/acme/shop/git/matching-refs/heads/", nil, &refs))
	for _, r := range refs {
		fmt.Fprintln(&out, r.Ref)
	}
	return out.String()
}

// A recorder notes the requests that pass, and can end a process at one of them.
type recorder struct {
	t     *testing.T
	mu    sync.Mutex
	lines []string
	check func(*http.Request, []byte) error // may end a request before it is sent
	seen  func(*http.Request, int)          // sees the status of each answer
}

// around records what goes to next.
func (r *recorder) around(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		var body []byte
		if req.Body != nil {
			body, _ = io.ReadAll(req.Body)
			req = req.Clone(req.Context())
			req.Body = io.NopCloser(bytes.NewReader(body))
		}
		r.mu.Lock()
		r.lines = append(r.lines, req.Method+" "+req.URL.Path)
		check, seen := r.check, r.seen
		r.mu.Unlock()
		if err := conforms(req, body); err != nil {
			r.t.Error(err)
		}
		if check != nil {
			if err := check(req, body); err != nil {
				return nil, err
			}
		}
		resp, err := next.RoundTrip(req)
		if seen != nil && err == nil {
			seen(req, resp.StatusCode)
		}
		return resp, err
	})
}

// take returns the requests since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// writes are the requests among lines that change a repository.
func writes(lines []string) (out []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, "GET ") && !strings.Contains(l, "access_tokens") && !strings.HasSuffix(l, "/graphql") {
			out = append(out, l)
		}
	}
	return out
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

var errCrash = errors.New("the process ends here")

// crash ends the process at request k, counted from 0: before it is sent, or
// after GitHub has done it and before we hear of it. In mode once it is that
// request alone that fails, unsent.
func crash(k int, mode string) (http.RoundTripper, *int) {
	n := new(int)
	var mu sync.Mutex
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		at := *n
		*n++
		mu.Unlock()
		if at == k && mode != "after" || at > k && mode != "once" {
			return nil, errCrash
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if at == k {
			if err == nil {
				resp.Body.Close()
			}
			return nil, errCrash
		}
		return resp, err
	}), n
}
