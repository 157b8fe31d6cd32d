package catalog

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// parse reads the file of a query and refuses it where its text does not do
// what its header declares.
func parse(name, text string) (Entry, error) {
	h, err := readHeader(name+".dql", text)
	if err != nil {
		return Entry{}, err
	}
	if h.decision == "" {
		return Entry{}, fmt.Errorf("%s.dql:1:1: no %s: want the column that programs act on, and its words", name, atDecision)
	}
	e := Entry{Name: name, Doc: h.doc, Params: h.params, Columns: h.columns, Text: text}
	i := slices.IndexFunc(e.Columns, func(c Column) bool { return c.Name == h.decision })
	e.Decision = Decision{h.decision, e.Columns[i].Words}
	return e, e.verify()
}

// verify refuses a text that does not parse, takes other parameters, lacks a
// column or uses another word than e declares.
func (e Entry) verify() error {
	tree, err := syntax.Parse(e.Name+".dql", e.Text)
	if err != nil {
		return err
	}
	if err := e.verifyParams(tree); err != nil {
		return err
	}
	out := columns(tree)
	end := tree.Commands[len(tree.Commands)-1]
	if out.open {
		return tree.Errorf(mismatch, end.Named, "the columns are not certain: end with fields or summarize")
	}
	for _, c := range e.Columns {
		if _, ok := out.by[c.Name]; !ok {
			return tree.Errorf(mismatch, end.Named, "column %s is declared and not given", c.Name)
		}
		if len(c.Words) == 0 {
			continue
		}
		if err := verifyWords(tree, c, out.by[c.Name], c.Name == e.Decision.Column); err != nil {
			return err
		}
	}
	return nil
}

// mismatch is the code of errors about a header and its text.
const mismatch = "CATALOG"

// verifyParams compares declared parameters with placeholders and tries a
// value of each type in its place.
func (e Entry) verifyParams(tree *syntax.Query) error {
	sample := map[string]dql.Value{}
	for _, p := range e.Params {
		sample[p.Name] = samples[p.Type]
	}
	for _, name := range syntax.Placeholders(tree) {
		if _, ok := sample[name]; !ok {
			return fmt.Errorf("%s.dql:1:1: ${%s} is used and not declared: want // %s %s TYPE", e.Name, name, atParam, name)
		}
	}
	_, err := syntax.Bind(tree, sample)
	return err
}

// samples holds a value of each type of parameter.
var samples = map[ParamType]dql.Value{
	TypeString: dql.String("x"), TypeStrings: dql.Strings("x"), TypeLong: dql.Long(1),
	TypeTimestamp: dql.Time(time.Unix(0, 0)), TypeDuration: dql.Duration(1),
}

// verifyWords refuses an expression that yields another word than c has, as
// far as that can be seen: through if, coalesce and literals. A decision must
// not be null either.
func verifyWords(tree *syntax.Query, c Column, x syntax.Expr, decision bool) error {
	for _, y := range outcomes(x) {
		lit, ok := y.(*syntax.Literal)
		if !ok {
			continue
		}
		s, isText := lit.Value.AsString()
		switch {
		case lit.Value.IsNull() && decision:
			return tree.Errorf(mismatch, lit, "column %s can be null: give its if an else:", c.Name)
		case isText && !slices.Contains(c.Words, s):
			return tree.Errorf(mismatch, lit, "column %s can be %.40q: want one of %s", c.Name, s, strings.Join(c.Words, ", "))
		case !isText && !lit.Value.IsNull():
			return tree.Errorf(mismatch, lit, "column %s can be a %s: want one of %s", c.Name, lit.Value.Kind(), strings.Join(c.Words, ", "))
		}
	}
	return nil
}

// outcomes lists the expressions that x can come to; a missing else is the
// literal null.
func outcomes(x syntax.Expr) []syntax.Expr {
	x = syntax.Strip(x)
	call, ok := x.(*syntax.Call)
	if !ok {
		return []syntax.Expr{x}
	}
	var out []syntax.Expr
	switch strings.ToLower(call.Name) {
	case "if":
		otherwise := false
		for i, a := range call.Params {
			if i > 0 {
				out = append(out, outcomes(a.Value)...)
			}
			otherwise = otherwise || strings.EqualFold(a.Name, "else")
		}
		if !otherwise {
			out = append(out, &syntax.Literal{Span: call.Span})
		}
	case "coalesce":
		for i, a := range call.Params {
			for _, y := range outcomes(a.Value) {
				if lit, ok := y.(*syntax.Literal); ok && lit.Value.IsNull() && i < len(call.Params)-1 {
					continue // the next argument takes its place
				}
				out = append(out, y)
			}
		}
	default:
		return []syntax.Expr{x}
	}
	return out
}

// fieldset is what a pipe gives: the expression that each column was last
// assigned.
type fieldset struct {
	by   map[string]syntax.Expr
	open bool // there may be more
}

// columns follows the fields through the pipe.
func columns(q *syntax.Query) fieldset {
	f := fieldset{by: map[string]syntax.Expr{}, open: true}
	for _, c := range q.Commands {
		f.apply(c)
	}
	return f
}

func (f *fieldset) apply(c *syntax.Command) {
	switch strings.ToLower(c.Name) {
	case "fields", "summarize":
		old := f.by
		f.by, f.open = map[string]syntax.Expr{}, false
		f.assign(c.Params, old)
	case "fieldsadd", "expand":
		f.assign(c.Params, f.by)
	case "lookup", "join":
		for _, a := range c.Params {
			if strings.EqualFold(a.Name, "fields") {
				f.assign([]*syntax.Arg{a}, f.by)
			}
		}
	case "fieldsrename":
		f.assign(c.Params, f.by)
		f.remove(c.Params)
	case "fieldsremove":
		f.remove(c.Params)
	case "fieldskeep":
		f.open = false
		f.keep(c.Params)
	}
}

// assign adds what args name: alias = value, a field as it was, and both
// inside by:{…}.
func (f *fieldset) assign(args []*syntax.Arg, old map[string]syntax.Expr) {
	for _, a := range args {
		x := syntax.Strip(a.Value)
		field, isField := x.(*syntax.Field)
		group, isGroup := x.(*syntax.Group)
		switch {
		case isGroup && a.Alias == nil:
			f.assign(group.Items, old)
		case a.Alias != nil:
			f.by[a.Alias.Name] = follow(x, old)
		case isField:
			f.by[field.Name] = follow(x, old)
		}
	}
}

// follow returns what a field was assigned, any other expression as it is.
func follow(x syntax.Expr, old map[string]syntax.Expr) syntax.Expr {
	if field, ok := x.(*syntax.Field); ok && old[field.Name] != nil {
		return old[field.Name]
	}
	return x
}

// remove drops the fields that args name or match, of "new = old" the old.
func (f *fieldset) remove(args []*syntax.Arg) {
	for name := range f.by {
		if matches(args, name) {
			delete(f.by, name)
		}
	}
}

func (f *fieldset) keep(args []*syntax.Arg) {
	for name := range f.by {
		if !matches(args, name) {
			delete(f.by, name)
		}
	}
}

func matches(args []*syntax.Arg, name string) bool {
	return slices.ContainsFunc(args, func(a *syntax.Arg) bool {
		f, ok := a.Value.(*syntax.Field)
		if !ok {
			return false
		}
		hit, err := path.Match(f.Name, name)
		return hit && err == nil
	})
}
