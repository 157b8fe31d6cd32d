package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// A desk is a town with pull requests of people.
type desk struct {
	*town
	t *testing.T
	a *app
}

func newDesk(t *testing.T, change func(fstest.MapFS), problems ...string) *desk {
	t.Helper()
	world := demoWorld(t, nil).(fstest.MapFS)
	if change != nil {
		change(world)
	}
	w := &town{t: t, repo: "acme/shop", problems: problems}
	w.box, w.environ = sandboxed(t, fs.FS(world))
	return &desk{town: w, t: t}
}

// cycle runs a cycle in the same process, with the problems of the day.
func (d *desk) cycle() {
	d.t.Helper()
	if d.a == nil {
		d.a = d.app(nil)
	}
	d.a.remedy.Problems = d.app(nil).remedy.Problems
	if _, err := d.a.remediate(d.t.Context(), sandbox.WorldTime); err != nil {
		d.t.Fatal(err)
	}
}

// push changes a file on a branch of a person.
func (d *desk) push(repo, branch, file string, change func(string) string) {
	d.t.Helper()
	ref := branch
	text, err := d.box.GitHub.ReadFile(repo, branch, file)
	if err != nil {
		if text, err = d.box.GitHub.ReadFile(repo, "main", file); err != nil {
			d.t.Fatal(err)
		}
	}
	after := githubtest.File{Content: change(text)}
	if after.Content == text {
		d.t.Fatalf("%s: nothing changes", file)
	}
	if _, err := d.box.GitHub.PushCommit(repo, sandbox.Person, ref, "change", map[string]*githubtest.File{file: &after}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) open(repo, branch string, draft bool) int {
	d.t.Helper()
	n, err := d.box.GitHub.OpenPull(repo, sandbox.Person, githubtest.NewPull{Head: branch, Title: "Less", Draft: draft})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// remarks are those on the lines of a pull request, as path:line text.
func (d *desk) remarks(repo string, number int) (out []string) {
	d.t.Helper()
	d.box.GitHub.Settle()
	s, err := d.box.GitHub.State(repo)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, c := range s.Issues[number-1].Lines {
		out = append(out, fmt.Sprintf("%s:%d %s", c.Path, c.Line, c.Body))
	}
	return out
}

func replace(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

// A person's pull request that lowers a limit against an open problem gets one
// remark with the evidence and the line as it should stay; another cycle adds
// none, a changed line replaces it, and it goes when the value is put back.
func TestReviewOfALoweredLimit(t *testing.T) {
	d := newDesk(t, nil, "P-260301")
	d.push("acme/shop", "less", "k8s/checkout.yaml", replace(`"512Mi"`, `"384Mi"`))
	number := d.open("acme/shop", "less", false)
	d.cycle()
	d.cycle()
	got := d.remarks("acme/shop", number)
	if len(got) != 1 {
		t.Fatalf("%d remarks: %q", len(got), got)
	}
	text, err := d.box.GitHub.ReadFile("acme/shop", "main", "k8s/checkout.yaml")
	if err != nil {
		t.Fatal(err)
	}
	was := ""
	for n, line := range strings.Split(text, "\n") {
		if strings.Contains(line, `"512Mi"`) {
			was = line
			if !strings.HasPrefix(got[0], fmt.Sprintf("k8s/checkout.yaml:%d ", n+1)) {
				t.Errorf("on another line than %d: %s", n+1, got[0])
			}
		}
	}
	for _, want := range []string{"**512Mi → 384Mi**", "P-260301", "Out-of-memory kills: CRITICAL", "```suggestion\n" + was + "\n```", "proposes 640Mi"} {
		if !strings.Contains(got[0], want) {
			t.Errorf("the remark lacks %q:\n%s", want, got[0])
		}
	}
	d.push("acme/shop", "less", "k8s/checkout.yaml", replace(`"384Mi"`, `"256Mi"`))
	d.cycle()
	if got = d.remarks("acme/shop", number); len(got) != 1 || !strings.Contains(got[0], "512Mi → 256Mi") {
		t.Errorf("after another change: %q", got)
	}
	d.push("acme/shop", "less", "k8s/checkout.yaml", replace(`"256Mi"`, `"576Mi"`))
	d.cycle()
	if got = d.remarks("acme/shop", number); len(got) != 0 {
		t.Errorf("after the limit is higher: %q", got)
	}
	d.cycle()
	d.box.GitHub.ResetJournal()
	d.cycle()
	for _, r := range d.box.GitHub.Journal() {
		if r.Status != http.StatusNotModified && !strings.HasSuffix(r.Path, "/access_tokens") {
			t.Errorf("%s %s: %d in a cycle that changes nothing", r.Method, r.Path, r.Status)
		}
	}
}

// A remark goes when the problem closes; one that people answered stays, and
// says that it no longer holds. A new process knows it from GitHub.
func TestReviewEndsWithTheProblem(t *testing.T) {
	d := newDesk(t, nil, "P-260301")
	d.push("acme/shop", "less", "k8s/checkout.yaml", replace(`"512Mi"`, `"384Mi"`))
	number := d.open("acme/shop", "less", false)
	d.cycle()
	d.problems, d.a = []string{"P-260302"}, nil
	d.cycle()
	if got := d.remarks("acme/shop", number); len(got) != 0 {
		t.Errorf("after the problem is gone: %q", got)
	}
}

// Nothing is said of drafts, of other lines, of raised values, where the
// repository does not want it, or of the App's own pull requests.
func TestReviewSaysNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(fstest.MapFS)
		edit   func(string) string
		draft  bool
	}{
		{"a draft", nil, replace(`"512Mi"`, `"384Mi"`), true},
		{"another line", nil, replace("2.14.3", "2.15.0"), false},
		{"raised", nil, replace(`"512Mi"`, `"576Mi"`), false},
		{"does not parse", nil, replace(`"512Mi"`, `"384Mi`), false},
		{"not wanted", func(w fstest.MapFS) {
			f := w["repos/acme/shop/.github/salve.yml"]
			f.Data = []byte(strings.Replace(string(f.Data), "version: 1\n", "version: 1\nreview: false\n", 1))
		}, replace(`"512Mi"`, `"384Mi"`), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, tt.change, "P-260301")
			d.push("acme/shop", "less", "k8s/checkout.yaml", tt.edit)
			number := d.open("acme/shop", "less", tt.draft)
			d.cycle()
			if got := d.remarks("acme/shop", number); len(got) != 0 {
				t.Errorf("%q", got)
			}
		})
	}
}

// A pull request that undoes what was merged a short while ago is told so, and
// one that loosens the alert rule of an open problem.
func TestReviewOfAnUndoneRemedy(t *testing.T) {
	w, merged := mergedTown(t)
	d := &desk{town: w, t: t}
	d.push("acme/shop", "back", "k8s/checkout.yaml", replace(`"640Mi"`, `"512Mi"`))
	number := d.open("acme/shop", "back", false)
	w.problems = []string{"P-260302"}
	if _, err := w.seeing(nil, merged, merged.Add(time.Hour)).remediate(t.Context(), merged.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	got := d.remarks("acme/shop", number)
	if len(got) != 1 || !strings.Contains(got[0], "#1, merged at") || !strings.Contains(got[0], "```suggestion") || strings.Contains(got[0], "P-260301") {
		t.Errorf("remarks: %q", got)
	}
}

// So is one that loosens the alert rule of a problem that is open.
func TestReviewOfALoosenedAlert(t *testing.T) {
	d := newDesk(t, func(w fstest.MapFS) {
		f := w["repos/acme/platform/alerts.tf"]
		f.Data = []byte(strings.Replace(string(f.Data), "Order queue is growing", "Response time degradation", 1))
	}, "P-260307")
	d.push("acme/platform", "quiet", "alerts.tf", replace("threshold          = 1000", "threshold          = 2000"))
	loosened := d.open("acme/platform", "quiet", false)
	d.push("acme/platform", "strict", "alerts.tf", replace("threshold          = 1000", "threshold          = 500"))
	tightened := d.open("acme/platform", "strict", false)
	d.cycle()
	got := d.remarks("acme/platform", loosened)
	if len(got) != 1 || !strings.Contains(got[0], "**1000 → 2000**") || !strings.Contains(got[0], "P-260307") || !strings.Contains(got[0], "    threshold          = 1000\n```") {
		t.Errorf("remarks: %q", got)
	}
	if got := d.remarks("acme/platform", tightened); len(got) != 0 {
		t.Errorf("of a rule that fires sooner: %q", got)
	}
}
