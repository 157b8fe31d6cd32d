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
	if resp, err := http.Get(page + "/done?code=abc&state=guess"); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("an answer with a guessed state: %v, %v", resp, err)
	}
	form := get(t, page+"/")
	action := html.UnescapeString(regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(form)[1])
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
