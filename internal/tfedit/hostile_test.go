package tfedit

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/patch"
)

// TestHostile asks for values that lead nowhere by very many ways. Each is
// answered, and none by a change.
func TestHostile(t *testing.T) {
	repeat := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	loops := "locals {\n  l = [" + strings.Repeat("1,", 300) + "]\n  v = " + strings.Repeat("[for x in local.l : ", 6) + "x" + strings.Repeat("]", 6) + "\n}\n"
	for name, files := range map[string]texts{
		"circle":             {"main.tf": "locals {\n  v = local.w\n  w = local.v\n}\n"},
		"circle by key":      {"main.tf": "locals {\n  v = local.m[local.v]\n  m = { a = local.v }\n}\n"},
		"circle of a loop":   {"main.tf": "locals {\n  v = [for x in local.v : local.v[x]]\n}\n"},
		"long chain":         {"main.tf": "locals {\n  v = local.l0\n" + repeat(9000, func(i int) string { return fmt.Sprintf("  l%d = local.l%d\n", i, i+1) }) + "}\n"},
		"two ways each time": {"main.tf": "locals {\n  v = local.l0\n" + repeat(50, func(i int) string { return fmt.Sprintf("  l%d = data.a.b ? local.l%d : local.l%d\n", i, i+1, i+1) }) + "}\n"},
		"wide":               {"main.tf": "locals {\n  v = local.l[data.a.b.c]\n  l = [" + strings.Repeat(`"${x}",`, 100_000) + "]\n}\n"},
		"loops":              {"main.tf": loops},
		"calls itself":       {"main.tf": "locals {\n  v = var.x\n}\nvariable \"x\" {}\n" + repeat(200, func(i int) string { return fmt.Sprintf("module \"m%d\" {\n  source = \"./.\"\n  x = var.x\n}\n", i) })},
		"each other":         {"a/main.tf": "locals {\n  v = var.x\n}\nvariable \"x\" {}\nmodule \"b\" {\n  source = \"../b\"\n  x = var.x\n}\n", "b/main.tf": "variable \"x\" {}\nmodule \"a\" {\n  source = \"../a\"\n  x = var.x\n}\n"},
		"includes itself":    {"m/main.tf": "variable \"v\" {}\nlocals {\n  v = var.v\n}\n", "live/terragrunt.hcl": "include {\n  path = \"terragrunt.hcl\"\n}\nterraform {\n  source = \"../m\"\n}\n"},
		"variables files":    many(),
		"text in text":       {"main.tf": "locals {\n  v = jsondecode(local.w)\n  w = jsondecode(local.v)\n}\n"},
		"huge number":        {"main.tf": "locals {\n  v = { 1e999999999 = 1, 1e999999998 = 2 }[1e999999999]\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := files.open(t)
			for _, env := range []string{"", "production"} {
				c, err := r.Set(t.Context(), Target{Address: "local.v", Environment: env}, "2")
				var refusal *patch.Refusal
				var several *AmbiguousError
				if !errors.As(err, &refusal) && !errors.As(err, &several) || len(c.Files) > 0 {
					t.Errorf("env %q: changes %d files, error %v; want a refusal", env, len(c.Files), err)
				}
			}
		})
	}
}

// many is a module with very many variables files, none of which says anything.
func many() texts {
	out := texts{"main.tf": "variable \"x\" {}\nlocals {\n  v = var.x\n}\n"}
	for i := range 2000 {
		out[fmt.Sprintf("env/e%d.tfvars", i)] = "y = 1\n"
	}
	return out
}
