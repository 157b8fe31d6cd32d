package tfedit

import (
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// gruntScope is where names in a Terragrunt file are looked up: its locals.
// https://terragrunt.gruntwork.io/docs/reference/hcl/
func (r *Repository) gruntScope(f *file) *scope {
	m := &module{dir: path.Dir(f.path), locals: map[string]*hclsyntax.Attribute{}}
	for _, b := range f.parse().Blocks {
		if b.Type == "locals" {
			for name, a := range b.Body.Attributes {
				m.locals[name] = a
			}
		}
	}
	return &scope{mod: m, inputs: f}
}

// gruntSource returns the directory of the module that a Terragrunt file
// calls, "" if it is not in this repository.
func (r *Repository) gruntSource(f *file) string {
	for _, b := range f.parse().Blocks {
		a := b.Body.Attributes["source"]
		if b.Type != "terraform" || a == nil {
			continue
		}
		raw := strings.Trim(string(f.src[a.Expr.Range().Start.Byte:a.Expr.Range().End.Byte]), `"`)
		if rest, ok := strings.CutPrefix(raw, "${get_repo_root()}/"); ok {
			return r.source(".", "./"+rest)
		}
		return r.source(path.Dir(f.path), "./"+strings.TrimPrefix(raw, "${get_terragrunt_dir()}/"))
	}
	return ""
}

// gruntInput follows an input of a Terragrunt file, or of a file that it
// includes.
func (q *query) gruntInput(f *file, name string, p steps, t *hop) []ref {
	if f.fault() != nil {
		return []ref{{kind: refused, t: t, why: f.fault().refusal()}}
	}
	s := q.r.gruntScope(f)
	if a := f.parse().Attributes["inputs"]; a != nil {
		out := q.follow(a.Expr, steps{{name: name}}.then(p), s, t.then(hop{text: f.path}))
		if len(out) != 1 || out[0].kind != absent {
			return out
		}
	}
	for _, b := range f.parse().Blocks {
		if b.Type != "include" || t != nil && t.depth > maxHops {
			continue
		}
		parent := q.included(b, s)
		if parent == nil || parent == f {
			continue
		}
		out := q.gruntInput(parent, name, p, t.then(hop{text: f.path}))
		if len(out) != 1 || out[0].kind != absent {
			return out
		}
	}
	return []ref{{kind: absent, t: t, left: p, file: f}}
}

// included returns the file that an include block names.
func (q *query) included(b *hclsyntax.Block, s *scope) *file {
	a := b.Body.Attributes["path"]
	if a == nil {
		return nil
	}
	return q.gruntPath(a.Expr, s)
}

// gruntPath returns the Terragrunt file that an expression names.
func (q *query) gruntPath(e hclsyntax.Expression, s *scope) *file {
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name != "find_in_parent_folders" {
		v, ok := q.scalar(e, s)
		if !ok {
			return nil
		}
		return q.r.file(path.Join(s.mod.dir, v.text))
	}
	name := "terragrunt.hcl"
	if len(call.Args) > 0 {
		v, ok := q.scalar(call.Args[0], s)
		if !ok {
			return nil
		}
		name = v.text
	}
	for dir := s.mod.dir; dir != "."; {
		dir = path.Dir(dir)
		if f := q.r.file(path.Join(dir, name)); f != nil && f.kind == grunt {
			return f
		}
	}
	return nil
}

// include follows include.NAME.inputs and include.NAME.locals.
func (q *query) include(e hclsyntax.Expression, rest steps, s *scope, t *hop) []ref {
	if s.inputs != nil {
		for _, b := range s.inputs.parse().Blocks {
			if b.Type == "include" && len(b.Labels) == 1 && b.Labels[0] == rest[0].name {
				if f := q.included(b, s); f != nil {
					return q.gruntMember(f, rest[1:], e, t)
				}
			}
		}
	}
	return q.refuse(e, t, fmt.Sprintf("%s includes a file that is not known", q.source(e)), "")
}

// readConfig follows a path into read_terragrunt_config().
func (q *query) readConfig(e *hclsyntax.FunctionCallExpr, p steps, s *scope, t *hop) []ref {
	if len(p) == 0 {
		return []ref{{kind: expression, e: e, s: s, t: t, file: q.fileOf(e)}}
	}
	if f := q.gruntPath(e.Args[0], s); f != nil {
		return q.gruntMember(f, p, e, t)
	}
	return q.refuse(e, t, fmt.Sprintf("%s reads a file that is not known", q.source(e)), "")
}

// gruntMember follows inputs or locals of another Terragrunt file.
func (q *query) gruntMember(f *file, p steps, e hclsyntax.Expression, t *hop) []ref {
	if len(p) < 2 {
		return q.refuse(e, t, "want one value of the file", "")
	}
	s := q.r.gruntScope(f)
	t = t.then(hop{text: f.path})
	switch {
	case p[0].name == "inputs":
		return q.gruntInput(f, p[1].name, p[2:], t)
	case p[0].name == "locals" && s.mod.locals[p[1].name] != nil:
		return q.follow(s.mod.locals[p[1].name].Expr, p[2:], s, t.then(hop{text: "local." + p[1].name, mod: s.mod, kind: "local", name: p[1].name, path: p[2:], by: e.Range()}))
	}
	return q.refuse(e, t, fmt.Sprintf("%s has no %s", f.path, p), "")
}
