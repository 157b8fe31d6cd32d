package tfedit

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// bom is the byte order mark that some editors put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

// What a file may be before a parser sees it. The parser of HCL recurses for
// each level of nesting, and for each operator: 400 KB of "[" overflow its
// stack, which no program can recover from.
const (
	MaxSize  = 1 << 20 // bytes
	maxDepth = 100     // brackets, blocks, templates and strings within each other
	maxChain = 1000    // operators and template directives that are open at once
)

// screen refuses text that no parser should see; at is where.
func screen(src []byte) (at int, what string) {
	switch {
	case len(src) > MaxSize:
		return 0, fmt.Sprintf("file has %d bytes, want at most %d", len(src), MaxSize)
	case !utf8.Valid(src):
		return firstInvalid(src), "file is not UTF-8"
	case bytes.IndexByte(src, 0) >= 0:
		return bytes.IndexByte(src, 0), "file holds a NUL byte"
	}
	return 0, ""
}

// screenNative refuses text that passed screen, and that the parser of HCL
// should not see.
func screenNative(src []byte) (at int, what string) {
	s := scan{src: src}
	s.run()
	return s.at, s.what
}

func firstInvalid(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return 0
}

// A scan measures how deeply HCL nests without recursion. It follows the
// scanner of package hclsyntax: TestScanAgreesWithLexer and a fuzz target hold
// the two against each other.
// https://github.com/hashicorp/hcl/blob/v2.25.0/hclsyntax/scan_tokens.rl
type scan struct {
	src    []byte
	pos    int
	levels []level
	chain  int    // operators of all open levels
	modes  []byte // what is being read: strings, heredocs, template sequences
	braces int    // as the scanner counts them: { and ${ up, } down
	ends   []int  // values of braces at which a template sequence ends
	docs   []heredoc

	deepest int
	at      int
	what    string // why the text is refused; empty if it is not
}

// A level is something that is open: ( [ { a template sequence T, a string "
// or a heredoc H.
type level struct {
	open  byte
	chain int  // operators since the last separator
	begun bool // a token was read
	loop  bool // {for …}, in which newlines separate nothing
}

type heredoc struct {
	marker string
	start  bool // at the start of a line
}

func (s *scan) refuse(what string) {
	if s.what == "" {
		s.at, s.what = s.pos, what
	}
}

func (s *scan) run() {
	s.src = bytes.TrimPrefix(s.src, bom)
	s.levels = append(s.levels, level{open: '{'})
	var states []func()
	state := s.config
	for s.pos < len(s.src) && s.what == "" {
		before := len(s.modes)
		state()
		switch after := len(s.modes); {
		case after > before:
			states = append(states, state)
			state = s.stateOf(s.modes[after-1])
		case after < before:
			state = states[len(states)-1]
			states = states[:len(states)-1]
		}
	}
}

// stateOf returns the function that reads the inside of a level.
func (s *scan) stateOf(mode byte) func() {
	switch mode {
	case '"':
		return s.text
	case 'H':
		return s.document
	}
	return s.config
}

func (s *scan) push(open byte) {
	s.levels = append(s.levels, level{open: open})
	s.deepest = max(s.deepest, len(s.levels)-1)
	if len(s.levels)-1 > maxDepth {
		s.refuse(fmt.Sprintf("file nests more than %d levels", maxDepth))
	}
}

// pop closes a level. A bracket that closes nothing is ignored: the text will
// not parse, and must not look flatter than it is.
func (s *scan) pop(open byte) {
	if top := len(s.levels) - 1; top > 0 && s.levels[top].open == open {
		s.chain -= s.levels[top].chain
		s.levels = s.levels[:top]
	}
}

func (s *scan) top() *level { return &s.levels[len(s.levels)-1] }

func (s *scan) operator() {
	s.top().chain++
	if s.chain++; s.chain > maxChain {
		s.refuse(fmt.Sprintf("expression has more than %d operators", maxChain))
	}
}

func (s *scan) separator() {
	s.chain -= s.top().chain
	s.top().chain = 0
}

// enter begins to read something with rules of its own.
func (s *scan) enter(mode byte) {
	s.push(mode)
	s.modes = append(s.modes, mode)
}

func (s *scan) leave(mode byte) {
	s.pop(mode)
	s.modes = s.modes[:len(s.modes)-1]
}

// config reads one token outside of strings.
func (s *scan) config() {
	c := s.src[s.pos]
	rest := s.src[s.pos:]
	s.begin(c, rest)
	switch {
	case c == '"':
		s.enter('"')
	case c == '#', bytes.HasPrefix(rest, []byte("//")):
		s.pos += lineEnd(rest) - 1
		s.newline()
	case bytes.HasPrefix(rest, []byte("/*")):
		s.comment(rest)
	case bytes.HasPrefix(rest, []byte("<<")) && s.heredoc(rest):
		return
	case c == '(' || c == '[':
		s.operator()
		s.push(c)
	case c == ')':
		s.pop('(')
	case c == ']':
		s.pop('[')
	case c == '{':
		s.braces++
		s.push('{')
	case c == '}':
		s.closeBrace()
	case c == ',':
		s.separator()
	case c == '\n':
		s.newline()
	case bytes.IndexByte([]byte("!?+-*/%&|<>=.:"), c) >= 0:
		s.operator()
	}
	s.pos++
}

// comment skips a comment in the old style of C. One that does not end is
// refused: the scanner of HCL reads to the end of the file for each.
func (s *scan) comment(rest []byte) {
	n := bytes.Index(rest[2:], []byte("*/"))
	if n < 0 {
		s.refuse("comment does not end")
	}
	s.pos += 2 + n + 1
}

// begin notes whether the level that s is in is a for expression.
func (s *scan) begin(c byte, rest []byte) {
	if c <= ' ' || c == '#' || c == '/' || s.top().begun {
		return
	}
	s.top().begun = true
	s.top().loop = bytes.HasPrefix(rest, []byte("for")) && (len(rest) == 3 || bytes.IndexByte([]byte(" \t\r\n/#"), rest[3]) >= 0)
}

// newline ends a statement where the parser minds newlines.
func (s *scan) newline() {
	if s.top().open == '{' && !s.top().loop {
		s.separator()
	}
}

func (s *scan) closeBrace() {
	n := len(s.ends)
	if n > 0 && s.ends[n-1] == s.braces {
		s.ends = s.ends[:n-1]
		s.leave('T')
	} else {
		s.pop('{')
	}
	s.braces--
}

// heredoc enters a heredoc if rest begins one.
func (s *scan) heredoc(rest []byte) bool {
	n := 2
	if n < len(rest) && rest[n] == '-' {
		n++
	}
	first := n
	for n < len(rest) && isIdent(rest[n], n == first) {
		n++
	}
	marker := string(rest[first:n])
	if n < len(rest) && rest[n] == '\r' {
		n++
	}
	switch {
	case n < len(rest) && rest[n] >= utf8.RuneSelf:
		s.refuse("marker of a heredoc is not ASCII")
		return false
	case marker == "" || n == len(rest) || rest[n] != '\n':
		return false
	}
	s.docs = append(s.docs, heredoc{marker, true})
	s.enter('H')
	s.pos += n + 1
	return true
}

// isIdent reports whether c may stand in an identifier of ASCII letters.
func isIdent(c byte, first bool) bool {
	switch {
	case c == '_', 'a' <= c|0x20 && c|0x20 <= 'z':
		return true
	}
	return !first && (c == '-' || '0' <= c && c <= '9')
}

// text reads a piece of a quoted string.
func (s *scan) text() {
	switch c := s.src[s.pos]; {
	case c == '"':
		s.leave('"')
	case c == '\\' && s.pos+1 < len(s.src) && s.src[s.pos+1] != '\n' && s.src[s.pos+1] != '\r':
		s.pos++
	case c == '$' || c == '%':
		s.dollar()
		return
	}
	s.pos++
}

// document reads a piece of a heredoc.
func (s *scan) document() {
	doc := &s.docs[len(s.docs)-1]
	if doc.start {
		n := lineEnd(s.src[s.pos:])
		line := s.src[s.pos : s.pos+n]
		if line[len(line)-1] == '\n' && string(bytes.TrimSpace(line)) == doc.marker {
			s.docs = s.docs[:len(s.docs)-1]
			s.leave('H')
			s.pos += n
			s.newline()
			return
		}
	}
	switch c := s.src[s.pos]; {
	case c == '\r' && (s.pos+1 == len(s.src) || s.src[s.pos+1] != '\n'):
		s.refuse("carriage return without a newline within a heredoc")
	case c == '$' || c == '%':
		doc.start = false
		s.dollar()
		return
	}
	doc.start = s.src[s.pos] == '\n'
	s.pos++
}

// dollar reads ${ or %{, or what only looks like it.
func (s *scan) dollar() {
	c := s.src[s.pos]
	n := 0
	for s.pos+n < len(s.src) && s.src[s.pos+n] == c {
		n++
	}
	brace := s.pos+n < len(s.src) && s.src[s.pos+n] == '{'
	switch {
	case brace && n > 2:
		s.refuse(fmt.Sprintf("more than two %c before a brace", c))
	case brace && n == 2: // an escape
		s.pos += 3
		return
	case brace:
		if c == '%' {
			s.operator()
		}
		s.braces++
		s.ends = append(s.ends, s.braces)
		s.enter('T')
		s.pos += 2
		return
	}
	s.pos += n
}

// lineEnd returns the length of the first line of b with its newline.
func lineEnd(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}
