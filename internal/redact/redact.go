// Package redact takes secrets out of text that leaves the program: logs,
// errors, pull requests, statuses.
package redact

import (
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Mark stands where a secret was.
const Mark = "[redacted]"

// forms are secrets that show by their looks. Lengths are open-ended: GitHub's
// tokens stopped having a fixed length in 2026.
//
// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
// https://docs.dynatrace.com/docs/dynatrace-api/basics/dynatrace-api-authentication#token-format
var forms = regexp.MustCompile(strings.Join([]string{
	`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`,
	`\bgh[a-z]_[A-Za-z0-9_.-]{8,}`,
	`\bgithub_pat_[A-Za-z0-9_]{8,}`,
	`\bdt0[a-z][0-9]{2}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?`,
	`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`, // JSON web token
	`(?i)\bauthorization["']?\s*[:=]\s*["']?(?:[a-z]+ )?[^\s"',;]+`,
	`(?i)\bbearer [A-Za-z0-9+/=_.~-]{20,}`,
}, "|"))

// A Redactor knows secrets by value and by looks. The zero Redactor, and a nil
// one, know looks only. It is safe for concurrent use.
type Redactor struct {
	mu     sync.RWMutex
	values []string // longest first, so that no part of a longer one stays
}

// New returns a Redactor that knows secrets.
func New(secrets ...string) *Redactor {
	r := new(Redactor)
	for _, s := range secrets {
		r.Add(s)
	}
	return r
}

// Add makes r know a secret, as it is and as it looks in base64, hexadecimal
// and URLs. Anything shorter than six bytes is not taken: it would blank out
// ordinary words.
func (r *Redactor) Add(secret string) {
	secret = strings.TrimSpace(secret)
	if len(secret) < 6 {
		return
	}
	b := []byte(secret)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values = append(r.values, secret, url.QueryEscape(secret), url.PathEscape(secret),
		hex.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b))
	slices.SortFunc(r.values, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	r.values = slices.Compact(r.values)
}

// Text returns s without secrets.
func (r *Redactor) Text(s string) string {
	if r != nil {
		r.mu.RLock()
		for _, v := range r.values {
			s = strings.ReplaceAll(s, v, Mark)
		}
		r.mu.RUnlock()
	}
	if !telling(s) {
		return s
	}
	return forms.ReplaceAllString(s, Mark)
}

// telling reports whether s holds a word without which nothing in it has one of
// the forms. Most texts hold none, and the forms are slow to look for.
func telling(s string) bool {
	s = strings.ToLower(s)
	for _, word := range []string{"-----begin ", "github_pat_", "dt0", "eyj", "authorization", "bearer "} {
		if strings.Contains(s, word) {
			return true
		}
	}
	return strings.Contains(s, "gh") && strings.Contains(s, "_")
}

// Error returns err with a message without secrets. What [errors.Is] and
// [errors.As] find in it stays.
func (r *Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	if text := r.Text(err.Error()); text != err.Error() {
		return &redacted{text, err}
	}
	return err
}

type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }
func (e *redacted) Unwrap() error { return e.err }

// Attr is a [slog.HandlerOptions] ReplaceAttr: strings and errors are written
// without secrets.
func (r *Redactor) Attr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(r.Text(v.String()))
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			a.Value = slog.StringValue(r.Text(x.Error()))
		case interface{ String() string }:
			a.Value = slog.StringValue(r.Text(x.String()))
		}
	}
	return a
}
