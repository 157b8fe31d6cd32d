package eval

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// An order compares rows by the values of several expressions.
type order struct {
	exprs []expr
	desc  []bool
}

// order compiles sort criteria.
func (c *compiler) order(args []*syntax.Arg) (order, error) {
	var o order
	for _, a := range args {
		if a.Name != "" && strings.EqualFold(a.Name, "direction") {
			v, _ := c.constant(a.Value)
			s, _ := v.AsString()
			if len(o.desc) > 0 {
				o.desc[len(o.desc)-1] = strings.HasPrefix(strings.ToLower(s), "desc")
			}
			continue
		}
		e, err := c.expr(a.Value)
		if err != nil {
			return o, err
		}
		o.exprs, o.desc = append(o.exprs, e), append(o.desc, a.Direction == "desc")
	}
	return o, nil
}

// keys returns what r is sorted by.
func (o order) keys(r *row) []dql.Value {
	if len(o.exprs) == 0 {
		return nil
	}
	keys := make([]dql.Value, len(o.exprs))
	for i, e := range o.exprs {
		keys[i] = e(r)
	}
	return keys
}

// compare orders keys: null last either way.
func (o order) compare(a, b []dql.Value) int {
	for i := range a {
		c := dql.Compare(a[i], b[i])
		if c == 0 {
			continue
		}
		if o.desc[i] && !a[i].IsNull() && !b[i].IsNull() {
			return -c
		}
		return c
	}
	return 0
}

func (c *compiler) sort(args function.Args) (step, error) {
	o, err := c.order(args.All("expression"))
	if err != nil {
		return nil, err
	}
	return func(next sink) sink { return &sortSink{run: c.run, next: next, order: o} }, nil
}

type sortSink struct {
	run   *run
	next  sink
	order order
	rows  []sorted
}

type sorted struct {
	*row
	keys []dql.Value
}

func (s *sortSink) push(r *row) error {
	s.rows = append(s.rows, sorted{r.clone(), s.order.keys(r)})
	return s.run.held()
}

func (s *sortSink) flush() error {
	slices.SortStableFunc(s.rows, func(a, b sorted) int { return s.order.compare(a.keys, b.keys) })
	return pour(len(s.rows), func(i int) *row { return s.rows[i].row }, s.next)
}

// pour pushes n rows and flushes.
func pour(n int, at func(int) *row, to sink) error {
	for i := range n {
		if err := to.push(at(i)); err == errDone {
			break
		} else if err != nil {
			return err
		}
	}
	return to.flush()
}

// absorb takes the rows of another worker, which come after those of s.
func (s *sortSink) absorb(other sink) { s.rows = append(s.rows, other.(*sortSink).rows...) }
