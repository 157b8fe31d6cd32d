package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

func matchAny(globs []string, s string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return matches(g, s) })
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

// steps takes a glob apart.
func steps(glob string) []globStep {
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
	return out
}

// matches reports whether a glob matches all of s. It follows all ways through
// the glob at once, so that no pattern makes it slow.
func matches(glob, s string) bool {
	parts := steps(glob)
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
