package prose

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/forge"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each file of testdata holds one pull request as a person would get it.
func TestRender(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p Pull
		if err := json.Unmarshal(ar.Files[0].Data, &p); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		got, err := Render(p)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		out := []txtar.File{ar.Files[0],
			{Name: "title", Data: []byte(got.Title + "\n")},
			{Name: "message", Data: []byte(got.Message + "\n")},
			{Name: "body.md", Data: []byte(got.Body + "\n")}}
		for _, c := range got.Comments {
			out = append(out, txtar.File{Name: fmt.Sprintf("%s:%d", c.Path, c.Line), Data: []byte(c.Body + "\n")})
		}
		want := txtar.Format(ar)
		text := txtar.Format(&txtar.Archive{Comment: ar.Comment, Files: out})
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if string(text) != string(want) {
			t.Errorf("%s: got\n%s", file, text)
		}
		harmless(t, got)
	}
}

// What GitHub acts on, and what must not be found in a text that holds foreign
// words, wherever they came from.
var active = []*regexp.Regexp{
	regexp.MustCompile(`[@＠﹫][\pL\pN]`),
	regexp.MustCompile(`[#＃﹟][0-9]`),
	regexp.MustCompile(`(?i)gh-[0-9]`),
	regexp.MustCompile(`(?i)[0-9a-f]{40}`),
	regexp.MustCompile(`(?i)(?:^|[^.])\bgithub\.com`),
	regexp.MustCompile(`(?i)\[(?:skip|no|ci)[ _-]`),
	regexp.MustCompile(`(?im)^[a-z-]+-by:`),
	regexp.MustCompile(`(?i)skip-checks:`),
	regexp.MustCompile(`(?i)<(?:img|details|a|script)`),
	regexp.MustCompile(`(?i)[^\\]\]\((?:javascript|data|http):`),
	regexp.MustCompile(`!\[`),
	regexp.MustCompile("```"),
	regexp.MustCompile(`(?m)^\s*\[[^\]]*\]:`),
}

// harmless fails if a text does anything but say something.
func harmless(t *testing.T, text Text) {
	t.Helper()
	marker, ok := forge.ParseMarker(text.Body)
	if !ok || marker.Evidence != text.Evidence || text.Evidence == "" {
		t.Errorf("marker %+v, %v; evidence %q", marker, ok, text.Evidence)
	}
	if strings.Count(text.Body, "<!--") != 1 || strings.Count(text.Body, "-->") != 1 {
		t.Error("body holds a second comment")
	}
	_, body, _ := strings.Cut(text.Body, "\n")
	all := []string{text.Title, text.Message, body}
	for _, c := range text.Comments {
		all = append(all, c.Body)
	}
	if !utf8.ValidString(text.Title + text.Message + text.Body) {
		t.Error("not UTF-8")
	}
	for _, s := range all {
		for _, a := range active {
			if m := a.FindString(s); m != "" {
				t.Errorf("%q is active in\n%s", m, s)
			}
		}
		for _, c := range s {
			if c != '\n' && c != '\u200b' && c != '\u200d' && unicode.Is(unicode.C, c) {
				t.Errorf("character %U in %q", c, s)
			}
		}
	}
	if len(text.Body) > 65536 {
		t.Errorf("body of %d bytes", len(text.Body))
	}
	if utf8.RuneCountInString(text.Title) > maxTitle || strings.ContainsAny(text.Title, "\r\n") {
		t.Errorf("title %q", text.Title)
	}
}

// The same facts are the same words, in whatever order Dynatrace lists them: a
// pull request is not written again for that.
func TestRenderIsStable(t *testing.T) {
	render := func(affected ...string) Text {
		got, err := Render(Pull{Key: "k", Remedy: "r", Action: "Raise", Subject: "s", Changes: []Change{{To: "1"}},
			Evidence: []Evidence{{Problem: "P-1", Affected: affected}}})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	a, b, c := render("x", "y"), render("y", "x"), render("x")
	if a.Evidence != b.Evidence || a.Body != b.Body {
		t.Errorf("two orders, two bodies:\n%s\n%s", a.Body, b.Body)
	}
	if a.Evidence == c.Evidence {
		t.Error("another entity, the same digest")
	}
}

// A body that would be too long loses rows, not its end.
func TestRenderBounded(t *testing.T) {
	p := Pull{Key: "k", Remedy: "r", Action: "Raise", Subject: "s"}
	for range 500 {
		p.Changes = append(p.Changes, Change{Path: "a", What: strings.Repeat("<", 500), Rule: strings.Repeat("&", 2000)})
		p.Evidence = append(p.Evidence, Evidence{Problem: "P-1", Title: strings.Repeat("<", 500)})
	}
	got, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Body) > 65536 || !strings.Contains(got.Body, "more problems") || !strings.Contains(got.Body, "Your decision") {
		t.Errorf("body of %d bytes: …%s", len(got.Body), got.Body[max(0, len(got.Body)-300):])
	}
}

func TestRenderNeeds(t *testing.T) {
	full := Pull{Key: "k", Remedy: "r", Action: "Raise", Subject: "s", Changes: []Change{{}}, Evidence: []Evidence{{}}}
	if _, err := Render(full); err != nil {
		t.Errorf("the least pull request: %v", err)
	}
	long := full
	long.Key, long.Changes = strings.Repeat("<", maxKey), []Change{{From: strings.Repeat("<", 500), To: strings.Repeat("<", 500)}}
	for range 50 {
		long.Evidence = append(long.Evidence, Evidence{Event: "-12345678901234567890_12345678901234567890V10"})
	}
	if got, err := Render(long); err != nil {
		t.Errorf("the longest key: %v", err)
	} else if m, ok := forge.ParseMarker(got.Body); !ok || m.Key != long.Key {
		t.Error("the longest key is not read back")
	}
	for name, change := range map[string]func(*Pull){
		"key": func(p *Pull) { p.Key = "" }, "a short key": func(p *Pull) { p.Key = strings.Repeat("<", maxKey+1) }, "remedy": func(p *Pull) { p.Remedy = "" }, "action": func(p *Pull) { p.Action = "" },
		"subject": func(p *Pull) { p.Subject = "" }, "changes": func(p *Pull) { p.Changes = nil }, "evidence": func(p *Pull) { p.Evidence = nil },
	} {
		p := full
		change(&p)
		if _, err := Render(p); err == nil {
			t.Errorf("without %s: no error", name)
		}
	}
}

// The numbers are those of the attacks in the security notes.
func TestNeutralise(t *testing.T) {
	const z = breaker
	for _, tt := range []struct {
		attack   string
		in, want string
	}{
		{"57 mention", "ask @user or @org/team", "ask @" + z + "user or @" + z + "org/team"},
		{"57 full-width mention", "＠user ﹫user", "＠" + z + "user ﹫" + z + "user"},
		{"57 mention behind zero width", "@\u200buser @\u2060user", "@" + z + "user @" + z + "user"},
		{"57 e-mail", "a@b.example", "a@" + z + "b.example"},
		{"57 issue", "#123 and owner/repo#1", `\#` + z + "123 and owner/repo#" + z + "1"},
		{"57 entity", "&#35;1 &#64;user", "&amp;#" + z + "35;1 &amp;#" + z + "64;user"},
		{"57 GH", "GH-1 gh-22", "GH-" + z + "1 gh-" + z + "22"},
		{"57 commit", strings.Repeat("0a", 20), "0a0a" + z + strings.Repeat("0a", 18)},
		{"57 short commit", "see 1a2b3c4 now", "see 1a2b" + z + "3c4 now"},
		{"57 entity id stays", "HOST-3E2A1B0C9D8F7E6A", "HOST-3E2A1B0C9D8F7E6A"},
		{"57 backlink", "https://github.com/o/r/issues/1", "https:" + z + "//redirect.github.com/o/r/issues/1"},
		{"57 www", "www.github.com/o/r/pull/1 WWW.example.com", "redirect.github.com/o/r/pull/1 WWW" + z + ".example.com"},
		{"57 www in a word", "__www.example.com", `\_\_www` + z + ".example.com"},
		{"58 closing", "Fixes #1, closes o/r#2, resolves GH-3", "Fixes #" + z + "1, closes o/r#" + z + "2, resolves GH-" + z + "3"},
		{"59 marker", `<!-- salve:{"key":"x","v":1} -->`, `&lt;!-- salve:{"key":"x","v":1} --&gt;`},
		{"59 comment end", "a --> b", "a --&gt; b"},
		{"59 tags", "<details><img src=x>", "&lt;details&gt;&lt;img src=x&gt;"},
		{"59 image", "![x](https://t.example/p.png)", `!\[x\](https:` + z + `//t.example/p.png)`},
		{"59 script link", "[x](javascript:alert(1))", `\[x\](javascript:alert(1))`},
		{"59 data link", "[x](data:text/html,y)", `\[x\](data:text/html,y)`},
		{"59 reference", "x\n\n[P-1]: https://evil.example", `x \[P-1\]: https:` + z + `//evil.example`},
		{"59 table", "a | b\n| c", `a \| b \| c`},
		{"59 backslash before pipe", `a \| b`, `a \\\| b`},
		{"59 fence", "```\nx\n```", "\\`\\`\\` x \\`\\`\\`"},
		{"59 emphasis", "*a* _b_ ~c~ snake_case", `\*a\* \_b\_ \~c\~ snake_case`},
		{"59 math", "$x$", `\$x\$`},
		{"59 heading", "# a", `\# a`},
		{"59 list", "- a", `\- a`},
		{"59 numbered", "1. a", `1\. a`},
		{"59 direction", "a\u202eb\u2066c", "abc"},
		{"59 zero width", "a\u200bb\u200dc\ufeffd\u00ade", "abcde"},
		{"59 NUL", "a\x00b", "ab"},
		{"59 ANSI", "\x1b[31mred\x1b[0m \x1b]8;;https://x\x07link", "red link"},
		{"59 not UTF-8", "a\xffb", "a\uFFFDb"},
		{"59 blank letters", "\u3164\u2800a", "a"},
		{"60 length", strings.Repeat("x", 5000), strings.Repeat("x", maxText-1) + "…"},
		{"61 newline", "a\r\nb\u2028c", "a b c"},
		{"62 trailer", "x\n\nCo-authored-by: a <a@b>", "x Co-authored-by" + z + ": a &lt;a@" + z + "b&gt;"},
		{"62 skip", "[skip ci] [ci skip]", `\[` + z + `skip ci\] \[` + z + `ci skip\]`},
		{"62 skip checks", "[skip checks: true] skip-checks: true", `\[` + z + `skip checks: true\] skip-checks` + z + `: true`},
		{"64 GitHub token", "failed with ghs_16C7e42F292c6912E7710c838347Ae178B4a", `failed with \[redacted\]`},
		{"64 Dynatrace token", "dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM", `\[redacted\]`},
		{"marks pile up", "a" + strings.Repeat("\u0301", 50), "a" + strings.Repeat("\u0301", 4)},
		{"emoji stay", "👩‍👩‍👧 🇦🇹", "👩‍👩‍👧 🇦🇹"},
		{"letters stay", "Größe, 内存, память", "Größe, 内存, память"},
	} {
		if got := Neutralise(tt.in); got != tt.want {
			t.Errorf("%s: Neutralise(%q)\n got %q\nwant %q", tt.attack, tt.in, got, tt.want)
		}
	}
}

// Attack 63: a label is a name and nothing else.
func TestLabels(t *testing.T) {
	var names []string
	for _, l := range Labels("", Remediation, "memory-limit", "MEDIUM", []string{"a,b", strings.Repeat("x", 80)}) {
		names = append(names, l.Name)
		if len(l.Colour) != 6 || len(l.Description) > 100 {
			t.Errorf("label %+v", l)
		}
	}
	want := "salve remediation remedy/memory-limit severity/medium a b " + strings.Repeat("x", 49) + "…"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("labels %s\n  want %s", got, want)
	}
	if got := Labels("bot/", AlertTuning, "x", "", nil); len(got) != 3 || got[0].Name != "bot/salve" || got[0].Description == "" {
		t.Errorf("labels with a prefix: %+v", got)
	}
	if got := Labels("", Remediation, "x", "LOW", make([]string, 100)); len(got) > 30 {
		t.Errorf("%d labels", len(got))
	}
}

// Attack 39: whatever the subject is, the branch is a name that git takes.
func TestBranch(t *testing.T) {
	if got := Branch("acme/shop production Deployment shop/checkout", "memory-limit", "shop/checkout"); got != "salve/memory-limit/shop-checkout-aa1352ad" {
		t.Errorf("Branch = %q", got)
	}
	if Branch("a", "r", "s") == Branch("b", "r", "s") {
		t.Error("two keys, one branch")
	}
	for _, s := range []string{"", "a..b", "@{", "-x", ".lock", "a b", "😀", strings.Repeat("x", 300), "a/../b", "x.lock", "\x00"} {
		if err := forge.ValidateBranch(Branch("k", s, s)); err != nil {
			t.Errorf("subject %q: %v", s, err)
		}
	}
}

func TestProblemURL(t *testing.T) {
	const event = "-1843743290896097469_1745403051227V2"
	for _, tt := range []struct{ root, event, want string }{
		{"https://abc12345.apps.dynatrace.com", event, "https://abc12345.apps.dynatrace.com/ui/intent/dynatrace.davis.problems/view-problem#%7B%22event.id%22%3A%22-1843743290896097469_1745403051227V2%22%2C%22event.kind%22%3A%22DAVIS_PROBLEM%22%7D"},
		{"https://abc12345.apps.dynatrace.com", `x"}) [evil](https://evil`, ""},
		{"javascript:alert(1)", event, ""}, {"https://u:p@h", event, ""}, {"http://tenant.example", event, ""}, {"", event, ""},
	} {
		if got := ProblemURL(tt.root, tt.event); got != tt.want {
			t.Errorf("ProblemURL(%q, %q) = %q, want %q", tt.root, tt.event, got, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"", 3, ""}, {"größer", 4, "grö…"},
		{"abe\u0301f", 4, "ab…"}, {"ae\u0301fgh", 4, "ae\u0301…"},
		{"a👩‍👩‍👧b", 4, "a…"}, {"🇦🇹🇩🇪🇨🇭", 4, "🇦🇹…"}, {"a👍🏽bc", 3, "a…"},
	} {
		if got := Cut(tt.in, tt.n); got != tt.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

// Attack 29: 140 characters, one line, whole characters.
func TestStatus(t *testing.T) {
	got := Status("WARN: " + strings.Repeat("é\n", 200))
	if utf8.RuneCountInString(got) > 140 || !utf8.ValidString(got) || strings.Contains(got, "\n") || !strings.HasSuffix(got, "…") {
		t.Errorf("Status = %q", got)
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Memory resources exhausted", "shop/checkout", "k8s/checkout.yaml", "512Mi")
	f.Add("@user #1 <!-- salve:{} -->", "[skip ci]", "a|b`c", "\u202e\x00\xff")
	f.Add("| x |\n\n[a]: b", "Co-authored-by: x", "https://github.com/o/r/issues/1", strings.Repeat("ab12", 10))
	f.Fuzz(func(t *testing.T, title, subject, where, value string) {
		long := strings.Repeat(title, 1+len(where)%7)
		p := Pull{
			Key: subject[:min(len(subject), 100)] + "k", Remedy: where + "r", Action: "Raise " + title, Subject: subject + "s", Environment: value, Why: long,
			Affects: []string{title, subject}, Notes: []string{where, value}, Rollback: subject, Dynatrace: "https://" + where,
		}
		for range 1 + len(value)%40 {
			p.Changes = append(p.Changes, Change{Path: where, Line: len(title) % 3, What: subject, From: value, To: title, Rule: long})
			p.Evidence = append(p.Evidence, Evidence{Problem: title, Event: value, Title: long, Severity: where, Affected: []string{subject, title, long}, RootCause: value})
		}
		got, err := Render(p)
		if err != nil {
			t.Fatal(err)
		}
		harmless(t, got)
		if err := forge.ValidateBranch(Branch(title, where, subject)); err != nil {
			t.Error(err)
		}
	})
}
