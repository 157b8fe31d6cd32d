package eval

import (
	"math"
	"slices"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/scalar"
)

// accumulatorMore returns the makers of aggregations that keep values.
func accumulatorMore(name string, options map[string]dql.Value, list []dql.Value) func() accumulator {
	limit := maxCollected
	if n, ok := options["maxLength"].AsLong(); ok && n >= 0 {
		limit = int(min(n, maxCollected))
	}
	flat, _ := options["expand"].AsBool()
	switch name {
	case "collectArray":
		return func() accumulator { return &collect{limit: limit, flat: flat} }
	case "collectDistinct":
		return func() accumulator { return &collect{limit: limit, flat: flat, seen: map[string]bool{}} }
	case "median":
		return func() accumulator { return &percentile{at: []float64{50}} }
	case "percentile", "percentileFromSamples":
		p, _ := options["percentile"].AsDouble()
		return func() accumulator { return &percentile{at: []float64{p}} }
	case "percentiles":
		var at []float64
		for _, v := range list {
			p, _ := v.AsDouble()
			at = append(at, p)
		}
		return func() accumulator { return &percentile{at: at, array: true} }
	case "percentRank":
		return func() accumulator { return &percentRank{of: options["value"]} }
	case "stddev":
		return func() accumulator { return &moments{root: true} }
	case "variance":
		return func() accumulator { return &moments{} }
	}
	return func() accumulator { return &correlation{} }
}

// maxCollected bounds collectArray and collectDistinct, as Grail does.
const maxCollected = 131_072

// collect gathers values in order; with seen, each once and no nulls.
type collect struct {
	limit int
	flat  bool // take arrays apart
	seen  map[string]bool
	some  bool // there was a value, maybe null
	list  []dql.Value
	buf   []byte
}

func (c *collect) add(v, _ dql.Value) {
	c.some = true
	if list, ok := v.AsArray(); ok && c.flat {
		for _, e := range list {
			c.add(e, dql.Null)
		}
		return
	}
	c.put(v)
}

func (c *collect) put(v dql.Value) {
	if len(c.list) >= c.limit {
		return
	}
	if c.seen != nil {
		if v.IsNull() {
			return
		}
		c.buf = appendKey(c.buf[:0], v)
		if c.seen[string(c.buf)] {
			return
		}
		c.seen[string(c.buf)] = true
	}
	c.list = append(c.list, detach(v))
}

func (c *collect) merge(o accumulator) {
	c.some = c.some || o.(*collect).some
	for _, v := range o.(*collect).list {
		c.put(v)
	}
}

func (c *collect) value() dql.Value {
	if !c.some {
		return dql.Null
	}
	return dql.Array(c.list...)
}

// maxSamples bounds what a percentile keeps. Beyond it every second value is
// dropped, as often as needed: Grail's percentiles are estimates, too.
const maxSamples = 1 << 20

// percentile keeps the values and their weights.
type percentile struct {
	at      []float64
	array   bool
	samples []dql.Value
	every   int // one of so many values is kept
	skipped int
}

func (p *percentile) add(v, w dql.Value) {
	if list, ok := v.AsArray(); ok {
		for _, e := range list {
			p.put(e)
		}
		return
	}
	times := int64(1)
	if f, ok := w.AsDouble(); ok {
		times = int64(min(max(f, 0), 1000))
	}
	for range times {
		p.put(v)
	}
}

func (p *percentile) put(v dql.Value) {
	if v.IsNull() {
		return
	}
	if p.skipped++; p.skipped < p.every {
		return
	}
	p.skipped = 0
	p.samples = append(p.samples, v)
	if len(p.samples) == maxSamples {
		for i := range maxSamples / 2 {
			p.samples[i] = p.samples[2*i]
		}
		p.samples = p.samples[:maxSamples/2]
		p.every = max(2, 2*p.every)
	}
}

func (p *percentile) merge(o accumulator) {
	for _, v := range o.(*percentile).samples {
		p.put(v)
	}
}

func (p *percentile) value() dql.Value {
	if len(p.samples) == 0 {
		return dql.Null
	}
	var out []dql.Value
	for _, at := range p.at {
		out = append(out, scalar.Percentile(p.samples, at))
	}
	if p.array {
		return dql.Array(out...)
	}
	return out[0]
}

// percentRank is the share of values below a value, from 0 to 1.
type percentRank struct {
	of       dql.Value
	below, n int64
}

func (p *percentRank) add(v, _ dql.Value) {
	if v.IsNull() || !alike(v, p.of) {
		return
	}
	p.n++
	if dql.Compare(v, p.of) < 0 {
		p.below++
	}
}

func (p *percentRank) merge(o accumulator) {
	q := o.(*percentRank)
	p.n, p.below = p.n+q.n, p.below+q.below
}

func (p *percentRank) value() dql.Value {
	if p.n == 0 {
		return dql.Null
	}
	return dql.Double(float64(p.below) / float64(p.n))
}

// moments is variance and, with root, stddev: of the population, updated as
// Welford does.
type moments struct {
	root         bool
	mixed        bool // other values than numbers
	n, mean, sum float64
}

func (m *moments) add(v, _ dql.Value) {
	f, ok := v.AsDouble()
	if !ok {
		m.mixed = m.mixed || !v.IsNull()
		return
	}
	m.n++
	d := f - m.mean
	m.mean += d / m.n
	m.sum += d * (f - m.mean)
}

func (m *moments) merge(o accumulator) {
	t := o.(*moments)
	m.mixed = m.mixed || t.mixed
	if t.n == 0 {
		return
	}
	n, d := m.n+t.n, t.mean-m.mean
	m.sum += t.sum + d*d*m.n*t.n/n
	m.mean += d * t.n / n
	m.n = n
}

func (m *moments) value() dql.Value {
	if m.n == 0 || m.mixed {
		return dql.Null
	}
	v := m.sum / m.n
	if m.root {
		v = math.Sqrt(v)
	}
	return dql.Double(v)
}

// correlation is Pearson's.
type correlation struct{ x, y []float64 }

func (c *correlation) add(v, w dql.Value) {
	x, okX := v.AsDouble()
	y, okY := w.AsDouble()
	if okX && okY {
		c.x, c.y = append(c.x, x), append(c.y, y)
	}
}

func (c *correlation) merge(o accumulator) {
	t := o.(*correlation)
	c.x, c.y = slices.Concat(c.x, t.x), slices.Concat(c.y, t.y)
}

func (c *correlation) value() dql.Value {
	n := float64(len(c.x))
	var mx, my, xy, xx, yy float64
	for i := range c.x {
		mx, my = mx+c.x[i]/n, my+c.y[i]/n
	}
	for i := range c.x {
		dx, dy := c.x[i]-mx, c.y[i]-my
		xy, xx, yy = xy+dx*dy, xx+dx*dx, yy+dy*dy
	}
	if r := xy / math.Sqrt(xx*yy); !math.IsNaN(r) {
		return dql.Double(r)
	}
	return dql.Null
}
