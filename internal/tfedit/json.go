package tfedit

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A jsonReader turns JSON into the expressions that the same values would be in
// HCL, with the ranges of their bytes: everything after it works on one kind of
// tree. Package json of HCL knows no ranges of numbers and of what is within
// templates.
type jsonReader struct {
	path     string
	src      []byte
	pos, end int
	template bool // ${} within strings, and in place of values, is a template
	depth    int
}

// A jsonError is where JSON ends to make sense.
type jsonError struct {
	at   int
	what string
}

func (e *jsonError) Error() string { return e.what }

// readJSON reads one value that fills src[start:end].
func readJSON(path string, src []byte, start, end int, template bool) (hclsyntax.Expression, error) {
	r := &jsonReader{path: path, src: src, pos: start, end: end, template: template}
	e, err := r.value()
	if err != nil {
		return nil, err
	}
	r.space()
	if r.pos < r.end {
		return nil, r.fail("text after the value")
	}
	return e, nil
}

func (r *jsonReader) fail(format string, args ...any) error {
	return &jsonError{r.pos, fmt.Sprintf(format, args...)}
}

func (r *jsonReader) space() {
	for r.pos < r.end && strings.IndexByte(" \t\r\n", r.src[r.pos]) >= 0 {
		r.pos++
	}
}

func (r *jsonReader) peek() byte {
	if r.pos < r.end {
		return r.src[r.pos]
	}
	return 0
}

// since is the range from start to where r stands.
func (r *jsonReader) since(start int) hcl.Range {
	return hcl.Range{Filename: r.path, Start: hcl.Pos{Byte: start}, End: hcl.Pos{Byte: r.pos}}
}

func (r *jsonReader) value() (hclsyntax.Expression, error) {
	r.space()
	if r.depth++; r.depth > maxDepth {
		return nil, r.fail("file nests more than %d levels", maxDepth)
	}
	defer func() { r.depth-- }()
	switch c := r.peek(); {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"':
		return r.text()
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case c == '$' && r.template:
		return r.interpolation()
	}
	return r.word()
}

func (r *jsonReader) word() (hclsyntax.Expression, error) {
	for word, v := range map[string]cty.Value{"true": cty.True, "false": cty.False, "null": cty.NullVal(cty.DynamicPseudoType)} {
		if strings.HasPrefix(string(r.src[r.pos:min(r.end, r.pos+5)]), word) {
			start := r.pos
			r.pos += len(word)
			return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: r.since(start)}, nil
		}
	}
	return nil, r.fail("want a JSON value")
}

func (r *jsonReader) number() (hclsyntax.Expression, error) {
	start := r.pos
	for r.pos < r.end && strings.IndexByte("+-.eE0123456789", r.src[r.pos]) >= 0 {
		r.pos++
	}
	if !json.Valid(r.src[start:r.pos]) {
		r.pos = start
		return nil, r.fail("malformed number")
	}
	// The text is what counts; the value only says that this is a number.
	return &hclsyntax.LiteralValueExpr{Val: cty.Zero, SrcRange: r.since(start)}, nil
}

// interpolation reads ${…} in place of a value.
func (r *jsonReader) interpolation() (hclsyntax.Expression, error) {
	start := r.pos
	if !r.braces() {
		return nil, r.fail("want a JSON value")
	}
	return parseTemplate(r.path, r.src, start, r.pos)
}

// braces moves behind ${…}, in which braces and strings nest.
func (r *jsonReader) braces() bool {
	depth, quoted := 0, false
	for i := r.pos; i < r.end; i++ {
		switch c := r.src[i]; {
		case c == '\n':
			return false
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				r.pos = i + 1
				return true
			}
		}
	}
	return false
}

// text reads a string. In a template it may hold expressions, whose quotes are
// quotes of their own.
func (r *jsonReader) text() (hclsyntax.Expression, error) {
	start := r.pos
	interpolated := false
	for r.pos++; ; {
		switch c := r.peek(); {
		case r.pos >= r.end, c < ' ':
			return nil, r.fail("string is not closed")
		case c == '"':
			r.pos++
			return r.string(start, interpolated)
		case c == '\\':
			r.pos += 2
		case r.template && (c == '$' || c == '%') && r.pos+1 < r.end && r.src[r.pos+1] == '{':
			interpolated = true
			if r.src[r.pos-1] == c || !r.braces() {
				r.pos += 2
			}
		default:
			_, n := utf8.DecodeRune(r.src[r.pos:r.end])
			r.pos += n
		}
	}
}

// string makes an expression of the string that began at start.
func (r *jsonReader) string(start int, interpolated bool) (hclsyntax.Expression, error) {
	raw := r.src[start:r.pos]
	rng := r.since(start)
	if interpolated {
		if e, err := parseTemplate(r.path, r.src, start+1, r.pos-1); err == nil && !strings.Contains(string(raw), `\`) {
			return e, nil
		}
		// Escapes shift the positions of expressions: known to be a template,
		// and no more.
		part := &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: rng}
		return &hclsyntax.TemplateExpr{Parts: []hclsyntax.Expression{part, part}, SrcRange: rng}, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		r.pos = start
		return nil, r.fail("malformed string")
	}
	return &hclsyntax.TemplateExpr{
		Parts:    []hclsyntax.Expression{&hclsyntax.LiteralValueExpr{Val: cty.StringVal(text), SrcRange: rng}},
		SrcRange: rng,
	}, nil
}

func (r *jsonReader) array() (hclsyntax.Expression, error) {
	start := r.pos
	out := &hclsyntax.TupleConsExpr{}
	r.pos++
	for r.space(); r.peek() != ']'; r.space() {
		if len(out.Exprs) > 0 {
			if r.peek() != ',' {
				return nil, r.fail("want , or ]")
			}
			r.pos++
		}
		e, err := r.value()
		if err != nil {
			return nil, err
		}
		out.Exprs = append(out.Exprs, e)
	}
	r.pos++
	out.SrcRange, out.OpenRange = r.since(start), r.since(start)
	return out, nil
}

func (r *jsonReader) object() (hclsyntax.Expression, error) {
	start := r.pos
	out := &hclsyntax.ObjectConsExpr{}
	r.pos++
	for r.space(); r.peek() != '}'; r.space() {
		if len(out.Items) > 0 {
			if r.peek() != ',' {
				return nil, r.fail("want , or }")
			}
			r.pos++
			r.space()
		}
		item, err := r.item()
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item)
	}
	r.pos++
	out.SrcRange, out.OpenRange = r.since(start), r.since(start)
	return out, nil
}

func (r *jsonReader) item() (hclsyntax.ObjectConsItem, error) {
	if r.peek() != '"' {
		return hclsyntax.ObjectConsItem{}, r.fail("want a key in quotes")
	}
	key, err := r.text()
	if err != nil {
		return hclsyntax.ObjectConsItem{}, err
	}
	r.space()
	if r.peek() != ':' {
		return hclsyntax.ObjectConsItem{}, r.fail("want : after the key")
	}
	r.pos++
	value, err := r.value()
	return hclsyntax.ObjectConsItem{KeyExpr: &hclsyntax.ObjectConsKeyExpr{Wrapped: key}, ValueExpr: value}, err
}

// parseTemplate reads a template without quotes that stands at src[start:end].
func parseTemplate(path string, src []byte, start, end int) (hclsyntax.Expression, error) {
	text := src[start:end]
	quoted := append(append([]byte(`x = "`), text...), '"')
	if _, what := screenNative(quoted); what != "" {
		return nil, &jsonError{start, what}
	}
	e, diags := hclsyntax.ParseTemplate(text, path, hcl.Pos{Byte: start})
	if diags.HasErrors() {
		return nil, &jsonError{start, diags[0].Summary}
	}
	return e, nil
}
