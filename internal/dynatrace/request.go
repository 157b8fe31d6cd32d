package dynatrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// api is where the query API stands in an environment.
const api = "platform/storage/query/v1"

const (
	attempts   = 5                // of one request, the first included
	firstWait  = time.Second      // before the second attempt where the server names no time; doubles
	longWait   = 30 * time.Second // the most that doubling leads to
	slowAnswer = 30 * time.Second // beyond the time that a request lets the server wait
)

// A call is one request of the query API.
type call struct {
	method string
	op     string     // "query:execute"
	params url.Values // of the URL
	body   []byte     // JSON; nil for none
	sent   string     // the query in body, for errors
	linger bool       // wait a moment for the answer after the caller has gone
}

// do sends k and decodes the answer into out, nil for an answer that does not
// matter. It waits and tries again where the server is busy or cannot be
// reached, and renews a refused token once. It gives up early when the time
// that is left in ctx is shorter than the wait.
func (c *Client) do(ctx context.Context, k call, out any) error {
	renewed := false
	for attempt := 1; ; attempt++ {
		token, err := c.creds.token(ctx)
		if err == nil {
			err = c.once(ctx, k, token, out)
		}
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrUnauthorised) && !renewed && c.creds.renew(token) {
			renewed = true
			continue
		}
		wait, again := backoff(err, attempt)
		if !again || !fits(ctx, wait) {
			return err
		}
		c.cfg.Log.Warn("dynatrace: trying again", "err", err, "wait", wait)
		if !sleep(ctx, wait) {
			return err
		}
	}
}

// once sends k once.
func (c *Client) once(ctx context.Context, k call, token string, out any) error {
	caller := ctx
	if k.linger {
		var stop context.CancelFunc
		ctx, stop = linger(ctx)
		defer stop()
	}
	ctx, cancel := context.WithTimeout(ctx, serverWait+slowAnswer)
	defer cancel()
	u := c.base.JoinPath(api, k.op)
	u.RawQuery = k.params.Encode()
	req, err := http.NewRequestWithContext(ctx, k.method, u.String(), bytes.NewReader(k.body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "salve")
	req.Header.Set("dt-client-context", "salve") // shows in the audit of queries
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	err = c.exchange(req, k.sent, out, token)
	var e *Error
	if errors.As(err, &e) && ended(e.err) && caller.Err() == nil {
		// Our own limit for one request, not the end of the caller's patience.
		e.err, e.Message = nil, fmt.Sprintf("no answer within %s", serverWait+slowAnswer)
	}
	return err
}

// exchange sends req and decodes its answer. Every error is an [*Error]
// without the given secrets.
func (c *Client) exchange(req *http.Request, sent string, out any, secrets ...string) error {
	e := &Error{Method: req.Method, URL: withoutQuery(req.URL)}
	resp, err := c.http.Do(req)
	if err != nil {
		var outer *url.Error // its text has the whole URL
		if errors.As(err, &outer) {
			err = outer.Err
		}
		e.err, e.Message = err, clean("no answer: "+err.Error(), secrets...)
		return e
	}
	defer resp.Body.Close()
	e.Status = resp.StatusCode
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxBytes+1))
	switch {
	case err != nil:
		e.err = fmt.Errorf("%w: %w", errCutOff, err)
		e.Message = clean(e.err.Error(), secrets...)
		return e
	case int64(len(body)) > c.cfg.MaxBytes:
		e.Message = fmt.Sprintf("the answer is larger than %d bytes: ask for fewer rows or columns", c.cfg.MaxBytes)
		return e
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		e.read(resp, body, sent, secrets)
		return e
	case out == nil || resp.StatusCode == http.StatusNoContent:
		return nil
	}
	return e.decode(body, out, secrets)
}

// decode reads the JSON of a good answer; e tells what was wrong with it.
func (e *Error) decode(body []byte, out any, secrets []string) error {
	err := json.Unmarshal(body, out)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	switch {
	case page(body):
		e.err, e.Message = err, notGrail
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(body)):
		e.err = fmt.Errorf("%w: %w", errCutOff, err)
		e.Message = errCutOff.Error() + ": its JSON has no end"
	default:
		e.err, e.Message = err, clean("an answer that is not the query API's: "+err.Error(), secrets...)
	}
	return e
}

const notGrail = "an HTML page, not an answer of the query API: check that the URL is the environment's, https://abc12345.apps.dynatrace.com"

// page reports whether body looks like HTML.
func page(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// withoutQuery prints u without what may be secret in it.
func withoutQuery(u *url.URL) string {
	v := *u
	v.RawQuery, v.User, v.Fragment = "", nil, ""
	return v.String()
}

// backoff says whether a request that ended in err may be sent again, and
// after how long. The time that a server names is kept to; otherwise waits
// double, with a random half so that clients do not come back in step.
func backoff(err error, attempt int) (wait time.Duration, again bool) {
	var e *Error
	if !errors.As(err, &e) || attempt >= attempts || errors.Is(e.err, errCutOff) {
		return 0, false
	}
	if !errors.Is(e, ErrLimited) && !errors.Is(e, ErrUnavailable) {
		return 0, false
	}
	if e.RetryAfter > 0 {
		return e.RetryAfter + rand.N(firstWait), true
	}
	wait = min(firstWait<<(attempt-1), longWait)
	return wait/2 + rand.N(wait/2), true
}

// fits reports whether ctx lasts longer than d.
func fits(ctx context.Context, d time.Duration) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(end) > d)
}

// sleep waits for d; it reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isJSON reports whether an answer says that it is JSON.
func isJSON(resp *http.Response) bool {
	return strings.Contains(resp.Header.Get("Content-Type"), "json")
}
