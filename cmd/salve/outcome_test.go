package main

import (
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/sandbox"
)

// mergedTown is a town whose one pull request, for P-260301, was merged. It
// returns about when.
func mergedTown(t *testing.T) (*town, time.Time) {
	t.Helper()
	world := demoWorld(t, nil).(fstest.MapFS)
	for file := range world {
		if strings.HasPrefix(file, "repos/") && !strings.HasPrefix(file, "repos/acme/shop/") {
			delete(world, file)
		}
	}
	w := &town{t: t, repo: "acme/shop", problems: []string{"P-260301"}}
	w.box, w.environ = sandboxed(t, fs.FS(world))
	w.cycle(nil, sandbox.WorldTime)
	if err := w.box.GitHub.MergePull("acme/shop", sandbox.Person, 1); err != nil {
		t.Fatal(err)
	}
	return w, time.Now()
}

// seeing is the program with the problems of the day as if they had begun at a
// time, looked at by the tenant at another.
func (w *town) seeing(transport http.RoundTripper, began, now time.Time) *app {
	w.t.Helper()
	shift := began.Sub(time.Date(2026, 3, 2, 9, 12, 0, 0, time.UTC)) // of P-260301
	records, err := sandbox.Records(demoWorld(w.t, nil), shift, "problems.jsonl")
	if err != nil {
		w.t.Fatal(err)
	}
	records = slices.DeleteFunc(records, func(r dql.Record) bool { return !slices.Contains(w.problems, r.Text("display_id")) })
	a := w.app(transport)
	a.remedy.Problems = &eval.Engine{Source: eval.Records(records), Now: now}
	return a
}

// A problem that is back after the merge makes the pull request ineffective,
// with one comment that says so and what follows; a cycle of another process
// with an empty memory adds nothing, and one that finds nothing new pays
// nothing.
func TestProblemThatIsBackAfterTheMerge(t *testing.T) {
	w, merged := mergedTown(t)
	now := merged.Add(5 * time.Hour)
	a := w.seeing(nil, now.Add(-time.Hour), now)
	if _, err := a.remediate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	state := w.state()
	pull := state.Issues[0]
	if !slices.Contains(pull.Labels, "ineffective") || len(pull.Comments) != 1 || len(state.Issues) != 1 {
		t.Fatalf("labels %v, comments %v, %d issues", pull.Labels, pull.Comments, len(state.Issues))
	}
	for _, want := range []string{"came back 4 hours later", "P-260301", "Nothing for now: changed from 512Mi to 640Mi"} {
		if text := pull.Comments[0].Body; !strings.Contains(text, want) {
			t.Errorf("the comment lacks %q:\n%s", want, text)
		}
	}
	if _, err := w.seeing(nil, now.Add(-time.Hour), now).remediate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(state, w.state()); diff != "" {
		t.Errorf("a second process changes:\n%s", diff)
	}
	if _, err := a.remediate(t.Context(), now); err != nil { // sees the label
		t.Fatal(err)
	}
	w.box.GitHub.ResetJournal()
	if _, err := a.remediate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.box.GitHub.Journal() {
		if r.Status != http.StatusNotModified {
			t.Errorf("%s %s: %d in a cycle that changes nothing", r.Method, r.Path, r.Status)
		}
	}
}

// The second raise within the window takes the larger step, and a third is not
// proposed: that is probably a leak.
func TestWhatFollowsAfterTheMerge(t *testing.T) {
	w, merged := mergedTown(t)
	now := merged.Add(26 * time.Hour)
	if _, err := w.seeing(nil, now.Add(-time.Hour), now).remediate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	state := w.state()
	if len(state.Issues) != 2 || !strings.Contains(state.Issues[1].Diff, "960Mi") {
		t.Fatalf("%d issues; want 640Mi raised to 960Mi by ×1.5", len(state.Issues))
	}
	if text := state.Issues[0].Comments[0].Body; !strings.Contains(text, "What follows: #2. It proposes 960Mi in place of 640Mi") {
		t.Errorf("the comment does not name what follows:\n%s", text)
	}
	if err := w.box.GitHub.MergePull("acme/shop", sandbox.Person, 2); err != nil {
		t.Fatal(err)
	}
	now = time.Now().Add(50 * time.Hour)
	report, err := w.seeing(nil, now.Add(-time.Hour), now).remediate(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	state = w.state()
	if len(state.Issues) != 2 || report.Decisions[0].Reason.Code != "probable-leak" {
		t.Errorf("%d issues, %+v", len(state.Issues), report.Decisions[0].Reason)
	}
	if text := state.Issues[1].Comments[0].Body; !slices.Contains(state.Issues[1].Labels, "ineffective") || !strings.Contains(text, "probably a leak") {
		t.Errorf("labels %v, comment\n%s", state.Issues[1].Labels, text)
	}
}

// What came of the pull requests is summed up from GitHub alone.
func TestReportOfRemedies(t *testing.T) {
	w, merged := mergedTown(t)
	now := merged.Add(26 * time.Hour)
	if _, err := w.seeing(nil, now.Add(-time.Hour), now).remediate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if err := w.box.GitHub.ClosePull("acme/shop", sandbox.Person, 2); err != nil {
		t.Fatal(err)
	}
	want := `"remedies":[{"remedy":"memory-limit","opened":2,"open":0,"merged":1,"declined":1,"quiet":0,"effective":0,"ineffective":1,"undecided":0,"regressions":0`
	if out, errs, code := salve(t, w.environ, "report", "remedies", "--format", "json"); code != 0 || !strings.Contains(out, want) {
		t.Errorf("exit %d, %s%s\nwant %s", code, out, errs, want)
	}
	if out, errs, code := salve(t, w.environ, "report", "remedies", "--per-repository", "--repo", "acme/shop"); code != 0 || !strings.Contains(out, "acme/shop   memory-limit  2") {
		t.Errorf("for people: exit %d, %s%s", code, out, errs)
	}
	for code, args := range map[int][]string{
		exitPartial: {"--repo", "acme/shop", "--repo", "acme/nowhere"}, exitUsage: {"--since", "yesterday"},
	} {
		if _, errs, got := salve(t, w.environ, append([]string{"report", "remedies"}, args...)...); got != code || errs == "" {
			t.Errorf("%v: exit %d, want %d: %s", args, got, code, errs)
		}
	}
	if _, errs, code := salve(t, nil, "report", "remedies"); code != exitUsage || !strings.Contains(errs, "SALVE_GITHUB_APP_ID") {
		t.Errorf("without settings: exit %d, %s", code, errs)
	}
}

// Silence over the window makes a merged pull request effective, as Dynatrace
// shows it for all of that time.
func TestSilenceAfterTheMerge(t *testing.T) {
	w, merged := mergedTown(t)
	w.problems = []string{"P-260302"} // something else, so that the answer can be trusted
	now := merged.Add(7*24*time.Hour + time.Hour)
	if _, err := w.seeing(nil, merged.Add(time.Hour), now).remediate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if pull := w.state().Issues[0]; !slices.Contains(pull.Labels, "effective") || len(pull.Comments) != 0 {
		t.Errorf("labels %v, comments %v", pull.Labels, pull.Comments)
	}
}

// Wherever a cycle ends that gives a verdict, the next process gives the same,
// once.
func TestCrashWhileAVerdictIsGiven(t *testing.T) {
	points := 0
	for k := 1; ; k++ {
		w, merged := mergedTown(t)
		now := merged.Add(5 * time.Hour)
		end := &mortal{left: k}
		_, err := w.seeing(end, now.Add(-time.Hour), now).remediate(t.Context(), now)
		if end.alive() {
			break // the cycle was over before
		}
		if err == nil {
			t.Errorf("killed at request %d, the cycle reports no error", k)
		}
		if _, err := w.seeing(nil, now.Add(-time.Hour), now).remediate(t.Context(), now); err != nil {
			t.Errorf("after request %d: %v", k, err)
		}
		pull := w.state().Issues[0]
		if verdicts := strings.Count(strings.Join(pull.Labels, " "), "effective"); verdicts != 1 || len(pull.Comments) != 1 {
			t.Errorf("killed at request %d: labels %v, %d comments", k, pull.Labels, len(pull.Comments))
		}
		w.box.Close()
		points++
	}
	t.Logf("%d points", points)
	if points < 15 {
		t.Errorf("only %d points were tried", points)
	}
}
