package eval

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// An expr is a compiled expression. It keeps state between rows, so each
// worker compiles its own.
type expr func(r *row) dql.Value

// expr compiles x as the value of a field or a condition: an iterative
// expression gives an array of its results.
func (c *compiler) expr(x syntax.Expr) (expr, error) {
	if c.iter || !iterative(x) {
		return c.compile(x)
	}
	return c.collect(x)
}

// compile compiles x.
func (c *compiler) compile(x syntax.Expr) (expr, error) {
	switch x := x.(type) {
	case *syntax.Literal:
		v := x.Value
		return func(*row) dql.Value { return v }, nil
	case *syntax.Field:
		return c.field(x)
	case *syntax.Paren:
		return c.compile(x.X)
	case *syntax.Unary:
		return c.unary(x)
	case *syntax.Binary:
		return c.binary(x)
	case *syntax.Align:
		return c.align(x)
	case *syntax.Index:
		return c.index(x)
	case *syntax.Call:
		return c.call(x)
	case *syntax.Template:
		return nil, c.q.Errorf("INVALID_PARAMETER", x, "the placeholder has no value")
	case *syntax.Placeholder:
		return nil, c.q.Errorf("INVALID_PARAMETER", x, "the placeholder ${%s} has no value", x.Name)
	case *syntax.Group:
		return nil, c.q.Errorf("PARSE_ERROR", x, "A group `{…}` isn't a value.").With("an array is written array(…)")
	}
	return nil, c.q.Errorf("PARSE_ERROR", x, "A subquery isn't allowed here.")
}

func (c *compiler) field(x *syntax.Field) (expr, error) {
	if local := c.locals[x.Name]; local != nil {
		return local, nil
	}
	if c.aggregations != nil {
		return nil, c.q.Errorf("AGGREGATION_EXPECTED", x, "The field %s has to stand in an aggregation.", x.Name).With("write takeAny(" + x.Name + "), or group by it")
	}
	if !c.scope.has(x.Name) {
		return nil, c.unknownField(x)
	}
	c.need(x.Name)
	return reader(x.Name), nil
}

func (c *compiler) unknownField(x *syntax.Field) *syntax.Error {
	e := c.q.Errorf("FIELD_DOES_NOT_EXIST", x, "The field %s doesn't exist.", x.Name)
	if n := c.scope.nearest(x.Name); n != "" {
		e.Hint = "there is " + n
	} else if len(c.scope.names) > 0 {
		e.Hint = "an earlier command left only " + strings.Join(c.scope.names, ", ")
	}
	return e
}

// reader reads a field. It remembers where the last shape had it.
func reader(name string) expr {
	var last *shape
	at := -1
	return func(r *row) dql.Value {
		if r.shape != last {
			last, at = r.shape, r.shape.at(name)
		}
		if at < 0 {
			return dql.Null
		}
		return r.vals[at]
	}
}

// constant evaluates x before the run; ok is false if it reads a field.
func (c *compiler) constant(x syntax.Expr) (v dql.Value, ok bool) {
	if !isConstant(x) {
		return dql.Null, false
	}
	e, err := c.compile(x)
	if err != nil {
		return dql.Null, false
	}
	return e(&row{shape: &shape{}}), true
}

func isConstant(x syntax.Expr) bool {
	constant := true
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Field, *syntax.Subquery, *syntax.Placeholder, *syntax.Template:
			constant = false
		case *syntax.Index:
			constant = constant && n.I != nil
		case *syntax.Call:
			constant = constant && !strings.EqualFold(n.Name, "random")
		}
		return constant
	})
	return constant
}

func (c *compiler) unary(x *syntax.Unary) (expr, error) {
	f, err := c.compile(x.X)
	if err != nil {
		return nil, err
	}
	op := scalar.Neg
	if x.Op == "not" {
		op = scalar.Not
	}
	return func(r *row) dql.Value { return op(f(r)) }, nil
}

var operators = map[string]func(x, y dql.Value) dql.Value{
	"+": scalar.Add, "-": scalar.Sub, "*": scalar.Mul, "/": scalar.Div, "%": scalar.Mod,
	"xor": scalar.Xor, "==": scalar.Eq,
	"!=": func(x, y dql.Value) dql.Value { return scalar.Not(scalar.Eq(x, y)) },
}

func (c *compiler) binary(x *syntax.Binary) (expr, error) {
	switch x.Op {
	case "in":
		return c.inSubquery(x)
	case "~":
		return c.tilde(x)
	}
	if a, ok := x.Y.(*syntax.Align); ok && a.X != nil && (x.Op == "+" || x.Op == "-") && isDuration(a.X) {
		// now() - 2h@h means (now() - 2h)@h: a duration has nothing to align.
		sum := &syntax.Binary{Span: x.Span, Op: x.Op, At: x.At, X: x.X, Y: a.X}
		return c.align(&syntax.Align{Span: x.Span, X: sum, Unit: a.Unit})
	}
	f, err := c.compile(x.X)
	if err != nil {
		return nil, err
	}
	g, err := c.compile(x.Y)
	if err != nil {
		return nil, err
	}
	switch x.Op {
	case "and", "or":
		return shortcut(x.Op, f, g), nil
	case "<", "<=", ">", ">=":
		op := x.Op
		return func(r *row) dql.Value { return scalar.Compare(op, f(r), g(r)) }, nil
	}
	op := operators[x.Op]
	if op == nil {
		return nil, c.q.Errorf("PARSE_ERROR", x.At, "`%s` isn't allowed here.", x.Op)
	}
	return func(r *row) dql.Value { return op(f(r), g(r)) }, nil
}

func isDuration(x syntax.Expr) bool {
	lit, ok := x.(*syntax.Literal)
	return ok && lit.Value.Kind() == dql.KindDuration
}

// shortcut is and, or: the second operand is not evaluated if the first
// decides.
func shortcut(op string, f, g expr) expr {
	if op == "and" {
		return func(r *row) dql.Value {
			x := f(r)
			if b, ok := x.AsBool(); ok && !b {
				return x
			}
			return scalar.And(x, g(r))
		}
	}
	return func(r *row) dql.Value {
		x := f(r)
		if b, ok := x.AsBool(); ok && b {
			return x
		}
		return scalar.Or(x, g(r))
	}
}

func (c *compiler) align(x *syntax.Align) (expr, error) {
	env, unit := c.env, x.Unit
	if x.X == nil {
		v := scalar.Align(env, dql.Time(env.Now), unit)
		return func(*row) dql.Value { return v }, nil
	}
	f, err := c.compile(x.X)
	if err != nil {
		return nil, err
	}
	return func(r *row) dql.Value { return scalar.Align(env, f(r), unit) }, nil
}

// call compiles a function.
func (c *compiler) call(x *syntax.Call) (expr, error) {
	sig := function.Lookup(x.Name)
	if sig == nil {
		e := c.q.Errorf("UNKNOWN_FUNCTION", x.Named, "There's no function `%s`.", x.Name)
		e.Hint = function.Suggest(x.Name, function.All())
		return nil, e
	}
	if sig.Aggregation() && c.aggregations != nil {
		return c.aggregationCall(sig, x)
	}
	if sig.Aggregation() {
		return nil, c.q.Errorf("AGGREGATION_NOT_ALLOWED", x.Named, "The aggregation `%s` isn't allowed here.", sig.Name).With("aggregations stand in summarize and makeTimeseries")
	}
	args, bad := sig.Resolve(c.q, x.Named, x.Params)
	if bad != nil {
		return nil, bad
	}
	if special := c.special(sig.Name); special != nil {
		return special(x, args)
	}
	f, ok := scalar.Lookup(sig.Name)
	if !ok {
		return nil, c.q.Errorf("UNSUPPORTED_FUNCTION", x.Named, "`%s` needs a Dynatrace environment.", sig.Name)
	}
	return c.apply(x, args, f)
}

// apply compiles the arguments of a function and the call itself; one of
// constants is made now.
func (c *compiler) apply(x *syntax.Call, args function.Args, f scalar.Func) (expr, error) {
	exprs, err := c.arguments(args.Signature, args)
	if err != nil {
		return nil, err
	}
	buf, env := make([]dql.Value, len(exprs)), c.env
	apply := func(r *row) dql.Value {
		for i, e := range exprs {
			if e != nil {
				buf[i] = e(r)
			}
		}
		return f(env, buf)
	}
	if isConstant(x) {
		v := apply(&row{shape: &shape{}})
		return func(*row) dql.Value { return v }, nil
	}
	return apply, nil
}

// arguments compiles the arguments in the order of the table, nil for those
// left out.
func (c *compiler) arguments(sig *function.Signature, args function.Args) ([]expr, error) {
	var out []expr
	for _, p := range sig.Params {
		if !args.Has(p.Name) && !p.Variadic {
			out = append(out, nil)
		}
		for _, a := range args.All(p.Name) {
			e, err := c.argument(p, a)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}

// words are the parameters that take a bare word or a string.
var words = map[string]bool{"direction": true, "fieldName": true}

func (c *compiler) argument(p function.Param, a *syntax.Arg) (expr, error) {
	if f, ok := a.Value.(*syntax.Field); ok && words[p.Name] {
		v := dql.String(f.Name)
		return func(*row) dql.Value { return v }, nil
	}
	if lit, ok := syntax.Strip(a.Value).(*syntax.Literal); ok && !function.Accepts(p, lit.Value.Kind()) {
		return nil, function.WrongType(c.q, p, a, lit.Value.Kind())
	}
	return c.compile(a.Value)
}

// special returns the compiler of a function that does not take values only.
func (c *compiler) special(name string) func(*syntax.Call, function.Args) (expr, error) {
	switch name {
	case "if":
		return c.ifCall
	case "coalesce":
		return c.coalesce
	case "record":
		return c.recordCall
	case "now":
		return func(*syntax.Call, function.Args) (expr, error) {
			v := dql.Time(c.env.Now)
			return func(*row) dql.Value { return v }, nil
		}
	}
	return c.specialMore(name)
}

func (c *compiler) ifCall(_ *syntax.Call, args function.Args) (expr, error) {
	cond, err := c.compile(args.Get("condition").Value)
	if err != nil {
		return nil, err
	}
	then, err := c.compile(args.Get("then").Value)
	if err != nil {
		return nil, err
	}
	otherwise := func(*row) dql.Value { return dql.Null }
	if a := args.Get("else"); a != nil {
		if otherwise, err = c.compile(a.Value); err != nil {
			return nil, err
		}
	}
	return func(r *row) dql.Value {
		if b, ok := cond(r).AsBool(); ok && b {
			return then(r)
		}
		return otherwise(r)
	}, nil
}

func (c *compiler) coalesce(_ *syntax.Call, args function.Args) (expr, error) {
	var exprs []expr
	for _, a := range args.All("expression") {
		e, err := c.compile(a.Value)
		if err != nil {
			return nil, err
		}
		exprs = append(exprs, e)
	}
	return func(r *row) dql.Value {
		for _, e := range exprs {
			if v := e(r); !v.IsNull() {
				return v
			}
		}
		return dql.Null
	}, nil
}

// recordCall compiles record(a = 1, b): a field without an alias keeps its
// name.
func (c *compiler) recordCall(_ *syntax.Call, args function.Args) (expr, error) {
	names, exprs, err := c.columns(args.All("expression"))
	if err != nil {
		return nil, err
	}
	return func(r *row) dql.Value {
		vals := make([]dql.Value, len(exprs))
		for i, e := range exprs {
			vals[i] = e(r)
		}
		return dql.Object(dql.NewRecord(names, vals))
	}, nil
}

// columns compiles arguments that become fields: their names, each once, and
// their values.
func (c *compiler) columns(args []*syntax.Arg) ([]string, []expr, error) {
	var names []string
	var exprs []expr
	at := map[string]int{}
	for _, a := range args {
		e, err := c.expr(a.Value)
		if err != nil {
			return nil, nil, err
		}
		n := columnName(a)
		if i, dup := at[n]; dup {
			exprs[i] = e
			continue
		}
		at[n] = len(names)
		names, exprs = append(names, n), append(exprs, e)
	}
	return names, exprs, nil
}

// columnName is the alias of an argument or the canonical text of its
// expression; parse is named after what its pattern exports.
func columnName(a *syntax.Arg) string {
	if a.Alias != nil {
		return a.Alias.Name
	}
	if call, ok := a.Value.(*syntax.Call); ok {
		if name := parsedName(call); name != "" {
			return name
		}
	}
	return syntax.ColumnName(a.Value, function.Spelling)
}
