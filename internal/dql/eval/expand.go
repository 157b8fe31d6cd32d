package eval

import (
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
)

// expand makes a row of each element of an array. A row without elements
// vanishes; one whose value is no array stays as it is.
func (c *compiler) expand(args function.Args) (step, error) {
	a := args.Get("expression")
	e, err := c.expr(a.Value)
	if err != nil {
		return nil, err
	}
	limit := int64(-1)
	if l := args.Get("limit"); l != nil {
		v, _ := c.constant(l.Value)
		var ok bool
		if limit, ok = v.AsLong(); !ok || limit < 0 {
			return nil, c.q.Errorf("INVALID_PARAMETER_TYPE", l, "`limit` takes a number, zero or more.")
		}
	}
	n := columnName(a)
	c.scope = c.scope.with(n)
	w := &widener{shapes: c.shapes, names: []string{n}}
	return func(next sink) sink { return &expandSink{next, e, limit, w} }, nil
}

type expandSink struct {
	next  sink
	array expr
	limit int64
	wider *widener
}

func (s *expandSink) push(r *row) error {
	v := s.array(r)
	list, ok := v.AsArray()
	if !ok {
		list = []dql.Value{v}
	}
	if s.limit >= 0 && int64(len(list)) > s.limit {
		list = list[:s.limit]
	}
	for _, e := range list {
		out, at := s.wider.widen(r)
		out.vals[at[0]] = e
		if err := s.next.push(out); err != nil {
			return err
		}
	}
	return nil
}

func (s *expandSink) flush() error { return s.next.flush() }
