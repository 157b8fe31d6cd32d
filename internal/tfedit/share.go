package tfedit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxAffects bounds the list of who else takes a value.
const maxAffects = 30

// share says who else takes the value of a place, and moves the change to a
// place of its own where one environment was meant and the value belongs to
// several: into its variables file, or its call of the module.
func (q *query) share(w work, all, meant, rest []start) (work, error) {
	if moved, ok := q.overlay(w, rest); ok {
		return moved, nil
	}
	add := func(s string) {
		if !slices.Contains(w.site.Affects, s) {
			w.site.Affects = append(w.site.Affects, s)
		}
	}
	for h := q.hops; h != nil; h = h.prev {
		for _, s := range q.consumers(h) {
			add(s)
		}
	}
	if len(meant) > 1 {
		for _, s := range meant {
			add(s.who())
		}
	} else if s := meant[0]; s.keyed && !keyed(q.hops) {
		add("every instance of " + s.text)
	}
	for _, s := range rest {
		if q.reaches(s, w) {
			add(s.who())
		}
	}
	if q.target.Environment != "" && len(meant) == 1 {
		for _, s := range q.environments(meant[0], w) {
			add(s)
		}
	}
	slices.Sort(w.site.Affects)
	if n := len(w.site.Affects); n > maxAffects {
		w.site.Affects = append(w.site.Affects[:maxAffects], fmt.Sprintf("and %d more", n-maxAffects))
	}
	return w, nil
}

// environments names the other environments that take a value from the same
// place, as variables files and conditions show them.
func (q *query) environments(s start, w work) []string {
	var out []string
	if s.scope != nil && s.scope.caller == nil && s.scope.inputs == nil {
		for _, f := range q.r.optional(s.scope.mod) {
			if names(relative(f.path, s.scope.mod.dir), q.target.Environment) {
				continue
			}
			if t := q.target; f.path != w.site.File {
				t.Environment, t.VarFiles = "", []string{f.path}
				if q.ends(t, w) {
					out = append(out, "what "+f.path+" is for")
				}
			}
		}
	}
	none, another := q.target, q.target
	none.Environment, another.Environment = "", "\x00"
	if len(out) == 0 && !q.ends(none, w) && q.ends(another, w) {
		out = append(out, "every environment that is not named there")
	}
	return out
}

// ends reports whether a target is decided, and ends at the same place.
func (q *query) ends(t Target, w work) bool {
	other := q.r.query(q.ctx, t)
	p, err := parseAddress(t.Address)
	if err != nil {
		return false
	}
	starts, err := other.starts(p)
	if err != nil {
		return false
	}
	var all []candidate
	meant, _ := divide(starts, t.Environment)
	for _, s := range meant {
		found, err := other.candidates(s)
		if err != nil {
			return false
		}
		all = append(all, found...)
	}
	got, err := other.decide(all)
	return err == nil && got.site.File == w.site.File && got.site.Start == w.site.Start
}

// who says of which root module a start is a part.
func (s start) who() string {
	if s.scope == nil {
		return s.label
	}
	return fmt.Sprintf("%s as called from %s", s.text, s.scope.root())
}

// keyed reports whether a value depends on which instance was named.
func keyed(h *hop) bool {
	for ; h != nil; h = h.prev {
		if h.keyed {
			return true
		}
	}
	return false
}

// reaches reports whether another start ends at the same place.
func (q *query) reaches(s start, w work) bool {
	other := q.r.query(q.ctx, q.target)
	other.target.Environment = ""
	found, err := other.candidates(s)
	return err == nil && slices.ContainsFunc(found, func(c candidate) bool {
		return c.why == nil && c.site.File == w.site.File && c.site.Start == w.site.Start
	})
}

// overlay moves a change of what several environments take to a place that
// belongs to the one that was meant.
func (q *query) overlay(w work, rest []start) (work, bool) {
	h := q.hops
	for h != nil && h.kind == "" && !h.keyed {
		h = h.prev
	}
	if h == nil || h.kind != "var" || len(h.path) > 0 || q.target.Environment == "" && len(q.target.VarFiles) == 0 {
		return w, false
	}
	c := candidate{work: w, hop: h}
	s := start{label: w.site.Trail[0]}
	switch {
	case len(h.over) == 1 && h.over[0].guard() == nil:
		c.insert(s, place{h.over[0], h.over[0].parse(), h.name})
	case h.unset != nil && len(h.unset.call) > 0 && slices.ContainsFunc(rest, func(s start) bool { return q.reaches(s, w) }):
		body := h.unset.call[0].Body
		c.insert(s, place{q.r.files[body.SrcRange.Filename], body, h.name})
	default:
		return w, false
	}
	if c.into.file.fault != nil {
		return w, false
	}
	c.site.Trail = append(slices.Clone(w.site.Trail), c.site.File)
	c.typ = typeOf(h.mod.variables[h.name])
	return c.work, true
}

// A reference is one use of a variable or a local.
type reference struct {
	kind, name string
	path       steps
	rng        hcl.Range
	by         string          // aws_autoscaling_group.web.max_size
	loop       *hclsyntax.Body // the block, if the reference is its whole for_each
}

// references lists the uses of variables and locals in a module.
func (r *Repository) references(m *module) []reference {
	if refs, ok := r.uses[m]; ok {
		return refs
	}
	var out []reference
	for _, f := range m.files {
		for _, b := range f.parse().Blocks {
			out = referencesIn(out, b.Body, nameOf(b))
		}
	}
	r.uses[m] = out
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
	for _, use := range q.r.references(h.mod) {
		if use.kind != h.kind || use.name != h.name || h.by.Filename != "" && use.rng.Start.Byte == h.by.Start.Byte && use.rng.Filename == h.by.Filename {
			continue
		}
		if overlap(use.path, h.path) && use.reads(h.path) {
			line, _ := q.r.files[use.rng.Filename].position(use.rng.Start.Byte)
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
