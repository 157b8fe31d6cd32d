package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/dql"
)

type kind uint8

const (
	end kind = iota
	name
	quotedName // `a b`
	number
	duration
	text // a string literal; parts if it has placeholders
	placeholder
	operator
)

// A token is a word of the text. Its text is what it means: without quotes,
// for operators as written.
type token struct {
	Span
	kind  kind
	text  string
	value dql.Value
	parts []Part
	raw   bool
	unit  string
}

type scanner struct {
	q        *Query
	at       int
	tokens   []token
	comments []Comment
}

// scan cuts the text of q into tokens, the last of which is end.
func scan(q *Query) (*scanner, *Error) {
	s := &scanner{q: q}
	if len(q.Text) > MaxLength {
		return nil, tooLong(q)
	}
	if i := invalid(q.Text); i >= 0 {
		return nil, s.errorf(i, i+1, "byte %#02x is not UTF-8", q.Text[i])
	}
	for {
		if err := s.space(); err != nil {
			return nil, err
		}
		if s.at == len(q.Text) {
			s.tokens = append(s.tokens, token{Span: Span{s.at, s.at}, kind: end})
			return s, nil
		}
		if err := s.next(); err != nil {
			return nil, err
		}
	}
}

func tooLong(q *Query) *Error {
	e := q.Errorf("PARSE_ERROR", Span{}, "the query is longer than the limit of %d bytes", MaxLength)
	e.Source = ""
	return e
}

// invalid returns where text stops being UTF-8, -1 if it does not.
func invalid(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

func (s *scanner) errorf(start, end int, format string, args ...any) *Error {
	return s.q.Errorf("PARSE_ERROR", Span{start, end}, format, args...)
}

// space skips white space and keeps comments.
func (s *scanner) space() *Error {
	t := s.q.Text
	for s.at < len(t) {
		rest := t[s.at:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", t[s.at]) >= 0:
			s.at++
		case strings.HasPrefix(rest, "\u00a0"):
			s.at += 2
		case strings.HasPrefix(rest, "\ufeff") && s.at == 0:
			s.at += 3
		case strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			s.comment(n)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return s.errorf(s.at, s.at+2, "comment has no end; close it with */")
			}
			s.comment(n + 4)
		default:
			return nil
		}
	}
	return nil
}

func (s *scanner) comment(n int) {
	c := strings.TrimRight(s.q.Text[s.at:s.at+n], " \t\r")
	s.comments = append(s.comments, Comment{Span{s.at, s.at + len(c)}, c})
	s.at += n
}

// operators, longest first.
var operators = []string{"==", "!=", "<>", ">=", "<=", ">", "<", "{", "}", "(", ")", "=", ",", ":", "[", "]", "+", "-", "*", "/", "%", "@", "~", "|", "."}

func (s *scanner) next() *Error {
	rest := s.q.Text[s.at:]
	switch c := rest[0]; {
	case isLetter(c):
		s.name()
		return nil
	case isDigit(c):
		return s.number()
	case c == '`':
		return s.quotedName()
	case c == '"' || c == '\'':
		return s.text()
	case strings.HasPrefix(rest, "${"):
		n := placeholderLen(rest)
		if n == 0 {
			return s.errorf(s.at, s.at+2, "a placeholder is written ${NAME}")
		}
		s.add(placeholder, n, rest[2:n-1])
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			s.add(operator, len(op), op)
			return nil
		}
	}
	r, size := utf8.DecodeRuneInString(rest)
	e := s.errorf(s.at, s.at+size, "%q isn't allowed here.", r)
	switch r {
	case '“', '”', '„', '‘', '’':
		e.Hint = `strings stand in straight double quotes: "…"`
	case '&':
		e.Hint = "write and"
	case '$':
		e.Hint = "a placeholder is written ${NAME}"
	case ';':
		e.Hint = "commands are separated by |"
	}
	return e
}

func (s *scanner) add(k kind, n int, text string) *token {
	s.tokens = append(s.tokens, token{Span: Span{s.at, s.at + n}, kind: k, text: text})
	s.at += n
	return &s.tokens[len(s.tokens)-1]
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// word returns how many letters and digits t starts with.
func word(t string) int {
	n := 0
	for n < len(t) && (isLetter(t[n]) || isDigit(t[n])) {
		n++
	}
	return n
}

func (s *scanner) name() {
	rest := s.q.Text[s.at:]
	n := word(rest)
	for n+1 < len(rest) && rest[n] == '.' && word(rest[n+1:]) > 0 {
		n += 1 + word(rest[n+1:])
	}
	s.add(name, n, rest[:n])
}

func (s *scanner) number() *Error {
	rest := s.q.Text[s.at:]
	if len(rest) > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'X') {
		n := 2 + word(rest[2:])
		v, err := strconv.ParseUint(rest[2:n], 16, 64)
		if err != nil {
			return s.errorf(s.at, s.at+n, "%s is not a hexadecimal number of 64 bits", rest[:n])
		}
		s.add(number, n, rest[:n]).value = dql.Long(int64(v))
		return nil
	}
	n := digits(rest)
	if n+1 < len(rest) && rest[n] == '.' && isDigit(rest[n+1]) {
		n += 1 + digits(rest[n+1:])
	}
	if e := exponent(rest[n:]); e > 0 {
		n += e
	} else if u := unitLen(rest[n:]); u > 0 {
		return s.duration(n, u)
	}
	v, ok := numberValue(rest[:n])
	if !ok {
		return s.errorf(s.at, s.at+n, "%.40s is larger than a double can hold", rest[:n])
	}
	s.add(number, n, rest[:n]).value = v
	return nil
}

// numberValue is a long if it can be one, else a double; ok is false where a
// double would be infinite.
func numberValue(t string) (v dql.Value, ok bool) {
	if i, err := strconv.ParseInt(t, 10, 64); err == nil {
		return dql.Long(i), true
	}
	f, err := strconv.ParseFloat(t, 64)
	return dql.Double(f), err == nil
}

func digits(t string) int {
	n := 0
	for n < len(t) && isDigit(t[n]) {
		n++
	}
	return n
}

// exponent returns the length of e5 or e-5 at the start of t.
func exponent(t string) int {
	if t == "" || t[0] != 'e' && t[0] != 'E' {
		return 0
	}
	n := 1
	if n < len(t) && (t[n] == '-' || t[n] == '+') {
		n++
	}
	if d := digits(t[n:]); d > 0 && (n+d == len(t) || !isLetter(t[n+d])) {
		return n + d
	}
	return 0
}

func unitLen(t string) int {
	if strings.HasPrefix(t, "µs") {
		return len("µs")
	}
	return word(t)
}

func (s *scanner) duration(n, u int) *Error {
	rest := s.q.Text[s.at:]
	unit := rest[n : n+u]
	v, ok := DurationOf(0, unit)
	if !ok {
		return s.errorf(s.at, s.at+n+u, "%s has no unit of time; the units are ns us ms s m h d w M q y", rest[:n+u])
	}
	count, err := strconv.ParseInt(rest[:n], 10, 64)
	if err == nil {
		v, ok = DurationOf(count, unit)
	}
	if err != nil || !ok {
		return s.errorf(s.at, s.at+n+u, "%s is not a whole number of units, or too long", rest[:n+u])
	}
	t := s.add(duration, n+u, rest[:n])
	t.value, t.unit = v, unit
	return nil
}

// placeholderLen returns the length of ${NAME} at the start of t, else 0.
func placeholderLen(t string) int {
	if !strings.HasPrefix(t, "${") || len(t) < 4 || !isLetter(t[2]) {
		return 0
	}
	n := 2 + word(t[2:])
	if n < len(t) && t[n] == '}' {
		return n + 1
	}
	return 0
}
