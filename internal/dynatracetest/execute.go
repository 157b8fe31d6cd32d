package dynatracetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

const (
	maxBody  = 11 << 20 // of a request
	maxRuns  = 100      // queries that run or wait to be fetched, per tenant
	lifetime = 400 * time.Second
	asleep   = time.Minute // the longest that one request waits
	patience = time.Second // how long one waits that does not say
)

// A request is the body of query:execute. Fields with no use here are there
// because clients send them.
type request struct {
	Query      string   `json:"query"`
	From       string   `json:"defaultTimeframeStart"`
	To         string   `json:"defaultTimeframeEnd"`
	MaxRecords *int     `json:"maxResultRecords"`
	MaxBytes   *int64   `json:"maxResultBytes"`
	Wait       *int64   `json:"requestTimeoutMilliseconds"`
	ScanLimit  *float64 `json:"defaultScanLimitGbytes"`
	Sampling   *int64   `json:"defaultSamplingRatio"`
	Types      *bool    `json:"includeTypes"`
	Locale     string   `json:"locale"`
	Timezone   string   `json:"timezone"`

	Fetch         json.RawMessage `json:"fetchTimeoutSeconds"`
	Preview       json.RawMessage `json:"enablePreview"`
	Enforce       json.RawMessage `json:"enforceQueryConsumptionLimit"`
	Contributions json.RawMessage `json:"includeContributions"`
	Segments      json.RawMessage `json:"filterSegments"`
	Options       json.RawMessage `json:"queryOptions"`
	Promise       json.RawMessage `json:"pollingPromiseSeconds"`
	Canonical     json.RawMessage `json:"generateCanonicalQuery"`
}

// A run is a query that was started. Its result can be fetched once.
type run struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when body and failed are set
	body   map[string]any
	failed *problem
	until  time.Time
}

// execute starts a query.
// POST /platform/storage/query/v1/query:execute
func (s *Server) execute(w http.ResponseWriter, r *http.Request, t Token, f Fault) {
	var req request
	if p := read(w, r, &req); p != nil {
		p.write(w)
		return
	}
	q, p := s.plan(r.Context(), req, t)
	if p != nil {
		p.write(w)
		return
	}
	q.fault = f
	id, p := s.start(q)
	if p != nil {
		p.write(w)
		return
	}
	limit := patience
	if req.Wait != nil {
		limit = time.Duration(*req.Wait) * time.Millisecond
	}
	if s.always202() {
		limit = -1
	}
	s.answer(w, r, id, limit, http.StatusAccepted, f)
}

func (s *Server) always202() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.async
}

// poll waits for a query. GET /platform/storage/query/v1/query:poll
func (s *Server) poll(w http.ResponseWriter, r *http.Request, _ Token, f Fault) {
	id := r.URL.Query().Get("request-token")
	if id == "" {
		invalid("request-token", "QUERY", "must not be null").write(w)
		return
	}
	limit := patience
	if ms := r.URL.Query().Get("request-timeout-milliseconds"); ms != "" {
		n, err := strconv.ParseInt(ms, 10, 32)
		if err != nil || n < 0 {
			invalid("request-timeout-milliseconds", "QUERY", "must be a number of milliseconds").write(w)
			return
		}
		limit = time.Duration(n) * time.Millisecond
	}
	s.answer(w, r, id, limit, http.StatusOK, f)
}

// cancel ends a query, or gives its result if it is done.
// POST /platform/storage/query/v1/query:cancel
func (s *Server) cancel(w http.ResponseWriter, r *http.Request, _ Token, _ Fault) {
	id := r.URL.Query().Get("request-token")
	x := s.take(id)
	if x == nil {
		gone().write(w)
		return
	}
	select {
	case <-x.done:
		x.write(w, id)
	default:
		x.cancel()
		w.WriteHeader(http.StatusAccepted)
	}
}

// start runs q in the background.
func (s *Server) start(q plan) (id string, refused *problem) {
	ctx, cancel := context.WithTimeout(context.Background(), lifetime)
	x := &run{cancel: cancel, done: make(chan struct{}), until: time.Now().Add(lifetime)}
	id = rand.Text()
	s.mu.Lock()
	for old, r := range s.runs {
		if time.Now().After(r.until) {
			delete(s.runs, old)
		}
	}
	if len(s.runs) >= maxRuns {
		s.mu.Unlock()
		cancel()
		p := problems[http.StatusTooManyRequests]
		p.Code = http.StatusTooManyRequests
		return "", &p
	}
	s.runs[id] = x
	s.mu.Unlock()
	go func() {
		defer close(x.done)
		defer cancel()
		x.body, x.failed = s.evaluate(ctx, q)
	}()
	return id, nil
}

// answer waits for run id, at most limit, and answers with its result or with
// its state. A negative limit does not even look.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, id string, limit time.Duration, pending int, f Fault) {
	s.mu.Lock()
	x := s.runs[id]
	s.mu.Unlock()
	if x == nil {
		gone().write(w)
		return
	}
	if f.State != "" {
		reply(w, pending, map[string]any{"state": f.State, "progress": 0, "requestToken": id, "ttlSeconds": int(lifetime.Seconds())})
		return
	}
	if limit < 0 || !x.finished(r.Context(), min(limit, asleep)) {
		reply(w, pending, map[string]any{"state": "RUNNING", "progress": 10, "requestToken": id, "ttlSeconds": int(lifetime.Seconds())})
		return
	}
	if s.take(id) == nil { // somebody else was faster
		gone().write(w)
		return
	}
	x.write(w, id)
}

// take removes run id from the runs.
func (s *Server) take(id string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.runs[id]
	delete(s.runs, id)
	return x
}

// finished waits for x, at most d.
func (x *run) finished(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-x.done:
		return true
	case <-ctx.Done():
	case <-t.C:
	}
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// write answers with the outcome of x.
func (x *run) write(w http.ResponseWriter, id string) {
	if x.failed != nil {
		x.failed.write(w)
		return
	}
	body := map[string]any{
		"state": "SUCCEEDED", "progress": 100, "requestToken": id, "ttlSeconds": int(lifetime.Seconds()), "result": x.body,
	}
	reply(w, http.StatusOK, body)
}

// read decodes the body of a request.
func read(w http.ResponseWriter, r *http.Request, req *request) *problem {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return &problem{Code: http.StatusUnsupportedMediaType, Message: "Content type is not supported: want application/json."}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(req)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &problem{Code: http.StatusRequestEntityTooLarge, Message: "The request is too large."}
	case err != nil:
		return invalid("", "PAYLOAD_BODY", err.Error())
	case req.Query == "":
		return invalid("query", "PAYLOAD_BODY", "must not be null")
	}
	if _, err := dec.Token(); err != io.EOF {
		return invalid("", "PAYLOAD_BODY", "want one JSON object")
	}
	return nil
}
