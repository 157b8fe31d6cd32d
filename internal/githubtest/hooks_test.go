package githubtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

// A listener takes webhooks, and answers as told.
type listener struct {
	mu     sync.Mutex
	status int
	got    []delivered
}

type delivered struct {
	header http.Header
	raw    []byte
	body   map[string]any
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	d := delivered{header: r.Header, raw: raw}
	json.Unmarshal(raw, &d.body)
	l.got = append(l.got, d)
	w.WriteHeader(l.status)
	io.WriteString(w, "thanks")
}

// events returns what came, as "event action".
func (l *listener) events() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, d := range l.got {
		action, _ := d.body["action"].(string)
		out = append(out, strings.TrimSpace(d.header.Get("X-GitHub-Event")+" "+action))
	}
	return out
}

func (l *listener) last() delivered {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got[len(l.got)-1]
}

// listen lets the App of w hear webhooks.
func listen(t *testing.T, w *world) *listener {
	l := &listener{status: 202}
	srv := httptest.NewServer(l)
	t.Cleanup(srv.Close)
	t.Cleanup(w.Settle)
	must(t, w.SetWebhook(7, srv.URL, "s3cret"))
	return l
}

func TestWebhooks(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	n, head := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
	w.want(200, "POST", fmt.Sprintf("/repos/acme/shop/issues/%d/labels", n), `["salve"]`)
	w.want(200, "PUT", fmt.Sprintf("/repos/acme/shop/issues/%d/labels", n), map[string]any{"labels": []string{"other"}})
	w.want(201, "POST", "/repos/acme/shop/statuses/"+head, `{"state":"success","context":"c"}`)
	w.want(200, "PUT", fmt.Sprintf("/repos/acme/shop/pulls/%d/merge", n), nil)
	w.Settle()
	want := []string{"push", "pull_request opened", "pull_request labeled", "pull_request unlabeled", "pull_request labeled", "status", "pull_request closed", "push"}
	if got := l.events(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	for _, d := range l.got {
		mac := hmac.New(sha256.New, []byte("s3cret"))
		mac.Write(d.raw)
		if d.header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s: wrong signature", d.header.Get("X-GitHub-Event"))
		}
		if d.header.Get("X-GitHub-Hook-Installation-Target-ID") != "7" || d.header.Get("X-GitHub-Delivery") == "" {
			t.Errorf("headers %v", d.header)
		}
		if in, _ := d.body["installation"].(map[string]any); in["id"] != 70.0 {
			t.Errorf("installation %v", in)
		}
		if r, _ := d.body["repository"].(map[string]any); r["full_name"] != "acme/shop" {
			t.Errorf("repository %v", r["full_name"])
		}
	}
}

// What people do is announced like what the API does.
func TestWebhooksOfPeople(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	must(t, push(w, "topic", map[string]*githubtest.File{"f": {Content: "1\n"}}))
	n, err := w.OpenPull("acme/shop", "ada", githubtest.NewPull{Head: "topic", Title: "Topic"})
	must(t, err)
	must(t, push(w, "topic", map[string]*githubtest.File{"f": {Content: "2\n"}}))
	_, err = w.Comment("acme/shop", "ada", n, "/salve explain")
	must(t, err)
	must(t, w.Label("acme/shop", "ada", n, "break-glass", true))
	must(t, w.Label("acme/shop", "ada", n, "break-glass", false))
	must(t, w.ClosePull("acme/shop", "ada", n))
	must(t, w.DeleteBranch("acme/shop", "ada", "topic"))
	_, err = w.Deploy("acme/shop", "ada", "main", "production", "success")
	must(t, err)
	_, err = w.AskGate("acme/shop", "ada", 7, "main", "production")
	must(t, err)
	w.Settle()
	want := []string{"push", "pull_request opened", "push", "pull_request synchronize", "issue_comment created", "pull_request labeled", "pull_request unlabeled",
		"pull_request closed", "push", "deployment created", "deployment_status created", "deployment_protection_rule requested"}
	if got := l.events(); !slices.Equal(got, want) {
		t.Errorf("events\n%q, want\n%q", got, want)
	}
	gate := l.last().body
	if gate["environment"] != "production" || len(gate["sha"].(string)) != 40 || !strings.Contains(gate["deployment_callback_url"].(string), "/actions/runs/") {
		t.Errorf("gate: %v", gate)
	}
	must(t, w.Suspend(70, true))
	must(t, push(w, "main", map[string]*githubtest.File{"f": {Content: "3\n"}}))
	must(t, w.Suspend(70, false))
	must(t, w.AddInstallation(githubtest.Installation{ID: 71, App: 7, Account: "zeta", Repos: []string{}}))
	must(t, w.AddRepo(githubtest.Repo{Name: "zeta/new"}))
	must(t, w.GrantRepo(71, "zeta/new"))
	must(t, w.RemoveInstallation(71))
	w.Settle()
	want = append(want, "installation suspend", "installation unsuspend", "installation created", "installation_repositories added", "installation deleted")
	if got := l.events(); !slices.Equal(got, want) {
		t.Errorf("events\n%q, want\n%q", got, want)
	}
}

func TestWebhooksOfIssues(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	w.want(201, "POST", "/repos/acme/shop/issues", `{"title":"Dashboard"}`)
	w.want(200, "PATCH", "/repos/acme/shop/issues/1", `{"body":"- [x] retry","labels":["salve"]}`)
	w.want(200, "PATCH", "/repos/acme/shop/issues/1", `{"state":"closed"}`)
	w.want(200, "PATCH", "/repos/acme/shop/issues/1", `{"state":"open"}`)
	n, head := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
	w.want(200, "POST", fmt.Sprintf("/repos/acme/shop/pulls/%d/reviews", n), `{"event":"COMMENT","body":"b"}`)
	w.want(201, "POST", "/repos/acme/shop/check-runs", map[string]any{"name": "c", "head_sha": head})
	must(t, w.RerunCheck("acme/shop", "ada", head, "c"))
	w.Settle()
	want := []string{"issues opened", "issues labeled", "issues edited", "issues closed", "issues reopened", "push", "pull_request opened",
		"pull_request_review submitted", "check_run created", "check_run rerequested"}
	if got := l.events(); !slices.Equal(got, want) {
		t.Errorf("events\n%q, want\n%q", got, want)
	}
}

func TestMergeQueue(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	must(t, w.Protect("acme/shop", "main", githubtest.Protection{Checks: []githubtest.RequiredCheck{{Context: "salve/pre-deployment", App: 7}}}))
	n, _ := w.propose("one", "One", map[string]string{"README.md": "# Shop 1\n"})
	enqueue := func() string {
		t.Helper()
		sha, err := w.EnqueuePull("acme/shop", "ada", n)
		must(t, err)
		return sha
	}
	sha := enqueue()
	w.Settle()
	group := l.last().body["merge_group"].(map[string]any)
	if group["head_sha"] != sha || !strings.HasPrefix(group["head_ref"].(string), "refs/heads/gh-readonly-queue/main/pr-1-") {
		t.Errorf("group %v", group)
	}
	if err := w.FinishQueue("acme/shop", "ada", n); err == nil || !strings.Contains(err.Error(), `"salve/pre-deployment" is expected`) {
		t.Errorf("merged without its check: %v", err)
	}
	sha = enqueue()
	w.want(201, "POST", "/repos/acme/shop/statuses/"+sha, `{"state":"success","context":"salve/pre-deployment"}`)
	must(t, w.FinishQueue("acme/shop", "ada", n))
	if g := w.want(200, "GET", "/repos/acme/shop/commits/main", nil); g.text("sha") != sha {
		t.Error(g.raw)
	}
	if g := w.want(200, "GET", "/repos/acme/shop/pulls/1", nil); g.at("merged") != true {
		t.Error(g.raw)
	}
}

func TestDeliveries(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	l.status = 503
	must(t, push(w, "main", map[string]*githubtest.File{"f": {Content: "1\n"}}))
	w.Settle()
	l.mu.Lock()
	l.status = 202
	l.mu.Unlock()
	must(t, push(w, "main", map[string]*githubtest.File{"f": {Content: "2\n"}}))
	w.Settle()
	jwt := w.jwt(nil)
	all := w.as(jwt, "GET", "/app/hook/deliveries?per_page=1", nil)
	if all.len() != 1 || all.at(0, "status_code") != 202.0 || !strings.Contains(all.header.Get("Link"), "cursor=") {
		t.Errorf("%s %s", all.raw, all.header.Get("Link"))
	}
	failed := w.as(jwt, "GET", "/app/hook/deliveries?status=failure", nil)
	if failed.len() != 1 || failed.at(0, "status_code") != 503.0 {
		t.Fatal(failed.raw)
	}
	path := fmt.Sprintf("/app/hook/deliveries/%.0f", failed.at(0, "id"))
	if g := w.as(jwt, "GET", path, nil); g.text("response", "payload") != "thanks" || g.text("request", "payload", "ref") != "refs/heads/main" {
		t.Error(g.raw)
	}
	if g := w.as(jwt, "POST", path+"/attempts", nil); g.status != 202 {
		t.Error(g.raw)
	}
	w.Settle()
	again := w.as(jwt, "GET", "/app/hook/deliveries", nil)
	if again.len() != 3 || again.at(0, "redelivery") != true || again.text(0, "guid") != failed.text(0, "guid") {
		t.Error(again.raw)
	}
}

// Whatever a test has to say can be sent, signed.
func TestDeliver(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	must(t, w.Deliver("acme/shop", "pull_request", map[string]any{"action": "opened", "number": 5}))
	must(t, w.Deliver("acme/shop", "watch", map[string]any{"action": "started"}))
	w.Settle()
	if got := l.events(); !slices.Equal(got, []string{"pull_request opened"}) {
		t.Errorf("%q: want only what the App subscribed to", got)
	}
	if l.last().body["number"] != 5.0 || l.last().body["repository"] == nil {
		t.Errorf("%s", l.last().raw)
	}
}
