package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dynatracetest"
)

// ask runs salve with standard input.
func ask(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &environment{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }, Now: time.Now}
	code = run(t.Context(), env, args)
	return out.String(), errs.String(), code
}

func recording(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "p.jsonl")
	err := os.WriteFile(file, []byte(`{"event.kind":"DAVIS_PROBLEM","event.id":"1","display_id":"P-1","event.name":"CPU","event.status":"ACTIVE","event.start":"2026-03-01T08:00:00Z","timestamp":"2026-03-01T09:00:00Z","resolved_problem_duration":null}
{"event.kind":"DAVIS_PROBLEM","event.id":"2","display_id":"P-2","event.name":"a \"b\"","event.status":"CLOSED","event.start":"2026-03-01T08:00:00Z","event.end":"2026-03-01T08:05:00Z","timestamp":"2026-03-01T08:06:00Z","resolved_problem_duration":"300000000000"}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestQueryFormats(t *testing.T) {
	file := recording(t)
	const text = `fetch dt.davis.problems, from: -24h | fields display_id, event.name, event.start, resolved_problem_duration | sort display_id`
	for format, want := range map[string]string{
		"json":  `[{"display_id":"P-1","event.name":"CPU","event.start":"2026-03-01T08:00:00.000000000Z","resolved_problem_duration":null},{"display_id":"P-2","event.name":"a \"b\"","event.start":"2026-03-01T08:00:00.000000000Z","resolved_problem_duration":300000000000}]` + "\n",
		"csv":   "display_id,event.name,event.start,resolved_problem_duration\nP-1,CPU,2026-03-01T08:00:00.000000000Z,\nP-2,\"a \"\"b\"\"\",2026-03-01T08:00:00.000000000Z,5m0s\n",
		"table": "display_id  event.name  event.start                     resolved_problem_duration\nP-1         CPU         2026-03-01T08:00:00.000000000Z\nP-2         a \"b\"       2026-03-01T08:00:00.000000000Z  5m0s\n",
		"jsonl": `{"display_id":"P-1","event.name":"CPU","event.start":"2026-03-01T08:00:00.000000000Z","resolved_problem_duration":null}` + "\n" + `{"display_id":"P-2","event.name":"a \"b\"","event.start":"2026-03-01T08:00:00.000000000Z","resolved_problem_duration":300000000000}` + "\n",
		"yaml":  "- \"display_id\": \"P-1\"\n  \"event.name\": \"CPU\"\n  \"event.start\": \"2026-03-01T08:00:00.000000000Z\"\n  \"resolved_problem_duration\": null\n- \"display_id\": \"P-2\"\n  \"event.name\": \"a \\\"b\\\"\"\n  \"event.start\": \"2026-03-01T08:00:00.000000000Z\"\n  \"resolved_problem_duration\": 300000000000\n",
	} {
		out, errs, code := ask(t, "", "query", text, "--records", file, "--now", "2026-03-01T10:00:00Z", "--format", format)
		if code != 0 || out != want {
			t.Errorf("%s: exit %d %s\nhave %s\nwant %s", format, code, errs, out, want)
		}
	}
	out, _, code := ask(t, "", "query", "fetch events | filter false", "--records", file, "--format", "json")
	if out != "[]\n" || code != 0 {
		t.Errorf("no rows: %q, exit %d", out, code)
	}
}

func TestQueryParameters(t *testing.T) {
	file := recording(t)
	args := []string{"query", "--file", "-", "--records", file, "--now", "2026-03-01T10:00:00Z", "--from", "-1d", "--format", "jsonl"}
	tests := []struct{ text, param, want string }{
		{`fetch dt.davis.problems | filter event.name == "${N}" | fields display_id`, `N=a "b"`, `{"display_id":"P-2"}` + "\n"},
		{`fetch dt.davis.problems | filter event.name == "${N}" | fields display_id`, `N=x" or true or "`, ""},
		{`fetch dt.davis.problems | filter in(event.id, ${IDS}) | fields display_id`, `IDS:=array("1", "7")`, `{"display_id":"P-1"}` + "\n"},
		{`fetch dt.davis.problems | filter event.start < ${T} - 1h | fields display_id | limit 1`, `T:=toTimestamp("2026-03-01T09:30:00Z")`, `{"display_id":"P-1"}` + "\n"},
	}
	for _, tt := range tests {
		out, errs, code := ask(t, tt.text, append(args, "--param", tt.param)...)
		if out != tt.want || code != 0 {
			t.Errorf("%s %s: %q, exit %d %s", tt.text, tt.param, out, code, errs)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	file := recording(t)
	tests := []struct {
		text string
		args []string
		want string
		code int
	}{
		{"fetch events | limt 5", nil, "salve: <stdin>:1:16: There's no command `limt`; did you mean limit? [UNKNOWN_COMMAND]\n    fetch events | limt 5\n                   ^^^^\n", 3},
		{"fetch events | filter (", nil, "salve: <stdin>:1:23: The query ends here, but more was expected. [PARSE_ERROR]\n    fetch events | filter (\n                          ^\n", 2},
		{"fetch nothing", nil, "salve: <stdin>:1:7: nothing isn't a valid data object. [UNKNOWN_DATA_OBJECT]\n    fetch nothing\n          ^^^^^^^\n", 3},
		{"fetch events | filter a == \"${X}\"", nil, "salve: <stdin>:1:29: the placeholder ${X} has no value [INVALID_PARAMETER]\n    fetch events | filter a == \"${X}\"\n                                ^^^^\n", 2},
		{"fetch events", []string{"--format", "xml"}, "salve: --format \"xml\": want table, json, jsonl, csv or yaml\n", 2},
		{"fetch events", []string{"--param", "X"}, "salve: --param \"X\": want NAME=TEXT or NAME:=VALUE\n", 2},
		{"fetch events", []string{"--from", "soon"}, "salve: --from \"soon\": want a time such as 2026-03-01T10:00:00Z, or a duration such as -2h\n", 2},
		{"fetch events", []string{"--records", "missing.jsonl"}, "salve: --records: stat missing.jsonl: no such file or directory\n", 2},
	}
	for _, tt := range tests {
		out, errs, code := ask(t, tt.text, append([]string{"query", "--file", "-", "--records", file}, tt.args...)...)
		if out != "" || errs != tt.want || code != tt.code {
			t.Errorf("%s %v: exit %d, want %d\nhave %s%s\nwant %s", tt.text, tt.args, code, tt.code, out, errs, tt.want)
		}
	}
}

// The same query on a tenant, with the exit codes of what can go wrong there.
func TestQueryRemote(t *testing.T) {
	source, err := eval.OpenRecords(recording(t))
	if err != nil {
		t.Fatal(err)
	}
	const token = "dt0s16.TEST.0123456789"
	tenant, err := dynatracetest.New(dynatracetest.Options{
		Source: source, Now: func() time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC) },
		Tokens: []dynatracetest.Token{{Secret: token, Scopes: []string{"storage:events:read", "storage:buckets:read"}, Expires: time.Now().Add(time.Hour)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tenant.Handler())
	defer server.Close()
	const text = `fetch dt.davis.problems, from: -24h | filter event.name == "${N}" | fields display_id`
	tests := []struct {
		args []string
		want string
		code int
	}{
		{[]string{text, "--token", token, "--param", "N=CPU"}, `[{"display_id":"P-1"}]` + "\n", 0},
		{[]string{text, "--token", "dt0s16.WRONG.0123456789", "--param", "N=CPU"}, "", 4},
		{[]string{text, "--token", token}, "", 2},
		{[]string{"fetch events | limt 5", "--token", token}, "", 3},
	}
	for _, tt := range tests {
		out, errs, code := ask(t, "", append([]string{"query", "--url", server.URL, "--format", "json"}, tt.args...)...)
		if out != tt.want || code != tt.code {
			t.Errorf("%v: exit %d, want %d\n%s%s", tt.args, code, tt.code, out, errs)
		}
	}
}

func TestVetAndFmt(t *testing.T) {
	tests := []struct {
		args       []string
		text, want string
		code       int
	}{
		{[]string{"vet", "-"}, "fetch dt.davis.problems\n", "", 0},
		{[]string{"vet", "-"}, "fetch logs | filter loglevel == ERROR", "<stdin>:1:33: warning: ERROR is the name of a field here, which is null. [BARE_WORD]\n    write \"ERROR\"\n", 1},
		{[]string{"vet", "-"}, "fetch logs | filter (", "<stdin>:1:21: error: The query ends here, but more was expected. [PARSE_ERROR]\n", 2},
		{[]string{"fmt", "-"}, "fetch logs|filter a==1 // why\n|limit 5", "fetch logs\n| filter a == 1\n// why\n| limit 5\n", 0},
		{[]string{"fmt", "--list", "-"}, "fetch logs|limit 5", "<stdin>\n", 1},
		{[]string{"fmt", "--list", "-"}, "fetch logs\n| limit 5\n", "", 0},
	}
	for _, tt := range tests {
		out, errs, code := ask(t, tt.text, tt.args...)
		if out != tt.want || code != tt.code {
			t.Errorf("%v %q: exit %d, want %d %s\nhave %s\nwant %s", tt.args, tt.text, code, tt.code, errs, out, tt.want)
		}
	}
	out, _, code := ask(t, "", "vet", "--explain", "../../testdata/document/canary-analysis.dql")
	if code != 1 || !strings.Contains(out, "canary-analysis, as Salve runs it:") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}
