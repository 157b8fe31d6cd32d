package kubeedit

import (
	"bytes"
	"strings"
)

// head reads kind and name of an object from lines that start without
// indentation, which is how nearly all manifests are written, and saves parsing
// them. ok is false if the document has to be parsed to know.
func (d *Document) head() (o Object, ok bool) {
	o = Object{Doc: d, Line: d.Line}
	text := d.Text()
	if !bytes.Contains(text, []byte("kind")) {
		return o, true
	}
	metadata, indent, first := false, 0, true
	for line := 0; len(text) > 0; line++ {
		l := nextLine(text)
		text = text[len(l):]
		if blank(l) || l[0] == '%' || marker(l, "...") {
			continue
		}
		if marker(l, "---") {
			if !blank(l[3:]) {
				return o, false
			}
			continue
		}
		if first {
			o.Line, first = d.Line+line, false
			if lead(l) > 0 {
				return o, false
			}
		}
		switch n := lead(l); {
		case l[0] == '\t':
			return o, false
		case n == 0 && l[0] == '-':
			metadata = false
		case n == 0:
			key, value, plain := entry(l)
			metadata, indent = key == "metadata", 0
			if key == "" || key == "items" || metadata && value != "" || !o.take(key, value, plain) {
				return o, false
			}
		case metadata:
			if indent == 0 {
				indent = n
			}
			if n != indent {
				continue
			}
			key, value, plain := entry(l[n:])
			if key == "" || !o.take("metadata."+key, value, plain) {
				return o, false
			}
		}
	}
	return o, strings.TrimSuffix(o.Kind, "List") == o.Kind
}

// take keeps an entry that is looked for; false if it is there already, or not
// a plain word.
func (o *Object) take(key, value string, plain bool) bool {
	var to *string
	switch key {
	case "apiVersion":
		to = &o.APIVersion
	case "kind":
		to = &o.Kind
	case "metadata.name":
		to = &o.Name
	case "metadata.namespace":
		to = &o.Namespace
	default:
		return true
	}
	if *to != "" || value == "" || !plain {
		return false
	}
	*to = value
	return true
}

// lead is the number of spaces that a line starts with.
func lead(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

// entry splits "key: value # comment"; an empty key means that the line is
// something else. plain is false for a value that is more than a word.
func entry(line []byte) (key, value string, plain bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return "", "", false
	}
	key = string(line[:colon])
	if !word(key) {
		return "", "", false
	}
	rest := line[colon+1:]
	if len(rest) > 0 && !isSpace(rest[0]) {
		return "", "", false
	}
	if i := bytes.Index(rest, []byte(" #")); i >= 0 {
		rest = rest[:i]
	}
	value = string(bytes.TrimSpace(rest))
	if n := len(value); n > 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return key, value, value == "" || word(value)
}

// word reports whether s has only characters that mean themselves.
func word(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '/', c == '-' && i > 0, c == '_':
		default:
			return false
		}
	}
	return s != ""
}
