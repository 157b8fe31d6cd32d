package eval

import (
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A series is what makeTimeseries and timeseries share: a window cut into
// intervals, and aggregations whose values are arrays with an element for each
// interval.
type series struct {
	from, to time.Time
	interval time.Duration
	keys     []expr
	names    []string // by-fields, then columns
	columns  []column
	nonempty bool
	union    bool // keep groups that lack one of the metrics
	shape    *shape
}

// A column is one aggregation of a series.
type column struct {
	agg     aggregation
	agg0    bool // start() or end() in place of an aggregation
	end     bool
	missing dql.Value
	rate    time.Duration
	scalar  bool
	filter  expr
}

// maxBins bounds the elements of a series, as Grail does.
const maxBins = 1500

// steps are the intervals of less than a day; longer ones are whole days.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/commands/aggregation-commands#makeTimeseries
var steps = []time.Duration{
	time.Minute, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour,
}

const day = 24 * time.Hour

// rounded returns the smallest interval that is not shorter than d.
func rounded(d time.Duration) time.Duration {
	for _, s := range steps {
		if s >= d {
			return s
		}
	}
	return (d + day - 1) / day * day
}

// series compiles what both commands have: window, interval, by.
func (c *compiler) series(args function.Args) (*series, error) {
	s := &series{}
	var err error
	if s.from, s.to, err = c.window(args); err != nil {
		return nil, err
	}
	if s.names, s.keys, err = c.columns(args.All("by")); err != nil {
		return nil, err
	}
	bins := int64(120)
	if a := args.Get("bins"); a != nil {
		v, _ := c.constant(a.Value)
		var ok bool
		if bins, ok = v.AsLong(); !ok || bins < 1 || bins > maxBins {
			return nil, c.q.Errorf("INVALID_PARAMETER_TYPE", a, "`bins` takes a number from 1 to %d.", maxBins)
		}
	}
	if a := args.Get("interval"); a != nil {
		v, _ := c.constant(a.Value)
		d, ok := v.AsDuration()
		if !ok || d <= 0 {
			return nil, c.q.Errorf("INVALID_PARAMETER_TYPE", a, "`interval` takes a duration above zero.")
		}
		s.interval = rounded(d)
	} else {
		s.interval = rounded(s.to.Sub(s.from) / time.Duration(bins))
	}
	if a := args.Get("nonempty"); a != nil {
		v, _ := c.constant(a.Value)
		s.nonempty, _ = v.AsBool()
	}
	if a := args.Get("union"); a != nil {
		v, _ := c.constant(a.Value)
		s.union, _ = v.AsBool()
	}
	s.align(c.env.Location)
	if n := s.bins(); n > maxBins {
		return nil, c.q.Errorf("INVALID_TIMEFRAME", args.Get("interval"), "The series has %d elements, more than the limit of %d.", n, maxBins)
	}
	return s, nil
}

// align widens the window to whole intervals, counted from the midnight after
// its end.
func (s *series) align(loc *time.Location) {
	if loc == nil {
		loc = time.UTC
	}
	y, m, d := s.to.In(loc).Date()
	midnight := time.Date(y, m, d+1, 0, 0, 0, 0, loc)
	before := midnight.Sub(s.to) / s.interval
	n := (midnight.Sub(s.from) + s.interval - 1) / s.interval
	s.from, s.to = midnight.Add(-n*s.interval), midnight.Add(-before*s.interval)
}

func (s *series) bins() int { return int(s.to.Sub(s.from) / s.interval) }

// bin returns the element that a time belongs to, -1 if none.
func (s *series) bin(t time.Time) int {
	if t.Before(s.from) || !t.Before(s.to) {
		return -1
	}
	return int(t.Sub(s.from) / s.interval)
}

// column compiles one aggregation. metric says whether it aggregates a metric
// by its key, as timeseries does; value is that metric's value then.
func (c *compiler) column(a *syntax.Arg, metric bool) (column, string, error) {
	call, ok := syntax.Strip(a.Value).(*syntax.Call)
	if !ok {
		return column{}, "", c.q.Errorf("AGGREGATION_EXPECTED", a, "An aggregation is expected here.")
	}
	sig := function.Lookup(call.Name)
	if sig != nil && (sig.Name == "start" || sig.Name == "end") {
		return column{agg0: true, end: sig.Name == "end"}, "", nil
	}
	if sig == nil || !sig.Aggregation() {
		return column{}, "", c.q.Errorf("AGGREGATION_EXPECTED", a, "An aggregation is expected here.")
	}
	sig = sig.InSeries(metric)
	args, bad := sig.Resolve(c.q, call.Named, call.Params)
	if bad != nil {
		return column{}, "", bad
	}
	var col column
	var err error
	if d := args.Get("default"); d != nil {
		col.missing, _ = c.constant(d.Value)
	}
	if d := args.Get("rate"); d != nil {
		v, _ := c.constant(d.Value)
		col.rate, _ = v.AsDuration()
	}
	if d := args.Get("scalar"); d != nil {
		v, _ := c.constant(d.Value)
		col.scalar, _ = v.AsBool()
	}
	if f := args.Get("filter"); f != nil {
		if col.filter, err = c.expr(f.Value); err != nil {
			return col, "", err
		}
	}
	key := ""
	if metric {
		f, ok := args.Get(sig.Params[0].Name).Value.(*syntax.Field)
		if !ok {
			return col, "", c.q.Errorf("INVALID_PARAMETER_TYPE", call, "The first parameter of `%s` is the key of a metric.", sig.Name)
		}
		key = f.Name
		col.agg.args = []expr{reader("value")}
		options := map[string]dql.Value{}
		for name := range constantParams {
			if p := args.Get(name); p != nil {
				options[name], _ = c.constant(p.Value)
			}
		}
		col.agg.make = accumulatorOf(sig.Name, options, nil)
		return col, key, nil
	}
	col.agg, err = c.aggregation(sig, args.Without("default", "rate", "scalar", "filter", "rollup"))
	return col, key, err
}

// makeTimeseries makes a series of each group of rows.
func (c *compiler) makeTimeseries(args function.Args) (step, error) {
	s, err := c.series(args)
	if err != nil {
		return nil, err
	}
	at := either(reader("timestamp"), reader("start_time"))
	if a := args.Get("time"); a != nil {
		if at, err = c.expr(a.Value); err != nil {
			return nil, err
		}
	} else if c.scope.has("timestamp") || c.scope.has("start_time") {
		c.need("timestamp")
		c.need("start_time")
	} else if !args.Has("spread") {
		return nil, c.q.Errorf("FIELD_DOES_NOT_EXIST", args.Get("aggregation"), "The field timestamp doesn't exist.").With("name the time to use, time: …")
	}
	var spread expr
	if a := args.Get("spread"); a != nil {
		if spread, err = c.expr(a.Value); err != nil {
			return nil, err
		}
	}
	for _, a := range args.All("aggregation") {
		col, _, err := c.column(a, false)
		if err != nil {
			return nil, err
		}
		s.columns = append(s.columns, col)
		s.names = append(s.names, columnName(a))
	}
	c.scope = &scope{names: append([]string{"timeframe", "interval"}, s.names...)}
	s.shape = newShape(c.scope.names)
	return func(next sink) sink {
		return &seriesSink{series: s, next: next, at: at, spread: spread, groups: map[string]*seriesGroup{}}
	}, nil
}

// either is the first of two values that is not null.
func either(f, g expr) expr {
	return func(r *row) dql.Value {
		if v := f(r); !v.IsNull() {
			return v
		}
		return g(r)
	}
}

type seriesSink struct {
	*series
	next   sink
	at     expr
	spread expr
	groups map[string]*seriesGroup
	list   []*seriesGroup
	buf    []byte
}

type seriesGroup struct {
	vals []dql.Value
	bins [][]accumulator // by column, by interval; nil where nothing fell
}

func (s *seriesSink) push(r *row) error {
	first, last := 0, 0
	if s.spread != nil {
		from, to, ok := s.spread(r).AsTimeframe()
		if !ok || !from.Before(s.to) || to.Before(s.from) {
			return nil
		}
		first, last = max(0, s.bin(from)), s.bin(to)
		if last < 0 {
			last = s.bins() - 1
		}
	} else {
		t, ok := s.at(r).AsTime()
		first = s.bin(t)
		if last = first; !ok || first < 0 {
			return nil
		}
	}
	s.buf = s.buf[:0]
	for _, k := range s.keys {
		s.buf = appendKey(s.buf, k(r))
	}
	g := s.groups[string(s.buf)]
	if g == nil {
		g = s.group(string(s.buf))
		for _, k := range s.keys {
			g.vals = append(g.vals, detach(k(r)))
		}
	}
	for i := first; i <= last; i++ {
		g.add(s.series, i, r)
	}
	return nil
}

func (s *seriesSink) group(key string) *seriesGroup {
	g := &seriesGroup{bins: make([][]accumulator, len(s.columns))}
	for i := range g.bins {
		g.bins[i] = make([]accumulator, s.bins())
	}
	s.groups[key] = g
	s.list = append(s.list, g)
	return g
}

// add gives a row to interval i of each column.
func (g *seriesGroup) add(s *series, i int, r *row) {
	for j := range s.columns {
		col := &s.columns[j]
		if col.agg0 {
			continue
		}
		if col.filter != nil {
			if b, _ := col.filter(r).AsBool(); !b {
				continue
			}
		}
		acc := g.bins[j][i]
		if acc == nil {
			acc = col.agg.make()
			g.bins[j][i] = acc
		}
		v, w := dql.Null, dql.Null
		if len(col.agg.args) > 0 {
			v = col.agg.args[0](r)
		}
		if len(col.agg.args) > 1 {
			w = col.agg.args[1](r)
		}
		acc.add(v, w)
	}
}

func (s *seriesSink) flush() error {
	if len(s.list) == 0 && s.nonempty && len(s.keys) == 0 {
		s.group("")
	}
	return pour(len(s.list), func(i int) *row { return s.row(s.list[i]) }, s.next)
}

// row is the result for one group.
func (s *series) row(g *seriesGroup) *row {
	vals := []dql.Value{dql.Timeframe(s.from, s.to), dql.Duration(s.interval)}
	vals = append(vals, g.vals...)
	for j := range s.columns {
		vals = append(vals, s.columns[j].array(s, g.bins[j]))
	}
	out := &row{shape: s.shape, vals: make([]dql.Value, len(s.shape.names))}
	for i, v := range vals {
		out.vals[s.shape.at(s.shape.names[i])] = v
	}
	return out
}

func (col *column) array(s *series, bins []accumulator) dql.Value {
	if col.scalar {
		return col.total(bins)
	}
	out := make([]dql.Value, len(bins))
	for i, acc := range bins {
		switch {
		case col.agg0 && col.end:
			out[i] = dql.Time(s.from.Add(time.Duration(i+1) * s.interval))
		case col.agg0:
			out[i] = dql.Time(s.from.Add(time.Duration(i) * s.interval))
		case acc == nil:
			out[i] = col.missing
		default:
			out[i] = col.perRate(acc.value(), s.interval)
		}
		if out[i].IsNull() {
			out[i] = col.missing
		}
	}
	return dql.Array(out...)
}

// total is one value for the whole window.
func (col *column) total(bins []accumulator) dql.Value {
	all := col.agg.make()
	seen := false
	for _, acc := range bins {
		if acc != nil {
			all.merge(acc)
			seen = true
		}
	}
	if !seen {
		return col.missing
	}
	return all.value()
}

func (col *column) perRate(v dql.Value, interval time.Duration) dql.Value {
	if col.rate <= 0 {
		return v
	}
	return scalar.Div(v, dql.Double(float64(interval)/float64(col.rate)))
}

// timeseries makes series of recorded metric points: records with metric.key,
// timestamp, value and dimensions, in the table metrics.
func (c *compiler) timeseries(args function.Args) (starter, error) {
	c.scope = &scope{open: true}
	s, err := c.series(args)
	if err != nil {
		return nil, err
	}
	filter := func(*row) dql.Value { return dql.Bool(true) }
	if a := args.Get("filter"); a != nil {
		if filter, err = c.expr(a.Value); err != nil {
			return nil, err
		}
	}
	shift := time.Duration(0)
	if a := args.Get("shift"); a != nil {
		v, _ := c.constant(a.Value)
		shift, _ = v.AsDuration()
	}
	keys := map[string]bool{}
	for _, a := range args.All("metric") {
		col, key, err := c.column(a, true)
		if err != nil {
			return nil, err
		}
		s.columns = append(s.columns, col)
		s.names = append(s.names, columnName(a))
		if key == "" {
			continue
		}
		keys[key] = true
		last := &s.columns[len(s.columns)-1]
		last.filter = onlyMetric(key, last.filter)
	}
	c.scope = &scope{names: append([]string{"timeframe", "interval"}, s.names...)}
	s.shape = newShape(c.scope.names)
	metric, value, at := reader("metric.key"), reader("value"), reader("timestamp")
	at0 := func(r *row) dql.Value { return scalar.Sub(at(r), dql.Duration(shift)) }
	return func(to sink) error {
		sink := &seriesSink{series: s, next: to, at: at0, groups: map[string]*seriesGroup{}}
		for rec, err := range c.metricPoints(s.from.Add(shift), s.to.Add(shift)) {
			if err != nil {
				return err
			}
			r := &row{shape: c.shapes.of(rec.Names()), vals: rec.Values()}
			name, _ := metric(r).AsString()
			if ok, _ := filter(r).AsBool(); ok && keys[name] && !value(r).IsNull() {
				if err := sink.push(r); err != nil {
					return err
				}
			}
		}
		return sink.emit()
	}, nil
}

// emit pushes the rows without flushing what follows. A group that lacks one of
// several metrics is left out, unless union: true.
func (s *seriesSink) emit() error {
	if !s.union {
		s.list = slices.DeleteFunc(s.list, func(g *seriesGroup) bool { return !g.complete(s.series) })
	}
	if len(s.list) == 0 && s.nonempty && len(s.keys) == 0 {
		s.group("")
	}
	for _, g := range s.list {
		if err := s.next.push(s.row(g)); err != nil {
			return err
		}
	}
	return nil
}

// complete reports whether each aggregation of g saw a point.
func (g *seriesGroup) complete(s *series) bool {
	for j := range s.columns {
		if !s.columns[j].agg0 && !slices.ContainsFunc(g.bins[j], func(a accumulator) bool { return a != nil }) {
			return false
		}
	}
	return true
}

// onlyMetric narrows a filter to the points of one metric.
func onlyMetric(key string, filter expr) expr {
	metric := reader("metric.key")
	return func(r *row) dql.Value {
		name, _ := metric(r).AsString()
		if !strings.EqualFold(name, key) || filter == nil {
			return dql.Bool(strings.EqualFold(name, key))
		}
		return filter(r)
	}
}
