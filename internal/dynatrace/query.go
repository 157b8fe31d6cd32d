package dynatrace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	serverWait = 5 * time.Second // how long one request lets Grail work before it answers RUNNING
	grace      = 2 * time.Second // for the request token and the cancellation after the caller has gone

	firstPause = 100 * time.Millisecond // between polls that are answered at once; doubles
	longPause  = 2 * time.Second
)

// An execution is the body of query:execute.
type execution struct {
	Query      string `json:"query"`
	From       string `json:"defaultTimeframeStart,omitempty"` // both or neither: Grail ignores a lone one
	To         string `json:"defaultTimeframeEnd,omitempty"`
	MaxRecords int    `json:"maxResultRecords"`
	WaitMillis int64  `json:"requestTimeoutMilliseconds"`
	Types      bool   `json:"includeTypes"`
	Timezone   string `json:"timezone"`
}

// run executes text and polls until it is over. When ctx ends first, it
// cancels the query on the server.
func (c *Client) run(ctx context.Context, text string, from, to time.Time) (answer, error) {
	a, err := c.execute(ctx, text, from, to)
	token := a.Token
	pause := firstPause
	for err == nil && a.pending() && ctx.Err() == nil {
		began := time.Now()
		if a, err = c.poll(ctx, token); err == nil && a.pending() {
			sleep(ctx, pause-time.Since(began))
			pause = min(2*pause, longPause)
		}
	}
	if ctx.Err() != nil && (err != nil || a.pending()) {
		c.cancel(ctx, token)
		return answer{}, c.ended(ctx, a.State, err)
	}
	if err != nil {
		return answer{}, err
	}
	return a, c.over(a)
}

// over refuses an answer that is over without a result.
func (c *Client) over(a answer) error {
	switch {
	case a.State == succeeded && a.Result != nil:
		return nil
	case a.State == succeeded:
		return c.broken(errors.New("SUCCEEDED without a result"))
	}
	return c.broken(fmt.Errorf("the query ended as %q", clean(a.State)))
}

// ended is the error of a query whose caller did not wait for its end; last is
// what went wrong before, if anything did.
func (c *Client) ended(ctx context.Context, state string, last error) error {
	e := &Error{Method: http.MethodPost, URL: c.base.JoinPath(api, "query:execute").String(), err: ctx.Err()}
	e.Message = "cancelled"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Message = "no result in time"
	}
	if state != "" {
		e.Message += "; the query was " + clean(state)
	}
	if last != nil && !ended(last) {
		e.Message += "; before that: " + last.Error()
	}
	return e
}

// broken is the error of an answer that makes no sense.
func (c *Client) broken(err error) error {
	return &Error{
		Method: http.MethodPost, URL: c.base.JoinPath(api, "query:execute").String(),
		Status: http.StatusOK, Message: clean(err.Error()), err: err,
	}
}

// execute starts a query.
//
// Dynatrace: POST /platform/storage/query/v1/query:execute; needs scope
// storage:events:read, storage:buckets:read.
func (c *Client) execute(ctx context.Context, text string, from, to time.Time) (answer, error) {
	x := execution{
		Query: text, MaxRecords: c.cfg.MaxRecords, WaitMillis: serverWait.Milliseconds(),
		Types: true, Timezone: "UTC",
	}
	if !from.IsZero() {
		if to.IsZero() {
			to = time.Now()
		}
		x.From, x.To = from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano)
	}
	body, err := json.Marshal(x)
	if err != nil {
		return answer{}, err
	}
	var a answer
	err = c.do(ctx, call{method: http.MethodPost, op: "query:execute", body: body, sent: text, linger: true}, &a)
	if err == nil && a.pending() && a.Token == "" {
		err = c.broken(fmt.Errorf("%s without a request token", a.State))
	}
	return a, err
}

// poll waits for a query that runs. A request token gives its result once:
// after that the answer is 410 QUERY_GONE.
//
// Dynatrace: GET /platform/storage/query/v1/query:poll; needs scope
// storage:events:read, storage:buckets:read.
func (c *Client) poll(ctx context.Context, token string) (answer, error) {
	var a answer
	params := url.Values{
		"request-token":                {token},
		"request-timeout-milliseconds": {strconv.FormatInt(serverWait.Milliseconds(), 10)},
	}
	err := c.do(ctx, call{method: http.MethodGet, op: "query:poll", params: params}, &a)
	return a, err
}

// cancel ends a query that nobody waits for any more, as well as it can.
//
// Dynatrace: POST /platform/storage/query/v1/query:cancel; needs scope
// storage:events:read, storage:buckets:read.
func (c *Client) cancel(ctx context.Context, token string) {
	if token == "" {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer stop()
	bearer, err := c.creds.token(ctx)
	if err == nil {
		err = c.once(ctx, call{method: http.MethodPost, op: "query:cancel", params: url.Values{"request-token": {token}}}, bearer, nil)
	}
	if err != nil {
		c.cfg.Log.Debug("dynatrace: cancel", "err", err)
	}
}

// linger returns a context that ends a moment after ctx: the answer to
// query:execute holds the token without which the query cannot be cancelled.
func linger(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return out, func() { stop(); cancel() }
}
