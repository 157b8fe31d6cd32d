package eval

import (
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
)

// fields keeps nothing but what it names. A later expression may use the alias
// of an earlier one.
func (c *compiler) fields(args function.Args) (step, error) {
	out := &row{}
	c.locals = map[string]expr{}
	defer func() { c.locals = nil }()
	var names []string
	var exprs []expr
	at := map[string]int{}
	for _, a := range args.All("expression") {
		e, err := c.expr(a.Value)
		if err != nil {
			return nil, err
		}
		n := columnName(a)
		i, dup := at[n]
		if !dup {
			i = len(names)
			at[n] = i
			names, exprs = append(names, n), append(exprs, e)
		} else {
			exprs[i] = e
		}
		if a.Alias != nil {
			c.locals[n] = func(*row) dql.Value { return out.vals[i] }
		}
	}
	c.scope = &scope{names: names}
	out.shape, out.vals = c.shapes.of(names), make([]dql.Value, len(names))
	return func(next sink) sink { return &fieldsSink{next, exprs, out} }, nil
}

type fieldsSink struct {
	next  sink
	exprs []expr
	out   *row
}

func (s *fieldsSink) push(r *row) error {
	for i, e := range s.exprs {
		s.out.vals[i] = e(r)
	}
	return s.next.push(s.out)
}

func (s *fieldsSink) flush() error { return s.next.flush() }

// fieldsAdd adds fields or gives existing ones another value, from left to
// right: a later expression sees an earlier one.
func (c *compiler) fieldsAdd(args function.Args) (step, error) {
	var names []string
	var exprs []expr
	for _, a := range args.All("expression") {
		e, err := c.expr(a.Value)
		if err != nil {
			return nil, err
		}
		n := columnName(a)
		names, exprs = append(names, n), append(exprs, e)
		c.scope = c.scope.with(n)
	}
	w := &widener{shapes: c.shapes, names: names}
	return func(next sink) sink { return &fieldsAddSink{next, exprs, w} }, nil
}

type fieldsAddSink struct {
	next  sink
	exprs []expr
	wider *widener
}

func (s *fieldsAddSink) push(r *row) error {
	out, at := s.wider.widen(r)
	for i, e := range s.exprs {
		out.vals[at[i]] = e(out)
	}
	return s.next.push(out)
}

func (s *fieldsAddSink) flush() error { return s.next.flush() }

// A widener gives rows more fields.
type widener struct {
	shapes *shapes
	names  []string

	last *shape // of the row before
	out  row
	at   []int // where the names stand in out
}

// widen returns r with the fields of w, those it did not have null, and where
// they stand. The row is valid until the next call.
func (w *widener) widen(r *row) (*row, []int) {
	if r.shape != w.last {
		w.last = r.shape
		w.shape(r.shape)
	}
	n := copy(w.out.vals, r.vals)
	clear(w.out.vals[n:])
	return &w.out, w.at
}

func (w *widener) shape(s *shape) {
	all := append([]string(nil), s.names...)
	for _, n := range w.names {
		if s.at(n) < 0 {
			all = appendNew(all, n)
		}
	}
	w.out.shape = w.shapes.of(all)
	w.out.vals = make([]dql.Value, len(all))
	w.at = w.at[:0]
	for _, n := range w.names {
		w.at = append(w.at, w.out.shape.at(n))
	}
}

func appendNew(names []string, n string) []string {
	for _, have := range names {
		if have == n {
			return names
		}
	}
	return append(names, n)
}
