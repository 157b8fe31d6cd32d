package check

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// expr checks an expression and returns its type, KindNull if that depends on
// the data.
func (c *checker) expr(x syntax.Expr) dql.Kind {
	switch x := x.(type) {
	case *syntax.Literal:
		return x.Value.Kind()
	case *syntax.Template:
		return dql.KindString
	case *syntax.Field:
		return c.field(x)
	case *syntax.Paren:
		return c.expr(x.X)
	case *syntax.Unary:
		k := c.expr(x.X)
		if x.Op == "not" {
			return dql.KindBoolean
		}
		return k
	case *syntax.Binary:
		return c.binary(x)
	case *syntax.Align:
		if x.X != nil {
			c.expr(x.X)
		}
		return dql.KindTimestamp
	case *syntax.Index:
		c.expr(x.X)
		if _, name := x.I.(*syntax.Field); x.I != nil && !name {
			c.expr(x.I)
		}
	case *syntax.Call:
		return c.call(x, false)
	case *syntax.Subquery:
		c.query(x.Query)
	case *syntax.Group:
		c.refuse(c.q.Errorf("PARSE_ERROR", x, "A group `{…}` isn't a value.").With("an array is written array(…)"))
	}
	return dql.KindNull
}

func (c *checker) field(x *syntax.Field) dql.Kind {
	if k, ok := c.scope.types[x.Name]; ok {
		return k
	}
	if !c.scope.open {
		c.refuse(c.unknown(x))
		c.scope.add(x.Name, dql.KindNull)
		return dql.KindNull
	}
	if advice, ok := strangers[x.Name]; ok && events[c.pipe.table] {
		c.warn("FIELD_NEVER_SET", x, advice, "Dynatrace never sets %s on %s: it is null.", x.Name, c.pipe.table)
		c.scope.types[x.Name] = dql.KindNull
	}
	return fieldTypes[x.Name]
}

// unknown is the error for a field that is not in a closed set.
func (c *checker) unknown(x *syntax.Field) *syntax.Error {
	e := c.q.Errorf("FIELD_DOES_NOT_EXIST", x, "The field %s doesn't exist.", x.Name)
	if by := c.scope.gone[x.Name]; by != "" {
		e.Hint = by + " dropped it; name it there too"
	} else if len(c.scope.names) > 0 && len(c.scope.names) < 20 {
		e.Hint = "there are " + strings.Join(c.scope.names, ", ")
	}
	return e
}

// dropper is the command that dropped a field.
func (c *checker) dropper(name string) string {
	if by := c.scope.gone[name]; by != "" {
		return by
	}
	return "the command before"
}

func (c *checker) binary(x *syntax.Binary) dql.Kind {
	if x.Op == "in" {
		c.expr(x.X)
		if sub, ok := syntax.Strip(x.Y).(*syntax.Subquery); ok {
			c.query(sub.Query)
		}
		return dql.KindBoolean
	}
	k, l := c.expr(x.X), c.expr(x.Y)
	switch x.Op {
	case "and", "or", "xor":
		return dql.KindBoolean
	case "==", "!=", "<", "<=", ">", ">=":
		c.comparison(x, k, l)
		return dql.KindBoolean
	case "/":
		c.division(x, k, l)
	}
	return arithmetic(x.Op, k, l)
}

func isNumber(k dql.Kind) bool { return k == dql.KindLong || k == dql.KindDouble }

// arithmetic is the type of k op l.
func arithmetic(op string, k, l dql.Kind) dql.Kind {
	switch {
	case op == "-" && k == dql.KindTimestamp && l == dql.KindTimestamp:
		return dql.KindDuration
	case (op == "-" || op == "+") && (k == dql.KindTimestamp || l == dql.KindTimestamp):
		return dql.KindTimestamp
	case op == "/" && k == dql.KindDuration && l == dql.KindDuration:
		return dql.KindDouble
	case k == dql.KindDuration && (isNumber(l) || l == dql.KindDuration):
		return dql.KindDuration
	case l == dql.KindDuration && isNumber(k):
		return dql.KindDuration
	case k == dql.KindLong && l == dql.KindLong:
		return dql.KindLong
	case isNumber(k) && isNumber(l):
		return dql.KindDouble
	}
	return dql.KindNull
}

// comparison warns where x can never be true.
func (c *checker) comparison(x *syntax.Binary, k, l dql.Kind) {
	c.words(x)
	if isNull(x.X) || isNull(x.Y) {
		c.warn("NEVER_TRUE", x, "write isNull(…) or isNotNull(…)", "A comparison with null is null.")
		return
	}
	if k == dql.KindNull || l == dql.KindNull || k == l || isNumber(k) && isNumber(l) {
		return
	}
	hint := "convert one side, with toLong, toString and the like"
	if k == dql.KindDuration && isNumber(l) || l == dql.KindDuration && isNumber(k) {
		hint = "divide the duration by a unit to get a number, (…) / 1m, or compare with a duration such as 60m"
	}
	if k == dql.KindArray || l == dql.KindArray {
		hint = "to look inside an array write in(value, array)"
	}
	result := "null"
	switch x.Op {
	case "==":
		result = "false"
	case "!=":
		result = "true"
	}
	c.warn("TYPES_DIFFER", x, hint, "A value of type %s compared with one of type %s is always %s.", k, l, result)
}

func isNull(x syntax.Expr) bool {
	lit, ok := syntax.Strip(x).(*syntax.Literal)
	return ok && lit.Value.IsNull()
}

// words warns about values that a field never has.
func (c *checker) words(x *syntax.Binary) {
	f, okF := syntax.Strip(x.X).(*syntax.Field)
	if g, ok := syntax.Strip(x.Y).(*syntax.Field); ok && okF && c.scope.open && !c.scope.has(g.Name) && bareWord(g.Name) {
		c.warn("BARE_WORD", g, `write "`+g.Name+`"`, "%s is the name of a field here, which is null.", g.Name)
	}
	lit, okL := syntax.Strip(x.Y).(*syntax.Literal)
	if !okF || !okL || !events[c.pipe.table] {
		return
	}
	if s, ok := lit.Value.AsString(); ok && s == "OPEN" && (f.Name == "event.status" || f.Name == "problem.status") {
		c.warn("NEVER_TRUE", lit, `write event.status == "ACTIVE"`, "The status of a problem is ACTIVE or CLOSED, never OPEN.")
	}
	if n, ok := lit.Value.AsDouble(); ok && f.Name == "duration_minutes" && (x.Op == "<" || x.Op == "<=") && n <= 5 {
		c.warn("RARELY_TRUE", x, "set the bar for a false alarm above the de-alerting time", "By default a problem closes after five clean minutes: few are shorter than that.")
	}
}

// bareWord reports whether a name looks like a string without its quotes.
func bareWord(s string) bool {
	return len(s) > 1 && s == strings.ToUpper(s) && !strings.Contains(s, ".")
}

// division warns about a ratio of counts and about factors that cancel.
func (c *checker) division(x *syntax.Binary, k, l dql.Kind) {
	if k == dql.KindLong && l == dql.KindLong && !(literal(x.X) && literal(x.Y)) {
		c.warn("INTEGER_DIVISION", x, "multiply by 100.0 before dividing, or use toDouble",
			"A long divided by a long has no fraction: a ratio is 0 or 1, a percentage 0 or 100.")
	}
	a, okA := syntax.Strip(x.X).(*syntax.Binary)
	b, okB := syntax.Strip(x.Y).(*syntax.Binary)
	if okA && okB && a.Op == "/" && b.Op == "/" && literal(a.Y) && literal(b.Y) && text(c.q, a.Y) == text(c.q, b.Y) {
		c.warn("CANCELS", x, "for a rate against the mean multiply: day * 7.0 / week * 100",
			"Both sides are divided by %s, which cancels: this is the share of a whole, at most 100 percent.", text(c.q, a.Y))
	}
}

func literal(x syntax.Expr) bool {
	_, ok := syntax.Strip(x).(*syntax.Literal)
	return ok
}

func text(q *syntax.Query, n syntax.Node) string { return q.Text[n.Bounds().Start:n.Bounds().End] }

// aggregation checks an argument of summarize.
func (c *checker) aggregation(a *syntax.Arg) dql.Kind {
	return (&aggregating{c}).expr(a.Value)
}

// aggregating checks expressions over aggregations.
type aggregating struct{ *checker }

func (c *aggregating) expr(x syntax.Expr) dql.Kind {
	switch x := x.(type) {
	case *syntax.Paren:
		return c.expr(x.X)
	case *syntax.Binary:
		k, l := c.expr(x.X), c.expr(x.Y)
		if x.Op == "/" {
			c.division(x, k, l)
		}
		return arithmetic(x.Op, k, l)
	case *syntax.Call:
		sig := function.Lookup(x.Name)
		if sig != nil && !sig.Aggregation() {
			for _, a := range x.Params {
				if _, group := a.Value.(*syntax.Group); !group {
					c.expr(a.Value)
				}
			}
			return result(sig)
		}
		return c.call(x, true)
	case *syntax.Field:
		c.refuse(c.q.Errorf("AGGREGATION_EXPECTED", x, "The field %s has to stand in an aggregation.", x.Name).With("write takeAny(" + x.Name + "), or group by it"))
		return dql.KindNull
	}
	return c.checker.expr(x)
}

// call checks a function and its arguments.
func (c *checker) call(x *syntax.Call, aggregation bool) dql.Kind {
	sig := function.Lookup(x.Name)
	if sig == nil {
		e := c.q.Errorf("UNKNOWN_FUNCTION", x.Named, "There's no function `%s`.", x.Name)
		c.refuse(e.With(function.Suggest(x.Name, function.All())))
		return dql.KindNull
	}
	if sig.Aggregation() && !aggregation {
		c.refuse(c.q.Errorf("AGGREGATION_NOT_ALLOWED", x.Named, "The aggregation `%s` isn't allowed here.", sig.Name).With("aggregations stand in summarize and makeTimeseries"))
		return dql.KindNull
	}
	args, err := sig.Resolve(c.q, x.Named, x.Params)
	if err != nil {
		c.refuse(err)
		for _, a := range x.Params {
			c.value(a)
		}
		return result(sig)
	}
	kinds := c.arguments(sig, args)
	if sig.Name == "min" || sig.Name == "max" || sig.Name == "takeAny" || sig.Name == "coalesce" {
		c.firstSeen(x, sig)
		return common(kinds)
	}
	if sig.Name == "if" {
		return common(kinds[1:])
	}
	return result(sig)
}

// arguments checks the arguments of a call and returns their types.
func (c *checker) arguments(sig *function.Signature, args function.Args) []dql.Kind {
	var kinds []dql.Kind
	for _, p := range sig.Params {
		for _, a := range args.All(p.Name) {
			if _, word := a.Value.(*syntax.Field); word && (p.Name == "direction" || p.Name == "fieldName" || p.Name == "field") {
				continue
			}
			if _, sub := a.Value.(*syntax.Subquery); sub || p.Name == "lookupField" {
				c.lookupArg(a)
				continue
			}
			k := c.value(a)
			kinds = append(kinds, k)
			if !function.Accepts(p, k) {
				c.misfit(sig, p, a, k)
			}
		}
	}
	return kinds
}

func (c *checker) lookupArg(a *syntax.Arg) {
	if sub, ok := a.Value.(*syntax.Subquery); ok {
		c.query(sub.Query)
	}
}

// misfit reports an argument of a type that the parameter does not take: a
// literal is refused, anything else gives null.
func (c *checker) misfit(sig *function.Signature, p function.Param, a *syntax.Arg, k dql.Kind) {
	if literal(a.Value) {
		c.refuse(function.WrongType(c.q, p, a, k))
		return
	}
	c.warn("ALWAYS_NULL", a, "convert it, with toString, toLong and the like", "`%s` of a %s is null.", sig.Name, k)
}

// firstSeen warns where the time of an update is taken for the start.
func (c *checker) firstSeen(x *syntax.Call, sig *function.Signature) {
	if sig.Name != "min" || !events[c.pipe.table] || len(x.Params) != 1 {
		return
	}
	if f, ok := x.Params[0].Value.(*syntax.Field); ok && f.Name == "timestamp" {
		c.warn("UPDATE_TIME", f, "the start of a problem is event.start", "timestamp is the time of an update: the first one in the window, not the start of the problem.")
	}
}

// common is the one type of kinds, unknown ones left out.
func common(kinds []dql.Kind) dql.Kind {
	out := dql.KindNull
	for _, k := range kinds {
		switch {
		case k == dql.KindNull:
			return dql.KindNull
		case out == dql.KindNull:
			out = k
		case out != k:
			return dql.KindNull
		}
	}
	return out
}

// result is the type that a function always gives.
func result(sig *function.Signature) dql.Kind {
	switch sig.Name {
	case "sum", "avg":
		return dql.KindNull // a duration of durations
	}
	if len(sig.Result) == 1 {
		return sig.Result[0]
	}
	return dql.KindNull
}
