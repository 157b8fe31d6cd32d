package dynatracetest

import (
	"crypto/rand"
	"crypto/subtle"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Token is a credential that the server accepts, and what it may do. One
// that an OAuth client got ends at Expires.
type Token struct {
	Secret  string   // dt0s16.…
	Scopes  []string // "storage:events:read", …
	Expires time.Time
}

// An OAuthClient may trade its secret for tokens with these scopes or fewer.
type OAuthClient struct {
	ID     string // dt0s02.…
	Secret string
	Scopes []string
	Life   time.Duration // of its tokens; default 5 minutes
	Strict bool          // a scope that it has not is refused, in place of left out
}

// Scopes are those that a reader of problems needs.
func Scopes() []string { return []string{"storage:buckets:read", "storage:events:read"} }

// authenticate finds the token of a request.
func (s *Server) authenticate(r *http.Request) (Token, *problem) {
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	refused := &problem{Code: http.StatusUnauthorized}
	switch {
	case kind == "":
		refused.Message = "Missing authorization parameter."
		return Token{}, refused
	case kind != "Bearer":
		refused.Message = "Unsupported authorization scheme."
		return Token{}, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if subtle.ConstantTimeCompare([]byte(t.Secret), []byte(secret)) != 1 {
			continue
		}
		if !t.Expires.IsZero() && !s.opts.Now().Before(t.Expires) {
			refused.Message = "Token is expired."
			return Token{}, refused
		}
		return t, nil
	}
	refused.Message = "Platform token has invalid format."
	if strings.HasPrefix(secret, "dt0s16.") && strings.Count(secret, ".") == 2 {
		refused.Message = "Platform token is invalid."
	}
	return Token{}, refused
}

// grant is the token endpoint of the OAuth server.
// RFC 6749 section 4.4; POST https://sso.dynatrace.com/sso/oauth2/token
func (s *Server) grant(w http.ResponseWriter, r *http.Request) {
	deny := func(status int, code, why string) {
		reply(w, status, map[string]string{"error": code, "error_description": why})
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		deny(http.StatusBadRequest, "invalid_request", "want a form")
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		deny(http.StatusBadRequest, "unsupported_grant_type", "want client_credentials")
		return
	}
	i := slices.IndexFunc(s.opts.Clients, func(c OAuthClient) bool {
		return c.ID == r.PostForm.Get("client_id") &&
			subtle.ConstantTimeCompare([]byte(c.Secret), []byte(r.PostForm.Get("client_secret"))) == 1
	})
	if i < 0 {
		deny(http.StatusBadRequest, "invalid_client", "Client authentication failed")
		return
	}
	c := s.opts.Clients[i]
	var scopes []string
	for _, scope := range strings.Fields(r.PostForm.Get("scope")) {
		switch {
		case slices.Contains(c.Scopes, scope):
			scopes = append(scopes, scope)
		case c.Strict:
			deny(http.StatusBadRequest, "invalid_scope", "The requested scope is invalid: "+scope)
			return
		}
	}
	t := s.issue(c, scopes)
	reply(w, http.StatusOK, map[string]any{
		"access_token": t.Secret, "token_type": "Bearer", "scope": strings.Join(scopes, " "),
		"expires_in": int(c.life().Seconds()),
	})
}

func (c OAuthClient) life() time.Duration {
	if c.Life == 0 {
		return 5 * time.Minute
	}
	return c.Life
}

// issue makes a token for c.
func (s *Server) issue(c OAuthClient, scopes []string) Token {
	t := Token{Secret: "eyJ." + rand.Text(), Scopes: scopes, Expires: s.opts.Now().Add(c.life())}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = append(s.tokens, t)
	return t
}

// Revoke makes every token that an OAuth client got invalid at once.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = slices.Clone(s.opts.Tokens)
}
