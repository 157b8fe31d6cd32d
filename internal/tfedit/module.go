package tfedit

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A module is what the configuration files of one directory say together.
type module struct {
	dir       string // "." for the root of the repository
	files     []*file
	variables map[string]*hclsyntax.Block
	locals    map[string]*hclsyntax.Attribute
	outputs   map[string]*hclsyntax.Block
	calls     map[string][]*hclsyntax.Block // module blocks by name; of override files first
	resources map[string][]*hclsyntax.Block // by type.name and data.type.name; of override files first
	defined   map[string][]hcl.Range        // where variables, locals, calls and resources begin: more than one place is an error
	fault     *Fault                        // of one of its files
	uses      []reference                   // of variables and locals; nil until it is asked for
}

// module returns the module of a directory.
func (r *Repository) module(dir string) *module {
	if d := r.folder(dir); d != nil {
		if d.mod == nil {
			d.mod = newModule(dir, d.files)
		}
		return d.mod
	}
	return newModule(dir, nil)
}

func newModule(dir string, files []*file) *module {
	m := &module{
		dir: dir, variables: map[string]*hclsyntax.Block{}, locals: map[string]*hclsyntax.Attribute{},
		defined: map[string][]hcl.Range{}, outputs: map[string]*hclsyntax.Block{}, calls: map[string][]*hclsyntax.Block{}, resources: map[string][]*hclsyntax.Block{},
	}
	files = slices.Clone(files)
	// Files whose names end so are merged over the others.
	// https://developer.hashicorp.com/terraform/language/files/override
	slices.SortStableFunc(files, func(a, b *file) int {
		switch {
		case overrides(a.path) == overrides(b.path):
			return strings.Compare(a.path, b.path)
		case overrides(a.path):
			return -1
		}
		return 1
	})
	for _, f := range files {
		if f.kind != config {
			continue
		}
		m.files = append(m.files, f)
		m.add(f.parse())
		if f.fault() != nil && m.fault == nil {
			m.fault = f.fault()
		}
	}
	return m
}

func overrides(file string) bool {
	stem, _, _ := strings.Cut(path.Base(file), ".")
	return stem == "override" || strings.HasSuffix(stem, "_override")
}

func (m *module) add(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		key := strings.Join(b.Labels, ".")
		switch {
		case b.Type == "locals":
			for name, a := range b.Body.Attributes {
				m.once("local."+name, a.NameRange)
				if m.locals[name] == nil {
					m.locals[name] = a
				}
			}
		case len(b.Labels) == 1 && b.Type == "variable":
			m.once("var."+key, b.TypeRange)
			if m.variables[key] == nil {
				m.variables[key] = b
			}
		case len(b.Labels) == 1 && b.Type == "output" && m.outputs[key] == nil:
			m.outputs[key] = b
		case len(b.Labels) == 1 && b.Type == "module":
			m.once("module."+key, b.TypeRange)
			m.calls[key] = append(m.calls[key], b)
		case len(b.Labels) == 2 && b.Type == "resource":
			m.once(key, b.TypeRange)
			m.resources[key] = append(m.resources[key], b)
		case len(b.Labels) == 2 && (b.Type == "data" || b.Type == "ephemeral"):
			m.resources[b.Type+"."+key] = append(m.resources[b.Type+"."+key], b)
		}
	}
}

// once notes where something is defined. Only files that override others may
// define it again.
func (m *module) once(what string, at hcl.Range) {
	if !overrides(at.Filename) {
		m.defined[what] = append(m.defined[what], at)
	}
}

// attribute returns an attribute of the first of blocks that has it: blocks of
// one name are one block and what overrides it.
func attribute(blocks []*hclsyntax.Block, name string) *hclsyntax.Attribute {
	for _, b := range blocks {
		if a := b.Body.Attributes[name]; a != nil {
			return a
		}
	}
	return nil
}

// text returns an attribute of blocks that is written out as text.
func text(blocks []*hclsyntax.Block, name string) string {
	if a := attribute(blocks, name); a != nil {
		s, _ := constant(a.Expr)
		return s
	}
	return ""
}

// local returns the directory that the source of a module block leads to, ""
// if the module is not in this repository.
func (r *Repository) local(dir string, call []*hclsyntax.Block) string {
	return r.source(dir, text(call, "source"))
}

// source resolves the path of a module as seen from dir.
// https://developer.hashicorp.com/terraform/language/modules/sources#local-paths
func (r *Repository) source(dir, source string) string {
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		return ""
	}
	source, _, _ = strings.Cut(source, "?")
	to := path.Join(dir, strings.ReplaceAll(source, "//", "/"))
	if !slices.ContainsFunc(r.in(to), func(f *file) bool { return f.kind == config || f.kind == vars }) {
		return ""
	}
	return to
}

// A scope is where names of an expression are looked up.
type scope struct {
	mod    *module
	caller *scope             // nil for a module that nothing in the repository calls
	call   []*hclsyntax.Block // module block in caller's module
	inputs *file              // Terragrunt's file that calls the module; caller is then nil
	self   *instance          // for_each or count of the block that an expression stands in
	bound  *binding           // iterators of for expressions and dynamic blocks
	depth  int
}

// An instance is one of the objects that a block with for_each or count stands
// for.
type instance struct {
	blocks []*hclsyntax.Block
	key    step // any if it is not known which
}

// A binding gives a name within an expression.
type binding struct {
	name  string
	value ref
	next  *binding
}

func (s *scope) lookup(name string) (ref, bool) {
	for b := s.bound; b != nil; b = b.next {
		if b.name == name {
			return b.value, true
		}
	}
	return ref{}, false
}

func (s *scope) with(name string, value ref) *scope {
	out := *s
	out.bound = &binding{name, value, s.bound}
	return &out
}

// of returns s as it is for expressions within blocks.
func (s *scope) of(blocks []*hclsyntax.Block, key step) *scope {
	out := *s
	out.self, out.bound = &instance{blocks, key}, nil
	return &out
}

// root is the directory that Terraform or Terragrunt is run in.
func (s *scope) root() string {
	for s.caller != nil {
		s = s.caller
	}
	if s.inputs != nil {
		return path.Dir(s.inputs.path)
	}
	return s.mod.dir
}

const (
	maxCallers = 12  // modules within each other
	maxScopes  = 500 // ways in which one module is called
)

// scopes returns the ways in which the module of a directory is called; a
// module that nobody calls has one.
func (r *Repository) scopes(dir string) []*scope { return r.scopesAt(dir, maxCallers) }

func (r *Repository) scopesAt(dir string, depth int) []*scope {
	var out []*scope
	if depth > 0 {
		for _, c := range r.callersOf(dir) {
			if c.grunt != nil {
				out = append(out, &scope{mod: r.module(dir), inputs: c.grunt})
				continue
			}
			if example(c.dir) && !example(dir) {
				continue
			}
			for _, s := range r.scopesAt(c.dir, depth-1) {
				call := r.module(c.dir).calls[c.name]
				out = append(out, r.child(s.of(call, anyKey(call)), call, dir))
				if len(out) >= maxScopes {
					return out
				}
			}
		}
	}
	if len(out) == 0 {
		out = append(out, &scope{mod: r.module(dir)})
	}
	return out
}

// child is the scope of a module as it is called in caller.
func (r *Repository) child(caller *scope, call []*hclsyntax.Block, dir string) *scope {
	return &scope{mod: r.module(dir), caller: caller, call: call, depth: caller.depth + 1}
}

// anyKey is the key of a block of which no instance was named.
func anyKey(blocks []*hclsyntax.Block) step {
	if attribute(blocks, "for_each") == nil && attribute(blocks, "count") == nil {
		return step{}
	}
	return step{index: true, any: true}
}

// A caller is a place that calls a module of the repository.
type caller struct {
	dir   string
	name  string // of the module block
	grunt *file  // of Terragrunt, instead
}

// callers returns who calls the module of each directory.
func (r *Repository) callers() map[string][]caller {
	if r.calledBy != nil {
		return r.calledBy
	}
	defer func(t *Trace) { r.trace = t }(r.trace)
	r.trace = nil // who calls a module is traced, not how that was found out
	r.calledBy = map[string][]caller{}
	for f := range r.all() {
		switch {
		case f.kind == config:
			for _, c := range f.calls() {
				if to := r.source(path.Dir(f.path), c.source); to != "" {
					r.calledBy[to] = append(r.calledBy[to], caller{dir: path.Dir(f.path), name: c.name})
				}
			}
		case f.kind == grunt && strings.Contains(string(f.src), "source"):
			if dir := r.gruntSource(f); dir != "" {
				r.calledBy[dir] = append(r.calledBy[dir], caller{grunt: f})
			}
		}
	}
	return r.calledBy
}

// A moduleCall is a module block as far as its source is written out.
type moduleCall struct{ name, source string }

// calls returns the calls of a file that lead to a path. They are read once.
func (f *file) calls() []moduleCall {
	return f.called.get(func() []moduleCall {
		if !mayCall(f.src) {
			return nil
		}
		var out []moduleCall
		for _, b := range f.parse().Blocks {
			if b.Type == "module" && len(b.Labels) == 1 {
				out = append(out, moduleCall{b.Labels[0], text([]*hclsyntax.Block{b}, "source")})
			}
		}
		return out
	})
}

// mayCall reports, by bytes alone, whether a file calls a module by its path.
func mayCall(src []byte) bool {
	return bytes.Contains(src, []byte("module")) && (bytes.Contains(src, []byte(`"./`)) || bytes.Contains(src, []byte(`"../`)))
}
