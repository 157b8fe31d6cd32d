package eval

import (
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
)

// dedup keeps the first rows of each key, by the sort if one is given.
func (c *compiler) dedup(args function.Args) (step, error) {
	var keys []expr
	for _, a := range args.All("expression") {
		e, err := c.expr(a.Value)
		if err != nil {
			return nil, err
		}
		keys = append(keys, e)
	}
	o, err := c.order(args.All("sort"))
	if err != nil {
		return nil, err
	}
	limit := int64(1)
	if a := args.Get("limit"); a != nil {
		v, _ := c.constant(a.Value)
		var ok bool
		if limit, ok = v.AsLong(); !ok || limit < 1 {
			return nil, c.q.Errorf("INVALID_PARAMETER_TYPE", a, "`limit` takes a number above zero.")
		}
	}
	return func(next sink) sink {
		return &dedupSink{next: next, keys: keys, order: o, limit: int(limit), groups: map[string]*best{}}
	}, nil
}

type dedupSink struct {
	next   sink
	keys   []expr
	order  order
	limit  int
	groups map[string]*best
	list   []*best
	buf    []byte
}

// A best holds the rows that come first in one group, in order.
type best struct {
	key  string
	rows []sorted
}

func (s *dedupSink) push(r *row) error {
	s.buf = s.buf[:0]
	for _, k := range s.keys {
		s.buf = appendKey(s.buf, k(r))
	}
	g := s.groups[string(s.buf)]
	if g == nil {
		g = &best{key: string(s.buf)}
		s.groups[g.key] = g
		s.list = append(s.list, g)
	}
	s.add(g, r, s.order.keys(r))
	return nil
}

// add puts r where it belongs; of equals the earlier row stays first.
func (s *dedupSink) add(g *best, r *row, keys []dql.Value) {
	i := len(g.rows)
	for i > 0 && s.order.compare(keys, g.rows[i-1].keys) < 0 {
		i--
	}
	if i >= s.limit {
		return
	}
	if len(g.rows) < s.limit {
		g.rows = append(g.rows, sorted{})
	}
	copy(g.rows[i+1:], g.rows[i:])
	g.rows[i] = sorted{r.clone(), keys}
}

// absorb takes the rows of another worker, which come after those of s.
func (s *dedupSink) absorb(other sink) {
	for _, theirs := range other.(*dedupSink).list {
		g := s.groups[theirs.key]
		if g == nil {
			s.groups[theirs.key] = theirs
			s.list = append(s.list, theirs)
			continue
		}
		for _, r := range theirs.rows {
			s.add(g, r.row, r.keys)
		}
	}
}

func (s *dedupSink) flush() error {
	var rows []*row
	for _, g := range s.list {
		for _, r := range g.rows {
			rows = append(rows, r.row)
		}
	}
	return pour(len(rows), func(i int) *row { return rows[i] }, s.next)
}
