package gate_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/sandbox"
)

var update = flag.Bool("update", false, "rewrite what the gates say in testdata/*.txtar")

// A tenant answers queries over the records of a world, as of its clock.
type tenant struct {
	records []dql.Record
	now     time.Time
	mode    string // up, down, partial, blind
	asked   int
	asking  func() // called with each query, if it is not nil
}

func (d *tenant) Query(ctx context.Context, q dql.Query) (dql.Result, error) {
	d.asked++
	if d.asking != nil {
		d.asking()
	}
	if d.mode == "panic" {
		panic("a mistake")
	}
	if d.mode == "down" {
		return dql.Result{}, errors.New("503 Service Unavailable")
	}
	res, err := (&eval.Engine{Source: eval.Records(d.records), Now: d.now}).Query(ctx, q)
	switch d.mode {
	case "partial":
		res.Quality = dql.Partial
	case "blind":
		res.Records, res.Quality = nil, dql.UnverifiedEmpty
	}
	return res, err
}

// A telemetry has seen a service or has not.
type telemetry struct {
	silent string
	asked  int
}

func (t *telemetry) Silent(context.Context, *plan.Repository, []gate.Service, time.Time) (string, gate.Question) {
	t.asked++
	return t.silent, gate.Question{Name: "spans"}
}

// A host is a code host in maps.
type host struct {
	pulls       map[int]*forge.PullRequest
	paths       map[int][]string
	diff        forge.Comparison
	with        map[forge.SHA][]forge.PullRequest
	permissions map[string]forge.Permission
	said        []string // what was written, in order
	statuses    map[string]forge.CommitStatus
	checks      map[string]forge.CheckRun
	comments    map[string]string
	answers     []string
	fail        error // of the next answer
	writes      int   // of statuses
	listed      int   // lists of pull requests
	read        int   // pull requests one by one, and their files
}

func (h *host) Pull(_ context.Context, _ forge.Repo, n int) (forge.PullRequest, error) {
	h.read++
	if p := h.pulls[n]; p != nil {
		return *p, nil
	}
	return forge.PullRequest{}, forge.ErrNotFound
}

func (h *host) OpenPulls(context.Context, forge.Repo) ([]forge.PullRequest, error) {
	h.listed++
	var out []forge.PullRequest
	for _, p := range h.pulls {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b forge.PullRequest) int { return a.Number - b.Number })
	return out, nil
}

func (h *host) ChangedPaths(_ context.Context, _ forge.Repo, n int) ([]string, error) {
	h.read++
	if h.paths[n] == nil {
		return nil, forge.ErrUnavailable
	}
	return h.paths[n], nil
}

func (h *host) Compare(context.Context, forge.Repo, forge.SHA, forge.SHA) (forge.Comparison, error) {
	return h.diff, nil
}

func (h *host) PullsWith(_ context.Context, _ forge.Repo, at forge.SHA) ([]forge.PullRequest, error) {
	return h.with[at], nil
}

func (h *host) Permission(_ context.Context, _ forge.Repo, login string) (forge.Permission, error) {
	return h.permissions[login], nil
}

func (h *host) SetStatus(ctx context.Context, _ forge.Repo, head forge.SHA, s forge.CommitStatus) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	key := string(head) + s.Context
	if h.statuses[key] == s {
		return nil
	}
	h.statuses[key] = s
	h.writes++
	h.said = append(h.said, fmt.Sprintf("%s@%s %s: %s", strings.TrimPrefix(s.Context, "salve/"), head.Short(), s.State, s.Description))
	return nil
}

func (h *host) SetCheck(_ context.Context, _ forge.Repo, run forge.CheckRun) error {
	h.checks[string(run.Head)+run.Name] = run
	return nil
}

func (h *host) Comment(_ context.Context, _ forge.Repo, n int, tag, body string) error {
	h.comments[tag] = body
	h.said = append(h.said, fmt.Sprintf("comment on #%d: %s", n, strings.ReplaceAll(strings.TrimSpace(body), "\n", " ")))
	return nil
}

func (h *host) SetDeployment(_ context.Context, _ forge.Repo, deployment int64, s forge.CommitStatus) error {
	key := fmt.Sprintf("deployment %d", deployment)
	if h.statuses[key] == s {
		return nil
	}
	h.statuses[key] = s
	h.said = append(h.said, fmt.Sprintf("deployment %d of %s %s: %s", deployment, s.Context, s.State, s.Description))
	return nil
}

func (h *host) AnswerRule(_ context.Context, _ forge.Repo, run int64, environment, state, comment string) error {
	if err := h.fail; err != nil {
		h.fail = nil
		return err
	}
	h.answers = append(h.answers, state)
	h.said = append(h.said, fmt.Sprintf("rule %d of %s [%s] %s", run, environment, state, comment))
	return nil
}

// A world is a repository, a tenant and a code host at one time.
type world struct {
	t       testing.TB
	files   map[string]string
	tenant  *tenant
	host    *host
	traffic *telemetry
	store   *gate.Memory
	checker *gate.Checker
	now     time.Time
	head    int // counts commits
	base    int // counts commits of the base

	deployments int64
	archive     *txtar.Archive
	repo        *plan.Repository
}

var shop = forge.Repo{Owner: "acme", Name: "shop"}

func (w *world) Repository(ctx context.Context, _ forge.Repo, _ string) (*plan.Repository, error) {
	if w.repo == nil {
		var err error
		w.repo, err = plan.Open(ctx, plan.Checkout{Repo: shop, Branch: "main", SHA: sha('b', w.base), Files: inventory.Map(w.files)}, nil)
		if err != nil {
			return nil, err
		}
	}
	return w.repo, nil
}

// sha is the n-th commit of a kind.
func sha(kind byte, n int) forge.SHA {
	return forge.SHA(fmt.Sprintf("%c%06x%033x", kind, n, 0))
}

// newWorld returns a world with the files below repo/ and the records of an
// archive.
func newWorld(t testing.TB, a *txtar.Archive) *world {
	t.Helper()
	w := &world{
		t: t, archive: a, files: map[string]string{}, store: &gate.Memory{}, traffic: &telemetry{}, tenant: &tenant{mode: "up"},
		host: &host{
			pulls: map[int]*forge.PullRequest{}, paths: map[int][]string{}, with: map[forge.SHA][]forge.PullRequest{},
			permissions: map[string]forge.Permission{"ada": forge.PermissionAdmin, "mona": forge.PermissionWrite, "eve": forge.PermissionRead},
			statuses:    map[string]forge.CommitStatus{}, checks: map[string]forge.CheckRun{}, comments: map[string]string{},
		},
	}
	world := fstest.MapFS{}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "repo/"); ok {
			w.files[name] = string(f.Data)
		}
		if f.Name == "records.jsonl" {
			world[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	if len(world) > 0 {
		var err error
		if w.tenant.records, err = sandbox.Records(world, 0, "records.jsonl"); err != nil {
			t.Fatal(err)
		}
	}
	w.restart()
	return w
}

// queriesOnce is the catalog, which takes a while to check.
var queriesOnce = sync.OnceValues(func() (*catalog.Catalog, error) { return catalog.Default() })

// restart is a new process over the same database.
func (w *world) restart() {
	queries, err := queriesOnce()
	if err != nil {
		w.t.Fatal(err)
	}
	w.checker = &gate.Checker{
		Source: &gate.Source{Dynatrace: w.tenant, Catalog: queries}, Estate: w, Host: w.host, Store: w.store, Telemetry: w.traffic,
		App: "salve[bot]", Log: slog.New(slog.DiscardHandler),
	}
}

// pull opens or pushes to pull request 1.
func (w *world) pull() forge.PullRequest { return *w.host.pulls[1] }

func (w *world) push(author string, paths []string) {
	w.head++
	p := w.host.pulls[1]
	if p == nil {
		p = &forge.PullRequest{Repo: shop, Number: 1, Base: "main", Branch: "feature", Open: true, Author: author}
		w.host.pulls[1] = p
	}
	p.Head = sha('a', w.head)
	w.host.paths[1] = append([]string{}, paths...)
}

// queries are those in a check run, of which a world shows the names.
var queries = regexp.MustCompile(`(?s)<details><summary>(.*?)</summary>.*?</details>`)

// deploy reports that the last commit was deployed.
func (w *world) deploy(environment string) error {
	w.deployments++
	return w.checker.Deployed(w.t.Context(), forge.Event{
		Repo: shop, Head: sha('d', w.head), Environment: environment, Deployment: w.deployments, Default: "main", At: w.now, Sender: "mona",
	}, w.now)
}

// merged makes a commit that a pull request brought.
func (w *world) merged(number, author, file, title string) {
	n, err := strconv.Atoi(number)
	if err != nil {
		w.t.Fatal(err)
	}
	w.head++
	at := sha('d', w.head)
	w.host.diff.Commits = append(w.host.diff.Commits, forge.Commit{SHA: at, Author: author, Title: title, At: w.now})
	if n > 0 {
		w.host.paths[n] = []string{file}
		w.host.with[at] = []forge.PullRequest{{
			Repo: shop, Number: n, Title: title, Author: author, Merged: true, MergedAt: w.now, Base: "main", URL: fmt.Sprintf("https://github.example/acme/shop/pull/%d", n),
		}}
	}
}

// worlds runs a test on each world: those with a script of their own, and those
// in which all gates run, with what is common to them.
func worlds(t *testing.T, test func(t *testing.T, file string, a, whole *txtar.Archive)) {
	common, err := txtar.ParseFile("testdata/every/common.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.txtar")
	every, failed := filepath.Glob("testdata/every/*.txtar")
	if err != nil || failed != nil || len(files) == 0 || len(every) == 0 {
		t.Fatalf("no worlds: %v, %v", err, failed)
	}
	for _, file := range append(files, every...) {
		if filepath.Base(file) == "common.txtar" {
			continue
		}
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			whole := a
			if slices.Contains(every, file) { // the first file of a name is the one that counts
				whole = &txtar.Archive{Comment: a.Comment, Files: append(slices.Clone(a.Files), common.Files...)}
			}
			test(t, file, a, whole)
		})
	}
}

// TestWorlds plays each world by its script, and compares what the gates say.
func TestWorlds(t *testing.T) {
	worlds(t, func(t *testing.T, file string, a, whole *txtar.Archive) {
		got, want := play(t, whole, transformation{}), slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
		if want < 0 {
			a.Files, want = append(a.Files, txtar.File{Name: "want"}), len(a.Files)
		}
		if *update {
			a.Files[want].Data = []byte(got)
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		if diff := cmp.Diff(string(a.Files[want].Data), got); diff != "" {
			t.Error(diff)
		}
	})
}

// play plays the script of a world, as far as a transformation does not change
// it, and returns what was said.
func play(t *testing.T, a *txtar.Archive, change transformation) string {
	w := newWorld(t, a)
	if change.records != nil {
		w.tenant.records = change.records(w.tenant.records)
	}
	var got strings.Builder
	for line := range strings.Lines(string(content(a, "script"))) {
		w.host.said = nil
		does := strings.TrimSpace(line)
		if change.line != nil {
			does = change.line(does)
		}
		err := w.step(does)
		fmt.Fprintf(&got, "%s\n", strings.TrimSpace(line))
		for _, s := range w.host.said {
			fmt.Fprintf(&got, "%s\n", strings.TrimRight("\t"+s, "\t"))
		}
		if err != nil {
			fmt.Fprintf(&got, "\terror: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return got.String()
}

// content returns a file of an archive.
func content(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// step plays one line of a script: a time of 2 March 2026, a verb, words.
func (w *world) step(line string) error {
	words := strings.Fields(line)
	at, err := time.Parse("2006-01-02 15:04:05", "2026-03-02 "+words[0])
	if err != nil {
		return err
	}
	w.now, w.tenant.now = at, at
	ctx, rest := w.t.Context(), words[2:]
	text := strings.Join(rest, " ")
	check := func() error {
		_, err := w.checker.Check(ctx, w.pull(), w.now)
		return err
	}
	switch words[1] {
	case "push":
		w.push("mona", rest)
		return check()
	case "push-as":
		w.push(rest[0], rest[1:])
		return check()
	case "check":
		return check()
	case "body":
		w.host.pulls[1].Body = text
		return check()
	case "label":
		who, label, _ := strings.Cut(text, " ")
		w.host.pulls[1].Labels = append(w.host.pulls[1].Labels, label)
		return w.checker.Labelled(ctx, w.pull(), label, who, w.now)
	case "unlabel":
		w.host.pulls[1].Labels = nil
		return check()
	case "comment":
		who, body, _ := strings.Cut(text, " ")
		_, err := w.checker.Command(ctx, shop, 1, forge.Comment{Author: who, Body: body}, w.now)
		return err
	case "due":
		return w.checker.Due(ctx, w.now)
	case "reconcile":
		repo, err := w.Repository(ctx, shop, "main")
		if err != nil {
			return err
		}
		return w.checker.Reconcile(ctx, []*plan.Repository{repo}, w.now)
	case "tick": // both schedules
		return errors.Join(w.checker.Due(ctx, w.now), w.step(words[0]+" reconcile"))
	case "base":
		w.base, w.repo = w.base+1, nil
		return nil
	case "files-fail":
		w.host.paths[1] = nil
		return nil
	case "body-of":
		for _, pulls := range w.host.with {
			if strconv.Itoa(pulls[0].Number) == rest[0] {
				pulls[0].Body = strings.Join(rest[1:], " ")
			}
		}
		return nil
	case "ask-for": // a protection rule, for the last commit
		run, err := strconv.ParseInt(rest[0], 10, 64)
		if err != nil {
			return err
		}
		return w.checker.Ask(ctx, forge.Event{Repo: shop, Head: sha('d', w.head), Environment: rest[1], Default: "main", Run: run}, w.now)
	case "restart":
		w.restart()
		return nil
	case "dynatrace":
		w.tenant.mode = text
		return nil
	case "traffic":
		w.traffic.silent = text
		return nil
	case "rule-fails":
		w.host.fail = errors.New("422 nothing to approve")
		return nil
	case "deploy":
		w.head++
		return w.deploy(text)
	case "redeploy": // the last commit, once more or to another environment
		return w.deploy(text)
	case "reported": // the last deployment is reported as done once more
		w.deployments--
		return w.deploy(text)
	case "merged": // NUMBER AUTHOR FILE TITLE: a pull request, which is the next commit; 0 for none
		w.merged(rest[0], rest[1], rest[2], strings.Join(rest[3:], " "))
		return nil
	case "rerun":
		return w.checker.Rerun(ctx, forge.Event{Repo: shop, Head: sha('d', w.head), Sender: text}, w.now)
	case "check-run":
		run := w.host.checks[string(sha('d', w.head))+text]
		w.host.said = append(w.host.said, strings.Split(strings.TrimSpace("["+run.Conclusion+"] "+run.Title+"\n"+queries.ReplaceAllString(run.Summary, "$1")), "\n")...)
		return nil
	case "ask":
		return w.checker.Ask(ctx, forge.Event{Repo: shop, Head: sha('d', 99), Environment: text, Default: "main", Run: 7}, w.now)
	case "queue":
		w.host.diff = forge.Comparison{Paths: rest}
		_, err := w.checker.Merge(ctx, forge.Event{
			Repo: shop, Head: sha('e', 1), Base: "main", BaseSHA: sha('b', 0), Ref: "refs/heads/gh-readonly-queue/main/pr-1-" + string(sha('b', 0)),
		}, w.now)
		return err
	case "forge":
		who, state, _ := strings.Cut(text, " ")
		s := forge.CommitStatus{Context: forge.ContextPreDeployment, State: forge.State(state), Description: "trust me", Creator: who}
		head := sha('a', w.head)
		w.host.statuses[string(head)+s.Context] = s
		return w.checker.Forged(ctx, forge.Event{Repo: shop, Head: head, Status: s}, w.now)
	}
	return fmt.Errorf("unknown verb %q", words[1])
}
