package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/policy"
)

const (
	commit = forge.SHA("0123456789012345678901234567890123456789")
	page   = "0123456789abcdef0123456789abcdef"
)

// gates are answers by the name of the service, and one case.
type gates struct {
	answers map[string]gate.Answer
	page    gate.Case
}

func (g gates) Case(_ context.Context, id string) (gate.Case, bool, error) {
	return g.page, id == page, nil
}

func (g gates) Beside(context.Context, gate.Case) ([]gate.Case, error) {
	return []gate.Case{{ID: page, Environment: hostile, Verdict: gate.Proceed}}, nil
}

func (g gates) Service(_ context.Context, environment, service string, _ forge.SHA) (gate.Answer, error) {
	if service == "down" {
		return gate.Answer{}, errors.New("secret detail")
	}
	a, ok := g.answers[service]
	if !ok {
		return gate.Unknown(policy.PreDeployment, environment, service, "unknown"), nil
	}
	return a, nil
}

func (g gates) Watched(_ context.Context, name policy.GateName, environment, service string, _ forge.SHA) (gate.Answer, bool, error) {
	a, ok := g.answers[service]
	a.Gate = name
	return a, ok, nil
}

// answer is an answer as the gates give it.
func answer(v gate.Verdict, phase string, value int) gate.Answer {
	return gate.Answer{
		Environment: "production", Service: "shop/checkout", Gate: policy.PreDeployment, Decision: v.String(), Phase: phase, Value: value,
		DataQuality: "OK", At: time.Unix(0, 0).UTC(), Expires: time.Unix(300, 0).UTC(), Known: true, Verdict: v,
		Problems: []gate.Problem{{ID: "P-1", Title: "Failure rate", Severity: "CRITICAL", Entity: "checkout", Risk: "BLOCK", MatchedBy: "workload shop/checkout"}},
	}
}

func serveGates(t *testing.T, tokens []string, k gate.Case) *httptest.Server {
	t.Helper()
	g := gates{page: k, answers: map[string]gate.Answer{
		"good": answer(gate.Proceed, "success", 0), "warned": answer(gate.Warn, "success", 1), "shop/checkout": answer(gate.Block, "failure", 3),
		"waits": answer(gate.Hold, "pending", 2), "who-knows": answer(gate.Undecided, "pending", 2),
	}}
	srv := httptest.NewServer(New(Config{
		Parse: parse, Log: slog.New(slog.DiscardHandler), Gates: g, GateTokens: tokens, Tenant: "https://abc12345.apps.dynatrace.com",
		Accept: func(context.Context, forge.Event) error { return nil }, Ready: func(context.Context) error { return nil },
	}))
	t.Cleanup(srv.Close)
	return srv
}

func get(t *testing.T, url, authorization string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// Only what may go on is 2xx for who is strict, and every answer is as
// docs/openapi.yaml describes it.
func TestGateAnswers(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := serveGates(t, []string{"first", "second"}, gate.Case{})
	const path = "/v1/gates/{environment}/{service}"
	item := doc.Paths.Find(path)
	route := &routers.Route{Spec: doc, Path: path, PathItem: item, Method: http.MethodGet, Operation: item.Get}
	for _, tt := range []struct {
		path string
		want int
	}{
		{"good", 200}, {"good?strict=1", 200}, {"warned?strict=1", 200},
		{"shop%2Fcheckout", 200}, {"shop%2Fcheckout?strict=1", 409}, {"shop%2Fcheckout?strict=0", 200},
		{"waits?strict=1", 503}, {"who-knows?strict=1", 503}, {"who-knows", 200},
		{"good?strict=rollback", 409}, {"warned?strict=rollback", 409}, {"waits?strict=rollback", 409}, {"who-knows?strict=rollback", 409},
		{"shop%2Fcheckout?strict=rollback", 200}, {"absent?strict=rollback", 404}, {"good?strict=yes", 400},
		{"absent", 404}, {"absent?strict=1", 404}, {"down", 503},
		{"good?sha=main", 400}, {"good?gate=canary", 400}, {"good?gate=remediation&sha=" + string(commit), 400},
		{"good?gate=canary&sha=" + string(commit), 200}, {"absent?gate=post-deployment&sha=" + string(commit), 404},
	} {
		resp, text := get(t, srv.URL+"/v1/gates/production/"+tt.path, "Bearer second")
		if resp.StatusCode != tt.want || strings.Contains(text, "secret detail") {
			t.Errorf("%s: %d, want %d: %s", tt.path, resp.StatusCode, tt.want, text)
		}
		if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: resp.Request, Route: route},
			Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(strings.NewReader(text)),
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		}); err != nil {
			t.Errorf("%s: %v", tt.path, err)
		}
	}
	if resp, _ := get(t, srv.URL+"/v1/gates/production/shop/checkout?strict=1", "Bearer first"); resp.StatusCode != 409 {
		t.Errorf("a slash as it is: %d", resp.StatusCode)
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestGateTokens(t *testing.T) {
	with, without := serveGates(t, []string{"right"}, gate.Case{}), serveGates(t, nil, gate.Case{})
	for _, tt := range []struct {
		srv           *httptest.Server
		authorization string
		want          int
	}{
		{with, "Bearer right", 200}, {with, "bearer right", 200},
		{with, basic("salve", "right"), 200}, {with, basic("", "right"), 200}, {with, basic("right", ""), 401}, {with, basic("right", "wrong"), 401}, {without, basic("", ""), 401},
		{with, "", 401}, {with, "Bearer", 401}, {with, "Bearer ", 401}, {with, "Bearer wrong", 401}, {with, "Basic right", 401}, {with, "right", 401},
		{without, "", 401}, {without, "Bearer ", 401}, {without, "Bearer right", 401},
	} {
		if resp, _ := get(t, tt.srv.URL+"/v1/gates/production/good", tt.authorization); resp.StatusCode != tt.want {
			t.Errorf("%q: %d, want %d", tt.authorization, resp.StatusCode, tt.want)
		}
	}
}

// hostile is what whoever names a problem, a service or a branch may write.
const hostile = "\u202e\u2066" + `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.Key}}javascript:alert(1)`

func hostileCase() gate.Case {
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	return gate.Case{
		ID: page, Gate: policy.PreDeployment, Repo: forge.Repo{Owner: "acme", Name: "shop"}, Head: commit, Pull: 7, Verdict: gate.Block, State: forge.Failure,
		Why: hostile, Pass: hostile, Quality: "OK", Asked: []gate.Question{{Name: hostile, For: hostile, Params: []gate.Param{{Name: hostile, Value: hostile}}, Text: hostile}}, Judged: at,
		Services: []gate.Service{{Name: hostile, Environment: hostile, By: hostile}},
		Rows:     []gate.Row{{Problem: hostile, Event: "javascript:alert(1)", Title: hostile, Severity: "CRITICAL", Entity: hostile, Service: hostile, By: hostile, Verdict: gate.Block, Start: at}},
		Kinds:    []gate.Kind{{Name: hostile, Why: hostile}}, Terms: []gate.Risk{{Service: hostile}}, Health: []gate.Health{{Service: hostile}},
		Suspects: []gate.Suspect{{SHA: commit, Title: hostile, Author: hostile, Ties: []string{hostile}}},
		Samples:  []gate.Sample{{From: at, To: at, Verdict: gate.Undecided, Quality: hostile}, {From: at.Add(time.Minute), To: at.Add(2 * time.Minute), Verdict: gate.Block, Quality: "OK"}},
	}
}

func TestPage(t *testing.T) {
	srv := serveGates(t, nil, hostileCase())
	resp, text := get(t, srv.URL+"/gates/"+page, "")
	if resp.StatusCode != 200 || !strings.Contains(text, "BLOCK") || !strings.Contains(text, "<svg") || strings.Count(text, "<rect") != 2 {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	for _, tag := range []string{"<script", "<img", "href=\"javascript", "style=", "onerror=alert(1)>{{"} {
		if strings.Contains(strings.ToLower(text), tag) {
			t.Errorf("the page holds %s", tag)
		}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }) {
		t.Error("the page holds characters that turn the direction of text")
	}
	if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") || strings.Contains(got, "script-src") {
		t.Errorf("policy %q", got)
	}
	if resp, text := get(t, srv.URL+"/gates/style.css", ""); resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Type"), "text/css") || strings.Contains(text, "url(") {
		t.Errorf("style: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	for _, id := range []string{strings.Repeat("0", 32), "x", "..%2f..%2fetc%2fpasswd", strings.Repeat("a", 5000)} {
		if resp, _ := get(t, srv.URL+"/gates/"+id, ""); resp.StatusCode != 404 {
			t.Errorf("%.20s: %d, want 404", id, resp.StatusCode)
		}
	}
}

// A query opens in a notebook as it is, whatever it holds: the fragment is JSON
// in percent-encoding, in which a plus is a plus.
func TestQueryURL(t *testing.T) {
	const root, prefix = "https://abc12345.apps.dynatrace.com", "https://abc12345.apps.dynatrace.com/ui/intent/dynatrace.notebooks/view-query#"
	for _, query := range []string{
		"fetch dt.davis.problems, from: now() - 15m\n| filter x == \"a+b %20 & #\" // ä </script>", `| filter in("x", "\" onclick=\"")`, "\t\u2028",
	} {
		got := queryURL(root, query)
		fragment, ok := strings.CutPrefix(got, prefix)
		payload, err := url.PathUnescape(fragment)
		var in map[string]string
		if !ok || err != nil || json.Unmarshal([]byte(payload), &in) != nil || in["dt.query"] != query {
			t.Errorf("%q: %s holds %q, %v", query, got, in["dt.query"], err)
		}
		if strings.ContainsAny(fragment, " +\"<>#&") {
			t.Errorf("%s is not encoded whole", fragment)
		}
	}
	for _, root := range []string{"", "http://abc12345.apps.dynatrace.com", "javascript:alert(1)", "https://user:pw@host", "https://"} {
		if got := queryURL(root, "fetch logs"); got != "" {
			t.Errorf("%q: %s, want no link", root, got)
		}
	}
}

// A page shows each query with its parameters, and what holds in the other
// environments of the commit.
func TestPageShowsQueries(t *testing.T) {
	k := gate.Case{Gate: policy.Canary, Environment: "production", Asked: []gate.Question{
		{Name: "infrastructure-remediation", Text: "fetch dt.davis.problems"},
		{Name: "canary-analysis", For: "checkout", Text: `fetch x | filter v == "checkout-canary"`, Params: []gate.Param{{Name: "CANARY_VERSION", Value: `"checkout-canary"`}}},
	}}
	var b bytes.Buffer
	others := []gate.Case{{ID: page, Environment: "staging", Verdict: gate.Block}}
	if err := (Config{Tenant: "https://abc12345.apps.dynatrace.com"}).render(&b, k, others); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Query infrastructure-remediation</h2>", "Query canary-analysis for checkout</h2>", "<code>CANARY_VERSION</code></dt><dd><code>&#34;checkout-canary&#34;</code>",
		"filter v == &#34;checkout-canary&#34;</pre>", "view-query#%7B%22dt.query%22%3A%22fetch%20dt.davis.problems%22%7D",
		`<a href="/gates/` + page + `">staging</a> <span class="bad">ROLLBACK</span>`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page has no %s\n%s", want, b.String())
		}
	}
}

// A page of a case that has just been opened has nothing to show, and says so.
func TestEmptyPage(t *testing.T) {
	var b bytes.Buffer
	if err := (Config{}).render(&b, gate.Case{Gate: policy.Risk}, nil); err != nil || !strings.Contains(b.String(), "not yet") {
		t.Errorf("%v: %s", err, b.String())
	}
}
