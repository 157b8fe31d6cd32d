package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// edited writes a small repository and returns its directory.
func edited(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"k8s/web.yaml":  "apiVersion: apps/v1\r\nkind: Deployment\r\nmetadata: {name: web, namespace: shop}\r\nspec:\r\n  selector: {}\r\n  template: {metadata: {}, spec: {containers: [{name: web, resources: {limits: {memory: 512Mi}}}]}}\r\n",
		"values.yaml":   "limits: &l\n  memory: 1Gi\nother: *l\n",
		"main.tf":       "resource \"aws_autoscaling_group\" \"web\" {\n  max_size = var.max\n}\nvariable \"max\" {\n  default = 4\n}\n",
		"prod.tfvars":   "max = 6\n",
		".git/HEAD":     "ref: refs/heads/main\n",
		"bad/salve.yml": "",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// call runs one command and returns what it printed and its exit code.
func call(t *testing.T, command func(*environment) *cobra.Command, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	env := &environment{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }, Now: time.Now}
	cmd := command(env)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		errs.WriteString(err.Error())
	}
	return out.String(), errs.String(), exitCode(err)
}

func TestEditPrintsADiffAndWritesNothing(t *testing.T) {
	dir := edited(t)
	before, _ := os.ReadFile(filepath.Join(dir, "k8s/web.yaml"))
	stdout, stderr, code := call(t, editCommand, "k8s", "--repo", dir, "--kind", "Deployment", "--name", "web", "--field", "resources.limits.memory", "--set", "640Mi")
	if code != 0 || !strings.Contains(stdout, "+  template: {metadata: {}, spec: {containers: [{name: web, resources: {limits: {memory: 640Mi}}}]}}\r\n") {
		t.Errorf("exit %d, %s\n%s", code, stderr, stdout)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "k8s/web.yaml")); !bytes.Equal(before, after) {
		t.Error("the file was written without -w")
	}
}

func TestEditWrites(t *testing.T) {
	dir := edited(t)
	file := filepath.Join(dir, "k8s/web.yaml")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(file)
	if _, stderr, code := call(t, editCommand, "k8s", "-w", "--file", file, "--kind", "Deployment", "--name", "web", "--field", "resources.limits.memory", "--set", "640Mi"); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	after, _ := os.ReadFile(file)
	if want := bytes.Replace(before, []byte("512Mi"), []byte("640Mi"), 1); !bytes.Equal(after, want) {
		t.Errorf("have %q", after)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want it kept", info.Mode())
	}
}

func TestEditRefuses(t *testing.T) {
	dir := edited(t)
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"shared", []string{"values", "--file", "values.yaml", "--path", "limits.memory", "--set", "2Gi"}, exitRefused, "shared through the anchor &l, also used on line 3"},
		{"unknown", []string{"k8s", "--kind", "Deployment", "--name", "nobody", "--field", "spec.replicas", "--set", "2"}, exitRefused, "no manifest of Deployment nobody"},
		{"no resource", []string{"tf", "--address", "aws_autoscaling_group.none.max_size", "--set", "9"}, exitRefused, "aws_autoscaling_group.none"},
		{"outside", []string{"values", "--file", "../values.yaml", "--path", "a", "--set", "2Gi"}, exitRefused, "not in the repository"},
		{"no value", []string{"values", "--file", "values.yaml", "--path", "a"}, exitUsage, "want --set"},
		{"bad format", []string{"values", "--file", "values.yaml", "--path", "a", "--set", "1", "--format", "xml"}, exitUsage, "want diff or json"},
		{"no repository", []string{"values", "--file", "values.yaml", "--path", "a", "--set", "1", "--repo", filepath.Join(dir, "none")}, exitUsage, "want a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, stderr, code := call(t, editCommand, append([]string{tt.args[0], "--repo", dir}, tt.args[1:]...)...)
			if code != tt.code || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit %d, %q, want %d, %q", code, stderr, tt.code, tt.want)
			}
		})
	}
}

func TestEditJSON(t *testing.T) {
	dir := edited(t)
	stdout, stderr, code := call(t, editCommand, "tf", "--repo", dir, "--address", "aws_autoscaling_group.web.max_size", "--set", "9", "--var-file", "prod.tfvars", "--format", "json")
	var got editView
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("exit %d, %v, %s", code, err, stderr)
	}
	if len(got.Edits) != 1 || got.Edits[0] != (editLine{"prod.tfvars", 1, "6", "9"}) || !strings.Contains(got.Diff, "+max = 9") {
		t.Errorf("have %+v", got)
	}
	stdout, _, code = call(t, editCommand, "values", "--repo", dir, "--file", "values.yaml", "--path", "limits.memory", "--set", "2Gi", "--format", "json")
	var refused map[string]string
	if err := json.Unmarshal([]byte(stdout), &refused); err != nil || code != exitRefused || refused["refused"] == "" {
		t.Errorf("exit %d, %v, %s", code, err, stdout)
	}
	stdout, _, code = call(t, editCommand, "values", "--repo", dir, "--file", "values.yaml", "--path", "limits.memory", "--set", "1Gi", "--format", "json")
	if code != 0 || stdout != "{\"edits\":[],\"affects\":[\"values.yaml:3\"],\"diff\":\"\"}\n" {
		t.Errorf("nothing to do: exit %d, %s", code, stdout)
	}
}

// A file of variables that is not there would leave the value to another file.
func TestEditMissesAVarFile(t *testing.T) {
	dir := edited(t)
	stdout, stderr, code := call(t, editCommand, "tf", "--repo", dir, "--address", "var.max", "--set", "9", "--var-file", "prd.tfvars")
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, "--var-file prd.tfvars: there is none in") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestEditWritesThroughNoLink(t *testing.T) {
	dir := edited(t)
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	if err := os.WriteFile(outside, []byte("a: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.yaml")); err != nil {
		t.Skipf("the file system has no links: %v", err)
	}
	_, stderr, code := call(t, editCommand, "values", "-w", "--repo", dir, "--file", "link.yaml", "--path", "a", "--set", "2")
	if code != exitRefused || !strings.Contains(stderr, "path is a link or a submodule, which is not followed") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if text, _ := os.ReadFile(outside); string(text) != "a: 1\n" {
		t.Errorf("the file behind the link has %q", text)
	}
}

func TestInventoryCommand(t *testing.T) {
	dir := edited(t)
	stdout, stderr, code := call(t, inventoryCommand, dir, "--format", "json")
	var got stockView
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("exit %d, %v, %s", code, err, stderr)
	}
	if len(got.Workloads) != 1 || got.Workloads[0].Name != "web" || got.Workloads[0].File != "k8s/web.yaml" {
		t.Errorf("workloads %+v", got.Workloads)
	}
	var where []string
	for _, v := range got.Values {
		where = append(where, v.Field+"="+v.Value)
	}
	if all := strings.Join(where, " "); !strings.Contains(all, "resources.limits.memory=512Mi") || !strings.Contains(all, "aws_autoscaling_group.web.max_size=") {
		t.Errorf("values %s", all)
	}
	stdout, _, code = call(t, inventoryCommand, dir, "--find", "Deployment shop/web")
	if code != 0 || !strings.Contains(stdout, "k8s/web.yaml:6") {
		t.Errorf("find: exit %d\n%s", code, stdout)
	}
	for _, tt := range []struct{ dir, find, want string }{
		{"../../testdata/demo/repos/acme/shop", "Deployment shop/cart", `"changed_in":{"file":"deploy/cart/overlays/production/replicas.yaml","line":6`},
		{"../../testdata/demo/repos/acme/shop", "payments", `"unwritten":["Deployment shop/payments[payments] (k8s/payments.yaml:1): resources.requests.cpu`},
		{"../../testdata/demo/repos/acme/billing", "invoices", `"overrides":[{"file":"charts/invoices/values.yaml","line":13,"value":"256Mi"`},
		{"../../testdata/demo/repos/acme/platform", "aws_autoscaling_group.this", `"value":"8","file":"env/production.tfvars","line":3`},
	} {
		if stdout, stderr, code = call(t, inventoryCommand, tt.dir, "--find", tt.find, "--format", "json"); code != 0 || !strings.Contains(stdout, tt.want) {
			t.Errorf("%s: exit %d, %s\n%s\nwant …%s…", tt.find, code, stderr, stdout, tt.want)
		}
	}
	if _, stderr, code = call(t, inventoryCommand, "../../testdata/demo/repos/acme/shop", "--find", "chec"); code != exitRefused || !strings.Contains(stderr, "there is Deployment shop/checkout") {
		t.Errorf("alike: exit %d, %s", code, stderr)
	}
	if _, stderr, code = call(t, inventoryCommand, dir, "--environment", "production"); code != exitUsage || !strings.Contains(stderr, "goes with --find") {
		t.Errorf("exit %d, %q", code, stderr)
	}
	if _, stderr, code = call(t, inventoryCommand, dir, "--find", "Deployment shop/nobody"); code != exitRefused || !strings.Contains(stderr, "no workload Deployment shop/nobody") {
		t.Errorf("nobody: exit %d, %s", code, stderr)
	}
}
