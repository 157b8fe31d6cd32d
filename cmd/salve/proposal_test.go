package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/metrics"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/queue"
	"github.com/salvehq/salve/internal/sandbox"
)

// An engine is a program with a database whose clock stands still.
type engine struct {
	*town
	worker *worker
	over   sync.Once
}

// engine opens the program on a database, as a start of salve serve does.
func (w *town) engine(database string) *engine {
	w.t.Helper()
	return w.engineOver(database, nil)
}

func (w *town) engineOver(database string, transport http.RoundTripper) *engine {
	w.t.Helper()
	a := w.app(transport)
	worker, _, err := a.work(w.t.Context(), &settings{remediate: "@yearly", tune: "@yearly", database: database})
	if err != nil {
		w.t.Fatal(err)
	}
	worker.now = func() time.Time { return later }
	e := &engine{town: w, worker: worker}
	w.t.Cleanup(e.stop)
	return e
}

// stop ends the process.
func (e *engine) stop() {
	e.over.Do(func() {
		if err := e.worker.stop(); err != nil {
			e.t.Error(err)
		}
		e.worker.queue.Close()
	})
}

func newEngine(t *testing.T) *engine {
	return newTown(t).engine(filepath.Join(t.TempDir(), "salve.db"))
}

// tick decides, and leaves proposals in the queue.
func (e *engine) tick() {
	e.t.Helper()
	if err := e.worker.remediate(e.t.Context(), e.worker.now()); err != nil {
		e.t.Fatal(err)
	}
}

// start runs jobs from now on.
func (e *engine) start() {
	e.t.Helper()
	if err := e.worker.queue.Start(e.t.Context()); err != nil && !strings.Contains(err.Error(), "started already") {
		e.t.Fatal(err)
	}
}

// work runs jobs until none is left that runs by itself.
func (e *engine) work() {
	e.t.Helper()
	e.start()
	eventually(e.t, e, "an empty queue", func() bool {
		counts, err := e.worker.queue.Counts(e.t.Context())
		if err != nil {
			e.t.Fatal(err)
		}
		live := 0
		for _, states := range counts {
			for state, n := range states {
				if state != queue.Done && state != queue.Dead {
					live += n
				}
			}
		}
		return live == 0
	})
}

// records are the proposals in the database in a state, in any if it is empty;
// the oldest first.
func (e *engine) records(state queue.State) []queue.Record {
	e.t.Helper()
	all, err := e.worker.queue.Jobs(e.t.Context(), queue.Filter{Kind: kindProposal, State: state})
	if err != nil {
		e.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// jobs are the proposals in the database as state and branch.
func (e *engine) jobs() (out []string) {
	for _, r := range e.records("") {
		_, branch, _ := strings.Cut(r.Unique, " ")
		out = append(out, string(r.State)+" "+branch[:strings.LastIndex(branch, "-")])
	}
	return out
}

func (e *engine) String() string { return strings.Join(e.jobs(), "\n") }

// A tick leaves one job for each proposal, as often as it is repeated, and the
// jobs leave what one process leaves that does everything at once.
func TestOneProposalOneJob(t *testing.T) {
	calm := newTown(t)
	calm.cycle(nil, later)
	calm.cycle(nil, later) // gates of what the first opened
	want := calm.state()

	e := newEngine(t)
	before := e.state()
	for range 3 {
		e.tick()
	}
	if jobs := e.jobs(); !slices.Equal(jobs, []string{"ready salve/cpu-limit/shop-frontend", "waiting salve/memory-limit/shop-checkout"}) {
		t.Errorf("after three ticks: %q", jobs)
	}
	if diff := cmp.Diff(opens(before), opens(e.state())); !strings.Contains(diff, "2") {
		t.Errorf("a tick closes what has been quiet, and opens nothing:\n%s", diff)
	}
	e.work()
	e.tick()
	e.work()
	if diff := cmp.Diff(want, e.state()); diff != "" {
		t.Errorf("jobs leave something else than one process:\n%s", diff)
	}
	if jobs := e.jobs(); len(jobs) != 2 || slices.ContainsFunc(jobs, func(j string) bool { return !strings.HasPrefix(j, "done ") }) {
		t.Errorf("after all is done: %q", jobs)
	}
}

// A limit that GitHub reports puts the proposals of the installation off until
// it ends, uses up no attempt, and costs no further request.
func TestLimitedProposalWaits(t *testing.T) {
	database := filepath.Join(t.TempDir(), "salve.db")
	w := newTown(t)
	e := w.engine(database)
	remove := e.box.GitHub.Inject(githubtest.Fault{
		Method: "POST", Path: "/repos/*/*/git/*", Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3600"}},
	})
	e.box.GitHub.ResetJournal()
	e.tick()
	e.start()
	var put []queue.Record
	eventually(t, e, "two proposals that are put off", func() (both bool) {
		put = e.records(queue.Scheduled)
		return len(put) == 2
	})
	e.tick()
	if all := e.records(""); len(all) != 2 {
		t.Errorf("a tick put %d beside the two that wait", len(all)-2)
	}
	for _, r := range put {
		if wait := time.Until(r.Due); wait < 59*time.Minute || wait > 61*time.Minute || r.Attempt != 0 || len(r.Errors) > 0 {
			t.Errorf("%s: in %v after attempt %d, errors %v", r.Unique, wait, r.Attempt, r.Errors)
		}
	}
	if n := len(e.journal("POST", "/git/")); n != 1 {
		t.Errorf("%d requests met the limit, want one", n)
	}
	remove()
	e.stop()
	again := w.engine(database) // a new process does not know the limit
	for _, r := range put {
		if _, err := again.worker.queue.Retry(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
	}
	again.work()
	if open := opens(e.state()); !slices.Equal(open, []int{1, 3}) {
		t.Errorf("open: %v", open)
	}
}

// journal are the requests of a method whose path holds a word.
func (e *engine) journal(method, word string) []githubtest.Request {
	return slices.DeleteFunc(e.box.GitHub.Journal(), func(r githubtest.Request) bool {
		return r.Method != method || !strings.Contains(r.Path, word)
	})
}

// What the App may not do is tried once, and not with every tick: it is dead
// until a person retries it.
func TestRefusedProposalIsDead(t *testing.T) {
	database := filepath.Join(t.TempDir(), "salve.db")
	e := newTown(t).engine(database)
	remove := e.box.GitHub.Inject(githubtest.Fault{
		Method: "POST", Path: "/repos/*/*/pulls", Status: http.StatusForbidden, Body: `{"message":"Resource not accessible by integration"}`,
	})
	for range 3 {
		e.tick()
		e.work()
	}
	dead := e.records(queue.Dead)
	if len(dead) != 1 || len(dead[0].Errors) != 1 || !strings.Contains(dead[0].Errors[0].Text, "not accessible") {
		t.Fatalf("dead: %+v", dead)
	}
	counts, _, err := e.worker.counts(t.Context())
	if err != nil || !slices.Contains(counts, metrics.JobCount{Kind: kindProposal, State: "dead", Jobs: 1}) {
		t.Errorf("metrics of the queue: %v, %v", counts, err)
	}
	for _, tt := range []struct{ args, want string }{
		{"list --state dead", `(?s)^ID .*proposal +dead +1/10 .* acme/shop salve/cpu-limit/shop-frontend-\w+ +open pull request of .*not permitted`},
		{"show " + fmt.Sprint(dead[0].ID), `(?s)repository +acme/shop\n.*remedy +cpu-limit\ndecided .* of main\n.*problem +P-260303 MEDIUM High CPU throttling\n.*attempt 1 .*not accessible`},
	} {
		code, out := runAlone(t, jobsCommand, append(strings.Fields(tt.args), "--database", database)...)
		if code != 0 || !regexp.MustCompile(tt.want).MatchString(out) {
			t.Errorf("salve jobs %s = %d, want %s\n%s", tt.args, code, tt.want, out)
		}
	}
	remove()
	later := e.worker.now().Add(stale / 2)
	for range 2 { // in time, and when it is too old to be done as it is
		e.worker.now = func() time.Time { return later }
		if code, out := runAlone(t, jobsCommand, "retry", fmt.Sprint(dead[0].ID), "--database", database); code != 0 {
			t.Fatal(out)
		}
		e.work()
		later = later.Add(stale)
	}
	if open := opens(e.state()); !slices.Equal(open, []int{1, 3}) {
		t.Errorf("open after it was retried: %v", open)
	}
	for f, err := range e.worker.queue.List(t.Context(), bucketRest) {
		t.Errorf("%s rests after it was done: %v", f.Name, err)
	}
}

// What is as it should be is not answered again by every tick, but for an hour
// at most, and at once when a person or the world changes anything about it.
func TestSettledProposalsCostNothing(t *testing.T) {
	e := newEngine(t)
	e.tick()
	e.work()
	answers := func() int { return len(e.records("")) }
	after := answers()
	for _, tt := range []struct {
		what   string
		change func()
		want   int // proposals that are answered again
	}{
		{"nothing", func() {}, 0},
		{"a person says retry", func() {
			if _, err := e.box.GitHub.Comment("acme/shop", "maria", 1, "/salve retry"); err != nil {
				t.Fatal(err)
			}
			event := forge.Event{
				Kind: forge.EventIssueComment, Action: "created", Repo: forge.Repo{Owner: "acme", Name: "shop"}, Issue: 1, Sender: "maria",
				Comment: forge.Comment{ID: 1, Author: "maria", Body: "/salve retry"},
			}
			if err := e.worker.commanded(t.Context(), event); err != nil && !errors.Is(err, forge.ErrNotFound) {
				t.Fatal(err)
			}
			e.work()
		}, 2},
		{"nothing again", func() {}, 0},
		{"a person touches one", func() {
			event := forge.Event{
				Kind: forge.EventPullRequest, Action: "labeled", Repo: forge.Repo{Owner: "acme", Name: "shop"}, Installation: 101,
				Pull: forge.PullRequest{Number: 1, Branch: e.issueHead(1)},
			}
			if err := e.worker.react(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"the base moves", func() {
			e.push("README.md", func(string) string { return "moved" })
		}, 2},
		{"a problem is over", func() { e.among("P-260303") }, 0},
		{"it comes back", func() { e.among("P-260301", "P-260303") }, 1},
	} {
		tt.change()
		e.tick()
		e.work()
		if n := answers() - after; n != tt.want {
			t.Errorf("%s: %d answered again, want %d", tt.what, n, tt.want)
		}
		after = answers()
	}
}

// among says which problems are open from now on.
func (e *engine) among(problems ...string) {
	e.problems = problems
	e.worker.app.remedy.Problems = e.app(nil).remedy.Problems
}

// issueHead is the branch of a pull request.
func (e *engine) issueHead(number int) string { return e.state().Issues[number-1].Head }

// A tick knows what came of its tasks the last time, as one process would.
func TestTickKnowsWhatCameOfItsTasks(t *testing.T) {
	e := newEngine(t)
	e.push(".github/salve.yml", func(s string) string { return strings.Replace(s, "version: 1", "version: 1\nlimits: {open: 1}", 1) })
	e.tick()
	e.work()
	report, err := e.worker.app.remedy.Decide(t.Context(), later)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.worker.recall(t.Context(), &report); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range report.Decisions {
		got = append(got, fmt.Sprintf("%s %s #%d", d.Problem.ID, d.Reason.Code, d.Pull.Number))
	}
	slices.Sort(got)
	if want := []string{"P-260301  #1", "P-260303 too-many-open #0"}; !slices.Equal(got, want) {
		t.Errorf("decisions %q, want %q", got, want)
	}
	if len(report.Plans) != 1 || report.Plans[0].To != "960Mi" || report.Plans[0].Opened.Pull.Number != 1 {
		t.Errorf("plans %+v, want the one of #1", report.Plans)
	}
}

// A task that waited for too long is decided about anew: its problem may be
// over.
func TestStaleTaskIsDecidedAnew(t *testing.T) {
	e := newEngine(t)
	e.tick()
	e.among()
	e.worker.now = func() time.Time { return later.Add(stale + time.Minute) }
	e.work()
	if open := opens(e.state()); !slices.Equal(open, []int{1}) {
		t.Errorf("open: %v, want what was open before alone", open)
	}
	ran, err := e.worker.queue.Jobs(t.Context(), queue.Filter{Kind: "remediate"})
	if err != nil || len(ran) == 0 {
		t.Errorf("no cycle ran: %v", err)
	}
}

// What cannot be read as a task is dead at once.
func TestProposalWithoutTask(t *testing.T) {
	e := newEngine(t)
	for _, payload := range []string{`{}`, `{"installation":"x"}`, `[]`} {
		if err := e.worker.propose(t.Context(), queue.Job{Payload: json.RawMessage(payload)}); err == nil || !strings.Contains(err.Error(), "no task") {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// A task that waited while the App was installed anew goes through the
// installation that there is now, and leads nobody to the old one.
func TestProposalOfAnInstallationThatWasReplaced(t *testing.T) {
	e := newEngine(t)
	e.tick()
	if err := e.box.GitHub.RemoveInstallation(101); err != nil {
		t.Fatal(err)
	}
	if err := e.box.GitHub.AddInstallation(githubtest.Installation{ID: 202, App: sandbox.AppID, Account: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.worker.app.estate.Repositories(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.work()
	if open := opens(e.state()); !slices.Equal(open, []int{1, 3}) {
		t.Errorf("open: %v", open)
	}
	if id, err := e.worker.app.host.installation(t.Context(), forge.Repo{Owner: "acme", Name: "shop"}); err != nil || id != 202 {
		t.Errorf("the repository is reached through %d, %v", id, err)
	}
}

// What becomes of a proposal that failed hangs on whether trying again helps,
// and when.
func TestAfterAProposal(t *testing.T) {
	e := newEngine(t)
	var one assignment
	report, err := e.worker.app.remedy.Decide(t.Context(), later)
	if err != nil {
		t.Fatal(err)
	}
	one.Problem = &report.Tasks[0]
	incomplete := &forge.AnnotationError{Pull: 1, Err: forge.ErrRejected}
	for _, tt := range []struct {
		what    string
		err     error
		attempt int
		done    bool // otherwise it is tried again, put off or dead
		later   bool
		dead    bool
		rests   bool
	}{
		{"done", nil, 1, true, false, false, false},
		{"the repository is gone", fmt.Errorf("read: %w", forge.ErrNotFound), 1, true, false, false, false},
		{"archived", forge.ErrArchived, 1, true, false, false, false},
		{"renamed", forge.ErrMoved, 9, true, false, false, false},
		{"limited", &forge.RateLimitError{Until: later}, 10, false, true, false, false},
		{"not permitted", forge.ErrForbidden, 1, false, false, true, true},
		{"closed while it was labelled", incomplete, 1, false, false, false, false},
		{"labels are refused", incomplete, 3, false, false, true, true},
		{"overtaken", forge.ErrConflict, 1, false, false, false, false},
		{"502", forge.ErrUnavailable, 1, false, false, false, false},
		{"an outage", forge.ErrUnavailable, 6, false, true, false, false},
		{"a bug", errors.New("index out of range"), 9, false, false, false, false},
		{"a bug to the end", errors.New("index out of range"), 10, false, false, false, true},
	} {
		err := e.worker.after(t.Context(), one, queue.Job{Attempt: tt.attempt}, tt.err)
		var limit *forge.RateLimitError
		if (err == nil) != tt.done || errors.As(err, &limit) != tt.later || (fmt.Sprintf("%T", err) == "*queue.discardError") != tt.dead {
			t.Errorf("%s: %v", tt.what, err)
		}
		_, rests, failed := e.worker.queue.Get(t.Context(), bucketRest, one.name())
		if rests != tt.rests || failed != nil {
			t.Errorf("%s: rests %v, %v", tt.what, rests, failed)
		}
		if err := e.worker.queue.Delete(t.Context(), bucketRest, one.name()); err != nil {
			t.Fatal(err)
		}
	}
}

// A repository in which nothing may be written costs a tick no jobs: it is known
// without them what they would come to.
func TestNoJobsWhereNothingIsWritten(t *testing.T) {
	e := newEngine(t)
	e.push(policy.File, replace("version: 1\n", "version: 1\ndry-run: true\n"))
	e.tick()
	jobs, err := e.worker.queue.Jobs(t.Context(), queue.Filter{Kind: kindProposal})
	if err != nil || len(jobs) > 0 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
	reasons := map[policy.Code]int{}
	for _, d := range e.worker.app.last.Load().Decisions {
		reasons[d.Reason.Code]++
	}
	if reasons[policy.DryRun] == 0 || reasons[""] > 0 {
		t.Errorf("reasons: %v", reasons)
	}
	e.push(policy.File, replace("dry-run: true\n", ""))
	e.tick()
	if jobs, err = e.worker.queue.Jobs(t.Context(), queue.Filter{Kind: kindProposal}); err != nil || len(jobs) == 0 {
		t.Errorf("%d jobs, %v; want some", len(jobs), err)
	}
}
