package eval

import "github.com/salvehq/salve/internal/dql/function"

// filter keeps the rows for which the condition is true, filterOut removes
// them; null is not true.
func (c *compiler) filter(args function.Args) (step, error) {
	a := args.Get("condition")
	cond, err := c.compile(a.Value)
	if err != nil {
		return nil, err
	}
	keep := args.Signature.Name == "filter"
	return func(next sink) sink { return &filterSink{next, cond, keep} }, nil
}

type filterSink struct {
	next sink
	cond expr
	keep bool
}

func (s *filterSink) push(r *row) error {
	if b, ok := s.cond(r).AsBool(); (ok && b) == s.keep {
		return s.next.push(r)
	}
	return nil
}

func (s *filterSink) flush() error { return s.next.flush() }

// limit passes the first rows only.
func (c *compiler) limit(args function.Args) (step, error) {
	v, _ := c.constant(args.Get("size").Value)
	n, ok := v.AsLong()
	if !ok || n < 0 {
		return nil, c.q.Errorf("INVALID_PARAMETER_TYPE", args.Get("size"), "`limit` takes a number, zero or more.")
	}
	return func(next sink) sink { return &limitSink{next: next, left: n} }, nil
}

type limitSink struct {
	next sink
	left int64
}

func (s *limitSink) push(r *row) error {
	if s.left == 0 {
		return errDone
	}
	s.left--
	if err := s.next.push(r); err != nil {
		return err
	}
	if s.left == 0 {
		return errDone
	}
	return nil
}

func (s *limitSink) flush() error { return s.next.flush() }
