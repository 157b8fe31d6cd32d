package tfedit

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/salvehq/salve/internal/patch"
)

// literals returns edits of each literal of a file: to longer and shorter
// values, to values of another kind, and to what breaks the text.
func literals(f *file) []edit {
	var out []edit
	hclsyntax.VisitAll(f.parse(), func(n hclsyntax.Node) hcl.Diagnostics {
		var values []string
		switch e := n.(type) {
		case *hclsyntax.LiteralValueExpr:
			values = []string{"7", "123456", "-1", "true", `"x"`, "1 # c", "1\n", "[", "<<E\n"}
		case *hclsyntax.TemplateExpr:
			if len(e.Parts) != 1 || f.src[e.SrcRange.Start.Byte] != '"' {
				return nil
			}
			values = []string{`"x"`, `"` + strings.Repeat("long ", 8) + `"`, `""`, "5", `"${x}"`, `"\""`, `"`}
		default:
			return nil
		}
		rng := n.Range()
		for _, v := range values {
			out = append(out, edit{patch.Edit{Start: rng.Start.Byte, End: rng.End.Byte, New: v}, v})
		}
		return nil
	})
	return out
}

// TestFormatStays holds what is proven by the lines of one attribute against the
// whole file: where the lines say that an edit is clean, the file parses, no
// other token differs, and terraform fmt finds the new text as clean as the old.
func TestFormatStays(t *testing.T) {
	short, all := 0, 0
	for _, src := range configurations(t) {
		f := &file{path: "main.tf", kind: config, src: src}
		if f.fault() != nil {
			continue
		}
		laid := &file{path: "main.tf", kind: config, src: hclwrite.Format(bytes.TrimPrefix(src, bom))}
		commented := &file{path: "main.tf", kind: config, src: hclwrite.Format(bytes.ReplaceAll(laid.src, []byte("\"\n"), []byte("\" # c\n")))}
		for _, f := range []*file{f, laid, commented} {
			if f.fault() != nil {
				continue
			}
			for n, e := range literals(f) {
				if n%3 != len(f.src)%3 { // a third of them takes seconds
					continue
				}
				after, err := patch.Apply(f.src, e.Edit)
				if err != nil {
					t.Fatal(err)
				}
				if all++; !f.within(e, after) {
					continue
				}
				short++
				next := &file{path: "main.tf", kind: config, src: after}
				if next.fault() != nil {
					t.Errorf("%q: %v", after, next.fault())
				}
				if !onlyTokens(f.src, after, e) {
					t.Errorf("%q to %q: other tokens differ", f.src[e.Start:e.End], e.text)
				}
				if f.formatted() != next.formatted() {
					t.Errorf("%q to %q in %q: formatted %t before, %t after", f.src[e.Start:e.End], e.text, f.src, f.formatted(), next.formatted())
				}
			}
		}
	}
	t.Logf("%d of %d edits are proven by their lines", short, all)
	if short < all/10 {
		t.Errorf("%d of %d edits are proven by their lines, want more", short, all)
	}
}
