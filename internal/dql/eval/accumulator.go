package eval

import (
	"math"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// An accumulator gathers the values of one group. Most use the first value of
// add only.
type accumulator interface {
	add(v, w dql.Value)
	merge(other accumulator) // other is of the same type and its values come later
	value() dql.Value
}

// accumulatorOf returns the maker of an aggregation. options are its constant
// parameters by name, list the same in order.
func accumulatorOf(name string, options map[string]dql.Value, list []dql.Value) func() accumulator {
	switch name {
	case "count":
		return func() accumulator { return &count{} }
	case "countIf":
		return func() accumulator { return &countIf{} }
	case "countDistinct", "countDistinctApprox", "countDistinctExact":
		return func() accumulator { return &distinct{seen: map[string]bool{}} }
	case "sum":
		return func() accumulator { return &sum{} }
	case "avg":
		return func() accumulator { return &sum{mean: true} }
	case "min", "max":
		sign := map[string]int{"min": -1, "max": 1}[name]
		return func() accumulator { return &extreme{sign: sign, strict: true} }
	case "takeMin", "takeMax":
		sign := map[string]int{"takeMin": -1, "takeMax": 1}[name]
		return func() accumulator { return &extreme{sign: sign} }
	case "takeAny", "takeFirst":
		return func() accumulator { return &take{} }
	case "takeLast":
		return func() accumulator { return &take{last: true} }
	}
	return accumulatorMore(name, options, list)
}

type count struct{ n int64 }

func (c *count) add(dql.Value, dql.Value) { c.n++ }
func (c *count) merge(o accumulator)      { c.n += o.(*count).n }
func (c *count) value() dql.Value         { return dql.Long(c.n) }

type countIf struct{ n int64 }

func (c *countIf) add(v, _ dql.Value) {
	if b, ok := v.AsBool(); ok && b {
		c.n++
	}
}
func (c *countIf) merge(o accumulator) { c.n += o.(*countIf).n }
func (c *countIf) value() dql.Value    { return dql.Long(c.n) }

// distinct counts different values, exactly. Grail's countDistinct is an
// estimate; a right number is within any error it allows.
type distinct struct {
	seen map[string]bool
	buf  []byte
}

func (d *distinct) add(v, _ dql.Value) {
	if v.IsNull() {
		return
	}
	d.buf = appendKey(d.buf[:0], v)
	if !d.seen[string(d.buf)] {
		d.seen[string(d.buf)] = true
	}
}

func (d *distinct) merge(o accumulator) {
	for k := range o.(*distinct).seen {
		d.seen[k] = true
	}
}

func (d *distinct) value() dql.Value { return dql.Long(int64(len(d.seen))) }

// sum adds numbers or durations; nulls are left out, any other value makes the
// sum null. A sum of numbers is a double.
type sum struct {
	mean     bool
	mixed    bool
	numbers  int64
	total    float64
	lost     float64 // what rounding lost, after Neumaier
	spans    int64
	duration time.Duration
}

func (s *sum) add(v, _ dql.Value) {
	if f, ok := v.AsDouble(); ok {
		s.plus(f)
		s.numbers++
	} else if d, ok := v.AsDuration(); ok {
		s.duration += d
		s.spans++
	} else if !v.IsNull() {
		s.mixed = true
	}
}

func (s *sum) plus(f float64) {
	t := s.total + f
	if math.Abs(s.total) >= math.Abs(f) {
		s.lost += s.total - t + f
	} else {
		s.lost += f - t + s.total
	}
	s.total = t
}

func (s *sum) merge(o accumulator) {
	t := o.(*sum)
	s.mixed = s.mixed || t.mixed
	s.plus(t.total)
	s.lost += t.lost
	s.numbers += t.numbers
	s.duration += t.duration
	s.spans += t.spans
}

func (s *sum) value() dql.Value {
	switch {
	case s.mixed, s.numbers > 0 && s.spans > 0, s.numbers+s.spans == 0:
		return dql.Null
	case s.spans > 0 && s.mean:
		return dql.Duration(s.duration / time.Duration(s.spans))
	case s.spans > 0:
		return dql.Duration(s.duration)
	case s.mean:
		return dql.Double(s.sum() / float64(s.numbers))
	}
	return dql.Double(s.sum())
}

// sum is the total with what rounding lost, unless that is not a number.
func (s *sum) sum() float64 {
	if t := s.total + s.lost; !math.IsNaN(t) {
		return t
	}
	return s.total
}

// extreme keeps the smallest or largest value. A strict one is null if the
// values cannot be compared with each other.
type extreme struct {
	sign   int
	strict bool
	mixed  bool
	double bool // a double was seen: the extreme of longs and doubles is one
	best   dql.Value
}

func (e *extreme) add(v, _ dql.Value) {
	e.double = e.double || v.Kind() == dql.KindDouble
	switch {
	case v.IsNull():
	case e.best.IsNull():
		e.best = detach(v)
	case e.strict && !alike(e.best, v):
		e.mixed = true
	case dql.Compare(v, e.best)*e.sign > 0:
		e.best = detach(v)
	}
}

func (e *extreme) merge(o accumulator) {
	t := o.(*extreme)
	e.mixed, e.double = e.mixed || t.mixed, e.double || t.double
	e.add(t.best, dql.Null)
}

func (e *extreme) value() dql.Value {
	if e.mixed || e.strict && !comparable(e.best) {
		return dql.Null
	}
	if f, ok := e.best.AsDouble(); ok && e.strict && e.double {
		return dql.Double(f)
	}
	return e.best
}

func comparable(v dql.Value) bool {
	switch v.Kind() {
	case dql.KindArray, dql.KindRecord, dql.KindTimeframe:
		return false
	}
	return true
}

// alike reports whether two values are of one kind, or both numbers.
func alike(v, w dql.Value) bool {
	number := func(k dql.Kind) bool { return k == dql.KindLong || k == dql.KindDouble }
	return v.Kind() == w.Kind() || number(v.Kind()) && number(w.Kind())
}

// take keeps the first or last value that is not null.
type take struct {
	last bool
	v    dql.Value
}

func (t *take) add(v, _ dql.Value) {
	if !v.IsNull() && (t.last || t.v.IsNull()) {
		t.v = detach(v)
	}
}
func (t *take) merge(o accumulator) { t.add(o.(*take).v, dql.Null) }
func (t *take) value() dql.Value    { return t.v }

// vector applies an aggregation to the elements of arrays, place by place:
// sum(a[]).
type vector struct {
	make func() accumulator
	accs []accumulator
}

func (x *vector) add(v, w dql.Value) {
	list, _ := v.AsArray()
	for i, e := range list {
		if i == len(x.accs) {
			x.accs = append(x.accs, x.make())
		}
		x.accs[i].add(e, w)
	}
}

func (x *vector) merge(o accumulator) {
	for i, acc := range o.(*vector).accs {
		if i == len(x.accs) {
			x.accs = append(x.accs, x.make())
		}
		x.accs[i].merge(acc)
	}
}

func (x *vector) value() dql.Value {
	if x.accs == nil {
		return dql.Null
	}
	out := make([]dql.Value, len(x.accs))
	for i, acc := range x.accs {
		out[i] = acc.value()
	}
	return dql.Array(out...)
}
