package githubtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An identity is who makes a request. At most one of app (alone), token and
// user is set.
type identity struct {
	app   *app
	token *token
	user  *user
}

// kind says what sort of token was used: app, installation, user or none.
func (i identity) kind() string {
	switch {
	case i.token != nil:
		return "installation"
	case i.app != nil:
		return "app"
	case i.user != nil:
		return "user"
	}
	return "none"
}

// actor returns the account that changes are made by.
func (i identity) actor(s *Server) *user {
	switch {
	case i.token != nil:
		return s.bot(i.token.in.app)
	case i.app != nil:
		return s.bot(i.app)
	}
	return i.user
}

// identify reads an Authorization header.
// https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api
func (s *Server) identify(header string) (identity, error) {
	if header == "" {
		return identity{}, nil
	}
	scheme, secret, _ := strings.Cut(header, " ")
	bad := fail(http.StatusUnauthorized, "Bad credentials")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return identity{}, bad
	}
	if t := s.tokens[secret]; t != nil {
		if !s.now().Before(t.expires) || s.installations[t.in.ID] != t.in {
			return identity{}, bad
		}
		if !t.in.suspended.IsZero() {
			return identity{}, fail(http.StatusForbidden, "This installation has been suspended")
		}
		return identity{token: t, app: t.in.app}, nil
	}
	for _, u := range s.users {
		if u.token != "" && u.token == secret {
			return identity{user: u}, nil
		}
	}
	if strings.Count(secret, ".") == 2 && !strings.HasPrefix(secret, "gh") {
		a, err := s.verify(secret)
		return identity{app: a}, err
	}
	return identity{}, bad
}

// maxLife and skew bound the times of an App's JWT.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
const (
	maxLife = 10 * time.Minute
	skew    = time.Minute
)

// verify checks an App's JWT and returns the App.
func (s *Server) verify(jwt string) (*app, error) {
	refuse := func(text string) (*app, error) { return nil, fail(http.StatusUnauthorized, "%s", text) }
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(jwt, ".")
	var head struct{ Alg string }
	var claims struct {
		Iss any
		Iat *float64
		Exp *float64
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !part(parts[0], &head) || !part(parts[1], &claims) || head.Alg != "RS256" {
		return refuse(undecodable)
	}
	a := s.issuer(claims.Iss)
	if a == nil {
		return nil, fail(http.StatusNotFound, "Integration not found")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(a.key, crypto.SHA256, sum[:], signature) != nil {
		return refuse(undecodable)
	}
	now := s.now()
	if claims.Exp == nil || !now.Before(time.Unix(int64(*claims.Exp), 0)) {
		return refuse("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	}
	if claims.Iat == nil || time.Unix(int64(*claims.Iat), 0).After(now.Add(skew)) {
		return refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	if time.Unix(int64(*claims.Exp), 0).After(now.Add(maxLife + skew)) {
		return refuse("'Expiration time' claim ('exp') is too far in the future")
	}
	return a, nil
}

func part(text string, v any) bool {
	data, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(data, v) == nil
}

// issuer returns the App of an iss claim: its id, as text or number, or its
// client id.
func (s *Server) issuer(iss any) *app {
	text := fmt.Sprint(iss)
	if f, isNumber := iss.(float64); isNumber {
		text = strconv.FormatInt(int64(f), 10)
	}
	for _, a := range s.apps {
		if text == strconv.FormatInt(a.ID, 10) || text == a.clientID() {
			return a
		}
	}
	return nil
}

// admit decides whether the caller may use a route, and finds its repository.
func (c *call) admit(route *Route) error {
	switch route.Needs {
	case "none":
		return nil
	case "app":
		if c.who.kind() != "app" {
			return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
		}
		return nil
	case "installation":
		if c.who.kind() != "installation" {
			return fail(http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
		}
		return nil
	}
	if name, inRepo := c.params["repo"]; inRepo {
		r, err := c.resolve(c.params["owner"] + "/" + name)
		if err != nil {
			return err
		}
		c.repo = r
	}
	return c.permit(route.Needs)
}

// resolve finds the repository of a path, as far as the caller may know of it.
func (c *call) resolve(name string) (*repo, error) {
	key := strings.ToLower(name)
	r := c.repos[key]
	if r == nil {
		r = c.moved[key]
	}
	if r == nil || !c.sees(r) {
		return nil, notFound()
	}
	if c.repos[key] == nil {
		return nil, c.redirect(r)
	}
	if r.Disabled {
		return nil, fail(http.StatusForbidden, "Repository access blocked")
	}
	if r.Archived && c.r.Method != http.MethodGet {
		return nil, fail(http.StatusForbidden, "Repository was archived so is read-only.")
	}
	return r, nil
}

// redirect sends the caller to the number of a repository that was renamed.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
func (c *call) redirect(r *repo) error {
	status := http.StatusMovedPermanently
	if c.r.Method != http.MethodGet {
		status = http.StatusTemporaryRedirect
	}
	parts := strings.SplitN(strings.TrimPrefix(trimRoot(c.r.URL.EscapedPath()), "/"), "/", 4)
	url := c.api(fmt.Sprintf("repositories/%d", r.id))
	if len(parts) == 4 {
		url += "/" + parts[3]
	}
	if c.r.URL.RawQuery != "" {
		url += "?" + c.r.URL.RawQuery
	}
	return &failure{status: status, message: "Moved Permanently", url: url, header: http.Header{"Location": {url}}}
}

// sees reports whether the caller may know that r exists.
func (c *call) sees(r *repo) bool {
	return !r.Private ||
		c.who.token != nil && c.who.token.covers(r) ||
		c.who.user != nil && r.level(c.who.user) != ""
}

// permit checks the permissions of a route; any of several alternatives will
// do. Public repositories are open for reading.
// https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
func (c *call) permit(needs string) error {
	reading := c.r.Method == http.MethodGet || strings.HasSuffix(needs, ":read")
	switch {
	case c.who.token != nil && (c.repo == nil || c.who.token.covers(c.repo)):
		for need := range strings.SplitSeq(needs, "|") {
			if name, level, _ := strings.Cut(need, ":"); c.who.token.has(name, level) {
				return nil
			}
		}
		accepted := strings.NewReplacer(":", "=", "|", "; ").Replace(needs)
		return &failure{status: http.StatusForbidden, message: "Resource not accessible by integration",
			header: http.Header{"X-Accepted-Github-Permissions": {accepted}}}
	case c.who.token == nil && c.who.app != nil:
		return fail(http.StatusUnauthorized, "Bad credentials")
	case c.who.user != nil && c.repo != nil && !reading && !c.repo.writable(c.who.user, needs):
		return fail(http.StatusForbidden, "Must have write access to Repository.")
	case c.who.token != nil && !reading:
		return forbidden()
	case c.who.kind() == "none" && !reading:
		return fail(http.StatusUnauthorized, "Requires authentication")
	}
	return nil
}
