package eval

import (
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// maxJoined bounds the rows that a join may make of its input.
const maxJoined = 10_000_000

// A match finds the rows of a subquery that belong to a row.
type match struct {
	left  []expr
	index map[string][]*row
	rows  []*row
	buf   []byte
}

// match compiles on: a field of both sides, or left[a] == right[b].
func (c *compiler) match(args function.Args, t *table) (*match, error) {
	m := &match{index: map[string][]*row{}, rows: t.rows}
	var right []expr
	for _, a := range args.All("on") {
		l, r, err := c.joinFields(a)
		if err != nil {
			return nil, err
		}
		e, err := c.field(l)
		if err != nil {
			return nil, err
		}
		m.left = append(m.left, e)
		if e, err = c.in(t.scope).field(r); err != nil {
			return nil, err
		}
		right = append(right, e)
	}
	for _, r := range t.rows {
		if k, ok := m.key(right, r); ok {
			m.index[string(k)] = append(m.index[string(k)], r)
		}
	}
	return m, nil
}

// joinFields returns the fields of the left and the right side of a condition.
func (c *compiler) joinFields(a *syntax.Arg) (left, right *syntax.Field, err error) {
	switch x := syntax.Strip(a.Value).(type) {
	case *syntax.Field:
		return x, x, nil
	case *syntax.Binary:
		l, sideL := sideOf(x.X)
		r, sideR := sideOf(x.Y)
		if x.Op == "==" && sideL == "left" && sideR == "right" {
			return l, r, nil
		}
		if x.Op == "==" && sideL == "right" && sideR == "left" {
			return r, l, nil
		}
	}
	return nil, nil, c.q.Errorf("INVALID_JOIN_CONDITION", a, "A join condition is a field, or left[a] == right[b].")
}

// sideOf takes left[a] apart.
func sideOf(x syntax.Expr) (*syntax.Field, string) {
	index, ok := syntax.Strip(x).(*syntax.Index)
	if !ok {
		return nil, ""
	}
	side, okSide := index.X.(*syntax.Field)
	field, okField := index.I.(*syntax.Field)
	if !okSide || !okField {
		return nil, ""
	}
	return field, side.Name
}

// key returns the key of a row; a null never matches.
func (m *match) key(exprs []expr, r *row) ([]byte, bool) {
	m.buf = m.buf[:0]
	for _, e := range exprs {
		v := e(r)
		if v.IsNull() {
			return nil, false
		}
		m.buf = appendKey(m.buf, v)
	}
	return m.buf, true
}

func (m *match) find(r *row) []*row {
	k, ok := m.key(m.left, r)
	if !ok {
		return nil
	}
	return m.index[string(k)]
}

// join makes a row of each pair that matches.
func (c *compiler) join(args function.Args) (step, error) {
	t, err := c.subquery(args.Get("joinTable"))
	if err != nil {
		return nil, err
	}
	m, err := c.match(args, t)
	if err != nil {
		return nil, err
	}
	kind, err := c.text(args.Get("kind"), "inner")
	if err != nil {
		return nil, err
	}
	if kind != "inner" && kind != "leftOuter" && kind != "outer" {
		return nil, c.q.Errorf("INVALID_PARAMETER", args.Get("kind"), "`%s` isn't a kind of join.", kind).With("the kinds are inner, leftOuter and outer")
	}
	prefix, err := c.text(args.Get("prefix"), "right.")
	if err != nil {
		return nil, err
	}
	from, to, err := c.taken(args, t, prefix)
	if err != nil {
		return nil, err
	}
	left := c.scope
	c.scope = c.scope.with(to...)
	w := &widener{shapes: c.shapes, names: to}
	at := args.Get("joinTable")
	limit := c.q.Errorf("RESULT_LIMIT_RECORDS", at, "The join makes more than %d records.", maxJoined)
	return func(next sink) sink {
		return &joinSink{run: c.run, next: next, match: m, kind: kind, from: from, wider: w, used: map[*row]bool{}, left: newShape(left.names), limit: limit}
	}, nil
}

type joinSink struct {
	run   *run
	next  sink
	match *match
	kind  string
	from  []string
	wider *widener
	used  map[*row]bool // right rows that matched, for an outer join
	left  *shape
	made  int
	limit error
}

func (s *joinSink) push(r *row) error {
	found := s.match.find(r)
	if len(found) == 0 && s.kind != "inner" {
		return s.pair(r, nil)
	}
	for _, f := range found {
		if s.kind == "outer" {
			s.used[f] = true
		}
		if err := s.pair(r, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *joinSink) pair(r, found *row) error {
	if s.made++; s.made > maxJoined {
		return s.limit
	}
	if s.made%1024 == 0 && s.run.ctx.Err() != nil {
		return s.run.ctx.Err()
	}
	out, at := s.wider.widen(r)
	for i, n := range s.from {
		out.vals[at[i]] = dql.Null
		if found != nil {
			out.vals[at[i]] = found.get(n)
		}
	}
	return s.next.push(out)
}

// flush adds the right rows without a match to an outer join.
func (s *joinSink) flush() error {
	if s.kind == "outer" {
		blank := &row{shape: s.left, vals: make([]dql.Value, len(s.left.names))}
		for _, r := range s.match.rows {
			if s.used[r] {
				continue
			}
			if err := s.pair(blank, r); err == errDone {
				break
			} else if err != nil {
				return err
			}
		}
	}
	return s.next.flush()
}

// joinNested adds the matching records as an array, null if there are none.
func (c *compiler) joinNested(args function.Args) (step, error) {
	a := args.Get("joinTable")
	if a.Alias == nil {
		return nil, c.q.Errorf("PARSE_ERROR", a, "`joinNested` needs a name for the nested records.").With("write joinNested name = [ … ], on: {…}")
	}
	t, err := c.subquery(a)
	if err != nil {
		return nil, err
	}
	m, err := c.match(args, t)
	if err != nil {
		return nil, err
	}
	from, to, err := c.taken(args, t, "")
	if err != nil {
		return nil, err
	}
	nested := make(map[*row]dql.Value, len(t.rows))
	for _, r := range t.rows {
		vals := make([]dql.Value, len(from))
		for i, n := range from {
			vals[i] = r.get(n)
		}
		nested[r] = dql.Object(dql.NewRecord(to, vals))
	}
	c.scope = c.scope.with(a.Alias.Name)
	w := &widener{shapes: c.shapes, names: []string{a.Alias.Name}}
	return func(next sink) sink {
		return &mapSink{next, func(r *row) *row {
			out, at := w.widen(r)
			out.vals[at[0]] = dql.Null
			if found := m.find(r); len(found) > 0 {
				list := make([]dql.Value, len(found))
				for i, f := range found {
					list[i] = nested[f]
				}
				out.vals[at[0]] = dql.Array(list...)
			}
			return out
		}}
	}, nil
}

// A mapSink makes one row of each row.
type mapSink struct {
	next sink
	f    func(*row) *row
}

func (s *mapSink) push(r *row) error { return s.next.push(s.f(r)) }
func (s *mapSink) flush() error      { return s.next.flush() }

// append adds the rows of a subquery after its own.
func (c *compiler) append(args function.Args) (step, error) {
	t, err := c.subquery(args.Get("source"))
	if err != nil {
		return nil, err
	}
	open := c.scope.open || t.scope.open
	c.scope = c.scope.with(t.scope.names...)
	c.scope.open = open
	return func(next sink) sink { return &appendSink{next, t.rows} }, nil
}

type appendSink struct {
	next sink
	rows []*row
}

func (s *appendSink) push(r *row) error { return s.next.push(r) }

func (s *appendSink) flush() error {
	return pour(len(s.rows), func(i int) *row { return s.rows[i] }, s.next)
}
