package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// Doctor finds nothing in a sound world, and the right thing in each that is
// not.
func TestDoctor(t *testing.T) {
	for _, tt := range []struct {
		name   string
		hurt   func(*testing.T, *sandbox.Sandbox, []string) []string
		fails  string // the check
		detail string
	}{
		{"sound", func(_ *testing.T, _ *sandbox.Sandbox, e []string) []string { return e }, "", ""},
		{"wrong app", func(_ *testing.T, _ *sandbox.Sandbox, e []string) []string {
			return set(e, "SALVE_GITHUB_APP_ID", "99")
		}, "GitHub App", ""},
		{"wrong token", func(_ *testing.T, _ *sandbox.Sandbox, e []string) []string {
			return set(e, "SALVE_DYNATRACE_TOKEN", "dt0s16.NOBODY."+strings.Repeat("A", 64))
		}, "Dynatrace", ""},
		{"no problems to see", func(t *testing.T, _ *sandbox.Sandbox, e []string) []string {
			bare := demoWorld(t, nil).(fstest.MapFS)
			for _, file := range []string{"problems.jsonl", "history.jsonl"} {
				bare[file] = &fstest.MapFile{}
			}
			_, others := live(t, bare)
			for _, name := range []string{"SALVE_DYNATRACE_URL", "SALVE_DYNATRACE_TOKEN"} {
				i := slices.IndexFunc(others, func(v string) bool { return strings.HasPrefix(v, name+"=") })
				e = set(e, name, strings.TrimPrefix(others[i], name+"="))
			}
			return e
		}, "Dynatrace", "0 problems"},
		{"suspended", func(t *testing.T, box *sandbox.Sandbox, e []string) []string {
			if err := box.GitHub.Suspend(101, true); err != nil {
				t.Fatal(err)
			}
			return e
		}, "installations", "suspended"},
		{"nobody listens", func(t *testing.T, box *sandbox.Sandbox, e []string) []string {
			if err := box.GitHub.SetWebhook(sandbox.AppID, "http://127.0.0.1:1/webhook", box.Secret); err != nil {
				t.Fatal(err)
			}
			f := githubtest.File{Content: "hello\n"}
			if _, err := box.GitHub.PushCommit("acme/shop", "maria", "main", "hello", map[string]*githubtest.File{"hello.txt": &f}); err != nil {
				t.Fatal(err)
			}
			box.GitHub.Settle()
			return e
		}, "webhook", "1 events never taken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			box, environ := live(t, demoWorld(t, nil))
			environ = tt.hurt(t, box, environ)
			out, errs, code := salve(t, environ, "doctor", "--format", "json")
			var found []finding
			if err := json.Unmarshal([]byte(out), &found); err != nil {
				t.Fatalf("%v: %s %s", err, out, errs)
			}
			if i := slices.IndexFunc(found, func(f finding) bool { return f.Check == "use of containers" }); i < 0 || !found[i].OK {
				t.Errorf("%+v: want the use of containers, which is never a failure", found)
			}
			bad := slices.DeleteFunc(found, func(f finding) bool { return f.OK })
			switch {
			case tt.fails == "" && (len(bad) > 0 || code != 0):
				t.Errorf("exit %d, %+v", code, bad)
			case tt.fails != "" && (len(bad) != 1 || bad[0].Check != tt.fails || bad[0].Fix == "" || !strings.Contains(bad[0].Detail, tt.detail) || code != exitAuth):
				t.Errorf("exit %d, %+v; want %s with %q", code, bad, tt.fails, tt.detail)
			}
			if strings.Contains(out, "NOBODY.A") {
				t.Error("the token is printed")
			}
		})
	}
}

// Where GitHub cannot be reached, the App's id and key are not to blame.
func TestDoctorWithoutGitHub(t *testing.T) {
	_, environ := sandboxed(t, demoWorld(t, nil))
	out, _, code := salve(t, append(environ, "SALVE_GITHUB_URL=http://127.0.0.1:1/"), "doctor")
	if code != exitAuth || !strings.Contains(out, "see SALVE_GITHUB_URL") || strings.Contains(out, "SALVE_GITHUB_APP_ID") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
