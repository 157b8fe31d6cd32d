package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestParseRoot(t *testing.T) {
	for in, want := range map[string]string{
		"https://api.github.com":              "https://api.github.com/",
		"https://ghes.example/api/v3/":        "https://ghes.example/api/v3/",
		"http://127.0.0.1:4010":               "http://127.0.0.1:4010/",
		"http://localhost:1/x":                "http://localhost:1/x/",
		"http://[::1]:1":                      "http://[::1]:1/",
		"http://api.github.com":               "",
		"http://localhost.evil.example":       "",
		"http://169.254.169.254":              "",
		"api.github.com":                      "",
		"":                                    "",
		"ftp://api.github.com":                "",
		"https://":                            "",
		"https://u:secret@api.github.com/":    "",
		"https://api.github.com/?x=1":         "",
		"https://api.github.com/#x":           "",
		"https://api.github.com/\x7f":         "",
		"https://api.github.com@evil.example": "",
	} {
		u, err := ParseRoot(in)
		if (err == nil) != (want != "") || err == nil && u.String() != want {
			t.Errorf("ParseRoot(%q) = %v, %v, want %q", in, u, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("error shows the password: %v", err)
		}
	}
}

// authorized adds a token to every request, as ghinstallation does.
type authorized struct {
	token string
	next  http.RoundTripper
}

func (a authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "token "+a.token)
	return a.next.RoundTrip(req)
}

// Attacks 49 and 71: a redirect to another host gets no token, whatever was
// asked for and however it is sent on.
func TestPinKeepsTokenAtHome(t *testing.T) {
	var seen []string
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
	}))
	defer evil.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, evil.URL+"/", http.StatusFound)
		case "/away307":
			http.Redirect(w, r, evil.URL+"/", http.StatusTemporaryRedirect)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusPermanentRedirect)
		case "/renamed":
			http.Redirect(w, r, "/repositories/1", http.StatusMovedPermanently)
		default:
			fmt.Fprint(w, r.Method, " ", r.Header.Get("Authorization"))
		}
	}))
	defer home.Close()
	root, err := ParseRoot(home.URL)
	if err != nil {
		t.Fatal(err)
	}
	pinned := authorized{"ghs_secret", &Pin{root, http.DefaultTransport}}

	// Even with net/http's own redirects the token stays.
	if _, err := (&http.Client{Transport: pinned}).Get(home.URL + "/away"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("redirect to another host: %v, want a refusal", err)
	}
	client := &http.Client{Transport: pinned, CheckRedirect: SameHost}
	if resp, err := client.Get(home.URL + "/away"); err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("redirect to another host: %v, %v; want the 302 itself", resp, err)
	}
	for _, path := range []string{"/away307", "/metadata"} { // net/http would send the body again
		for _, method := range []string{"GET", "POST", "DELETE"} {
			req, _ := http.NewRequest(method, home.URL+path, strings.NewReader(`{"secret":1}`))
			resp, err := client.Do(req)
			if err != nil || resp.StatusCode < 307 || resp.StatusCode > 308 {
				t.Errorf("%s %s: %v, %v; want the answer itself", method, path, resp, err)
			}
		}
	}
	if len(seen) > 0 {
		t.Errorf("another host received %q", seen)
	}
	resp, err := client.Get(home.URL + "/renamed")
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(resp.Body); string(b) != "GET token ghs_secret" {
		t.Errorf("a read of a renamed repository gave %q", b)
	}
	// A POST must not become a GET (attack 42).
	resp, err = client.Post(home.URL+"/renamed", "application/json", strings.NewReader("{}"))
	if err != nil || resp.StatusCode != http.StatusMovedPermanently {
		t.Errorf("a write to a renamed repository: %v, %v; want the 301 itself", resp, err)
	}
}

// Attack 69: what is not a whole answer is an error that says so.
func TestWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		accept string
		handle http.HandlerFunc
		want   string // part of the error; empty: the answer passes
	}{
		"json":       {"", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a":1}`) }, ""},
		"no content": {"", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ""},
		"raw":        {"application/vnd.github.raw+json", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<a>") }, ""},
		"html error": {"", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); fmt.Fprint(w, "<html>") }, ""},
		"html":       {"", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>login</html>") }, "not JSON but text/html"},
		"truncated":  {"", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[{"a":1},{"b`) }, "not JSON"},
		"empty":      {"", func(http.ResponseWriter, *http.Request) {}, "empty"},
		"null":       {"", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, " null\n") }, "answer is null"},
		"cut off": {"", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			fmt.Fprint(w, `{"a":1}`)
		}, "breaks off"},
		"endless":     {"", func(w http.ResponseWriter, r *http.Request) { endless(w, r) }, "larger than"},
		"too late":    {"", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); <-r.Context().Done() }, "no whole answer"},
		"never comes": {"", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no whole answer"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(tt.handle)
			defer srv.Close()
			limit := time.Minute
			if strings.Contains(tt.want, "no whole answer") {
				limit = 50 * time.Millisecond
			}
			w := &Whole{Limit: 1 << 20, Timeout: limit, Next: http.DefaultTransport}
			req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/x", nil)
			req.Header.Set("Accept", tt.accept)
			resp, err := w.RoundTrip(req)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%v, want the answer", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, %v; want an error with %q", resp, err, tt.want)
			}
			var bad *AnswerError
			if errors.As(err, &bad) && (bad.Status != 200 || !strings.HasSuffix(bad.URL, "/x")) {
				t.Errorf("error does not name status and URL: %v", err)
			}
		})
	}
}

func endless(w io.Writer, r *http.Request) {
	chunk := bytes.Repeat([]byte("["), 1<<16)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// tagged answers as GitHub does: the ETag depends on the token.
func tagged(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.Header.Get("Accept") + ":" + r.Header.Get("Authorization") + ":" + body))
		etag := fmt.Sprintf(`"%x"`, sum)
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Link", `<x?page=2>; rel="next"`)
		fmt.Fprint(w, body)
	}
}

// An answer that has not changed is not sent again, also not after the token
// was renewed; one installation never gets the answer of another.
func TestCacheSurvivesTokens(t *testing.T) {
	body, status := `{"n":1}`, []int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		tagged(body)(rec, r)
		status = append(status, rec.Code)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	}))
	defer srv.Close()
	store := NewStore[string, Answer](1 << 20)
	get := func(scope, token string) string {
		t.Helper()
		next := authorized{token, &Cache{Scope: scope, Store: store, Next: &Whole{1 << 20, time.Minute, http.DefaultTransport}}}
		req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
		req.Header.Set("Accept", "application/json")
		resp, err := next.RoundTrip(req)
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("Link") == "" {
			t.Fatalf("%v %v, want 200 with its Link header", resp, err)
		}
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	for i, tt := range []struct {
		scope, token string
		want         int
	}{
		{"1", "a", 200}, {"1", "a", 304}, {"1", "b", 304}, {"1", "b", 304}, {"2", "b", 200}, {"2", "c", 304},
	} {
		if got := get(tt.scope, tt.token); got != body || status[i] != tt.want {
			t.Errorf("request %d: %s with status %d, want %s with %d", i+1, got, status[i], body, tt.want)
		}
	}
	body = `{"n":2}`
	if got := get("1", "b"); got != body {
		t.Errorf("after the change: %s, want %s", got, body)
	}
}

func TestStoreForgets(t *testing.T) {
	s := NewStore[int, string](80)
	for i := range 10 {
		s.Put(i, "x", 10)
		s.Get(0)
	}
	s.Put(99, "too large", 41)
	s.Put(0, "y", 10)
	var kept []int
	for i := range 100 {
		if _, ok := s.Get(i); ok {
			kept = append(kept, i)
		}
	}
	if fmt.Sprint(kept) != "[0 3 4 5 6 7 8 9]" || s.size != 80 {
		t.Errorf("kept %v, %d bytes; want those used last, 80 bytes", kept, s.size)
	}
}

func TestAgain(t *testing.T) {
	req, _ := http.NewRequest("POST", "https://api.example/", strings.NewReader("body"))
	io.ReadAll(req.Body)
	again, ok := Again(req)
	if b, _ := io.ReadAll(again.Body); !ok || string(b) != "body" {
		t.Errorf("Again = %q, %v", b, ok)
	}
	req = &http.Request{Method: "POST", URL: new(url.URL), Body: io.NopCloser(strings.NewReader("x"))}
	if _, ok := Again(req); ok {
		t.Error("a body that cannot be had again was")
	}
}
