package queue

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestHandleRefuses(t *testing.T) {
	q := openQueue(t, filepath.Join(t.TempDir(), "q.db"))
	nop := func(context.Context, Job) error { return nil }
	handle(t, q, "taken", Options{}, nop)
	for _, tt := range []struct {
		kind string
		h    Handler
		o    Options
		says string
	}{
		{"", nop, Options{}, "want 2 to 60"},
		{"Upper", nop, Options{}, "want 2 to 60"},
		{"a b", nop, Options{}, "want 2 to 60"},
		{strings.Repeat("a", 61), nop, Options{}, "want 2 to 60"},
		{"taken", nop, Options{}, "has a handler already"},
		{"none", nil, Options{}, "no handler"},
		{"long", nop, Options{Timeout: time.Hour}, "split the work"},
		{"less", nop, Options{Workers: -1}, "negative"},
	} {
		if err := q.Handle(tt.kind, tt.h, tt.o); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Handle(%q) = %v, want it to say %q", tt.kind, err, tt.says)
		}
	}
}

func TestEnqueueRefuses(t *testing.T) {
	q := openQueue(t, filepath.Join(t.TempDir(), "q.db"))
	handle(t, q, "work", Options{}, func(context.Context, Job) error { return nil })
	for _, tt := range []struct {
		j    Job
		says string
	}{
		{Job{Kind: "typo"}, "no handler"},
		{Job{Kind: "work", Payload: []byte("{")}, "not JSON"},
		{Job{Kind: "work", Payload: []byte(`"` + strings.Repeat("a", maxPayload) + `"`)}, "at most"},
		{Job{Kind: "work", Key: "a\x00"}, "without NUL"},
		{Job{Kind: "work", Unique: "\xff"}, "UTF-8"},
		{Job{Kind: "work", Key: strings.Repeat("a", maxName+1)}, "at most"},
	} {
		if ok, err := q.Enqueue(t.Context(), tt.j); ok || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Enqueue(%.40v) = %v %v, want it to say %q", tt.j, ok, err, tt.says)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for url, says := range map[string]string{
		"":                    "no database",
		"mysql://root@host/x": "want the name of a file",
		t.TempDir():           "is a directory",
		"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=1": "connect",
		"postgres://u:hunter2@:port/x":                         "database",
	} {
		_, err := Open(t.Context(), url, quiet)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) = %v, want it to say %q and no password", url, err, says)
		}
	}
}

// The database holds what people wrote: nobody else may read it.
func TestFileMode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.db")
	openQueue(t, "sqlite:"+file)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(file + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, want 0600: %v", suffix, info.Mode(), err)
		}
	}
}

func TestPause(t *testing.T) {
	for _, tt := range []struct {
		attempt int
		shift   float64
		want    time.Duration
	}{
		{1, 0.5, time.Second}, {2, 0.5, 2 * time.Second}, {5, 0, 12 * time.Second}, {5, 1, 20 * time.Second},
		{11, 0.5, 15 * time.Minute}, {1 << 30, 0.5, 15 * time.Minute}, {-1, 0.5, time.Second},
	} {
		if got := pause(tt.attempt, tt.shift); got != tt.want {
			t.Errorf("pause(%d, %v) = %v, want %v", tt.attempt, tt.shift, got, tt.want)
		}
	}
}

// Whatever an error says can be stored.
func FuzzStorable(f *testing.F) {
	for _, s := range []string{"", "plain", "a\x00b", "\xff\xfe", strings.Repeat("é", maxError), "\u0000\U0010ffff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := storable(errors.New(s)).Error()
		if !utf8.ValidString(got) || strings.ContainsRune(got, 0) || len(got) > 3*maxError+10 {
			t.Errorf("%q", got)
		}
		b, err := json.Marshal(got)
		if err != nil || strings.Contains(string(b), `\u0000`) && !strings.Contains(s, `\u0000`) {
			t.Errorf("%s %v", b, err)
		}
	})
}

// Whoever comes to look creates nothing.
func TestOpenExisting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.db")
	if _, err := OpenExisting(t.Context(), file, quiet); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file was created")
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenExisting(t.Context(), file, quiet); err == nil || !strings.Contains(err.Error(), "salve migrate") {
		t.Errorf("no tables: %v", err)
	}
	if err := Migrate(t.Context(), file, quiet); err != nil {
		t.Fatal(err)
	}
	q, err := OpenExisting(t.Context(), file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	q.Close()
}
