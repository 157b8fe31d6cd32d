// Package ghapp is the GitHub App. It is the only package that talks to GitHub
// and the only one that knows go-github and ghinstallation.
//
// An [App] is opened once. Each installation has one [Client], which remembers
// the limits that GitHub reports for it, so that no installation slows another.
// Reads of an installation share one token that can only read; each write uses
// a token for the one repository it is for and the permissions it needs.
//
// Above every call stands "GitHub: METHOD path; needs permission: level". A test
// compares these lines with app.yml.
package ghapp

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp/webhook"
	"github.com/salvehq/salve/internal/ghapp/wire"
	"github.com/salvehq/salve/internal/redact"
)

// DefaultURL is the API root of github.com.
const DefaultURL = "https://api.github.com/"

// Sizes of what is remembered, for all installations together, and of what is
// taken from GitHub. A recursive tree has at most 7 MB
// (https://docs.github.com/en/rest/git/trees#get-a-tree).
const (
	rememberedAnswers = 64 << 20
	rememberedBlobs   = 128 << 20
	rememberedTrees   = 128 << 20 // about a million files
	answerLimit       = 48 << 20
	requestTimeout    = time.Minute
)

// Config is what a GitHub App is made of.
type Config struct {
	AppID         int64
	PrivateKey    []byte // PEM, PKCS#1 or PKCS#8, as GitHub offers it for download
	WebhookSecret string // required: without it everybody could send events
	BaseURL       string // API root, taken exactly as given; empty means DefaultURL
	Pacing        Pacing
	Transport     http.RoundTripper // to the network; nil means one with time limits
	Log           *slog.Logger      // required

	// Redact takes secrets out of every text that is written to GitHub, files
	// excepted. The webhook secret is added to it. Nil means one that knows
	// no other.
	Redact *redact.Redactor
}

// Pacing bounds the writes to one installation. The zero Pacing is what GitHub
// asks for.
type Pacing struct {
	Off     bool          // no bounds of our own; limits that GitHub reports still hold
	Windows []wire.Window // how many writes in which time; nil means [wire.GitHubWindows]
	MaxWait time.Duration // longer waits are returned as [forge.RateLimitError]; 0 means 30 s
}

// An App is a GitHub App. It is safe for concurrent use.
type App struct {
	id      int64
	key     *rsa.PrivateKey
	secret  string
	root    *url.URL
	network http.RoundTripper // pinned to root; no authentication
	pacing  Pacing
	log     *slog.Logger
	redact  *redact.Redactor
	gh      *github.Client // as the App itself, by JSON web token

	answers *wire.Store[string, wire.Answer]
	blobs   *wire.Store[objectKey, []byte]
	trees   *wire.Store[objectKey, *listing]
	parents *wire.Store[objectKey, forge.SHA] // tree of a commit
	rules   *wire.Store[rulesKey, []forge.Rule]

	signs atomic.Bool // GitHub signs what Apps commit

	mu      sync.Mutex
	clients map[int64]*Client
	self    Identity
}

// objectKey names a git object. Objects are kept by repository, although equal
// names mean equal contents, so that one repository learns nothing of another.
type objectKey struct {
	repo forge.Repo
	sha  forge.SHA
}

// Open checks cfg and returns the App. It makes no request: use
// [App.Identity] to find out whether GitHub knows the App by this key.
func Open(cfg Config) (*App, error) {
	root, err := wire.ParseRoot(cmp.Or(cfg.BaseURL, DefaultURL))
	if err != nil {
		return nil, err
	}
	key, err := parseKey(cfg.PrivateKey)
	switch {
	case err != nil:
		return nil, fmt.Errorf("private key of the GitHub App: %w", err)
	case cfg.AppID <= 0:
		return nil, fmt.Errorf("id of the GitHub App is %d: want the number on its settings page", cfg.AppID)
	case strings.TrimSpace(cfg.WebhookSecret) == "":
		return nil, errors.New("webhook secret is empty: anybody could send events; set one here and in the App's settings")
	}
	base := cfg.Transport
	if base == nil {
		base = wire.NewTransport()
	}
	if cfg.Redact == nil {
		cfg.Redact = redact.New()
	}
	cfg.Redact.Add(cfg.WebhookSecret)
	a := &App{
		redact: cfg.Redact,
		id:     cfg.AppID, key: key, secret: cfg.WebhookSecret, root: root, pacing: cfg.Pacing, log: cfg.Log,
		network: &wire.Whole{Limit: answerLimit, Timeout: requestTimeout, Next: &wire.Pin{Root: root, Next: base}},
		answers: wire.NewStore[string, wire.Answer](rememberedAnswers),
		blobs:   wire.NewStore[objectKey, []byte](rememberedBlobs),
		trees:   wire.NewStore[objectKey, *listing](rememberedTrees),
		parents: wire.NewStore[objectKey, forge.SHA](1 << 20),
		rules:   wire.NewStore[rulesKey, []forge.Rule](4 << 20),
		clients: map[int64]*Client{},
	}
	a.signs.Store(signsForApps(root.Host))
	a.gh = a.github(&wire.Paced{Pace: a.pace(), Next: a.signed(a.cached("app"))})
	return a, nil
}

// cached remembers what may be shared within scope.
func (a *App) cached(scope string) http.RoundTripper {
	return &wire.Cache{Scope: scope, Store: a.answers, Skip: immutable, Next: a.network}
}

// immutable reports whether req asks for an object by its name. What is read of
// those is remembered decoded, and need never be asked for again.
func immutable(req *http.Request) bool {
	return strings.Contains(req.URL.Path, "/git/trees/") || strings.Contains(req.URL.Path, "/git/blobs/")
}

// signed signs requests with the App's key.
func (a *App) signed(next http.RoundTripper) *ghinstallation.AppsTransport {
	t := ghinstallation.NewAppsTransportFromPrivateKey(next, a.id, a.key)
	t.BaseURL = strings.TrimSuffix(a.root.String(), "/")
	return t
}

// github returns a client that sends its requests through rt.
func (a *App) github(rt http.RoundTripper) *github.Client {
	gh := github.NewClient(&http.Client{Transport: rt, CheckRedirect: wire.SameHost})
	gh.BaseURL = a.root // by hand: WithEnterpriseURLs would append /api/v3/
	gh.UserAgent = "salve"
	return gh
}

// pace returns the limits of one installation.
func (a *App) pace() *wire.Pace {
	p := &wire.Pace{MaxWait: cmp.Or(a.pacing.MaxWait, 30*time.Second), Urgent: verdict, Windows: a.pacing.Windows}
	switch {
	case a.pacing.Off:
		p.Windows = nil
	case p.Windows == nil:
		p.Windows = wire.GitHubWindows()
	}
	return p
}

// verdict reports whether req says what a check thinks of a commit. People wait
// for those, so they go before pull requests.
func verdict(req *http.Request) bool {
	path := req.URL.Path
	return strings.Contains(path, "/statuses/") || strings.Contains(path, "/check-runs") ||
		strings.HasSuffix(path, "/deployment_protection_rule")
}

// Identity is what GitHub says the App is.
type Identity struct {
	ID     int64
	Slug   string
	Name   string
	Events []string
}

// Login is the name under which the App appears as a user.
func (i Identity) Login() string { return i.Slug + "[bot]" }

// Identity asks GitHub who this App is. The answer is remembered. A wrong key,
// a wrong id and a clock that is off are [forge.ErrUnauthorized].
//
// GitHub: GET /app; needs no permission.
func (a *App) Identity(ctx context.Context) (Identity, error) {
	a.mu.Lock()
	self := a.self
	a.mu.Unlock()
	if self.ID != 0 {
		return self, nil
	}
	app, _, err := a.gh.Apps.Get(ctx, "")
	if err != nil {
		return Identity{}, explain(err, "ask who App %d is", a.id)
	}
	self = Identity{ID: app.GetID(), Slug: app.GetSlug(), Name: app.GetName(), Events: app.Events}
	if self.ID != a.id || self.Slug == "" {
		return Identity{}, fmt.Errorf("ask who App %d is: GitHub answers for App %d %q", a.id, self.ID, self.Slug)
	}
	a.mu.Lock()
	a.self = self
	a.mu.Unlock()
	return self, nil
}

// Installations lists the accounts that the App is installed in.
//
// GitHub: GET /app/installations; needs no permission.
func (a *App) Installations(ctx context.Context) ([]forge.Installation, error) {
	list, err := pages(func(o *github.ListOptions) ([]*github.Installation, *github.Response, error) {
		return a.gh.Apps.ListInstallations(ctx, o)
	})
	if err != nil {
		return nil, explain(err, "list installations")
	}
	var out []forge.Installation
	for _, i := range list {
		out = append(out, forge.Installation{
			ID: i.GetID(), Account: i.GetAccount().GetLogin(), Suspended: i.SuspendedAt != nil,
		})
	}
	return out, nil
}

// Client returns the client of an installation: always the same one.
func (a *App) Client(installation int64) *Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.clients[installation]
	if !ok {
		c = newClient(a, installation)
		a.clients[installation] = c
	}
	return c
}

// ParseEvent reads a webhook delivery that is signed with the App's secret; see
// [webhook.Parse] for its errors. A delivery that was meant for another App is
// [webhook.ErrSignature] too.
func (a *App) ParseEvent(header http.Header, body []byte) (forge.Event, error) {
	target := header.Get("X-GitHub-Hook-Installation-Target-ID")
	if target != "" && target != strconv.FormatInt(a.id, 10) {
		return forge.Event{}, fmt.Errorf("%w: delivery is for App %.20q", webhook.ErrSignature, target)
	}
	return webhook.Parse(header, body, a.secret)
}

// Close revokes the tokens that are still good. Call it after the last request
// has returned, with a context that bounds how long it may take.
func (a *App) Close(ctx context.Context) error {
	a.mu.Lock()
	clients := a.clients
	a.clients = map[int64]*Client{}
	a.mu.Unlock()
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, 16)
		errs  = make(chan error, len(clients))
	)
	for _, c := range clients {
		slots <- struct{}{}
		wg.Go(func() {
			errs <- c.revoke(ctx)
			<-slots
		})
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// pages reads a list to its end, a hundred entries at a time.
func pages[T any](page func(*github.ListOptions) ([]*T, *github.Response, error)) ([]*T, error) {
	const most = 200 // pages
	opts := &github.ListOptions{PerPage: 100}
	var all []*T
	for range most {
		list, resp, err := page(opts)
		if err != nil {
			return nil, err
		}
		for _, entry := range list {
			if entry != nil { // no list of GitHub's holds null
				all = append(all, entry)
			}
		}
		if resp.NextPage == 0 {
			return all, nil
		}
		opts.Page = resp.NextPage
	}
	return nil, fmt.Errorf("list has more than %d entries", most*100)
}
