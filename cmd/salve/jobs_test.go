package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/queue"
)

// runAlone runs one command of its own and returns its exit code and output.
func runAlone(t *testing.T, build func(*environment) *cobra.Command, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	env := &environment{Stdout: &b, Stderr: io.Discard, Getenv: func(string) string { return "" }, Now: time.Now}
	cmd := build(env)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		b.WriteString(err.Error())
	}
	return exitCode(err), b.String()
}

// deadLetters is a database with one dead job and one timer.
func deadLetters(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "salve.db")
	q, err := queue.Open(t.Context(), file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for _, kind := range []string{"event", "later"} {
		err := q.Handle(kind, func(context.Context, queue.Job) error {
			return queue.Discard(errors.New("red \x1b[31m alert\nsecond line"))
		}, queue.Options{})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Enqueue(t.Context(), queue.Job{Kind: "event", Key: "installation/7", Unique: "guid", Payload: []byte(`{"a":1}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.EnqueueAt(t.Context(), queue.Job{Kind: "later"}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if list, err := q.Jobs(t.Context(), queue.Filter{State: queue.Dead}); err != nil || time.Now().After(end) {
			t.Fatal("the job is not dead", err)
		} else if len(list) == 1 {
			break
		}
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestJobs(t *testing.T) {
	file := deadLetters(t)
	for _, tt := range []struct {
		args string
		code int
		want string // pattern of the output
	}{
		{"list", 0, `(?s)ID +KIND +STATE.*2 +later +scheduled +0/12 .*1 +event +dead +1/12 +\S+ \S+ +\S+ \S+ +installation/7 +red �\[31m alert\n$`},
		{"list --state dead --format json", 0, `(?s)^\[\s*\{\s*"id": 1,.*"payload": \{\s*"a": 1`},
		{"list --state running --format json", 0, `^\[\]\n$`},
		{"list --state odd", exitUsage, `want one of`},
		{"list --format xml", exitUsage, `want table or json`},
		{"show 1", 0, `(?s)id +1\n.*key +installation/7\nunique +guid\n.*payload +\{"a":1\}\nattempt 1 .*second line`},
		{"show 99", exitUsage, `job 99: no such job`},
		{"show x", exitUsage, `want a number`},
		{"retry", exitUsage, `want ids or --dead`},
		{"retry 1 --dead", exitUsage, `want ids or --dead`},
		{"retry --dead", 0, `(?s)1 +event +ready`},
		{"retry --dead", 0, `^ID.*LAST ERROR\n$`},
		{"discard 1 99", exitUsage, `(?s)1 +event +dead.*job 99: no such job`},
		{"retry 1", 0, `1 +event +ready`},
	} {
		code, out := runAlone(t, jobsCommand, append(strings.Fields(tt.args), "--database", file)...)
		if code != tt.code || !regexp.MustCompile(tt.want).MatchString(out) {
			t.Errorf("salve jobs %s = %d, want %d and %s\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
	var v jobView
	if _, out := runAlone(t, jobsCommand, "show", "2", "--format", "json", "--database", file); json.Unmarshal([]byte(out), &v) != nil || v.Kind != "later" {
		t.Errorf("show --format json: %s", out)
	}
}

func TestMigrateCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "salve.db")
	if code, out := runAlone(t, jobsCommand, "list", "--database", file); code != exitUsage || !strings.Contains(out, "no such file") {
		t.Errorf("jobs of no database = %d %s", code, out)
	}
	for range 2 {
		if code, out := runAlone(t, migrateCommand, "--database", file); code != 0 || out != "tables are up to date\n" {
			t.Errorf("migrate = %d %s", code, out)
		}
	}
	if code, out := runAlone(t, jobsCommand, "list", "--database", file); code != 0 {
		t.Errorf("jobs after migrate = %d %s", code, out)
	}
}
