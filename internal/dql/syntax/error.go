package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Pos is a place in a text.
type Pos struct {
	Index  int // characters before it
	Line   int // from 1
	Column int // in characters, from 1
}

// An Error says what is wrong with a query and where. Code and ExceptionType
// are Grail's words:
//
//	PARSE_ERROR, PARSE_ERROR_SINGLE_QUOTES   DQL-ERROR-PARSING
//	UNKNOWN_COMMAND, UNKNOWN_FUNCTION, …     DQL-SYNTAX-ERROR
//	FIELD_DOES_NOT_EXIST, …                  DQL-RESULT_TYPE
type Error struct {
	Code          string
	ExceptionType string
	Message       string
	Hint          string // what to write instead, "" if nothing is known
	File          string // "" for a text without a name
	Source        string // the text
	Start         Pos
	End           Pos // the last character, inclusive
}

// Error returns file:line:col: message, with the hint if there is one.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d:%d: %s", e.Start.Line, e.Start.Column, e.Message)
	if e.File != "" {
		s = e.File + ":" + s
	}
	if e.Hint != "" {
		s = strings.TrimSuffix(s, ".") + "; " + e.Hint
	}
	return s
}

// widest is the longest part of a line that a snippet shows.
const widest = 160

// Snippet returns the line of the mistake and, below it, a caret under each of
// its characters.
func (e *Error) Snippet() string {
	line := lineOf(e.Source, e.Start.Line)
	runes := []rune(strings.ToValidUTF8(line, "\uFFFD"))
	at := min(e.Start.Column-1, len(runes))
	length := 1
	if e.End.Line == e.Start.Line {
		length = max(1, min(e.End.Column, len(runes))-at)
	} else if len(runes) > at {
		length = len(runes) - at
	}
	from := max(0, at-widest/2)
	to := min(len(runes), from+widest)
	var b strings.Builder
	b.WriteString(string(runes[from:to]))
	b.WriteByte('\n')
	for _, r := range runes[from:at] {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	b.WriteString(strings.Repeat("^", max(1, min(length, from+widest-at))))
	return b.String()
}

func lineOf(text string, n int) string {
	for ; n > 1; n-- {
		i := strings.IndexByte(text, '\n')
		if i < 0 {
			return ""
		}
		text = text[i+1:]
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r")
}

// Position returns the place of the byte at offset.
func Position(text string, offset int) Pos {
	offset = max(0, min(offset, len(text)))
	before := text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return Pos{
		Index:  utf8.RuneCountInString(before),
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[start:]) + 1,
	}
}

// Exceptions by code; what is not here is a mistake that the parser found.
var exceptions = map[string]string{
	"UNKNOWN_COMMAND":      "DQL-SYNTAX-ERROR",
	"FIELD_DOES_NOT_EXIST": "DQL-RESULT_TYPE",
	"UNKNOWN_DATA_OBJECT":  "DQL-SYNTAX-ERROR",
	"UNKNOWN_FUNCTION":     "DQL-SYNTAX-ERROR",
}

// Errorf returns the error of a code at a node of q.
func (q *Query) Errorf(code string, at Node, format string, args ...any) *Error {
	e := &Error{
		Code: code, ExceptionType: exceptions[code], Message: fmt.Sprintf(format, args...),
		File: q.Name, Source: q.Text,
	}
	if e.ExceptionType == "" {
		e.ExceptionType = "DQL-ERROR-PARSING"
	}
	s := at.Bounds()
	e.Start = Position(q.Text, s.Start)
	_, last := utf8.DecodeLastRuneInString(q.Text[:min(s.End, len(q.Text))])
	e.End = Position(q.Text, max(s.Start, s.End-last))
	return e
}

// With returns e with a hint.
func (e *Error) With(hint string) *Error {
	e.Hint = hint
	return e
}
