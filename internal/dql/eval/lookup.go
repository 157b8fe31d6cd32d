package eval

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// Limits of what a subquery may hold in memory; Grail's is 128 MB.
const maxSubRows = 1_000_000

// subquery returns the rows of a [subquery] argument.
func (c *compiler) subquery(a *syntax.Arg) (*table, error) {
	sub, ok := syntax.Strip(a.Value).(*syntax.Subquery)
	if !ok {
		return nil, c.q.Errorf("PARSE_ERROR", a, "A [subquery] is expected here.")
	}
	t, err := c.run.sub(sub.Query)
	if err != nil {
		return nil, err
	}
	if len(t.rows) > maxSubRows {
		return nil, c.q.Errorf("RESULT_LIMIT_RECORDS", a, "The subquery has %d records, more than the limit of %d.", len(t.rows), maxSubRows)
	}
	return t, nil
}

// lookup adds the fields of the first matching record of a table.
func (c *compiler) lookup(args function.Args) (step, error) {
	t, err := c.subquery(args.Get("lookupTable"))
	if err != nil {
		return nil, err
	}
	find, err := c.lookupIndex(args, t)
	if err != nil {
		return nil, err
	}
	prefix, err := c.text(args.Get("prefix"), "lookup.")
	if err != nil {
		return nil, err
	}
	from, to, err := c.taken(args, t, prefix)
	if err != nil {
		return nil, err
	}
	if !args.Has("fields") {
		stale := func(n string) bool { return strings.HasPrefix(n, prefix) }
		c.scope = c.scope.without(stale)
	}
	c.scope = c.scope.with(to...)
	c.scope.open = c.scope.open || t.scope.open
	w := &widener{shapes: c.shapes, names: to}
	drop := ""
	if !args.Has("fields") {
		drop = prefix
	}
	d := &dropper{shapes: c.shapes, drop: func(n string) bool { return drop != "" && strings.HasPrefix(n, drop) }}
	return func(next sink) sink { return &lookupSink{next, find, from, w, d} }, nil
}

// lookupIndex compiles sourceField and lookupField into a search.
func (c *compiler) lookupIndex(args function.Args, t *table) (func(*row) *row, error) {
	right := args.Get("lookupField")
	left := args.Get("sourceField")
	if left == nil {
		left = right
	}
	source, err := c.expr(left.Value)
	if err != nil {
		return nil, err
	}
	target, err := c.in(t.scope).expr(right.Value)
	if err != nil {
		return nil, err
	}
	index := map[string]*row{}
	for _, r := range t.rows {
		v := target(r)
		if v.IsNull() {
			continue
		}
		k := string(appendKey(nil, v))
		if index[k] == nil {
			index[k] = r
		}
	}
	var buf []byte
	return func(r *row) *row {
		v := source(r)
		if v.IsNull() {
			return nil
		}
		buf = appendKey(buf[:0], v)
		return index[string(buf)]
	}, nil
}

// in returns a compiler for expressions over another table.
func (c *compiler) in(s *scope) *compiler {
	inner := *c
	inner.scope, inner.locals, inner.needs, inner.aggregations = s, nil, nil, nil
	return &inner
}

// text returns a constant string parameter.
func (c *compiler) text(a *syntax.Arg, otherwise string) (string, error) {
	if a == nil {
		return otherwise, nil
	}
	if f, ok := a.Value.(*syntax.Field); ok {
		return f.Name, nil
	}
	v, _ := c.constant(a.Value)
	s, ok := v.AsString()
	if !ok {
		return "", c.q.Errorf("INVALID_PARAMETER_TYPE", a, "`%s` takes a string.", a.Name)
	}
	return s, nil
}

// taken returns which fields of t are taken and how they are called then:
// all with the prefix, or those of fields: without.
func (c *compiler) taken(args function.Args, t *table, prefix string) (from, to []string, err error) {
	if !args.Has("fields") {
		names := t.scope.names
		if t.scope.open {
			names = t.names()
		}
		for _, n := range names {
			from, to = append(from, n), append(to, prefix+n)
		}
		return from, to, nil
	}
	if !args.Has("prefix") {
		prefix = ""
	}
	for _, a := range args.All("fields") {
		f, ok := a.Value.(*syntax.Field)
		if !ok {
			return nil, nil, c.q.Errorf("PARSE_ERROR", a, "`fields` takes fields of the subquery.")
		}
		if !t.scope.has(f.Name) {
			return nil, nil, c.in(t.scope).unknownField(f)
		}
		from, to = append(from, f.Name), append(to, prefix+columnName(a))
	}
	return from, to, nil
}

type lookupSink struct {
	next  sink
	find  func(*row) *row
	from  []string
	wider *widener
	drop  *dropper
}

func (s *lookupSink) push(r *row) error {
	found := s.find(r)
	out, at := s.wider.widen(s.drop.apply(r))
	for i, n := range s.from {
		out.vals[at[i]] = dql.Null
		if found != nil {
			out.vals[at[i]] = found.get(n)
		}
	}
	return s.next.push(out)
}

func (s *lookupSink) flush() error { return s.next.flush() }

// A dropper takes fields away from rows.
type dropper struct {
	shapes *shapes
	drop   func(name string) bool

	last *shape
	out  row
	keep []int
	same bool // nothing to take away
}

func (d *dropper) apply(r *row) *row {
	if r.shape != d.last {
		d.shape(r.shape)
	}
	if d.same {
		return r
	}
	for i, from := range d.keep {
		d.out.vals[i] = r.vals[from]
	}
	return &d.out
}

func (d *dropper) shape(s *shape) {
	d.last = s
	var names []string
	d.keep = d.keep[:0]
	for i, n := range s.names {
		if !d.drop(n) {
			names = append(names, n)
			d.keep = append(d.keep, i)
		}
	}
	d.same = len(names) == len(s.names)
	d.out = row{shape: d.shapes.of(names), vals: make([]dql.Value, len(names))}
}
