package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dynatracetest"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// A release is a repository that deploys, with the real program beside it.
type release struct {
	t       *testing.T
	box     *sandbox.Sandbox
	p       *process
	environ []string
	records []string // of problems
	spans   []string
}

const shopName = "acme/shop"

const deployManifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: checkout, namespace: shop}\nspec: {template: {spec: {containers: [{name: app, image: \"x:%d\"}]}}}\n"

// newRelease starts the program for a repository with the gates of a
// configuration. Waiting gates are looked at every second.
func newRelease(t *testing.T, gates string) *release {
	t.Parallel()
	world := fstest.MapFS{
		"problems.jsonl":                         {},
		"repos/acme/shop/k8s/checkout.yaml":      {Data: fmt.Appendf(nil, deployManifest, 1)},
		"repos/acme/shop/README.md":              {Data: []byte("# Shop\n")},
		"repos/acme/shop/.github/salve.yml":      {Data: []byte(releaseConfig + gates)},
		"repos/acme/shop/.github/workflows/x.md": {Data: []byte("x\n")},
	}
	box, environ := live(t, world)
	r := &release{t: t, box: box, environ: append(environ,
		"SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db"), "SALVE_GATE_TOKENS=token", "SALVE_URL=https://salve.example.com")}
	r.problem("P-900", "another", "1", time.Now().Add(-time.Hour)) // the tenant shows problems
	r.serve()
	return r
}

const releaseConfig = `version: 1
environments:
  production: {namespaces: [shop]}
services:
  checkout:
    match: {workloads: [shop/checkout, shop/checkout-canary]}
    environment: production
    owns: [{kubernetes: Deployment shop/checkout, file: k8s/checkout.yaml}]
    rollout: {canary: checkout-canary, stable: checkout, weight: 10%}
gates:
`

// serve starts the program, and tells GitHub where it listens.
func (r *release) serve() {
	r.p = start(r.t, r.environ, "--tune", "0 0 29 2 *", "--remediate", "@every 2s", "--gates", "@every 1s")
	r.must(r.box.GitHub.SetWebhook(sandbox.AppID, r.p.url+"/webhook", r.box.Secret))
}

func (r *release) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// problem lets a problem of a workload begin.
func (r *release) problem(id, workload, severity string, start time.Time) {
	at := start.UTC().Format(time.RFC3339Nano)
	text, err := json.Marshal(map[string]any{
		"event.kind": "DAVIS_PROBLEM", "event.id": id + "_V2", "display_id": id, "event.name": "Failure rate increase", "event.severity": severity,
		"event.status": "ACTIVE", "event.category": "ERROR", "event.start": at, "timestamp": at, "dt.analysis.ready": true,
		"k8s.namespace.name": []string{"shop"}, "k8s.workload.name": []string{workload},
		"affected_entity_ids": []string{"CLOUD_APPLICATION-" + workload}, "affected_entity_names": []string{workload}, "affected_entity_types": []string{"dt.entity.cloud_application"},
	})
	r.must(err)
	r.records = append(r.records, string(text))
	r.load()
}

// traffic lets a workload send a span.
func (r *release) traffic(workload string) {
	r.spans = append(r.spans, fmt.Sprintf(`{"timestamp":%q,"k8s.namespace.name":"shop","k8s.workload.name":%q,"service.version":"1"}`, time.Now().UTC().Format(time.RFC3339Nano), workload))
	r.load()
}

func (r *release) load() {
	dir := r.t.TempDir()
	problems, spans := filepath.Join(dir, "problems.jsonl"), filepath.Join(dir, "spans.jsonl")
	r.must(os.WriteFile(problems, []byte(strings.Join(r.records, "\n")+"\n"), 0o600))
	r.must(os.WriteFile(spans, []byte(strings.Join(r.spans, "\n")+"\n"), 0o600))
	src, err := eval.OpenRecords(problems, "spans="+spans)
	r.must(err)
	r.box.Tenant.Load(src)
}

// deploy deploys the main branch to production, as a pipeline reports it.
func (r *release) deploy() {
	_, err := r.box.GitHub.Deploy(shopName, sandbox.Person, "main", "production", "in_progress", "success")
	r.must(err)
}

// merge merges a pull request of a person that changes a file.
func (r *release) merge(branch, title, file, text string) (number int) {
	_, err := r.box.GitHub.PushCommit(shopName, sandbox.Person, branch, title, map[string]*githubtest.File{file: {Content: text}})
	r.must(err)
	number, err = r.box.GitHub.OpenPull(shopName, sandbox.Person, githubtest.NewPull{Head: branch, Title: title})
	r.must(err)
	r.must(r.box.GitHub.MergePull(shopName, sandbox.Person, number))
	return number
}

func (r *release) branch(name string) githubtest.Branch {
	state, err := r.box.GitHub.State(shopName)
	r.must(err)
	return state.Branches[name]
}

// says waits until a status of a branch has a state, and a description that
// begins with a word.
func (r *release) says(branch, context, state, word string) {
	r.t.Helper()
	last := githubtest.Status{}
	eventually(r.t, r.p.log, fmt.Sprintf("%s: %s %s", context, state, word), func() bool {
		last = shown(r.branch(branch).Status, context)
		return last.State == state && strings.HasPrefix(last.Description, word)
	})
}

// told waits until the last deployment was told how it went, and returns that.
func (r *release) told(state, word string) (last githubtest.DeploymentStatus) {
	r.t.Helper()
	eventually(r.t, r.p.log, "the deployment to be told "+word, func() bool {
		all, err := r.box.GitHub.DeploymentStatuses(shopName)
		r.must(err)
		last = all[len(all)-1]
		return last.By == sandbox.Bot && last.State == state && strings.HasPrefix(last.Description, word)
	})
	return last
}

// get asks the program for a page or an answer.
func (r *release) get(path string) string {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.p.url+path, nil)
	r.must(err)
	req.Header.Set("Authorization", "Bearer token")
	resp, err := http.DefaultClient.Do(req)
	r.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	r.must(err)
	if resp.StatusCode != http.StatusOK {
		r.t.Errorf("%s: %d %s", path, resp.StatusCode, text)
	}
	return string(text)
}

// A deployment is watched and found healthy; the next one fails, which names
// the pull request that brought it, on the commit, on the deployment and on the
// page.
func TestDeploymentFailsAndNamesSuspects(t *testing.T) {
	r := newRelease(t, "  post-deployment: {mode: enforce, deadline: 5s}\n")
	r.traffic("checkout")
	r.deploy()
	r.says("main", forge.ContextPostDeployment, "pending", "HOLD: watching until")
	r.traffic("checkout")
	r.says("main", forge.ContextPostDeployment, "success", "HEALTHY")
	r.told("success", "HEALTHY")

	number := r.merge("image", "New checkout image", "k8s/checkout.yaml", fmt.Sprintf(deployManifest, 2))
	r.merge("typo", "Mend a typo", "README.md", "# The shop\n")
	r.deploy()
	r.problem("P-1", "checkout", "1", time.Now().Add(time.Second))
	r.says("main", forge.ContextPostDeployment, "failure", "FAILED: CRITICAL P-1 on checkout")
	check := shown(r.branch("main").Checks, "Salve: post-deployment")
	if check.State != "failure" {
		t.Errorf("check run %+v, want failure", check)
	}
	last := r.told("failure", "FAILED: CRITICAL P-1")
	page := r.get(strings.TrimPrefix(last.URL, "https://salve.example.com"))
	suspect := fmt.Sprintf("#%d</a> New checkout image by %s", number, sandbox.Person)
	for _, want := range []string{suspect, "changes checkout (k8s/checkout.yaml), which has P-1", "Mend a typo", "Query infrastructure-remediation"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q\n%s", want, page)
		}
	}
	if strings.Index(page, "Mend a typo") > strings.Index(page, suspect) {
		t.Error("the newest suspect is not the first")
	}
	if unknown := r.box.GitHub.Unknown(); len(unknown) > 0 {
		t.Errorf("unknown routes asked for: %v", unknown)
	}
}

// Two bad samples are enough long before the deadline, and the process that saw
// the first need not be the one that sees the second.
func TestDeploymentFailsEarlyAcrossARestart(t *testing.T) {
	r := newRelease(t, "  post-deployment: {mode: enforce, deadline: 15m}\n")
	r.deploy()
	r.problem("P-1", "checkout", "1", time.Now().Add(time.Second))
	r.says("main", forge.ContextPostDeployment, "pending", "HOLD: FAILED in one sample, looking again: CRITICAL P-1")
	first := time.Now()
	r.must(r.p.cmd.Process.Kill())
	r.p.cmd.Wait()
	r.serve()
	r.says("main", forge.ContextPostDeployment, "failure", "FAILED: CRITICAL P-1")
	if took := time.Since(first); took < 20*time.Second {
		t.Errorf("failed after %v: two samples must lie apart", took)
	}
	r.told("failure", "FAILED")
}

// Dynatrace is down while a deployment is watched: what could not be found out
// is an error at the deadline, and the verdict takes its place once Dynatrace is
// back.
func TestDeploymentWhileDynatraceIsDown(t *testing.T) {
	r := newRelease(t, "  post-deployment: {mode: enforce, deadline: 3s}\n  pre-deployment: {mode: enforce, deadline: 3s}\n")
	r.box.Tenant.Break(dynatracetest.Fault{Status: http.StatusServiceUnavailable, RetryAfter: time.Second})
	r.deploy()
	r.says("main", forge.ContextPostDeployment, "error", "could not find out: ask Dynatrace")
	_, err := r.box.GitHub.PushCommit(shopName, sandbox.Person, "image", "x", map[string]*githubtest.File{"k8s/checkout.yaml": {Content: fmt.Sprintf(deployManifest, 2)}})
	r.must(err)
	_, err = r.box.GitHub.OpenPull(shopName, sandbox.Person, githubtest.NewPull{Head: "image", Title: "x"})
	r.must(err)
	r.says("image", forge.ContextPreDeployment, "error", "could not find out: ask Dynatrace")
	r.traffic("checkout")
	r.box.Tenant.Heal()
	r.says("main", forge.ContextPostDeployment, "success", "HEALTHY")
	r.says("image", forge.ContextPreDeployment, "success", "PROCEED")
	r.told("success", "HEALTHY")
}

// The token may not read the bucket: Grail says so beside an empty answer, which
// is not health.
func TestDeploymentWithoutBucketPermission(t *testing.T) {
	r := newRelease(t, "  post-deployment: {mode: enforce, deadline: 3s}\n")
	r.box.Tenant.Break(dynatracetest.Fault{Blind: true})
	r.deploy()
	r.says("main", forge.ContextPostDeployment, "error", "could not find out: Dynatrace")
}

// A canary that is worse is rolled back, whoever asks; one that is not is
// promoted once it had traffic.
func TestCanaryOverTheWire(t *testing.T) {
	r := newRelease(t, "  canary: {mode: enforce, clean: 3s, deadline: 1m}\n")
	r.deploy()
	r.says("main", forge.ContextCanary, "pending", "INCONCLUSIVE: no span of the canary checkout-canary")
	r.traffic("checkout-canary")
	r.says("main", forge.ContextCanary, "success", "PROMOTE")
	r.told("success", "PROMOTE")

	head, err := r.box.GitHub.PushCommit(shopName, sandbox.Person, "main", "x", map[string]*githubtest.File{"k8s/checkout.yaml": {Content: fmt.Sprintf(deployManifest, 2)}})
	r.must(err)
	r.deploy()
	r.problem("P-1", "checkout-canary", "1", time.Now())
	r.says("main", forge.ContextCanary, "failure", "ROLLBACK: Failure rate increase on checkout: critical on the canary")
	last := r.told("failure", "ROLLBACK")
	page := r.get(strings.TrimPrefix(last.URL, "https://salve.example.com"))
	for _, want := range []string{"CANARY_VERSION", "&#34;checkout-canary&#34;", "STABLE_VERSION", "ROLLBACK", "deployed commit"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q\n%s", want, page)
		}
	}
	var a gate.Answer
	r.must(json.Unmarshal([]byte(r.get("/v1/gates/production/checkout?gate=canary&sha="+head)), &a))
	if a.Decision != "ROLLBACK" || a.Value != 3 || a.Phase != "failure" {
		t.Errorf("answer %+v, want ROLLBACK", a)
	}
}

// Risk and the check before a deployment stand on a pull request and on its
// merge group, and a protection rule is answered.
func TestRiskAndRuleOverTheWire(t *testing.T) {
	r := newRelease(t, "  risk: {mode: enforce}\n  pre-deployment: {mode: enforce, clean: 1s}\n")
	_, err := r.box.GitHub.PushCommit(shopName, sandbox.Person, "image", "x", map[string]*githubtest.File{"k8s/checkout.yaml": {Content: fmt.Sprintf(deployManifest, 2)}})
	r.must(err)
	number, err := r.box.GitHub.OpenPull(shopName, sandbox.Person, githubtest.NewPull{Head: "image", Title: "x"})
	r.must(err)
	r.says("image", forge.ContextRisk, "success", "LOW_RISK_AUTO_APPROVE: 0.0 of 10 for checkout")
	r.says("image", forge.ContextPreDeployment, "success", "PROCEED")
	run, err := r.box.GitHub.AskGate(shopName, sandbox.Person, sandbox.AppID, "main", "production")
	r.must(err)
	eventually(t, r.p.log, "approval", func() bool {
		gates, err := r.box.GitHub.Gates(shopName)
		r.must(err)
		i := slices.IndexFunc(gates, func(g githubtest.Gate) bool { return g.Run == run })
		return gates[i].State == "approved"
	})

	r.problem("P-1", "checkout", "1", time.Now().Add(-time.Minute))
	r.says("image", forge.ContextRisk, "failure", "HIGH_RISK_BLOCK: 9.0 of 10 for checkout")
	r.says("image", forge.ContextPreDeployment, "failure", "BLOCK: CRITICAL P-1")
	_, err = r.box.GitHub.EnqueuePull(shopName, sandbox.Person, number)
	r.must(err)
	state, err := r.box.GitHub.State(shopName)
	r.must(err)
	for name := range state.Branches {
		if strings.HasPrefix(name, "gh-readonly-queue/") {
			r.says(name, forge.ContextRisk, "failure", "HIGH_RISK_BLOCK")
			r.says(name, forge.ContextPreDeployment, "failure", "BLOCK")
		}
	}
}

// However long Dynatrace takes, new heads are pending before it answers, one
// after the other; then all get the verdict of one answer.
func TestPendingWhileDynatraceIsSlow(t *testing.T) {
	r := newRelease(t, "  pre-deployment: {mode: enforce}\n")
	const slow = 8 * time.Second
	r.box.Tenant.Break(dynatracetest.Fault{On: "query:execute", Latency: slow})
	began := time.Now()
	branches := []string{"one", "two", "three"}
	for i, branch := range branches {
		_, err := r.box.GitHub.PushCommit(shopName, sandbox.Person, branch, "x", map[string]*githubtest.File{"k8s/checkout.yaml": {Content: fmt.Sprintf(deployManifest, i+2)}})
		r.must(err)
		_, err = r.box.GitHub.OpenPull(shopName, sandbox.Person, githubtest.NewPull{Head: branch, Title: "x"})
		r.must(err)
	}
	for _, branch := range branches {
		r.says(branch, forge.ContextPreDeployment, "pending", "asking Dynatrace")
	}
	if took := time.Since(began); took > slow {
		t.Errorf("pending after %v, want it before Dynatrace answers", took)
	}
	for _, branch := range branches {
		r.says(branch, forge.ContextPreDeployment, "success", "PROCEED")
	}
}
