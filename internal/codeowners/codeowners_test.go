package codeowners_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/codeowners"
)

const file = "# who owns what\r\n" +
	"* @acme/everybody\n" +
	"/k8s/ @ada @Acme/platform # they run it\n" +
	"*.tf @acme/infra\n" +
	"docs/* docs@example.com\n" +
	"/k8s/free/\n" +
	"!/k8s/ @eve\n" + // negation is a mistake for GitHub
	"[ab].txt @eve\n" + // so are ranges
	"/k8s/ eve\n" +
	"a\\ b.yaml @bob @ada @bob\n" +
	"deep/**/x @carol"

func TestOwners(t *testing.T) {
	for _, tt := range []struct {
		paths string
		want  string
	}{
		{"README.md", "acme/everybody"},
		{"k8s/checkout.yaml", "ada Acme/platform"},
		{"k8s/free/x.yaml", ""},
		{"main.tf modules/web/main.tf", "acme/infra"},
		{"docs/x.md", ""},
		{"docs/deep/x.md", "acme/everybody"},
		{"deep/a/b/x", "carol"},
		{"main.tf k8s/checkout.yaml", "acme/infra ada Acme/platform"},
		{"k8s/a.yaml k8s/b.yaml", "ada Acme/platform"},
		{"", ""},
	} {
		got, err := codeowners.Owners(t.Context(), []byte(file), strings.Fields(tt.paths))
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, %v; want %s", tt.paths, got, err, tt.want)
		}
	}
	if got, err := codeowners.Owners(t.Context(), []byte(file), []string{"x/a b.yaml"}); err != nil || !slices.Equal(got, []string{"bob", "ada"}) {
		t.Errorf("a path with a space: %v, %v", got, err)
	}
}

// Files that nobody keeps cost little, and do not hide the rest.
func TestHostile(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	long := "* @ada\n" + strings.Repeat("a*", 600) + " @eve\n" + strings.Repeat("\x00\xff\n", 1000)
	if got, err := codeowners.Owners(ctx, []byte(long), []string{strings.Repeat("a", 600)}); err != nil || !slices.Equal(got, []string{"ada"}) {
		t.Errorf("a line that is too long: %v, %v; want it skipped", got, err)
	}
	for name, src := range map[string]string{
		"bytes": strings.Repeat("a", codeowners.MaxSize+1),
		"rules": strings.Repeat("/x* @ada\n", 20_001),
	} {
		if got, err := codeowners.Owners(ctx, []byte(src), []string{"k8s/checkout.yaml"}); err == nil || got != nil {
			t.Errorf("too many %s: %v, %v; want an error", name, got, err)
		}
	}
	worst := strings.Repeat(strings.Repeat("a*", 250)+"b @eve\n", 1500)
	start := time.Now()
	_, err := codeowners.Owners(ctx, []byte(worst), []string{strings.Repeat("a", 200)})
	t.Logf("%d bytes of wildcards: %v, %v", len(worst), time.Since(start), err)
	if err != nil {
		t.Errorf("worst case: %v", err)
	}
	cancel()
	if _, err := codeowners.Owners(ctx, []byte(worst), []string{"x"}); err == nil {
		t.Error("a search that was called off went on")
	}
}

func FuzzOwners(f *testing.F) {
	f.Add(file, "k8s/checkout.yaml")
	f.Add("\\ @a\n/ @b\n** @c", "a")
	f.Add("@ @\n", "")
	f.Fuzz(func(t *testing.T, src, path string) {
		owners, err := codeowners.Owners(t.Context(), []byte(src), []string{path})
		for _, o := range owners {
			if err != nil || o == "" || strings.ContainsAny(o, " @\n") {
				t.Errorf("owner %q of %q, %v", o, path, err)
			}
		}
	})
}
