package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// quotedName scans a name in backticks.
func (s *scanner) quotedName() *Error {
	rest := s.q.Text[s.at:]
	n := closing(rest[1:], '`')
	if n < 0 {
		return s.errorf(s.at, s.at+1, "name has no closing backtick")
	}
	s.add(quotedName, n+2, unescape(rest[1:1+n]))
	return nil
}

// text scans a string literal. One in single quotes is a mistake that leaves
// the meaning clear.
func (s *scanner) text() *Error {
	rest := s.q.Text[s.at:]
	quote, raw := rest[:1], false
	n := 0
	if strings.HasPrefix(rest, `"""`) {
		quote, raw = `"""`, true
		n = closingRaw(rest[3:])
	} else {
		n = closing(rest[1:], quote[0])
	}
	if n < 0 {
		return s.errorf(s.at, s.at+len(quote), "string has no closing %s", quote)
	}
	at, length := s.at, 2*len(quote)+n
	if quote == "'" {
		s.q.Errors = append(s.q.Errors, s.q.Errorf("PARSE_ERROR_SINGLE_QUOTES", Span{at, at + length},
			"Single quotes aren't supported. Please use double quotes.").With(`write "`+rest[1:1+n]+`"`))
	}
	inner := rest[len(quote) : len(quote)+n]
	parts := cut(inner, at+len(quote), raw)
	t := s.add(text, length, "")
	t.raw = raw
	if len(parts) == 1 && parts[0].Name == "" {
		t.text = parts[0].Text
	} else {
		t.parts = parts
	}
	return nil
}

// closing returns where the quote ends that t starts in.
func closing(t string, quote byte) int {
	for i := 0; i < len(t); i++ {
		switch t[i] {
		case '\\':
			i++
		case quote:
			return i
		}
	}
	return -1
}

// closingRaw is closing for """: the last of a run of quotes ends the string,
// so that it can begin or end in a quote.
func closingRaw(t string) int {
	i := strings.Index(t, `"""`)
	if i < 0 {
		return -1
	}
	for i+3 < len(t) && t[i+3] == '"' {
		i++
	}
	return i
}

// cut splits the inside of a string at its placeholders.
func cut(inner string, at int, raw bool) []Part {
	var parts []Part
	add := func(from, to int) {
		if from == to && (len(parts) > 0 || to < len(inner)) {
			return
		}
		t := inner[from:to]
		if !raw {
			t = unescape(t)
		}
		parts = append(parts, Part{Span: Span{at + from, at + to}, Text: t})
	}
	from := 0
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && !raw {
			i++
			continue
		}
		if n := placeholderLen(inner[i:]); n > 0 {
			add(from, i)
			parts = append(parts, Part{Span: Span{at + i, at + i + n}, Name: inner[i+2 : i+n-1]})
			from = i + n
			i = from - 1
		}
	}
	add(from, len(inner))
	return parts
}

// unescape resolves the escapes of a string: \n \t \r \b \f \xHH \uHHHH; any
// other character after a backslash is itself.
func unescape(t string) string {
	if strings.IndexByte(t, '\\') < 0 {
		return t
	}
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] != '\\' || i+1 == len(t) {
			b.WriteByte(t[i])
			continue
		}
		i++
		switch c := t[i]; c {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'u', 'x':
			r, n := hexRune(t[i:])
			b.WriteString(r)
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hexRune reads uHHHH or xHH at the start of t; it returns the letter itself if
// the digits are missing, and how many digits it took. Surrogates pair up.
func hexRune(t string) (string, int) {
	want := 4
	if t[0] == 'x' {
		want = 2
	}
	if len(t) < 1+want {
		return t[:1], 0
	}
	v, err := strconv.ParseUint(t[1:1+want], 16, 32)
	if err != nil {
		return t[:1], 0
	}
	if v >= 0xd800 && v < 0xdc00 && len(t) >= 11 && t[5] == '\\' && t[6] == 'u' {
		if low, err := strconv.ParseUint(t[7:11], 16, 32); err == nil && low >= 0xdc00 && low < 0xe000 {
			return string(rune((v-0xd800)<<10 + (low - 0xdc00) + 0x10000)), 10
		}
	}
	if !utf8.ValidRune(rune(v)) {
		return "\uFFFD", want
	}
	return string(rune(v)), want
}
