package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dynatracetest"
	"github.com/salvehq/salve/internal/githubtest"
)

const evil = "\x1b]0;owned\x07\x1b[2J\r\n\u202etxt.\u2066"

// hostileDir is a working copy whose owner wants to harm whoever looks at it.
func hostileDir(t *testing.T) (dir, secret string) {
	t.Helper()
	root := t.TempDir()
	secret = "the content of a file outside"
	outside := filepath.Join(root, "outside.yaml")
	dir = filepath.Join(root, "repo")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %q, namespace: %q}\nspec: {replicas: 1, template: {spec: {containers: [{name: app, resources: {limits: {memory: 512Mi}}}]}}}\n"
	must(os.MkdirAll(dir, 0o755))
	must(os.WriteFile(outside, fmt.Appendf(nil, deployment+"# %s\n", secret, secret, secret), 0o644))
	write("k8s/good.yaml", fmt.Sprintf(deployment, "checkout", "shop"))
	write("k8s/evil.yaml", fmt.Sprintf(deployment, evil+"x", evil+"y"))
	write("k8s/"+evil+".yaml", fmt.Sprintf(deployment, "z", "shop"))
	write("k8s/broken"+evil+".yaml", "kind: Deployment\n\t"+evil)
	write("k8s/\xff\xfe.yaml", fmt.Sprintf(deployment, "latin", "shop"))
	write("chart/Chart.yaml", "name: c\nversion: 1.0.0\ndescription: "+fmt.Sprintf("%q", evil)+"\n")
	write("chart/values.yaml", "resources: {limits: {memory: "+fmt.Sprintf("%q", evil)+"}}\n")
	write("main.tf", "locals {\n  v = \"\\u001b[2J\"\n}\nresource \"aws_autoscaling_group\" \"web\" {\n  max_size = local.v\n}\n")
	write(".github/salve.yml", "version: 1\nenvironments: {"+fmt.Sprintf("%q", evil)+": {paths: [\"**\"]}}\n")
	must(os.Symlink(outside, filepath.Join(dir, "k8s/link.yaml")))
	must(os.Symlink(root, filepath.Join(dir, "up")))
	must(os.Symlink("loop", filepath.Join(dir, "loop")))
	must(os.Symlink("/etc", filepath.Join(dir, "etc")))
	must(os.Symlink(outside, filepath.Join(dir, "outside.tf")))
	must(syscall.Mkfifo(filepath.Join(dir, "k8s/pipe.yaml"), 0o644))
	huge, err := os.Create(filepath.Join(dir, "k8s/huge.yaml"))
	must(err)
	must(huge.Truncate(1 << 40)) // takes no room
	must(huge.Close())
	deep := filepath.Join(dir, strings.Repeat("d/", 200))
	must(os.MkdirAll(deep, 0o755))
	must(os.WriteFile(filepath.Join(deep, "a.yaml"), fmt.Appendf(nil, deployment, "deep", "shop"), 0o644))
	return dir, secret
}

// A repository that lies on disk is looked at within bounds, links are not
// followed, pipes not waited for, and nothing in it steers the terminal.
func TestHostileDirectory(t *testing.T) {
	dir, secret := hostileDir(t)
	for _, args := range [][]string{
		{"inventory", dir}, {"inventory", dir, "--format", "json"}, {"inventory", dir, "--find", "Deployment shop/checkout"}, {"inventory", dir, "--find", "Deployment nowhere/" + evil},
		{"edit", "k8s", "--repo", dir, "--kind", "Deployment", "--namespace", "shop", "--name", "checkout", "--field", "resources.limits.memory", "--set", "640Mi"},
		{"edit", "k8s", "--repo", dir, "--kind", "Deployment", "--name", secret, "--field", "resources.limits.memory", "--set", "640Mi"},
		{"edit", "values", "--repo", dir, "--file", "k8s/link.yaml", "--path", "spec.replicas", "--set", "2"},
		{"edit", "values", "--repo", dir, "--file", "up/outside.yaml", "--path", "spec.replicas", "--set", "2"},
		{"edit", "values", "--repo", dir, "--file", "../outside.yaml", "--path", "spec.replicas", "--set", "2", "-w"},
		{"edit", "values", "--repo", dir, "--file", "k8s/pipe.yaml", "--path", "a", "--set", "2"},
		{"edit", "values", "--repo", dir, "--file", "k8s/huge.yaml", "--path", "a", "--set", "2"},
		{"edit", "values", "--repo", dir, "--file", "chart/values.yaml", "--path", "resources.limits.memory", "--set", "640Mi"},
		{"edit", "values", "--repo", dir, "--file", "k8s/" + evil + ".yaml", "--path", "spec.replicas", "--set", "2"},
		{"edit", "tf", "--repo", dir, "--address", "aws_autoscaling_group.web.max_size", "--set", "8"},
		{"edit", "tf", "--repo", dir, "--address", evil, "--set", "8"},
		{"validate", dir},
		{"plan", "--repo", dir, "--records", "../../testdata/demo/problems.jsonl", "--now", now},
		{"plan", "--repo", dir, "--records", "../../testdata/demo/problems.jsonl", "--now", now, "--format", "json"},
	} {
		name := strings.Join(args[:2], " ")
		began := time.Now()
		out, errs, code := salve(t, nil, args...)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if strings.Contains(out+errs, secret) && !strings.Contains(strings.Join(args, " "), secret) {
			t.Errorf("%s shows what lies outside:\n%s%s", name, out, errs)
		}
		if code == exitFailure {
			t.Errorf("%s: exit %d: %s", strings.Join(args, " "), code, errs)
		}
		for what, text := range map[string]string{"prints": out, "complains": errs} {
			for _, r := range text {
				if r < 0x20 && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
					t.Errorf("%s %s %U:\n%q", strings.Join(args, " "), what, r, text)
					break
				}
			}
		}
	}
	if text, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "outside.yaml")); err != nil || !strings.Contains(string(text), "replicas: 1") {
		t.Errorf("a file outside was changed: %s", text)
	}
}

// What a server answers to a command does not steer the terminal either.
func TestHostileAnswers(t *testing.T) {
	const body = `{"message":"\u001b]0;owned\u0007\u001b[2J\r\u202egone","documentation_url":"\u001b[31m","error":{"code":403,"message":"\u001b[2J\rgone"}}`
	for _, args := range [][]string{{"run", "--dry-run", "--now", now}, {"doctor"}} {
		box, environ := sandboxed(t, demoWorld(t, nil))
		box.GitHub.Inject(githubtest.Fault{Status: 403, Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
		box.Tenant.Break(dynatracetest.Fault{Body: body})
		out, errs, code := salve(t, environ, args...)
		if code == 0 || !strings.Contains(out+errs, "gone") {
			t.Errorf("%s: exit %d: %s%s", args[0], code, out, errs)
		}
		if strings.ContainsAny(out+errs, "\x1b\x07\r\u202e") {
			t.Errorf("%s prints %q%q", args[0], out, errs)
		}
	}
}
