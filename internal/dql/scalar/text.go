package scalar

import (
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/dql"
)

// maxText bounds the strings that functions may build.
const maxText = 32 << 20

// text are the functions on strings.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/string-functions
var text = map[string]Func{
	"concat":              concat,
	"contains":            folded(strings.Contains),
	"startsWith":          folded(strings.HasPrefix),
	"endsWith":            folded(strings.HasSuffix),
	"decodeUrl":           ofText(decodeURL),
	"encodeUrl":           ofText(func(s string) dql.Value { return dql.String(encodeURL(s)) }),
	"escape":              ofText(func(s string) dql.Value { return dql.String(escape(s)) }),
	"unescape":            ofText(func(s string) dql.Value { return dql.String(unescape(s)) }),
	"unescapeHtml":        ofText(func(s string) dql.Value { return dql.String(html.UnescapeString(s)) }),
	"getCharacter":        two(getCharacter),
	"indexOf":             indexOf,
	"lastIndexOf":         lastIndexOf,
	"levenshteinDistance": two(levenshtein),
	"lower":               ofText(func(s string) dql.Value { return dql.String(strings.ToLower(s)) }),
	"upper":               ofText(func(s string) dql.Value { return dql.String(strings.ToUpper(s)) }),
	"trim": ofText(func(s string) dql.Value {
		return dql.String(strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }))
	}),
	"punctuation":   punctuation,
	"replaceString": replaceString,
	"splitString":   two(splitString),
	"stringLength":  ofText(func(s string) dql.Value { return dql.Long(int64(units(s))) }),
	"substring":     substring,
}

func concat(_ *Env, a []dql.Value) dql.Value {
	delimiter, _ := a[0].AsString()
	var b strings.Builder
	for i, v := range a[1:] {
		s, ok := Spell(v).AsString()
		if !ok || v.Kind() == dql.KindArray || v.Kind() == dql.KindRecord || b.Len() > maxText {
			return dql.Null
		}
		if i > 0 {
			b.WriteString(delimiter)
		}
		b.WriteString(s)
	}
	return dql.String(b.String())
}

// folded makes a test of two strings with the option caseSensitive, which is
// on by default.
func folded(test func(s, sub string) bool) Func {
	return func(_ *Env, a []dql.Value) dql.Value {
		s, ok := a[0].AsString()
		sub, okSub := a[1].AsString()
		if !ok || !okSub {
			return dql.Null
		}
		if !boolOr(a[2], true) {
			s, sub = strings.ToLower(s), strings.ToLower(sub)
		}
		return dql.Bool(test(s, sub))
	}
}

func decodeURL(s string) dql.Value {
	d, err := url.QueryUnescape(s)
	if err != nil || !utf8.ValidString(d) {
		return dql.Null
	}
	return dql.String(d)
}

// encodeURL escapes everything but letters, digits and -_.~, as the published
// example does.
func encodeURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// escape puts a backslash before quotes, backslashes and control characters.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\b':
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		default:
			if r < ' ' {
				b.WriteString(`\u00` + strconv.FormatInt(0x100+int64(r), 16)[1:])
			} else {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// unescape undoes escape, and knows \xHH and \uHHHH.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if c, ok := simpleEscapes[s[i]]; ok {
			b.WriteByte(c)
			continue
		}
		n := map[byte]int{'x': 2, 'u': 4}[s[i]]
		if n == 0 || i+n >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		v, err := strconv.ParseUint(s[i+1:i+1+n], 16, 32)
		if err != nil {
			b.WriteByte(s[i])
			continue
		}
		b.WriteRune(rune(v))
		i += n
	}
	return b.String()
}

var simpleEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'a': '\a', 'v': '\v'}

// units is the length of s in UTF-16 code units, as Grail counts.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// cutUnits returns s from unit from to unit to, both inside s.
func cutUnits(s string, from, to int64) string {
	start, end, n := len(s), len(s), int64(0)
	for i, r := range s {
		if n >= from && start == len(s) {
			start = i
		}
		if n >= to {
			end = i
			break
		}
		n++
		if r > 0xffff {
			n++
		}
	}
	if start > end {
		return ""
	}
	return s[start:end]
}

func getCharacter(v, at dql.Value) dql.Value {
	s, ok := v.AsString()
	i, okAt := at.AsLong()
	n := int64(units(s))
	if i < 0 {
		i += n
	}
	if !ok || !okAt || i < 0 || i >= n {
		return dql.Null
	}
	return dql.String(cutUnits(s, i, i+1))
}

func indexOf(_ *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	sub, okSub := a[1].AsString()
	if !ok || !okSub {
		return dql.Null
	}
	n := int64(units(s))
	from := within(longOr(a[2], 0), n)
	head := cutUnits(s, 0, from)
	i := strings.Index(s[len(head):], sub)
	if i < 0 {
		return dql.Long(-1)
	}
	return dql.Long(int64(units(s[:len(head)+i])))
}

// lastIndexOf searches backwards for a match that starts at or before from.
func lastIndexOf(_ *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	sub, okSub := a[1].AsString()
	if !ok || !okSub {
		return dql.Null
	}
	n := int64(units(s))
	from := longOr(a[2], n)
	if from < 0 {
		from += n
	}
	if from < 0 {
		return dql.Long(-1)
	}
	head := len(cutUnits(s, 0, min(from, n)))
	i := strings.LastIndex(s[:min(len(s), head+len(sub))], sub)
	return dql.Long(int64(units(s[:max(0, i)])) + int64(min(i, 0)))
}

// within puts a position, negative from the end, into 0..n.
func within(i, n int64) int64 {
	if i < 0 {
		i += n
	}
	return max(0, min(i, n))
}

func substring(_ *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	if !ok {
		return dql.Null
	}
	n := int64(units(s))
	return dql.String(cutUnits(s, within(longOr(a[1], 0), n), within(longOr(a[2], n), n)))
}

// maxLevenshtein bounds the work of one comparison.
const maxLevenshtein = 1 << 14

func levenshtein(x, y dql.Value) dql.Value {
	s, ok := x.AsString()
	t, okT := y.AsString()
	if !ok || !okT || len(s) > maxLevenshtein || len(t) > maxLevenshtein {
		return dql.Null
	}
	a, b := []rune(s), []rune(t)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, q := range b {
			cost := diagonal
			if r != q {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return dql.Long(int64(row[len(b)]))
}

// punctuation keeps the characters that are neither letters nor digits; a space,
// if asked for, as an underscore.
func punctuation(_ *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	if !ok {
		return dql.Null
	}
	count, space := longOr(a[1], 32), boolOr(a[2], false)
	var b strings.Builder
	for _, r := range s {
		if int64(b.Len()) >= count {
			break
		}
		switch {
		case r == ' ' && space:
			b.WriteByte('_')
		case r > ' ' && r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return dql.String(b.String())
}

func replaceString(_ *Env, a []dql.Value) dql.Value {
	s, ok := a[0].AsString()
	old, okOld := a[1].AsString()
	new, okNew := a[2].AsString()
	if !ok || !okOld || !okNew || len(s)/max(1, len(old))*len(new) > maxText {
		return dql.Null
	}
	if old == "" {
		return a[0]
	}
	return dql.String(strings.ReplaceAll(s, old, new))
}

func splitString(v, sep dql.Value) dql.Value {
	s, ok := v.AsString()
	by, okBy := sep.AsString()
	if !ok || !okBy {
		return dql.Null
	}
	return dql.Strings(strings.Split(s, by)...)
}
