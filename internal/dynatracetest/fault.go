package dynatracetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A Fault is something that goes wrong. Its first field that is set wins, but
// Latency, which comes before the rest.
type Fault struct {
	On    string // operation: "query:execute", "query:poll", … or "token"; empty means any "query:"
	Times int    // how many requests it meets; 0 means all

	Latency    time.Duration // before the answer, or until the client goes away
	Status     int           // 400, 401, 403, 410, 429, 500, 503, … as Grail words them
	HTML       bool          // with Status: a page of the gateway in place of JSON
	RetryAfter time.Duration // with Status
	Redirect   string        // 307 to this URL

	State        string // of execute and poll: NOT_STARTED, RUNNING, FAILED, CANCELLED, RESULT_GONE
	Blind        bool   // execute: SUCCEEDED over no records, and MISSING_BUCKET_PERMISSIONS
	Silent       bool   // execute: SUCCEEDED over no records and not a word, as IAM conditions do
	Notification string // execute: a warning of this type with the answer
	Truncate     bool   // the answer ends in its middle
	Body         string // this text as the body, with status 200
}

// Break makes f happen from now on. Several faults of one operation happen one
// after the other.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault takes the fault that a request for op meets, the zero Fault for none.
func (s *Server) fault(op string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.On != op && (f.On != "" || op == opToken) {
			continue
		}
		met := *f
		if f.Times--; f.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return met
	}
	return Fault{}
}

// strike lets f happen to a request before it is looked at. It reports whether
// the request is answered.
func (f Fault) strike(w http.ResponseWriter, r *http.Request) bool {
	if f.Latency > 0 {
		// The server sees that a client goes away only once the body is read.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil || !wait(r.Context(), f.Latency) {
			return true
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	switch {
	case f.Status != 0:
		f.refuse(w)
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect, http.StatusTemporaryRedirect)
	case f.Body != "":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, f.Body)
	default:
		return false
	}
	return true
}

// refuse answers with the status of f in the words of Grail or of its gateway.
func (f Fault) refuse(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	if f.HTML {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("dynatrace-response-source", "API Gateway")
		w.WriteHeader(f.Status)
		fmt.Fprintf(w, "<html><body><h1>%d %s</h1>\nRequest forbidden by administrative rules.\n</body></html>\n", f.Status, http.StatusText(f.Status))
		return
	}
	e := problems[f.Status]
	if e.Message == "" {
		e.Message = http.StatusText(f.Status)
	}
	e.Code, e.RetryAfter = f.Status, int(f.RetryAfter.Seconds())
	e.write(w)
}

// wait waits for d; it reports false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
