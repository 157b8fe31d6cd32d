package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/queue"
	"github.com/salvehq/salve/internal/sandbox"
)

// boards are the issues of the App in acme/shop.
func boards(t *testing.T, box *sandbox.Sandbox) (out []githubtest.Issue) {
	t.Helper()
	state, err := box.GitHub.State("acme/shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range state.Issues {
		if !i.Pull && i.Author == sandbox.Bot {
			out = append(out, i)
		}
	}
	return out
}

// click ticks the first box below a heading that does something, as a person.
func click(t *testing.T, box *sandbox.Sandbox, who, heading, do string) {
	t.Helper()
	b := boards(t, box)[0]
	_, below, ok := strings.Cut(b.Body, "### "+heading)
	form := regexp.MustCompile(`- \[ \] (<!-- salve:box \{"do":"` + do + `")`)
	at := form.FindStringIndex(below)
	if !ok || at == nil {
		t.Fatalf("no box %q below %q in\n%s", do, heading, b.Body)
	}
	n := len(b.Body) - len(below) + at[0]
	if err := box.GitHub.EditIssue("acme/shop", who, b.Number, b.Body[:n]+"- [x]"+b.Body[n+5:], true); err != nil {
		t.Fatal(err)
	}
}

// A repository that asks for it has one dashboard, whose boxes act for whoever
// may write: through webhooks, and found again by a process whose database is
// empty.
func TestDashboard(t *testing.T) {
	world := demoWorld(t, map[string]func(string) string{"repos/acme/shop/.github/salve.yml": func(s string) string {
		return strings.Replace(s, "version: 1\n", "version: 1\ndashboard: true\nlimits: {open: 1, per-hour: 100}\n", 1)
	}})
	box, environ := live(t, world)
	args := []string{"--tune", "0 0 29 2 *", "--remediate", "@every 1s"}
	p := start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")), args...)
	if err := box.GitHub.SetWebhook(sandbox.AppID, p.url+"/webhook", box.Secret); err != nil {
		t.Fatal(err)
	}
	says := func(parts ...string) func() bool {
		return func() bool {
			all := boards(t, box)
			return len(all) == 1 && !slices.ContainsFunc(parts, func(s string) bool { return !strings.Contains(all[0].Body, s) })
		}
	}
	eventually(t, p.log, "the dashboard", says("### Open proposals (1)", "### Waiting (", "### Not mapped (1)", "2 places could be meant"))
	if strings.Contains(boards(t, box)[0].Body, "acme/billing") {
		t.Errorf("the dashboard tells of other repositories:\n%s", boards(t, box)[0].Body)
	}
	opened := func(n int) func() bool {
		return func() bool {
			return len(slices.DeleteFunc(openPulls(t, box), func(s string) bool { return !strings.HasPrefix(s, "acme/shop:") })) == n
		}
	}

	click(t, box, "mallory", "Waiting", "now")
	eventually(t, p.log, "a refusal", says("by mallory", "not done, since that takes permission to write"))
	if !opened(1)() {
		t.Error("a stranger's click opened something")
	}
	click(t, box, sandbox.Person, "Waiting", "now")
	eventually(t, p.log, "a second pull request", opened(2))
	eventually(t, p.log, "a receipt", says("opened in spite of limits", "by "+sandbox.Person, "### Open proposals (2)"))
	click(t, box, sandbox.Person, "Open proposals", "ignore")
	eventually(t, p.log, "one closed", opened(1))
	eventually(t, p.log, "the ignored one", says("### Declined or ignored (1)", "ignored: "))
	if strings.Contains(boards(t, box)[0].Body, "[x]") {
		t.Errorf("a box is left ticked:\n%s", boards(t, box)[0].Body)
	}

	// Boxes for other repositories, written by hand.
	b := boards(t, box)[0]
	forged := strings.Replace(b.Body, "\n- [ ] ", "\n- [x] <!-- salve:box {\"do\":\"ignore\",\"key\":\"acme/billing | production | memory-limit | x y z\"} -->\n- [ ] ", 1)
	if err := box.GitHub.EditIssue("acme/shop", sandbox.Person, b.Number, forged, true); err != nil {
		t.Fatal(err)
	}
	eventually(t, p.log, "a refusal", says("no box of this dashboard"))

	// Closed by a person it stays as it is, and there is no other.
	if err := box.GitHub.EditIssue("acme/shop", sandbox.Person, b.Number, "closed", false); err != nil {
		t.Fatal(err)
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p = start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")), append(args, "--listen", strings.TrimPrefix(p.url, "http://"))...)
	eventually(t, p.log, "a cycle", func() bool { return strings.Count(p.log.String(), `"msg":"proposed"`) > 0 })
	if all := boards(t, box); len(all) != 1 || all[0].State != "closed" || all[0].Body != "closed" {
		t.Errorf("after it was closed: %+v", all)
	}
	if err := box.GitHub.EditIssue("acme/shop", sandbox.Person, b.Number, "reopened", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, p.log, "the dashboard again", says("### Open proposals ("))
}

// A silent tenant.
type silent struct{}

func (silent) Query(context.Context, dql.Query) (dql.Result, error) {
	return dql.Result{}, errors.New("no answer")
}

// What Dynatrace does not say is not gone: the dashboard stays as it was.
func TestDashboardWithoutAnAnswer(t *testing.T) {
	d := newDesk(t, func(w fstest.MapFS) {
		f := w["repos/acme/shop/.github/salve.yml"]
		f.Data = []byte(strings.Replace(string(f.Data), "version: 1\n", "version: 1\ndashboard: true\n", 1))
	}, "P-260301", "P-260308")
	d.cycle()
	before := boards(t, d.box)
	d.a.remedy.Problems = silent{}
	if _, err := d.a.remediate(t.Context(), sandbox.WorldTime); err == nil {
		t.Error("a tenant without an answer is no error")
	}
	if after := boards(t, d.box); len(before) != 1 || len(after) != 1 || after[0].Body != before[0].Body {
		t.Errorf("before\n%+v\nafter\n%+v", before, after)
	}
}

// An answeredBy gives every answer as somebody changes it.
type answeredBy struct {
	dql.Querier
	change func(dql.Result, error) (dql.Result, error)
}

func (q answeredBy) Query(ctx context.Context, query dql.Query) (dql.Result, error) {
	return q.change(q.Querier.Query(ctx, query))
}

// A dashboard does not say that nothing is open because Dynatrace did not
// answer, and says so where the answer is not whole.
func TestDashboardOfWhatIsNotKnown(t *testing.T) {
	d := newDesk(t, func(w fstest.MapFS) {
		f := w["repos/acme/shop/.github/salve.yml"]
		f.Data = []byte(strings.Replace(string(f.Data), "version: 1\n", "version: 1\ndashboard: true\n", 1))
	}, "P-260301")
	d.cycle()
	before := boards(t, d.box)
	if len(before) != 1 || !strings.Contains(before[0].Body, "P-260301") {
		t.Fatalf("before: %+v", before)
	}
	answers := d.a.remedy.Problems
	for name, tt := range map[string]struct {
		change func(dql.Result, error) (dql.Result, error)
		want   string // of the body; "" for that of before
	}{
		"no answer":      {func(dql.Result, error) (dql.Result, error) { return dql.Result{}, errors.New("unavailable") }, ""},
		"nothing to see": {func(dql.Result, error) (dql.Result, error) { return dql.Result{Quality: dql.UnverifiedEmpty}, nil }, ""},
		"half of an answer": {func(r dql.Result, err error) (dql.Result, error) {
			r.Records, r.Quality = nil, dql.Partial
			return r, err
		}, "did not show everything"},
	} {
		d.a.remedy.Problems = answeredBy{answers, tt.change}
		d.a.remediate(t.Context(), sandbox.WorldTime) // fails where there is no answer
		after := boards(t, d.box)[0].Body
		if strings.Contains(after, "Nothing is open") || tt.want == "" && after != before[0].Body || !strings.Contains(after, tt.want) {
			t.Errorf("%s:\n%s", name, after)
		}
		d.cycle()
		if after := boards(t, d.box)[0].Body; after != before[0].Body {
			t.Errorf("after %s:\n%s", name, after)
		}
	}
}

// A repository that says dry-run: true is not written to: its dashboard neither.
func TestDashboardOfADryRun(t *testing.T) {
	d := newDesk(t, func(w fstest.MapFS) {
		f := w["repos/acme/shop/.github/salve.yml"]
		f.Data = []byte(strings.Replace(string(f.Data), "version: 1\n", "version: 1\ndashboard: true\n", 1))
	}, "P-260301")
	d.a = d.app(nil)
	q, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "salve.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	d.a.notes = q
	d.cycle()
	before := boards(t, d.box)
	d.push("acme/shop", "main", policy.File, replace("version: 1\n", "version: 1\ndry-run: true\n"))
	d.cycle()
	if after := boards(t, d.box); len(before) != 1 || len(after) != 1 || after[0].State != "open" || after[0].Body != before[0].Body {
		t.Errorf("before %+v, after %+v", before, after)
	}
}
