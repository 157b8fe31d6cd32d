package tfedit

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/salvehq/salve/internal/patch"
)

// A leaf is a literal: the bytes that an edit replaces.
type leaf struct {
	file       *file
	start, end int
	value      string
	quoted     bool
	null       bool
}

// leafOf returns the literal at an end, or why there is none.
func (q *query) leafOf(r ref) (leaf, *patch.Refusal) {
	f := q.fileOf(r.e)
	if f == nil {
		return leaf{}, &patch.Refusal{Why: "value is not written in a file"}
	}
	if err := f.guard(); err != nil {
		return leaf{}, err.(*patch.Refusal)
	}
	l := leaf{file: f, start: r.e.Range().Start.Byte, end: r.e.Range().End.Byte}
	refuse := func(why, do string) (leaf, *patch.Refusal) {
		return leaf{}, f.refusal(l.start, why, do)
	}
	switch e := r.e.(type) {
	case *hclsyntax.LiteralValueExpr:
		l.null = e.Val.IsNull()
		l.value = string(f.src[l.start:l.end])
		if l.null {
			l.value = ""
		}
		return l, nil
	case *hclsyntax.UnaryOpExpr:
		if inner, ok := e.Val.(*hclsyntax.LiteralValueExpr); ok && e.Op == hclsyntax.OpNegate && inner.Val.Type() == cty.Number {
			l.value = "-" + string(f.src[inner.SrcRange.Start.Byte:inner.SrcRange.End.Byte])
			return l, nil
		}
	case *hclsyntax.TemplateExpr:
		text, ok := constant(e)
		switch {
		case !ok:
			return refuse(fmt.Sprintf("value is interpolated: %s", q.source(e)), "change what is interpolated")
		case f.src[l.start] != '"':
			return refuse("value is a text of several lines", "change it by hand")
		}
		l.start, l.end, l.value, l.quoted = l.start+1, l.end-1, text, true
		return l, nil
	case *hclsyntax.ObjectConsExpr:
		return refuse("value is an object, want one value", "name a key: "+keysOf(e))
	case *hclsyntax.TupleConsExpr:
		return refuse(fmt.Sprintf("value is a list of %d elements, want one value", len(e.Exprs)), "name one: [0]")
	}
	return refuse(fmt.Sprintf("value is computed: %s", q.source(r.e)), "change what it is computed from")
}

// keysOf lists the first keys of an object.
func keysOf(e *hclsyntax.ObjectConsExpr) string {
	var out []string
	for _, m := range members(e) {
		if len(out) == 8 {
			out = append(out, "…")
			break
		}
		out = append(out, m.key)
	}
	return strings.Join(out, ", ")
}
