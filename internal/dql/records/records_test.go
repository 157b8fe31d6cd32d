package records_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/records"
)

var to = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.jsonl")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// fetch returns the records of a table as JSON, or the error.
func fetch(t *testing.T, table string, files ...string) ([]string, error) {
	t.Helper()
	s, err := records.Open(files...)
	if err != nil {
		return nil, err
	}
	seq, err := s.Fetch(context.Background(), table, to.Add(-24*time.Hour), to)
	if err != nil {
		return nil, err
	}
	var out []string
	for r, err := range seq {
		if err != nil {
			return out, err
		}
		out = append(out, string(dql.AppendJSON(nil, dql.Object(r))))
	}
	return out, nil
}

func TestTypes(t *testing.T) {
	file := write(t, `{"event.kind":"DAVIS_PROBLEM","event.id":"1","timestamp":"2026-03-01T09:00:00+00:00","event.start":"2026-03-01T08:59:59.5Z","event.end":null,"resolved_problem_duration":"605156000000","event.severity":"3","dt.davis.affected_users_count":7,"s":"5","x":1.5,"a":["x",{"n":null}],"u":"\u00e4\"\\","u":"twice"}
`)
	got, err := fetch(t, "events", file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"event.kind":"DAVIS_PROBLEM","event.id":"1","timestamp":"2026-03-01T09:00:00.000000000Z","event.start":"2026-03-01T08:59:59.500000000Z","event.end":null,"resolved_problem_duration":605156000000,"event.severity":3,"dt.davis.affected_users_count":7,"s":"5","x":1.5,"a":["x",{"n":null}],"u":"twice"}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTables(t *testing.T) {
	file := write(t, `{"event.kind":"DAVIS_PROBLEM","event.id":"1","timestamp":"2026-03-01T09:00:00Z","event.start":"2026-03-01T08:00:00Z","event.status":"ACTIVE"}
{"event.kind":"DAVIS_PROBLEM","event.id":"1","timestamp":"2026-03-01T09:30:00Z","event.start":"2026-03-01T08:00:00Z","event.status":"CLOSED"}

{"event.kind":"DAVIS_EVENT","event.id":"2","timestamp":"2026-03-01T09:00:00Z"}
{"event.kind":"BIZ_EVENT","event.id":"3","timestamp":"2026-03-01T09:00:00Z"}
{"metric.key":"cpu","value":1,"timestamp":"2026-03-01T09:00:00Z"}
{"event.kind":"DAVIS_PROBLEM","event.id":"4","timestamp":"2026-03-02T09:00:00Z","event.start":"2026-03-02T08:00:00Z"}
{"event.kind":"DAVIS_PROBLEM","event.id":"5","event.start":"2026-02-01T08:00:00Z"}
`)
	hosts := write(t, `{"id":"HOST-1"}`)
	for table, want := range map[string]int{
		"events": 3, "dt.davis.problems.snapshots": 2, "dt.davis.problems": 2, "dt.davis.events": 1,
		"bizevents": 1, "metrics": 1, "dt.entity.host": 1,
	} {
		got, err := fetch(t, table, file, "dt.entity.host="+hosts)
		if err != nil || len(got) != want {
			t.Errorf("%s: %d records, want %d (%v)\n%s", table, len(got), want, err, strings.Join(got, "\n"))
		}
	}
	if _, err := fetch(t, "logs", file); err == nil || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("logs: %v", err)
	}
}

func TestErrors(t *testing.T) {
	const ok = `{"event.kind":"DAVIS_EVENT"}` + "\n"
	tests := map[string]string{
		`[1]`:                               ":2:1: not a JSON object",
		`{"a":1`:                            ":2:7: the record ends where a comma or } was expected",
		`{"a" 1}`:                           ":2:6: expected a colon, found '1'",
		`{"a":1} x`:                         `:2:9: expected the end of the line, found 'x'`,
		`{"a":tru}`:                         `:2:6: expected a value, found 't'`,
		`{"a":"x`:                           ":2:8: the record ends where a closing quote was expected",
		`{"timestamp":"today"}`:             `:2:21: timestamp: "today" is not a timestamp such as 2026-03-01T10:00:00Z`,
		`{"event.severity":"x"}`:            `:2:22: event.severity: "x" is not a whole number`,
		"{\"a\":\"\xff\"}":                  ":2:7: byte 0xff is not UTF-8",
		`{"a":` + strings.Repeat("[", 1000): ":2:207: the record nests deeper than 200 levels",
	}
	for line, want := range tests {
		file := write(t, ok+line+"\n")
		_, err := fetch(t, "events", file)
		if err == nil || err.Error() != file+want {
			t.Errorf("%.40s\nhave %v\nwant %s", line, err, file+want)
		}
	}
}

func TestLongRecord(t *testing.T) {
	file := write(t, `{"a":"`+strings.Repeat("x", 20<<20)+`"}`)
	if _, err := fetch(t, "events", file); err == nil || !strings.Contains(err.Error(), "longer than the limit") {
		t.Errorf("%v", err)
	}
}

// Several workers read each record once, whatever the lengths of the lines.
func TestWorkers(t *testing.T) {
	var b strings.Builder
	const n = 40_000
	for i := range n {
		fmt.Fprintf(&b, `{"event.kind":"DAVIS_EVENT","n":%d,"timestamp":"2026-03-01T09:00:00Z","pad":%q}`+"\n", i, strings.Repeat("p", i%257))
	}
	first, second := write(t, b.String()), write(t, b.String())
	s, err := records.Open(first, second)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2, 3, 7} {
		got := make([][]int64, workers)
		var mu sync.Mutex
		err := s.Scan(context.Background(), records.Scan{Table: "events", From: to.Add(-24 * time.Hour), To: to, Fields: []string{"n"}}, workers,
			func(w int) records.Push {
				return func(_ []string, vals []dql.Value) error {
					i, _ := vals[0].AsLong()
					mu.Lock()
					defer mu.Unlock()
					got[w] = append(got[w], i)
					return nil
				}
			})
		if err != nil {
			t.Fatal(err)
		}
		i := int64(0)
		for _, list := range got {
			for _, v := range list {
				if v != i%n {
					t.Fatalf("%d workers: record %d has n %d", workers, i, v)
				}
				i++
			}
		}
		if i != 2*n {
			t.Errorf("%d workers: %d records, want %d", workers, i, 2*n)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"event.kind":"DAVIS_PROBLEM","event.id":"1","timestamp":"2026-03-01T09:00:00.123Z","a":[1,{"b":"\u00e4"}]}`)
	f.Add("{\"a\":1}\n\n{\"b\":-1.5e3,\"a\":null} \n{}")
	f.Add(`{"timestamp":"2026-02-30T09:00:00Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := records.Open(write(t, text))
		if err != nil {
			t.Fatal(err)
		}
		all, errAll := count(s, nil)
		some, errSome := count(s, []string{"a"})
		if errAll == nil && (errSome != nil || all != some) {
			t.Fatalf("%q: %d records, %d of them with one field (%v)", text, all, some, errSome)
		}
	})
}

func count(s *records.Files, fields []string) (n int, err error) {
	err = s.Scan(context.Background(), records.Scan{Table: "events", From: time.Unix(0, 0), To: to, Fields: fields}, 2, func(int) records.Push {
		return func([]string, []dql.Value) error {
			n++
			return nil
		}
	})
	return n, err
}
