package tfedit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A reference is one use of a variable or a local.
type reference struct {
	kind, name string
	path       steps
	rng        hcl.Range
	by         string          // aws_autoscaling_group.web.max_size
	loop       *hclsyntax.Body // the block, if the reference is its whole for_each
}

// references lists the uses of variables and locals in a module.
func (m *module) references() []reference {
	if m.uses != nil {
		return m.uses
	}
	out := []reference{}
	for _, f := range m.files {
		for _, b := range f.parse().Blocks {
			out = referencesIn(out, b.Body, nameOf(b))
		}
	}
	m.uses = out
	return out
}

// nameOf is how people refer to a block.
func nameOf(b *hclsyntax.Block) string {
	switch b.Type {
	case "resource":
		return strings.Join(b.Labels, ".")
	case "locals":
		return "local"
	}
	return strings.Join(append([]string{b.Type}, b.Labels...), ".")
}

func referencesIn(out []reference, body *hclsyntax.Body, prefix string) []reference {
	for _, a := range body.Attributes {
		for _, t := range hclsyntax.Variables(a.Expr) {
			kind := t.RootName()
			if kind != "var" && kind != "local" || len(t) < 2 {
				continue
			}
			p := stepsOf(t[1:])
			ref := reference{kind: kind, name: p[0].name, path: p[1:], rng: t.SourceRange(), by: prefix + "." + a.Name}
			if a.Name == "for_each" {
				ref.loop = body
			}
			out = append(out, ref)
		}
	}
	for _, b := range body.Blocks {
		inner := b.Type
		if b.Type == "dynamic" && len(b.Labels) == 1 {
			inner = b.Labels[0]
		}
		if b.Type == "content" {
			inner = ""
		}
		out = referencesIn(out, b.Body, strings.TrimSuffix(prefix+"."+inner, "."))
	}
	return out
}

// consumers returns who else uses the variable or local of a hop, as far as the
// value at its path goes.
func (q *query) consumers(h *hop) []string {
	if h.kind == "" || h.mod == nil {
		return nil
	}
	var out []string
	for _, use := range h.mod.references() {
		if use.kind != h.kind || use.name != h.name || h.by.Filename != "" && use.rng.Start.Byte == h.by.Start.Byte && use.rng.Filename == h.by.Filename {
			continue
		}
		if overlap(use.path, h.path) && use.reads(h.path) {
			line, _ := q.r.file(use.rng.Filename).position(use.rng.Start.Byte)
			out = append(out, fmt.Sprintf("%s (%s:%d)", use.by, use.rng.Filename, line))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// overlap reports whether what two paths lead to has something in common.
func overlap(a, b steps) bool {
	for i := range min(len(a), len(b)) {
		if a[i].any || b[i].any || a[i].match != "" || b[i].match != "" || a[i].env || b[i].env {
			continue
		}
		if a[i].name != b[i].name {
			return false
		}
	}
	return true
}

// reads reports whether a block that repeats over a collection reads what
// stands at a path of it: each.value.max_size is not each.value.name.
func (u reference) reads(p steps) bool {
	if u.loop == nil || len(p) <= len(u.path)+1 {
		return true
	}
	p = p[len(u.path)+1:]
	var eaches []steps
	for _, b := range flatten(u.loop) {
		for _, a := range b.Attributes {
			for _, t := range hclsyntax.Variables(a.Expr) {
				s := stepsOf(t[1:])
				if t.RootName() == "each" && len(s) > 0 && s[0].name == "value" {
					eaches = append(eaches, s[1:])
				}
			}
		}
	}
	return slices.ContainsFunc(eaches, func(s steps) bool { return overlap(s, p) })
}

// flatten returns a body and all bodies within.
func flatten(b *hclsyntax.Body) []*hclsyntax.Body {
	out := []*hclsyntax.Body{b}
	for _, c := range b.Blocks {
		out = append(out, flatten(c.Body)...)
	}
	return out
}
