package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/salvehq/salve/internal/redact"
)

// A desk collects traces, as a collector does: OTLP over HTTP, protobuf.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
type desk struct {
	mu     sync.Mutex
	spans  []*traces.Span
	about  map[string]string // attributes of the resource
	header http.Header
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req collector.ExportTraceServiceRequest
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || err != nil || proto.Unmarshal(body, &req) != nil {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.header = r.Header
	for _, rs := range req.ResourceSpans {
		d.about = map[string]string{}
		for _, kv := range rs.Resource.Attributes {
			d.about[kv.Key] = kv.Value.GetStringValue()
		}
		for _, ss := range rs.ScopeSpans {
			d.spans = append(d.spans, ss.Spans...)
		}
	}
}

// span returns the only span of a name.
func (d *desk) span(t *testing.T, name string) *traces.Span {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*traces.Span
	var names []string
	for _, s := range d.spans {
		if names = append(names, s.Name); s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans %q among %q", len(found), name, names)
	}
	return found[0]
}

func attributes(s *traces.Span) map[string]string {
	out := map[string]string{}
	for _, kv := range s.Attributes {
		out[kv.Key] = kv.Value.GetStringValue()
		if kv.Value.GetStringValue() == "" {
			out[kv.Key] = fmt.Sprint(kv.Value.GetIntValue())
		}
	}
	return out
}

// open returns a Tracer whose spans come to a desk.
func open(t *testing.T, variables map[string]string) (*Tracer, *desk) {
	t.Helper()
	d := &desk{}
	srv := httptest.NewServer(d)
	t.Cleanup(srv.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	getenv := func(name string) string {
		if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			return srv.URL
		}
		return variables[name]
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	tracer, err := Open(t.Context(), Config{Getenv: getenv, Version: "v1", Redact: redact.New("a-secret-of-ours"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return tracer, d
}

func TestSpansReachTheCollector(t *testing.T) {
	tracer, d := open(t, map[string]string{
		"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Api-Token%20dt0c01.X", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
	})
	ctx, outer := tracer.Start(t.Context(), "outer", slog.String("repo", "acme/shop"), slog.Int("pull", 7))
	cause := Cause(ctx)
	_, inner := tracer.Start(ctx, "inner")
	inner.End(errors.New("no: a-secret-of-ours, ghs_0123456789abcdef and\nmore"))
	outer.End(nil)
	_, joined := tracer.Resume(t.Context(), "joined", cause, true)
	joined.End(nil)
	_, linked := tracer.Resume(t.Context(), "linked", cause, false)
	linked.End(nil)
	_, orphan := tracer.Resume(t.Context(), "orphan", "no cause", true)
	orphan.End(nil)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	o, i, j, l := d.span(t, "outer"), d.span(t, "inner"), d.span(t, "joined"), d.span(t, "linked")
	if a := attributes(o); a["salve.repo"] != "acme/shop" || a["salve.pull"] != "7" {
		t.Errorf("attributes %v", a)
	}
	if !bytes.Equal(i.ParentSpanId, o.SpanId) || !bytes.Equal(j.ParentSpanId, o.SpanId) || !bytes.Equal(j.TraceId, o.TraceId) {
		t.Error("inner and joined are not below outer")
	}
	if bytes.Equal(l.TraceId, o.TraceId) || len(l.Links) != 1 || !bytes.Equal(l.Links[0].SpanId, o.SpanId) {
		t.Error("linked is not a trace of its own with a link to outer")
	}
	if got, want := i.Status.Message, "no: [redacted], [redacted] and more"; got != want || i.Status.Code != traces.Status_STATUS_CODE_ERROR {
		t.Errorf("status %v %q, want %q", i.Status.Code, got, want)
	}
	d.span(t, "orphan")
	if d.about["service.name"] != "salve" || d.about["service.version"] != "v1" || d.about["deployment.environment"] != "test" || d.header.Get("Authorization") != "Api-Token dt0c01.X" {
		t.Errorf("resource %v, header %v", d.about, d.header)
	}
}

// Requests stand in spans by their routes, whatever their paths hold, and are
// not told of the trace.
func TestTransportLeavesNamesOut(t *testing.T) {
	tracer, d := open(t, nil)
	var sent http.Header
	next := roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		if strings.Contains(r.URL.Path, "statuses") {
			return &http.Response{StatusCode: 422, Status: "422 Unprocessable Entity", Body: http.NoBody}, nil
		}
		return nil, errors.New("dial a-secret-of-ours")
	})
	for method, url := range map[string]string{
		"POST": "https://api.github.com/repos/acme/@everyone/statuses/0123?x=secret",
		"GET":  "https://api.github.com/repos/acme/shop/git/ref/heads/a/b/c/ignore-previous-instructions",
	} {
		req, _ := http.NewRequest(method, url, nil)
		tracer.Transport("github", next).RoundTrip(req) //nolint:errcheck,bodyclose // what comes back is next's
	}
	if len(sent) > 0 {
		t.Errorf("headers %v were sent", sent)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	post, get := d.span(t, "github POST"), d.span(t, "github GET")
	if a := attributes(post); a["url.template"] != "/repos/{…}/statuses/{…}" || a["http.response.status_code"] != "422" || a["server.address"] != "api.github.com" {
		t.Errorf("attributes %v", a)
	}
	if a := attributes(get); a["url.template"] != "/repos/{…}/git/ref/heads/{…}" || get.Status.Message != "dial [redacted]" {
		t.Errorf("attributes %v, status %v", a, get.Status)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

// Deliveries are spans, health checks are not, and nobody outside names a
// trace or fills one with text.
func TestHandler(t *testing.T) {
	tracer, d := open(t, nil)
	var lines bytes.Buffer
	log := slog.New(LogHandler(slog.NewJSONHandler(&lines, nil)))
	h := tracer.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "here")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	for _, path := range []string{"/webhook", "/healthz"} {
		req := httptest.NewRequest(http.MethodPost, path, nil)
		req.Header.Set("X-GitHub-Delivery", strings.Repeat("x", 10_000)+"\x00")
		req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		h.ServeHTTP(httptest.NewRecorder(), req)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := d.span(t, "POST /webhook")
	if len(d.spans) != 1 || fmt.Sprintf("%x", s.TraceId) == "0af7651916cd43dd8448eb211c80319c" || s.Status.Code != traces.Status_STATUS_CODE_ERROR {
		t.Errorf("%d spans, trace %x, status %v", len(d.spans), s.TraceId, s.Status)
	}
	if id := attributes(s)["salve.delivery"]; len(id) > maxText+10 {
		t.Errorf("delivery of %d bytes", len(id))
	}
	want := fmt.Sprintf(`"trace_id":"%x","span_id":"%x"`, s.TraceId, s.SpanId)
	if all := strings.Split(strings.TrimSpace(lines.String()), "\n"); len(all) != 2 || !strings.Contains(all[0], want) || strings.Contains(all[1], "trace_id") {
		t.Errorf("log lines\n%s\nwant %s in the first alone", lines.String(), want)
	}
}

// Without a collector nothing is recorded, and with one that does not answer
// the program ends in time.
func TestNoCollector(t *testing.T) {
	c := Config{Getenv: func(string) string { return "" }, Log: slog.New(slog.DiscardHandler)}
	off, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tracer := range []*Tracer{off, nil} {
		ctx, span := tracer.Start(t.Context(), "x", slog.String("a", "b"))
		span.Set(slog.Int("n", 1))
		span.End(errors.New("no"))
		if Cause(ctx) != "" || tracer.Close(t.Context()) != nil {
			t.Error("something was recorded")
		}
	}
	c.Getenv = func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}[name]
	}
	if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "http/protobuf") {
		t.Errorf("grpc: %v", err)
	}
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // so that the end of the connection is seen
		<-r.Context().Done()
	}))
	defer hang.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", hang.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1000") // ms; what is under way is not cut off
	c.Getenv = func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": hang.URL}[name]
	}
	slow, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, span := slow.Start(t.Context(), "x")
	span.End(nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := slow.Close(ctx); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("closed after %v: %v", time.Since(began), err)
	}
}
