package tfedit

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// variable follows a variable to where it gets its value: from the caller of
// the module, from a variables file, or from its default.
func (q *query) variable(name string, p steps, s *scope, t *hop, e hclsyntax.Expression) []ref {
	if twice := q.twice(s.mod, "var."+name, t); twice != nil {
		return twice
	}
	b := s.mod.variables[name]
	if b != nil {
		if a := b.Body.Attributes["sensitive"]; a != nil {
			if v, _ := constant(a.Expr); v != "false" {
				return refuseAt(q.r.file(b.Body.SrcRange.Filename), a.SrcRange.Start.Byte, t, fmt.Sprintf("variable %s is sensitive", name), "change it where secrets are kept")
			}
		}
	}
	out := q.given(b, name, p, s, t, e)
	if len(out) == 1 && out[0].kind == absent && b != nil {
		if d, ok := q.byType(b, p, t); ok {
			return []ref{d}
		}
	}
	return out
}

// given follows a variable, regardless of its type.
func (q *query) given(b *hclsyntax.Block, name string, p steps, s *scope, t *hop, e hclsyntax.Expression) []ref {
	switch {
	case s.inputs != nil:
		if out := q.gruntInput(s.inputs, name, p, t); len(out) != 1 || out[0].kind != absent {
			return out
		}
	case s.call != nil:
		if a := attribute(s.call, name); a != nil {
			out := q.follow(a.Expr, p, s.caller, t)
			if len(out) != 1 || !isNull(out[0]) || !defaultsNull(b) {
				return out
			}
		}
	default:
		return q.assigned(b, name, p, s, t, e)
	}
	return q.byDefault(b, name, p, s, t, e)
}

// defaultsNull reports whether a variable that is set to null takes its
// default. Otherwise null is its value.
// https://developer.hashicorp.com/terraform/language/values/variables#disallowing-null-input-values
func defaultsNull(b *hclsyntax.Block) bool {
	return b != nil && text([]*hclsyntax.Block{b}, "nullable") == "false"
}

// byType returns what the type of a variable says of an attribute that its
// value has not got: null, or the default of optional().
// https://developer.hashicorp.com/terraform/language/expressions/type-constraints#optional-object-type-attributes
func (q *query) byType(b *hclsyntax.Block, p steps, t *hop) (ref, bool) {
	a := b.Body.Attributes["type"]
	if a == nil || len(p) == 0 {
		return ref{}, false
	}
	call, exact := optionalAt(a.Expr, p)
	if call == nil {
		return ref{}, false
	}
	f := q.r.file(b.Body.SrcRange.Filename)
	out := ref{kind: constants, null: len(call.Args) == 1, t: t}
	out.why = f.refusal(call.Range().Start.Byte, fmt.Sprintf("%s of variable %s is not set: its type gives it %s", p, b.Labels[0], q.source(call)), "write it where the variable is set")
	if out.null && exact {
		return out, true
	}
	text, known := "", false
	if exact {
		text, known = constant(call.Args[1])
	}
	if !known {
		out.kind = refused
	}
	out.text = text
	return out, true
}

// optionalAt returns the call of optional() in a type that a path leads to;
// exact is false if the path leads on from there, so that what is within
// depends on more than this call.
func optionalAt(e hclsyntax.Expression, p steps) (call *hclsyntax.FunctionCallExpr, exact bool) {
	f, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok || len(f.Args) == 0 {
		return nil, false
	}
	switch {
	case f.Name == "optional" && len(p) == 0:
		return f, true
	case f.Name == "optional":
		if inner, exact := optionalAt(f.Args[0], p); len(f.Args) == 1 && inner != nil {
			return inner, exact
		}
		return f, false
	case len(p) == 0:
		return nil, false
	case f.Name == "object":
		for _, m := range members(f.Args[0]) {
			if m.key == p[0].name && p[0].match == "" {
				return optionalAt(m.value, p[1:])
			}
		}
		return nil, false
	}
	return optionalAt(f.Args[0], p[1:]) // map, list, set
}

// byDefault follows a variable that nothing sets.
func (q *query) byDefault(b *hclsyntax.Block, name string, p steps, s *scope, t *hop, e hclsyntax.Expression) []ref {
	if b != nil && b.Body.Attributes["default"] != nil {
		unset := *t
		unset.unset = s
		return q.follow(b.Body.Attributes["default"].Expr, p, s, &unset)
	}
	why, do := fmt.Sprintf("variable %s has no default, and nothing in the repository sets it", name), "set it in a variables file"
	if q.target.Environment != "" {
		do = "set it in the variables file of " + q.target.Environment
	}
	if b == nil {
		why, do = fmt.Sprintf("variable %s is not declared in %s", name, s.mod.dir), ""
	}
	if e != nil {
		return q.refuse(e, t, why, do)
	}
	return refuseAt(q.r.file(b.Body.SrcRange.Filename), b.TypeRange.Start.Byte, t, why, do)
}

// assigned follows a variable of a module that is run itself, by the order in
// which Terraform takes values.
// https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
func (q *query) assigned(b *hclsyntax.Block, name string, p steps, s *scope, t *hop, e hclsyntax.Expression) []ref {
	if v, ok := q.target.Vars[name]; ok {
		return []ref{{kind: constants, text: v, t: t.then(hop{text: "-var " + name})}}
	}
	chosen, unsure := q.varFiles(s.mod, name)
	set := setters(chosen, name)
	if len(q.target.VarFiles) > 0 && len(set) > 1 {
		set = set[len(set)-1:]
	}
	if len(set) > 0 && !unsure {
		return q.inFiles(set, name, p, s, t)
	}
	var out []ref
	out = append(out, q.inFiles(set, name, p, s, t)...)
	if len(set) == len(chosen) && len(set) > 0 {
		return out // each variables file sets it: nothing else applies
	}
	if !unsure {
		over := *t
		over.over = chosen
		t = &over
	}
	if auto := setters(q.r.automatic(s.mod.dir), name); len(auto) > 0 {
		return append(out, q.inFiles(auto[len(auto)-1:], name, p, s, t)...)
	}
	if isEnvironmentVariable(name) && q.target.Environment != "" && len(p) == 0 {
		return append(out, ref{kind: constants, text: q.target.Environment, env: true, t: t})
	}
	return append(out, q.byDefault(b, name, p, s, t, e)...)
}

// inFiles follows a variable into variables files.
func (q *query) inFiles(files []*file, name string, p steps, s *scope, t *hop) []ref {
	var out []ref
	for _, f := range files {
		if f.fault() != nil {
			out = append(out, ref{kind: refused, t: t, why: f.fault().refusal()})
			continue
		}
		out = append(out, q.follow(f.parse().Attributes[name].Expr, p, s, t.then(hop{text: f.path}))...)
	}
	return out
}

// setters returns the files that set a variable, in order. A file that does not
// parse might.
func setters(files []*file, name string) []*file {
	var out []*file
	for _, f := range files {
		if f.parse().Attributes[name] != nil || f.fault() != nil && strings.Contains(string(f.src), name) {
			out = append(out, f)
		}
	}
	return out
}

// varFiles returns the variables files that the caller chose for a module, or,
// where nothing was chosen, all that there are: unsure is true then.
func (q *query) varFiles(m *module, name string) (files []*file, unsure bool) {
	if len(q.target.VarFiles) > 0 {
		for _, v := range q.target.VarFiles {
			for _, p := range []string{path.Clean(v), path.Join(m.dir, v)} {
				if f := q.r.file(p); f != nil && f.kind == vars {
					files = append(files, f)
					break
				}
			}
		}
		return files, false
	}
	all := q.r.optional(m)
	if q.target.Environment == "" {
		return all, len(all) > 0
	}
	var named, neutral []*file
	for _, f := range all {
		rel := relative(f.path, m.dir)
		switch {
		case names(rel, q.target.Environment):
			named = append(named, f)
		case !others(rel, q.target.Environment):
			neutral = append(neutral, f)
		}
	}
	if len(setters(named, name)) > 0 || len(setters(neutral, name)) == 0 {
		return named, len(setters(named, name)) > 1
	}
	return neutral, len(neutral) > 1
}

// relative shortens the path of a file to what tells it from others of a
// module: the part below the module, or the last two elements.
func relative(file, dir string) string {
	if within(file, dir) && dir != "." {
		return strings.TrimPrefix(file, dir+"/")
	}
	if dir == "." {
		return file
	}
	return path.Join(path.Base(path.Dir(file)), path.Base(file))
}

// automatic returns the variables files that Terraform reads unasked, in order.
func (r *Repository) automatic(dir string) []*file {
	var out []*file
	for _, last := range []func(string) bool{
		func(b string) bool { return b == "terraform.tfvars" },
		func(b string) bool { return b == "terraform.tfvars.json" },
		func(b string) bool { return isAuto(b) && !strings.HasPrefix(b, "terraform.tfvars") },
	} {
		for _, f := range r.in(dir) {
			if f.kind == vars && last(path.Base(f.path)) {
				out = append(out, f)
			}
		}
	}
	return out
}

// isAuto reports whether Terraform reads a variables file of its directory
// unasked.
func isAuto(base string) bool {
	base = strings.TrimSuffix(base, ".json")
	return base == "terraform.tfvars" || strings.HasSuffix(base, ".auto.tfvars")
}

// optional returns the variables files that could be given to a module: those
// in its directory and below, and those beside it that set what it declares.
func (r *Repository) optional(m *module) []*file {
	var out []*file
	add := func(names []string, fits func(*file) bool) {
		for _, name := range names {
			f := r.file(name)
			if path.Dir(name) == m.dir && isAuto(path.Base(name)) || example(name) && !example(m.dir) {
				continue
			}
			if fits(f) {
				out = append(out, f)
			}
		}
	}
	add(r.homesOf(m.dir), func(*file) bool { return true })
	if len(m.variables) > 0 && len(r.callersOf(m.dir)) == 0 {
		add(r.homesOf(""), func(f *file) bool { return beside(f, m) })
	}
	slices.SortFunc(out, func(a, b *file) int { return cmp.Compare(a.path, b.path) })
	return out
}

// home is the nearest directory above a file that holds configuration, "" for
// none.
func (r *Repository) home(name string) string {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if slices.ContainsFunc(r.in(dir), func(f *file) bool { return f.kind == config }) {
			return dir
		}
		if dir == "." {
			return ""
		}
	}
}

// beside reports whether a variables file in a directory of its own sets only
// variables of m, which lies beside that directory.
func beside(f *file, m *module) bool {
	if !within(m.dir, path.Dir(path.Dir(f.path))) {
		return false
	}
	for name := range f.parse().Attributes {
		if m.variables[name] == nil {
			return false
		}
	}
	return len(f.parse().Attributes) > 0
}
