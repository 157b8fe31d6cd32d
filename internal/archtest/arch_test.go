// Package archtest holds the import rules of this module as a test.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/salvehq/salve/"

// layers lists the packages from the top down. A package may import only
// packages that stand in a later layer, so the table is the architecture:
// whoever adds a package says here what it may know.
var layers = [][]string{
	{"cmd/salve", "cmd/dynatrace-cli", "docs/benchmarks/app"},
	{"internal/server", "internal/sandbox"},
	{"internal/githubtest", "internal/dynatracetest", "internal/postgrestest"},
	{"internal/ghapp", "internal/dynatrace", "internal/schedule", "internal/queue", "internal/metrics", "internal/tracing"},
	{"internal/ghapp/wire", "internal/ghapp/webhook"},
	{"internal/estate", "internal/onboard", "internal/remedy", "internal/tune", "internal/gate", "internal/outcome", "internal/dashboard", "internal/review", "internal/incident", "internal/budget"},
	{"internal/propose"},
	{"internal/plan"},
	{"internal/inventory", "internal/catalog"},
	{"internal/kustomize", "internal/helm"},
	{"internal/policy", "internal/prose", "internal/tfedit", "internal/kubeedit", "internal/dql/check", "internal/dql/eval", "internal/codeowners"},
	{"internal/dql/scalar", "internal/dql/records"},
	{"internal/dql/function", "internal/dql/pattern"},
	{"internal/forge", "internal/problem", "internal/dql/syntax", "internal/redact"},
	{"internal/patch", "internal/dql", "internal/envname", "templates", "testdata", "internal/githubtest/git", "internal/githubtest/graphql"},
	{"internal"},
}

// vendors lists the packages that may import each outside module.
// A module that is not here may not be imported at all.
var vendors = map[string][]string{
	"github.com/google/go-github/v62":            {"internal/ghapp"},
	"github.com/bradleyfalzon/ghinstallation/v2": {"internal/ghapp"},
	"github.com/hashicorp/hcl/v2":                {"internal/tfedit"},
	"github.com/zclconf/go-cty":                  {"internal/tfedit"},
	"github.com/robfig/cron/v3":                  {"internal/schedule"},
	"sigs.k8s.io/yaml":                           {"internal/kubeedit", "internal/policy"},
	"go.yaml.in/yaml/v3":                         {"internal/kubeedit", "internal/policy", "internal/plan", "internal/inventory", "internal/catalog", "internal/kustomize", "internal/helm"},
	"k8s.io/api":                                 {"internal/kubeedit"},
	"k8s.io/apimachinery":                        {"internal/kubeedit", "internal/policy"},
	"github.com/hmarr/codeowners":                {"internal/codeowners"},
	"github.com/riverqueue/river":                {"internal/queue"},
	"github.com/jackc/pgx/v5":                    {"internal/queue"},
	"modernc.org/sqlite":                         {"internal/queue"},
	"github.com/prometheus/client_golang":        {"internal/metrics"},
	"go.opentelemetry.io/otel":                   {"internal/tracing"},
	"github.com/spf13/cobra":                     {"cmd/salve", "cmd/dynatrace-cli"},
	"golang.org/x/term":                          {"cmd/salve"},
}

// only lists packages that may import nothing outside the standard library and
// the packages named: a server for tests that shared code with the client
// would share its mistakes.
var only = map[string][]string{
	"internal/githubtest":         {"internal/githubtest/git", "internal/githubtest/graphql"},
	"internal/githubtest/graphql": {},
	"internal/githubtest/git":     {},
	"internal/dynatracetest":      {"internal/dql", "internal/dql/eval", "internal/dql/syntax"},
	"internal/dql":                {},
	"internal/patch":              {},
}

// rooms are names for packages that nobody can say what they are for.
var rooms = []string{"util", "utils", "common", "helpers", "shared", "base", "misc", "types", "models", "lib", "manager"}

func TestImports(t *testing.T) {
	layer := map[string]int{}
	for i, l := range layers {
		for _, p := range l {
			layer[p] = i
		}
	}
	for pkg, imports := range load(t, "../..") {
		at, ok := layer[pkg]
		if !ok {
			t.Errorf("%s: give the package a layer", pkg)
		}
		if slices.Contains(rooms, path.Base(pkg)) {
			t.Errorf("%s: name the package after what it provides", pkg)
		}
		allowed, strict := only[pkg]
		for imp := range imports {
			local, ours := strings.CutPrefix(imp, module)
			switch {
			case strict && (ours || outside(imp)) && !slices.Contains(allowed, local):
				t.Errorf("%s imports %s; it may import the standard library and %v", pkg, imp, allowed)
			case ours && layer[local] <= at:
				t.Errorf("%s imports %s, which is not below it", pkg, local)
			case !ours && outside(imp) && !slices.Contains(mayImport(imp), pkg):
				t.Errorf("%s imports %s; only %v may", pkg, imp, mayImport(imp))
			}
		}
	}
}

// outside reports whether imp is neither ours nor in the standard library.
func outside(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return strings.Contains(first, ".")
}

// mayImport returns the packages that may import imp.
func mayImport(imp string) []string {
	for mod, pkgs := range vendors {
		if imp == mod || strings.HasPrefix(imp, mod+"/") {
			return pkgs
		}
	}
	return nil
}

// load returns the imports of each package below root; tests and nested
// modules are left out.
func load(t *testing.T, root string) map[string]map[string]bool {
	pkgs := map[string]map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(file, "go.mod"))
			if d.Name() == "testdata" || file != root && (strings.HasPrefix(d.Name(), ".") || nested == nil) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(root, filepath.Dir(file))
		set := map[string]bool{}
		for _, i := range f.Imports {
			set[strings.Trim(i.Path.Value, `"`)] = true
		}
		if old := pkgs[filepath.ToSlash(dir)]; old != nil {
			maps.Copy(set, old)
		}
		pkgs[filepath.ToSlash(dir)] = set
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}
