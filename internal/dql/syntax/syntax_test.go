package syntax_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// sameTree compares trees without the places of their nodes.
var sameTree = cmp.Options{
	cmpopts.IgnoreTypes(syntax.Span{}, []syntax.Comment{}),
	cmpopts.IgnoreFields(syntax.Query{}, "Name", "Text"),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b dql.Value) bool { return a.Equal(b) && a.Kind() == b.Kind() }),
}

// texts are the queries that this repository holds.
func texts(t testing.TB) []string {
	var out []string
	for _, glob := range []string{"../../../templates/queries/*.dql", "../../../testdata/document/*.dql"} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", glob, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(text))
		}
	}
	data, err := os.ReadFile("../eval/testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var c struct{ Query string }
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		out = append(out, c.Query)
	}
	return append(out, corners...)
}

// corners are texts with something unusual in each.
var corners = []string{
	"data record(a = -1, b = - -2, c = 1e5, d = 0x1F, e = 1.50, f = 100d, g = 1M, h = 2w)",
	"fetch logs, from: -1d@d, to: now()@h | filter not a and (b or not c) xor d",
	"fetch logs | fieldsAdd `a b` = `x\\`.y`, c = r[name][0][], d = a[][b] + 1",
	`data record(s = "tab\t quote\" back\\ \u00e4 \${x}", r = """raw "quoted" \n""")`,
	"fetch logs | fieldsRemove a*, *.b, c.*.d, \"x*\" | fieldsKeep {a, b*}",
	"// first\nfetch logs // which\n| filter a == 1 /* or\nmore */ | sort b desc, c asc // last",
	"fetch logs | filter a in [fetch events | fields x] | join [fetch bizevents], on:{left[a] == right[b]}, kind: leftOuter",
	"timeseries avg(dt.host.cpu.usage, rollup: max), by: {host}, interval: 5m, filter: {host == \"a\"}",
	"fetch logs | search \"a\" and not b ~ \"c*\"",
	"data record(a = 9223372036854775807, b = -9223372036854775807, c = 9223372036854775808)",
}

func TestPrintParses(t *testing.T) {
	for _, text := range texts(t) {
		q, err := syntax.Parse("", text)
		if q == nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		if len(q.Errors) > 0 {
			continue // what it prints is not what stood there
		}
		printed := syntax.Print(q)
		again, err := syntax.Parse("", printed)
		if err != nil {
			t.Errorf("%s\nprints as\n%s\n%v", text, printed, err)
			continue
		}
		if diff := cmp.Diff(q, again, sameTree); diff != "" {
			t.Errorf("%s\nprints as\n%s\n%s", text, printed, diff)
		}
		if twice := syntax.Print(again); twice != printed {
			t.Errorf("printed twice:\n%s\nthen\n%s", printed, twice)
		}
		if len(again.Comments) != len(q.Comments) {
			t.Errorf("%s\nhas %d comments, printed %d:\n%s", text, len(q.Comments), len(again.Comments), printed)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct{ text, want, code, under string }{
		{"", "1:1: The query is empty.", "PARSE_ERROR", ""},
		{"fetch logs |", "1:12: The query ends here, but more was expected.", "PARSE_ERROR", "|"},
		{"fetch logs | summarize count() by:{a}", "1:32: `by` isn't allowed here; a comma is missing before it", "PARSE_ERROR", "by"},
		{"fetch logs | filter a = 1 = 2", "1:27: `=` isn't allowed here; equality is ==", "PARSE_ERROR", "="},
		{"fetch logs | filter a == 'x'", "1:26: Single quotes aren't supported. Please use double quotes; write \"x\"", "PARSE_ERROR_SINGLE_QUOTES", "'x'"},
		{"fetch logs, from: now() - 5min", "1:27: 5min has no unit of time; the units are ns us ms s m h d w M q y", "PARSE_ERROR", "5min"},
		{"fetch logs\n| filter “a”", "2:10: '“' isn't allowed here; strings stand in straight double quotes: \"…\"", "PARSE_ERROR", "“"},
		{`fetch logs | filter a == "x`, "1:26: string has no closing \"", "PARSE_ERROR", `"`},
		{"fetch logs /* x", "1:12: comment has no end; close it with */", "PARSE_ERROR", "/*"},
		{"fetch logs | filter ${a", "1:21: a placeholder is written ${NAME}", "PARSE_ERROR", "${"},
		{"fetch logs | filter a == \xff", "1:26: byte 0xff is not UTF-8", "PARSE_ERROR", "\xff"},
		{"fetch logs, from: now()@fortnight", "1:25: `fortnight` isn't a unit to align to; the units are s m h d w M q y, w0 to w6 name the first day of the week", "PARSE_ERROR", "fortnight"},
	}
	for _, tt := range tests {
		_, err := syntax.Parse("", tt.text)
		e := syntax.AsError(err)
		if e == nil {
			t.Errorf("%s: no error", tt.text)
			continue
		}
		if e.Error() != tt.want || e.Code != tt.code {
			t.Errorf("%s\nhave %s %s\nwant %s %s", tt.text, e.Code, e, tt.code, tt.want)
		}
		runes := []rune(strings.ReplaceAll(tt.text, "\xff", "�"))
		if tt.under != "" && len(runes) > e.End.Index {
			if got := string(runes[e.Start.Index : e.End.Index+1]); got != strings.ReplaceAll(tt.under, "\xff", "�") {
				t.Errorf("%s: points at %q, want %q", tt.text, got, tt.under)
			}
		}
	}
}

// Grail says that `by` stands at column 32, index 31, to column 33, index 32.
func TestPositions(t *testing.T) {
	_, err := syntax.Parse("", "fetch logs | summarize count() by:{service.name}")
	e := syntax.AsError(err)
	if e == nil || e.Start != (syntax.Pos{Index: 31, Line: 1, Column: 32}) || e.End != (syntax.Pos{Index: 32, Line: 1, Column: 33}) {
		t.Errorf("%+v", e)
	}
	_, err = syntax.Parse("q.dql", "fetch logs\n| filter ä == 'x'")
	e = syntax.AsError(err)
	if want := "q.dql:2:10"; e == nil || !strings.HasPrefix(e.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if want := "| filter ä == 'x'\n         ^"; e.Snippet() != want {
		t.Errorf("snippet\n%s\nwant\n%s", e.Snippet(), want)
	}
}

// Each of these ends in one short line.
func TestLimits(t *testing.T) {
	tests := map[string]string{
		"10 MB":                "fetch logs | filter a == \"" + strings.Repeat("x", 10<<20) + "\"",
		"100,000 brackets":     "fetch logs | filter " + strings.Repeat("(", 100_000),
		"100,000 braces":       "fetch logs | fields " + strings.Repeat("{", 100_000),
		"100,000 subqueries":   strings.Repeat("append [", 100_000),
		"100,000 indexes":      "fetch logs | fields a" + strings.Repeat("[0]", 100_000),
		"100,000 minus signs":  "fetch logs | fields " + strings.Repeat("-", 100_000) + "1",
		"100,000 nots":         "fetch logs | filter " + strings.Repeat("not ", 100_000) + "a",
		"100,000 operands":     "fetch logs | filter " + strings.Repeat("a or ", 100_000) + "a",
		"an unfinished string": "fetch logs | filter \"" + strings.Repeat("x", 1000),
	}
	for name, text := range tests {
		_, err := syntax.Parse("", text)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if line := err.Error(); len(line) > 200 || strings.Contains(line, "\n") {
			t.Errorf("%s: %.300s", name, line)
		}
	}
}

func TestBind(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	q, err := syntax.Parse("q", `fetch events, from: ${T} - 5m | filter matchesPhrase(n, "x ${S}!") and in(id, ${IDS}) and a > ${N}`)
	if err != nil {
		t.Fatal(err)
	}
	params := map[string]dql.Value{
		"T": dql.Time(at), "S": dql.String(`a" or true or "${N}\`), "IDS": dql.Strings("HOST-1", "x\n"), "N": dql.Long(-3),
	}
	bound, err := syntax.Bind(q, params)
	if err != nil {
		t.Fatal(err)
	}
	want := `fetch events, from: toTimestamp("2026-03-01T10:00:00Z") - 5m
| filter matchesPhrase(n, "x a\" or true or \"\u0024{N}\\!") and in(id, array("HOST-1", "x\n")) and a > -3
`
	printed := syntax.Print(bound)
	if printed != want {
		t.Errorf("have\n%s\nwant\n%s", printed, want)
	}
	again, err := syntax.Parse("", printed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bound, again, sameTree); diff != "" {
		t.Errorf("bound, printed and parsed:\n%s", diff)
	}
	if got := syntax.Placeholders(q); !cmp.Equal(got, []string{"IDS", "N", "S", "T"}) {
		t.Errorf("placeholders %v", got)
	}
}

// A sample of data may hold what looks like a placeholder; nothing else may.
func TestBindSample(t *testing.T) {
	q, err := syntax.Parse("", `data record(s = "${x}") | filter s == "${x}"`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := syntax.Bind(q, nil); err == nil || err.Error() != "1:40: the placeholder ${x} has no value" {
		t.Error(err)
	}
	if q, err = syntax.Parse("", `data record(s = "${x}")`); err != nil {
		t.Fatal(err)
	}
	if _, err := syntax.Bind(q, nil); err != nil {
		t.Error(err)
	}
	if _, err := syntax.Bind(q, map[string]dql.Value{}); err == nil {
		t.Error("bound without a value")
	}
}

func TestBindErrors(t *testing.T) {
	q, err := syntax.Parse("q", "fetch events\n| filter a == \"${S}\"")
	if err != nil {
		t.Fatal(err)
	}
	for want, params := range map[string]map[string]dql.Value{
		"q:2:16: the placeholder ${S} has no value":               nil,
		"q:1:1: the query has no placeholder ${X}":                {"S": dql.String("a"), "X": dql.Null},
		"q:2:16: ${S} is a array, which cannot stand in a string": {"S": dql.Array()},
		"q:2:16: ${S} is a null, which cannot stand in a string":  {"S": dql.Null},
	} {
		if _, err := syntax.Bind(q, params); err == nil || err.Error() != want {
			t.Errorf("have %v, want %s", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range texts(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := syntax.Parse("", text)
		if err != nil {
			e := syntax.AsError(err)
			if e == nil || e.Start.Index > e.End.Index || e.Start.Line < 1 {
				t.Fatalf("%q: error without a place: %#v", text, err)
			}
			e.Snippet()
			return
		}
		printed := syntax.Print(q)
		again, err := syntax.Parse("", printed)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, printed, err)
		}
		if twice := syntax.Print(again); twice != printed { // the trees are compared above; here it must be quick
			t.Fatalf("%q prints as %q, then as %q", text, printed, twice)
		}
	})
}

// A value bound as a parameter is that value, whatever it holds.
func FuzzBind(f *testing.F) {
	f.Add(`"`, int64(5))
	f.Add(`\`, int64(-1))
	f.Add(`${S} | limit 0`, int64(0))
	f.Fuzz(func(t *testing.T, s string, n int64) {
		q, err := syntax.Parse("", `data record(a = "<${S}>", b = ${S}, c = ${N})`)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := syntax.Bind(q, map[string]dql.Value{"S": dql.String(s), "N": dql.Long(n)})
		if err != nil {
			t.Fatal(err)
		}
		again, err := syntax.Parse("", syntax.Print(bound))
		if err != nil {
			if strings.ToValidUTF8(s, "") != s || n == -1<<63 {
				return
			}
			t.Fatal(err)
		}
		if diff := cmp.Diff(bound, again, sameTree); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile("../../../templates/queries/error-budget.dql")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := syntax.Parse("", string(text)); err != nil {
			b.Fatal(err)
		}
	}
}
