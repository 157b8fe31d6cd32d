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
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp/webhook"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/patch"
)

// Attacks 6 and 65, and every other way to open an App wrongly.
func TestOpenRefuses(t *testing.T) {
	good := Config{AppID: 1, PrivateKey: testPEM(), WebhookSecret: "x", Log: slog.New(slog.DiscardHandler)}
	if _, err := Open(good); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"webhook secret is empty":  func(c *Config) { c.WebhookSecret = "" },
		"webhook secret is empty ": func(c *Config) { c.WebhookSecret = " \n" },
		"id of the GitHub App":     func(c *Config) { c.AppID = 0 },
		"private key":              func(c *Config) { c.PrivateKey = []byte("nonsense") },
		"want https":               func(c *Config) { c.BaseURL = "http://ghes.example/api/v3/" },
		"want a URL":               func(c *Config) { c.BaseURL = "ghes.example" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}

// Nothing is appended to the API root.
func TestBaseURL(t *testing.T) {
	github := githubtest.New(githubtest.Options{})
	srv := httptest.NewServer(github.Handler())
	defer srv.Close()
	if err := github.AddApp(githubtest.App{ID: appID, Slug: "salve", Key: testPEM()}); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"/", "", "/api/v3/", "/api/v3"} {
		app, err := Open(Config{AppID: appID, PrivateKey: testPEM(), WebhookSecret: "x", BaseURL: srv.URL + root, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if self, err := app.Identity(t.Context()); err != nil || self.Login() != "salve[bot]" {
			t.Errorf("root %q: %+v, %v", root, self, err)
		}
	}
	if unknown := github.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that GitHub does not know: %+v", unknown)
	}
}

// A key of another App, an id of another key.
func TestWrongApp(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	app, err := Open(Config{AppID: appID + 1, PrivateKey: testPEM(), WebhookSecret: "x", BaseURL: w.url, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	_, err = app.Identity(t.Context())
	if err == nil || !strings.Contains(err.Error(), "/app: ") || !errors.Is(err, forge.ErrUnauthorized) && !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("wrong id: %v", err)
	}
	_, err = w.open().Client(99).Repositories(t.Context())
	if !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "installation 99") {
		t.Errorf("unknown installation: %v", err)
	}
	w.must(w.Suspend(installation, true))
	_, err = w.client().Repositories(t.Context())
	if !errors.Is(err, forge.ErrSuspended) {
		t.Errorf("suspended installation (attack 18): %v", err)
	}
}

// Attack 15: a delivery for another App, though its secret is right.
func TestDeliveryOfAnotherApp(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	got := make(chan error, 10)
	app := w.open()
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, err := app.ParseEvent(r.Header, body)
		if err == nil && e.Installation != installation {
			err = fmt.Errorf("event %+v", e)
		}
		got <- err
		r.Header.Set("X-GitHub-Hook-Installation-Target-ID", "1")
		_, err = app.ParseEvent(r.Header, body)
		got <- err
	}))
	defer hook.Close()
	w.must(w.SetWebhook(appID, hook.URL, hookSecret))
	_, err := w.PushCommit("acme/shop", "mona", "main", "x", map[string]*githubtest.File{"x": {Content: "x"}})
	w.must(err)
	w.Settle()
	if err := <-got; err != nil {
		t.Errorf("a delivery of GitHub: %v", err)
	}
	if err := <-got; !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("a delivery for App 1: %v", err)
	}
}

// Attack 50: the token of a write is good for one repository, and no token can
// do more than it is for.
func TestTokensAreNarrow(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.must(w.AddRepo(githubtest.Repo{Name: "acme/other", Files: shopFiles}))
	tokens := map[string]string{} // by what was asked for
	var mu sync.Mutex
	c := w.client(roundTrip(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/access_tokens") {
			body, _ := io.ReadAll(req.Body)
			req.Body = io.NopCloser(bytes.NewReader(body))
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil {
				answer, _ := io.ReadAll(resp.Body)
				resp.Body = io.NopCloser(bytes.NewReader(answer))
				_, token, _ := strings.Cut(string(answer), `"token":"`)
				token, _, _ = strings.Cut(token, `"`)
				mu.Lock()
				tokens[strings.TrimSpace(string(body))] = token
				mu.Unlock()
			}
			return resp, err
		}
		return http.DefaultTransport.RoundTrip(req)
	}))
	_, err := c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)
	_, err = c.SetStatus(t.Context(), shop, w.head("main"), forge.CommitStatus{Context: "salve/x", State: forge.Success})
	w.must(err)
	if len(tokens) != 3 {
		t.Fatalf("tokens %v, want three: to read, to propose, to judge", tokens)
	}
	pushers, judges := 0, 0
	for asked, token := range tokens {
		may := func(method, path, body string) bool {
			req, _ := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
			req.Header.Set("Authorization", "token "+token)
			resp, err := http.DefaultClient.Do(req)
			w.must(err)
			resp.Body.Close()
			return resp.StatusCode < 300
		}
		push := `{"ref":"refs/heads/x` + fmt.Sprint(len(asked)) + `","sha":"` + string(w.head("main")) + `"}`
		propose, judge := strings.Contains(asked, `"contents":"write"`), strings.Contains(asked, `"statuses":"write"`)
		status := `{"state":"success","context":"x"}`
		if propose {
			pushers++
		}
		if judge {
			judges++
		}
		for what, tt := range map[string]struct{ got, want bool }{
			"push to shop":    {may("POST", "repos/acme/shop/git/refs", push), propose},
			"push to other":   {may("POST", "repos/acme/other/git/refs", push), false},
			"status on shop":  {may("POST", "repos/acme/shop/statuses/"+string(w.head("main")), status), judge},
			"status on other": {may("POST", "repos/acme/other/statuses/"+string(w.headOf("acme/other", "main")), status), false},
		} {
			if tt.got != tt.want {
				t.Errorf("token for %s: %s is %v, want %v", asked, what, tt.got, tt.want)
			}
		}
	}
	if pushers != 1 || judges != 2 {
		t.Errorf("%d tokens may push and %d judge, want one, to propose, and two", pushers, judges)
	}
	if w.LiveTokens() != 3 {
		t.Errorf("%d tokens live, want 3", w.LiveTokens())
	}
	w.must(c.app.Close(t.Context()))
	if w.LiveTokens() != 0 {
		t.Errorf("%d tokens live after Close", w.LiveTokens())
	}
}

// Attack 66: a clock that is off is named as such.
func TestClockSkew(t *testing.T) {
	w := newWorld(t, githubtest.Options{Now: func() time.Time { return time.Now().Add(-10 * time.Minute) }})
	_, err := w.open().Identity(t.Context())
	if !errors.Is(err, forge.ErrUnauthorized) || !strings.Contains(err.Error(), "clock of this machine is") {
		t.Errorf("%v, want it to name the clock", err)
	}
	_, err = w.client().Repositories(t.Context())
	if !errors.Is(err, forge.ErrUnauthorized) || !strings.Contains(err.Error(), "clock of this machine is") {
		t.Errorf("%v, want it to name the clock", err)
	}
}

// Attack 67: tokens that end in the middle of a run are renewed once, and the
// request that met it is not lost.
func TestTokenRenewedOnce(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	_, err := c.Snapshot(t.Context(), shop, "main")
	w.must(err)
	w.ExpireTokens()
	_, err = c.Propose(t.Context(), w.raise("640Mi"))
	w.must(err)

	// One that GitHub never takes is not asked for again and again.
	w.Inject(githubtest.Fault{Path: "/repos/**", Status: http.StatusUnauthorized, Body: `{"message":"Bad credentials"}`})
	w.log.take()
	_, err = c.Snapshot(t.Context(), shop, "main")
	if lines := w.log.take(); !errors.Is(err, forge.ErrUnauthorized) || len(lines) != 3 {
		t.Errorf("%v after %v; want ErrUnauthorized after two tries and one token", err, lines)
	}
}

// Attacks 68 and 69: whatever GitHub answers is an error that callers can act on.
func TestAnswers(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html"}}
	for name, tt := range map[string]struct {
		fault githubtest.Fault
		want  error
		text  string
	}{
		"500":           {githubtest.Fault{Status: 500}, forge.ErrUnavailable, "500"},
		"502 html":      {githubtest.Fault{Status: 502, Header: html, Body: "<html>"}, forge.ErrUnavailable, "502"},
		"200 html":      {githubtest.Fault{Status: 200, Header: html, Body: "<html>log in</html>"}, forge.ErrUnavailable, "not JSON but text/html"},
		"202":           {githubtest.Fault{Status: 202, Body: "{}"}, forge.ErrUnavailable, "not computed"},
		"truncated":     {githubtest.Fault{Cut: 20, Applied: true}, forge.ErrUnavailable, ""},
		"reset":         {githubtest.Fault{Reset: true}, forge.ErrUnavailable, ""},
		"empty":         {githubtest.Fault{Status: 200}, forge.ErrUnavailable, "empty"},
		"wrong type":    {githubtest.Fault{Status: 200, Body: `[1]`}, forge.ErrUnavailable, ""},
		"403":           {githubtest.Fault{Status: 403, Body: `{"message":"Resource not accessible by integration"}`}, forge.ErrForbidden, "not accessible by integration"},
		"archived":      {githubtest.Fault{Status: 403, Body: `{"message":"Repository was archived so is read-only."}`}, forge.ErrArchived, ""},
		"suspended":     {githubtest.Fault{Status: 403, Body: `{"message":"This installation has been suspended"}`}, forge.ErrSuspended, ""},
		"404":           {githubtest.Fault{Status: 404, Body: `{"message":"Not Found"}`}, forge.ErrNotFound, "404 Not Found"},
		"422":           {githubtest.Fault{Status: 422, Body: `{"message":"Repository rule violations found"}`}, forge.ErrRejected, "rule violations"},
		"422 overtaken": {githubtest.Fault{Status: 422, Body: `{"message":"Reference already exists"}`}, forge.ErrConflict, ""},
		"409":           {githubtest.Fault{Status: 409, Body: `{"message":"x"}`}, forge.ErrConflict, ""},
		"451":           {githubtest.Fault{Status: 451, Body: `{"message":"x"}`}, forge.ErrForbidden, ""},
		"secret echoed": {githubtest.Fault{Status: 403, Body: `{"message":"bad token ghs_0123456789abcdef"}`}, forge.ErrForbidden, "[redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			c := w.client()
			tt.fault.Path = "/repos/acme/shop"
			w.Inject(tt.fault)
			_, err := c.Repository(t.Context(), shop)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "ghs_") {
				t.Errorf("%v; want %v with %q", err, tt.want, tt.text)
			}
		})
	}
	for name, fault := range map[string]githubtest.Fault{
		"429":                {Status: 429, Header: http.Header{"Retry-After": {"120"}}},
		"secondary":          {Status: 403, Body: `{"message":"You have exceeded a secondary rate limit"}`},
		"hour":               {Status: 403, Header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {fmt.Sprint(time.Now().Add(time.Hour).Unix())}}},
		"429 for the token":  {Status: 429, Path: "/app/**"},
		"hour for the token": {Status: 403, Path: "/app/**", Header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {fmt.Sprint(time.Now().Add(time.Hour).Unix())}}},
	} {
		w := newWorld(t, githubtest.Options{})
		if fault.Path == "" {
			fault.Path = "/repos/**"
		}
		w.Inject(fault)
		_, err := w.client().Repository(t.Context(), shop)
		var limit *forge.RateLimitError
		if !errors.As(err, &limit) || time.Until(limit.Until) < 50*time.Second {
			t.Errorf("%s: %v; want a RateLimitError of a minute or more", name, err)
		}
	}
}

// Under GitHub's own limits nothing is lost: what was not sent is said so.
func TestLimitsOfGitHub(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.SetLimits(githubtest.Limits{WritesPerMinute: 4, Silent: true})
	_, err := w.client().Propose(t.Context(), w.raise("640Mi"))
	var limit *forge.RateLimitError
	if !errors.As(err, &limit) {
		t.Fatalf("%v, want a RateLimitError", err)
	}
	w.SetLimits(githubtest.Limits{})
	opened, err := w.client().Propose(t.Context(), w.raise("640Mi"))
	if err != nil || opened.Pull.Number != 1 {
		t.Errorf("%+v, %v; want #1", opened, err)
	}
}

// Attack 48: names that climb never reach the network.
func TestNamesDoNotClimb(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	bad := forge.Repo{Owner: "o", Name: "../../user"}
	for name, err := range map[string]error{
		"repository": second(c.Repository(t.Context(), bad)),
		"branch":     second(c.Snapshot(t.Context(), shop, "heads/../../../../user")),
		"commit":     second(c.SnapshotAt(t.Context(), shop, "../../user")),
		"rules":      second(c.Rules(t.Context(), shop, "x?y#z")),
		"pulls":      second(c.PullsOf(t.Context(), shop, "x&state=open y")),
		"statuses":   second(c.Statuses(t.Context(), shop, "main/../..")),
		"status":     second(c.SetStatus(t.Context(), bad, w.head("main"), forge.CommitStatus{})),
		"comment":    c.Comment(t.Context(), bad, 1, "", ""),
		"check":      second(c.SetCheck(t.Context(), shop, forge.CheckRun{Head: "x/.."})),
		"rule":       c.AnswerRule(t.Context(), bad, 1, "production", RuleAnswer{}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if len(w.log.take()) > 0 || len(w.Climbing()) > 0 {
		t.Errorf("requests were sent: %v", w.Journal())
	}
}

// Attack 16: a repository that is not the installation's.
func TestForeignRepository(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.must(w.AddRepo(githubtest.Repo{Name: "other/shop", Files: shopFiles, Flags: githubtest.Flags{Private: true}}))
	other := forge.Repo{Owner: "other", Name: "shop"}
	c := w.client()
	p := w.raise("640Mi")
	p.Repo, p.BaseSHA = other, w.headOf("other/shop", "main")
	_, err := c.Propose(t.Context(), p)
	if !errors.Is(err, forge.ErrNotFound) && !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("propose: %v", err)
	}
	_, err = c.SetStatus(t.Context(), other, p.BaseSHA, forge.CommitStatus{Context: "x", State: forge.Success})
	if !errors.Is(err, forge.ErrNotFound) && !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("status: %v", err)
	}
}

// Attack 39: a branch named like the folder of ours makes ours impossible. That
// is said once, and nothing is left behind.
func TestBranchInTheWay(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	_, err := w.PushCommit("acme/shop", "mona", "salve", "mine", map[string]*githubtest.File{"x": {Content: "x"}})
	w.must(err)
	before := w.state()
	_, err = w.client().Propose(t.Context(), w.raise("640Mi"))
	if !errors.Is(err, forge.ErrRejected) || !strings.Contains(err.Error(), "create branch salve/memory-limit/checkout-1a2b3c4d") {
		t.Errorf("%v, want ErrRejected that names the branch", err)
	}
	if w.state() != before {
		t.Errorf("something changed:\n%s", w.state())
	}
}

func second[T any](_ T, err error) error { return err }

// Attack 64: a secret in a text, such as the title of a problem, does not reach
// GitHub. Files are written as they are.
func TestSecretsStayHere(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	secrets := []string{hookSecret, "ghs_0123456789abcdef", "dt0c01.ABCDEFGH.0123456789ABCDEF"}
	text := "leak " + strings.Join(secrets, " and ") + " end"
	p := w.raise("640Mi")
	p.Title, p.Body, p.Message, p.Comments[0].Body, p.Status.Description = text, text, text, text, text
	_, err := c.Propose(t.Context(), p)
	w.must(err)
	w.must(c.Comment(t.Context(), shop, 1, "x", text))
	_, err = c.SetStatus(t.Context(), shop, w.head("main"), forge.CommitStatus{Context: "x", State: forge.Success, Description: text})
	w.must(err)
	var commit, statuses json.RawMessage
	w.must(w.person("GET", "repos/acme/shop/commits/"+string(w.head(p.Branch)), nil, &commit))
	w.must(w.person("GET", "repos/acme/shop/commits/"+string(w.head("main"))+"/statuses", nil, &statuses))
	shown := w.state() + string(commit) + string(statuses)
	for _, secret := range secrets {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is on GitHub:\n%s", secret, shown)
		}
	}
	if n := strings.Count(shown, "leak "); n < 6 {
		t.Errorf("the texts came to %d places, want all 6 without their secrets:\n%s", n, shown)
	}
}

// Attack 36: what is a submodule, or lies below one, is not written to.
func TestSubmodule(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.must(w.AddRepo(githubtest.Repo{Name: "acme/sub", Files: map[string]githubtest.File{
		"k8s/checkout.yaml": {Content: manifest("512Mi")}, "charts": {Content: "x", Mode: "160000"},
	}}))
	for _, change := range []patch.FileChange{
		{Path: "charts", Before: []byte("x"), After: []byte("y")}, {Path: "charts/values.yaml", After: []byte("y")},
	} {
		p := w.raise("640Mi")
		p.Repo, p.BaseSHA, p.Comments = forge.Repo{Owner: "acme", Name: "sub"}, w.headOf("acme/sub", "main"), nil
		p.Changes = patch.ChangeSet{change}
		if opened, err := w.client().Propose(t.Context(), p); err == nil || w.LiveTokens() == 0 {
			t.Errorf("%s: %+v, %v; want an error", change.Path, opened, err)
		}
	}
	if s, err := w.State("acme/sub"); err != nil || len(s.Branches) != 1 || len(s.Issues) > 0 {
		t.Errorf("something was left: %+v, %v", s, err)
	}
}

// Attack 40: whoever writes our name into a commit, or amends one of ours, has
// still made it. What GitHub did not sign for us is not ours.
func TestCommitsInOurName(t *testing.T) {
	ours := map[string]string{"name": "salve[bot]", "email": "1+salve[bot]@users.noreply.github.com"}
	mona := map[string]string{"name": "mona", "email": "1+mona@users.noreply.github.com"}
	for name, by := range map[string]map[string]any{
		"our address":               {"author": ours},
		"amended":                   {"author": ours, "committer": mona},
		"our name alone":            {"author": map[string]string{"name": "salve[bot]", "email": "mona@example.com"}},
		"our address, and GitHub's": {"author": ours, "committer": map[string]string{"name": "GitHub", "email": "noreply@github.com"}},
		"a signature of hers":       {"author": ours, "signature": "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			opened, err := w.client().Propose(t.Context(), w.raise("640Mi"))
			w.must(err)
			var tree, made struct{ SHA forge.SHA }
			w.must(w.person("POST", "repos/acme/shop/git/trees", map[string]any{"base_tree": string(opened.Pull.Head),
				"tree": []map[string]string{{"path": "mine", "mode": "100644", "type": "blob", "content": "x"}}}, &tree))
			body := map[string]any{"message": "mine", "tree": tree.SHA, "parents": []forge.SHA{opened.Pull.Head}}
			for k, v := range by {
				body[k] = v
			}
			w.must(w.person("POST", "repos/acme/shop/git/commits", body, &made))
			w.must(w.person("PATCH", "repos/acme/shop/git/refs/heads/"+opened.Pull.Branch, map[string]any{"sha": made.SHA}, nil))
			c := w.client() // a new process, which has seen nothing yet
			between, err := c.Compare(t.Context(), shop, w.head("main"), made.SHA)
			if err != nil || len(between.Commits) != 2 || !between.Commits[0].Ours || between.Commits[1].Ours {
				t.Errorf("%+v, %v; want the first to be ours and the second not", between.Commits, err)
			}
			if again, err := w.client().Propose(t.Context(), w.raise("768Mi")); err != nil || again.Action != forge.HandsOff || w.head(opened.Pull.Branch) != made.SHA {
				t.Errorf("%s, %v, branch at %s; want hands off", again.Action, err, w.head(opened.Pull.Branch))
			}
		})
	}
}

// A host that always names a next page is not followed for ever, and nowhere
// else: whatever its lists and comparisons hold.
func TestEndlessPages(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer elsewhere.Close()
	for name, tt := range map[string]struct {
		page string
		ask  func(*Client, *App) error
		most int
	}{
		"repositories": {`{"total_count":1000000,"repositories":[]}`, func(c *Client, _ *App) error { return second(c.Repositories(t.Context())) }, 210},
		"pulls":        {`[]`, func(c *Client, _ *App) error { return second(c.OpenPulls(t.Context(), shop)) }, 210},
		"comparison": {`{"commits":[],"files":[]}`, func(c *Client, _ *App) error {
			return second(c.Compare(t.Context(), shop, forge.SHA(strings.Repeat("a1", 20)), forge.SHA(strings.Repeat("b2", 20))))
		}, 20},
		"statuses": {`[]`, func(c *Client, _ *App) error {
			return second(c.Statuses(t.Context(), shop, forge.SHA(strings.Repeat("a1", 20))))
		}, 210},
		"deliveries": {`[]`, func(_ *Client, a *App) error { return second(a.Deliveries(t.Context(), time.Now().Add(-time.Hour))) }, 510},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.URL.Path == "/app":
					fmt.Fprintf(w, `{"id":%d,"slug":"salve"}`, appID)
				case strings.HasSuffix(r.URL.Path, "/access_tokens"):
					w.WriteHeader(http.StatusCreated)
					fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
				default:
					asked++
					next := fmt.Sprintf("page=%d", asked+1)
					if name == "deliveries" {
						next = fmt.Sprintf("cursor=c%d", asked)
					}
					w.Header().Set("Link", fmt.Sprintf(`<%s/x?%s>; rel="next"`, elsewhere.URL, next))
					fmt.Fprint(w, tt.page)
				}
			}))
			defer srv.Close()
			app, err := Open(Config{AppID: appID, PrivateKey: testPEM(), WebhookSecret: hookSecret, BaseURL: srv.URL + "/", Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			err = tt.ask(app.Client(installation), app)
			t.Logf("%d requests: %v", asked, err)
			if asked < 2 || asked > tt.most {
				t.Errorf("%d requests, want at most %d", asked, tt.most)
			}
		})
	}
}

// What somebody adds to a pull request that GitHub was to merge by itself waits
// for a person.
func TestForeignCommitEndsAutoMerge(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.guard()
	p := w.raise("640Mi")
	p.AutoMerge = true
	opened, err := w.client().Propose(t.Context(), p)
	w.must(err)
	w.push(p.Branch, "k8s/checkout.yaml", manifest("64Gi"))
	if again, err := w.client().Propose(t.Context(), p); err != nil || again.Action != forge.HandsOff {
		t.Errorf("%s, %v; want hands off", again.Action, err)
	}
	w.must(w.SetStatus("acme/shop", "mona", string(w.head(p.Branch)), "success", "ci", ""))
	if pull := w.pull(); pull.Auto || pull.State != "open" || opened.Pull.Number != 1 {
		t.Errorf("%+v, want it open and nothing waiting to merge it", pull)
	}
}
