package ghapp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/patch"
)

func TestSnapshot(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	snap, err := w.client().Snapshot(t.Context(), shop, "main")
	w.must(err)
	files, err := snap.List(t.Context())
	w.must(err)
	got := map[string]string{}
	for _, f := range files {
		got[f.Path] = string(f.Mode)
		text, err := snap.Read(t.Context(), f.Path)
		switch {
		case !f.Mode.Regular() && err == nil:
			t.Errorf("%s: a link was followed (attack 36)", f.Path)
		case f.Mode.Regular() && (err != nil || string(text) != shopFiles[f.Path].Content || f.Size != int64(len(text))):
			t.Errorf("%s: %q (size %d), %v", f.Path, text, f.Size, err)
		}
	}
	want := map[string]string{}
	for path, f := range shopFiles {
		if want[path] = string(f.Mode); f.Mode == "" {
			want[path] = "100644"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := snap.Read(t.Context(), "no/such"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// Reading again costs one request that GitHub does not count, also for a new
// token; what has changed costs its tree and its blob.
func TestReadingAgain(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	read := func() []string {
		snap, err := c.Snapshot(t.Context(), shop, "main")
		w.must(err)
		_, err = snap.Read(t.Context(), "k8s/checkout.yaml")
		w.must(err)
		var lines []string
		for _, l := range w.log.take() {
			if !strings.Contains(l, "access_tokens") {
				lines = append(lines, l)
			}
		}
		return lines
	}
	if n := len(read()); n != 3 {
		t.Errorf("first read: %d requests, want commit, tree and blob", n)
	}
	if n := len(read()); n != 1 {
		t.Errorf("second read: %d requests, want 1", n)
	}
	w.ExpireTokens()
	if got := w.statuses(read); fmt.Sprint(got) != "[304]" {
		t.Errorf("read with a new token: answers %v, want one 304", got)
	}
	w.push("main", "k8s/checkout.yaml", manifest("640Mi"))
	if n := len(read()); n != 3 {
		t.Errorf("read after a change: %d requests, want 3", n)
	}
	w.push("main", "README.md", "# Shop 2\n")
	if n := len(read()); n != 2 {
		t.Errorf("read after a change elsewhere: %d requests, want commit and tree", n)
	}
}

// statuses returns what GitHub answered to the GETs that do causes.
func (w *world) statuses(do func() []string) (out []int) {
	w.log.seen = func(req *http.Request, status int) {
		if req.Method == http.MethodGet && status != http.StatusUnauthorized {
			out = append(out, status)
		}
	}
	do()
	w.log.seen = nil
	return out
}

// A tree that GitHub truncates is listed folder by folder.
func TestTruncatedTree(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	whole, err := w.client().Snapshot(t.Context(), shop, "main")
	w.must(err)
	want, err := whole.List(t.Context())
	w.must(err)
	truncated := roundTrip(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil && strings.Contains(req.URL.Path, "/git/trees/") && req.URL.Query().Get("recursive") != "" {
			text, _ := io.ReadAll(resp.Body)
			text = bytes.Replace(text, []byte(`"truncated":false`), []byte(`"truncated":true`), 1)
			resp.Body = io.NopCloser(bytes.NewReader(text))
			resp.ContentLength = int64(len(text))
			resp.Header.Del("Content-Length")
		}
		return resp, err
	})
	snap, err := w.client(truncated).Snapshot(t.Context(), shop, "main")
	w.must(err)
	w.log.take()
	got, err := snap.List(t.Context())
	w.must(err)
	if n := len(w.log.take()); n != 8 { // whole, root, .github, bin, docs, docs/deep, docs/deep/er, k8s
		t.Errorf("%d requests, want 8", n)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-whole +walked):\n%s", diff)
	}
}

// A blob that is not what its name says does not come through.
func TestBlobIsChecked(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	proxy := roundTrip(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil && strings.Contains(req.URL.Path, "/git/blobs/") {
			resp.Body = io.NopCloser(strings.NewReader("<html>please log in</html>"))
			resp.ContentLength = -1
			resp.Header.Del("Content-Length")
		}
		return resp, err
	})
	snap, err := w.client(proxy).Snapshot(t.Context(), shop, "main")
	w.must(err)
	if text, err := snap.Read(t.Context(), "README.md"); !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("%q, %v; want ErrUnavailable", text, err)
	}
}

// Attacks 42 and 43: repositories in every state.
func TestRepositoryStates(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.must(w.AddRepo(githubtest.Repo{Name: "acme/empty"}))
	w.must(w.AddRepo(githubtest.Repo{Name: "acme/old", Files: shopFiles, Flags: githubtest.Flags{Archived: true}}))
	w.must(w.AddRepo(githubtest.Repo{Name: "acme/slash", Branch: "release/1.2", Files: shopFiles}))
	c := w.client()
	read := func(name, branch string) error {
		_, err := c.Snapshot(t.Context(), forge.Repo{Owner: "acme", Name: name}, branch)
		return err
	}
	if err := read("empty", "main"); !errors.Is(err, forge.ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	if err := read("nosuch", "main"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("not there: %v", err)
	}
	if err := read("shop", "nosuch"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("branch not there: %v", err)
	}
	if err := read("slash", "release/1.2"); err != nil {
		t.Errorf("default branch with a slash: %v", err)
	}
	info, err := c.Repository(t.Context(), forge.Repo{Owner: "acme", Name: "slash"})
	if err != nil || info.Default != "release/1.2" || info.Writable() != nil {
		t.Errorf("slash: %+v, %v", info, err)
	}
	old := forge.Repo{Owner: "acme", Name: "old"}
	if info, err := c.Repository(t.Context(), old); err != nil || !errors.Is(info.Writable(), forge.ErrArchived) {
		t.Errorf("archived: %+v, %v", info, err)
	}
	w.must(w.AddRepo(githubtest.Repo{Name: "acme/off", Files: shopFiles}))
	off := forge.Repo{Owner: "acme", Name: "off"}
	head := w.headOf("acme/off", "main")
	w.must(w.SetFlags("acme/off", func(f *githubtest.Flags) { f.Disabled = true }))
	if err := read("off", "main"); !errors.Is(err, forge.ErrArchived) && !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("disabled: %v", err)
	}
	p := w.raise("640Mi")
	p.Repo, p.BaseSHA = off, head
	if _, err := c.Propose(t.Context(), p); !errors.Is(err, forge.ErrArchived) && !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("propose to a disabled repository: %v", err)
	}
	p.Repo, p.BaseSHA = old, w.headOf("acme/old", "main")
	if _, err := c.Propose(t.Context(), p); !errors.Is(err, forge.ErrArchived) {
		t.Errorf("propose to an archived repository: %v", err)
	}
	p.Repo, p.Base, p.BaseSHA = forge.Repo{Owner: "acme", Name: "slash"}, "release/1.2", w.headOf("acme/slash", "release/1.2")
	if opened, err := c.Propose(t.Context(), p); err != nil || opened.Pull.Base != "release/1.2" {
		t.Errorf("propose to a branch with a slash: %+v, %v", opened, err)
	}

	w.must(w.RenameRepo("acme/shop", "acme/store"))
	info, err = c.Repository(t.Context(), shop)
	if err != nil || info.Repo.Name != "store" {
		t.Errorf("renamed: %+v, %v; want the new name", info, err)
	}
	if err := c.AddLabels(t.Context(), shop, 1, forge.Label{Name: "x"}); !errors.Is(err, forge.ErrMoved) && !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("write to a renamed repository: %v", err)
	}
}

func (w *world) headOf(repo, branch string) forge.SHA {
	w.t.Helper()
	w.must(w.SetPermission(repo, "mona", "write"))
	var ref struct {
		Object struct{ SHA forge.SHA }
	}
	w.must(w.person("GET", "repos/"+repo+"/git/ref/heads/"+branch, nil, &ref))
	return ref.Object.SHA
}

func TestRepositories(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	for i := range 120 {
		w.must(w.AddRepo(githubtest.Repo{Name: fmt.Sprintf("acme/r%d", i)}))
	}
	list, err := w.client().Repositories(t.Context())
	if err != nil || len(list) != 121 {
		t.Errorf("%d repositories, %v; want 121 from two pages", len(list), err)
	}
	installations, err := w.open().Installations(t.Context())
	want := []forge.Installation{{ID: installation, Account: "acme"}}
	if diff := cmp.Diff(want, installations); err != nil || diff != "" {
		t.Errorf("installations: %v (-want +got):\n%s", err, diff)
	}
}

func TestPermission(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.AddUser("hubot")
	w.must(w.SetPermission("acme/shop", "root", "admin"))
	c := w.client()
	for login, want := range map[string]forge.Permission{
		"mona": forge.PermissionWrite, "root": forge.PermissionAdmin, "nobody": forge.PermissionNone,
	} {
		if got, err := c.Permission(t.Context(), shop, login); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", login, got, err, want)
		}
	}
	for _, login := range []string{"", "..", "a/b", "mona?x", "mona\n"} {
		if got, err := c.Permission(t.Context(), shop, login); err == nil || got != forge.PermissionNone {
			t.Errorf("login %q: %v, %v; want an error", login, got, err)
		}
	}
}

// An idle cycle costs nothing of GitHub's hourly limit: what has not changed is
// answered with 304.
func TestIdleCycle(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	const n = 150
	for i := range n {
		w.must(w.AddRepo(githubtest.Repo{Name: fmt.Sprintf("acme/r%d", i), Files: shopFiles}))
	}
	c := w.client()
	cycle := func() (requests, counted int) {
		w.ResetJournal()
		repos, err := c.Repositories(t.Context())
		w.must(err)
		for _, r := range repos {
			_, err := c.OurPulls(t.Context(), r.Repo)
			w.must(err)
			snap, err := c.Snapshot(t.Context(), r.Repo, r.Default)
			w.must(err)
			_, err = snap.Read(t.Context(), ".github/salve.yml")
			w.must(err)
		}
		for _, r := range w.Journal() {
			requests++
			if !r.Free {
				counted++
			}
		}
		return requests, counted
	}
	first, _ := cycle()
	idle, counted := cycle()
	w.ExpireTokens()
	_, renewed := cycle()
	t.Logf("%d repositories: %d requests at first, %d in an idle cycle, %d of them counted; %d with a new token", n+1, first, idle, counted, renewed)
	if counted > 0 || renewed > 2 {
		t.Errorf("an idle cycle costs %d counted requests, %d with a new token; want 0 and at most 2", counted, renewed)
	}
}

// Whatever comes back as an answer ends in a value or an error.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `[null]`, `null`, `[[]]`, `"x"`, `{"sha":"a","commit":null}`, `[{"state":"open","head":null,"labels":[null],"merged_at":"x"}]`,
		`{"sha":"0123456789012345678901234567890123456789","commit":{"tree":{"sha":"0123456789012345678901234567890123456789"}},"tree":[null,{"path":"a/b"}],"truncated":false}`,
		`{"tree":[{"type":"tree","path":"x","sha":".."}],"truncated":true}`, `{"repositories":[null,{}],"installations":[{}]}`,
		`[{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"x"}]}},{"type":"x","parameters":[1]}]`,
		`{"data":{"repository":{"b0":null,"b1":{"text":"x"}}},"errors":[{"message":"x"}]}`, `{"id":4711,"slug":"salve","check_runs":[null]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		app, err := Open(Config{
			AppID: appID, PrivateKey: testPEM(), WebhookSecret: "x", Pacing: Pacing{Off: true}, Log: slog.New(slog.DiscardHandler),
			Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				body := text
				switch {
				case strings.HasSuffix(req.URL.Path, "/access_tokens"):
					body = `{"token":"ghs_x","expires_at":"2100-01-01T00:00:00Z"}`
				case req.URL.Path == "/app" && len(text)%2 == 0:
					body = `{"id":4711,"slug":"salve"}`
				}
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, c, sha := t.Context(), app.Client(installation), forge.SHA(strings.Repeat("a1", 20))
		app.Identity(ctx)
		app.Installations(ctx)
		app.Deliveries(ctx, time.Time{})
		c.Repository(ctx, shop)
		c.Repositories(ctx)
		c.Rules(ctx, shop, "main")
		c.Permission(ctx, shop, "mona")
		c.Pull(ctx, shop, 1)
		c.PullsOf(ctx, shop, "salve/x")
		c.OurPulls(ctx, shop)
		c.Statuses(ctx, shop, sha)
		c.SetStatus(ctx, shop, sha, forge.CommitStatus{Context: "x", State: forge.Success})
		c.SetCheck(ctx, shop, forge.CheckRun{Name: "x", Head: sha})
		c.Comment(ctx, shop, 1, "x", "y")
		c.ClosePull(ctx, shop, 1, "x", true)
		c.fetchBlobs(ctx, shop, []forge.SHA{sha, sha})
		if s, err := c.Snapshot(ctx, shop, "main"); err == nil {
			s.List(ctx)
			s.Read(ctx, "a/b")
		}
		c.Propose(ctx, forge.Proposal{
			Key: "k", Repo: shop, Base: "main", BaseSHA: sha, Branch: "salve/x", Title: "t", Message: "m",
			Changes: patch.ChangeSet{{Path: "a", After: []byte("b")}}, Labels: []forge.Label{{Name: "x"}},
			Comments: []forge.LineComment{{Path: "a", Line: 1, Body: "x"}}, Status: forge.CommitStatus{Context: "x"},
		})
	})
}
