package eval

import (
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// data makes records: data record(a = 1), record(a = 2), or data json:"[…]".
func (c *compiler) data(args function.Args) (starter, error) {
	var recs []dql.Record
	if a := args.Get("json"); a != nil {
		v, _ := c.constant(a.Value)
		text, ok := v.AsString()
		list := []dql.Value{}
		if ok {
			list, ok = scalar.ParseRecords(text)
		}
		if !ok {
			return nil, c.q.Errorf("INVALID_JSON", a, "`json` isn't an object or a list of objects.")
		}
		for _, v := range list {
			r, _ := v.AsRecord()
			recs = append(recs, r)
		}
	}
	for _, a := range args.All("expression") {
		r, err := c.dataRecord(a)
		if err != nil {
			return nil, err
		}
		recs = append(recs, r)
	}
	names := unionOf(recs)
	c.scope = &scope{open: true, names: names}
	return func(to sink) error {
		whole := c.shapes.of(names)
		for _, rec := range recs {
			vals := make([]dql.Value, len(names))
			for n, v := range rec.All() {
				vals[whole.index[n]] = v
			}
			if err := to.push(&row{shape: whole, vals: vals}); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (c *compiler) dataRecord(a *syntax.Arg) (dql.Record, error) {
	if a.Alias != nil {
		v, ok := c.constant(a.Value)
		if !ok {
			return dql.Record{}, c.q.Errorf("PARSE_ERROR", a, "`data` takes constants.")
		}
		return dql.NewRecord([]string{a.Alias.Name}, []dql.Value{v}), nil
	}
	e, err := c.compile(a.Value)
	if err != nil {
		return dql.Record{}, err
	}
	if !isConstant(a.Value) {
		return dql.Record{}, c.q.Errorf("PARSE_ERROR", a, "`data` takes constants.").With("strings stand in double quotes")
	}
	v := e(&row{shape: &shape{}})
	if r, ok := v.AsRecord(); ok {
		return r, nil
	}
	return dql.NewRecord([]string{columnName(a)}, []dql.Value{v}), nil
}

// unionOf returns the names of all fields in the order of their first
// appearance.
func unionOf(recs []dql.Record) []string {
	var names []string
	seen := map[string]bool{}
	for _, r := range recs {
		for n := range r.All() {
			if !seen[n] {
				seen[n] = true
				names = append(names, n)
			}
		}
	}
	return names
}
