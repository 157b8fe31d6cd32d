package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// An AnswerError is an answer that cannot be what was asked for: a page of
// HTML from a proxy, half of a JSON text, or more than the limit.
type AnswerError struct {
	Method, URL string
	Status      int
	Why         string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s %s: %d: %s", e.Method, e.URL, e.Status, e.Why)
}

// Whole reads every answer to its end before anybody decodes it: bounded in
// size and time, and as JSON where JSON was asked for. What stands above it
// never sees half an answer.
type Whole struct {
	Limit   int64         // bytes of one answer
	Timeout time.Duration // of one request, body included
	Next    http.RoundTripper
}

func (w *Whole) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), w.Timeout, fmt.Errorf("no whole answer in %v", w.Timeout))
	defer cancel()
	resp, err := w.Next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if ctx.Err() != nil && req.Context().Err() == nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, w.Limit+1))
	answer := &AnswerError{Method: req.Method, URL: req.URL.Redacted(), Status: resp.StatusCode}
	switch {
	case err != nil:
		answer.Why = fmt.Sprintf("answer breaks off after %d bytes: %v", len(body), err)
		return nil, answer
	case int64(len(body)) > w.Limit:
		answer.Why = fmt.Sprintf("answer is larger than %d bytes", w.Limit)
		return nil, answer
	}
	if answer.Why = unfit(req, resp, body); answer.Why != "" {
		return nil, answer
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Request = req
	return resp, nil
}

// unfit says why body cannot be the answer to req; empty if it can. Answers
// that report an error are not judged: their status says enough.
func unfit(req *http.Request, resp *http.Response, body []byte) string {
	if resp.StatusCode < 200 || resp.StatusCode > 299 || resp.StatusCode == http.StatusNoContent ||
		strings.Contains(req.Header.Get("Accept"), "raw") {
		return ""
	}
	switch {
	case len(body) == 0 && req.Method == http.MethodGet:
		return "answer is empty, want JSON"
	case len(body) == 0:
		return ""
	case string(bytes.TrimSpace(body)) == "null":
		return "answer is null" // GitHub's never are, and decoders make nil of it
	case !json.Valid(body):
		return fmt.Sprintf("answer is not JSON but %s: %q", resp.Header.Get("Content-Type"), body[:min(len(body), 60)])
	}
	return ""
}
