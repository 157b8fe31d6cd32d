package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

func matchAny(globs []string, s string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return MatchGlob(g, s) })
}

// A globStep is one part of a glob.
type globStep struct {
	kind globKind
	char rune // of a character
}

type globKind int

const (
	character globKind = iota
	question           // ?: one character, no slash
	star               // *: any characters but slashes
	stars              // **: any characters
	folders            // **/: nothing, or anything that ends in a slash
)

// A Glob is a pattern of .github/salve.yml: ? stands for one character but a
// slash, * for any of them, ** for any characters, **/ for any directories or
// none. All else stands for itself.
type Glob struct{ steps []globStep }

// ParseGlob takes a pattern apart. Every text is one.
func ParseGlob(glob string) Glob {
	var out []globStep
	for glob != "" {
		c, n := utf8.DecodeRuneInString(glob)
		step := globStep{character, c}
		switch {
		case strings.HasPrefix(glob, "**/"):
			step, n = globStep{kind: folders}, 3
		case strings.HasPrefix(glob, "**"):
			step, n = globStep{kind: stars}, 2
		case c == '*':
			step = globStep{kind: star}
		case c == '?':
			step = globStep{kind: question}
		}
		out, glob = append(out, step), glob[n:]
	}
	return Glob{out}
}

// Literals returns texts that stand in everything that g matches. If all is
// true, g matches the one text and nothing else. Bytes that are no UTF-8 match
// each other, so they are part of none.
func (g Glob) Literals() (texts []string, all bool) {
	var run strings.Builder
	for _, s := range g.steps {
		if s.kind == character && s.char != utf8.RuneError {
			run.WriteRune(s.char)
			continue
		}
		texts = append(texts, run.String())
		run.Reset()
	}
	all = len(texts) == 0
	texts = slices.DeleteFunc(append(texts, run.String()), func(s string) bool { return s == "" && !all })
	return texts, all
}

// MatchGlob reports whether a glob matches all of s, as [Glob.Matches] does. Most
// that do not are told apart by how they begin and end; without ** it costs no
// more than reading both, or at worst one length times the other.
func MatchGlob(glob, s string) bool {
	if !utf8.ValidString(glob) || !utf8.ValidString(s) {
		return ParseGlob(glob).Matches(s)
	}
	first := strings.IndexAny(glob, wild)
	if first < 0 {
		return glob == s
	}
	end := glob[strings.LastIndexAny(glob, wild+"/")+1:] // a slash may belong to **/
	if !strings.HasPrefix(s, glob[:first]) || !strings.HasSuffix(s[first:], end) {
		return false
	}
	if strings.Contains(glob, "**") {
		return ParseGlob(glob).Matches(s)
	}
	for {
		g, globs, more := strings.Cut(glob, "/")
		part, parts, rest := strings.Cut(s, "/")
		if more != rest || !flat(g, part) {
			return false
		}
		if !more {
			return true
		}
		glob, s = globs, parts
	}
}

// wild are the characters that make a glob more than a name.
const wild = "*?"

// flat matches a part without slashes and without **. After a mismatch it goes
// on from the latest *, one character further: an earlier one finds no more.
func flat(glob, s string) bool {
	p, i, star, from := 0, 0, -1, 0 // star: after the latest *, which stands for s up to from
	for i < len(s) {
		_, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case p < len(glob) && glob[p] == '*':
			p++
			star, from = p, i
		case p < len(glob) && glob[p] == '?':
			p, i = p+1, i+n
		case strings.HasPrefix(glob[p:], s[i:i+n]):
			p, i = p+n, i+n
		case star < 0:
			return false
		default:
			_, n = utf8.DecodeRuneInString(s[from:])
			from += n
			p, i = star, from
		}
	}
	return strings.Trim(glob[p:], "*") == ""
}

// Matches reports whether g matches all of s. It follows all ways through the
// glob at once, so that no pattern makes it slow.
func (g Glob) Matches(s string) bool {
	parts := g.steps
	at := make([]bool, len(parts)+1) // the parts that may come next
	reach(parts, at, 0)
	for _, c := range s {
		next := make([]bool, len(at))
		for i, p := range parts {
			switch {
			case !at[i]:
			case p.kind == character && c == p.char, p.kind == question && c != '/':
				reach(parts, next, i+1)
			case p.kind == star && c != '/', p.kind == stars:
				reach(parts, next, i)
			case p.kind == folders:
				next[i] = true
				if c == '/' {
					reach(parts, next, i+1)
				}
			}
		}
		at = next
	}
	return at[len(parts)]
}

// reach marks part i, and what can follow without a character in between.
func reach(parts []globStep, at []bool, i int) {
	for at[i] = true; i < len(parts) && parts[i].kind >= star; i++ {
		at[i+1] = true
	}
}
