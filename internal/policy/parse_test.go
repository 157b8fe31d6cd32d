package policy

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// everything is the documented example, which says all that a file can say.
func everything(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("../../docs/salve.yml")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestParse(t *testing.T) {
	c, err := Parse(File, everything(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Owners(Subject{Workload: "shop/checkout", Tags: []string{"app:other"}}); !slices.Equal(got, []Owner{{"checkout", "workload shop/checkout"}}) {
		t.Errorf("owners of a workload: %v", got)
	}
	if got := c.Owners(Subject{Workload: "shop/cart", Names: []string{"cart"}}); got != nil {
		t.Errorf("owners of another: %v", got)
	}
	if got := c.EnvironmentsOf(Scope{Cluster: "prod-eu", Namespace: "shop"}); !slices.Equal(got, []string{"production"}) {
		t.Errorf("environment of a namespace in a cluster: %v", got)
	}
	if got := c.EnvironmentsOf(Scope{Cluster: "prod-eu", Namespace: "bank"}); got != nil {
		t.Errorf("environment that a namespace contradicts: %v", got)
	}
	if got := c.EnvironmentsOf(Scope{Path: "overlays/staging/a/b.yaml"}); !slices.Equal(got, []string{"staging"}) {
		t.Errorf("environment of a file: %v", got)
	}
	if got, why := c.Rule("checkout", "memory-limit", "production"); !why.None() || got != (Rule{Step: 1.5, Initial: "512Mi", Ceiling: "4Gi", Cooldown: 12 * time.Hour}) {
		t.Errorf("rule of the service: %+v, %v", got, why)
	}
	if _, why := c.Rule("checkout", "memory-limit", "staging"); why.Code != Disabled {
		t.Errorf("rule elsewhere: %v, want disabled", why)
	}
	if _, why := c.Rule("checkout", "node-pool", "production"); why.Code != Disabled {
		t.Errorf("rule switched off: %v, want disabled", why)
	}
	if got, _ := c.Rule("", "cpu-limit", ""); got != (Rule{Cooldown: 24 * time.Hour}) {
		t.Errorf("rule of which nothing is said: %+v", got)
	}
	if got := c.Places("checkout", "memory-limit", "production"); len(got) != 1 || got[0].Values == "" {
		t.Errorf("place of the memory limit: %+v", got)
	}
	if got := c.Places("checkout", "cpu-limit", "production"); len(got) != 1 || got[0].Container != "app" {
		t.Errorf("place of the CPU limit: %+v", got)
	}
	if got := c.Places("checkout", "memory-limit", "staging"); got != nil {
		t.Errorf("place in another environment: %+v", got)
	}
	if g := c.Gate(PreDeployment); g.Mode != Shadow || g.Deadline != Duration(time.Hour) || g.Clean != Duration(3*time.Minute) {
		t.Errorf("pre-deployment: %+v", g)
	}
	if c.Gate(Canary).Mode != Enforce || c.Gate(Risk).Mode != Off {
		t.Errorf("canary %+v, risk %+v", c.Gate(Canary), c.Gate(Risk))
	}
	if c.OnUnknownIn(PreDeployment, "production") != Block || c.OnUnknownIn(PreDeployment, "staging") != Warn {
		t.Error("on-unknown: want block in production, warn elsewhere")
	}
	if !c.PullRequests.Draft || c.PullRequests.Comment || !c.PullRequests.CodeOwners {
		t.Errorf("pull requests: %+v; what is not said keeps its default", c.PullRequests)
	}
	if why := c.Writes(); !why.None() {
		t.Errorf("writes: %v", why)
	}
	if err := c.Check([]string{"memory-limit", "cpu-limit", "node-pool", "database-pool", "autoscaler"}); err != nil {
		t.Errorf("Check: %v", err)
	}
	err = c.Check([]string{"memory-limit", "cpu-limit", "node-pools", "database-pool", "autoscaler"})
	if err == nil || !strings.Contains(err.Error(), `.github/salve.yml:42:64: unknown remedy "node-pool"; did you mean "node-pools"?`) {
		t.Errorf("Check of an unknown remedy: %v", err)
	}
}

// Without a file, and for as long as it says dry-run, nothing is written.
func TestNoFileNoWrites(t *testing.T) {
	var none *Config
	for _, c := range []*Config{none, {}, {Version: 1, DryRun: true}} {
		if c.Writes().None() {
			t.Errorf("%+v writes", c)
		}
	}
	c, err := Parse(File, []byte("version: 1"))
	if err != nil || !c.Writes().None() {
		t.Errorf("the least file: %v, %v", c.Writes(), err)
	}
}

// Every mistake of a file is reported at its line and column.
func TestParseErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse("salve.yml", ar.Files[0].Data)
		if err == nil {
			t.Errorf("%s: no error", file)
			continue
		}
		got := err.Error() + "\n"
		if *update {
			ar.Files = append(ar.Files[:1], txtar.File{Name: "err", Data: []byte(got)})
			if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if len(ar.Files) != 2 || got != string(ar.Files[1].Data) {
			t.Errorf("%s: got\n%s", file, got)
		}
	}
}

// What would be slow or endless to read is refused before it is.
func TestParseBounds(t *testing.T) {
	for name, tt := range map[string]struct{ src, want string }{
		"size":       {strings.Repeat("# x\n", 1<<17), "at most 262144"},
		"brackets":   {"a: " + strings.Repeat("[", 100_000), "nested more than 64 deep"},
		"dashes":     {"a:\n" + strings.Repeat("- ", 100_000) + "x", "nested more than 64 deep"},
		"indent":     {"a:\n" + strings.Repeat(" ", 200) + "b: c", "nested more than 64 deep"},
		"questions":  {strings.Repeat("? ", 100_000) + "x", "nested more than 64 deep"},
		"not UTF-8":  {"version: \xff", "not UTF-8"},
		"empty":      {"", "the file is empty"},
		"only notes": {"# nothing\n", "the file is empty"},
		"mistakes":   {strings.Repeat("x: 1\n", 5000), "and 4900 more mistakes from here"},
		"bomb": {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			"environments: {p: {paths: *c}}", "anchors and aliases are not taken"},
	} {
		_, err := Parse("f", []byte(tt.src))
		var errs Errors
		if err == nil || !errors.As(err, &errs) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.200v, want …%s…", name, err, tt.want)
		}
	}
}

func TestWindows(t *testing.T) {
	c, err := Parse(File, everything(t))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]Code{
		"2026-03-04T10:00:00Z": "",         // Wednesday
		"2026-03-07T10:00:00Z": QuietHours, // Saturday
		"2026-03-04T20:59:00Z": "",
		"2026-03-04T21:00:00Z": QuietHours, // 22:00 in Vienna
		"2026-03-05T04:59:00Z": QuietHours,
		"2026-03-05T05:00:00Z": "",
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Limits.Allow(0, 0, 0, now); got.Code != want {
			t.Errorf("%s: %v, want %q", at, got, want)
		}
	}
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	if got := c.Limits.Allow(3, 0, 0, now); got.Code != TooManyOpen {
		t.Errorf("3 open: %v", got)
	}
	if got := c.Limits.Allow(0, 1, 0, now); got.Code != TooManyOfService {
		t.Errorf("one open of the service: %+v", got)
	}
	if got := c.Limits.Allow(0, 0, 2, now); got.Code != TooManyThisHour {
		t.Errorf("2 this hour: %v", got)
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		glob, s string
		want    bool
	}{
		{"shop/*", "shop/checkout", true}, {"shop/*", "shop/a/b", false}, {"shop/**", "shop/a/b", true},
		{"**/prod/**", "prod/a", true}, {"**/prod/**", "x/prod/a", true}, {"**/prod/**", "x/production/a", false},
		{"**/prod/**", "x/y/prod/a/b", true}, {"a/**/b", "a/b", true}, {"a/**/b", "a/x/y/b", true}, {"a/**/b", "a/xb", false},
		{"*", "a", true}, {"*", "a/b", false}, {"*", "", true}, {"**/*", "a", true}, {"a?c", "abc", true}, {"a?c", "a/c", false},
		{"a.c", "abc", false}, {"(a", "(a", true}, {"[a]", "a", false}, {"", "", true}, {"", "a", false}, {"a", "", false},
		{"*", "a\nb", true}, {"*ü?", "xüy", true}, {"*a*a*b", "aaaaaaaa", false},
		{strings.Repeat("*a", 100) + "b", strings.Repeat("a", 2000), false},
	} {
		if got := MatchGlob(tt.glob, tt.s); got != tt.want {
			t.Errorf("MatchGlob(%q, %q) = %v", tt.glob, tt.s, got)
		}
	}
}

// The patterns of one repository are met with all problems of a tenant: what
// would cost the others too much is not taken, and what is taken costs little.
func TestGlobsAreBounded(t *testing.T) {
	config := func(list string, globs ...string) string {
		var b strings.Builder
		b.WriteString("version: 1\nservices:\n")
		for i, g := range globs {
			fmt.Fprintf(&b, "  s%d:\n    match: {%s: [%q]}\n", i, list, g)
		}
		return b.String()
	}
	worst := slices.Repeat([]string{strings.Repeat("*a", 150)}, wildRoom/300)
	for name, tt := range map[string]struct{ text, want string }{
		"as many as there may be": {config("tags", worst...), ""},
		"many names":              {config("names", slices.Repeat([]string{"a name that is written out"}, 1500)...), ""},
		"more":                    {config("tags", append(worst, worst[:2]...)...), "write names out"},
		"deep":                    {config("workloads", slices.Repeat([]string{strings.Repeat("**a", 100)}, 20)...), "write names out"},
		"long":                    {config("names", strings.Repeat("*a", 300)), "pattern \"*a*a"},
		"paths":                   {"version: 1\nenvironments:\n  production: {paths: [" + strings.Repeat("\"**/a/**\", ", 600) + "x]}\n", "write names out"},
	} {
		c, err := Parse(File, []byte(tt.text))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.200v, want %q", name, err, tt.want)
		}
		if err != nil {
			continue
		}
		began := time.Now()
		c.Owners(Subject{Tags: slices.Repeat([]string{strings.Repeat("a", 60)}, 20), Names: []string{strings.Repeat("a", 200)}})
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: one problem takes %v", name, took)
		} else {
			t.Logf("%s: one problem takes %v", name, took)
		}
	}
}

// FuzzMatchGlob compares the two ways to match.
func FuzzMatchGlob(f *testing.F) {
	for _, s := range []string{"shop/*", "**/prod/**", "a?c*ü", "*a*b?", "", "/*/", "a**b", "?\xff*"} {
		f.Add(s, "shop/a/prod/bcü")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, glob, s string) {
		if fast, sure := MatchGlob(glob, s), ParseGlob(glob).Matches(s); fast != sure {
			t.Errorf("MatchGlob(%q, %q) = %v, want %v", glob, s, fast, sure)
		}
	})
}

// What Salve prints for people to copy must be read as it was meant, whatever
// the names are.
func TestSnippet(t *testing.T) {
	places := []Place{
		{Kubernetes: "Deployment shop/checkout", Container: "app"},
		{Terraform: `aws_autoscaling_group.web["a"].max_size`, For: "node-pool"},
	}
	got := Snippet("checkout", Subject{Workload: "shop/checkout"}, "production", places)
	want := `services:
  checkout:
    match:
      workloads: ["shop/checkout"]
    environment: production
    owns:
      - {kubernetes: "Deployment shop/checkout", container: app}
      # or: - {terraform: "aws_autoscaling_group.web[\"a\"].max_size", for: node-pool}
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	for _, s := range []Subject{
		{Workload: "shop/checkout"}, {Entities: []string{"HOST-1", "HOST-2"}}, {Names: []string{"a\": {b}\n- x: \u2028", "#"}},
	} {
		c, err := Parse("snippet", []byte("version: 1\n"+Snippet("checkout", s, "", places)))
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if len(c.Owners(s)) != 1 || len(c.Places("checkout", "memory-limit", "")) != 1 {
			t.Errorf("%+v is not settled by %+v", s, c.Services)
		}
	}
}

// hours reads itself, as types of other packages may.
type hours int

func (h *hours) UnmarshalYAML(n *yaml.Node) error {
	_, err := fmt.Sscanf(n.Value, "%dh", (*int)(h))
	return err
}

func TestDecode(t *testing.T) {
	type set struct {
		Kind  Kind  `yaml:"kind"`
		Rest  hours `yaml:"rest"`
		File  string
		Other string `yaml:"-"`
	}
	var got struct {
		Name string `yaml:"name"`
		Set  *set   `yaml:"set"`
	}
	if err := Decode("r.yaml", []byte("name: a\nset: {kind: cpu, rest: 3h}\n"), &got); err != nil || got.Name != "a" || *got.Set != (set{Kind: CPU, Rest: 3}) {
		t.Errorf("Decode = %+v, %v", got.Set, err)
	}
	err := Decode("r.yaml", []byte("nam: a\nset: {kind: memry, rest: x, File: y, -: z}\n"), &got)
	const want = `r.yaml:1:1: unknown key "nam"; did you mean "name"?
r.yaml:2:13: set.kind: "memry" is not known; did you mean "memory"?
r.yaml:2:26: set.rest: expected integer
r.yaml:2:29: unknown key "File"; want one of kind, rest
r.yaml:2:38: unknown key "-"; want one of kind, rest`
	if err == nil || err.Error() != want {
		t.Errorf("Decode of a file with mistakes:\n%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(everything(f))
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ar.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("f", src)
		if (c == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v; want one of them", c, err)
		}
		var errs Errors
		if err == nil {
			c.Owners(Subject{Workload: "a/b", Names: []string{"c"}})
		} else if !errors.As(err, &errs) || errs[0].Line < 1 || errs[0].Col < 1 || strings.Contains(errs[0].What, "\n") {
			t.Fatalf("error without a place: %v", err)
		}
	})
}
