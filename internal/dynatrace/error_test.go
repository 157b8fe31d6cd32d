package dynatrace

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                    "plain",
		"  two\nlines\r\n":         "two lines",
		"\x1b[31mred\x00":          "[31mred",
		"Bearer s3cret and s3cret": "Bearer [secret] and [secret]",
		"bad \xff utf-8":           "bad � utf-8",
		"right\u202eto left":       "rightto left",
	} {
		if got := clean(in, "s3cret", ""); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	long := clean(strings.Repeat("é", 1000))
	if len(long) > 500 || !utf8.ValidString(long) || !strings.HasSuffix(long, "…") {
		t.Errorf("%d bytes: %q", len(long), long)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"":                              0,
		"17":                            17 * time.Second,
		"-1":                            0,
		"soon":                          0,
		"4294967295":                    longestRetry,
		"99999999999999999999":          0,
		"Mon, 02 Mar 2026 10:00:30 GMT": 30 * time.Second,
		"Mon, 02 Mar 2026 09:00:30 GMT": 0,
		"Mon, 02 Mar 2099 09:00:30 GMT": longestRetry,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]number{`1`: 1, `"1"`: 1, `1.0`: 1, `null`: 0, `""`: 0, `"605156000000"`: 605156000000, `-3`: -3, `1e3`: 1000} {
		var n number
		if err := json.Unmarshal([]byte(in), &n); err != nil || n != want {
			t.Errorf("%s: %d, %v; want %d", in, n, err, want)
		}
	}
	for _, in := range []string{`"one"`, `true`, `[]`, `{}`, `"1e400"`, `1e18`} {
		var n number
		if err := json.Unmarshal([]byte(in), &n); err == nil {
			t.Errorf("%s: %d, want an error", in, n)
		}
	}
}
