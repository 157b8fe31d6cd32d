package eval

import (
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/pattern"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// pattern compiles the pattern of a command or function.
func (c *compiler) pattern(a *syntax.Arg) (*pattern.Pattern, error) {
	v, ok := c.constant(a.Value)
	text, isText := v.AsString()
	if !ok || !isText {
		return nil, c.q.Errorf("INVALID_PARAMETER_TYPE", a, "The pattern has to be a string.")
	}
	p, err := pattern.Compile(text)
	if err != nil {
		return nil, c.q.Errorf("INVALID_PATTERN", a, "%v", err)
	}
	return p, nil
}

// parse adds the fields that a pattern exports; they are null where it does
// not match.
func (c *compiler) parse(args function.Args) (step, error) {
	p, err := c.pattern(args.Get("pattern"))
	if err != nil {
		return nil, err
	}
	source, err := c.expr(args.Get("expression").Value)
	if err != nil {
		return nil, err
	}
	wanted := func(*row) dql.Value { return dql.Bool(true) }
	if a := args.Get("parsingPrerequisite"); a != nil {
		if wanted, err = c.expr(a.Value); err != nil {
			return nil, err
		}
	}
	keep := false
	if a := args.Get("preserveFieldsOnFailure"); a != nil {
		v, _ := c.constant(a.Value)
		keep, _ = v.AsBool()
	}
	c.scope = c.scope.with(p.Exports()...)
	w := &widener{shapes: c.shapes, names: p.Exports()}
	loc := c.env.Location
	return func(next sink) sink {
		return &mapSink{next, func(r *row) *row {
			out, at := w.widen(r)
			text, ok := source(r).AsString()
			yes, _ := wanted(r).AsBool()
			if !yes {
				return out
			}
			var vals []dql.Value
			if ok {
				vals, ok = p.Parse(text, loc)
			}
			for i, to := range at {
				switch {
				case ok:
					out.vals[to] = vals[i]
				case !keep:
					out.vals[to] = dql.Null
				}
			}
			return out
		}}
	}, nil
}

// patterned are the functions that take a pattern, beside parse and parseAll.
var patterned = map[string]bool{"matchesPattern": true, "replacePattern": true, "splitByPattern": true}

// patternCall checks the pattern of a function before the run.
func (c *compiler) patternCall(name string) func(*syntax.Call, function.Args) (expr, error) {
	return func(x *syntax.Call, args function.Args) (expr, error) {
		p, err := c.pattern(args.Get("pattern"))
		if err != nil {
			return nil, err
		}
		if (name == "parse" || name == "parseAll") && len(p.Exports()) == 0 {
			return nil, c.q.Errorf("INVALID_PATTERN", args.Get("pattern"), "The pattern exports nothing.").With("give what you want a name: LONG:count")
		}
		f, _ := scalar.Lookup(name)
		return c.apply(x, args, f)
	}
}

// lookupCall is the function lookup: the first matching record of a subquery.
func (c *compiler) lookupCall(_ *syntax.Call, args function.Args) (expr, error) {
	t, err := c.subquery(args.Get("lookupTable"))
	if err != nil {
		return nil, err
	}
	find, err := c.lookupIndex(args, t)
	if err != nil {
		return nil, err
	}
	names := t.scope.names
	if t.scope.open {
		names = t.names()
	}
	return func(r *row) dql.Value {
		found := find(r)
		if found == nil {
			return dql.Null
		}
		vals := make([]dql.Value, len(names))
		for i, n := range names {
			vals[i] = found.get(n)
		}
		return dql.Object(dql.NewRecord(names, vals))
	}, nil
}

// parsedName is the name of the column that parse or parseAll makes: that of
// its only export, or parsed_record. It is "" for other functions.
func parsedName(x *syntax.Call) string {
	whole := map[string]string{"parse": "parsed_record", "parseAll": "parsed_records"}[function.Spelling(x.Name)]
	if whole == "" || len(x.Params) < 2 {
		return ""
	}
	lit, ok := x.Params[1].Value.(*syntax.Literal)
	if !ok {
		return ""
	}
	text, _ := lit.Value.AsString()
	p, err := pattern.Compile(text)
	if err != nil || len(p.Exports()) != 1 {
		return whole
	}
	return p.Exports()[0]
}
