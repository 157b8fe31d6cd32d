package eval

import (
	"errors"
	"iter"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/records"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// fetch reads a table in a window of time.
func (c *compiler) fetch(args function.Args) (starter, *records.Scan, error) {
	object := args.Get("dataObject")
	field, ok := object.Value.(*syntax.Field)
	if !ok {
		return nil, nil, c.q.Errorf("UNKNOWN_DATA_OBJECT", object, "A data object is a name, such as events.")
	}
	from, to, err := c.window(args)
	if err != nil {
		return nil, nil, err
	}
	c.scope = &scope{open: true}
	return func(out sink) error { return c.push(field, from, to, out) }, &records.Scan{Table: field.Name, From: from, To: to}, nil
}

// push pushes the records of a table.
func (c *compiler) push(table *syntax.Field, from, to time.Time, out sink) error {
	if c.run.engine.Source == nil {
		return c.unknownTable(table)
	}
	seq, err := c.run.engine.Source.Fetch(c.run.ctx, table.Name, from, to)
	if errors.Is(err, ErrNoTable) {
		return c.unknownTable(table)
	}
	if err != nil {
		return err
	}
	r := &row{}
	for rec, err := range seq {
		if err != nil {
			return err
		}
		if err := c.run.ctx.Err(); err != nil {
			return err
		}
		r.shape, r.vals = c.shapes.of(rec.Names()), rec.Values()
		if err := out.push(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) unknownTable(f *syntax.Field) *syntax.Error {
	return c.q.Errorf("UNKNOWN_DATA_OBJECT", f, "%s isn't a valid data object.", f.Name)
}

// window is the time that from:, to: and timeframe: give; what they leave out
// is that of the request.
func (c *compiler) window(args function.Args) (from, to time.Time, err error) {
	from, to = c.run.from, c.run.to
	if a := args.Get("timeframe"); a != nil {
		return c.timeframe(a)
	}
	given := false
	if a := args.Get("to"); a != nil {
		if to, err = c.moment(a); err != nil {
			return
		}
		from = to.Add(-defaultWindow)
	}
	if a := args.Get("from"); a != nil {
		given = true
		if from, err = c.moment(a); err != nil {
			return
		}
		if args.Get("to") == nil {
			to = c.run.engine.Now
		}
	}
	if given && from.After(to) {
		return from, to, c.q.Errorf("INVALID_TIMEFRAME", args.Get("from"), "The timeframe starts after its end.")
	}
	return from, to, nil
}

// moment is a timestamp, a duration from now, text or nanoseconds.
func (c *compiler) moment(a *syntax.Arg) (time.Time, error) {
	v, ok := c.constant(a.Value)
	if !ok {
		if _, err := c.compile(a.Value); err != nil {
			return time.Time{}, err
		}
		return time.Time{}, c.q.Errorf("INVALID_TIMEFRAME", a, "`%s` takes a constant.", a.Name)
	}
	if v.Kind() == dql.KindDuration {
		v = scalar.Add(dql.Time(c.env.Now), v)
	} else {
		v = scalar.ToTimestamp(c.env, v)
	}
	t, ok := v.AsTime()
	if !ok {
		return t, c.q.Errorf("INVALID_TIMEFRAME", a, "`%s` isn't a point in time.", a.Name).With("write now()-2h, -2h or toTimestamp(\"2026-03-01T10:00:00Z\")")
	}
	return t, nil
}

func (c *compiler) timeframe(a *syntax.Arg) (from, to time.Time, err error) {
	v, ok := c.constant(a.Value)
	if ok {
		from, to, ok = scalar.ToTimeframe(c.env, v).AsTimeframe()
	}
	if !ok || from.After(to) {
		return from, to, c.q.Errorf("INVALID_TIMEFRAME", a, "`timeframe` isn't a timeframe.").With(`write "2026-03-01T10:00:00Z/2026-03-01T12:00:00Z"`)
	}
	return from, to, nil
}

// metricPoints yields the recorded points of metrics.
func (c *compiler) metricPoints(from, to time.Time) iter.Seq2[dql.Record, error] {
	none := func(func(dql.Record, error) bool) {}
	if c.run.engine.Source == nil {
		return none
	}
	seq, err := c.run.engine.Source.Fetch(c.run.ctx, "metrics", from, to)
	switch {
	case errors.Is(err, ErrNoTable):
		return none
	case err != nil:
		return func(yield func(dql.Record, error) bool) { yield(dql.Record{}, err) }
	}
	return seq
}
