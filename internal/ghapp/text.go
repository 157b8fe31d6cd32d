package ghapp

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine returns s as one line that can be shown anywhere: valid UTF-8, no
// control or direction characters, no runs of space.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens s to at most n characters and shows that it did. It never cuts
// between characters that people see as one: a letter and its accents, a flag,
// an emoji of several.
func cut(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	end := n - 1 // room for the ellipsis
	for end > 0 && joined(runes, end) {
		end--
	}
	return strings.TrimRight(string(runes[:end]), " ") + "…"
}

// joined reports whether the runes before and at i are shown as one character.
// https://www.unicode.org/reports/tr29/#Grapheme_Cluster_Boundary_Rules, as far
// as labels and messages need it.
func joined(runes []rune, i int) bool {
	const zeroWidthJoiner = '\u200d'
	before, at := runes[i-1], runes[i]
	switch {
	case at == zeroWidthJoiner, before == zeroWidthJoiner, unicode.In(at, unicode.Mn, unicode.Me, unicode.Mc):
		return true
	case at >= 0x1F3FB && at <= 0x1F3FF, at >= 0xFE00 && at <= 0xFE0F, at >= 0xE0020 && at <= 0xE007F:
		return true // skin tones, variation selectors, tags
	case unicode.Is(unicode.Regional_Indicator, at) && unicode.Is(unicode.Regional_Indicator, before):
		n := 0
		for j := i - 1; j >= 0 && unicode.Is(unicode.Regional_Indicator, runes[j]); j-- {
			n++
		}
		return n%2 == 1
	}
	return false
}
