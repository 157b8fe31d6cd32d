package tfedit

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// passing are functions whose result is their argument, as far as where a value
// is written goes.
var passing = []string{"tostring", "tonumber", "tobool", "tolist", "tomap", "nonsensitive", "jsonencode", "yamlencode"}

// call follows a path into the result of a function.
// https://developer.hashicorp.com/terraform/language/functions
func (q *query) call(e *hclsyntax.FunctionCallExpr, p steps, s *scope, t *hop) []ref {
	n := len(e.Args)
	switch {
	case len(p) > 0 && slices.Contains(listing, e.Name) && (e.Name != "merge" || e.ExpandFinal):
		if items, ok := q.callElements(e, ref{kind: expression, e: e, s: s, t: t}); ok {
			return q.pick(items, p, t, e)
		}
		return q.refuse(e, t, fmt.Sprintf("elements are not known: %s", q.source(e)), "")
	case e.ExpandFinal || n == 0:
	case slices.Contains(passing, e.Name) && n == 1:
		return q.follow(e.Args[0], p, s, t)
	case e.Name == "try" || e.Name == "coalesce":
		return q.firstOf(e, p, s, t)
	case e.Name == "lookup" && n >= 2:
		return q.lookup(e, p, s, t)
	case e.Name == "element" && n == 2:
		return q.element(e, p, s, t.through(e.Args[1]))
	case e.Name == "merge" && len(p) > 0:
		return q.merge(e, p, s, t)
	case e.Name == "one" && n == 1:
		return q.follow(e.Args[0], steps{{name: "0", index: true}}.then(p), s, t)
	case e.Name == "sensitive":
		return q.refuse(e, t, "value is sensitive", "change it where secrets are kept")
	case e.Name == "jsondecode" && n == 1:
		return q.decode(e, p, s, t)
	case e.Name == "yamldecode" && n == 1:
		return q.refuse(e, t, fmt.Sprintf("value stands in a YAML file: %s", q.source(e)), "name that file and the path in it")
	case e.Name == "read_terragrunt_config":
		return q.readConfig(e, p, s, t)
	}
	if len(p) == 0 {
		return []ref{{kind: expression, e: e, s: s, t: t, file: q.fileOf(e)}}
	}
	return q.refuse(e, t, fmt.Sprintf("value is computed: %s", q.source(e)), "")
}

// element follows element(), whose index begins anew behind the last element.
func (q *query) element(e *hclsyntax.FunctionCallExpr, p steps, s *scope, t *hop) []ref {
	at := q.key(e.Args[1], s)
	if items, ok := q.elements(q.follow(e.Args[0], nil, s, t)); ok && len(items) > 0 {
		if n, err := strconv.Atoi(at.name); err == nil && n >= 0 {
			at.name = strconv.Itoa(n % len(items))
		}
	}
	return q.follow(e.Args[0], steps{at}.then(p), s, t)
}

// firstOf follows the first argument of try or coalesce that there is.
func (q *query) firstOf(e *hclsyntax.FunctionCallExpr, p steps, s *scope, t *hop) []ref {
	var maybe []ref
	for _, arg := range e.Args {
		found := q.follow(arg, p, s, t)
		there := slices.DeleteFunc(slices.Clone(found), func(r ref) bool { return q.nothing(r, e.Name == "coalesce") })
		maybe = append(maybe, there...)
		if len(there) == len(found) {
			return maybe
		}
	}
	if len(maybe) > 0 {
		return maybe
	}
	return []ref{{kind: absent, t: t, left: p, file: q.fileOf(e)}}
}

// nothing reports whether an end is no value; for coalesce null and "" are none.
func (q *query) nothing(r ref, orEmpty bool) bool {
	if r.kind == absent {
		return true
	}
	return orEmpty && (isNull(r) || r.kind == expression && func() bool { v, ok := q.read(r); return ok && v.text == "" }())
}

func isNull(r ref) bool {
	l, ok := r.e.(*hclsyntax.LiteralValueExpr)
	return r.kind == constants && r.null || ok && r.kind == expression && l.Val.IsNull()
}

func (q *query) lookup(e *hclsyntax.FunctionCallExpr, p steps, s *scope, t *hop) []ref {
	key := q.key(e.Args[1], s)
	t = t.through(e.Args[1])
	found := q.follow(e.Args[0], steps{key}.then(p), s, t)
	if len(e.Args) < 3 {
		return found
	}
	there := slices.DeleteFunc(slices.Clone(found), func(r ref) bool { return r.kind == absent })
	if len(there) == len(found) && !key.any {
		return found
	}
	return append(there, q.follow(e.Args[2], p, s, t)...)
}

// merge follows the last argument that has the key.
func (q *query) merge(e *hclsyntax.FunctionCallExpr, p steps, s *scope, t *hop) []ref {
	var maybe []ref
	for _, arg := range slices.Backward(e.Args) {
		found := q.follow(arg, p[:1], s, t)
		there := slices.DeleteFunc(slices.Clone(found), func(r ref) bool { return r.kind == absent })
		for _, r := range there {
			maybe = append(maybe, q.further(r, p[1:])...)
		}
		if len(there) == len(found) && !p[0].any {
			return maybe
		}
	}
	if len(maybe) > 0 {
		return maybe
	}
	return []ref{{kind: absent, t: t, left: p, file: q.fileOf(e)}}
}

// decode follows a path into a JSON file, or into JSON text.
func (q *query) decode(e *hclsyntax.FunctionCallExpr, p steps, s *scope, t *hop) []ref {
	read, ok := e.Args[0].(*hclsyntax.FunctionCallExpr)
	if !ok || read.Name != "file" || len(read.Args) != 1 {
		found := q.follow(e.Args[0], nil, s, t)
		if len(found) != 1 || found[0].kind != expression || found[0].e == e {
			return found
		}
		return q.further(found[0], p)
	}
	name, ok := q.scalar(read.Args[0], s)
	if !ok {
		return q.refuse(e, t, fmt.Sprintf("which file is read is not known: %s", q.source(read)), "name the environment")
	}
	f, err := q.openData(name.text, s, name.env)
	if err != nil {
		return q.refuse(e, t, err.Error(), "")
	}
	t = t.then(hop{text: f.path})
	if f.fault() != nil {
		return []ref{{kind: refused, t: t, why: f.fault().refusal()}}
	}
	return q.follow(f.tree().root, p, s, t)
}

// places are the paths in the repository that a path in an expression may mean:
// where Terraform runs, in the module, and, for a path that was made with
// path.module, from the top.
func places(name string, s *scope) []string {
	return []string{path.Join(s.root(), name), path.Join(s.mod.dir, name), path.Clean(name)}
}

// present reports whether a file of any kind is in the repository.
func (r *Repository) present(name string, s *scope) bool {
	return slices.ContainsFunc(places(name, s), func(p string) bool { return r.isTaken(p) })
}

// openData opens a JSON file by the path that an expression gives: relative to
// where Terraform runs.
func (q *query) openData(name string, s *scope, env bool) (*file, error) {
	for _, p := range places(name, s) {
		f, err := q.r.data(q.ctx, p)
		if f != nil || err != nil {
			return f, err
		}
	}
	if env {
		for f := range q.r.all() {
			if f.kind == data && path.Dir(f.path) == path.Join(s.root(), path.Dir(name)) && names(path.Base(f.path), q.target.Environment) {
				return q.r.data(q.ctx, f.path)
			}
		}
	}
	return nil, errors.New("file " + name + " is not in the repository")
}

// known are functions of text that a condition or a key may be made with.
func (q *query) textFunction(e *hclsyntax.FunctionCallExpr, s *scope) (value, bool) {
	if len(e.Args) != 1 {
		return value{}, false
	}
	if e.Name == "length" {
		items, ok := q.elements(q.follow(e.Args[0], nil, s, nil))
		return value{text: strconv.Itoa(len(items)), typ: isNumeric}, ok
	}
	v, ok := q.scalar(e.Args[0], s)
	v.typ = isText
	switch e.Name {
	case "lower":
		v.text = strings.ToLower(v.text)
	case "upper":
		v.text = strings.ToUpper(v.text)
	case "trimspace":
		v.text = strings.TrimSpace(v.text)
	case "basename":
		v.text = path.Base(v.text)
	case "dirname":
		v.text = path.Dir(v.text)
	case "abspath", "get_terragrunt_dir":
	default:
		return value{}, false
	}
	return v, ok
}
