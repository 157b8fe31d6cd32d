package eval

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// iterative reports whether x reads the elements of an array, a[], outside the
// functions that gather them.
func iterative(x syntax.Expr) bool {
	found := false
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Index:
			found = found || n.I == nil
		case *syntax.Call:
			return gatherers[function.Spelling(n.Name)] == nil
		case *syntax.Subquery:
			return false
		}
		return !found
	})
	return found
}

// index compiles x[i], and x[] inside an iteration.
func (c *compiler) index(x *syntax.Index) (expr, error) {
	f, err := c.compile(x.X)
	if err != nil {
		return nil, err
	}
	if x.I == nil {
		return func(r *row) dql.Value {
			list, _ := f(r).AsArray()
			if r.turn < len(list) {
				return list[r.turn]
			}
			return dql.Null
		}, nil
	}
	// rec[name] names a field of the record; a field of that name in the row
	// is read for arrays only.
	if name, ok := x.I.(*syntax.Field); ok {
		var i expr
		if c.scope.has(name.Name) {
			c.need(name.Name)
			i = reader(name.Name)
		}
		return func(r *row) dql.Value {
			v := f(r)
			if rec, ok := v.AsRecord(); ok {
				return rec.Get(name.Name)
			}
			if i == nil {
				return dql.Null
			}
			return scalar.Element(v, i(r))
		}, nil
	}
	i, err := c.compile(x.I)
	if err != nil {
		return nil, err
	}
	return func(r *row) dql.Value { return scalar.Element(f(r), i(r)) }, nil
}

// arraysOf compiles the arrays that x iterates over.
func (c *compiler) arraysOf(x syntax.Expr) ([]expr, error) {
	var out []expr
	var err error
	syntax.Walk(x, func(n syntax.Node) bool {
		index, ok := n.(*syntax.Index)
		if !ok || index.I != nil || err != nil {
			return err == nil
		}
		var e expr
		e, err = c.compile(index.X)
		out = append(out, e)
		return true
	})
	return out, err
}

// each returns the results of x, one for each element of the longest array it
// reads.
func (c *compiler) each(x syntax.Expr) (func(r *row) []dql.Value, error) {
	inner := *c
	inner.iter = true
	arrays, err := inner.arraysOf(x)
	if err != nil {
		return nil, err
	}
	f, err := inner.compile(x)
	if err != nil {
		return nil, err
	}
	return func(r *row) []dql.Value {
		n, outer := -1, r.turn
		for _, a := range arrays {
			if list, ok := a(r).AsArray(); ok {
				n = max(n, len(list))
			}
		}
		if n < 0 {
			return nil
		}
		out := make([]dql.Value, n)
		for r.turn = range n {
			out[r.turn] = f(r)
		}
		r.turn = outer
		return out
	}, nil
}

// collect makes an array of the results of an iterative expression.
func (c *compiler) collect(x syntax.Expr) (expr, error) {
	each, err := c.each(x)
	if err != nil {
		return nil, err
	}
	return func(r *row) dql.Value {
		list := each(r)
		if list == nil {
			return dql.Null
		}
		return dql.Array(list...)
	}, nil
}

// gatherers make one value of the results of an iterative expression.
var gatherers = map[string]func(list []dql.Value) dql.Value{
	"iAny":          anyTrue,
	"iCollectArray": func(list []dql.Value) dql.Value { return dql.Array(list...) },
	"iSum":          gather(func() accumulator { return &sum{} }),
	"iAvg":          gather(func() accumulator { return &sum{mean: true} }),
	"iMin":          gather(func() accumulator { return &extreme{sign: -1, strict: true} }),
	"iMax":          gather(func() accumulator { return &extreme{sign: 1, strict: true} }),
}

func gather(acc func() accumulator) func([]dql.Value) dql.Value {
	return func(list []dql.Value) dql.Value {
		a := acc()
		for _, v := range list {
			a.add(v, dql.Null)
		}
		return a.value()
	}
}

// anyTrue is true if one is, else null if one is null, else false.
func anyTrue(list []dql.Value) dql.Value {
	for _, v := range list {
		if b, ok := v.AsBool(); ok && b {
			return v
		}
	}
	return dql.Bool(false)
}

func (c *compiler) gather(name string) func(*syntax.Call, function.Args) (expr, error) {
	return func(_ *syntax.Call, args function.Args) (expr, error) {
		each, err := c.each(args.Get("expression").Value)
		if err != nil {
			return nil, err
		}
		f := gatherers[name]
		return func(r *row) dql.Value {
			list := each(r)
			if list == nil {
				return dql.Null
			}
			return f(list)
		}, nil
	}
}

// specialMore returns the compilers of functions that read rows.
func (c *compiler) specialMore(name string) func(*syntax.Call, function.Args) (expr, error) {
	switch {
	case gatherers[name] != nil:
		return c.gather(name)
	case name == "iIndex":
		return func(*syntax.Call, function.Args) (expr, error) {
			return func(r *row) dql.Value { return dql.Long(int64(r.turn)) }, nil
		}
	case name == "exists":
		return c.exists
	case name == "lookup":
		return c.lookupCall
	case strings.HasPrefix(name, "parse"), patterned[name]:
		return c.patternCall(name)
	}
	return nil
}

// exists reports whether the row has a field, null or not.
func (c *compiler) exists(_ *syntax.Call, args function.Args) (expr, error) {
	f, ok := args.Get("field").Value.(*syntax.Field)
	if !ok {
		return nil, c.q.Errorf("PARSE_ERROR", args.Get("field"), "`exists` takes the name of a field.")
	}
	c.needAll()
	return func(r *row) dql.Value { return dql.Bool(r.shape.at(f.Name) >= 0) }, nil
}

// inSubquery is x in [subquery], whose one field is the list.
func (c *compiler) inSubquery(x *syntax.Binary) (expr, error) {
	f, err := c.compile(x.X)
	if err != nil {
		return nil, err
	}
	t, err := c.subquery(&syntax.Arg{Span: x.Y.Bounds(), Value: x.Y})
	if err != nil {
		return nil, err
	}
	names := t.names()
	if len(t.scope.names) > 0 && !t.scope.open {
		names = t.scope.names
	}
	if len(names) > 1 {
		return nil, c.q.Errorf("PARSE_ERROR", x.Y, "The subquery of `in` has to have one field, but has %d.", len(names)).With("end it with | fields " + names[0])
	}
	set := map[string]bool{}
	for _, r := range t.rows {
		if v := r.get(names[0]); !v.IsNull() {
			set[string(appendKey(nil, v))] = true
		}
	}
	var buf []byte
	return func(r *row) dql.Value {
		v := f(r)
		if list, ok := v.AsArray(); ok {
			for _, e := range list {
				buf = appendKey(buf[:0], e)
				if set[string(buf)] {
					return dql.Bool(true)
				}
			}
			return dql.Bool(false)
		}
		buf = appendKey(buf[:0], v)
		return dql.Bool(set[string(buf)])
	}, nil
}
