package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// A header is what the comment at the top of a query file declares.
type header struct {
	doc      string
	params   []Param
	columns  []Column
	decision string // name of a column
}

// The directives of a header, each a comment line of its own:
//
//	// @param    NAME TYPE [what it is]
//	// @column   name TYPE [WORD | WORD …]
//	// @decision name TYPE WORD | WORD …
//
// Every other line of the comment is documentation. The first line that is not
// a comment ends the header.
const (
	atParam    = "@param"
	atColumn   = "@column"
	atDecision = "@decision"
)

// readHeader reads the header of a file; errors start with file:line:col.
func readHeader(file, text string) (header, error) {
	var h header
	var doc []string
	n := 0
	for line := range strings.Lines(text) {
		n++
		rest, ok := strings.CutPrefix(line, "//")
		if !ok {
			break
		}
		at := func(err error) error { return fmt.Errorf("%s:%d:1: %w", file, n, err) }
		rest = strings.TrimSpace(rest)
		if !strings.HasPrefix(rest, "@") || blockMark(rest) {
			doc = append(doc, rest)
			continue
		}
		if err := h.directive(strings.Fields(rest)); err != nil {
			return header{}, at(err)
		}
	}
	h.doc = strings.TrimSpace(strings.Join(doc, "\n"))
	return h, nil
}

// directive takes one directive in.
func (h *header) directive(words []string) error {
	kind := words[0]
	if !slices.Contains([]string{atParam, atColumn, atDecision}, kind) {
		return fmt.Errorf("%s: want %s, %s or %s", kind, atParam, atColumn, atDecision)
	}
	if len(words) < 3 {
		return fmt.Errorf("%s: want a name and a type", kind)
	}
	name, typ, rest := words[1], words[2], words[3:]
	if kind == atParam {
		return h.param(name, typ, strings.Join(rest, " "))
	}
	return h.column(name, typ, rest, kind == atDecision)
}

func (h *header) param(name, typ, doc string) error {
	t := ParamType(typ)
	if !slices.Contains(paramTypes, t) {
		return fmt.Errorf("%s %s: type %s: want one of %v", atParam, name, typ, paramTypes)
	}
	if slices.ContainsFunc(h.params, func(p Param) bool { return p.Name == name }) {
		return fmt.Errorf("%s %s is declared twice", atParam, name)
	}
	h.params = append(h.params, Param{name, t, doc})
	return nil
}

func (h *header) column(name, typ string, rest []string, decision bool) error {
	kind, ok := columnKind(typ)
	if !ok {
		return fmt.Errorf("%s %s: type %s: want one of %v", atColumn, name, typ, columnTypes())
	}
	if slices.ContainsFunc(h.columns, func(c Column) bool { return c.Name == name }) {
		return fmt.Errorf("%s %s is declared twice", atColumn, name)
	}
	words, err := alternatives(rest)
	if err != nil {
		return fmt.Errorf("%s %s: %w", atColumn, name, err)
	}
	if len(words) > 0 && kind != dql.KindString {
		return fmt.Errorf("%s %s: words are for type string, not %s", atColumn, name, typ)
	}
	h.columns = append(h.columns, Column{name, kind, words})
	switch {
	case !decision:
		return nil
	case h.decision != "":
		return fmt.Errorf("%s %s: %s is the decision already", atDecision, name, h.decision)
	case len(words) == 0:
		return fmt.Errorf("%s %s: want the words it may hold: WORD | WORD", atDecision, name)
	}
	h.decision = name
	return nil
}

// alternatives reads "A | B | C".
func alternatives(fields []string) ([]string, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	var words []string
	for w := range strings.SplitSeq(strings.Join(fields, " "), "|") {
		w = strings.TrimSpace(w)
		if w == "" || strings.Contains(w, " ") || slices.Contains(words, w) {
			return nil, fmt.Errorf("%q: want different words, such as BLOCK | WARN", strings.Join(fields, " "))
		}
		words = append(words, w)
	}
	return words, nil
}

// columnKinds are the types that a column may be declared with.
var columnKinds = []dql.Kind{
	dql.KindBoolean, dql.KindLong, dql.KindDouble, dql.KindString, dql.KindTimestamp,
	dql.KindDuration, dql.KindArray, dql.KindRecord,
}

func columnKind(typ string) (dql.Kind, bool) {
	for _, k := range columnKinds {
		if k.String() == typ {
			return k, true
		}
	}
	return dql.KindNull, false
}

func columnTypes() []string {
	var out []string
	for _, k := range columnKinds {
		out = append(out, k.String())
	}
	return out
}
