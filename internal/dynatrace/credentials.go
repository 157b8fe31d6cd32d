package dynatrace

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// credentials yield the bearer token of the next request.
type credentials interface {
	token(ctx context.Context) (string, error)

	// renew drops a token that was refused. It reports whether there can be
	// another.
	renew(refused string) bool
}

// A platformToken is sent as it is.
// https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/platform-tokens
type platformToken string

func (t platformToken) token(context.Context) (string, error) { return string(t), nil }
func (platformToken) renew(string) bool                       { return false }

// An oauthClient trades its secret for tokens that last some minutes.
// https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/oauth-clients
type oauthClient struct {
	c   *Client
	url *url.URL

	turn    chan struct{} // holds one: whoever has it may use what follows
	bearer  string
	renewAt time.Time
	without bool // the optional scopes
}

func (o *oauthClient) token(ctx context.Context) (string, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if o.bearer != "" && time.Now().Before(o.renewAt) {
		return o.bearer, nil
	}
	return o.fetch(ctx)
}

func (o *oauthClient) renew(refused string) bool {
	o.turn <- struct{}{}
	defer func() { <-o.turn }()
	if refused == "" {
		return false
	}
	if o.bearer == refused {
		o.bearer = ""
	}
	return true
}

// fetch gets a new token and keeps it until shortly before its end. Where the
// server refuses the optional scopes, it asks without them from then on.
func (o *oauthClient) fetch(ctx context.Context) (string, error) {
	cfg := o.c.cfg
	if !o.without && len(cfg.Optional) > 0 {
		token, err := o.ask(ctx, slices.Concat(cfg.Scopes, cfg.Optional))
		if err == nil || !strings.Contains(err.Error(), "invalid_scope") {
			return token, err
		}
		o.without = true
	}
	return o.ask(ctx, cfg.Scopes)
}

// ask gets a new token with scopes.
//
// Dynatrace: POST /sso/oauth2/token; needs the client's secret.
func (o *oauthClient) ask(ctx context.Context, scopes []string) (string, error) {
	cfg := o.c.cfg
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {cfg.ClientID},
		"client_secret": {cfg.ClientSecret},
		"scope":         {strings.Join(scopes, " ")},
	}
	if cfg.Resource != "" {
		form.Set("resource", cfg.Resource)
	}
	ctx, cancel := context.WithTimeout(ctx, slowAnswer)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	var grant struct {
		Token   string `json:"access_token"`
		Expires number `json:"expires_in"` // seconds
	}
	if err := o.c.exchange(req, "", &grant, cfg.ClientSecret); err != nil {
		return "", err
	}
	if err := headerSafe(grant.Token); err != nil || grant.Token == "" {
		return "", &Error{Method: req.Method, URL: withoutQuery(req.URL), Status: http.StatusOK, Message: "an answer without a usable access_token"}
	}
	life := time.Duration(min(max(int64(grant.Expires), 0), 24*60*60)) * time.Second
	o.bearer, o.renewAt = grant.Token, time.Now().Add(life-min(life/5, time.Minute))
	return o.bearer, nil
}
