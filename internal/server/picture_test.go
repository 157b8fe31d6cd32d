package server

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

var update = flag.Bool("update", false, "rewrite testdata/pages")

// TestPages compares whole pages with testdata/pages, where a browser can show
// them: make pictures.
func TestPages(t *testing.T) {
	others := []gate.Case{{ID: strings.Repeat("5", 32), Gate: policy.PostDeployment, Environment: "staging", Verdict: gate.Proceed}}
	for name, k := range pictures() {
		var b bytes.Buffer
		var beside []gate.Case
		if k.Gate == policy.PostDeployment {
			beside = others
		}
		if err := (Config{Tenant: "https://abc12345.apps.dynatrace.com"}).render(&b, k, beside); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "pages", name+".html")
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

const (
	problemsQuery = "fetch dt.davis.problems, from: now() - 12h\n| filter isFalseOrNull(dt.davis.is_duplicate)\n| dedup {event.id}, sort: {timestamp desc}\n| fields display_id, event.name, event.status, event.start, event.category, affected_entity_ids\n"
	canaryQuery   = "fetch dt.davis.problems, from: now() - 15m\n| fieldsAdd canary_exact = in(\"checkout-canary\", names) or deployment.release_version == \"checkout-canary\",\n    stable_exact = in(\"checkout\", names) or deployment.release_version == \"checkout\"\n| summarize canary_problems = countIf(canary_exact), stable_problems = countIf(stable_exact), by: {event.name, event.category}\n"
)

// pictures are cases of each kind, one of them hostile.
func pictures() map[string]gate.Case {
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
	row := func(id problem.ID, title, severity string, v gate.Verdict, note string) gate.Row {
		return gate.Row{
			Problem: id, Event: "-1843743290896097469_1745403051227V2", Title: title, Severity: severity, Start: minute(-20), Entity: "checkout",
			Service: "checkout", By: "service checkout by workload shop/checkout", Verdict: v, Note: note,
		}
	}
	base := gate.Case{
		ID: page, Repo: forge.Repo{Owner: "acme", Name: "shop"}, Head: commit, Opened: at, Judged: minute(23), Mode: policy.Enforce, Quality: "OK",
		Services: []gate.Service{{Name: "checkout", Environment: "production", Configured: true, By: "k8s/checkout.yaml"}},
		Asked:    []gate.Question{{Name: "infrastructure-remediation", Text: problemsQuery}},
	}
	block := base
	block.Gate, block.Pull, block.PullURL, block.Verdict, block.State = policy.PreDeployment, 7, "https://github.com/acme/shop/pull/7", gate.Block, forge.Failure
	block.Why = "BLOCK: CRITICAL P-260301 on checkout (Failure rate increase) and 1 more"
	block.Rows = []gate.Row{row("P-260301", "Failure rate increase", "CRITICAL", gate.Block, ""), row("P-260287", "Response time degradation", "MEDIUM", gate.Proceed, "")}
	block.Samples = []gate.Sample{{From: at, To: minute(2), Verdict: gate.Undecided, Quality: "PARTIAL"}, {From: minute(3), To: minute(7), Verdict: gate.Proceed, Quality: "OK"}, {From: minute(8), To: minute(23), Verdict: gate.Block, Quality: "OK"}}

	healthy := base
	healthy.Gate, healthy.Environment, healthy.Verdict, healthy.State, healthy.Deadline = policy.PostDeployment, "production", gate.Proceed, forge.Success, minute(15)
	healthy.Judged = minute(15)
	healthy.Why = "HEALTHY: no new problem on 2 services"
	healthy.Health = []gate.Health{{Service: "checkout", Verdict: gate.Proceed}, {Service: "shop/frontend", Verdict: gate.Proceed}}
	healthy.Services = append(healthy.Services, gate.Service{Name: "shop/frontend", Environment: "production", By: "k8s/frontend.yaml"})
	healthy.Samples = []gate.Sample{{From: at, To: minute(14), Verdict: gate.Hold, Quality: "OK"}, {From: minute(15), To: minute(15), Verdict: gate.Proceed, Quality: "OK"}}
	healthy.Asked = append(healthy.Asked, gate.Question{Name: "spans", Params: []gate.Param{{Name: "DEPLOYMENT_TIME", Value: "2026-03-02T10:00:00Z"}}, Text: "fetch spans, from: \"2026-03-02T10:00:00Z\"\n| summarize spans = count(), by: {k8s.namespace.name, k8s.workload.name}\n"})

	rollback := base
	rollback.Gate, rollback.Environment, rollback.Verdict, rollback.State, rollback.Deadline = policy.Canary, "production", gate.Block, forge.Failure, minute(120)
	rollback.Judged = minute(42)
	rollback.Why = "ROLLBACK: Failure rate increase on checkout: 4 to 1, rate ratio 27, p = 0.00092"
	rollback.Kinds = []gate.Kind{
		{Service: "checkout", Name: "Failure rate increase", Category: "ERROR", Canary: []string{"1", "2", "3", "4"}, Stable: []string{"5"}, Verdict: gate.Block, Why: "4 to 1, rate ratio 27, p = 0.00092"},
		{Service: "checkout", Name: "Response time degradation", Category: "SLOWDOWN", Canary: []string{"6"}, Stable: []string{"7", "8"}, Verdict: gate.Proceed, Why: "1 to 2, rate ratio 5.4, p = 0.27"},
	}
	rollback.Suspects = []gate.Suspect{
		{SHA: commit, Pull: 13, URL: "https://github.com/acme/shop/pull/13", Title: "Raise the connection pool to 50", Author: "ada", At: minute(-70), Ties: []string{"changes checkout (k8s/checkout.yaml), whose canary is worse"}},
		{SHA: commit, Pull: 12, URL: "https://github.com/acme/shop/pull/12", Title: "Mend a typo", Author: "mona", At: minute(-95)},
		{SHA: commit, Title: "Pushed by hand", Author: "eve", At: minute(-120)},
	}
	rollback.Samples = []gate.Sample{{From: at, To: minute(30), Verdict: gate.Hold, Quality: "OK"}, {From: minute(31), To: minute(41), Verdict: gate.Hold, Quality: "OK"}, {From: minute(42), To: minute(42), Verdict: gate.Block, Quality: "OK"}}
	rollback.Asked = append(rollback.Asked, gate.Question{Name: "canary-analysis", For: "checkout", Text: canaryQuery, Params: []gate.Param{{Name: "CANARY_VERSION", Value: `"checkout-canary"`}, {Name: "STABLE_VERSION", Value: `"checkout"`}}})

	unknown := base
	unknown.Gate, unknown.Pull, unknown.Verdict, unknown.State, unknown.Quality, unknown.Deadline = policy.PreDeployment, 8, gate.Undecided, forge.Pending, "UNVERIFIED_EMPTY", minute(30)
	unknown.Why = "INCONCLUSIVE: Dynatrace showed no problems, and nothing shows that it could have (decides by 10:30:00 UTC)"
	unknown.Samples = []gate.Sample{{From: at, To: minute(23), Verdict: gate.Undecided, Quality: "UNVERIFIED_EMPTY"}}

	risky := base
	risky.Gate, risky.Pull, risky.Verdict, risky.State = policy.Risk, 7, gate.Hold, forge.Pending
	r := gate.Risk{Service: "checkout", Known: true, Problems: 13, Recent: 13, Worst: 1}
	r.Weigh()
	risky.Terms, risky.Why = []gate.Risk{r}, "MODERATE_RISK_MANUAL_APPROVAL: waits for a person to approve: "+r.Explain()
	risky.Samples = []gate.Sample{{From: at, To: at, Verdict: gate.Hold, Quality: "OK"}}

	nasty := block
	title := `"><script>alert(1)</script><img src=x onerror=alert(1)> ` + strings.Repeat("Verfügbarkeitsüberwachungsfehlermeldung", 4) + " javascript:alert(1) {{.Key}} \u202egnorw 👩‍👩‍👧‍👦 @acme/everybody closes #1"
	nasty.Why = "BLOCK: CRITICAL P-1 on " + strings.Repeat("a-very-long-service-name-", 8) + " (" + title + ")"
	nasty.Rows = []gate.Row{row("P-1", title, "CRITICAL", gate.Block, title), row("P-2", strings.Repeat("x", 300), "HIGH", gate.Warn, "")}
	nasty.Services = []gate.Service{{Name: strings.Repeat("a-very-long-service-name-", 8), Environment: title, By: strings.Repeat("very/deep/", 30) + "values.yaml"}}
	return map[string]gate.Case{"block": block, "healthy": healthy, "rollback": rollback, "inconclusive": unknown, "risk": risky, "hostile": nasty}
}
