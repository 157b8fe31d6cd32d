package tfedit

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/patch"
)

// Locate returns the one place where a value is written. It fails with an
// [*AmbiguousError] if there are several, and with a [*patch.Refusal] if there
// is none that may be changed.
func (r *Repository) Locate(ctx context.Context, t Target) (Site, error) {
	w, err := r.locate(ctx, t)
	return w.site, err
}

// A work is a located target.
type work struct {
	site  Site
	file  *file
	leaf  leaf
	null  bool
	into  place  // where an attribute is added; its file is nil for a value that is replaced
	typ   string // of the variable that an added attribute sets: "number", "string", …; may be empty
	scope *scope
}

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

func (r *Repository) locate(ctx context.Context, t Target) (work, error) {
	if err := ctx.Err(); err != nil {
		return work{}, err
	}
	p, err := parseAddress(t.Address)
	if err != nil {
		return work{}, &patch.Refusal{Why: err.Error(), Do: "write it as Terraform does: type.name.attribute"}
	}
	t.Dir, t.File = clean(t.Dir), clean(t.File)
	q := r.query(ctx, t)
	starts, err := q.starts(p)
	if err != nil {
		return work{}, err
	}
	meant, rest := divide(starts, t.Environment)
	var all []candidate
	for _, s := range meant {
		found, err := q.candidates(s)
		if err != nil {
			return work{}, err
		}
		all = append(all, found...)
	}
	w, err := q.decide(all)
	if err != nil {
		return w, err
	}
	return q.share(w, starts, meant, rest)
}

// clean turns a path of the caller into one as the repository has it; an empty
// one stays empty.
func clean(p string) string {
	if p == "" {
		return ""
	}
	return strings.TrimPrefix(path.Clean(p), "/")
}

// A start is where following an address begins.
type start struct {
	text   string // address without the attribute's path: "aws_autoscaling_group.web"
	label  string // as people would write it: the whole address
	file   *file  // that the start is written in
	scope  *scope
	blocks []*hclsyntax.Block // of a resource or module
	path   steps
	keyed  bool // an instance was named
	follow func() []ref
}

// divide splits starts into those of an environment and the others. Without an
// environment, or where no directory says of which it is, all are meant.
func divide(all []start, environment string) (meant, rest []start) {
	if environment == "" {
		return all, nil
	}
	for _, keep := range []func(start) bool{
		func(s start) bool { return names(s.where(), environment) },
		func(s start) bool { return !others(s.where(), environment) },
	} {
		meant, rest = nil, nil
		for _, s := range all {
			if keep(s) {
				meant = append(meant, s)
			} else {
				rest = append(rest, s)
			}
		}
		if len(meant) > 0 {
			return meant, rest
		}
	}
	return all, nil
}

// where is what tells by its words of which environment a start is: the
// directory of the root module, and how the modules are called.
func (s start) where() string {
	if s.scope == nil {
		return ""
	}
	out := s.scope.root()
	for c := s.scope; c != nil; c = c.caller {
		if len(c.call) > 0 {
			out += "/" + c.call[0].Labels[0]
		}
	}
	return out
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
		c := q.candidate(s, r)
		if !slices.ContainsFunc(out, c.same) {
			out = append(out, c)
		}
	}
	if err := q.ctx.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

func (c candidate) same(o candidate) bool {
	if c.why != nil || o.why != nil {
		return c.why != nil && o.why != nil && c.why.Error() == o.why.Error()
	}
	return c.site.File == o.site.File && c.site.Start == o.site.Start && c.site.End == o.site.End
}

// candidate makes a place of an end.
func (q *query) candidate(s start, r ref) candidate {
	c := candidate{hop: r.t, work: work{scope: s.scope}}
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

// decide returns the one candidate that there is.
func (q *query) decide(all []candidate) (work, error) {
	var sites []candidate
	var why []*patch.Refusal
	for _, c := range all {
		switch {
		case c.why != nil:
			why = append(why, c.why)
		case !slices.ContainsFunc(sites, c.same):
			sites = append(sites, c)
		}
	}
	if len(sites) > 1 && q.target.File != "" {
		in := slices.DeleteFunc(slices.Clone(sites), func(c candidate) bool { return c.site.File != q.target.File })
		if len(in) == 1 {
			sites, why = in, nil
		}
	}
	switch {
	case len(sites) == 0 && len(why) > 0:
		return work{}, why[0]
	case len(sites) == 0:
		return work{}, &patch.Refusal{Path: q.target.File, Why: fmt.Sprintf("%s is not written anywhere", q.target.Address)}
	case len(sites) > 1:
		return work{}, q.ambiguous(sites)
	case len(why) > 0:
		return work{}, &patch.Refusal{
			Path: sites[0].site.File, Line: sites[0].site.Line, Col: sites[0].site.Col,
			Why: fmt.Sprintf("whether the value comes from here is not known; elsewhere: %v", why[0]),
			Do:  q.advice(),
		}
	}
	w := sites[0].work
	if sites[0].hop != nil {
		w.site.Affects = nil
	}
	q.hops = sites[0].hop
	return w, nil
}

// advice says what would decide between places.
func (q *query) advice() string {
	if q.target.Environment == "" {
		return "name the environment, a variables file or the file"
	}
	return "name a variables file, a variable or the file"
}

func (q *query) ambiguous(sites []candidate) error {
	e := &AmbiguousError{Target: q.target, Do: q.advice()}
	for _, c := range sites {
		e.Candidates = append(e.Candidates, c.site)
	}
	slices.SortFunc(e.Candidates, func(a, b Site) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Start, b.Start))
	})
	return e
}

// starts finds where an address begins.
func (q *query) starts(p steps) ([]start, error) {
	if f := q.r.files[q.target.File]; f != nil && f.kind == data {
		return q.startData(f, p)
	}
	if p[0].name == "resource" && len(p) > 3 {
		p = p[1:]
	}
	var out []start
	need := heads(p)
	for _, dir := range q.dirs(need) {
		for _, s := range q.r.scopes(dir) {
			out = append(out, q.startsIn(s, p)...)
		}
	}
	if p[0].name == "inputs" || p[0].name == "local" {
		out = append(out, q.startGrunt(p)...)
	}
	if q.target.File != "" {
		if in := slices.DeleteFunc(slices.Clone(out), func(s start) bool { return s.file == nil || !within(s.file.path, q.target.File) }); len(in) > 0 {
			out = in
		}
	}
	if len(out) == 0 {
		return nil, q.missing(p, need)
	}
	return out, nil
}

// heads returns the texts that a file has if an address begins in it.
func heads(p steps) []string {
	n := 2
	if p[0].name == "data" {
		n = 3
	}
	var out []string
	for i, s := range p[:min(n, len(p))] {
		if i == 0 && (s.name == "var" || s.name == "local" || s.name == "inputs") {
			continue
		}
		out = append(out, s.name)
	}
	return out
}

// dirs returns the directories in whose files all texts stand, sorted.
func (q *query) dirs(need []string) []string {
	files := q.r.sorted
	if q.target.Dir != "" {
		files = q.r.dirs[q.target.Dir]
	}
	var out []string
	seen := map[string]bool{}
	for _, f := range files {
		dir := path.Dir(f.path)
		if f.kind != config || seen[dir] {
			continue
		}
		if q.target.File != "" && !within(f.path, q.target.File) && dir != path.Dir(q.target.File) && !q.varFile() {
			continue
		}
		if !slices.ContainsFunc(need, func(s string) bool { return !bytes.Contains(f.src, []byte(s)) }) {
			out, seen[dir] = append(out, dir), true
		}
	}
	return out
}

// varFile reports whether the file that the caller names is a variables file or
// one of Terragrunt, so that the address begins elsewhere.
func (q *query) varFile() bool {
	k, _ := kindOf(q.target.File)
	return k == vars || k == grunt
}

// missing says that nothing is called as the address says.
func (q *query) missing(p steps, need []string) error {
	out := &patch.Refusal{Path: q.target.File, Why: fmt.Sprintf("nothing is called %s", q.target.Address)}
	if q.target.Dir != "" {
		out.Why += " in " + q.target.Dir
	}
	for _, f := range q.r.sorted {
		if f.fault != nil && !slices.ContainsFunc(need, func(s string) bool { return !bytes.Contains(f.src, []byte(s)) }) {
			return f.fault.refusal()
		}
	}
	return out
}

// startData begins in a JSON file.
func (q *query) startData(f *file, p steps) ([]start, error) {
	if _, err := q.r.data(q.ctx, f.path); err != nil {
		return nil, err
	}
	if f.parse(); f.fault != nil {
		return nil, f.fault.refusal()
	}
	return []start{{text: q.target.Address, label: q.target.Address, file: f, path: p, follow: func() []ref {
		return q.follow(f.root, p, &scope{mod: &module{dir: path.Dir(f.path)}}, nil)
	}}}, nil
}

// startGrunt begins at the inputs and locals of Terragrunt files.
func (q *query) startGrunt(p steps) []start {
	var out []start
	for _, f := range q.r.sorted {
		if f.kind != grunt || len(p) < 2 || !bytes.Contains(f.src, []byte(p[1].name)) || q.target.Dir != "" && path.Dir(f.path) != q.target.Dir {
			continue
		}
		s := q.r.gruntScope(f)
		st := start{text: p[:2].String(), label: p.String(), file: f, scope: s, path: p[2:]}
		switch {
		case p[0].name == "local" && s.mod.locals[p[1].name] != nil:
			st.follow = func() []ref {
				return q.follow(s.mod.locals[p[1].name].Expr, p[2:], s, (*hop)(nil).then(hop{mod: s.mod, kind: "local", name: p[1].name, path: p[2:]}))
			}
		case p[0].name == "inputs" && f.parse().Attributes["inputs"] != nil:
			st.follow = func() []ref { return q.gruntInput(f, p[1].name, p[2:], nil) }
		default:
			continue
		}
		out = append(out, st)
	}
	return out
}

// startsIn finds where an address begins in one module.
func (q *query) startsIn(s *scope, p steps) []start {
	if len(p) < 2 {
		return nil
	}
	label := p.String()
	switch p[0].name {
	case "var":
		if b := s.mod.variables[p[1].name]; b != nil {
			return []start{{text: p[:2].String(), label: label, file: q.r.files[b.Body.SrcRange.Filename], scope: s, path: p[2:], follow: func() []ref {
				return q.variable(p[1].name, p[2:], s, (*hop)(nil).then(hop{mod: s.mod, kind: "var", name: p[1].name, path: p[2:]}), nil)
			}}}
		}
	case "local":
		if a := s.mod.locals[p[1].name]; a != nil {
			return []start{{text: p[:2].String(), label: label, file: q.r.files[a.SrcRange.Filename], scope: s, path: p[2:], follow: func() []ref {
				return q.local(p[1].name, p[2:], s, (*hop)(nil).then(hop{mod: s.mod, kind: "local", name: p[1].name, path: p[2:]}), a.Expr)
			}}}
		}
	case "module":
		return q.startModule(s, p, label)
	case "data":
		if len(p) > 3 {
			return q.startResource(s, "data."+p[1].name+"."+p[2].name, p[3:], label)
		}
	default:
		return q.startResource(s, p[0].name+"."+p[1].name, p[2:], label)
	}
	return nil
}

func (q *query) startResource(s *scope, id string, p steps, label string) []start {
	blocks := s.mod.resources[id]
	key, rest := q.instanceKey(blocks, p)
	if len(blocks) == 0 || len(rest) == 0 {
		return nil
	}
	return []start{{
		text: id, label: label, file: q.r.files[blocks[0].Body.SrcRange.Filename], scope: s, blocks: blocks, path: rest,
		keyed:  anyKey(blocks).any && !key.any,
		follow: func() []ref { return q.first(blocks, rest, s.of(blocks, key), nil) },
	}}
}

// startModule begins at an argument of a module, or at what is within it.
func (q *query) startModule(s *scope, p steps, label string) []start {
	call := s.mod.calls[p[1].name]
	key, rest := q.instanceKey(call, p[2:])
	if len(call) == 0 || len(rest) == 0 {
		return nil
	}
	inner := s.of(call, key)
	_, argument := call[0].Body.Attributes[rest[0].name]
	dir := q.r.local(s.mod.dir, call)
	if dir != "" && !argument && len(rest) > 1 && s.depth < maxCallers {
		if out := q.startsIn(q.r.child(inner, call, dir), rest); len(out) > 0 {
			for i := range out {
				out[i].label = label
			}
			return out
		}
	}
	return []start{{
		text: p[:2].String(), label: label, file: q.r.files[call[0].Body.SrcRange.Filename], scope: s, blocks: call, path: rest,
		keyed:  anyKey(call).any && !key.any,
		follow: func() []ref { return q.first(call, rest, inner, nil) },
	}}
}
