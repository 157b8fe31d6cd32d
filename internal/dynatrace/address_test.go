package dynatrace

import (
	"log/slog"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct{ in, want, notice string }{
		{"https://abc12345.apps.dynatrace.com", "https://abc12345.apps.dynatrace.com", ""},
		{"https://abc12345.apps.dynatrace.com/", "https://abc12345.apps.dynatrace.com", ""},
		{"https://abc12345.sprint.apps.dynatracelabs.com", "https://abc12345.sprint.apps.dynatracelabs.com", ""},
		{"https://abc12345.live.dynatrace.com", "https://abc12345.apps.dynatrace.com",
			"dynatrace: abc12345.live.dynatrace.com does not serve the query API; using abc12345.apps.dynatrace.com"},
		{"https://ABC12345.Live.Dynatrace.com", "https://abc12345.apps.dynatrace.com",
			"dynatrace: ABC12345.Live.Dynatrace.com does not serve the query API; using abc12345.apps.dynatrace.com"},
		{"https://grail.example.com", "https://grail.example.com", ""},
		{"https://grail.live.example.com", "https://grail.live.example.com", ""}, // not a host of Dynatrace
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080", ""},
		{"http://[::1]:8080", "http://[::1]:8080", ""},
		{"http://localhost:8080", "http://localhost:8080", ""},
	} {
		u, notice, err := environment(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if u.String() != tt.want || notice != tt.notice {
			t.Errorf("%s: %s, %q; want %s, %q", tt.in, u, notice, tt.want, tt.notice)
		}
	}
}

func TestEnvironmentRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "none given",
		"abc12345":                           "want https://abc12345.apps.dynatrace.com",
		"https://":                           "want https://abc12345.apps.dynatrace.com",
		"ftp://abc12345.apps.dynatrace.com":  "want https://abc12345.apps.dynatrace.com",
		"http://abc12345.apps.dynatrace.com": "want https: a token would travel in the clear",
		"http://127.0.0.1.example.com":       "want https: a token would travel in the clear",
		"http://169.254.169.254":             "want https: a token would travel in the clear",
		"https://me:hunter2@abc12345.apps.dynatrace.com":    "want no user, password, query or fragment",
		"https://abc12345.apps.dynatrace.com?token=hunter2": "want no user, password, query or fragment",
		"https://abc12345.apps.dynatrace.com?":              "want no user, password, query or fragment",
		"https://abc12345.apps.dynatrace.com#hunter2":       "want no user, password, query or fragment",
		"https://abc12345.apps.dynatrace.com/ui/apps":       "has the path /ui/apps: want the environment alone",
		"https://sso.dynatrace.com":                         "does not serve the query API",
		"https://me:hunter2@[":                              "not a URL",
	} {
		_, _, err := environment(in)
		switch {
		case err == nil:
			t.Errorf("%q: accepted", in)
		case !strings.Contains(err.Error(), want):
			t.Errorf("%q: %v; want %s", in, err, want)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%q: %v: repeats a secret", in, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := Config{URL: "https://abc12345.apps.dynatrace.com", Token: "dt0s16.A.B", Log: slog.New(slog.DiscardHandler)}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no logger", func(c *Config) { c.Log = nil }, "no logger"},
		{"no URL", func(c *Config) { c.URL = "" }, "URL: none given"},
		{"no credentials", func(c *Config) { c.Token = "" }, "no credentials"},
		{"secret missing", func(c *Config) { c.Token, c.ClientID = "", "dt0s02.A" }, "no credentials"},
		{"both", func(c *Config) { c.ClientID, c.ClientSecret = "a", "b" }, "a token and an OAuth client are given"},
		{"line break in token", func(c *Config) { c.Token = "dt0s16.A.B\n" }, "a line break"},
		{"token URL in the clear", func(c *Config) {
			c.Token, c.ClientID, c.ClientSecret, c.TokenURL = "", "a", "b", "http://sso.example.com/token"
		}, "token URL: http://sso.example.com/token: want https"},
	} {
		cfg := good
		tt.change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "dt0s16") {
			t.Errorf("%s: %v; want %s", tt.name, err, tt.want)
		}
	}
}
