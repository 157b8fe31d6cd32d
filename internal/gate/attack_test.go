package gate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %[1]s, namespace: %[2]s}\nspec: {template: {spec: {containers: [{name: app, image: \"x:1\"}]}}}\n"

// blocked is a world in which checkout has an open critical problem of a title.
func blocked(t *testing.T, config, title string) *world {
	t.Helper()
	quoted, err := json.Marshal(title)
	if err != nil {
		t.Fatal(err)
	}
	record := fmt.Sprintf(`{"event.kind":"DAVIS_PROBLEM","event.id":"1_V2","display_id":"P-1","event.name":%s,"event.severity":"1","event.status":"ACTIVE","event.category":"ERROR",`+
		`"event.start":"2026-03-02T11:00:00Z","timestamp":"2026-03-02T11:00:00Z","dt.analysis.ready":true,"k8s.namespace.name":["shop"],"k8s.workload.name":["checkout"]}`, quoted)
	a := &txtar.Archive{Files: []txtar.File{
		{Name: "repo/k8s/checkout.yaml", Data: fmt.Appendf(nil, manifest, "checkout", "shop")},
		{Name: "records.jsonl", Data: []byte(record + "\n")},
	}}
	if config != "" {
		a.Files = append(a.Files, txtar.File{Name: "repo/.github/salve.yml", Data: []byte(config)})
	}
	w := newWorld(t, a)
	w.now, w.tenant.now = noon, noon
	w.push("mona", []string{"k8s/checkout.yaml"})
	return w
}

const config = "version: 1\nenvironments: {production: {namespaces: [shop]}}\n"

func (w *world) check() forge.CommitStatus {
	w.t.Helper()
	if _, err := w.checker.Check(w.t.Context(), w.pull(), w.now); err != nil {
		w.t.Log(err)
	}
	return w.host.statuses[string(w.pull().Head)+forge.ContextPreDeployment]
}

// asked remembers which branches were read.
type asked struct {
	*world
	branches []string
}

func (a *asked) Repository(ctx context.Context, repo forge.Repo, branch string) (*plan.Repository, error) {
	a.branches = append(a.branches, branch)
	return a.world.Repository(ctx, repo, branch)
}

func TestAttack20BaseConfigurationDecides(t *testing.T) {
	w := blocked(t, config, "x")
	estate := &asked{world: w}
	w.checker.Estate = estate
	w.push("eve", []string{".github/salve.yml", "k8s/checkout.yaml"})
	if got := w.check(); got.State != forge.Failure {
		t.Errorf("%+v, want failure", got)
	}
	for _, b := range estate.branches {
		if b != "main" {
			t.Errorf("read branch %q", b)
		}
	}
}

func TestAttack21ConfigurationOnHeadOnly(t *testing.T) {
	w := blocked(t, "", "x")
	w.push("eve", []string{".github/salve.yml"})
	if got := w.check(); w.host.writes != 0 {
		t.Errorf("%+v, want no status: the base has no configuration", got)
	}
}

func TestAttack22UnreadableConfiguration(t *testing.T) {
	for name, text := range map[string]string{
		"not UTF-8": config + "# \xff\n", "too large": config + strings.Repeat("#\n", 1<<20), "mistake": config + "gaets: {}\n",
	} {
		w := blocked(t, text, "x")
		if got := w.check(); got.State != forge.Error || !strings.Contains(got.Description, ".github/salve.yml") {
			t.Errorf("%s: %+v, want an error that names the file", name, got)
		}
	}
}

func TestAttack24PushWhileJudging(t *testing.T) {
	w := blocked(t, config, "x")
	old := w.pull()
	w.push("mona", []string{"k8s/checkout.yaml"})
	if _, err := w.checker.Check(t.Context(), old, noon); err != nil {
		t.Fatal(err)
	}
	if got := w.host.statuses[string(old.Head)+forge.ContextPreDeployment]; got.State != forge.Failure {
		t.Errorf("judged commit: %+v, want failure", got)
	}
	if got, ok := w.host.statuses[string(w.pull().Head)+forge.ContextPreDeployment]; ok {
		t.Errorf("new head: %+v, want nothing", got)
	}
}

func TestAttack25Untrusted(t *testing.T) {
	for _, mode := range []string{"down", "blind", "partial", "panic"} {
		w := blocked(t, config, "x")
		w.tenant.records = nil
		w.tenant.mode = mode
		for at := noon; at.Before(noon.Add(2 * time.Hour)); at = at.Add(10 * time.Minute) {
			w.now, w.tenant.now = at, at
			if got := w.check(); got.State != forge.Pending && got.State != forge.Error {
				t.Errorf("%s at %v: %+v", mode, at, got)
			}
		}
	}
}

// A clock that is behind the tenant's sees problems that close in the future.
func TestAttack25ClockSkew(t *testing.T) {
	w := blocked(t, config, "x")
	w.now = noon.Add(-2 * time.Hour)
	if got := w.check(); got.State == forge.Success {
		t.Errorf("a problem that begins in the future: %+v", got)
	}
}

// Not knowing what a change touches is not knowing, in the strictest of all
// environments.
// Nor does a deployment whose host has another clock end its window before it
// began, or keep it open for days.
func TestAttack25ClockSkewOfTheHost(t *testing.T) {
	for _, at := range []time.Time{{}, noon.Add(-48 * time.Hour), noon.Add(48 * time.Hour)} {
		w := blocked(t, config+"gates: {post-deployment: {mode: enforce, deadline: 15m}}\n", "x")
		w.tenant.records = elsewhere(w.tenant.records)
		e := forge.Event{Repo: shop, Head: sha('d', 1), Environment: "production", Default: "main", At: at}
		if err := w.checker.Deployed(t.Context(), e, noon); err != nil {
			t.Fatal(err)
		}
		said := func() forge.CommitStatus { return w.host.statuses[string(sha('d', 1))+forge.ContextPostDeployment] }
		if got := said(); got.State != forge.Pending || !strings.Contains(got.Description, "until 12:15:00") {
			t.Errorf("done at %v: %+v, want a window of 15 minutes", at, got)
		}
		w.tenant.now = noon.Add(15 * time.Minute)
		if err := w.checker.Due(t.Context(), noon.Add(15*time.Minute)); err != nil || said().State != forge.Success {
			t.Errorf("done at %v: %v, %+v at the end", at, err, said())
		}
	}
}

// elsewhere gives records another workload, so that the tenant shows problems and
// none of ours.
func elsewhere(records []dql.Record) (out []dql.Record) {
	for _, r := range records {
		out = append(out, with(r, func(name string, v dql.Value) dql.Value {
			if name == "k8s.workload.name" {
				return dql.Strings("another")
			}
			return v
		}))
	}
	return out
}

func TestAttack25FilesNotKnown(t *testing.T) {
	w := blocked(t, config, "x")
	delete(w.host.paths, 1)
	if got := w.check(); got.State != forge.Pending {
		t.Errorf("%+v, want pending", got)
	}
	w.now = noon.Add(time.Hour)
	if got := w.check(); got.State != forge.Error {
		t.Errorf("after the deadline: %+v, want an error", got)
	}
}

func TestAttack26StaleVerdict(t *testing.T) {
	w := blocked(t, config, "x")
	w.tenant.records = nil
	if got := w.check(); got.State != forge.Success {
		t.Fatalf("%+v", got)
	}
	w.now, w.tenant.mode = noon.Add(5*time.Minute), "down"
	if got := w.check(); got.State != forge.Pending {
		t.Errorf("an old success stands while Dynatrace is down: %+v", got)
	}
}

func TestAttack28SameStatusIsNotSent(t *testing.T) {
	w := blocked(t, config, "x")
	for i := range 1001 {
		w.now = noon.Add(time.Duration(i) * 5 * time.Minute / 10)
		w.tenant.now = w.now
		w.check()
	}
	if w.host.writes > 2 {
		t.Errorf("%d statuses, want pending and failure", w.host.writes)
	}
}

func TestAttack29Description(t *testing.T) {
	for _, title := range []string{strings.Repeat("ü", 300), strings.Repeat("👩‍👩‍👧", 60), "a\x00b\nc\u202ed", "\xff\xfe" + strings.Repeat("x", 200), "@acme/all #1 closes #2"} {
		w := blocked(t, config, strings.ToValidUTF8(title, "?"))
		got := w.check()
		bad := strings.IndexFunc(got.Description, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Bidi_Control) })
		if utf8.RuneCountInString(got.Description) > 140 || !utf8.ValidString(got.Description) || bad >= 0 || got.State != forge.Failure {
			t.Errorf("%.20q: %q", title, got.Description)
		}
	}
}

func TestAttack32PanicStillAnswers(t *testing.T) {
	w := blocked(t, config, "x")
	w.tenant.mode = "panic"
	if got := w.check(); got.State != forge.Pending || !strings.Contains(got.Description, "error of this program") {
		t.Errorf("%+v", got)
	}
	w.now = noon.Add(time.Hour)
	if got := w.check(); got.State != forge.Error {
		t.Errorf("after the deadline: %+v, want an error", got)
	}
}

// A time-out in the middle does not keep the gate from answering.
func TestAttack32TimeoutStillAnswers(t *testing.T) {
	w := blocked(t, config, "x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.tenant.mode, w.tenant.asking = "down", cancel
	k, _ := w.checker.Check(ctx, w.pull(), noon)
	got := w.host.statuses[string(w.pull().Head)+forge.ContextPreDeployment]
	if ctx.Err() == nil || got.State != forge.Pending || !strings.Contains(got.Description, "503") || !strings.Contains(k.Why, "503") {
		t.Errorf("%+v, %q", got, k.Why)
	}
}

func TestAttack33RerunWithoutRights(t *testing.T) {
	w := blocked(t, config, "x")
	for _, tt := range []struct {
		who  string
		want int
	}{{"eve", 0}, {"nobody", 0}, {"mona", 1}} {
		w.tenant.asked = 0
		if err := w.checker.Rerun(t.Context(), forge.Event{Repo: shop, Head: w.pull().Head, Sender: tt.who}, noon); err != nil {
			t.Fatal(err)
		}
		if w.tenant.asked != tt.want {
			t.Errorf("%s: asked Dynatrace %d times, want %d", tt.who, w.tenant.asked, tt.want)
		}
	}
}

// A status of ours that somebody sets before there is a verdict is undone.
func TestAttack23ForgedBeforeVerdict(t *testing.T) {
	w := blocked(t, config, "x")
	s := forge.CommitStatus{Context: "Salve/Pre-Deployment", State: forge.Success, Creator: "eve"}
	if err := w.checker.Forged(t.Context(), forge.Event{Repo: shop, Head: w.pull().Head, Status: s}, noon); err != nil {
		t.Fatal(err)
	}
	if got := w.host.statuses[string(w.pull().Head)+forge.ContextPreDeployment]; got.State != forge.Pending {
		t.Errorf("%+v, want pending", got)
	}
}

// many is a world of n open pull requests over 50 environments.
func many(t testing.TB, n int) *world {
	t.Helper()
	w := newWorld(t, &txtar.Archive{})
	var environments strings.Builder
	for e := range 50 {
		fmt.Fprintf(&environments, "  env%d: {namespaces: [space%d]}\n", e, e)
		w.files[fmt.Sprintf("k8s/%d.yaml", e)] = fmt.Sprintf(manifest, "app", fmt.Sprintf("space%d", e))
	}
	w.files[".github/salve.yml"] = "version: 1\nenvironments:\n" + environments.String()
	w.now, w.tenant.now = noon, noon
	for i := range n {
		w.host.pulls[i+1] = &forge.PullRequest{Repo: shop, Number: i + 1, Base: "main", Branch: "b", Open: true, Author: "mona", Head: sha('a', i)}
		w.host.paths[i+1] = []string{fmt.Sprintf("k8s/%d.yaml", i%50)}
	}
	return w
}

func (w *world) reconcile() {
	w.t.Helper()
	repo, err := plan.Open(w.t.Context(), plan.Checkout{Repo: shop, Branch: "main", SHA: sha('b', 0), Files: inventory.Map(w.files)}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.checker.Reconcile(w.t.Context(), []*plan.Repository{repo}, w.now); err != nil {
		w.t.Fatal(err)
	}
}

// tick is both schedules, whatever they come to: with Dynatrace down they come
// to errors.
func (w *world) tick() {
	w.tenant.now = w.now
	repo, err := w.Repository(w.t.Context(), shop, "main")
	if err != nil {
		w.t.Fatal(err)
	}
	_ = w.checker.Due(w.t.Context(), w.now)
	_ = w.checker.Reconcile(w.t.Context(), []*plan.Repository{repo}, w.now)
}

// A tick over a thousand open pull requests asks Dynatrace once, and writes
// only what has changed.
func TestThousandPulls(t *testing.T) {
	w := many(t, 1000)
	w.reconcile()
	if w.tenant.asked != 1 || w.host.writes != 2000 {
		t.Fatalf("first tick: %d queries, %d statuses; want 1 and 2000 (pending and verdict)", w.tenant.asked, w.host.writes)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	w.host.writes, w.tenant.asked, w.now = 0, 0, noon.Add(5*time.Minute)
	w.reconcile()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if w.tenant.asked != 1 || w.host.writes != 0 {
		t.Errorf("second tick: %d queries, %d statuses; want 1 and none", w.tenant.asked, w.host.writes)
	}
	t.Logf("second tick over 1000 pull requests in 50 environments: %v, %d KiB allocated", took, (after.TotalAlloc-before.TotalAlloc)>>10)
}

// A blocked service is told to the pull requests that touch it, and to no other.
func TestThousandPullsOneProblem(t *testing.T) {
	w := many(t, 1000)
	w.reconcile()
	bad := blocked(t, config, "x").tenant.records
	w.host.writes, w.tenant.asked, w.now = 0, 0, noon.Add(5*time.Minute)
	w.files["k8s/shop.yaml"] = fmt.Sprintf(manifest, "checkout", "shop")
	w.host.paths[1000] = []string{"k8s/shop.yaml"}
	w.host.pulls[1000].Head = sha('c', 1)
	w.tenant.records = bad
	w.reconcile()
	if w.tenant.asked != 1 || w.host.writes != 2 {
		t.Errorf("%d queries, %d statuses; want 1 and 2", w.tenant.asked, w.host.writes)
	}
	if got := w.host.statuses[string(sha('c', 1))+forge.ContextPreDeployment]; got.State != forge.Failure {
		t.Errorf("%+v, want failure", got)
	}
}

// What pipelines get about a service: every word of the gate with its phase.
func TestServiceAnswers(t *testing.T) {
	w := blocked(t, config, "x")
	repo, err := w.Repository(t.Context(), shop, "main")
	if err != nil {
		t.Fatal(err)
	}
	repos := []*plan.Repository{repo}
	a := w.checker.Service(t.Context(), repos, "production", "shop/checkout", "", noon)
	if a.Decision != "BLOCK" || a.Phase != "failure" || a.Value != 3 || !a.Known || len(a.Problems) != 1 || a.Problems[0].MatchedBy != "workload shop/checkout" {
		t.Errorf("%+v", a)
	}
	for _, tt := range [][2]string{{"production", "shop/checkot"}, {"staging", "shop/checkout"}, {"", ""}} {
		if a := w.checker.Service(t.Context(), repos, tt[0], tt[1], "", noon); a.Known || a.Verdict != gate.Undecided || a.Phase != "pending" {
			t.Errorf("%v: %+v, want that it is not known", tt, a)
		}
	}
}

// The verdict on a deployed commit is for that commit, and for a while.
func TestWatchedExpires(t *testing.T) {
	w := blocked(t, config+"gates: {post-deployment: {mode: enforce}}\n", "x")
	e := forge.Event{Repo: shop, Head: sha('d', 1), Environment: "production", Default: "main", At: noon}
	if err := w.checker.Deployed(t.Context(), e, noon); err != nil {
		t.Fatal(err)
	}
	ask := func(head forge.SHA, at time.Time) (gate.Answer, bool) {
		a, found, err := w.checker.Watched(t.Context(), "post-deployment", "production", "shop/checkout", head, at)
		if err != nil {
			t.Fatal(err)
		}
		return a, found
	}
	if a, found := ask(sha('d', 1), noon); !found || a.Verdict != gate.Hold {
		t.Errorf("%+v, %v; want HOLD", a, found)
	}
	if a, found := ask(sha('d', 1), noon.Add(6*time.Minute)); !found || a.Verdict != gate.Undecided {
		t.Errorf("six minutes later: %+v, %v; want that it is stale", a, found)
	}
	if _, found := ask(sha('d', 2), noon); found {
		t.Error("another commit has a verdict")
	}
}

// rows is a tenant that gives the same rows to every query.
type rows []dql.Record

func (r rows) Query(context.Context, dql.Query) (dql.Result, error) {
	return dql.Result{Records: r, Quality: dql.OK}, nil
}

// Spans of a deployed service show that it lives; those of others do not.
func TestSpans(t *testing.T) {
	w := blocked(t, config, "x")
	repo, err := w.Repository(t.Context(), shop, "main")
	if err != nil {
		t.Fatal(err)
	}
	row := func(namespace, workload string) dql.Record {
		return dql.NewRecord([]string{"k8s.namespace.name", "k8s.workload.name", "dt.entity.service"},
			[]dql.Value{dql.String(namespace), dql.String(workload), dql.Null})
	}
	services := gate.Deployed(repo, "production")
	for _, tt := range []struct {
		name   string
		tenant dql.Querier
		silent string
	}{
		{"spans", rows{row("shop", "cart"), row("shop", "checkout")}, ""},
		{"of others", rows{row("stage", "checkout"), row("", "")}, "no span"},
		{"none", rows{}, "no span"},
		{"not permitted", &tenant{mode: "down"}, "503"},
	} {
		got, asked := gate.Spans{Dynatrace: tt.tenant}.Silent(t.Context(), repo, services, noon)
		if (got == "") != (tt.silent == "") || !strings.Contains(got, tt.silent) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.silent)
		}
		if !strings.Contains(asked.Text, "2026-03-02T12:00:00") || len(asked.Params) != 1 {
			t.Errorf("%s: asked %+v, want the time in it", tt.name, asked)
		}
	}
	// Spans of the stable side say nothing about the canary.
	services[0].Canary = "checkout-canary"
	if got, _ := (gate.Spans{Dynatrace: rows{row("shop", "checkout")}}).Silent(t.Context(), repo, services, noon); !strings.Contains(got, "no span of the canary") {
		t.Errorf("of the stable side: %q", got)
	}
	if got, _ := (gate.Spans{Dynatrace: rows{row("shop", "checkout-canary")}}).Silent(t.Context(), repo, services, noon); got != "" {
		t.Errorf("of the canary: %q", got)
	}
}
