package tfedit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/patch"
)

// A query follows one address, or reads one value on the way. It knows what
// the caller decided: environment, variables files, variables.
type query struct {
	r      *Repository
	ctx    context.Context
	target Target
	budget int  // steps left, so that references to references end
	nest   int  // calls of follow that are open
	hops   *hop // of the place that was decided for
}

const (
	maxSteps = 200_000 // expressions and elements that one query looks at
	maxHops  = 60      // references that lead to each other
	maxNest  = 1000    // expressions within each other, references included
)

func (r *Repository) query(ctx context.Context, t Target) *query {
	return &query{r: r, ctx: ctx, target: t, budget: maxSteps}
}

// A ref is one end of following an expression: what could stand there.
type ref struct {
	kind refKind
	e    hclsyntax.Expression // of an expression: a literal, an object, a list, or what cannot be read
	s    *scope
	body *hclsyntax.Body // of a block, or of the block in which something is absent
	file *file
	left steps  // of something absent: the rest of the path
	text string // of a constant
	env  bool   // of a constant: it names an environment in whatever spelling
	null bool   // of a constant: it is null
	why  *patch.Refusal
	t    *hop
}

type refKind int

const (
	expression refKind = iota
	block
	constants // known, and not written in a file
	absent    // known to be written nowhere
	refused
)

// A hop is one reference on the way to a value.
type hop struct {
	text  string // var.max_size; a file
	mod   *module
	kind  string // "var", "local"; empty for other things
	name  string
	path  steps     // within the variable or local
	by    hcl.Range // the reference
	keyed bool      // through each.key, each.value or count.index
	unset *scope    // the scope in which a variable took its default
	over  []*file   // variables files of the environment that do not set the variable
	depth int
	prev  *hop
}

func (t *hop) then(h hop) *hop {
	h.prev = t
	if t != nil {
		h.depth = t.depth + 1
	}
	return &h
}

// through notes that an expression which decided on the way depends on the
// instance of a block.
func (t *hop) through(e hclsyntax.Expression) *hop {
	for _, v := range hclsyntax.Variables(e) {
		if v.RootName() == "each" || v.RootName() == "count" {
			return t.then(hop{keyed: true})
		}
	}
	return t
}

// longer returns the way of a binding, or the way to its use if that leads on
// from it.
func (t *hop) longer(u *hop) *hop {
	if t == nil || u != nil && u.depth > t.depth {
		return u
	}
	return t
}

func (q *query) refuse(e hclsyntax.Expression, t *hop, why, do string) []ref {
	out := &patch.Refusal{Why: why, Do: do}
	if f := q.fileOf(e); f != nil {
		out = f.refusal(e.Range().Start.Byte, why, do)
	}
	return []ref{{kind: refused, why: out, t: t}}
}

func refuseAt(f *file, at int, t *hop, why, do string) []ref {
	return []ref{{kind: refused, why: f.refusal(at, why, do), t: t}}
}

// fileOf returns the file that an expression stands in.
func (q *query) fileOf(e hclsyntax.Expression) *file { return q.r.file(e.Range().Filename) }

// source is the text of an expression, shortened for messages.
func (q *query) source(e hclsyntax.Expression) string {
	f, rng := q.fileOf(e), e.Range()
	if f == nil || rng.Start.Byte > rng.End.Byte || rng.End.Byte > len(f.src) {
		return ""
	}
	text := f.src[rng.Start.Byte:rng.End.Byte]
	if len(text) > 60 {
		return strings.ToValidUTF8(string(text[:57]), "") + "..."
	}
	return string(text)
}

// spend takes n steps of what a query may do; false if they are used up.
func (q *query) spend(n int) bool {
	q.budget -= n
	return q.budget >= 0 && q.ctx.Err() == nil
}

// follow returns what stands at path p of the value of e, as far as it can be
// read without running anything. Several refs mean that it is not known which
// of them applies.
func (q *query) follow(e hclsyntax.Expression, p steps, s *scope, t *hop) []ref {
	if q.nest++; !q.spend(1) || q.nest > maxNest || t != nil && t.depth > maxHops {
		q.nest--
		return q.refuse(e, t, "value is reached by too many references", "set it by hand")
	}
	defer func() { q.nest-- }()
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return q.follow(e.Expression, p, s, t)
	case *hclsyntax.TemplateWrapExpr:
		return q.follow(e.Wrapped, p, s, t)
	case *hclsyntax.ScopeTraversalExpr:
		return q.traverse(e, p, s, t)
	case *hclsyntax.RelativeTraversalExpr:
		return q.follow(e.Source, stepsOf(e.Traversal).then(p), s, t)
	case *hclsyntax.IndexExpr:
		return q.follow(e.Collection, steps{q.key(e.Key, s)}.then(p), s, t.through(e.Key))
	case *hclsyntax.ConditionalExpr:
		return q.conditional(e, p, s, t)
	case *hclsyntax.FunctionCallExpr:
		return q.call(e, p, s, t)
	}
	if len(p) == 0 {
		return []ref{{kind: expression, e: e, s: s, t: t, file: q.fileOf(e)}}
	}
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		return q.object(e, p, s, t)
	case *hclsyntax.TupleConsExpr:
		return q.tuple(e, p, s, t)
	case *hclsyntax.ForExpr:
		return q.loop(e, p, s, t)
	case *hclsyntax.LiteralValueExpr:
		if e.Val.IsNull() {
			return []ref{{kind: absent, t: t, left: p, file: q.fileOf(e)}}
		}
	case *hclsyntax.TemplateExpr:
		if inner, err := q.embedded(e); err == nil && inner != nil {
			return q.follow(inner, p, s, t)
		}
	}
	return q.refuse(e, t, fmt.Sprintf("%s has no %s that could be read: %s", q.source(e), p, describe(e)), "")
}

// further goes on from an end.
func (q *query) further(r ref, p steps) []ref {
	switch {
	case r.kind == refused || len(p) == 0 && r.kind != expression:
		return []ref{r}
	case r.kind == expression:
		return q.follow(r.e, p, r.s, r.t)
	case r.kind == block:
		return q.within(r.body, p, r.s, r.t)
	}
	return []ref{{kind: absent, t: r.t, left: p, file: r.file}}
}

func (q *query) conditional(e *hclsyntax.ConditionalExpr, p steps, s *scope, t *hop) []ref {
	yes, known := q.truth(e.Condition, s)
	t = t.through(e.Condition)
	switch {
	case known && yes:
		return q.follow(e.TrueResult, p, s, t)
	case known:
		return q.follow(e.FalseResult, p, s, t)
	}
	return append(q.follow(e.TrueResult, p, s, t), q.follow(e.FalseResult, p, s, t)...)
}

// stepsOf turns what follows the first name of a reference into a path.
func stepsOf(t hcl.Traversal) steps {
	var out steps
	for _, part := range t {
		switch part := part.(type) {
		case hcl.TraverseAttr:
			out = append(out, step{name: part.Name})
		case hcl.TraverseIndex:
			e := &hclsyntax.LiteralValueExpr{Val: part.Key}
			name, ok := constant(e)
			out = append(out, step{name: name, index: true, any: !ok})
		default:
			out = append(out, step{index: true, any: true})
		}
	}
	return out
}

// key returns the step that an index expression makes.
func (q *query) key(e hclsyntax.Expression, s *scope) step {
	v, ok := q.scalar(e, s)
	return step{name: v.text, index: true, any: !ok, env: v.env}
}

// traverse follows a reference by its first name.
func (q *query) traverse(e *hclsyntax.ScopeTraversalExpr, p steps, s *scope, t *hop) []ref {
	root, rest := e.Traversal.RootName(), stepsOf(e.Traversal[1:]).then(p)
	if bound, left, ok := s.iterator(root, rest); ok {
		bound.t = bound.t.longer(t)
		return q.further(bound, left)
	}
	if bound, ok := s.lookup(root); ok {
		bound.t = bound.t.longer(t)
		return q.further(bound, rest)
	}
	if len(rest) == 0 {
		return q.refuse(e, t, fmt.Sprintf("%s is not a value", root), "")
	}
	name := rest[0].name
	switch root {
	case "var":
		return q.variable(name, rest[1:], s, t.then(hop{text: "var." + name, mod: s.mod, kind: "var", name: name, path: rest[1:], by: e.SrcRange}), e)
	case "local":
		return q.local(name, rest[1:], s, t.then(hop{text: "local." + name, mod: s.mod, kind: "local", name: name, path: rest[1:], by: e.SrcRange}), e)
	case "each", "count":
		return q.each(e, root, rest, s, t)
	case "module":
		return q.output(e, rest, s, t)
	case "terraform":
		return q.workspace(e, t)
	case "path":
		dir := s.mod.dir
		if name != "module" {
			dir = s.root()
		}
		return []ref{{kind: constants, text: dir, t: t}}
	case "include":
		return q.include(e, rest, s, t)
	case "data", "self", "ephemeral", "dependency", "provider":
		return q.refuse(e, t, fmt.Sprintf("value is computed: %s", q.source(e)), "")
	}
	return q.resource(e, root, rest, s, t)
}

func (q *query) workspace(e hclsyntax.Expression, t *hop) []ref {
	if q.target.Environment == "" {
		return q.refuse(e, t, "value depends on the workspace", "name the environment")
	}
	return []ref{{kind: constants, text: q.target.Environment, env: true, t: t}}
}

func (q *query) local(name string, p steps, s *scope, t *hop, e hclsyntax.Expression) []ref {
	if twice := q.twice(s.mod, "local."+name, t); twice != nil {
		return twice
	}
	a := s.mod.locals[name]
	if a == nil {
		return q.refuse(e, t, fmt.Sprintf("local.%s is not defined in %s", name, s.mod.dir), "")
	}
	plain := *s // locals belong to the module, not to the block that names them
	plain.self, plain.bound = nil, nil
	out := q.follow(a.Expr, p, &plain, t)
	if len(p) == 0 && q.target.Environment != "" && isEnvironmentVariable(name) && !slices.ContainsFunc(out, func(r ref) bool { _, ok := q.read(r); return ok }) {
		// Made of the workspace in a way that cannot be read, but called so.
		return []ref{{kind: constants, text: q.target.Environment, env: true, t: t}}
	}
	return out
}

// each follows each.key, each.value and count.index.
func (q *query) each(e hclsyntax.Expression, root string, rest steps, s *scope, t *hop) []ref {
	if s.self == nil {
		return q.refuse(e, t, fmt.Sprintf("%s stands outside of a block with for_each or count", root), "")
	}
	t = t.then(hop{text: root + "." + rest[0].name, keyed: true})
	key, f, at := s.self.key, q.fileOf(e), e.Range().Start.Byte
	if root == "count" {
		if key.any {
			return q.refuse(e, t, "value depends on count.index", "name the instance: [0]")
		}
		return []ref{{kind: constants, text: key.name, t: t, why: f.refusal(at, "value is the index of the instance", "")}}
	}
	if rest[0].name == "key" && !key.any {
		return []ref{{kind: constants, text: key.name, t: t, why: f.refusal(at, "value is the key of the instance", "")}}
	}
	a := attribute(s.self.blocks, "for_each")
	if a == nil {
		return q.refuse(e, t, "block has no for_each", "")
	}
	plain := *s
	plain.self, plain.bound = nil, nil
	if rest[0].name == "value" {
		return q.follow(a.Expr, steps{key}.then(rest[1:]), &plain, t)
	}
	var out []ref
	items, _ := q.elements(q.follow(a.Expr, nil, &plain, t))
	for _, item := range items {
		out = append(out, ref{kind: constants, text: item.key, t: t})
	}
	if len(out) == 0 {
		return q.refuse(e, t, "keys of for_each are not known", "")
	}
	return out
}

// output follows module.name.output into a module of the repository.
func (q *query) output(e hclsyntax.Expression, rest steps, s *scope, t *hop) []ref {
	name := rest[0].name
	call := s.mod.calls[name]
	key, rest := q.instanceKey(call, rest[1:])
	dir := q.r.local(s.mod.dir, call)
	if dir == "" || len(rest) == 0 {
		return q.refuse(e, t, fmt.Sprintf("value is computed by module %s", name), "change an argument of the module")
	}
	child := q.r.child(s.of(call, key), call, dir)
	out := child.mod.outputs[rest[0].name]
	if out == nil || out.Body.Attributes["value"] == nil {
		return q.refuse(e, t, fmt.Sprintf("module %s has no output %s", name, rest[0].name), "")
	}
	t = t.then(hop{text: "module." + name + "." + rest[0].name})
	return q.follow(out.Body.Attributes["value"].Expr, rest[1:], child, t)
}

// instanceKey takes the instance off a path into a block with for_each or count.
func (q *query) instanceKey(blocks []*hclsyntax.Block, rest steps) (step, steps) {
	if len(rest) > 0 && rest[0].index && anyKey(blocks).any {
		return rest[0], rest[1:]
	}
	return anyKey(blocks), rest
}

// resource follows a reference to an argument of another resource.
func (q *query) resource(e hclsyntax.Expression, typ string, rest steps, s *scope, t *hop) []ref {
	id := typ + "." + rest[0].name
	blocks := s.mod.resources[id]
	if len(blocks) == 0 {
		return q.refuse(e, t, fmt.Sprintf("%s is not defined in %s", id, s.mod.dir), "")
	}
	if twice := q.twice(s.mod, id, t); twice != nil {
		return twice
	}
	key, rest := q.instanceKey(blocks, rest[1:])
	if len(rest) == 0 {
		return q.refuse(e, t, fmt.Sprintf("%s is a resource, want one value", id), "")
	}
	out := q.first(blocks, rest, s.of(blocks, key), t.then(hop{text: id + "." + rest.String()}))
	for i := range out {
		if out[i].kind == absent {
			out[i] = q.refuse(e, t, fmt.Sprintf("value is computed: %s", q.source(e)), "")[0]
		}
	}
	return out
}

// first follows a path into the first of blocks that has it.
func (q *query) first(blocks []*hclsyntax.Block, p steps, s *scope, t *hop) []ref {
	var out []ref
	for _, b := range blocks {
		out = q.within(b.Body, p, s, t)
		if len(out) != 1 || out[0].kind != absent {
			return out
		}
	}
	return out
}

// describe says for a message what kind of expression cannot be read.
func describe(e hclsyntax.Expression) string {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return "it is one value"
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) > 1 {
			return "it is interpolated"
		}
		return "it is text"
	case *hclsyntax.ObjectConsExpr:
		return "it is an object"
	case *hclsyntax.TupleConsExpr:
		return "it is a list"
	case *hclsyntax.FunctionCallExpr:
		return "it is computed by " + e.Name + "()"
	}
	return "it is computed"
}
