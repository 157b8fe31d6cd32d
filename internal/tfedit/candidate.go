package tfedit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/patch"
)

// A place is a body that has not got an attribute yet.
type place struct {
	file *file
	body *hclsyntax.Body
	name string
}

// A candidate is one place that could be meant.
type candidate struct {
	work
	hop *hop
	why *patch.Refusal // why it is no place
}

// candidates follows one start to its ends.
func (q *query) candidates(s start) ([]candidate, error) {
	if s.scope != nil {
		for c := s.scope; c != nil; c = c.caller {
			if c.mod.fault != nil {
				return nil, c.mod.fault.refusal()
			}
		}
	}
	if err := q.ignored(s); err != nil {
		return []candidate{{why: err}}, nil
	}
	var out []candidate
	for _, r := range s.follow() {
		out = append(out, q.candidate(s, r))
	}
	out = distinct(out)
	if err := q.ctx.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// key tells places, and reasons, apart.
func (c candidate) key() string {
	if c.why != nil {
		return c.why.Error()
	}
	return fmt.Sprintf("%s:%d:%d", c.site.File, c.site.Start, c.site.End)
}

// distinct leaves out places that are there already.
func distinct(all []candidate) []candidate {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(c candidate) bool {
		k := c.key()
		was := seen[k]
		seen[k] = true
		return was
	})
}

// candidate makes a place of an end.
func (q *query) candidate(s start, r ref) candidate {
	c := candidate{hop: r.t, work: work{end: r.s}}
	switch r.kind {
	case refused:
		c.why = r.why
	case constants:
		if c.why = r.why; c.why != nil {
			break
		}
		c.why = &patch.Refusal{Why: fmt.Sprintf("value is given from outside of the repository: %q", r.text), Do: "change it where it is given"}
	case block:
		c.why = r.file.refusal(r.body.SrcRange.Start.Byte, "is a block, want one value", "name an attribute of it")
	case absent:
		q.add(&c, s, r)
	default:
		l, why := q.leafOf(r)
		if c.why = why; why == nil {
			c.put(s, l)
		}
	}
	return c
}

// put makes the candidate of a literal.
func (c *candidate) put(s start, l leaf) {
	c.leaf, c.file = l, l.file
	c.site = Site{File: l.file.path, Start: l.start, End: l.end, Value: l.value, Quoted: l.quoted, Written: !l.null, Address: s.label}
	c.site.Line, c.site.Col = l.file.position(l.start)
	c.trail(s)
}

// trail says how the candidate was found, and what its place is called.
func (c *candidate) trail(s start) {
	c.site.Trail = nil
	for h := c.hop; h != nil; h = h.prev {
		if h.text != "" && !h.keyed {
			c.site.Trail = append(c.site.Trail, h.text)
		}
		if h.kind != "" && c.site.Address == s.label {
			c.site.Address = strings.TrimPrefix((steps{{name: h.kind}, {name: h.name}}).then(h.path).String(), ".")
		}
	}
	c.site.Trail = append(c.site.Trail, s.label)
	slices.Reverse(c.site.Trail)
	if last := c.site.Trail[len(c.site.Trail)-1]; last != c.site.File && c.hop != nil && s.file != nil && path.Dir(s.file.path) != path.Dir(c.site.File) {
		c.site.Trail = append(c.site.Trail, c.site.File)
	}
}

// add makes the candidate of a value that is written nowhere: an attribute that
// the block could get.
func (q *query) add(c *candidate, s start, r ref) {
	if r.body == nil || len(r.left) != 1 || r.left[0].index || r.file == nil {
		c.why = &patch.Refusal{Why: fmt.Sprintf("%s is not written", s.label)}
		if r.file != nil {
			c.why.Path = r.file.path
		}
		if len(r.left) > 0 {
			c.why.Why = fmt.Sprintf("%s: there is no %s", s.label, r.left[0].noun())
		}
		return
	}
	c.insert(s, place{r.file, r.body, r.left[0].name})
	if len(s.blocks) > 0 && s.blocks[0].Type == "module" {
		q.argument(c, s)
	}
}

// insert makes the candidate of an attribute that is to be added.
func (c *candidate) insert(s start, into place) {
	c.into, c.file = into, into.file
	at := into.body.SrcRange.Start.Byte
	c.site = Site{File: into.file.path, Start: at, End: at, Address: s.label, Value: c.site.Value}
	c.site.Line, c.site.Col = into.file.position(at)
	c.trail(s)
}

// argument reads the value that a module gives to an argument that its caller
// leaves out.
func (q *query) argument(c *candidate, s start) {
	dir := q.r.local(s.scope.mod.dir, s.blocks)
	if dir == "" {
		return
	}
	m := q.r.module(dir)
	b := m.variables[c.into.name]
	if b == nil {
		c.why = c.into.file.refusal(c.site.Start, fmt.Sprintf("module %s has no variable %s", s.blocks[0].Labels[0], c.into.name), "")
		return
	}
	c.typ = typeOf(b)
	if d := b.Body.Attributes["default"]; d != nil {
		if v, ok := q.scalar(d.Expr, &scope{mod: m}); ok {
			c.site.Value = v.text
		}
	}
}

// typeOf returns the type of a variable if it is one word.
func typeOf(b *hclsyntax.Block) string {
	if b == nil || b.Body.Attributes["type"] == nil {
		return ""
	}
	switch e := b.Body.Attributes["type"].Expr.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return e.Traversal.RootName()
	case *hclsyntax.TemplateExpr:
		s, _ := constant(e)
		return s
	}
	return ""
}
