package remedy

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
	"github.com/salvehq/salve/templates"
)

// everywhere asks the remedies of all repositories, one after the other. It is
// what a book is held against.
type everywhere struct{ pages []*page }

func (e everywhere) answers(row plan.Row, _ plan.Subject) []entry {
	var out []entry
	for _, p := range e.pages {
		next := entry{name: p.name}
		for _, o := range p.offers {
			if o.remedy.When.Matches(row) {
				next.offers = append(next.offers, o)
			}
		}
		if len(next.offers) > 0 {
			out = append(out, next)
		}
	}
	return out
}

// A dice draws worlds from few words, so that much collides.
type dice struct{ *rand.Rand }

func (d dice) of(words ...string) string { return words[d.IntN(len(words))] }

func (d dice) name() string {
	return d.of("web", "api", "checkout", "checkout-db", "ÿ", "\xff", "a", "web-api-1", "shop/checkout")
}

func (d dice) namespace() string { return d.of("shop", "shop-staging", "billing", "") }
func (d dice) tag() string       { return d.of("tier:web", "env:prod", "env:staging", "team", "") }

// glob is a name in which something may be replaced by a wildcard.
func (d dice) glob(s string) string {
	if d.IntN(2) == 0 || s == "" {
		return s
	}
	i := d.IntN(len(s))
	j := i + d.IntN(len(s)-i+1)
	return s[:i] + d.of("*", "**", "?", "**/", "*�") + s[j:]
}

func (d dice) repository() map[string]string {
	files := map[string]string{}
	for i := range d.IntN(4) {
		namespace, kind := "", d.of("Deployment", "StatefulSet", "Service")
		if n := d.namespace(); n != "" {
			namespace = ", namespace: " + n
		}
		files[fmt.Sprintf("k8s/%d.yaml", i)] = fmt.Sprintf("apiVersion: apps/v1\nkind: %s\nmetadata: {name: %s%s}\n", kind, d.of("web", "api", "checkout"), namespace) +
			"spec: {template: {spec: {containers: [{name: app, image: x, resources: {limits: {memory: 512Mi}}}]}}}\n"
	}
	if d.IntN(3) == 0 {
		files["k8s/kustomization.yaml"] = "namespace: " + d.of("shop", "billing") + "\nnamePrefix: " + d.of("web-", "") + "\nresources: [0.yaml]\n"
	}
	if d.IntN(4) == 0 {
		files["release.yaml"] = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: " + d.of("web", "api") + ", namespace: shop}\n" +
			"spec: {chart: {spec: {chart: " + d.of("web", "api") + "}}, values: {resources: {limits: {memory: 1Gi}}}}\n"
	}
	if d.IntN(3) == 0 {
		files["alerts.tf"] = fmt.Sprintf(`resource "dynatrace_metric_events" "x" {
  enabled = true
  event_template { title = %q }
  model_properties {
    type               = "STATIC_THRESHOLD"
    threshold          = 1
    violating_samples  = 3
    samples            = 5
    dealerting_samples = 5
  }
}
`, d.of("High memory", "Response time"))
	}
	if d.IntN(4) == 0 {
		return files
	}
	var config strings.Builder
	config.WriteString("version: 1\nenvironments: {production: {namespaces: [shop, billing]}, staging: {namespaces: [\"*-staging\"]}}\n")
	for i := range d.IntN(3) {
		if i == 0 {
			config.WriteString("services:\n")
		}
		fmt.Fprintf(&config, "  s%d:\n    match: {workloads: [%q], names: [%q], tags: [%q], entities: [%q]}\n", i,
			d.glob(d.namespace()+"/"+d.name()), d.glob(d.name()), d.glob(d.tag()), d.of("HOST-1", "HOST-2"))
		fmt.Fprintf(&config, "    owns: [{kubernetes: \"Deployment shop/checkout\"}, {values: values.yaml, path: pool, for: %s}]\n", d.of("database-pool", "pool", "theirs"))
	}
	files[policy.File] = strings.ToValidUTF8(config.String(), "�")
	for range d.IntN(3) {
		name := d.of("memory-limit", "theirs", "pool", "hands-off")
		does := "leave: we do this ourselves\n"
		if d.IntN(3) > 0 {
			does = "set: {" + d.of("place: owned", "place: workload, field: resources.limits.memory", "place: alert-rule, field: violating_samples") + ", kind: memory}\ntext: {change: c, why: w, rollback: r}\n"
		}
		when := d.of(`title: ["*"]`, `title: ["*memory*"]`, `category: [CUSTOM_ALERT]`, `tag: ["env:*"]`, `action: [update_k8s_limits]`)
		files[policy.RemedyPath+"/"+name+".yaml"] = fmt.Sprintf("name: %s\nsummary: s\nanswers: problem\npriority: %d\nwhen: {%s}\n%s", name, d.IntN(120), when, does)
	}
	return files
}

func (d dice) finding(i int) finding {
	p := problem.Problem{
		ID: problem.ID(fmt.Sprintf("P-%d", i)), Active: true, Ready: true, Title: d.of("Out-of-memory kills", "High memory", "Response time", "CPU throttling"),
		Category: d.of("RESOURCE_CONTENTION", "CUSTOM_ALERT", "SLOWDOWN"), Kind: d.of("CLOUD_APPLICATION", "HOST"),
	}
	for range d.IntN(3) {
		p.Affected = append(p.Affected, problem.Entity{ID: problem.EntityID(d.of("HOST-1", "HOST-3", "")), Name: d.name()})
		p.Tags = append(p.Tags, d.tag())
	}
	p.Workload = problem.Workload{Namespace: d.namespace(), Name: d.of("web", "api", "checkout", "web-api", "web-web", ""), Kind: d.of("deployment", ""), Several: d.IntN(8) == 0}
	return finding{p, "x", d.of("update_k8s_limits", "create_config_pr", "create_terraform_pr")}
}

// Looking only where the index says comes to the same as looking everywhere.
func TestBookEqualsEverywhere(t *testing.T) {
	program, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	worlds := 150
	if testing.Short() {
		worlds = 20
	}
	reasons := map[string]int{}
	for seed := range worlds {
		d := dice{rand.New(rand.NewPCG(1, uint64(seed)))}
		var repos []*plan.Repository
		for i := range 1 + d.IntN(6) {
			r, err := plan.Open(t.Context(), plan.Checkout{
				Repo: forge.Repo{Owner: "acme", Name: fmt.Sprintf("r%d", i)}, Files: inventory.Map(d.repository()),
			}, program)
			if err != nil {
				t.Fatal(err)
			}
			repos = append(repos, r)
		}
		b := open(repos)
		for i := range 40 {
			f := d.finding(i)
			have, where, err := (&Runner{}).decide(t.Context(), f, b)
			if err != nil {
				t.Fatal(err)
			}
			want, there, err := (&Runner{}).decide(t.Context(), f, everywhere{b.pages})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(have, want) || !reflect.DeepEqual(where, there) {
				t.Fatalf("world %d: %+v\nhave %s %+v at %s\nwant %s %+v at %s", seed, f, have.Remedy, have.Reason, where.Key(), want.Remedy, want.Reason, there.Key())
			}
			reasons[string(have.Reason.Code)]++
		}
	}
	for _, code := range []policy.Code{"", plan.Ambiguous, plan.NotFound, plan.LeftAlone, plan.NoRemedy} {
		if reasons[string(code)] == 0 {
			t.Errorf("no decision came to %q: the worlds are too simple: %v", code, reasons)
		}
	}
	t.Logf("decisions by reason: %v", reasons)
}
