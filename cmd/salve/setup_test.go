package main

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Setup registers an App as a browser would, keeps what GitHub answers from
// other people's eyes, and takes no answer that belongs to another page.
func TestSetup(t *testing.T) {
	box, environ := sandboxed(t, demoWorld(t, nil))
	dir := filepath.Join(t.TempDir(), "new")
	var api string
	for _, v := range environ {
		if url, ok := strings.CutPrefix(v, "SALVE_GITHUB_URL="); ok {
			api = url
		}
	}
	out, errs := &lines{}, &lines{}
	env := &environment{Stdin: strings.NewReader(""), Stdout: out, Stderr: errs, Getenv: func(string) string { return "" }, Now: time.Now}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code := make(chan int)
	go func() {
		code <- run(ctx, env, []string{"setup", "--webhook", "https://salve.example.com/webhook", "--dir", dir, "--github-web", strings.TrimSuffix(box.GitHubURL, "/"), "--github-url", api})
	}()
	var page string
	eventually(t, errs, "the address of the page", func() bool {
		page = regexp.MustCompile(`http://\S+`).FindString(errs.String())
		return page != "" && strings.Contains(errs.String(), "browser\n")
	})
	at, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	form := get(t, page)
	action := html.UnescapeString(regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(form)[1])
	turnedAway(t, at, regexp.MustCompile(`state=([A-Z0-9]+)`).FindStringSubmatch(action)[1])
	manifest := html.UnescapeString(regexp.MustCompile(`name="manifest" value="([^"]*)"`).FindStringSubmatch(form)[1])
	resp, err := http.PostForm(action, url.Values{"manifest": {manifest}}) // and back, with the code
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := <-code; got != 0 || resp.StatusCode != http.StatusOK {
		t.Fatalf("exit %d, page %d\n%s", got, resp.StatusCode, errs)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	if text := out.String(); !strings.Contains(text, "salve doctor") || strings.Contains(text, "PRIVATE KEY") {
		t.Errorf("output %q", text)
	}
}

// turnedAway fails the test if a page of setup serves whoever does not come
// from the terminal by way of GitHub: a guessed state, a name of another site
// that leads to this machine, another user of the machine who knows the port.
func turnedAway(t *testing.T, page *url.URL, state string) {
	t.Helper()
	for _, tt := range []struct {
		path, host string
		want       int
	}{
		{"/done?code=abc&state=guess", page.Host, 403}, {"/done?code=abc", page.Host, 403},
		{"/", page.Host, 404}, {"/done?code=abc&state=" + state, "evil.example:" + page.Port(), 403},
		{page.Path, "evil.example:" + page.Port(), 403}, {page.Path, "localhost:" + page.Port(), 403}, {page.Path, page.Host, 200},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+page.Host+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = tt.host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		h := resp.Header
		if resp.StatusCode != tt.want || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s at %s: %d, want %d; %v", tt.path, tt.host, resp.StatusCode, tt.want, h)
		}
	}
}

// The page listens to this machine alone.
func TestSetupStaysOnLoopback(t *testing.T) {
	for _, at := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		if _, errs, code := salve(t, nil, "setup", "--webhook", "https://salve.example.com/webhook", "--dir", t.TempDir(), "--listen", at); code != exitUsage || !strings.Contains(errs, "loopback") {
			t.Errorf("--listen %s: exit %d, %s", at, code, errs)
		}
	}
}
