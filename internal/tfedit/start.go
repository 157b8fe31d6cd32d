package tfedit

import (
	"bytes"
	"fmt"
	"iter"
	"path"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/patch"
)

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

// starts finds where an address begins.
func (q *query) starts(p steps) ([]start, error) {
	if f := q.r.file(q.target.File); f != nil && f.kind == data {
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
	var files iter.Seq[*file]
	often := false
	switch {
	case q.target.Dir != "":
		files = slices.Values(q.r.in(q.target.Dir))
	case q.r.file(q.target.File) != nil && !q.varFile():
		files = slices.Values(q.r.in(path.Dir(q.target.File)))
	default:
		files, often = q.r.all(), true
	}
	var out []string
	seen := map[string]bool{}
	for f := range files {
		dir := path.Dir(f.path)
		if f.kind != config || seen[dir] {
			continue
		}
		if q.target.File != "" && !within(f.path, q.target.File) && dir != path.Dir(q.target.File) && !q.varFile() {
			continue
		}
		if f.begins(need, often) {
			out, seen[dir] = append(out, dir), true
		}
	}
	return out
}

// begins reports whether a file may have a block that begins with all words, or
// an attribute called so. Where it is asked of all files for each address, most
// are answered without reading the text again.
func (f *file) begins(words []string, often bool) bool {
	if often && len(words) == 2 && !f.json {
		headers := f.headers()
		return headers[words[0]] && headers[words[1]]
	}
	return !slices.ContainsFunc(words, func(s string) bool { return !bytes.Contains(f.src, []byte(s)) })
}

// headers returns the words before the braces of a file: a block begins on one
// line.
func (f *file) headers() map[string]bool {
	return f.words.get(func() map[string]bool {
		out := map[string]bool{}
		for line := range bytes.Lines(f.src) {
			if open := bytes.IndexByte(line, '{'); open > 0 && bytes.IndexByte(line[:open], '=') < 0 {
				for _, w := range bytes.FieldsFunc(line[:open], func(r rune) bool { return r == '"' || r == ' ' || r == '\t' }) {
					out[string(w)] = true
				}
			}
		}
		return out
	})
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
	for f := range q.r.all() {
		if f.broken() != nil && !slices.ContainsFunc(need, func(s string) bool { return !bytes.Contains(f.src, []byte(s)) }) {
			return f.fault().refusal()
		}
	}
	return out
}

// startData begins in a JSON file.
func (q *query) startData(f *file, p steps) ([]start, error) {
	if _, err := q.r.data(q.ctx, f.path); err != nil {
		return nil, err
	}
	if f.fault() != nil {
		return nil, f.fault().refusal()
	}
	return []start{{text: q.target.Address, label: q.target.Address, file: f, path: p, follow: func() []ref {
		return q.follow(f.tree().root, p, &scope{mod: &module{dir: path.Dir(f.path)}}, nil)
	}}}, nil
}

// startGrunt begins at the inputs and locals of Terragrunt files.
func (q *query) startGrunt(p steps) []start {
	var out []start
	for f := range q.r.all() {
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
			return []start{{text: p[:2].String(), label: label, file: q.r.file(b.Body.SrcRange.Filename), scope: s, path: p[2:], follow: func() []ref {
				return q.variable(p[1].name, p[2:], s, (*hop)(nil).then(hop{mod: s.mod, kind: "var", name: p[1].name, path: p[2:]}), nil)
			}}}
		}
	case "local":
		if a := s.mod.locals[p[1].name]; a != nil {
			return []start{{text: p[:2].String(), label: label, file: q.r.file(a.SrcRange.Filename), scope: s, path: p[2:], follow: func() []ref {
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
		text: id, label: label, file: q.r.file(blocks[0].Body.SrcRange.Filename), scope: s, blocks: blocks, path: rest,
		keyed: anyKey(blocks).any && !key.any,
		follow: func() []ref {
			if twice := q.twice(s.mod, id, nil); twice != nil {
				return twice
			}
			return q.first(blocks, rest, s.of(blocks, key), nil)
		},
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
		text: p[:2].String(), label: label, file: q.r.file(call[0].Body.SrcRange.Filename), scope: s, blocks: call, path: rest,
		keyed: anyKey(call).any && !key.any,
		follow: func() []ref {
			if twice := q.twice(s.mod, "module."+p[1].name, nil); twice != nil {
				return twice
			}
			return q.first(call, rest, inner, nil)
		},
	}}
}

// twice refuses what a module defines in two places: Terraform would.
func (q *query) twice(m *module, what string, t *hop) []ref {
	at := m.defined[what]
	if len(at) < 2 {
		return nil
	}
	first := q.r.file(at[0].Filename)
	line, _ := first.position(at[0].Start.Byte)
	return refuseAt(q.r.file(at[1].Filename), at[1].Start.Byte, t, fmt.Sprintf("%s is defined twice, here and at %s:%d", what, first.path, line), "remove one")
}
