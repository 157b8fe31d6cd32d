package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/testdata"
)

// TestMain lets the test binary be salve, so that the demo's second process is
// a real one.
func TestMain(m *testing.M) {
	if os.Getenv("SALVE_TEST_BE_SALVE") != "" {
		main()
		return
	}
	os.Setenv("SALVE_TEST_BE_SALVE", "1") // for the processes that tests start
	os.Exit(m.Run())
}

// salve runs one command in this process.
func salve(t *testing.T, environ []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	vars := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	var out, errs bytes.Buffer
	env := &environment{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(n string) string { return vars[n] }, Now: time.Now}
	code = run(t.Context(), env, args)
	return out.String(), errs.String(), code
}

// demoWorld is the embedded world with some files changed: a nil content takes
// a file away.
func demoWorld(t *testing.T, changes map[string]func(string) string) fs.FS {
	t.Helper()
	world := fstest.MapFS{}
	sub, err := fs.Sub(testdata.FS, "demo")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(sub, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(sub, file)
		world[file] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for file, change := range changes {
		f := world[file]
		if f == nil {
			f = &fstest.MapFile{}
			world[file] = f
		}
		f.Data = []byte(change(string(f.Data)))
	}
	return world
}

// playDemo runs the demo and returns what it prints as JSON.
func playDemo(t *testing.T, world fs.FS) demoView {
	t.Helper()
	var out, errs bytes.Buffer
	env := &environment{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }, Now: time.Now}
	if err := demo(t.Context(), env, world, "json", false); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var v demoView
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func titles(v demoView) []string {
	var out []string
	for _, p := range v.Pulls {
		out = append(out, p.Repo+": "+p.Title)
	}
	slices.Sort(out)
	return out
}

func TestDemo(t *testing.T) {
	v := playDemo(t, demoWorld(t, nil))
	want := []string{
		"acme/billing: Raise connection pool of invoices (production) to 50",
		"acme/billing: Raise memory limit of invoices (production) to 1280Mi",
		"acme/platform: Raise maximum size of web (production) to 10",
		"acme/platform: Raise violating samples of dynatrace_metric_events.checkout_latency to 4",
		"acme/platform: Set davis_merge of dynatrace_metric_events.queue_depth to true",
		"acme/shop: Add an autoscaler for shop/cart (production)",
		"acme/shop: Deploy checkout 2.15.0 with less memory",
		"acme/shop: Raise CPU limit of shop/frontend (production) to 750m",
		"acme/shop: Raise memory limit of shop/checkout (production) to 640Mi",
		"acme/shop: Raise memory limit of shop/payments (production) to 384Mi",
	}
	if got := titles(v); !slices.Equal(got, want) {
		t.Errorf("pull requests:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	person := v.Pulls[len(v.Pulls)-1]
	if len(person.Remarks) != 1 || !strings.HasPrefix(person.Remarks[0], "k8s/checkout.yaml:47 **512Mi → 448Mi** goes against") {
		t.Errorf("remarks on %s: %q", person.Title, person.Remarks)
	}
	if len(v.MergesRefused) != 1 || v.MergesRefused[0].Context != "salve/pre-deployment" {
		t.Errorf("refused merges: %+v", v.MergesRefused)
	}
	if v.SecondCycle.Opened != 0 {
		t.Errorf("second cycle opened %d", v.SecondCycle.Opened)
	}
	for _, p := range v.Pulls {
		if len(p.Statuses) == 0 || p.Diff == "" {
			t.Errorf("%s: statuses %v, diff %q", p.Title, p.Statuses, p.Diff)
		}
	}
	for problem, words := range map[string]string{
		"P-260308": "duplicate", "P-260313": "muted", "P-260310": "2 places", "P-260311": "no repository owns it",
		"P-260309": "2Gi stays", "P-260312": "host that is down", "P-260314": "maintenance", "P-260316": "not done yet",
		"P-260299": "closed", "P-260315": "restarts", "P-260317": "custom alert",
	} {
		i := slices.IndexFunc(v.Decisions, func(d decisionView) bool { return d.Problem == problem })
		if i < 0 || !strings.Contains(v.Decisions[i].Reason, words) || v.Decisions[i].Pull != "" {
			t.Errorf("%s: %+v, want a reason with %q", problem, v.Decisions, words)
		}
	}
}

// Nothing about the numbers is in the program: they follow the world.
func TestDemoFollowsTheWorld(t *testing.T) {
	v := playDemo(t, demoWorld(t, map[string]func(string) string{
		"repos/acme/shop/k8s/checkout.yaml": func(s string) string { return strings.Replace(s, `"512Mi"`, `"1Gi"`, 1) },
	}))
	if want := "acme/shop: Raise memory limit of shop/checkout (production) to 1280Mi"; !slices.Contains(titles(v), want) {
		t.Errorf("pull requests %v, want %q", titles(v), want)
	}
}

// sandboxed starts both servers and returns the documented variables.
func sandboxed(t *testing.T, world fs.FS) (*sandbox.Sandbox, []string) {
	t.Helper()
	box, err := sandbox.Start(sandbox.Options{World: world, Now: func() time.Time { return sandbox.WorldTime }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	file, remove, err := writeKey(box, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	return box, box.Environ(file)
}

var now = sandbox.WorldTime.Format(time.RFC3339)

func cycleOf(t *testing.T, stdout string) runView {
	t.Helper()
	var v runView
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatalf("%v: %q", err, stdout)
	}
	return v
}

func TestRunTwice(t *testing.T) {
	box, environ := sandboxed(t, demoWorld(t, nil))
	if out, _, code := salve(t, environ, "run", "--dry-run", "--format", "json", "--now", now); code != 0 || cycleOf(t, out).Opened != 0 || len(cycleOf(t, out).Pulls) == 0 {
		t.Fatalf("dry run: exit %d, %s", code, out)
	}
	for _, r := range box.GitHub.Journal() {
		if r.Mutation() && !strings.HasSuffix(r.Path, "/access_tokens") && r.Path != "/installation/token" {
			t.Errorf("dry run sent %s %s", r.Method, r.Path)
		}
	}
	out, errs, code := salve(t, environ, "run", "--format", "json", "--now", now)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	first := cycleOf(t, out)
	if first.Opened != len(first.Pulls) || first.Opened < 9 {
		t.Errorf("opened %d of %d", first.Opened, len(first.Pulls))
	}
	out, errs, code = salve(t, environ, "run", "--format", "json", "--now", now)
	if second := cycleOf(t, out); code != 0 || second.Opened != 0 || len(second.Pulls) != len(first.Pulls) {
		t.Errorf("second run: exit %d, opened %d: %s", code, second.Opened, errs)
	}
	if unknown := box.GitHub.Unknown(); len(unknown) > 0 {
		t.Errorf("unknown routes asked for: %v", unknown)
	}
}

func set(environ []string, name, value string) []string {
	out := slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return append(out, name+"="+value)
}

// Each mistake of an operator gives one clear error with the exit code of its
// kind.
func TestRunRefuses(t *testing.T) {
	box, environ := sandboxed(t, demoWorld(t, nil))
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	other, err := sandbox.Start(sandbox.Options{World: demoWorld(t, nil), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	for _, tt := range []struct {
		name    string
		environ []string
		args    []string
		code    int
		want    string // pattern of standard error
	}{
		{"nothing set", nil, nil, exitUsage, `SALVE_GITHUB_APP_ID(.|\n)*SALVE_GITHUB_PRIVATE_KEY_FILE(.|\n)*SALVE_DYNATRACE_URL(.|\n)*SALVE_DYNATRACE_TOKEN`},
		{"no key file", set(environ, "SALVE_GITHUB_PRIVATE_KEY_FILE", filepath.Join(dir, "absent")), nil, exitUsage, `SALVE_GITHUB_PRIVATE_KEY_FILE: open .*absent: no such file`},
		{"not a key", set(environ, "SALVE_GITHUB_PRIVATE_KEY_FILE", write("not.pem", "hello")), nil, exitUsage, `private key`},
		{"another App's key", set(environ, "SALVE_GITHUB_PRIVATE_KEY_FILE", write("other.pem", string(other.Key))), nil, exitAuth, `401`},
		{"wrong App id", set(environ, "SALVE_GITHUB_APP_ID", "99"), nil, exitAuth, `knows no such App`},
		{"App id is no number", set(environ, "SALVE_GITHUB_APP_ID", "salve"), nil, exitUsage, `App id "salve"`},
		{"wrong token", set(environ, "SALVE_DYNATRACE_TOKEN", "dt0s16.X.Y"), nil, exitAuth, `query:execute.*401`},
		{"bad URL", set(environ, "SALVE_DYNATRACE_URL", "http://example.com"), nil, exitUsage, `https`},
		{"bad time", environ, []string{"--now", "yesterday"}, exitUsage, `--now "yesterday"`},
		{"unknown flag", environ, []string{"--fast"}, exitUsage, `unknown flag: --fast`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, errs, code := salve(t, tt.environ, append([]string{"run"}, tt.args...)...)
			if code != tt.code || !regexp.MustCompile(tt.want).MatchString(errs) {
				t.Errorf("exit %d, want %d; want %q in\n%s", code, tt.code, tt.want, errs)
			}
			for _, secret := range []string{box.Token, box.Secret, "PRIVATE KEY"} {
				if strings.Contains(errs, secret) {
					t.Error("standard error holds a secret")
				}
			}
		})
	}
}

// Mistakes in one repository are named with file and line, and the others get
// their pull requests.
func TestRunWithBrokenRepositories(t *testing.T) {
	_, environ := sandboxed(t, demoWorld(t, map[string]func(string) string{
		"repos/acme/billing/.github/salve.yml":                    func(s string) string { return s + "\nremdies: {}\n" },
		"repos/acme/shop/k8s/payments.yaml":                       func(string) string { return "kind: Deployment\n  name: [\n" },
		"repos/acme/shop/.github/salve/remedies/our-own.yaml":     func(string) string { return "name: our-own\nanswers: problem\nwhen: {titel: [x]}\nleave: no\n" },
		"repos/acme/platform/modules/web/broken.tf":               func(string) string { return "resource \"x\" {" },
		"repos/acme/shop/deploy/cart/overlays/production/x.yaml":  func(string) string { return "a: b: c" },
		"repos/acme/shop/clusters/eu/catalogue.yaml":              func(string) string { return "" },
		"repos/acme/shop/.github/salve/remedies/not-a-remedy.txt": func(string) string { return "ignored" },
	}))
	out, errs, code := salve(t, environ, "run", "--format", "json", "--now", now)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	v := cycleOf(t, out)
	var faults []string
	for _, f := range v.Faults {
		faults = append(faults, f.Repo+" "+f.Error)
	}
	all := strings.Join(faults, "\n")
	for _, want := range []string{`acme/billing .github/salve.yml:\d+:1: unknown key "remdies"; did you mean "remedies"`, `acme/shop .github/salve/remedies/our-own.yaml:3:8: unknown key "titel"`} {
		if !regexp.MustCompile(want).MatchString(all) {
			t.Errorf("faults:\n%s\nwant %q", all, want)
		}
	}
	if !slices.ContainsFunc(v.Pulls, func(p pullView) bool { return strings.Contains(p.Title, "shop/checkout") }) {
		t.Error("a broken file cost another its pull request")
	}
	if !slices.ContainsFunc(v.Pulls, func(p pullView) bool { return strings.Contains(p.Title, "shop/catalogue") }) {
		t.Error("with one manifest left, catalogue is no longer ambiguous")
	}
}

func TestPlan(t *testing.T) {
	dir := "../../testdata/demo/repos/acme/shop"
	out, errs, code := salve(t, nil, "plan", "--repo", dir, "--records", "../../testdata/demo/problems.jsonl", "--now", now, "--format", "json")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	if v := cycleOf(t, out); len(v.Pulls) != 4 || v.Opened != 0 {
		t.Errorf("planned %d, opened %d", len(v.Pulls), v.Opened)
	}
	for _, args := range [][]string{{}, {"--repo", dir}, {"--repo", "absent", "--records", "../../testdata/demo/problems.jsonl"}, {"--repo", dir, "--records", "absent"}} {
		if _, _, code := salve(t, nil, append([]string{"plan"}, args...)...); code != exitUsage {
			t.Errorf("plan %v: exit %d, want %d", args, code, exitUsage)
		}
	}
}

// A dry run says whom a pull request would ask, and what GitHub would merge.
func TestPlanAsks(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../testdata/demo/repos/acme/shop")); err != nil {
		t.Fatal(err)
	}
	config := "version: 1\nenvironments: {production: {namespaces: [shop]}}\nremedies: {memory-limit: {auto-merge: [production]}}\npull-requests: {reviewers: [alice]}\n"
	for file, text := range map[string]string{".github/salve.yml": config, "CODEOWNERS": "* @acme/shop @alice\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"plan", "--repo", dir, "--records", "../../testdata/demo/problems.jsonl", "--now", now}
	out, errs, code := salve(t, nil, append(args, "--format", "json")...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	memory := 0
	for _, p := range cycleOf(t, out).Pulls {
		if strings.Join(p.Asked, " ") != "alice acme/shop" {
			t.Errorf("%s asks %v", p.Title, p.Asked)
		}
		if p.Auto != strings.Contains(p.Branch, "memory-limit") {
			t.Errorf("%s merges by itself: %v", p.Title, p.Auto)
		}
		if p.Auto {
			memory++
		}
	}
	if memory == 0 {
		t.Error("no memory limit among the pull requests")
	}
	if out, _, _ = salve(t, nil, args...); !strings.Contains(out, "  asks     alice, acme/shop\n") || !strings.Contains(out, "  merges   by itself, by the rules of the branch\n") {
		t.Errorf("printed:\n%s", out)
	}
}

// Every command explains itself with an example.
func TestHelp(t *testing.T) {
	root := rootCommand(&environment{Getenv: func(string) string { return "" }})
	for _, c := range root.Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		for _, c := range append(c.Commands(), c) {
			if c.Short == "" || c.Example == "" {
				t.Errorf("%s: no summary or no example", c.CommandPath())
			}
		}
	}
}

// A command that does not exist is a mistake, also below another.
func TestUnknownCommand(t *testing.T) {
	for _, command := range [][]string{{"foo"}, {"edit", "foo"}, {"jobs", "foo"}, {"report", "foo", "--help=false"}} {
		stdout, stderr, code := salve(t, nil, command...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, `unknown command "foo"`) {
			t.Errorf("%q: exit %d, %q, %q", command, code, stdout, stderr)
		}
	}
}

// A format that does not exist is a mistake before anything runs.
func TestUnknownFormat(t *testing.T) {
	for _, command := range []string{"demo", "run", "plan"} {
		_, stderr, code := salve(t, nil, command, "--format", "xml")
		if code != exitUsage || !strings.Contains(stderr, "want table or json") {
			t.Errorf("%s: exit %d, %q", command, code, stderr)
		}
	}
}
