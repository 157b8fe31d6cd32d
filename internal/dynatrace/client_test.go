package dynatrace

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dql/syntax"
	"github.com/salvehq/salve/internal/dynatracetest"
)

const (
	secret = "dt0s16.SALVE123.S3CRETS3CRETS3CRET"
	count  = `fetch dt.davis.problems, from: now()-30d | summarize n = count()`
	list   = `fetch dt.davis.problems, from: now()-1h | fields display_id, event.start, event.severity, affected_entity_names`
	nobody = `fetch dt.davis.problems, from: now()-1h | filter display_id == "P-0" | fields display_id`
)

var today = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// problems returns n problems that began an hour ago.
func problems(n int) []dql.Record {
	names := []string{"event.kind", "event.id", "display_id", "event.status", "event.start", "timestamp", "event.severity", "affected_entity_names"}
	var out []dql.Record
	for i := range n {
		id := string(rune('1' + i))
		out = append(out, dql.NewRecord(names, []dql.Value{
			dql.String("DAVIS_PROBLEM"), dql.String("E" + id), dql.String("P-" + id), dql.String("ACTIVE"),
			dql.Time(today.Add(-time.Hour)), dql.Time(today.Add(-time.Hour)), dql.Long(3), dql.Strings("checkout", "cart"),
		}))
	}
	return out
}

// A world is a tenant on loopback and a client of it.
type world struct {
	tenant *dynatracetest.Server
	server *httptest.Server
	client *Client
	log    *bytes.Buffer
}

func newWorld(t *testing.T, opts dynatracetest.Options, change func(*Config)) *world {
	t.Helper()
	w := &world{log: new(bytes.Buffer)}
	w.tenant = newTenant(t, opts)
	w.server = httptest.NewServer(w.tenant.Handler())
	t.Cleanup(w.server.Close)
	w.client = newClient(t, w.server.URL, w.log, change)
	return w
}

func newTenant(t *testing.T, opts dynatracetest.Options) *dynatracetest.Server {
	t.Helper()
	if opts.Source == nil {
		opts.Source = eval.Records(problems(3))
	}
	opts.Now = func() time.Time { return today }
	if opts.Tokens == nil {
		opts.Tokens = []dynatracetest.Token{{Secret: secret, Scopes: dynatracetest.Scopes()}}
	}
	s, err := dynatracetest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newClient(t *testing.T, url string, log *bytes.Buffer, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{URL: url, Token: secret, Log: slog.New(slog.NewTextHandler(log, nil))}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) query(t *testing.T, text string) (dql.Result, error) {
	t.Helper()
	return w.client.Query(t.Context(), dql.Query{Text: text})
}

func (w *world) must(t *testing.T, text string) dql.Result {
	t.Helper()
	res, err := w.query(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestQueryDecodesTypes(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	res := w.must(t, list)
	if res.Quality != dql.OK || len(res.Records) != 3 || len(res.Notices) != 0 {
		t.Fatalf("%v, %d records, %v", res.Quality, len(res.Records), res.Notices)
	}
	r := res.Records[0]
	if n, ok := r.Get("event.severity").AsLong(); !ok || n != 3 {
		t.Errorf("event.severity is %v", r.Get("event.severity").Kind())
	}
	if !r.Time("event.start").Equal(today.Add(-time.Hour)) {
		t.Errorf("event.start is %s", r.Time("event.start"))
	}
	if got := r.Texts("affected_entity_names"); len(got) != 2 {
		t.Errorf("affected_entity_names is %v", got)
	}
	if res.Asked.IsZero() {
		t.Error("no time")
	}
}

// Parameters travel as values: whatever a target is called, it stays inside
// its quotes.
func TestQueryBindsHostileParameters(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	for _, name := range []string{`a"b`, `a\`, `${X}`, `" or true or "`, "a\nb", "a|b", `"; fetch logs`, "*/", "//", "\x00", "ünï"} {
		q := dql.Query{Text: `data record(a = 1) | fields same = "${NAME}"`, Params: map[string]dql.Value{"NAME": dql.String(name)}}
		res, err := w.client.Query(t.Context(), q)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got, _ := res.Records[0].Get("same").AsString(); got != name {
			t.Errorf("%q came back as %q", name, got)
		}
	}
}

func TestQueryRefusesUnboundParameter(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	_, err := w.client.Query(t.Context(), dql.Query{Name: "pre.dql", Text: "data record(a = 1)\n| filter a == ${N}"})
	var e *syntax.Error
	if !errors.As(err, &e) || e.Start.Line != 2 {
		t.Errorf("%v, want a *syntax.Error in line 2", err)
	}
	if want := "pre.dql:2:15: "; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s first", err, want)
	}
	if n := w.tenant.Requests("query:execute"); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// An error of the server names the query, and a caller who gave up while the
// server was busy learns both.
func TestErrorsSayWhichQueryAndWhy(t *testing.T) {
	bubble(t, dynatracetest.Options{}, nil, func(t *testing.T, w *world) {
		w.tenant.Break(dynatracetest.Fault{Status: 429, RetryAfter: time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Second, cancel)
		_, err := w.client.Query(ctx, dql.Query{Name: "list.dql", Text: list})
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "list.dql: POST ") || !strings.Contains(err.Error(), "cancelled; before that: POST ") {
			t.Error(err)
		}
	})
}

func TestQueryTimeframe(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	const text = `fetch dt.davis.problems | summarize n = count()`
	for _, tt := range []struct {
		from, to time.Time
		want     int64
	}{
		{today.Add(-2 * time.Hour), today, 3},
		{today.Add(-9 * time.Hour), today.Add(-8 * time.Hour), 0},
	} {
		res, err := w.client.Query(t.Context(), dql.Query{Text: text, From: tt.from, To: tt.to})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := res.Records[0].Get("n").AsLong(); n != tt.want {
			t.Errorf("%s to %s: %d problems, want %d", tt.from, tt.to, n, tt.want)
		}
	}
}

func TestPolling(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{Async: true}, nil)
	w.tenant.Break(dynatracetest.Fault{On: "query:execute", Times: 1, State: "NOT_STARTED"})
	w.tenant.Break(dynatracetest.Fault{On: "query:poll", Times: 1, State: "NOT_STARTED"})
	w.tenant.Break(dynatracetest.Fault{On: "query:poll", Times: 1, State: "RUNNING"})
	if res := w.must(t, list); len(res.Records) != 3 || res.Quality != dql.OK {
		t.Errorf("%d records, %v", len(res.Records), res.Quality)
	}
	if n := w.tenant.Requests("query:poll"); n != 3 {
		t.Errorf("%d polls, want 3", n)
	}
}

func TestEndsThatAreNoAnswer(t *testing.T) {
	for _, state := range []string{"FAILED", "CANCELLED", "RESULT_GONE", "SUCCEEDED", "DANCING", ""} {
		w := newWorld(t, dynatracetest.Options{}, nil)
		body := `{"state":"` + state + `","requestToken":"t"}`
		w.tenant.Break(dynatracetest.Fault{On: "query:execute", Body: body})
		_, err := w.query(t, list)
		var e *Error
		if !errors.As(err, &e) || errors.Is(err, ErrUnavailable) {
			t.Errorf("%q: %v, want an *Error that is no kind of its own", state, err)
		}
	}
}

func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault dynatracetest.Fault
		kind  error
		want  string
	}{
		{"400", dynatracetest.Fault{Status: 400}, nil, "400 PARSE_ERROR: `fault` isn't allowed here."},
		{"401", dynatracetest.Fault{Status: 401}, ErrUnauthorised, "401: Platform token has invalid format."},
		{"403", dynatracetest.Fault{Status: 403}, ErrForbidden, "403 NOT_AUTHORIZED_FOR_TABLE: You are not authorized to read the table.; missing scopes: storage:events:read"},
		{"403 HTML", dynatracetest.Fault{Status: 403, HTML: true}, ErrForbidden, "403: an HTML page, not an answer of the query API: check that the URL is the environment's"},
		{"404", dynatracetest.Fault{Status: 404}, nil, "404: Not Found"},
		{"410", dynatracetest.Fault{Status: 410}, nil, "410 QUERY_GONE: The query for this query ID is not available anymore."},
		{"200 HTML", dynatracetest.Fault{Body: "<html>Sign in</html>"}, nil, "200: an HTML page"},
		{"200 other JSON", dynatracetest.Fault{Body: `{"state":["SUCCEEDED"]}`}, nil, "200: an answer that is not the query API's"},
		{"200 empty", dynatracetest.Fault{Body: " "}, ErrUnavailable, "200: the answer was cut off"},
		{"truncated", dynatracetest.Fault{Truncate: true}, ErrUnavailable, "200: the answer was cut off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, dynatracetest.Options{}, nil)
			w.tenant.Break(tt.fault)
			res, err := w.query(t, list)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %s", err, tt.want)
			}
			if res.Quality != dql.Failed {
				t.Errorf("quality %v", res.Quality)
			}
			for _, kind := range []error{ErrUnauthorised, ErrForbidden, ErrLimited, ErrUnavailable} {
				if errors.Is(err, kind) != (kind == tt.kind) {
					t.Errorf("is %v: %t", kind, errors.Is(err, kind))
				}
			}
			if !strings.HasPrefix(err.Error(), "POST "+w.server.URL+"/platform/storage/query/v1/query:execute: ") {
				t.Errorf("%v: want method and URL first", err)
			}
			if n := w.tenant.Requests("query:execute"); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// The words and the place of a mistake are Grail's.
func TestSyntaxErrorFromGrail(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	_, err := w.query(t, "data record(a = 1)\n| limt 5")
	var e *Error
	if !errors.As(err, &e) || e.Status != 400 || e.Code != "UNKNOWN_COMMAND" {
		t.Fatalf("%v, want 400 UNKNOWN_COMMAND", err)
	}
	if e.Start.Line != 2 || e.Start.Column != 3 || e.Sent != "| limt 5" {
		t.Errorf("at %+v: %q", e.Start, e.Sent)
	}
}

func TestMissingScope(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{Tokens: []dynatracetest.Token{{Secret: secret, Scopes: []string{"storage:buckets:read"}}}}, nil)
	_, err := w.query(t, list)
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrForbidden) || len(e.MissingScopes) != 1 || e.MissingScopes[0] != "storage:events:read" {
		t.Errorf("%v, want 403 with the missing scope", err)
	}
}

func TestQuality(t *testing.T) {
	all := dynatracetest.Scopes()
	for _, tt := range []struct {
		name   string
		opts   dynatracetest.Options
		fault  dynatracetest.Fault
		change func(*Config)
		text   string
		want   dql.Quality
		notice string
	}{
		{name: "rows", text: list, want: dql.OK},
		{name: "no rows, and rows can be seen", text: nobody, want: dql.OK},
		{name: "no rows ever", text: nobody, opts: dynatracetest.Options{Source: eval.Records(nil)}, want: dql.UnverifiedEmpty, notice: "UNVERIFIED_EMPTY"},
		{name: "a count of nothing", text: count, opts: dynatracetest.Options{Source: eval.Records(nil)}, want: dql.UnverifiedEmpty, notice: "UNVERIFIED_EMPTY"},
		{name: "rows removed without a word", text: list, fault: dynatracetest.Fault{Silent: true}, want: dql.UnverifiedEmpty, notice: "UNVERIFIED_EMPTY"},
		{name: "a count of what may not be seen", text: count, fault: dynatracetest.Fault{Silent: true}, want: dql.UnverifiedEmpty, notice: "UNVERIFIED_EMPTY"},
		{name: "a count without bucket permission", text: count, fault: dynatracetest.Fault{Blind: true}, want: dql.Partial, notice: "MISSING_BUCKET_PERMISSIONS"},
		{name: "no bucket permission", text: list, fault: dynatracetest.Fault{Blind: true}, want: dql.Partial, notice: "MISSING_BUCKET_PERMISSIONS"},
		{name: "no bucket scope", text: list, opts: dynatracetest.Options{Tokens: []dynatracetest.Token{{Secret: secret, Scopes: all[1:]}}}, want: dql.Partial, notice: "MISSING_BUCKET_PERMISSIONS"},
		{name: "record limit", text: list, change: func(c *Config) { c.MaxRecords = 2 }, want: dql.Partial, notice: "API_RECORDS_LIMIT_ADDED"},
		{name: "as many as asked for", text: list, change: func(c *Config) { c.MaxRecords = 3 }, want: dql.Partial, notice: "RESULT_LIMIT_RECORDS"},
		{name: "scan limit", text: list, opts: dynatracetest.Options{RecordSize: 200e9}, want: dql.Partial, notice: "SCAN_LIMIT_GBYTES"},
		{name: "timeout", text: list, fault: dynatracetest.Fault{Notification: "FETCH_TIMEOUT"}, want: dql.Partial, notice: "FETCH_TIMEOUT"},
		{name: "unknown warning", text: list, fault: dynatracetest.Fault{Notification: "SOMETHING_NEW"}, want: dql.Partial, notice: "SOMETHING_NEW"},
		{name: "advice", text: list, fault: dynatracetest.Fault{Notification: "LIMIT_ADDED"}, want: dql.OK, notice: "LIMIT_ADDED"},
		{name: "warning known to be harmless", text: list, fault: dynatracetest.Fault{Notification: "SOMETHING_NEW"},
			change: func(c *Config) { c.Harmless = []string{"SOMETHING_NEW"} }, want: dql.OK, notice: "SOMETHING_NEW"},
		{name: "no table", text: `data record(a = 1) | filter a == 2`, opts: dynatracetest.Options{Source: eval.Records(nil)}, want: dql.OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.opts, tt.change)
			if tt.fault != (dynatracetest.Fault{}) {
				w.tenant.Break(tt.fault)
			}
			res := w.must(t, tt.text)
			if res.Quality != tt.want {
				t.Errorf("quality %v, want %v; %v", res.Quality, tt.want, res.Notices)
			}
			if tt.notice != "" && (len(res.Notices) == 0 || res.Notices[0].Type != tt.notice) {
				t.Errorf("notices %v, want %s", res.Notices, tt.notice)
			}
		})
	}
}

// The probe is asked once, not with every empty answer.
func TestProbeIsRemembered(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	for range 3 {
		w.must(t, nobody)
	}
	if n := w.tenant.Requests("query:execute"); n != 4 {
		t.Errorf("%d queries, want 3 and one probe", n)
	}
}

// A probe that goes wrong shows nothing.
func TestProbeFails(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, nil)
	w.tenant.Break(dynatracetest.Fault{Times: 1, Latency: time.Nanosecond}) // the query
	w.tenant.Break(dynatracetest.Fault{Times: 1, Status: 400})              // the probe
	res := w.must(t, nobody)
	if res.Quality != dql.UnverifiedEmpty || !strings.Contains(res.Notices[0].Message, "the probe whether rows can be seen went wrong") {
		t.Errorf("%v %v", res.Quality, res.Notices)
	}
}

func TestOAuth(t *testing.T) {
	oauth := func(scopes ...string) (dynatracetest.Options, func(string) func(*Config)) {
		opts := dynatracetest.Options{Clients: []dynatracetest.OAuthClient{{ID: "dt0s02.A", Secret: "dt0s02.A.HUSHHUSH", Scopes: scopes}}}
		return opts, func(url string) func(*Config) {
			return func(c *Config) {
				c.Token, c.ClientID, c.ClientSecret, c.TokenURL = "", "dt0s02.A", "dt0s02.A.HUSHHUSH", url+"/sso/oauth2/token"
			}
		}
	}
	setup := func(t *testing.T) *world {
		opts, change := oauth(dynatracetest.Scopes()...)
		w := &world{log: new(bytes.Buffer), tenant: newTenant(t, opts)}
		w.server = httptest.NewServer(w.tenant.Handler())
		t.Cleanup(w.server.Close)
		w.client = newClient(t, w.server.URL, w.log, change(w.server.URL))
		return w
	}
	t.Run("without the optional scopes", func(t *testing.T) {
		opts, change := oauth(dynatracetest.Scopes()...)
		opts.Clients[0].Strict = true
		w := &world{log: new(bytes.Buffer), tenant: newTenant(t, opts)}
		w.server = httptest.NewServer(w.tenant.Handler())
		t.Cleanup(w.server.Close)
		w.client = newClient(t, w.server.URL, w.log, change(w.server.URL))
		w.must(t, list)
		w.tenant.Revoke()
		w.must(t, list)
		if n := w.tenant.Requests("token"); n != 3 {
			t.Errorf("%d tokens asked for, want 3: with the optional scopes once", n)
		}
	})
	t.Run("one token for many queries", func(t *testing.T) {
		w := setup(t)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := w.client.Query(t.Context(), dql.Query{Text: list}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := w.tenant.Requests("token"); n != 1 {
			t.Errorf("%d tokens, want 1", n)
		}
	})
	t.Run("a refused token is renewed once", func(t *testing.T) {
		w := setup(t)
		w.must(t, list)
		w.tenant.Revoke()
		w.must(t, list)
		if n := w.tenant.Requests("token"); n != 2 {
			t.Errorf("%d tokens, want 2", n)
		}
		w.tenant.Break(dynatracetest.Fault{Status: 401})
		if _, err := w.query(t, list); !errors.Is(err, ErrUnauthorised) {
			t.Errorf("%v, want ErrUnauthorised", err)
		}
		if n := w.tenant.Requests("token"); n != 3 {
			t.Errorf("%d tokens, want 3", n)
		}
	})
	t.Run("a wrong secret", func(t *testing.T) {
		w := setup(t)
		w.client.cfg.ClientSecret = "dt0s02.A.WRONGWRONG"
		_, err := w.query(t, list)
		if !errors.Is(err, ErrUnauthorised) || !strings.Contains(err.Error(), "/sso/oauth2/token: 400 invalid_client: Client authentication failed") {
			t.Errorf("%v, want ErrUnauthorised", err)
		}
		if strings.Contains(err.Error()+w.log.String(), "WRONGWRONG") {
			t.Errorf("%v: shows the secret", err)
		}
	})
	t.Run("an answer without a token", func(t *testing.T) {
		w := setup(t)
		w.tenant.Break(dynatracetest.Fault{On: "token", Body: `{"expires_in":300}`})
		if _, err := w.query(t, list); err == nil || !strings.Contains(err.Error(), "without a usable access_token") {
			t.Error(err)
		}
	})
	t.Run("the token endpoint redirects", func(t *testing.T) {
		w := setup(t)
		w.tenant.Break(dynatracetest.Fault{On: "token", Redirect: "https://evil.example.com/"})
		if _, err := w.query(t, list); err == nil || !strings.Contains(err.Error(), "a redirect to evil.example.com, which is not followed") {
			t.Error(err)
		}
	})
}

// A redirect to another host must not take the token there, not even to
// another port or a subdomain, to which Go would send it.
func TestRedirectGetsNoToken(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Authorization"))
	}))
	t.Cleanup(thief.Close)
	for _, op := range []string{"query:execute", "query:poll"} {
		w := newWorld(t, dynatracetest.Options{Async: true}, nil)
		w.tenant.Break(dynatracetest.Fault{On: op, Redirect: thief.URL + "/?" + secret})
		_, err := w.query(t, list)
		if err == nil || !strings.Contains(err.Error(), "a redirect to "+strings.TrimPrefix(thief.URL, "http://")+", which is not followed") {
			t.Errorf("%s: %v", op, err)
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v: shows the token", op, err)
		}
	}
	if len(seen) != 0 {
		t.Errorf("the other host was asked: %q", seen)
	}
}

// Whatever a server or the network says, no secret gets into errors or logs.
func TestSecretsStaySecret(t *testing.T) {
	for name, fault := range map[string]dynatracetest.Fault{
		"echo in JSON": {Body: `{"state":"` + secret + `"}`},
		"echo in page": {Body: "<html>" + secret},
		"echo as type": {Body: `{"state":{"` + secret + `":1}}`},
		"status":       {Status: 401},
	} {
		w := newWorld(t, dynatracetest.Options{}, nil)
		w.tenant.Break(fault)
		if _, err := w.query(t, list); err == nil || strings.Contains(err.Error()+w.log.String(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"error":{"code":400,"message":"no ` + r.Header.Get("Authorization") + `","details":{"missingScopes":["` + secret + `"]}}}`))
	}))
	t.Cleanup(echo.Close)
	var log bytes.Buffer
	_, err := newClient(t, echo.URL, &log, nil).Query(t.Context(), dql.Query{Text: list})
	if err == nil || strings.Contains(err.Error()+log.String(), secret) || !strings.Contains(err.Error(), "no Bearer [secret]") {
		t.Error(err)
	}
}

func TestAnswerTooLarge(t *testing.T) {
	w := newWorld(t, dynatracetest.Options{}, func(c *Config) { c.MaxBytes = 100 })
	if _, err := w.query(t, list); err == nil || !strings.Contains(err.Error(), "the answer is larger than 100 bytes") {
		t.Error(err)
	}
}

// bubble runs f in a bubble of fake time, with a tenant on a network in
// memory.
func bubble(t *testing.T, opts dynatracetest.Options, change func(*Config), f func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{log: new(bytes.Buffer), tenant: newTenant(t, opts)}
		n := &network{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: w.tenant.Handler()}
		go server.Serve(n)
		transport := &http.Transport{DialContext: n.dial}
		w.client = newClient(t, "http://localhost", w.log, func(c *Config) {
			c.Transport = transport
			if change != nil {
				change(c)
			}
		})
		f(t, w)
		transport.CloseIdleConnections()
		server.Close()
	})
}

// A network connects a client and a server without the kernel, whose sockets
// do not know fake time.
type network struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case n.conns <- far:
		return near, nil
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { n.once.Do(func() { close(n.done) }); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

func TestBusyServerIsAskedAgain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		fault    dynatracetest.Fault
		min, max time.Duration
	}{
		{"429 with a time", dynatracetest.Fault{Times: 2, Status: 429, RetryAfter: 17 * time.Second}, 34 * time.Second, 36 * time.Second},
		{"503 with a time", dynatracetest.Fault{Times: 1, Status: 503, RetryAfter: 5 * time.Second}, 5 * time.Second, 6 * time.Second},
		{"503 page", dynatracetest.Fault{Times: 2, Status: 503, HTML: true}, 1500 * time.Millisecond, 3 * time.Second},
		{"429", dynatracetest.Fault{Times: 1, Status: 429}, 500 * time.Millisecond, time.Second},
		{"hangs", dynatracetest.Fault{Times: 1, Latency: time.Hour}, serverWait + slowAnswer, serverWait + slowAnswer + time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, dynatracetest.Options{}, nil, func(t *testing.T, w *world) {
				w.tenant.Break(tt.fault)
				began := time.Now()
				if res := w.must(t, list); len(res.Records) != 3 {
					t.Errorf("%d records", len(res.Records))
				}
				if took := time.Since(began); took < tt.min || took > tt.max {
					t.Errorf("took %s, want %s to %s", took, tt.min, tt.max)
				}
				if !strings.Contains(w.log.String(), "trying again") {
					t.Errorf("log: %s", w.log)
				}
			})
		})
	}
}

func TestGivesUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault dynatracetest.Fault
		kind  error
		tries int
		after time.Duration
	}{
		{"always busy", dynatracetest.Fault{Status: 503}, ErrUnavailable, attempts, 0},
		{"asked to wait longer than the time-out", dynatracetest.Fault{Status: 429, RetryAfter: time.Hour}, ErrLimited, 1, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, dynatracetest.Options{}, nil, func(t *testing.T, w *world) {
				w.tenant.Break(tt.fault)
				_, err := w.query(t, list)
				var e *Error
				if !errors.As(err, &e) || !errors.Is(err, tt.kind) || e.RetryAfter != tt.after {
					t.Errorf("%v, want %v after %s", err, tt.kind, tt.after)
				}
				if n := w.tenant.Requests("query:execute"); n != tt.tries {
					t.Errorf("%d requests, want %d", n, tt.tries)
				}
			})
		})
	}
}

// A caller who leaves takes the query along, even before its token was known.
func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault dynatracetest.Fault
		leave time.Duration
	}{
		{"while polling", dynatracetest.Fault{On: "query:poll", State: "RUNNING"}, time.Minute},
		{"while queued", dynatracetest.Fault{On: "query:poll", State: "NOT_STARTED"}, time.Minute},
		{"while executing", dynatracetest.Fault{On: "query:execute", Latency: 3 * time.Second}, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, dynatracetest.Options{Async: true}, nil, func(t *testing.T, w *world) {
				w.tenant.Break(tt.fault)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(tt.leave, cancel)
				began := time.Now()
				_, err := w.client.Query(ctx, dql.Query{Text: list})
				if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
					t.Errorf("%v, want context.Canceled", err)
				}
				if took := time.Since(began); took > tt.leave+2*grace {
					t.Errorf("left after %s, back after %s", tt.leave, took)
				}
				if n := w.tenant.Requests("query:cancel"); n != 1 {
					t.Errorf("%d cancellations, want 1", n)
				}
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	bubble(t, dynatracetest.Options{Async: true}, func(c *Config) { c.Timeout = time.Minute }, func(t *testing.T, w *world) {
		w.tenant.Break(dynatracetest.Fault{On: "query:poll", State: "RUNNING"})
		began := time.Now()
		_, err := w.query(t, list)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no result in time; the query was RUNNING") {
			t.Errorf("%v, want context.DeadlineExceeded", err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("took %s", took)
		}
		if n := w.tenant.Requests("query:cancel"); n != 1 {
			t.Errorf("%d cancellations, want 1", n)
		}
		if n := w.tenant.Requests("query:poll"); n > 40 {
			t.Errorf("%d polls in a minute", n)
		}
	})
}

// A token is renewed before it ends, not after it was refused.
func TestOAuthRenewsInTime(t *testing.T) {
	opts := dynatracetest.Options{Clients: []dynatracetest.OAuthClient{{ID: "dt0s02.A", Secret: "dt0s02.A.HUSHHUSH", Scopes: dynatracetest.Scopes()}}}
	change := func(c *Config) {
		c.Token, c.ClientID, c.ClientSecret, c.TokenURL = "", "dt0s02.A", "dt0s02.A.HUSHHUSH", "http://localhost/sso/oauth2/token"
	}
	bubble(t, opts, change, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {3 * time.Minute, 1}, {90 * time.Second, 2}} {
			time.Sleep(tt.wait) // of the bubble
			w.must(t, list)
			if n := w.tenant.Requests("token"); n != tt.want {
				t.Errorf("after %s: %d tokens, want %d", tt.wait, n, tt.want)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"state":"SUCCEEDED","result":{"records":[{"a":"1"}],"types":[{"indexRange":[0,0],"mappings":{"a":{"type":"long"}}}],"metadata":{"grail":{"scannedRecords":"1","notifications":[]}}}}`,
		`{"state":"SUCCEEDED","result":{"records":null,"metadata":{"grail":{"scannedRecords":1,"sampled":true}}}}`,
		`{"state":"SUCCEEDED","result":{"records":[{"a":[{"b":null}]}],"types":[{"indexRange":[0,9],"mappings":{"a":{"type":"array","types":[{"indexRange":[0,0],"mappings":{"element":{"type":"record"}}}]}}}]}}`,
		`{"state":"RUNNING","requestToken":"x"}`,
		`{"error":{"code":400,"message":"UNKNOWN_COMMAND","details":{"syntaxErrorPosition":{"start":{"line":"1","column":14,"index":13}}}}}`,
		`<html>`,
	} {
		f.Add([]byte(seed))
	}
	c, err := New(Config{URL: "https://abc12345.apps.dynatrace.com", Token: secret, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var a answer
		e := &Error{Method: "POST", URL: "u", Status: 200}
		if err := e.decode(body, &a, nil); err == nil && a.State == succeeded && a.Result != nil {
			if res, err := c.result(a); err == nil && res.Quality == dql.Failed {
				t.Error("an answer without a quality")
			}
		}
		resp := &http.Response{StatusCode: 400, Header: http.Header{}, Request: httptest.NewRequest("POST", "/", nil)}
		e.read(resp, body, "fetch events", []string{secret})
		if text := e.Error(); strings.ContainsAny(text, "\n\r\x1b") || len(text) > 20_000 {
			t.Errorf("%q: not fit for a log", text)
		}
	})
}
