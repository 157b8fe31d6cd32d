package dynatracetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
)

const (
	api    = "/platform/storage/query/v1/"
	secret = "dt0s16.SALVE123.S3CRET"
	list   = `fetch dt.davis.problems, from: now()-1h | fields display_id, event.severity, event.start, names`
)

var today = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// records returns problems with the given display IDs, an hour old.
func records(ids ...string) []dql.Record {
	names := []string{"event.kind", "event.id", "display_id", "event.status", "event.start", "timestamp", "event.severity", "names"}
	var out []dql.Record
	for _, id := range ids {
		at := dql.Time(today.Add(-time.Hour))
		out = append(out, dql.NewRecord(names, []dql.Value{
			dql.String("DAVIS_PROBLEM"), dql.String("E" + id), dql.String(id), dql.String("ACTIVE"), at, at, dql.Long(3), dql.Strings("a", "b"),
		}))
	}
	return out
}

func newServer(t testing.TB, change func(*Options)) *Server {
	t.Helper()
	opts := Options{
		Source: eval.Records(records("P-1", "P-2", "P-3")),
		Now:    func() time.Time { return today },
		Tokens: []Token{{Secret: secret, Scopes: Scopes()}},
	}
	if change != nil {
		change(&opts)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An exchange is a request and what came back.
type exchange struct {
	status int
	body   map[string]any
	text   string
}

// at returns a part of a body by its path: "result.metadata.grail".
func (x exchange) at(path string) any {
	var v any = x.body
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func ask(t testing.TB, s *Server, method, target, body string, header map[string]string) exchange {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+secret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	x := exchange{status: w.Code, text: w.Body.String()}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &x.body); err != nil {
			t.Fatalf("%s %s: %v: %s", method, target, err, x.text)
		}
	}
	return x
}

func execute(t testing.TB, s *Server, fields map[string]any) exchange {
	t.Helper()
	all := map[string]any{"requestTimeoutMilliseconds": 60_000}
	for k, v := range fields {
		all[k] = v
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, s, "POST", api+"query:execute", string(body), nil)
}

func TestExecuteAnswersAsGrail(t *testing.T) {
	x := execute(t, newServer(t, nil), map[string]any{"query": list + " | limit 1", "timezone": "UTC"})
	if x.status != 200 || x.at("state") != "SUCCEEDED" || x.at("requestToken") == "" {
		t.Fatalf("%d %s", x.status, x.text)
	}
	want := `[{"display_id":"P-1","event.severity":"3","event.start":"2026-03-02T09:00:00.000000000Z","names":["a","b"]}]`
	if got, _ := json.Marshal(x.at("result.records")); string(got) != want {
		t.Errorf("records\n%s, want\n%s", got, want)
	}
	want = `[{"indexRange":[0,0],"mappings":{"display_id":{"type":"string"},"event.severity":{"type":"long"},"event.start":{"type":"timestamp"},` +
		`"names":{"type":"array","types":[{"indexRange":[0,1],"mappings":{"element":{"type":"string"}}}]}}}]`
	if got, _ := json.Marshal(x.at("result.types")); string(got) != want {
		t.Errorf("types\n%s, want\n%s", got, want)
	}
	if got, ok := x.at("result.metadata.grail.scannedRecords").(string); !ok || got == "0" {
		t.Errorf("scannedRecords is %v, want a string", x.at("result.metadata.grail.scannedRecords"))
	}
	frame := map[string]any{"start": "2026-03-02T09:00:00.000000000Z", "end": "2026-03-02T10:00:00.000000000Z"}
	if diff := cmp.Diff(frame, x.at("result.metadata.grail.analysisTimeframe")); diff != "" {
		t.Error(diff)
	}
}

func TestTimezone(t *testing.T) {
	x := execute(t, newServer(t, nil), map[string]any{"query": list + " | limit 1 | fields event.start", "timezone": "Europe/Vienna"})
	if got, _ := json.Marshal(x.at("result.records")); string(got) != `[{"event.start":"2026-03-02T10:00:00.000000000+01:00"}]` {
		t.Errorf("%s", got)
	}
}

func TestTokenIsUsedOnce(t *testing.T) {
	s := newServer(t, func(o *Options) { o.Async = true })
	x := execute(t, s, map[string]any{"query": list})
	if x.status != 202 || x.at("state") != "RUNNING" {
		t.Fatalf("%d %s, want 202 RUNNING", x.status, x.text)
	}
	poll := api + "query:poll?request-timeout-milliseconds=60000&request-token=" + url.QueryEscape(x.at("requestToken").(string))
	if x = ask(t, s, "GET", poll, "", nil); x.status != 200 || x.at("state") != "SUCCEEDED" {
		t.Errorf("first poll: %d %s", x.status, x.text)
	}
	if x = ask(t, s, "GET", poll, "", nil); x.status != 410 || x.at("error.message") != "QUERY_GONE" || x.at("error.details.exceptionType") != "GONE" {
		t.Errorf("second poll: %d %s, want 410 QUERY_GONE", x.status, x.text)
	}
}

func TestCancel(t *testing.T) {
	s := newServer(t, func(o *Options) { o.Async = true })
	x := execute(t, s, map[string]any{"query": list})
	cancel := api + "query:cancel?request-token=" + url.QueryEscape(x.at("requestToken").(string))
	// The query may be done by now: then its result comes with the answer.
	if x = ask(t, s, "POST", cancel, "", nil); x.status != 202 && x.at("state") != "SUCCEEDED" {
		t.Errorf("%d %s", x.status, x.text)
	}
	if x = ask(t, s, "POST", cancel, "", nil); x.status != 410 {
		t.Errorf("again: %d %s, want 410", x.status, x.text)
	}
}

func TestRefuses(t *testing.T) {
	for _, tt := range []struct {
		name         string
		method, op   string
		body         string
		header       map[string]string
		status       int
		message, why string // error.message, and a part of the body
	}{
		{"method", "GET", "query:execute", "", nil, 405, "Method not allowed.", ""},
		{"path", "POST", "query:run", "{}", nil, 404, "", ""},
		{"content type", "POST", "query:execute", `{"query":"data record()"}`, map[string]string{"Content-Type": "text/plain"}, 415, "Content type is not supported: want application/json.", ""},
		{"no token", "POST", "query:execute", `{}`, map[string]string{"Authorization": ""}, 401, "Missing authorization parameter.", ""},
		{"classic token", "POST", "query:execute", `{}`, map[string]string{"Authorization": "Api-Token dt0c01.A.B"}, 401, "Unsupported authorization scheme.", ""},
		{"malformed token", "POST", "query:execute", `{}`, map[string]string{"Authorization": "Bearer x"}, 401, "Platform token has invalid format.", ""},
		{"unknown token", "POST", "query:execute", `{}`, map[string]string{"Authorization": "Bearer dt0s16.A.B"}, 401, "Platform token is invalid.", ""},
		{"not JSON", "POST", "query:execute", `query=x`, nil, 400, "Constraints violated.", `"parameterLocation":"PAYLOAD_BODY"`},
		{"unknown field", "POST", "query:execute", `{"query":"data record()","qery":1}`, nil, 400, "Constraints violated.", `unknown field \"qery\"`},
		{"no query", "POST", "query:execute", `{}`, nil, 400, "Constraints violated.", `"path":"query"`},
		{"two objects", "POST", "query:execute", `{"query":"data record()"} {}`, nil, 400, "Constraints violated.", "want one JSON object"},
		{"no rows asked for", "POST", "query:execute", `{"query":"data record()","maxResultRecords":0}`, nil, 400, "Constraints violated.", "maxResultRecords"},
		{"sampling", "POST", "query:execute", `{"query":"data record()","defaultSamplingRatio":7}`, nil, 400, "Constraints violated.", "power of ten"},
		{"time zone", "POST", "query:execute", `{"query":"data record()","timezone":"Middle/Earth"}`, nil, 400, "Constraints violated.", "timezone"},
		{"time frame", "POST", "query:execute", `{"query":"data record()","defaultTimeframeStart":"yesterday","defaultTimeframeEnd":"today"}`, nil, 400, "Constraints violated.", "defaultTimeframeStart"},
		{"unknown command", "POST", "query:execute", `{"query":"data record() | limt 5"}`, nil, 400, "UNKNOWN_COMMAND",
			`"syntaxErrorPosition":{"start":{"column":17,"index":16,"line":1},"end":{"column":20,"index":19,"line":1}}`},
		{"single quotes", "POST", "query:execute", `{"query":"data record(a = 'x')"}`, nil, 400, "PARSE_ERROR_SINGLE_QUOTES", ""},
		{"unknown table", "POST", "query:execute", `{"query":"fetch problems","requestTimeoutMilliseconds":60000}`, nil, 400, "UNKNOWN_DATA_OBJECT", "problems isn't a valid data object."},
		{"placeholder", "POST", "query:execute", `{"query":"data record(a = ${X})"}`, nil, 400, "", ""},
		{"poll without token", "GET", "query:poll", "", nil, 400, "Constraints violated.", "request-token"},
		{"poll of nothing", "GET", "query:poll?request-token=x", "", nil, 410, "QUERY_GONE", ""},
		{"poll with a bad time", "GET", "query:poll?request-token=x&request-timeout-milliseconds=-1", "", nil, 400, "Constraints violated.", "request-timeout-milliseconds"},
		{"verify nothing", "POST", "query:verify", `{}`, nil, 400, "Constraints violated.", ""},
		{"parse what does not", "POST", "query:parse", `{"query":"data |"}`, nil, 400, "PARSE_ERROR", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := ask(t, newServer(t, nil), tt.method, api+tt.op, tt.body, tt.header)
			if x.status != tt.status || tt.message != "" && x.at("error.message") != tt.message || !strings.Contains(x.text, tt.why) {
				t.Errorf("%d %s; want %d %s %s", x.status, x.text, tt.status, tt.message, tt.why)
			}
			if code, ok := x.at("error.code").(float64); x.body != nil && (!ok || int(code) != tt.status) {
				t.Errorf("error.code is %v", x.at("error.code"))
			}
		})
	}
}

func TestScopes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		scopes []string
		status int
		want   string
	}{
		{"both", Scopes(), 200, `"notifications":[]`},
		{"no events", []string{"storage:buckets:read"}, 403, `"missingScopes":["storage:events:read"]`},
		{"no buckets", []string{"storage:events:read"}, 200, `"notificationType":"MISSING_BUCKET_PERMISSIONS"`},
	} {
		s := newServer(t, func(o *Options) { o.Tokens = []Token{{Secret: secret, Scopes: tt.scopes}} })
		if x := execute(t, s, map[string]any{"query": list}); x.status != tt.status || !strings.Contains(x.text, tt.want) {
			t.Errorf("%s: %d %s", tt.name, x.status, x.text)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields map[string]any
		rows   int
		notice string
	}{
		{"records", map[string]any{"maxResultRecords": 2}, 2, "API_RECORDS_LIMIT_ADDED"},
		{"just as many", map[string]any{"maxResultRecords": 3}, 3, ""},
		{"bytes", map[string]any{"maxResultBytes": 250}, 2, "RESULT_LIMIT_BYTES"},
		{"scan", map[string]any{"defaultScanLimitGbytes": 2}, 2, "SCAN_LIMIT_GBYTES"},
		{"no scan limit", map[string]any{"defaultScanLimitGbytes": -1}, 3, ""},
		{"sampling", map[string]any{"defaultSamplingRatio": 10}, 0, "SAMPLING_APPLIED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.fields["query"] = list
			x := execute(t, newServer(t, func(o *Options) { o.RecordSize = 1e9 }), tt.fields)
			rows, _ := x.at("result.records").([]any)
			notes, _ := x.at("result.metadata.grail.notifications").([]any)
			if len(rows) != tt.rows || (len(notes) > 0) != (tt.notice != "") || !strings.Contains(x.text, tt.notice) {
				t.Errorf("%d rows: %s", len(rows), x.text)
			}
		})
	}
}

// Without a limit of its own, an answer has 1,000 records.
func TestDefaultLimit(t *testing.T) {
	var ids []string
	for i := range 1001 {
		ids = append(ids, fmt.Sprintf("P-%d", i))
	}
	s := newServer(t, func(o *Options) { o.Source = eval.Records(records(ids...)) })
	x := execute(t, s, map[string]any{"query": list})
	if rows, _ := x.at("result.records").([]any); len(rows) != 1000 || !strings.Contains(x.text, "RESULT_LIMIT_RECORDS") {
		t.Errorf("%d rows, want 1000 and a notice", len(rows))
	}
}

func TestFaults(t *testing.T) {
	s := newServer(t, nil)
	for _, status := range []int{400, 401, 403, 410, 429, 500, 503} {
		s.Break(Fault{Times: 1, Status: status})
		if x := execute(t, s, map[string]any{"query": list}); x.status != status || x.at("error.code") != float64(status) {
			t.Errorf("%d: %d %s", status, x.status, x.text)
		}
	}
	s.Break(Fault{Times: 1, Status: 503, HTML: true, RetryAfter: 7 * time.Second})
	r := httptest.NewRequest("POST", api+"query:execute", nil)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Header().Get("Retry-After") != "7" || w.Header().Get("dynatrace-response-source") != "API Gateway" || !strings.HasPrefix(w.Body.String(), "<html>") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	s.Break(Fault{On: "query:poll", Status: 503})
	if x := execute(t, s, map[string]any{"query": list}); x.status != 200 {
		t.Errorf("a fault of another operation: %d", x.status)
	}
	s.Heal()
	if x := ask(t, s, "GET", api+"query:poll?request-token=x", "", nil); x.status != 410 {
		t.Errorf("healed: %d", x.status)
	}
	if got := s.Requests("query:execute"); got != 9 {
		t.Errorf("%d requests, want 9", got)
	}
}

// People break a sandbox with curl.
func TestControl(t *testing.T) {
	s := newServer(t, nil)
	for _, tt := range []struct {
		method, path, body string
		status             int // of the switch
		then               int // of a query after it
	}{
		{"POST", "/sandbox/faults", `{"status":429,"retryAfter":"17s"}`, 204, 429},
		{"DELETE", "/sandbox/faults", "", 204, 200},
		{"POST", "/sandbox/faults", `{"times":1,"on":"query:execute","status":503,"html":true,"latency":"1ns"}`, 204, 503},
		{"PUT", "/sandbox/async", "true", 204, 202},
		{"PUT", "/sandbox/async", "false", 204, 200},
		{"POST", "/sandbox/faults", `{"stauts":429}`, 400, 200},
		{"POST", "/sandbox/faults", `{"status":200}`, 400, 200},
		{"POST", "/sandbox/faults", `{"latency":"long"}`, 400, 200},
		{"PUT", "/sandbox/async", "perhaps", 400, 200},
	} {
		if x := ask(t, s, tt.method, tt.path, tt.body, nil); x.status != tt.status {
			t.Errorf("%s %s %s: %d %s, want %d", tt.method, tt.path, tt.body, x.status, x.text, tt.status)
		}
		if x := execute(t, s, map[string]any{"query": list}); x.status != tt.then {
			t.Errorf("after %s %s %s: %d %s, want %d", tt.method, tt.path, tt.body, x.status, x.text, tt.then)
		}
	}
}

func TestLoad(t *testing.T) {
	s := newServer(t, nil)
	s.Load(eval.Records(records("P-9")))
	if x := execute(t, s, map[string]any{"query": list}); !strings.Contains(x.text, `"P-9"`) || strings.Contains(x.text, `"P-1"`) {
		t.Errorf("%s", x.text)
	}
}

func TestVerify(t *testing.T) {
	s := newServer(t, func(o *Options) { o.Tokens[0].Scopes = nil }) // it needs none
	for query, want := range map[string]any{
		"fetch events|limit 5":               true,
		"fetch events | filter misspelt > 1": true, // as Grail: the table is open
		"fetch events | limt 5":              false,
		"fetch events | filter foo(a)":       false,
		"fetch nothing":                      false,
		"fetch events | fields a | filter b": false,
	} {
		body, _ := json.Marshal(map[string]string{"query": query})
		x := ask(t, s, "POST", api+"query:verify", string(body), nil)
		notes, _ := x.at("notifications").([]any)
		if x.status != 200 || x.at("valid") != want || (len(notes) == 0) != (want == true) {
			t.Errorf("%s: %d %s, want valid: %v", query, x.status, x.text, want)
		}
	}
}

func TestParse(t *testing.T) {
	query := `fetch events | filter a == "x" and in(b, {1, 2}) | fields c = if(not d, e[0]) | append [data record()]`
	body, _ := json.Marshal(map[string]string{"query": query})
	x := ask(t, newServer(t, nil), "POST", api+"query:parse", string(body), nil)
	if x.status != 200 || x.at("nodeType") != "CONTAINER" || x.at("type") != "QUERY" {
		t.Fatalf("%d %s", x.status, x.text)
	}
	var leaves []string
	var walk func(v any)
	walk = func(v any) {
		n := v.(map[string]any)
		if n["nodeType"] == "TERMINAL" {
			leaves = append(leaves, n["canonicalString"].(string))
		}
		children, _ := n["children"].([]any)
		for _, c := range children {
			walk(c)
		}
	}
	walk(x.body)
	want := `fetch events filter a == "x" and in b 1 2 fields c if d e 0 append data record`
	if got := strings.Join(leaves, " "); got != want {
		t.Errorf("leaves\n%s, want\n%s", got, want)
	}
}

func TestOAuth(t *testing.T) {
	now := today
	s := newServer(t, func(o *Options) {
		o.Now = func() time.Time { return now }
		o.Clients = []OAuthClient{{ID: "dt0s02.A", Secret: "hush", Scopes: []string{"storage:events:read", "storage:buckets:read"}}}
	})
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for _, tt := range []struct{ body, want string }{
		{"grant_type=password", "unsupported_grant_type"},
		{"grant_type=client_credentials&client_id=dt0s02.A&client_secret=no", "invalid_client"},
		{"grant_type=client_credentials&client_id=&client_secret=", "invalid_client"},
		{"%", "invalid_request"},
	} {
		if x := ask(t, s, "POST", "/sso/oauth2/token", tt.body, form); x.status != 400 || x.at("error") != tt.want {
			t.Errorf("%s: %d %s, want %s", tt.body, x.status, x.text, tt.want)
		}
	}
	x := ask(t, s, "POST", "/sso/oauth2/token", "grant_type=client_credentials&client_id=dt0s02.A&client_secret=hush&scope=storage:events:read+storage:logs:read", form)
	if x.status != 200 || x.at("scope") != "storage:events:read" || x.at("expires_in") != float64(300) {
		t.Fatalf("%d %s", x.status, x.text)
	}
	bearer := map[string]string{"Authorization": "Bearer " + x.at("access_token").(string)}
	body := `{"query":"data record(a = 1)","requestTimeoutMilliseconds":60000}`
	if x = ask(t, s, "POST", api+"query:execute", body, bearer); x.status != 200 {
		t.Errorf("%d %s", x.status, x.text)
	}
	now = now.Add(301 * time.Second)
	if x = ask(t, s, "POST", api+"query:execute", body, bearer); x.status != 401 || x.at("error.message") != "Token is expired." {
		t.Errorf("%d %s", x.status, x.text)
	}
}

// Whatever is sent, the answer is JSON with a status that Grail has.
func FuzzExecute(f *testing.F) {
	for _, seed := range []string{
		`{"query":"fetch events | limit 1"}`,
		`{"query":"data record(a = 1)","maxResultRecords":1,"maxResultBytes":10,"includeTypes":true,"timezone":"Europe/Vienna"}`,
		`{"query":"fetch dt.davis.problems","defaultTimeframeStart":"2026-03-02T00:00:00Z","defaultTimeframeEnd":"2026-03-02T10:00:00Z"}`,
		`{"query":"data record(a = ${X})","filterSegments":[],"queryOptions":{}}`,
		`{"query":null}`, `[]`, `"`, `{"query":"fetch events, from: now()-1000000d"}`,
	} {
		f.Add(seed)
	}
	s := newServer(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		switch x := ask(t, s, http.MethodPost, api+"query:execute", body, map[string]string{"Content-Type": "application/json"}); x.status {
		case 200, 202:
			if x.at("state") == nil {
				t.Errorf("%s: %s", body, x.text)
			}
			if token, ok := x.at("requestToken").(string); ok {
				ask(t, s, "POST", api+"query:cancel?request-token="+url.QueryEscape(token), "", nil)
			}
		case 400, 403, 413:
			if x.at("error.message") == nil {
				t.Errorf("%s: %s", body, x.text)
			}
		default:
			t.Errorf("%s: %d %s", body, x.status, x.text)
		}
	})
}
