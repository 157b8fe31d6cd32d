package dynatrace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// The kinds of errors that callers tell apart, for errors.Is.
var (
	ErrUnauthorised = errors.New("credentials refused")     // 401, or the OAuth client was refused
	ErrForbidden    = errors.New("permission missing")      // 403
	ErrLimited      = errors.New("too many requests")       // 429
	ErrUnavailable  = errors.New("Dynatrace cannot answer") // 5xx, no connection, an answer cut off
)

// An Error is a request that did not bring an answer.
type Error struct {
	Method string
	URL    string // without its query, which may hold a request token
	Status int    // of HTTP; 0 where no answer came

	Code          string // "UNKNOWN_COMMAND", "NOT_AUTHORIZED_FOR_TABLE"; empty where the body was not Grail's
	ExceptionType string // "DQL-SYNTAX-ERROR"
	Message       string // for people; hostile characters and secrets removed
	TraceID       string // for the support of Dynatrace

	RetryAfter         time.Duration // 0 where the server did not say
	MissingScopes      []string
	MissingPermissions []string

	// Where in the text that was sent Grail found the mistake; zero if it did
	// not say. Parameters are bound in that text, so a position may differ
	// from the one in the query's file.
	Start, End Position
	Sent       string // the line of that text at Start

	err error // what the network or the decoder said
}

// A Position is a place in the text of a query.
type Position struct {
	Line, Column int // from 1
	Index        int // from 0, in characters
}

// Error says what was asked, what came back, and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: ", e.Method, e.URL)
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d", e.Status)
		if e.Code != "" {
			b.WriteString(" " + e.Code)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Start.Line > 0 {
		fmt.Fprintf(&b, " (at %d:%d: %s)", e.Start.Line, e.Start.Column, e.Sent)
	}
	if len(e.MissingScopes) > 0 {
		fmt.Fprintf(&b, "; missing scopes: %s", strings.Join(e.MissingScopes, ", "))
	}
	if len(e.MissingPermissions) > 0 {
		fmt.Fprintf(&b, "; missing permissions: %s", strings.Join(e.MissingPermissions, ", "))
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; asked to wait %s", e.RetryAfter)
	}
	return b.String()
}

// Unwrap returns what the network or the decoder said.
func (e *Error) Unwrap() error { return e.err }

// Is reports whether e is of the kind target.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnauthorised:
		return e.Status == http.StatusUnauthorized || e.Code == "invalid_client"
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrUnavailable:
		return e.Status >= 500 || errors.Is(e.err, errCutOff) || e.Status == 0 && !ended(e.err)
	}
	return false
}

// ended reports whether err is the end of a context: the caller's doing, not
// the server's.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// errCutOff is an answer that ended before it was whole.
var errCutOff = errors.New("the answer was cut off")

// tokens are secrets that show by their looks.
// https://docs.dynatrace.com/docs/dynatrace-api/basics/dynatrace-api-authentication#token-format
var tokens = regexp.MustCompile(`dt0[a-z][0-9]{2}\.[A-Za-z0-9_.-]+|eyJ[A-Za-z0-9_.-]{16,}`)

// clean makes text from a server fit for one line of a log: no secret that we
// sent and none by its looks, no control characters, no more than 500 bytes.
func clean(text string, secrets ...string) string {
	text = tokens.ReplaceAllString(text, "[secret]")
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[secret]")
		}
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	return strings.TrimSpace(shorten(text, 500))
}

// shorten cuts text to at most n bytes, between characters.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}
