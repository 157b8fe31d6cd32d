package plan_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/templates"
)

// manifest is Deployment shop/checkout with containers, each "name limits".
func manifest(containers ...string) map[string]string {
	var b strings.Builder
	b.WriteString("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: checkout, namespace: shop}\nspec:\n  replicas: 2\n  selector: {matchLabels: {a: b}}\n" +
		"  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n")
	for _, c := range containers {
		name, resources, _ := strings.Cut(c, " ")
		fmt.Fprintf(&b, "        - name: %s\n          image: x\n", name)
		if resources != "" {
			fmt.Fprintf(&b, "          resources: {%s}\n", resources)
		}
	}
	return map[string]string{policy.File: "version: 1\n", "checkout.yaml": b.String()}
}

// A series is points of one metric of a container of shop/checkout in cluster
// eu: n of one value, ten minutes apart.
type series struct {
	container, metric string
	value             float64
	n                 int
}

func points(all []series) []dql.Record {
	var out []dql.Record
	for _, s := range all {
		cluster := "eu"
		container, other, ok := strings.Cut(s.container, "@")
		if ok {
			cluster = other
		}
		for i := range s.n {
			out = append(out, dql.NewRecord(
				[]string{"event.kind", "metric.key", "timestamp", "value", "k8s.cluster.name", "k8s.namespace.name", "k8s.workload.name", "k8s.workload.kind", "k8s.pod.name", "k8s.container.name"},
				[]dql.Value{dql.String("metric point"), dql.String("dt.kubernetes.container." + s.metric), dql.Time(sandbox.WorldTime.Add(-time.Minute - time.Duration(i)*10*time.Minute)),
					dql.Double(s.value), dql.String(cluster), dql.String("shop"), dql.String("checkout"), dql.String("deployment"), dql.String("checkout-1"), dql.String(container)}))
		}
	}
	return out
}

// resize plans a remedy for shop/checkout.
func resize(t *testing.T, remedy string, files map[string]string, cause policy.Cause, cluster string, meter plan.Meter) (plan.Plan, policy.Reason) {
	t.Helper()
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(files)}, remedies)
	if err != nil || len(repo.Faults) > 0 {
		t.Fatal(err, repo.Faults)
	}
	for _, r := range repo.Remedies {
		if r.Name != remedy {
			continue
		}
		targets, why, err := repo.Targets(t.Context(), r, plan.Subject{Cluster: cluster, Namespace: "shop", Kind: "deployment", Workload: "checkout"})
		if err != nil || len(targets) != 1 {
			t.Fatal(targets, why, err)
		}
		p, why, err := (&plan.Planner{Usage: meter}).Plan(t.Context(), plan.Case{
			Target: targets[0], Cause: cause, Evidence: []prose.Evidence{{Problem: "P-1", Title: "x", Severity: "HIGH"}},
		}, sandbox.WorldTime)
		if err != nil {
			t.Fatal(err)
		}
		return p, why
	}
	t.Fatalf("no remedy %s", remedy)
	return plan.Plan{}, policy.Reason{}
}

func metrics(t *testing.T, dynatrace dql.Querier) plan.Metrics {
	t.Helper()
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	return plan.Metrics{Dynatrace: dynatrace, Catalog: queries, Denied: errDenied}
}

// Limits are sized by what containers used, where that is known.
func TestSizedByUse(t *testing.T) {
	const mebi = 1 << 20
	const memory, cpu = "memory-limit", "cpu-limit"
	use := func(container string, peak, limit float64) []series {
		return []series{{container, "memory_working_set", peak * mebi, 120}, {container, "limits_memory", limit * mebi, 1}}
	}
	cores := func(container string, used, limit, withheld float64) []series {
		return []series{{container, "cpu_usage", used, 120}, {container, "limits_cpu", limit, 120}, {container, "cpu_throttled", withheld, 120}}
	}
	join := func(all ...[]series) (out []series) {
		for _, s := range all {
			out = append(out, s...)
		}
		return out
	}
	for _, tt := range []struct {
		name       string
		remedy     string
		containers []string
		cause      policy.Cause
		measured   []series
		want       string // the new limit with its line, or the code of the reason
		says       string // in the rule, the body or the reason
	}{
		{"peak", memory, []string{"app limits: {memory: 512Mi}"}, policy.Saturation, use("app", 500, 512), "640Mi@13", "peak of 500Mi over 7d / 0.85 (memory saturation), rounded up to the next 64Mi"},
		{"peak, as the body shows it", memory, []string{"app limits: {memory: 512Mi}"}, policy.Saturation, use("app", 500, 512), "640Mi@13", "| app | 500Mi | 500Mi | 512Mi | 98 % | – | – | 120 |"},
		{"kill, and a peak below the step", memory, []string{"app limits: {memory: 512Mi}"}, policy.OOMKill, use("app", 500, 512), "640Mi@13", "×1.25 (OOM kill, usage below the step)"},
		{"use that asks for nothing", memory, []string{"app limits: {memory: 512Mi}"}, policy.Saturation, use("app", 300, 512), "usage-is-low", "59 % of 512Mi"},
		{"nothing measured", memory, []string{"app limits: {memory: 512Mi}"}, policy.Saturation, nil, "640Mi@13", "Not sized by use, but by a careful step: nothing was measured of shop/checkout in the last 7 days."},
		{"too few points", memory, []string{"app limits: {memory: 512Mi}"}, policy.Saturation, []series{{"app", "memory_working_set", 500 * mebi, 50}}, "640Mi@13", "50 points were measured, too few"},
		{"another limit in force", memory, []string{"app limits: {memory: 512Mi}"}, policy.Saturation, use("app", 370, 384), "already-changed", "384Mi is in force, checkout.yaml:13 says 512Mi"},
		{"the same limit in another unit", memory, []string{"app limits: {memory: 536870912}"}, policy.Saturation, use("app", 500, 512), "671088640@13", "peak"},

		{"of two containers the one near its limit", memory, []string{"app limits: {memory: 512Mi}", "proxy limits: {memory: 128Mi}"}, policy.Saturation,
			join(use("app", 200, 512), use("proxy", 125, 128)), "160Mi@16", "peak of 125Mi"},
		{"of two containers the one that was killed", memory, []string{"app limits: {memory: 512Mi}", "proxy limits: {memory: 128Mi}"}, policy.OOMKill,
			join(use("app", 500, 512), use("proxy", 60, 128), []series{{"proxy", "oom_kills", 1, 2}}), "256Mi@16", "OOM kill"},
		{"both near their limits", memory, []string{"app limits: {memory: 512Mi}", "proxy limits: {memory: 128Mi}"}, policy.Saturation,
			join(use("app", 500, 512), use("proxy", 125, 128)), "ambiguous", "app at 98 % of its limit; proxy at 98 % of its limit"},
		{"neither near its limit", memory, []string{"app limits: {memory: 512Mi}", "proxy limits: {memory: 128Mi}"}, policy.Saturation,
			join(use("app", 200, 512), use("proxy", 60, 128)), "ambiguous", "their use does not tell"},
		{"two containers, nothing measured", memory, []string{"app limits: {memory: 512Mi}", "proxy limits: {memory: 128Mi}"}, policy.Saturation, nil,
			"refused", "name the container"},
		{"a container that is not written here", memory, []string{"app limits: {memory: 512Mi}"}, policy.OOMKill,
			join(use("app", 100, 512), use("istio-proxy", 120, 128), []series{{"istio-proxy", "oom_kills", 1, 1}}), "not-found", "container istio-proxy is at fault"},
		{"of several, one that is not written here", memory, []string{"app limits: {memory: 512Mi}", "b limits: {memory: 1Gi}"}, policy.OOMKill,
			join(use("app", 100, 512), use("istio-proxy", 120, 128), []series{{"istio-proxy", "oom_kills", 1, 1}}), "not-found", "container istio-proxy is at fault"},

		{"no limit written, none in force: the request is raised", memory, []string{"app requests: {memory: 256Mi}"}, policy.OOMKill,
			[]series{{"app", "memory_working_set", 300 * mebi, 120}}, "384Mi@13", "the request is raised"},
		{"no limit written, one in force", memory, []string{"app"}, policy.OOMKill, use("app", 250, 256), "384Mi@15", "of 256Mi by what is in force, set outside this repository"},
		{"no limit written, use measured", memory, []string{"app"}, policy.Saturation, []series{{"app", "memory_working_set", 300 * mebi, 120}}, "384Mi@15", "peak of 300Mi over 7d / 0.85 (no limit was written)"},

		{"CPU: percentile", cpu, []string{"app limits: {cpu: 500m}"}, policy.Saturation, cores("app", 480, 500, 0), "600m@13", "95th percentile of 480m over 7d / 0.85"},
		{"CPU: throttled little", cpu, []string{"app limits: {cpu: 500m}"}, policy.Throttling, cores("app", 400, 500, 300), "750m@13", "×1.5 (CPU throttling)"},
		{"CPU: throttled much", cpu, []string{"app limits: {cpu: 500m}"}, policy.Throttling, cores("app", 500, 500, 600), "1000m@13", "×2 (CPU throttling at 120 % of the limit)"},
		{"CPU: of two containers the one that is throttled", cpu, []string{"app limits: {cpu: 500m}", "proxy limits: {cpu: 100m}"}, policy.Throttling,
			join(cores("app", 400, 500, 10), cores("proxy", 90, 100, 80)), "150m@16", "×1.5"},
		{"CPU: another container is throttled", cpu, []string{"app limits: {cpu: 500m}"}, policy.Throttling,
			join(cores("app", 100, 500, 0), cores("istio-proxy", 90, 100, 80)), "not-found", "istio-proxy at 90 % of its limit, throttled 80 %"},
		{"CPU: no limit written", cpu, []string{"app"}, policy.Saturation, []series{{"app", "cpu_usage", 400, 120}}, "500m@15", "95th percentile of 400m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			meter := metrics(t, &eval.Engine{Source: eval.Records(points(tt.measured)), Now: sandbox.WorldTime})
			p, why := resize(t, tt.remedy, manifest(tt.containers...), tt.cause, "eu", meter)
			got, text := string(why.Code), why.Text
			if why.None() {
				c := p.Proposal.Comments[0]
				got, text = fmt.Sprintf("%s@%d", p.To, c.Line), p.Rule+"\n"+p.Proposal.Body
				if p.To == "" {
					got = fmt.Sprintf("%s@%d", between(p.Proposal.Body, "→ `", "`"), c.Line)
				}
			}
			if got != tt.want || !strings.Contains(text, tt.says) {
				t.Errorf("got %s: %s\nwant %s: …%s…", got, text, tt.want, tt.says)
			}
		})
	}
}

func between(s, start, end string) string {
	_, s, _ = strings.Cut(s, start)
	s, _, _ = strings.Cut(s, end)
	return s
}

// Where several clusters run a workload, the problem has to say which it means.
func TestUseOfSeveralClusters(t *testing.T) {
	const mebi = 1 << 20
	all := points([]series{
		{"app", "memory_working_set", 500 * mebi, 120}, {"app", "limits_memory", 512 * mebi, 1},
		{"app@us", "memory_working_set", 300 * mebi, 120}, {"app@us", "limits_memory", 512 * mebi, 1},
	})
	meter := metrics(t, &eval.Engine{Source: eval.Records(all), Now: sandbox.WorldTime})
	for cluster, says := range map[string]string{"eu": "peak of 500Mi", "": "several clusters", "ap": "nothing was measured"} {
		p, why := resize(t, "memory-limit", manifest("app limits: {memory: 512Mi}"), policy.Saturation, cluster, meter)
		if !why.None() || !strings.Contains(p.Proposal.Body, says) {
			t.Errorf("cluster %q: %s\n%s\nwant …%s…", cluster, why, p.Proposal.Body, says)
		}
	}
	if _, why := resize(t, "memory-limit", manifest("app limits: {memory: 512Mi}"), policy.Saturation, "us", meter); why.Code != policy.UsageIsLow {
		t.Errorf("cluster us: %s", why)
	}
}

var errDenied = errors.New("denied")

// An answering is a tenant that gives one answer.
type answering struct {
	result dql.Result
	err    error
}

func (a answering) Query(context.Context, dql.Query) (dql.Result, error) { return a.result, a.err }

// Use that cannot be asked for holds nothing up, and is not "no use". What may
// be known in a moment leaves an open pull request as it is.
func TestUseNotKnown(t *testing.T) {
	const limit = "app limits: {memory: 512Mi}"
	row := dql.NewRecord([]string{"k8s.container.name"}, []dql.Value{dql.String("app")})
	for _, tt := range []struct {
		name      string
		answer    answering
		says      string
		tentative bool
	}{
		{"denied", answering{err: fmt.Errorf("POST query:execute: 403: missing scopes: storage:metrics:read: %w", errDenied)}, "needs the scope storage:metrics:read", false},
		{"down", answering{err: errors.New("connection refused")}, "container-usage failed", true},
		{"cut short", answering{result: dql.Result{Quality: dql.Partial}}, "cut short", true},
		{"empty", answering{result: dql.Result{Quality: dql.UnverifiedEmpty}}, "nothing was measured", false},
		{"nonsense", answering{result: dql.Result{Quality: dql.OK, Records: []dql.Record{row}}}, "container-usage failed", true},
	} {
		p, why := resize(t, "memory-limit", manifest(limit), policy.Saturation, "eu", metrics(t, tt.answer))
		if !why.None() || p.To != "640Mi" || !strings.Contains(p.Rule, "no usage data") || !strings.Contains(p.Proposal.Body, tt.says) {
			t.Errorf("%s: %s %s %s\n%s", tt.name, p.To, p.Rule, why, p.Proposal.Body)
		}
		if p.Proposal.Tentative != tt.tentative || p.Notice == "" {
			t.Errorf("%s: tentative %v, notice %q", tt.name, p.Proposal.Tentative, p.Notice)
		}
	}
	if p, _ := resize(t, "memory-limit", manifest(limit), policy.Saturation, "eu", nil); p.To != "640Mi" || strings.Contains(p.Proposal.Body, "sized by use") {
		t.Errorf("without a meter: %s\n%s", p.To, p.Proposal.Body)
	}
}

// What was measured moves with every look; the pull request is not written
// again for that.
func TestUseDoesNotRewrite(t *testing.T) {
	const mebi = 1 << 20
	digest := func(peak float64) string {
		all := points([]series{{"app", "memory_working_set", peak * mebi, 120}, {"app", "limits_memory", 512 * mebi, 1}})
		p, why := resize(t, "memory-limit", manifest("app limits: {memory: 512Mi}"), policy.Saturation, "eu", metrics(t, &eval.Engine{Source: eval.Records(all), Now: sandbox.WorldTime}))
		if !why.None() || p.To != "640Mi" {
			t.Fatalf("%v: %s %s", peak, p.To, why)
		}
		return p.Proposal.Evidence
	}
	if a, b := digest(495), digest(505); a != b {
		t.Errorf("evidence %s and %s, want the same", a, b)
	}
}
