// Package dynatrace asks Grail, the database of Dynatrace, over its query API.
//
// The API: https://developer.dynatrace.com/develop/sdks/client-query/ and the
// open clients https://github.com/dynatrace-oss/dtctl and
// https://github.com/dynatrace-oss/dynatrace-mcp.
package dynatrace

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A Config says which environment to ask, and as whom: either Token, or
// ClientID and ClientSecret.
type Config struct {
	URL   string // of the environment: https://abc12345.apps.dynatrace.com
	Token string // platform token, dt0s16.…

	ClientID     string   // OAuth client, dt0s02.…
	ClientSecret string   //
	TokenURL     string   // default https://sso.dynatrace.com/sso/oauth2/token
	Resource     string   // urn:dtaccount:<uuid>, for clients of an account
	Scopes       []string // default storage:buckets:read, storage:events:read
	Optional     []string // scopes done without where the client lacks them; default storage:metrics:read, storage:spans:read

	Timeout    time.Duration // of one query with all waiting and retries; default 5 minutes
	MaxRecords int           // rows asked for; default 10,000. As many rows or more are a partial answer
	MaxBytes   int64         // of one HTTP answer; default 64 MiB. A larger one is an error

	// Harmless lists types of notifications that do not make an answer
	// partial. Without it every warning does, except those known to be advice.
	Harmless []string

	Transport http.RoundTripper // default: like http.DefaultTransport, TLS 1.2 or later
	Log       *slog.Logger      // required
}

// A Client answers queries from Grail. It is a [dql.Querier], safe for
// concurrent use.
type Client struct {
	cfg   Config
	base  *url.URL
	http  *http.Client
	creds credentials
	probe probe
}

// Defaults of a Config.
const (
	defaultTimeout  = 5 * time.Minute
	defaultRecords  = 10_000
	defaultBytes    = 64 << 20
	defaultTokenURL = "https://sso.dynatrace.com/sso/oauth2/token"
)

// New returns a client for cfg. It checks cfg and sends nothing.
func New(cfg Config) (*Client, error) {
	if cfg.Log == nil {
		return nil, errors.New("dynatrace: no logger")
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.MaxRecords = cmp.Or(cfg.MaxRecords, defaultRecords)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultBytes)
	cfg.TokenURL = cmp.Or(cfg.TokenURL, defaultTokenURL)
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{"storage:buckets:read", "storage:events:read"}
		cfg.Optional = []string{"storage:metrics:read", "storage:spans:read"}
	}
	base, notice, err := environment(cfg.URL)
	if err != nil {
		return nil, err
	}
	if notice != "" {
		cfg.Log.Warn(notice)
	}
	c := &Client{cfg: cfg, base: base, http: &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if cfg.Transport == nil {
		c.http.Transport = NewTransport()
	}
	if c.creds, err = c.credentials(); err != nil {
		return nil, err
	}
	return c, nil
}

// NewTransport returns http.DefaultTransport with a floor under TLS.
func NewTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return t
}

// credentials picks the one kind of credentials that c is configured with.
func (c *Client) credentials() (credentials, error) {
	cfg := c.cfg
	oauth := cfg.ClientID != "" || cfg.ClientSecret != ""
	switch {
	case oauth && cfg.Token != "":
		return nil, errors.New("dynatrace: a token and an OAuth client are given; give one")
	case cfg.Token != "":
		if err := headerSafe(cfg.Token); err != nil {
			return nil, fmt.Errorf("dynatrace: token: %w", err)
		}
		return platformToken(cfg.Token), nil
	case cfg.ClientID == "" || cfg.ClientSecret == "":
		return nil, errors.New("dynatrace: no credentials: want a platform token, or an OAuth client with its secret")
	}
	u, err := secureURL(cfg.TokenURL)
	if err != nil {
		return nil, fmt.Errorf("dynatrace: token URL: %w", err)
	}
	return &oauthClient{c: c, url: u, turn: make(chan struct{}, 1)}, nil
}

// headerSafe refuses a token that would not travel in a header; net/http would
// refuse it too, and print it.
func headerSafe(token string) error {
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return errors.New("it has a space, a line break or another character that no token has")
		}
	}
	return nil
}

// Query runs q and waits for its answer. A query that Grail or this client
// refuses is an error ([*Error] or [*syntax.Error]); an answer that cannot be
// trusted whole is a result that says so.
//
// When ctx ends, Query cancels the query on the server and returns an error
// that wraps ctx.Err(); when the configured time-out ends first, it wraps
// [context.DeadlineExceeded].
func (c *Client) Query(ctx context.Context, q dql.Query) (dql.Result, error) {
	res, err := c.query(ctx, q)
	var wrong *Error // a *syntax.Error names the file itself
	if q.Name != "" && errors.As(err, &wrong) {
		err = fmt.Errorf("%s: %w", q.Name, err)
	}
	return res, err
}

func (c *Client) query(ctx context.Context, q dql.Query) (dql.Result, error) {
	bound, err := bind(q)
	if err != nil {
		return dql.Result{}, err
	}
	asked := time.Now().UTC()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	ans, err := c.run(ctx, bound.dql, q.From, q.To)
	if err != nil {
		return dql.Result{}, err
	}
	res, err := c.result(ans)
	if err != nil {
		return dql.Result{}, err
	}
	res.Asked = asked
	if res.Quality == dql.OK && sawNothing(ans, res) {
		c.verify(ctx, bound.tables, &res)
	}
	return res, nil
}
