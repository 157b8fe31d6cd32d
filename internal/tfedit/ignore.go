package tfedit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/patch"
)

// ignored refuses what Terraform is told to leave as it is: an edit would
// change the file and nothing else.
// https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#ignore_changes
func (q *query) ignored(s start) *patch.Refusal {
	for _, b := range s.blocks {
		if b.Type == "module" {
			if why := q.ignoredByModule(s); why != nil {
				return why
			}
			continue
		}
		if e := ignoreChanges(b); e != nil {
			if what := q.matchIgnored(e, s.path); what != "" {
				return q.fileOf(e).refusal(e.Range().Start.Byte, fmt.Sprintf("ignore_changes of %s names %s: an edit would have no effect", s.text, what), "change it where it is managed, or take it out of ignore_changes")
			}
		}
	}
	return nil
}

// ignoreChanges returns the expression of a resource's ignore_changes.
func ignoreChanges(b *hclsyntax.Block) hclsyntax.Expression {
	for _, c := range b.Body.Blocks {
		if a := c.Body.Attributes["ignore_changes"]; c.Type == "lifecycle" && a != nil {
			return a.Expr
		}
	}
	if a := b.Body.Attributes["lifecycle"]; a != nil { // JSON
		e := a.Expr
		if list, ok := e.(*hclsyntax.TupleConsExpr); ok && len(list.Exprs) == 1 {
			e = list.Exprs[0]
		}
		for _, m := range members(e) {
			if m.key == "ignore_changes" {
				return m.value
			}
		}
	}
	return nil
}

// matchIgnored returns the entry of ignore_changes that covers a path.
func (q *query) matchIgnored(e hclsyntax.Expression, p steps) string {
	if word := hcl.ExprAsKeyword(e); word == "all" {
		return "all"
	}
	list, ok := e.(*hclsyntax.TupleConsExpr)
	if !ok {
		return ""
	}
	for _, item := range list.Exprs {
		text := strings.Trim(q.source(item), `"`)
		entry, err := parseAddress(text)
		if err == nil && text == "all" || err == nil && covers(entry, p) {
			return text
		}
	}
	return ""
}

// covers reports whether entry leads to p or to something that p is in. Numbers
// of blocks do not count: ignore_changes has [0] where addresses leave it out.
func covers(entry, p steps) bool {
	plain := func(p steps) steps {
		return slices.DeleteFunc(slices.Clone(p), func(s step) bool { return s.index && (s.any || s.match != "" || isNumber(s.name)) })
	}
	a, b := plain(entry), plain(p)
	return len(a) <= len(b) && slices.EqualFunc(a, b[:len(a)], func(x, y step) bool { return x.name == y.name })
}

// ignoredByModule refuses arguments that a module is known to use once only, or
// that a module of this repository hands on to a resource that ignores it.
func (q *query) ignoredByModule(s start) *patch.Refusal {
	f := s.file
	last := s.path[len(s.path)-1].name
	source := text(s.blocks, "source")
	at := s.blocks[0].TypeRange.Start.Byte
	desired := last == "desired_size" || last == "desired_capacity" || last == "desired_count"
	switch {
	case desired && strings.Contains(source, "terraform-aws-modules/eks"),
		desired && strings.Contains(source, "terraform-aws-modules/autoscaling") && text(s.blocks, "ignore_desired_capacity_changes") == "true",
		desired && strings.Contains(source, "terraform-aws-modules/ecs") && text(s.blocks, "ignore_task_definition_changes") == "true":
		return f.refusal(at, fmt.Sprintf("module %s ignores changes of %s after it was created", source, last), "change the maximum or minimum instead")
	}
	dir := q.r.local(s.scope.mod.dir, s.blocks)
	if dir == "" || len(s.path) != 1 {
		return nil
	}
	return q.ignoredBelow(q.r.module(dir), last)
}

// ignoredBelow refuses a variable all of whose uses are attributes of resources
// that ignore them.
func (q *query) ignoredBelow(m *module, variable string) *patch.Refusal {
	uses := 0
	var why *patch.Refusal
	for _, use := range m.references() {
		if use.kind != "var" || use.name != variable {
			continue
		}
		uses++
		p, err := parseAddress(use.by)
		if err != nil || len(p) < 3 {
			return nil
		}
		for _, b := range m.resources[p[0].name+"."+p[1].name] {
			if e := ignoreChanges(b); e != nil && q.matchIgnored(e, p[2:]) != "" {
				why = q.fileOf(e).refusal(e.Range().Start.Byte, fmt.Sprintf("ignore_changes names %s, which is all that variable %s sets: an edit would have no effect", p[2:], variable), "change it where it is managed, or take it out of ignore_changes")
				uses--
			}
		}
	}
	if uses > 0 {
		return nil
	}
	return why
}
