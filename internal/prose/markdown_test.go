package prose

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// pieces are what Markdown, HTML and GitHub give a meaning to.
var pieces = strings.Split("* ** _ __ ~ ~~ ` `` ``` [ ] ( ) ! ![ ]( < > & | \\ \n \r\n # - + 1. = --- *** a bc http:// https:// __www. www. ftp:// "+
	"mailto: xmpp: javascript: data: @u @o/t a@b.co <img <a> </td> <!-- --> &#64; &lt; &#x40; $ $$ :tada: [x]: [^1] [^1]: \\| \\\\ \t \u00a0 ＠u "+
	"[x](http://e.x) ![x](//e.x) <http://e.x> - [ ] 0a1b2c3d4e \u202e é 🇦🇹 ' \" {{.Key}} <details> ~~~ _a_ www.github.com/o/r/issues/1 http:\\//x.y", " ")

// Foreign text must leave no trace in the structure of a page: with hostile
// words, cmark-gfm, the parser that GitHub publishes, finds the same elements
// as with harmless ones, and one link, which is ours.
// https://github.com/github/cmark-gfm
func TestMarkdownStructure(t *testing.T) {
	if _, err := exec.LookPath("cmark-gfm"); err != nil {
		t.Skip("cmark-gfm is not installed; the tables and goldens hold without it")
	}
	want := structures(t, func() string { return "word" })
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		got := structures(t, func() string {
			var b strings.Builder
			for range 1 + r.IntN(9) {
				b.WriteString(pieces[r.IntN(len(pieces))] + strings.Repeat(" ", r.IntN(2)))
			}
			return b.String() + "z"
		})
		if got != want {
			t.Fatalf("got structure\n%s\nwant\n%s", got, want)
		}
	}
}

// structures renders a pull request full of foreign text and returns the
// elements of its body and its remark. Code spans depend on the text.
func structures(t *testing.T, text func() string) string {
	t.Helper()
	p := Pull{
		Key: "k", Remedy: "memory-limit", Action: text(), Subject: text(), Environment: text(), Why: text(),
		Affects: []string{text()}, Notes: []string{text()}, Rollback: text(), Dynatrace: "https://tenant.example",
		Changes:  []Change{{Path: text(), Line: 1, What: text(), From: text(), To: text(), Rule: text()}},
		Evidence: []Evidence{{Problem: "P-1", Event: "-1_2V2", Title: text(), Severity: text(), Affected: []string{text()}, RootCause: text()}},
	}
	words, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, source := range []string{words.Body, words.Comments[0].Body} {
		cmd := exec.Command("cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist", "-e", "footnotes")
		cmd.Stdin = strings.NewReader(source)
		html, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range element.FindAllStringSubmatch(string(html), -1) {
			if tag[1] != "code" && tag[1] != "/code" {
				fmt.Fprintln(&out, tag[1])
			}
		}
		if n := strings.Count(string(html), `href="https://tenant.example/`); n != 1 {
			t.Fatalf("%d links to the tenant in\n%s", n, html)
		}
	}
	return out.String()
}

var element = regexp.MustCompile(`<(/?[a-zA-Z!][^ >]*)[^>]*>`)
