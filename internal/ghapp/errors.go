package ghapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp/wire"
	"github.com/salvehq/salve/internal/redact"
)

// explain adds what was being done to an error, in the words of package forge
// where callers act on the difference, and without secrets. No other package
// sees an error type of go-github.
func explain(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	var secrets *redact.Redactor // tokens and keys show by their looks
	return secrets.Error(fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), classify(err)))
}

// classify says what err means for a caller.
func classify(err error) error {
	var (
		paced  *forge.RateLimitError
		hour   *github.RateLimitError
		abuse  *github.AbuseRateLimitError
		answer *github.ErrorResponse
		broken *wire.AnswerError
		later  *github.AcceptedError
		odd    *json.UnmarshalTypeError
		dial   net.Error
	)
	switch {
	case errors.As(err, &paced):
		return paced
	case errors.As(err, &hour):
		return &forge.RateLimitError{Until: hour.Rate.Reset.UTC(), Err: errors.New(hour.Message)}
	case errors.As(err, &abuse):
		wait := time.Minute // what GitHub asks for when it names no time
		if abuse.RetryAfter != nil {
			wait = *abuse.RetryAfter
		}
		return &forge.RateLimitError{Until: time.Now().Add(wait).UTC(), Err: errors.New(abuse.Message)}
	case answered(err, http.StatusTooManyRequests):
		return &forge.RateLimitError{Until: time.Now().Add(time.Minute).UTC(), Err: err}
	case asAnswer(err, &answer):
		return fmt.Errorf("%w: %s", kind(answer), text(answer))
	case errors.As(err, &broken):
		return fmt.Errorf("%w: %w", forge.ErrUnavailable, broken)
	case errors.As(err, &later):
		return fmt.Errorf("%w: GitHub has not computed the answer yet", forge.ErrUnavailable)
	case errors.As(err, &odd):
		return fmt.Errorf("%w: answer has another form than GitHub's: %w", forge.ErrUnavailable, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &dial):
		return fmt.Errorf("%w: %w", forge.ErrUnavailable, err)
	}
	return err
}

// kind returns the error of package forge that an answer of GitHub stands for.
func kind(e *github.ErrorResponse) error {
	said := strings.ToLower(detail(e))
	switch status := e.Response.StatusCode; {
	case status >= 300 && status < 400:
		return forge.ErrMoved
	case status == http.StatusUnauthorized:
		return forge.ErrUnauthorized
	case status == http.StatusForbidden && (strings.Contains(said, "archived") || strings.Contains(said, "disabled")):
		return forge.ErrArchived
	case status == http.StatusForbidden && strings.Contains(said, "suspended"):
		return forge.ErrSuspended
	case status == http.StatusForbidden, status == http.StatusUnavailableForLegalReasons:
		return forge.ErrForbidden
	case status == http.StatusNotFound, status == http.StatusGone:
		return forge.ErrNotFound
	case strings.Contains(said, "not accessible to the parent installation"):
		return forge.ErrNotFound // a token for a repository that is not the installation's
	case strings.Contains(said, "permissions requested are not granted"):
		return forge.ErrForbidden
	case status == http.StatusConflict && strings.Contains(said, "empty"):
		return forge.ErrEmpty
	case status == http.StatusConflict, status == http.StatusUnprocessableEntity && overtaken(said):
		return forge.ErrConflict
	case status == http.StatusUnprocessableEntity, status == http.StatusMethodNotAllowed, status == http.StatusBadRequest:
		return forge.ErrRejected
	}
	return forge.ErrUnavailable
}

// overtaken reports whether a 422 says that somebody else was faster, so that
// looking again and trying again may help. All others repeat themselves.
func overtaken(said string) bool {
	for _, s := range []string{
		"already exists", "reference does not exist", "object does not exist", "tree sha does not exist",
		"not a fast forward", "reference update failed", "reference cannot be updated",
	} {
		if strings.Contains(said, s) {
			return true
		}
	}
	return false
}

// text says what GitHub answered, and what to do where that is known.
func text(e *github.ErrorResponse) string {
	req := e.Response.Request
	s := fmt.Sprintf("%d %s", e.Response.StatusCode, detail(e))
	if req != nil {
		s = fmt.Sprintf("%s %s: %s", req.Method, safeURL(req.URL), s)
	}
	if e.Response.StatusCode != http.StatusUnauthorized {
		return s
	}
	if skew := skew(e.Response, time.Now()); skew.Abs() > time.Minute {
		return fmt.Sprintf("%s; the clock of this machine is %v off: set it right", s, skew.Abs().Round(time.Second))
	}
	if req != nil && strings.Contains(req.URL.Path, "/app") {
		s += "; check that the App id and the private key belong together"
	}
	return s
}

// detail joins what GitHub says of an error, in a bounded length.
func detail(e *github.ErrorResponse) string {
	parts := []string{e.Message}
	for _, more := range e.Errors {
		parts = append(parts, strings.TrimSpace(more.Message+" "+strings.Trim(strings.Join([]string{more.Resource, more.Field, more.Code}, " "), " ")))
	}
	return cut(strings.TrimSpace(strings.Join(parts, ": ")), 500)
}

// skew returns how far the server's clock is ahead of ours.
func skew(resp *http.Response, now time.Time) time.Duration {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return at.Sub(now)
}

// safeURL is u without what may be secret: user and query.
func safeURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// asAnswer finds the answer of GitHub in err.
func asAnswer(err error, answer **github.ErrorResponse) bool {
	return errors.As(err, answer) && (*answer).Response != nil
}

// answered reports whether err is an answer of GitHub with the given status.
func answered(err error, status int) bool {
	var answer *github.ErrorResponse
	return asAnswer(err, &answer) && answer.Response.StatusCode == status
}
