package ghapp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Attack 29: a description is one line of at most so many characters, and what
// people see as one character stays whole.
func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 5, "short"},
		{"too long", 5, "too…"},
		{"äöüäöü", 4, "äöü…"},
		{"abcde\u0301f", 6, "abcde\u0301f"[:0] + "abcd…"},
		{"ab👩‍👩‍👧cd", 5, "ab…"},
		{"ab👍🏽cdef", 4, "ab…"},
		{"a🇩🇪🇫🇷b", 4, "a🇩🇪…"},
		{"a🇩🇪🇫🇷bc", 5, "a🇩🇪…"},
		{"ab❤️cdef", 4, "ab…"},
		{"x", 1, "x"},
		{"xy", 1, "…"},
	} {
		got := cut(tt.in, tt.n)
		if got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                    "plain",
		" two\r\nlines\t ":         "two lines",
		"bell\a nul\x00 esc\x1b[m": "bell nul esc[m",
		"right\u202eto left":       "rightto left",
		"broken \xff\xfe utf8":     "broken utf8",
		"":                         "",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzDescription(f *testing.F) {
	f.Add("BLOCK: 2 problems\non shop/checkout", 140)
	f.Add("👩‍👩‍👧‍👧🇩🇪e\u0301", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 1 + int(uint(n)%200)
		got := cut(oneLine(s), n)
		if utf8.RuneCountInString(got) > n || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("cut(oneLine(%q), %d) = %q", s, n, got)
		}
	})
}
