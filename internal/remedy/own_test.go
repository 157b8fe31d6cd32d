package remedy_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/sandbox"
)

// own is a remedy of a repository, where {} stands for what it does.
func own(name, when, does string) (file, text string) {
	return policy.RemedyPath + "/" + name + ".yaml", "name: " + name + "\nsummary: s\nanswers: problem\nwhen: {" + when + "}\n" + does
}

const (
	anyTitle = `title: ["*"]`
	setPool  = "set: {place: owned, kind: count}\ntext: {change: Raise, why: w, rollback: r}\n"
)

// What a repository says about its own problems says nothing about those of
// others, and where it replaces a remedy, the replacement is asked.
func TestRemediesOfRepositories(t *testing.T) {
	for _, tt := range []struct {
		name, repo           string
		remedy, when, does   string
		priority             string
		config               string
		problem, by, planned string // planned in this repository; empty: none
		code                 policy.Code
	}{
		{name: "leaving everything leaves its own", repo: "acme/shop", remedy: "hands-off", when: anyTitle, does: "priority: 99\nleave: we do this ourselves\n",
			problem: "P-260301", by: "hands-off", code: plan.LeftAlone},
		{name: "and not what others hold", repo: "acme/aaa", remedy: "hands-off", when: anyTitle, does: "priority: 99\nleave: we do this ourselves\n",
			problem: "P-260301", by: "memory-limit", planned: "acme/shop"},
		{name: "a replacement that leaves", repo: "acme/aaa", remedy: "memory-limit", when: anyTitle, does: "leave: no\n",
			problem: "P-260301", by: "memory-limit", planned: "acme/shop"},
		{name: "a replacement of what we leave", repo: "acme/zzz", remedy: "custom-alert", when: `category: [CUSTOM_ALERT]`, does: setPool,
			config:  "services:\n  it:\n    match: {names: [\"*\"], tags: [\"*\"]}\n    owns: [{values: values.yaml, path: pool, for: custom-alert}]\n",
			problem: "P-260317", by: "custom-alert", planned: "acme/zzz"},
		{name: "a remedy of its own beside what we leave", repo: "acme/zzz", remedy: "our-alert", when: `category: [CUSTOM_ALERT]`, does: setPool,
			config:  "services:\n  it:\n    match: {names: [\"*\"], tags: [\"*\"]}\n    owns: [{values: values.yaml, path: pool, for: our-alert}]\n",
			problem: "P-260317", by: "our-alert", planned: "acme/zzz"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := readWorld(t, demo)
			file, text := own(tt.remedy, tt.when, tt.does)
			files := map[string]string{".github/salve.yml": "version: 1\n" + tt.config, "values.yaml": "pool: 8\n"}
			if have := w.repos[tt.repo]; have != nil {
				files = maps.Clone(have)
			}
			files[file] = text
			w.repos[tt.repo] = files
			report := run(t, w, tt.problem)
			if len(report.Faults) > 0 {
				t.Fatal(report.Faults)
			}
			d := report.Decisions[0]
			if d.Remedy != tt.by || d.Reason.Code != tt.code {
				t.Errorf("%s: %s %q, want %s %s", d.Remedy, d.Reason.Code, d.Reason.Text, tt.by, tt.code)
			}
			planned := ""
			if len(report.Plans) == 1 {
				planned = report.Plans[0].Proposal.Repo.String()
			}
			if planned != tt.planned {
				t.Errorf("planned in %q, want %q", planned, tt.planned)
			}
		})
	}
}

// A row that makes no sense may be the problem of a pull request: nothing is
// called closed beside it.
func TestUnreadRowsCloseNothing(t *testing.T) {
	w := readWorld(t, demo)
	body := run(t, w, "P-260301").Plans[0].Proposal.Body
	r := runner(t, w, func(all []dql.Record) []dql.Record {
		at := dql.Time(sandbox.WorldTime.Add(-time.Hour))
		return append(only("P-260303")(all), dql.NewRecord(
			[]string{"event.kind", "event.id", "event.status", "event.start", "timestamp"},
			[]dql.Value{dql.String("DAVIS_PROBLEM"), dql.String("x"), dql.String("ACTIVE"), at, at}))
	})
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if err == nil || report.Unread != 1 {
		t.Fatalf("error %v, %d rows not read", err, report.Unread)
	}
	repos, err := w.Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &pulls{open: []forge.PullRequest{{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Number: 1, Body: body, Open: true}}}
	if err := remedy.Judge(t.Context(), p, repos, report, sandbox.WorldTime); err != nil {
		t.Fatal(err)
	}
	if len(p.labels) > 0 || len(p.statuses) > 0 {
		t.Errorf("labels %v, statuses %v: want none", p.labels, p.statuses)
	}
}

// A service's cool-down stands above that of the remedy.
func TestServiceCooldown(t *testing.T) {
	w := readWorld(t, demo)
	w.repos["acme/shop"][".github/salve.yml"] += `services:
  checkout:
    match: {workloads: [shop/checkout]}
    owns: [{kubernetes: "Deployment shop/checkout"}]
    remedies: {memory-limit: {cooldown: 96h}}
`
	first := run(t, w, "P-260301").Plans[0].Proposal
	w.past[first.Branch] = []forge.PullRequest{{Body: first.Body, Merged: true, MergedAt: sandbox.WorldTime.Add(-48 * time.Hour)}}
	if d := run(t, w, "P-260301").Decisions[0]; d.Reason.Code != policy.CoolingDown {
		t.Errorf("reason %+v after 48 h, want a cool-down of 96 h", d.Reason)
	}
}

// Two services that match the same workload are told apart by the environment
// that it runs in.
func TestServicesPerEnvironment(t *testing.T) {
	w := readWorld(t, demo)
	w.repos["acme/shop"][".github/salve.yml"] += `services:
  checkout:
    match: {workloads: ["*/checkout"]}
    environment: production
    owns: [{kubernetes: "Deployment shop/checkout"}]
  checkout-staging:
    match: {workloads: ["*/checkout"]}
    environment: staging
    owns: [{kubernetes: "Deployment shop-staging/checkout"}]
`
	report := run(t, w, "P-260301")
	if len(report.Plans) != 1 || !strings.Contains(report.Plans[0].Proposal.Title, "production") {
		t.Errorf("decisions %+v, want one plan for production", report.Decisions[0].Reason)
	}
}

// The snippet of places that are no manifests names them as they would be
// written.
func TestSnippetOfValues(t *testing.T) {
	w := readWorld(t, demo)
	w.repos["acme/zzz"] = map[string]string{
		".github/salve.yml": "version: 1\nservices:\n  it:\n    match: {names: [\"*\"]}\n    owns: [{values: values.yaml, path: pool, for: database-pool}]\n",
		"values.yaml":       "pool: 8\n",
	}
	d := run(t, w, "P-260305").Decisions[0]
	if d.Reason.Code != plan.Ambiguous || !strings.Contains(d.Reason.Snippet, "{values: values.yaml, path: pool, for: database-pool}") {
		t.Errorf("reason %s, snippet\n%s", d.Reason.Text, d.Reason.Snippet)
	}
}
