package prose

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/redact"
)

// maxText and maxProse bound one foreign text, in characters: a name or a title,
// and sentences.
const (
	maxText  = 300
	maxProse = 1000
)

// breaker is a zero-width space. Between @ and a name it keeps GitHub from
// seeing a mention wherever the text goes: in Markdown, in a code span, in a
// commit message, and in an e-mail that quotes it without formatting.
const breaker = "\u200b"

// Neutralise returns foreign text as one line of Markdown that reads the same
// and does nothing: it mentions nobody, refers to no issue, commit or page,
// closes nothing, formats nothing, and cannot end the table cell, the sentence
// or the comment that it stands in.
func Neutralise(text string) string { return neutral(text, maxText) }

func neutral(text string, n int) string { return escape(unlink(Cut(line(text), n))) }

// Plain returns foreign text as one line for places without Markdown, such as
// titles, commit messages and statuses.
func Plain(text string) string { return bare(text, maxText) }

func bare(text string, n int) string { return unlink(Cut(line(text), n)) }

// line returns text as one line of visible characters: control, format,
// private and blank-looking characters go, white space becomes single spaces.
func line(text string) string {
	// Before anything is put between their characters: secrets by their looks.
	// What knows secrets by value has to see the text before it comes here.
	text = (*redact.Redactor)(nil).Text(ansi.ReplaceAllString(clip(text), ""))
	var b strings.Builder
	var last rune
	marks := 0
	for _, c := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case unicode.IsSpace(c) || c == '\u2028' || c == '\u2029':
			c = ' '
		case c == '\u200d' && last > 0x2000: // joins emoji
		case unicode.In(c, unicode.C, blank):
			continue
		case unicode.Is(unicode.M, c):
			if marks++; marks > 4 || last == 0 {
				continue
			}
		}
		if !unicode.Is(unicode.M, c) {
			marks = 0
		}
		if c == ' ' && (last == ' ' || last == 0) {
			continue
		}
		b.WriteRune(c)
		last = c
	}
	return strings.TrimRight(b.String(), " \u200d")
}

// clip keeps the work small whatever arrives.
func clip(text string) string {
	if len(text) > 8*maxProse {
		text = text[:8*maxProse]
	}
	return text
}

var (
	// ansi are the escape sequences of terminals.
	// https://ecma-international.org/publications-and-standards/standards/ecma-48/
	ansi = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-_])|\u009b[0-?]*[ -/]*[@-~]")

	// blank are letters that look like nothing.
	blank = &unicode.RangeTable{R16: []unicode.Range16{
		{Lo: 0x034f, Hi: 0x034f, Stride: 1}, {Lo: 0x115f, Hi: 0x1160, Stride: 1}, {Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
		{Lo: 0x180b, Hi: 0x180f, Stride: 1}, {Lo: 0x2800, Hi: 0x2800, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	}}
)

// What GitHub turns into links, and what tells services to skip their work.
// https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
// https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
var references = []struct {
	needs string // one of these characters must be there for form to match
	form  *regexp.Regexp
	with  string
}{
	// A link to an issue leaves a backlink there; the redirecting host does not.
	{".", regexp.MustCompile(`(?i)(^|[^a-z0-9.-])(?:www\.)?github\.com\b`), "${1}redirect.github.com"},
	{":", regexp.MustCompile(`(:)(//)`), "${1}" + breaker + "${2}"},
	{".", regexp.MustCompile(`(?i)(www)(\.)`), "${1}" + breaker + "${2}"},
	{"@＠﹫", regexp.MustCompile(`([@＠﹫])`), "${1}" + breaker},
	{"#＃﹟", regexp.MustCompile(`([#＃﹟])([0-9])`), "${1}" + breaker + "${2}"},
	{"-", regexp.MustCompile(`(?i)(gh-)([0-9])`), "${1}" + breaker + "${2}"},
	{"0123456789", regexp.MustCompile(`(?i)([0-9a-f]{20})([0-9a-f]{20})`), "${1}" + breaker + "${2}"},
	{"[*", regexp.MustCompile(`(?i)(\[|\*\*\*)(\s*(?:skip|no|ci|actions)[ _-])`), "${1}" + breaker + "${2}"},
	{":", regexp.MustCompile(`(?i)(-by|skip-checks)(\s*:)`), "${1}" + breaker + "${2}"},
}

// unlink keeps text from becoming a reference, a mention or a command.
func unlink(text string) string {
	text = shortSHA.ReplaceAllStringFunc(text, func(s string) string {
		if !strings.ContainsAny(s, "abcdef") || !strings.ContainsAny(s, "0123456789") {
			return s
		}
		return s[:4] + breaker + s[4:]
	})
	for _, r := range references {
		if !strings.ContainsAny(text, r.needs) {
			continue
		}
		text = r.form.ReplaceAllString(text, r.with)
	}
	return text
}

// shortSHA is what may be the name of a commit, shortened.
var shortSHA = regexp.MustCompile(`\b[0-9a-f]{7,40}\b`)

var start = regexp.MustCompile(`^([#+=-]|[0-9]{1,9}[.)])`)

// escape keeps text from formatting anything, by Markdown's own rules.
// https://github.github.com/gfm/#backslash-escapes
func escape(text string) string {
	var b strings.Builder
	for i, c := range text {
		switch c {
		case '<':
			b.WriteString("&lt;")
			continue
		case '>':
			b.WriteString("&gt;")
			continue
		case '&':
			b.WriteString("&amp;")
			continue
		case '\\', '`', '*', '[', ']', '|', '~', '$':
			b.WriteByte('\\')
		case '_':
			if !inWord(text, i) {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(c)
	}
	out := b.String()
	if m := start.FindString(out); m != "" {
		out = m[:len(m)-1] + `\` + out[len(m)-1:]
	}
	return out
}

// inWord reports whether the byte at i stands between letters or digits.
func inWord(text string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i+1:])
	letter := func(r rune) bool { return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	return letter(before) && letter(after)
}

var codeForm = regexp.MustCompile(`^[A-Za-z0-9 ._/:%"=()\[\]{},+-]+$`)

// code returns text as a code span where it is plain enough, else as a
// sentence would have it: within a code span nothing can be escaped.
func code(text string) string {
	safe := Plain(text)
	if safe == "" {
		return ""
	}
	if safe == text && codeForm.MatchString(text) {
		return "`" + text + "`"
	}
	return escape(safe)
}

// Cut returns the first n characters of text, the last of which is an ellipsis
// where something was left out. What belongs to one visible character stays
// together: combining marks, joined emoji, flags.
func Cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	end, count := 0, 0 // end of the last whole character that fits
	var last rune
	flags := 0
	for i, c := range text {
		joined := last == '\u200d' || c == '\u200d' || unicode.Is(unicode.M, c) || c >= 0x1f3fb && c <= 0x1f3ff || flags%2 == 1 && regional(c)
		if !joined {
			end = i
		}
		if regional(c) {
			flags++
		} else {
			flags = 0
		}
		if count++; count >= n {
			break
		}
		last = c
	}
	return text[:end] + "…"
}

// regional reports whether c is a regional indicator: two of them are a flag.
func regional(c rune) bool { return c >= 0x1f1e6 && c <= 0x1f1ff }

// Inert returns a line of text for a block of code, where nothing formats: the
// same characters but for those that GitHub or a terminal would act on there.
func Inert(text string) string {
	indent := len(text) - len(strings.TrimLeft(text, " "))
	return text[:indent] + bare(text, maxProse)
}
