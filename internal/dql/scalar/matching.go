package scalar

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/salvehq/salve/internal/dql"
)

// matching are the functions that compare a string with a pattern.
var matching = map[string]Func{
	"matchesPhrase": matchesPhrase,
	"matchesValue":  matchesValue,
	"matchesRegex":  matchesRegex,
	"like":          like,
}

// A Phrase matches its words where they stand whole in a text. A wildcard
// lifts that at its end of a word; inside a word it stands for any text
// without white space.
type Phrase struct {
	pieces        []string
	open, closing bool // the phrase begins, ends with a wildcard
	fold          bool
}

// NewPhrase compiles a phrase; wildcard is usually "*".
func NewPhrase(phrase, wildcard string, caseSensitive bool) *Phrase {
	p := &Phrase{fold: !caseSensitive}
	if p.fold {
		phrase, wildcard = strings.ToLower(phrase), strings.ToLower(wildcard)
	}
	p.pieces = []string{phrase}
	if wildcard != "" {
		p.pieces = strings.Split(phrase, wildcard)
	}
	if len(p.pieces) > 1 && p.pieces[0] == "" {
		p.open, p.pieces = true, p.pieces[1:]
	}
	if last := len(p.pieces) - 1; last > 0 && p.pieces[last] == "" {
		p.closing, p.pieces = true, p.pieces[:last]
	}
	return p
}

// Match reports whether the phrase stands in s.
func (p *Phrase) Match(s string) bool {
	if p.fold {
		s = strings.ToLower(s)
	}
	first := p.pieces[0]
	for at := 0; at <= len(s); {
		i := strings.Index(s[at:], first)
		if i < 0 {
			return false
		}
		start := at + i
		if (p.open || boundary(s, start, first)) && p.rest(s, start+len(first)) {
			return true
		}
		at = start + 1
	}
	return false
}

// rest matches the pieces after the first, which ended at offset at.
func (p *Phrase) rest(s string, at int) bool {
	for i, piece := range p.pieces[1:] {
		span := s[at:]
		if cut := strings.IndexFunc(span, unicode.IsSpace); cut >= 0 && !strings.ContainsFunc(piece, unicode.IsSpace) {
			span = span[:cut]
		}
		last := i == len(p.pieces)-2
		found := -1
		for from := 0; from <= len(span); {
			j := strings.Index(span[from:], piece)
			if j < 0 {
				break
			}
			if !last || p.closing || boundary(s, at+from+j+len(piece), piece) {
				found = from + j
				break
			}
			from += j + 1
		}
		if found < 0 {
			return false
		}
		at += found + len(piece)
	}
	if len(p.pieces) > 1 {
		return true
	}
	return p.closing || boundary(s, at, p.pieces[0])
}

// boundary reports whether a word may begin or end at offset at of s: one of
// its neighbours there is not a letter or digit.
func boundary(s string, at int, piece string) bool {
	if at == 0 || at == len(s) || piece == "" {
		return true
	}
	return !wordByte(s[at-1]) || !wordByte(s[at])
}

// wordByte reports whether b belongs to a word; every byte of a letter outside
// ASCII does.
func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80 || b == '_'
}

// anyText calls test with the string in v, or with the strings of an array
// until one passes. It is null if there is no string to test.
func anyText(v dql.Value, test func(string) bool) dql.Value {
	if s, ok := v.AsText(); ok {
		return dql.Bool(test(s))
	}
	list, ok := v.AsArray()
	if !ok {
		return dql.Null
	}
	for _, e := range list {
		if s, ok := e.AsText(); ok && test(s) {
			return dql.Bool(true)
		}
	}
	return dql.Bool(false)
}

func matchesPhrase(e *Env, a []dql.Value) dql.Value {
	phrase, ok := a[1].AsString()
	if !ok {
		return dql.Null
	}
	wildcard, ok := a[3].AsString()
	if !ok {
		wildcard = "*"
	}
	sensitive := boolOr(a[2], false)
	key := "phrase " + phrase
	if sensitive || wildcard != "*" {
		key = "phrase\x00" + wildcard + "\x00" + phrase
		if sensitive {
			key = "Phrase\x00" + wildcard + "\x00" + phrase
		}
	}
	p := memo(e, key, func() *Phrase { return NewPhrase(phrase, wildcard, sensitive) })
	return anyText(a[0], p.Match)
}

// matchesValue compares whole values with patterns in which a wildcard stands
// for any text. Only ASCII letters are compared without regard to case.
func matchesValue(_ *Env, a []dql.Value) dql.Value {
	sensitive := boolOr(a[1], false)
	wildcard, ok := a[2].AsString()
	if !ok {
		wildcard = "*"
	}
	var patterns []string
	for _, v := range a[3:] {
		if s, ok := v.AsString(); ok {
			patterns = append(patterns, s)
		}
		list, _ := v.AsArray()
		for _, e := range list {
			if s, ok := e.AsString(); ok {
				patterns = append(patterns, s)
			}
		}
	}
	return anyText(a[0], func(s string) bool {
		for _, p := range patterns {
			if glob(fold(s, sensitive), fold(p, sensitive), wildcard) {
				return true
			}
		}
		return false
	})
}

// fold lowers the ASCII letters of s unless case matters.
func fold(s string, sensitive bool) string {
	if sensitive {
		return s
	}
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if b[j] >= 'A' && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// glob reports whether s is the pattern, in which wildcard stands for any text.
func glob(s, pattern, wildcard string) bool {
	if wildcard == "" {
		return s == pattern
	}
	pieces := strings.Split(pattern, wildcard)
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(pieces) == 1 {
		return s == pattern
	}
	if !strings.HasPrefix(s, first) || !strings.HasSuffix(s[len(first):], last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, piece := range pieces[1 : len(pieces)-1] {
		i := strings.Index(s, piece)
		if i < 0 {
			return false
		}
		s = s[i+len(piece):]
	}
	return true
}

// like is SQL's: % is any text, _ one character. Without either, like is
// equality.
func like(e *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	pattern, okP := a[1].AsString()
	if !ok || !okP {
		return dql.Null
	}
	re := memo(e, "like "+pattern, func() *regexp.Regexp { return likeRegexp(pattern) })
	return dql.Bool(re.MatchString(s))
}

func likeRegexp(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '%':
			b.WriteString(`.*`)
		case c == '_':
			b.WriteString(`.`)
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return never
	}
	return re
}

// never matches nothing; it stands for a pattern that does not compile.
var never = regexp.MustCompile(`[^\x00-\x{10FFFF}]`)

func matchesRegex(e *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	pattern, okP := a[1].AsString()
	if !ok || !okP {
		return dql.Null
	}
	re := memo(e, "regex "+pattern, func() *regexp.Regexp {
		re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
		if err != nil {
			return never
		}
		return re
	})
	return dql.Bool(re.MatchString(s))
}
