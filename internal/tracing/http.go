package tracing

import (
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// Transport makes a span of each request that goes through next to host, which
// is "github" or "dynatrace". The path stands in it as its route: names of
// repositories, branches and files are left out.
func (t *Tracer) Transport(host string, next http.RoundTripper) http.RoundTripper {
	return transport{t, host, next}
}

type transport struct {
	tracer *Tracer
	host   string
	next   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := t.tracer.start(r.Context(), t.host+" "+method(r.Method), []slog.Attr{
		slog.String("http.request.method", method(r.Method)), slog.String("server.address", r.URL.Hostname()),
		slog.String("url.template", route(r.URL.Path)),
	}, trace.WithSpanKind(trace.SpanKindClient))
	resp, err := t.next.RoundTrip(r.WithContext(ctx))
	switch {
	case err != nil:
		span.End(err)
	case resp.StatusCode >= 400:
		span.Set(slog.Int("http.response.status_code", resp.StatusCode))
		span.End(&statusError{resp.Status})
	default:
		span.Set(slog.Int("http.response.status_code", resp.StatusCode))
		span.End(nil)
	}
	return resp, err
}

// A statusError is an answer that refuses.
type statusError struct{ status string }

func (e *statusError) Error() string { return e.status }

// method is the name of a method, of those that there are.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return m
	}
	return "OTHER"
}

// words are the parts of paths that are no names: of GitHub's API as far as it
// is asked, of Dynatrace's, and of this program's own.
var words = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`api v3 v1 app app-manifests conversions installations installation repositories access_tokens token hook
		deliveries attempts graphql repos users search issues pulls files reviews comments reactions requested_reviewers merge commits
		statuses status check-runs check-suites labels assignees git trees blobs refs ref heads contents compare rules branches rulesets
		collaborators permission teams members orgs deployments actions runs deployment_protection_rule pending_deployments codeowners errors
		platform storage query query:execute query:poll query:cancel query:verify sso oauth2
		webhook gates`) {
		words[w] = true
	}
}

// route is a path without the names in it.
func route(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	out := parts[:0:0]
	for _, p := range parts {
		switch {
		case words[p]:
			out = append(out, p)
		case len(out) > 0 && out[len(out)-1] == "{…}": // a name with slashes
		default:
			out = append(out, "{…}")
		}
	}
	return "/" + strings.Join(out, "/")
}

// Handler makes a span of each delivery and each question that next answers.
// Where it comes from is not asked: anybody can write that into a header.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := route(r.URL.Path)
		if !strings.HasPrefix(path, "/webhook") && !strings.HasPrefix(path, "/v1/gates") && !strings.HasPrefix(path, "/gates") {
			next.ServeHTTP(w, r) // health, asked every few seconds
			return
		}
		about := []slog.Attr{slog.String("http.request.method", method(r.Method)), slog.String("http.route", path)}
		if id := r.Header.Get("X-GitHub-Delivery"); id != "" {
			about = append(about, slog.String("delivery", id), slog.String("event", r.Header.Get("X-GitHub-Event")))
		}
		ctx, span := t.start(r.Context(), method(r.Method)+" "+path, about, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer))
		answer := &answered{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			span.Set(slog.Int("http.response.status_code", answer.status))
			if answer.status >= 500 {
				span.End(&statusError{http.StatusText(answer.status)})
				return
			}
			span.End(nil)
		}()
		next.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// answered notes the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] and [http.MaxBytesReader] reach the
// connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
