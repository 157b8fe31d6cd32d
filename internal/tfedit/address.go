package tfedit

import (
	"fmt"
	"strconv"
	"strings"
)

// maxAddress bounds addresses, which come from files of repositories.
const maxAddress = 1024

// A step goes from a value to one within it.
type step struct {
	name  string // attribute or key; of an index of a list: its digits
	index bool   // written in brackets
	match string // [match=name]: the element whose attribute match has the value name
	any   bool   // an element that is not known: all of them could be meant
	env   bool   // name is an environment, however it is spelled
}

func (s step) String() string {
	switch {
	case s.any:
		return "[*]"
	case s.match != "":
		return fmt.Sprintf("[%s=%s]", s.match, s.name)
	case s.index && isNumber(s.name):
		return "[" + s.name + "]"
	case s.index:
		return fmt.Sprintf("[%q]", s.name)
	}
	return "." + s.name
}

// noun is what a step looks for, for messages.
func (s step) noun() string {
	switch {
	case s.any:
		return "element"
	case s.match != "":
		return fmt.Sprintf("element whose %s is %s", s.match, s.name)
	case s.index && isNumber(s.name):
		return "element " + s.name
	}
	return s.name
}

// A path leads from a value to one within it.
type steps []step

func (p steps) String() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteString(s.String())
	}
	return strings.TrimPrefix(b.String(), ".")
}

// then returns p and q as one path.
func (p steps) then(q steps) steps {
	if len(p) == 0 {
		return q
	}
	return append(p[:len(p):len(p)], q...)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}

// parseAddress reads an address.
func parseAddress(text string) (steps, error) {
	fail := func(at int, what string) (steps, error) {
		return nil, fmt.Errorf("address %.80q: character %d: %s", text, at+1, what)
	}
	if len(text) > maxAddress {
		return nil, fmt.Errorf("address of %d bytes, want at most %d", len(text), maxAddress)
	}
	var out steps
	for i := 0; i < len(text); {
		switch {
		case text[i] == '[':
			s, n, err := parseIndex(text[i:])
			if err != nil {
				return fail(i, err.Error())
			}
			out = append(out, s)
			i += n
		case text[i] == '.' && i > 0 || len(out) == 0:
			if text[i] == '.' {
				i++
			}
			n := 0
			for i+n < len(text) && strings.IndexByte(".[] \"\n", text[i+n]) < 0 {
				n++
			}
			if n == 0 {
				return fail(i, "want a name")
			}
			out = append(out, step{name: text[i : i+n]})
			i += n
		default:
			return fail(i, "want . or [")
		}
	}
	if len(out) == 0 {
		return fail(0, "want a name")
	}
	return out, nil
}

// parseIndex reads [0], ["key"], [key=value], [*] at the start of text.
func parseIndex(text string) (s step, length int, err error) {
	body := text[1:]
	if strings.HasPrefix(body, `"`) {
		quoted, err := strconv.QuotedPrefix(body)
		if err != nil || !strings.HasPrefix(body[len(quoted):], "]") {
			return s, 0, fmt.Errorf(`want ["key"]`)
		}
		name, err := strconv.Unquote(quoted)
		return step{name: name, index: true}, len(quoted) + 2, err
	}
	end := strings.IndexByte(body, ']')
	if end < 0 {
		return s, 0, fmt.Errorf("want a closing bracket")
	}
	body = body[:end]
	if body == "*" {
		return step{index: true, any: true}, end + 2, nil
	}
	if key, value, ok := strings.Cut(body, "="); ok && key != "" {
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		return step{name: value, index: true, match: key}, end + 2, nil
	}
	if !isNumber(body) {
		return s, 0, fmt.Errorf(`want [0], ["key"] or [name=value]`)
	}
	return step{name: body, index: true}, end + 2, nil
}
