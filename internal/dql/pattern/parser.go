package pattern

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A parser reads a pattern.
type parser struct {
	text    string
	at      int
	depth   int
	macros  map[string]node
	exports []string
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("pattern: character %d: %s", p.at+1, fmt.Sprintf(format, args...))
}

// space skips white space, comments and commas.
func (p *parser) space() {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch {
		case strings.IndexByte(" \t\r\n,", rest[0]) >= 0:
			p.at++
		case strings.HasPrefix(rest, "//"):
			p.at += until(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			p.at += until(rest, "*/")
		default:
			return
		}
	}
}

func until(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

func (p *parser) accept(token string) bool {
	if strings.HasPrefix(p.text[p.at:], token) {
		p.at += len(token)
		return true
	}
	return false
}

// pattern reads macros, $name = …;, and then the pattern itself.
func (p *parser) pattern() (node, error) {
	for {
		p.space()
		start := p.at
		if !p.accept("$") {
			break
		}
		name := p.word()
		p.space()
		if !p.accept("=") {
			p.at = start
			break
		}
		n, err := p.sequence("")
		if err != nil {
			return nil, err
		}
		if !p.accept(";") {
			return nil, p.errorf("a macro ends with ;")
		}
		p.macros[name] = n
	}
	n, err := p.sequence("")
	if err != nil {
		return nil, err
	}
	p.accept(";")
	p.space()
	if p.at < len(p.text) {
		return nil, p.errorf("unexpected %.20q", p.text[p.at:])
	}
	return n, nil
}

// maxNesting bounds brackets and lookarounds inside each other.
const maxNesting = 100

// sequence reads matchers up to a closing bracket, a | or the end.
func (p *parser) sequence(stop string) (sequence, error) {
	var seq sequence
	for {
		p.space()
		if p.at == len(p.text) || strings.IndexByte(stop+";", p.text[p.at]) >= 0 {
			return ended(seq), nil
		}
		n, err := p.one()
		if err != nil {
			return nil, err
		}
		seq = append(seq, n)
	}
}

// ended lets a final LD take the rest of the line.
func ended(seq sequence) sequence {
	if len(seq) == 0 {
		return seq
	}
	last := len(seq) - 1
	switch n := seq[last].(type) {
	case data:
		seq[last] = rest{n}
	case export:
		if d, ok := n.n.(data); ok {
			seq[last] = export{rest{d}, n.name}
		}
	}
	return seq
}

// one reads a matcher with its lookaround, quantifier and export name.
func (p *parser) one() (node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.errorf("the pattern nests deeper than %d levels", maxNesting)
	}
	defer func() { p.depth-- }()
	for _, l := range []struct {
		sign        string
		behind, not bool
	}{{"!>>", false, true}, {"!<<", true, true}, {">>", false, false}, {"<<", true, false}} {
		if p.accept(l.sign) {
			p.space()
			n, err := p.one()
			return look{n, l.behind, l.not}, err
		}
	}
	n, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.suffix(n)
}

func (p *parser) suffix(n node) (node, error) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '?':
			p.at++
			n = optional{n}
		case c == '*':
			p.at++
			n = times(n, 0, maxBytes)
		case c == '+':
			p.at++
			n = times(n, 1, maxBytes)
		case c == '{':
			min, max, err := p.quantifier()
			if err != nil {
				return nil, err
			}
			n = times(n, min, max)
		case c == ':':
			p.at++
			name, err := p.name()
			if err != nil {
				return nil, err
			}
			if !slices.Contains(p.exports, name) {
				p.exports = append(p.exports, name)
			}
			n = named(n, name)
		default:
			return n, nil
		}
	}
	return n, nil
}

// named exports n; an optional matcher exports what it found, if anything.
func named(n node, name string) node {
	if o, ok := n.(optional); ok {
		return optional{named(o.n, name)}
	}
	return export{n, name}
}

// maxBytes is what + and * stop at.
const maxBytes = 32768

// times gives n a quantifier: characters and lines have their own.
func times(n node, min, max int) node {
	switch n := n.(type) {
	case class:
		n.min, n.max = min, max
		return n
	case data:
		n.min, n.max = min, max
		return n
	}
	return repeat{n, min, max}
}

// quantifier reads {n}, {n,}, {,m} or {n,m}.
func (p *parser) quantifier() (min, max int, err error) {
	end := strings.IndexByte(p.text[p.at:], '}')
	if end < 0 {
		return 0, 0, p.errorf("{ has no }")
	}
	inside := p.text[p.at+1 : p.at+end]
	p.at += end + 1
	low, high, two := strings.Cut(inside, ",")
	min, max = 0, maxBytes
	if low = strings.TrimSpace(low); low != "" {
		min, err = strconv.Atoi(low)
		if !two {
			max = min
		}
	}
	if high = strings.TrimSpace(high); high != "" && err == nil {
		max, err = strconv.Atoi(high)
	}
	if err != nil || min < 0 || max < min || max > maxBytes {
		return 0, 0, p.errorf("{%.20s} isn't a quantifier", inside)
	}
	return min, max, nil
}

func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && (isWord(p.text[p.at])) {
		p.at++
	}
	return p.text[start:p.at]
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// name reads the name of an export: words with dots, or in quotes or backticks.
func (p *parser) name() (string, error) {
	if p.at < len(p.text) && strings.IndexByte("'\"`", p.text[p.at]) >= 0 {
		return p.quoted()
	}
	start := p.at
	for p.word() != "" && strings.HasPrefix(p.text[p.at:], ".") && p.at+1 < len(p.text) && isWord(p.text[p.at+1]) {
		p.at++
	}
	if p.at == start {
		return "", p.errorf("a name is missing")
	}
	return p.text[start:p.at], nil
}

// quoted reads a string in quotes, with \n, \t, \r, \\, \xHH.
func (p *parser) quoted() (string, error) {
	quote := p.text[p.at]
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == quote:
			p.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.text):
			i++
			i += escaped(&b, p.text[i:])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.errorf("string has no closing %c", quote)
}

// escaped writes what the escape at the start of t means; it returns how many
// bytes after the first it took.
func escaped(b *strings.Builder, t string) int {
	switch t[0] {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r':
		b.WriteByte('\r')
	case 'x':
		if len(t) > 2 {
			if v, err := strconv.ParseUint(t[1:3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				return 2
			}
		}
		b.WriteByte('x')
	default:
		b.WriteByte(t[0])
	}
	return 0
}

func (p *parser) primary() (node, error) {
	if p.at == len(p.text) {
		return nil, p.errorf("a matcher is missing")
	}
	switch c := p.text[p.at]; {
	case c == '\'' || c == '"':
		s, err := p.quoted()
		return literal(s), err
	case c == '(':
		p.at++
		return p.group(")")
	case c == '[':
		return p.set()
	case c == '$':
		p.at++
		name := p.word()
		n, ok := p.macros[name]
		if !ok {
			return nil, p.errorf("there's no macro $%s", name)
		}
		return n, nil
	case isWord(c):
		return p.matcher(strings.ToUpper(p.word()))
	}
	return nil, p.errorf("unexpected %.20q", p.text[p.at:])
}

// group reads a sequence or alternatives up to the closing bracket.
func (p *parser) group(closing string) (node, error) {
	var alts alternatives
	for {
		seq, err := p.sequence("|" + closing)
		if err != nil {
			return nil, err
		}
		alts = append(alts, seq)
		if p.accept("|") {
			continue
		}
		if !p.accept(closing) {
			return nil, p.errorf("%s is missing", closing)
		}
		if len(alts) == 1 {
			return seq, nil
		}
		return alts, nil
	}
}

// set reads [a-z_], [^…] or [!…]; [:alnum:] stands for a class in it.
func (p *parser) set() (node, error) {
	p.at++
	not := p.accept("^") || p.accept("!")
	var in [256]bool
	for first := true; ; first = false {
		if p.at >= len(p.text) {
			return nil, p.errorf("] is missing")
		}
		whole := first && p.accept(":") // [:alnum:] is the class itself
		if whole || p.accept("[:") {
			if err := p.posix(&in); err != nil {
				return nil, err
			}
			if whole {
				break
			}
			continue
		}
		if p.text[p.at] == ']' && !first {
			p.at++
			break
		}
		low := p.setByte()
		high := low
		if p.at+1 < len(p.text) && p.text[p.at] == '-' && p.text[p.at+1] != ']' {
			p.at++
			high = p.setByte()
		}
		for b := int(low); b <= int(high); b++ {
			in[b] = true
		}
	}
	return class{in: func(b byte) bool { return in[b] != not }, min: 1, max: 1}, nil
}

// posix reads the rest of [:alnum:] and adds its characters.
func (p *parser) posix(in *[256]bool) error {
	end := strings.Index(p.text[p.at:], ":]")
	if end < 0 {
		return p.errorf(":] is missing")
	}
	f := classes[strings.ToUpper(p.text[p.at:p.at+end])]
	if f == nil {
		return p.errorf("there's no class %.20q", p.text[p.at:p.at+end])
	}
	for b := range in {
		in[b] = in[b] || f(byte(b))
	}
	p.at += end + len(":]")
	return nil
}

// setByte reads a character of a set, maybe escaped.
func (p *parser) setByte() byte {
	c := p.text[p.at]
	p.at++
	if c != '\\' || p.at >= len(p.text) {
		return c
	}
	var b strings.Builder
	n := escaped(&b, p.text[p.at:])
	p.at += 1 + n
	return b.String()[0]
}
