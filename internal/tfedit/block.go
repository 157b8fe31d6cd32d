package tfedit

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/patch"
)

// within follows a path into the body of a block.
func (q *query) within(body *hclsyntax.Body, p steps, s *scope, t *hop) []ref {
	if a := body.Attributes[p[0].name]; a != nil && !p[0].index {
		return q.follow(a.Expr, p[1:], s, t)
	}
	items, dynamic := q.blocks(body, p[0].name, s, t)
	if len(items) == 0 && len(dynamic) == 0 {
		return []ref{{kind: absent, t: t, left: p, body: body, file: q.r.file(body.SrcRange.Filename), s: s}}
	}
	if len(dynamic) > 0 && dynamic[0].kind == refused {
		return dynamic[:1]
	}
	all := append(items, dynamic...)
	rest := p[1:]
	switch {
	case len(rest) == 0:
		return []ref{{kind: refused, t: t, why: q.r.file(body.SrcRange.Filename).refusal(all[0].body.SrcRange.Start.Byte, p[0].name+" is a block, want one value", "name an attribute of it")}}
	case !rest[0].index:
		return q.inAll(all, rest)
	}
	var out []ref
	for i, b := range all {
		if rest[0].any || rest[0].match == "" && rest[0].name == strconv.Itoa(i) || rest[0].match != "" && q.named(b, rest[0]) {
			out = append(out, q.further(b, rest[1:])...)
		}
	}
	if len(out) == 0 {
		return []ref{{kind: absent, t: t, left: p, file: q.r.file(body.SrcRange.Filename)}}
	}
	return out
}

// inAll follows a path into each of several blocks.
func (q *query) inAll(all []ref, p steps) []ref {
	var out []ref
	for _, b := range all {
		out = append(out, q.further(b, p)...)
	}
	return out
}

// blocks returns the nested blocks of a type: those that are written, and those
// that dynamic blocks make.
// https://developer.hashicorp.com/terraform/language/expressions/dynamic-blocks
func (q *query) blocks(body *hclsyntax.Body, typ string, s *scope, t *hop) (static, dynamic []ref) {
	for _, b := range body.Blocks {
		switch {
		case b.Type == typ:
			static = append(static, ref{kind: block, body: b.Body, s: s, t: t, file: q.r.file(body.SrcRange.Filename)})
		case b.Type == "dynamic" && len(b.Labels) == 1 && b.Labels[0] == typ:
			dynamic = append(dynamic, q.dynamic(b, s, t)...)
		}
	}
	return static, dynamic
}

func (q *query) dynamic(b *hclsyntax.Block, s *scope, t *hop) []ref {
	f := q.r.file(b.Body.SrcRange.Filename)
	forEach := b.Body.Attributes["for_each"]
	var content *hclsyntax.Body
	for _, c := range b.Body.Blocks {
		if c.Type == "content" {
			content = c.Body
		}
	}
	if forEach == nil || content == nil {
		return refuseAt(f, b.TypeRange.Start.Byte, t, "dynamic block has no for_each or no content", "")
	}
	name := b.Labels[0]
	if it := b.Body.Attributes["iterator"]; it != nil {
		if word, ok := it.Expr.(*hclsyntax.ScopeTraversalExpr); ok {
			name = word.Traversal.RootName()
		}
	}
	items, ok := q.elements(q.follow(forEach.Expr, nil, s, t))
	if !ok {
		// What does not depend on the element can still be read.
		unknown := refuseAt(f, forEach.SrcRange.Start.Byte, t, "elements of the dynamic block are not known", "")[0]
		inner := s.with(name+".value", unknown).with(name+".key", unknown)
		return []ref{{kind: block, body: content, s: inner, t: t, file: f}}
	}
	var out []ref
	for _, item := range items {
		inner := s.with(name+".value", item.value).with(name+".key", ref{kind: constants, text: item.key, t: t})
		out = append(out, ref{kind: block, body: content, s: inner, t: t, file: f})
	}
	return out
}

// iterator follows NAME.value and NAME.key of a dynamic block.
func (s *scope) iterator(root string, rest steps) (ref, steps, bool) {
	if len(rest) == 0 {
		return ref{}, nil, false
	}
	r, ok := s.lookup(root + "." + rest[0].name)
	return r, rest[1:], ok
}

// embedded returns the JSON that a text holds, as an expression; nil for text
// that is not JSON.
func (q *query) embedded(e *hclsyntax.TemplateExpr) (hclsyntax.Expression, error) {
	f, rng := q.fileOf(e), e.Range()
	if f == nil {
		return nil, nil
	}
	raw := f.src[rng.Start.Byte:rng.End.Byte]
	start, end := rng.Start.Byte, rng.End.Byte
	switch {
	case strings.HasPrefix(string(raw), "<<"):
		start += lineEnd(raw)
		// The range ends with the marker, which stands alone on its line.
		end = start + strings.LastIndexByte(strings.TrimRight(string(f.src[start:end]), "\r\n"), '\n') + 1
	default:
		return nil, nil
	}
	body := strings.TrimSpace(string(f.src[start:max(start, end)]))
	if !strings.HasPrefix(body, "{") && !strings.HasPrefix(body, "[") {
		return nil, nil
	}
	known := f.tree().inner
	if inner, ok := known.Load(start); ok {
		return inner.(hclsyntax.Expression), nil
	}
	inner, err := readJSON(f.path, f.src, start, end, true)
	if err != nil {
		return nil, &patch.Refusal{Path: f.path, Why: err.Error()}
	}
	known.Store(start, inner)
	return inner, nil
}
