package plan_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/templates"
)

// bomb is YAML of a few hundred bytes that stands for 9^9 values.
func bomb() string {
	b := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		b += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 8) + "*" + string(c-1) + "]\n"
	}
	return b
}

// Attack 53: YAML whose aliases multiply, or that nests without end, costs no
// more than its bytes, wherever in a repository it stands.
func TestBombs(t *testing.T) {
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	const chart = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
	deep := strings.Repeat("a:\n ", 1) + strings.Repeat("[", 20_000)
	merges := "a: &a {x: 1}\n"
	for c := 'b'; c < 'x'; c++ {
		merges += fmt.Sprintf("%c: &%c {<<: [*%c, *%c], k%c: {<<: *%c}}\n", c, c, c-1, c-1, c, c-1)
	}
	for what, text := range map[string]string{"bomb": bomb(), "deep": deep, "merges": merges} {
		for name, files := range map[string]map[string]string{
			"configuration":   {policy.File: "version: 1\n" + text},
			"remedy":          {policy.RemedyPath + "/x.yaml": text + "name: x\n"},
			"manifest":        {"k8s/a.yaml": deployment + text},
			"own document":    {"k8s/a.yaml": deployment + "---\n" + text + "kind: x\n"},
			"kustomization":   {"k8s/a.yaml": deployment, "k8s/kustomization.yaml": "resources: [a.yaml]\n" + text},
			"patch":           {"k8s/a.yaml": deployment, "k8s/p.yaml": "kind: Deployment\nmetadata: {name: checkout}\n" + text, "k8s/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n"},
			"chart":           {"c/Chart.yaml": chart + text, "c/values.yaml": "x: 1\n", "c/templates/d.yaml": "kind: Deployment\nmetadata: {name: {{ .Release.Name }}}\n"},
			"values":          {"c/Chart.yaml": chart, "c/values.yaml": text, "c/templates/d.yaml": "kind: Deployment\nmetadata: {name: {{ .Release.Name }}}\n"},
			"release":         {"f/r.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r}\nspec: {chart: {spec: {chart: ./c}}}\n" + text, "c/Chart.yaml": chart},
			"application":     {"f/r.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: r}\nspec: {source: {path: c}}\n" + text, "c/Chart.yaml": chart},
			"Terraform's own": {"main.tf": "locals {\n  v = yamldecode(file(\"${path.module}/x.yaml\")).a\n}\n", "x.yaml": text},
		} {
			t.Run(what+" in "+name, func(t *testing.T) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(files)}, remedies)
				if err != nil {
					t.Fatal(err)
				}
				repo.Workloads()
				for _, r := range remedies {
					if r.Answers == plan.Problem {
						repo.Targets(t.Context(), r, plan.Subject{Kind: "deployment", Namespace: "shop", Workload: "checkout"})
					}
				}
				inv, err := inventory.Open(t.Context(), inventory.Map(files), inventory.Options{})
				if err != nil {
					t.Fatal(err)
				}
				inv.Facts(t.Context()) // whatever these say, they say it soon
				inv.Locate(t.Context(), inventory.Target{Form: inventory.Terraform, Address: "local.v"})
				inv.Set(t.Context(), inventory.Target{Form: inventory.Kubernetes, Kind: "Deployment", Name: "checkout", ContainerIndex: -1, Field: "resources.requests.cpu"}, "200m")
				runtime.ReadMemStats(&after)
				if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
					t.Errorf("%d MB for %d bytes", spent>>20, len(text))
				}
				if strings.HasPrefix(name, "conf") && (len(repo.Faults) == 0 || repo.Config != nil) {
					t.Error("a configuration that is a bomb was taken")
				}
			})
		}
	}
}

// Attack 56: what foreign text holds of the language of templates stays text:
// titles of problems, names of services, labels of a manifest.
func TestTemplatesOfOthers(t *testing.T) {
	const hostile = `{{.Key}}{{range $i, $x := .Evidence}}{{$x}}{{end}}{{printf "%999999999d" 1}}{{template "body.md.tmpl" .}}${{ secrets.GITHUB_TOKEN }}`
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"memory-limit", "disruption-budget"} {
		files := map[string]string{
			policy.File:         "version: 1\nservices:\n  it:\n    match: {tags: [it]}\n    owns: [{kubernetes: \"Deployment shop/checkout\"}, {kubernetes: \"Deployment shop/checkout\", for: disruption-budget}]\n",
			"k8s/checkout.yaml": strings.NewReplacer("'web: {{.}}'", fmt.Sprintf("%q", hostile), "requests: {cpu: 100m}", "limits: {memory: 512Mi}").Replace(deployment),
		}
		repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(files)}, remedies)
		if err != nil || len(repo.Faults) > 0 {
			t.Fatal(err, repo.Faults)
		}
		i := slices.IndexFunc(remedies, func(r plan.Remedy) bool { return r.Name == name })
		targets, why, err := repo.Targets(t.Context(), remedies[i], plan.Subject{Subject: policy.Subject{Tags: []string{"it"}}})
		if err != nil || len(targets) != 1 {
			t.Fatal(targets, why, err)
		}
		p, why, err := (&plan.Planner{}).Plan(t.Context(), plan.Case{
			Target: targets[0], Notes: []string{hostile},
			Evidence: []prose.Evidence{{Problem: "P-1", Title: hostile, Severity: "HIGH", Affected: []string{hostile}, RootCause: hostile}},
		}, sandbox.WorldTime)
		if err != nil || !why.None() {
			t.Fatal(err, why)
		}
		text := p.Proposal.Title + p.Proposal.Body + p.Proposal.Message
		for _, written := range []string{"range $i", "999999999d", "secrets.GITHUB"} {
			if !strings.Contains(strings.NewReplacer(`\`, "", "\u200b", "").Replace(text), written) {
				t.Errorf("%s: %q is not in the text as it was written\n%s", name, written, text)
			}
		}
		if len(text) > 20_000 {
			t.Errorf("%s: %d bytes of text", name, len(text))
		}
		if diff := p.Proposal.Changes.Unified(); name == "disruption-budget" && !strings.Contains(diff, `{{range $i, $x := .Evidence}}`) {
			t.Errorf("the selector is not the manifest's:\n%s", diff)
		}
	}
}

// ownRemedy is a remedy of a repository that does what it is told to.
func ownRemedy(does string) string {
	return "name: own\nsummary: s\nanswers: problem\nwhen: {title: [\"*\"]}\ntext: {change: Raise, why: w, rollback: r}\n" + does + "\n"
}

// Attack 35: whatever a repository's own configuration and remedies ask for,
// files that steer the repository itself, and those of others, stay as they
// are, and a new file lands beside what it is for.
func TestOwnRemediesStayInBounds(t *testing.T) {
	const set = "set: {place: owned, to: '99'}"
	create := func(file string) string {
		return "create: {place: owned, template: kubernetes/pod-disruption-budget.yaml.tmpl, what: w, rule: r, file: '" + file + "'}"
	}
	const workload = "kubernetes: \"Deployment shop/checkout\""
	at := func(file string) map[string]string { return map[string]string{file: deployment} }
	for _, tt := range []struct {
		name, owns, does string
		files            map[string]string
		want             string // the one file that may change; "" for none
	}{
		{"what is allowed", "values: values.yaml, path: a", set, map[string]string{"values.yaml": "a: 1\n"}, "values.yaml"},
		{"a workflow", "values: .github/workflows/ci.yml, path: a", set, map[string]string{".github/workflows/ci.yml": "a: 1\n"}, ""},
		{"a workflow in other letters", "values: .GitHub/Workflows/ci.yml, path: a", set, map[string]string{".GitHub/Workflows/ci.yml": "a: 1\n"}, ""},
		{"an action", "config: .github/actions/x/action.yml, path: a", set, map[string]string{".github/actions/x/action.yml": "a: 1\n"}, ""},
		{"its own limits", "values: .github/salve.yml, path: version", set, nil, ""},
		{"its own remedies", "values: .github/salve/remedies/own.yaml, path: priority", set, nil, ""},
		{"owners", "values: CODEOWNERS, path: a", set, map[string]string{"CODEOWNERS": "a: 1\n"}, ""},
		{"owners that look like YAML", "values: docs/CODEOWNERS, path: a", set, map[string]string{"docs/CODEOWNERS": "a: 1\n"}, ""},
		{"git", "values: .git/config.yaml, path: a", set, map[string]string{".git/config.yaml": "a: 1\n"}, ""},
		{"above", "values: ../x/values.yaml, path: a", set, nil, ""},
		{"elsewhere", "values: /etc/salve.yaml, path: a", set, nil, ""},
		{"Terraform beside workflows", "terraform: local.v, file: .github/workflows/x.tf", set, map[string]string{".github/workflows/x.tf": "locals {\n  v = 1\n}\n"}, ""},
		{"a value of several lines", "values: values.yaml, path: a", "set: {place: owned, to: \"1\\nb: 2\"}", map[string]string{"values.yaml": "a: 1\n"}, ""},
		{"a new file beside", workload, create("{{.Name}}-x.yaml"), at("k8s/a.yaml"), "k8s/checkout-x.yaml"},
		{"new owners", workload, create("CODEOWNERS"), at("a.yaml"), ""},
		{"new owners of docs", workload, create("CODEOWNERS"), at("docs/a.yaml"), ""},
		{"a new workflow", workload, create("x.yml"), at(".github/workflows/a.yaml"), ""},
		{"new git settings", workload, create(".gitmodules"), at("a.yaml"), ""},
		{"new attributes", workload, create(".gitattributes"), at("a.yaml"), ""},
		{"a new configuration", workload, create("salve.yml"), at(".github/a.yaml"), ""},
		{"a new remedy", workload, create("x.yaml"), at(".github/salve/remedies/a.yaml"), ""},
		{"a new file above", workload, create(".."), at("k8s/a.yaml"), ""},
		{"a new file of all", workload, create("."), at("k8s/a.yaml"), ""},
		{"a new file without a name", workload, create(" "), at("k8s/a.yaml"), ""},
		{"a file of the program", workload, strings.Replace(create("x.yaml"), "kubernetes/pod-disruption-budget.yaml.tmpl", "../go.mod", 1), at("k8s/a.yaml"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{
				policy.File:                     "version: 1\nservices:\n  it:\n    match: {tags: [it]}\n    owns: [{" + tt.owns + ", for: own}]\n",
				policy.RemedyPath + "/own.yaml": ownRemedy(tt.does),
			}
			for file, text := range tt.files {
				files[file] = text
			}
			if got := strings.Join(planned(t, files), " "); got != tt.want {
				t.Errorf("changes %q, want %q", got, tt.want)
			}
		})
	}
}

// planned returns the files that the remedy own would change.
func planned(t *testing.T, files map[string]string) (out []string) {
	t.Helper()
	repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(files)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range repo.Remedies {
		targets, _, err := repo.Targets(t.Context(), r, plan.Subject{Subject: policy.Subject{Tags: []string{"it"}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range targets {
			p, why, err := (&plan.Planner{}).Plan(t.Context(), plan.Case{Target: target, Evidence: []prose.Evidence{{Problem: "P-1", Title: "x"}}}, sandbox.WorldTime)
			t.Log(why.Text, err)
			for _, c := range p.Proposal.Changes {
				out = append(out, c.Path)
			}
		}
	}
	t.Log(repo.Faults)
	return out
}

// Quantities that no machine has, or that readers read differently, are left to
// people; a change never leads to a smaller, negative or endless value.
func TestQuantitiesBeyondReason(t *testing.T) {
	odd := []string{
		"9223372036854775807Gi", "9223372036854775807", "9223372036854775808", "99999999999999999999999999999999999999", "1e309", "-1e309", "1E3", "-1Gi", "-1", "-0", "0", "0Mi",
		"+5", "0x1F", "0o17", "017", "1_000", ".5Gi", "5.", "5.Gi", "∞", "NaN", ".inf", "512 Mi", "１２Mi", "1Ei", "1Zi", "512Mi512Mi", "1e-9", "0.0000000001", "true", "null", "~", "1:30",
	}
	yaml := func(kind, value string) map[string]string {
		return map[string]string{
			policy.File:                     "version: 1\nservices:\n  it:\n    match: {tags: [it]}\n    owns: [{values: v.yaml, path: a, for: own}]\n",
			policy.RemedyPath + "/own.yaml": ownRemedy("set: {place: owned, kind: " + kind + "}"),
			"v.yaml":                        "a: " + value + "\n",
		}
	}
	hcl := func(kind, value string) map[string]string {
		return map[string]string{
			policy.File:                     "version: 1\nservices:\n  it:\n    match: {tags: [it]}\n    owns: [{terraform: local.v, for: own}]\n",
			policy.RemedyPath + "/own.yaml": ownRemedy("set: {place: owned, kind: " + kind + "}"),
			"main.tf":                       "locals {\n  v = " + value + "\n}\n",
		}
	}
	for _, kind := range []string{"memory", "cpu", "count", "storage", "lambda-memory", "samples", "percent", "instance-type"} {
		for _, value := range odd {
			for _, files := range []map[string]string{yaml(kind, value), yaml(kind, fmt.Sprintf("%q", value)), hcl(kind, value), hcl(kind, fmt.Sprintf("%q", value))} {
				p := only(t, files)
				if len(p.Proposal.Changes) == 0 {
					continue
				}
				if value != "0" || !slices.Contains([]string{"count 1", "samples 1", "percent 10"}, kind+" "+p.To) {
					t.Errorf("%s %s: changed to %s\n%s", kind, value, p.To, p.Proposal.Changes.Unified())
				}
			}
		}
	}
}

// Where it is not known how many replicas there are, no autoscaler is added: it
// would take one for all of them.
func TestReplicasBeyondReason(t *testing.T) {
	for n, ok := range map[string]bool{
		"3": true, "9223372036854775807": false, "4611686018427387904": false, "2147483647": false, "99999999999999999999": false,
		"-5": false, "1e9": false, "0": false, "${REPLICAS}": false, "08": false, "many": false, "[3]": false,
	} {
		p, why := create(t, "autoscaler", `kubernetes: "Deployment shop/checkout"`, map[string]string{
			"k8s/checkout.yaml": strings.Replace(deployment, "replicas: 3", "replicas: "+n, 1),
		})
		if diff := p.Proposal.Changes.Unified(); why.None() != ok || (diff != "") != ok || ok && !strings.Contains(diff, "maxReplicas: 6") {
			t.Errorf("%s replicas: reason %q\n%s", n, why.Text, diff)
		}
	}
}

// only plans the remedy own, which must not fail.
func only(t *testing.T, files map[string]string) plan.Plan {
	t.Helper()
	repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Branch: "main", Files: inventory.Map(files)}, nil)
	if err != nil || len(repo.Remedies) != 1 {
		t.Fatal(err, repo.Faults)
	}
	targets, why, err := repo.Targets(t.Context(), repo.Remedies[0], plan.Subject{Subject: policy.Subject{Tags: []string{"it"}}})
	if err != nil || len(targets) != 1 {
		t.Fatal(err, why, repo.Faults)
	}
	p, _, err := (&plan.Planner{}).Plan(t.Context(), plan.Case{Target: targets[0], Evidence: []prose.Evidence{{Problem: "P-1", Title: "x"}}}, sandbox.WorldTime)
	if err != nil {
		t.Error(err)
	}
	return p
}
