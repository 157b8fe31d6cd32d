package dynatrace

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// longestRetry bounds what a server may ask for; more is as good as an error.
const longestRetry = 24 * time.Hour

// A failure is the body of an error of the query API.
type failure struct {
	Message    string          `json:"message"`
	RetryAfter number          `json:"retryAfterSeconds"`
	Details    json.RawMessage `json:"details"`
}

// details is the rest of a failure, apart so that a surprise in it does not
// hide the message.
type details struct {
	ExceptionType      string   `json:"exceptionType"`
	ErrorMessage       string   `json:"errorMessage"`
	MissingScopes      []string `json:"missingScopes"`
	MissingPermissions []string `json:"missingPermissions"`
	TraceID            string   `json:"traceId"`
	Position           *struct {
		Start place `json:"start"`
		End   place `json:"end"`
	} `json:"syntaxErrorPosition"`
	Violations []struct {
		Message string `json:"message"`
		Path    string `json:"path"`
	} `json:"constraintViolations"`
}

type place struct {
	Line   number `json:"line"`
	Column number `json:"column"`
	Index  number `json:"index"`
}

func (p place) position() Position { return Position{int(p.Line), int(p.Column), int(p.Index)} }

// read fills e from an answer that is an error: Grail's, an OAuth server's, or
// the page of a gateway.
func (e *Error) read(resp *http.Response, body []byte, sent string, secrets []string) {
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	if loc := resp.Header.Get("Location"); loc != "" && resp.StatusCode < 400 {
		e.Message = fmt.Sprintf("a redirect to %s, which is not followed: the token is for %s only; check the URL",
			clean(hostOf(loc), secrets...), resp.Request.URL.Host)
		return
	}
	var b struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"` // RFC 6749 section 5.2
	}
	_ = json.Unmarshal(body, &b) // whatever cannot be read is left empty
	var f failure
	var word string
	switch {
	case json.Unmarshal(b.Error, &word) == nil:
		e.Code, e.Message = clean(word, secrets...), clean(b.Description, secrets...)
	case json.Unmarshal(b.Error, &f) == nil:
		e.grail(f, sent, secrets)
	case page(body):
		e.Message = notGrail
	case !isJSON(resp):
		e.Message = clean(string(body), secrets...)
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(resp.StatusCode))
	}
}

// grail fills e from an error of the query API. Grail repeats its code as the
// message of syntax errors, and says what happened in the details.
func (e *Error) grail(f failure, sent string, secrets []string) {
	var d details
	_ = json.Unmarshal(f.Details, &d)
	e.Message = clean(f.Message, secrets...)
	if code(f.Message) {
		e.Code, e.Message = f.Message, ""
	}
	if m := clean(d.ErrorMessage, secrets...); m != "" {
		e.Message = m
	}
	for _, v := range d.Violations[:min(len(d.Violations), 20)] {
		e.Message += clean("; "+v.Path+": "+v.Message, secrets...)
	}
	e.ExceptionType, e.TraceID = clean(d.ExceptionType, secrets...), clean(d.TraceID, secrets...)
	e.MissingScopes, e.MissingPermissions = cleanAll(d.MissingScopes, secrets), cleanAll(d.MissingPermissions, secrets)
	if e.RetryAfter == 0 && f.RetryAfter > 0 {
		e.RetryAfter = time.Duration(min(int64(f.RetryAfter), int64(longestRetry/time.Second))) * time.Second
	}
	if d.Position != nil {
		e.Start, e.End = d.Position.Start.position(), d.Position.End.position()
		e.Sent = clean(shorten(line(sent, e.Start.Line), 160), secrets...)
	}
}

// code reports whether s is a code such as UNKNOWN_COMMAND, not a sentence.
func code(s string) bool {
	return s != "" && len(s) < 100 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// cleanAll cleans the first few of ss.
func cleanAll(ss, secrets []string) []string {
	var out []string
	for _, s := range ss[:min(len(ss), 20)] {
		out = append(out, clean(shorten(s, 100), secrets...))
	}
	return out
}

// line returns line n of text, counted from 1; "" if there is none.
func line(text string, n int) string {
	for l := range strings.Lines(text) {
		if n--; n == 0 {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

// hostOf is the host that a Location header leads to.
func hostOf(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return "another path"
	}
	return u.Host
}

// retryAfter reads the header of that name, seconds or a date (RFC 9110
// section 10.2.3); 0 if there is none that can be read.
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(header, 10, 32); err == nil {
		return min(time.Duration(s)*time.Second, longestRetry)
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestRetry)
}
