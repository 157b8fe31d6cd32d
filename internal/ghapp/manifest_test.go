package ghapp

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

var (
	callForm  = regexp.MustCompile(`(?m)^// GitHub: (GET|POST|PUT|PATCH|DELETE) (/\S*); needs (?:no permission|([a-z_]+): (read|write))\.`)
	grantForm = regexp.MustCompile(`(?m)^  ([a-z_]+): (read|write) # (.+)$`)
	eventForm = regexp.MustCompile(`(?m)^  - ([a-z_]+)$`)
)

// The calls of this package, the permissions in app.yml and the routes of the
// GitHub for tests say the same.
func TestManifest(t *testing.T) {
	manifest, err := os.ReadFile("../../app.yml")
	if err != nil {
		t.Fatal(err)
	}
	granted, reasons := map[string]string{}, map[string]string{}
	for _, m := range grantForm.FindAllStringSubmatch(string(manifest), -1) {
		granted[m[1]], reasons[m[1]] = m[2], m[3]
	}
	if len(granted) < 5 {
		t.Fatalf("app.yml grants %v: want a reason beside each permission", granted)
	}
	routes := map[string]string{}
	for _, r := range githubtest.Routes() {
		routes[r.Method+" "+plain(r.Path)] = r.Needs
	}
	files, _ := filepath.Glob("*.go")
	// A call that names a team needs it beside what the call itself needs.
	used := map[string]string{"members": inviting.permissions().GetMembers()}
	calls := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range callForm.FindAllStringSubmatch(string(text), -1) {
			calls++
			call, permission, level := m[1]+" "+m[2], m[3], m[4]
			if permission != "" {
				used[permission] = max(used[permission], level) // "write" > "read"
			}
			needs, ok := routes[m[1]+" "+plain(strings.TrimPrefix(m[2], "/"))]
			switch {
			case !ok:
				t.Errorf("%s: %s: the GitHub for tests has no such route", file, call)
			case needs == "installation" && permission == "metadata": // every token has it
			case permission != "" && !slices.Contains(strings.Split(needs, "|"), permission+":"+level):
				t.Errorf("%s: %s: says it needs %s: %s, the GitHub for tests wants %s", file, call, permission, level, needs)
			}
		}
	}
	if calls < 30 {
		t.Errorf("found %d calls: the form of their comments changed", calls)
	}
	for permission, level := range used {
		if granted[permission] < level {
			t.Errorf("a call needs %s: %s, app.yml has %q", permission, level, granted[permission])
		}
	}
	events := eventForm.FindAllStringSubmatch(string(manifest), -1)
	for permission, level := range granted {
		if used[permission] >= level {
			continue
		}
		if !slices.ContainsFunc(events, func(m []string) bool { return strings.Contains(reasons[permission], m[1]+" events") }) {
			t.Errorf("app.yml: no call needs %s: %s, and its reason names no event", permission, level)
		}
	}
}

// plain is a path without the names of its parameters.
func plain(path string) string {
	return strings.TrimPrefix(regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "{}"), "/")
}

// No file of this package calls GitHub without saying so above it.
func TestEveryCallIsNamed(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	service := regexp.MustCompile(`gh\.(Apps|Checks|Git|Issues|PullRequests|Reactions|Repositories)\.[A-Z]\w*\(|gh\.NewRequest\(`)
	decl := regexp.MustCompile(`(?m)^func `)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range service.FindAllIndex(text, -1) {
			// The comment of the function that the call stands in, or of the
			// one before: small helpers stand below what they belong to.
			starts := decl.FindAllIndex(text[:at[0]], -1)
			from := 0
			if len(starts) > 1 {
				from = starts[len(starts)-2][0]
			}
			if !strings.Contains(string(text[from:at[0]]), "// GitHub: ") {
				t.Errorf("%s: %s has no line \"// GitHub: METHOD path; needs …\" above it", file, text[at[0]:at[1]])
			}
		}
	}
}
