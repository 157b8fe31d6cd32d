package githubtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
)

func TestJWT(t *testing.T) {
	w := newWorld(t)
	unix := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for _, test := range []struct {
		name    string
		claims  map[string]any
		status  int
		message string
	}{
		{"right", nil, 200, ""},
		{"issuer is a number", map[string]any{"iss": 7}, 200, ""},
		{"issuer is the client id", map[string]any{"iss": "Iv23li00000000000007"}, 200, ""},
		{"ten minutes", map[string]any{"exp": unix(10 * time.Minute)}, 200, ""},
		{"other app", map[string]any{"iss": "8"}, 404, "Integration not found"},
		{"expired", map[string]any{"exp": unix(-time.Second)}, 401, "'Expiration time' claim"},
		{"far too long", map[string]any{"exp": unix(time.Hour)}, 401, "too far in the future"},
		{"from the future", map[string]any{"iat": unix(2 * time.Minute)}, 401, "'Issued at' claim"},
		{"no times", map[string]any{"iat": nil, "exp": nil}, 401, "'Expiration time' claim"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := w.as(w.jwt(test.claims), "GET", "/app", nil)
			if g.status != test.status || !strings.Contains(g.raw, test.message) {
				t.Errorf("%d %s, want %d %s", g.status, g.raw, test.status, test.message)
			}
		})
	}
	good := w.jwt(nil)
	if g := w.as(good, "GET", "/app", nil); g.header.Get("Date") != "Sun, 01 Mar 2026 12:00:00 GMT" {
		t.Errorf("the server's clock says %s", g.header.Get("Date"))
	}
	for name, token := range map[string]string{"other signature": good[:len(good)-8] + "AAAAAAAA", "two parts": strings.Join(strings.Split(good, ".")[:2], "."),
		"none": "eyJhbGciOiJub25lIn0.eyJpc3MiOiI3In0.", "installation token": w.token, "nothing": ""} {
		if g := w.as(token, "GET", "/app", nil); g.status != 401 {
			t.Errorf("%s: %d %s, want 401", name, g.status, g.raw)
		}
	}
	if g := w.as(good, "GET", "/repos/acme/shop", nil); g.status != 404 {
		t.Errorf("an App's JWT reads a private repository: %d %s", g.status, g.raw)
	}
}

func TestKeys(t *testing.T) {
	for _, text := range []string{"", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := githubtest.ParseKey([]byte(text)); err == nil {
			t.Errorf("ParseKey(%q) took it", text)
		}
	}
}

func TestToken(t *testing.T) {
	w := newWorld(t)
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/other", Flags: githubtest.Flags{Private: true}, Files: map[string]githubtest.File{"f": {Content: "x"}}}))
	must(t, w.AddRepo(githubtest.Repo{Name: "else/where", Flags: githubtest.Flags{Private: true}, Files: map[string]githubtest.File{"f": {Content: "x"}}}))
	must(t, w.AddRepo(githubtest.Repo{Name: "else/open", Files: map[string]githubtest.File{"f": {Content: "x"}}}))
	for _, test := range []struct {
		name    string
		options any
		method  string
		path    string
		status  int
	}{
		{"all repositories", nil, "GET", "/repos/acme/other", 200},
		{"foreign private repository", nil, "GET", "/repos/else/where", 404},
		{"foreign public repository, reading", nil, "GET", "/repos/else/open/contents/f", 200},
		{"foreign public repository, writing", nil, "POST", "/repos/else/open/issues", 403},
		{"narrowed to another repository", map[string]any{"repositories": []string{"shop"}}, "GET", "/repos/acme/other", 404},
		{"narrowed to this repository", map[string]any{"repositories": []string{"shop"}}, "GET", "/repos/acme/shop", 200},
		{"metadata comes along", map[string]any{"permissions": map[string]string{"contents": "read"}}, "GET", "/repos/acme/shop", 200},
		{"read is not write", map[string]any{"permissions": map[string]string{"contents": "read"}}, "POST", "/repos/acme/shop/git/blobs", 403},
		{"write reads", map[string]any{"permissions": map[string]string{"contents": "write"}}, "GET", "/repos/acme/shop/contents/README.md", 200},
		{"other permission", map[string]any{"permissions": map[string]string{"issues": "write"}}, "GET", "/repos/acme/shop/pulls", 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := w.as(w.newToken(test.options), test.method, test.path, `{"content":"x","title":"x"}`)
			if g.status != test.status {
				t.Errorf("%d %s, want %d", g.status, g.raw, test.status)
			}
			if g.status == 403 && g.text("message") != "Resource not accessible by integration" {
				t.Error(g.raw)
			}
		})
	}
	for name, options := range map[string]any{
		"more than granted":   map[string]any{"permissions": map[string]string{"administration": "read"}},
		"higher than granted": map[string]any{"permissions": map[string]string{"actions": "write"}},
		"unknown repository":  map[string]any{"repositories": []string{"shop", "nope"}},
		"foreign repository":  map[string]any{"repositories": []string{"where"}},
	} {
		if g := w.as(w.jwt(nil), "POST", "/app/installations/70/access_tokens", options); g.status != 422 {
			t.Errorf("%s: %d %s, want 422", name, g.status, g.raw)
		}
	}
	if g := w.as(w.jwt(nil), "POST", "/app/installations/71/access_tokens", nil); g.status != 404 {
		t.Errorf("unknown installation: %d", g.status)
	}
}

func TestTokenEnds(t *testing.T) {
	w := newWorld(t)
	w.want(200, "GET", "/repos/acme/shop", nil)
	must(t, w.Suspend(70, true))
	w.want(403, "GET", "/repos/acme/shop", nil)
	if g := w.as(w.jwt(nil), "POST", "/app/installations/70/access_tokens", nil); g.status != 403 {
		t.Errorf("suspended: %d %s", g.status, g.raw)
	}
	must(t, w.Suspend(70, false))
	w.later(59 * time.Minute)
	w.want(200, "GET", "/repos/acme/shop", nil)
	w.later(time.Minute)
	if g := w.want(401, "GET", "/repos/acme/shop", nil); g.text("message") != "Bad credentials" {
		t.Error(g.raw)
	}
	w.token = w.newToken(nil)
	if n := w.LiveTokens(); n != 1 {
		t.Errorf("%d live tokens", n)
	}
	w.want(204, "DELETE", "/installation/token", nil)
	w.want(401, "GET", "/repos/acme/shop", nil)
	w.token = w.newToken(nil)
	must(t, w.RemoveInstallation(70))
	w.want(401, "GET", "/repos/acme/shop", nil)
}

// Repositories come and go while a token lives.
func TestSelection(t *testing.T) {
	w := newWorld(t)
	must(t, w.AddInstallation(githubtest.Installation{ID: 70, App: 7, Account: "acme", Repos: []string{"acme/shop"}}))
	w.token = w.newToken(nil)
	must(t, w.AddRepo(githubtest.Repo{Name: "acme/new", Flags: githubtest.Flags{Private: true}}))
	w.want(404, "GET", "/repos/acme/new", nil)
	must(t, w.GrantRepo(70, "acme/new"))
	w.want(200, "GET", "/repos/acme/new", nil)
	if g := w.want(200, "GET", "/installation/repositories?per_page=1", nil); g.at("total_count") != 2.0 || !strings.Contains(g.header.Get("Link"), `page=2&per_page=1>; rel="next"`) {
		t.Errorf("%v of them, links %s", g.at("total_count"), g.header.Get("Link"))
	}
	must(t, w.RevokeRepo(70, "acme/new"))
	w.want(404, "GET", "/repos/acme/new", nil)
}

func TestPeople(t *testing.T) {
	w := newWorld(t)
	ada, eve := w.AddUser("ada"), w.AddUser("eve")
	must(t, w.SetPermission("acme/shop", "ada", "write"))
	must(t, w.SetPermission("acme/shop", "eve", "read"))
	if g := w.as(ada, "GET", "/repos/acme/shop", nil); g.status != 200 {
		t.Errorf("ada reads: %d", g.status)
	}
	if g := w.as(eve, "POST", "/repos/acme/shop/git/blobs", `{"content":"x"}`); g.status != 403 {
		t.Errorf("eve writes: %d", g.status)
	}
	if g := w.as(eve, "POST", "/repos/acme/shop/issues", `{"title":"x"}`); g.status != 201 {
		t.Errorf("eve talks: %d %s", g.status, g.raw)
	}
	if g := w.as("", "GET", "/repos/acme/shop", nil); g.status != 404 {
		t.Errorf("a stranger reads: %d", g.status)
	}
	for login, want := range map[string]string{"ada": "write", "eve": "read", "acme": "admin"} {
		if g := w.want(200, "GET", "/repos/acme/shop/collaborators/"+login+"/permission", nil); g.text("permission") != want {
			t.Errorf("%s: %s, want %s", login, g.raw, want)
		}
	}
	w.want(404, "GET", "/repos/acme/shop/collaborators/nobody/permission", nil)
}
