package tfedit

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// lexed measures with the tokens of hclsyntax what a scan measures without it.
func lexed(src []byte) int {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	closes := map[hclsyntax.TokenType][]hclsyntax.TokenType{
		hclsyntax.TokenCBrace: {hclsyntax.TokenOBrace}, hclsyntax.TokenCBrack: {hclsyntax.TokenOBrack},
		hclsyntax.TokenCParen: {hclsyntax.TokenOParen}, hclsyntax.TokenCQuote: {hclsyntax.TokenOQuote},
		hclsyntax.TokenCHeredoc:       {hclsyntax.TokenOHeredoc},
		hclsyntax.TokenTemplateSeqEnd: {hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl},
	}
	var open []hclsyntax.TokenType
	deepest := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open = append(open, t.Type)
			deepest = max(deepest, len(open))
		}
		for _, o := range closes[t.Type] {
			if n := len(open); n > 0 && open[n-1] == o {
				open = open[:n-1]
				break
			}
		}
	}
	return deepest
}

// scanned is how deep a scan says src is; more than it allows if it refuses.
func scanned(src []byte) int {
	_, bad := screen(src)
	if _, deep := screenNative(src); bad != "" || deep != "" {
		return maxDepth + 1
	}
	s := scan{src: src}
	s.run()
	return s.deepest
}

func TestScanAgreesWithLexer(t *testing.T) {
	for _, src := range []string{
		"", "a = 1\n", `a = "x${b["c"]}"`, "a = <<EOT\n  x ${y} [\n  EOT\nb = [1, [2]]\n",
		"a = <<-E\r\n [[[ \r\n E\r\nb = (1)\r\n", "# [[[\n// (((\n/* {{{ */ a = {}\n", `a = "\"[[" b = [[`,
		`a = "$${[["`, `a = "%%{["`, `a = "${"${"x"}"}"`, `a = "%{if x}[%{endif}"`, "a = <<1\n[[\n1\n", "a << b [",
		"\xef\xbb\xbfa = [[]]", "a = \"x\n[[\"", `a = "\`, "a = <<E\n$E\n E\n", "a = <<E\nE x\nE\n[", "x {\n y {\n z = {}\n}\n}\n", "}}}{{{",
		`a = "~}${~ x ~}"`, "a = <<E\n%{ for x in y ~}\n${x}\n%{ endfor ~}\nE\n",
	} {
		if have, want := scanned([]byte(src)), lexed([]byte(src)); have != want {
			t.Errorf("%q nests %d levels, want %d", src, have, want)
		}
	}
}

// Attacks 51 and 52: what would overflow the stack of the parser, or keep it
// busy for long, is refused before.
func TestScreenRefuses(t *testing.T) {
	for name, src := range map[string]string{
		"brackets":       "a = " + strings.Repeat("[", 400_000),
		"parentheses":    "a = " + strings.Repeat("(", 400_000),
		"templates":      "a = " + strings.Repeat(`"${`, 200_000),
		"heredocs":       "a = " + strings.Repeat("<<E\n${", 100_000),
		"braces":         "a = " + strings.Repeat("{a=", 200_000),
		"blocks":         strings.Repeat("a {\n", 20_000),
		"negation":       "a = " + strings.Repeat("!", 400_000),
		"minus":          "a = " + strings.Repeat("- ", 200_000) + "1",
		"conditional":    "a = " + strings.Repeat("a?b:", 100_000) + "1",
		"sum":            "a = " + strings.Repeat("1+", 100_000) + "1",
		"index":          "a = b" + strings.Repeat("[c]", 100_000),
		"splat":          "a = b" + strings.Repeat(".*.c", 100_000),
		"directives":     `a = "` + strings.Repeat("%{if a}", 100_000) + `"`,
		"for over lines": "a = {for k in x : k => " + strings.Repeat("a\n?\nb\n:\n", 50_000) + "1}",
		"lines in list":  "a = [" + strings.Repeat("-\n", 100_000) + "1]",
		"open comments":  strings.Repeat("/* ", 300_000),
		"size":           strings.Repeat("#\n", MaxSize/2+1),
		"not UTF-8":      "a = \"\xff\"",
		"NUL":            "a = \"\x00\"",
		"marker":         "a = <<é\n[\né\n",
	} {
		f := &file{path: "main.tf", kind: config, src: []byte(src)}
		if f.fault() == nil || strings.Contains(f.fault().What, "parser gave up") {
			t.Errorf("%s: not refused: %v", name, f.fault())
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("a = <<E\n${[\"x\"]}\nE\n"))
	f.Add([]byte(`a = "$${x}%%{y}${z["k"]}" /* ( */`))
	f.Fuzz(func(t *testing.T, src []byte) {
		if have, want := scanned(src), lexed(src); have < want {
			t.Errorf("%q nests %d levels, want at least %d", src, have, want)
		}
	})
}
