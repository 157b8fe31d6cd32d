package tfedit

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxAffects bounds the list of who else takes a value.
const maxAffects = 30

// share says who else takes the value of a place, and moves the change to a
// place of its own where one environment was meant and the value belongs to
// several: into its variables file, or its call of the module.
func (q *query) share(w work, meant, rest []start) (work, error) {
	if moved, ok := q.overlay(w, rest); ok {
		return moved, nil
	}
	var all []string
	for h := q.hops; h != nil; h = h.prev {
		all = append(all, q.consumers(h)...)
	}
	if len(meant) > 1 {
		for _, s := range meant {
			all = append(all, s.who())
		}
	} else if s := meant[0]; s.keyed && !keyed(q.hops) {
		all = append(all, "every instance of "+s.text)
	}
	for _, s := range rest {
		if q.reaches(s, w) {
			all = append(all, s.who())
		}
	}
	all = append(all, q.calls(w, slices.Concat(meant, rest))...)
	if len(meant) == 1 && q.target.Environment+strings.Join(q.target.VarFiles, "") != "" {
		all = append(all, q.environments(meant[0], w)...)
	}
	w.site.Affects = affected(all)
	if q.budget < 0 {
		w.site.Affects = append(w.site.Affects, "perhaps more, that could not be looked through")
	}
	return w, nil
}

// affected sorts a list of who takes a value, and cuts it.
func affected(all []string) []string {
	slices.Sort(all)
	all = slices.Compact(all)
	if n := len(all); n > maxAffects {
		all = append(all[:maxAffects], fmt.Sprintf("and %d more", n-maxAffects))
	}
	return all
}

// calls names the other calls of the module that a place is in, which have it
// in common. Those that starts are about are named already.
func (q *query) calls(w work, starts []start) []string {
	if w.end == nil || path.Dir(w.site.File) != w.end.mod.dir || len(starts) > 1 {
		return nil
	}
	var out []string
	for _, s := range q.r.scopes(w.end.mod.dir) {
		switch h := q.hops; {
		case s.caller == nil && s.inputs == nil, s.id() == w.end.id():
		case h != nil && h.unset != nil && h.mod == w.end.mod && q.sets(s, h.name):
		default:
			out = append(out, s.id())
		}
	}
	return out
}

// sets reports whether a call of a module gives a variable its value.
func (q *query) sets(s *scope, variable string) bool {
	if s.inputs != nil {
		out := q.gruntInput(s.inputs, variable, nil, nil)
		return len(out) != 1 || out[0].kind != absent
	}
	return attribute(s.call, variable) != nil
}

// id says how a module is called: module.a.module.b in live/prod.
func (s *scope) id() string {
	calls := strings.TrimSuffix(s.calls(), ".")
	if s.top().inputs != nil {
		return strings.TrimSpace(calls + " " + s.top().inputs.path)
	}
	return calls + " in " + s.root()
}

// top is the scope of the module that is run.
func (s *scope) top() *scope {
	for s.caller != nil {
		s = s.caller
	}
	return s
}

// environments names the other environments that take a value from the same
// place, as variables files and conditions show them.
func (q *query) environments(s start, w work) []string {
	var out []string
	if top := s.scope; top != nil && top.top().inputs == nil {
		top = top.top()
		for _, f := range q.r.optional(top.mod) {
			if q.target.Environment != "" && names(relative(f.path, top.mod.dir), q.target.Environment) || slices.Contains(q.target.VarFiles, f.path) {
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
	if q.target.Environment == "" {
		return out
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
	other := q.with(t)
	defer func() { q.budget = other.budget }()
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

// with returns a query of another target that goes on with the same budget.
func (q *query) with(t Target) *query {
	out := q.r.query(q.ctx, t)
	out.budget = q.budget
	return out
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
	t := q.target
	t.Environment = ""
	other := q.with(t)
	defer func() { q.budget = other.budget }()
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
		c.insert(s, place{q.r.file(body.SrcRange.Filename), body, h.name})
	default:
		return w, false
	}
	if c.into.file.fault() != nil {
		return w, false
	}
	c.site.Trail = append(slices.Clone(w.site.Trail), c.site.File)
	c.typ = typeOf(h.mod.variables[h.name])
	var all []string
	for ; h != nil; h = h.prev {
		all = append(all, q.consumers(h)...)
	}
	c.site.Affects = affected(all)
	return c.work, true
}
