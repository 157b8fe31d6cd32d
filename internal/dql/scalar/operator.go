package scalar

import (
	"math"
	"math/bits"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// The operators follow
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/operators

// And is false if x or y is false, else null if one is not a boolean.
func And(x, y dql.Value) dql.Value {
	a, okA := x.AsBool()
	b, okB := y.AsBool()
	switch {
	case okA && !a, okB && !b:
		return dql.Bool(false)
	case okA && okB:
		return dql.Bool(true)
	}
	return dql.Null
}

// Or is true if x or y is true, else null if one is not a boolean.
func Or(x, y dql.Value) dql.Value {
	a, okA := x.AsBool()
	b, okB := y.AsBool()
	switch {
	case okA && a, okB && b:
		return dql.Bool(true)
	case okA && okB:
		return dql.Bool(false)
	}
	return dql.Null
}

// Xor is null if x or y is not a boolean.
func Xor(x, y dql.Value) dql.Value {
	a, okA := x.AsBool()
	b, okB := y.AsBool()
	if !okA || !okB {
		return dql.Null
	}
	return dql.Bool(a != b)
}

// Not is null if x is not a boolean.
func Not(x dql.Value) dql.Value {
	b, ok := x.AsBool()
	if !ok {
		return dql.Null
	}
	return dql.Bool(!b)
}

// Eq is x == y: null if one is null, false for types that do not compare.
func Eq(x, y dql.Value) dql.Value {
	if x.IsNull() || y.IsNull() {
		return dql.Null
	}
	if x.Kind() == dql.KindString && y.Kind() == dql.KindString {
		a, _ := x.AsString()
		b, _ := y.AsString()
		return dql.Bool(a == b)
	}
	if isNaN(x) || isNaN(y) {
		return dql.Bool(false)
	}
	return dql.Bool(x.Equal(y))
}

func isNaN(x dql.Value) bool {
	f, ok := x.AsDouble()
	return ok && math.IsNaN(f)
}

// Compare is x op y for one of < <= > >=: null unless both are numbers,
// strings, timestamps, durations or ip addresses.
func Compare(op string, x, y dql.Value) dql.Value {
	if !ordered(x, y) || isNaN(x) || isNaN(y) {
		return dql.Null
	}
	c := dql.Compare(x, y)
	switch op {
	case "<":
		return dql.Bool(c < 0)
	case "<=":
		return dql.Bool(c <= 0)
	case ">":
		return dql.Bool(c > 0)
	}
	return dql.Bool(c >= 0)
}

func ordered(x, y dql.Value) bool {
	switch x.Kind() {
	case dql.KindLong, dql.KindDouble:
		return isNumber(y)
	case dql.KindString, dql.KindTimestamp, dql.KindDuration, dql.KindIP:
		return x.Kind() == y.Kind()
	}
	return false
}

func isNumber(v dql.Value) bool { return v.Kind() == dql.KindLong || v.Kind() == dql.KindDouble }

// Add is x + y: of numbers, durations, a timestamp and a duration.
func Add(x, y dql.Value) dql.Value {
	switch kx, ky := x.Kind(), y.Kind(); {
	case kx == dql.KindLong && ky == dql.KindLong:
		a, _ := x.AsLong()
		b, _ := y.AsLong()
		if c := a + b; (c > a) == (b > 0) {
			return dql.Long(c)
		}
		return dql.Null
	case isNumber(x) && isNumber(y):
		a, _ := x.AsDouble()
		b, _ := y.AsDouble()
		return dql.Double(a + b)
	case kx == dql.KindDuration && ky == dql.KindDuration:
		mx, dx, _ := x.AsCalendar()
		my, dy, _ := y.AsCalendar()
		if d := dx + dy; (d > dx) == (dy > 0) {
			return dql.CalendarDuration(mx+my, d)
		}
		return dql.Null
	case kx == dql.KindDuration:
		return shift(y, x)
	}
	return shift(x, y)
}

// shift adds a duration to a timestamp or to both ends of a timeframe. A month
// is added on the calendar, in UTC.
func shift(x, d dql.Value) dql.Value {
	if d.Kind() != dql.KindDuration {
		return dql.Null
	}
	if start, end, ok := x.AsTimeframe(); ok {
		s, okS := addTo(start, d)
		e, okE := addTo(end, d)
		if okS && okE {
			return dql.Timeframe(s, e)
		}
		return dql.Null
	}
	t, ok := x.AsTime()
	if !ok {
		return dql.Null
	}
	if t, ok = addTo(t, d); !ok {
		return dql.Null
	}
	return dql.Time(t)
}

// addTo adds a duration and reports whether the result can be a timestamp.
func addTo(t time.Time, v dql.Value) (time.Time, bool) {
	months, d, _ := v.AsCalendar()
	t = addMonths(t, months).Add(d)
	return t, t.After(earliest) && t.Before(latest)
}

// The timestamps that fit into 64 bits of nanoseconds.
var (
	earliest = time.Unix(0, math.MinInt64)
	latest   = time.Unix(0, math.MaxInt64)
)

// addMonths adds months as calendars do: the 31st becomes the last day of a
// shorter month.
func addMonths(t time.Time, n int64) time.Time {
	if n == 0 {
		return t
	}
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d, last)-1)
}

// Sub is x - y: of numbers, durations, two timestamps, a timestamp and a
// duration.
func Sub(x, y dql.Value) dql.Value {
	a, okA := x.AsTime()
	b, okB := y.AsTime()
	if okA && okB {
		return dql.Duration(a.Sub(b))
	}
	if x.Kind() == dql.KindDuration && y.Kind() != dql.KindDuration {
		return dql.Null
	}
	if i, ok := y.AsLong(); ok && i == math.MinInt64 {
		y = dql.Double(float64(i))
	}
	return Add(x, Neg(y))
}

// Neg is -x, of a number or a duration.
func Neg(x dql.Value) dql.Value {
	switch x.Kind() {
	case dql.KindLong:
		i, _ := x.AsLong()
		if i == math.MinInt64 {
			return dql.Null
		}
		return dql.Long(-i)
	case dql.KindDouble:
		f, _ := x.AsDouble()
		return dql.Double(-f)
	case dql.KindDuration:
		months, d, _ := x.AsCalendar()
		return dql.CalendarDuration(-months, -d)
	}
	return dql.Null
}

// Mul is x * y: of numbers, a duration and a number.
func Mul(x, y dql.Value) dql.Value {
	switch kx, ky := x.Kind(), y.Kind(); {
	case kx == dql.KindLong && ky == dql.KindLong:
		a, _ := x.AsLong()
		b, _ := y.AsLong()
		if p, ok := product(a, b); ok {
			return dql.Long(p)
		}
		return dql.Null
	case isNumber(x) && isNumber(y):
		a, _ := x.AsDouble()
		b, _ := y.AsDouble()
		return dql.Double(a * b)
	case kx == dql.KindDuration && isNumber(y):
		return scale(x, y)
	case ky == dql.KindDuration && isNumber(x):
		return scale(y, x)
	}
	return dql.Null
}

func product(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	p := a * b
	return p, hi == 0 && lo <= math.MaxInt64 && (lo == 0 || (p < 0) == (a < 0 != (b < 0)))
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func scale(d, n dql.Value) dql.Value {
	months, length, _ := d.AsCalendar()
	if i, ok := n.AsLong(); ok {
		p, fits := product(int64(length), i)
		if m, ok := product(months, i); fits && ok {
			return dql.CalendarDuration(m, time.Duration(p))
		}
		return dql.Null
	}
	f, _ := n.AsDouble()
	whole, _ := d.AsDuration()
	return durationOf(float64(whole) * f)
}

// durationOf returns ns nanoseconds, null if they do not fit.
func durationOf(ns float64) dql.Value {
	if i, ok := truncate(ns); ok {
		return dql.Duration(time.Duration(i))
	}
	return dql.Null
}

// truncate returns f without its fraction if that is a long.
func truncate(f float64) (int64, bool) {
	if math.IsNaN(f) || f >= 1<<63 || f < -1<<63 {
		return 0, false
	}
	return int64(f), true
}

// Div is x / y. Longs divide without a rest; a duration by a duration is a
// double, by a number a duration. A long divided by zero is null.
func Div(x, y dql.Value) dql.Value {
	switch kx, ky := x.Kind(), y.Kind(); {
	case kx == dql.KindLong && ky == dql.KindLong:
		a, _ := x.AsLong()
		b, _ := y.AsLong()
		if b == 0 || a == math.MinInt64 && b == -1 {
			return dql.Null
		}
		return dql.Long(a / b)
	case isNumber(x) && isNumber(y):
		a, _ := x.AsDouble()
		b, _ := y.AsDouble()
		return dql.Double(a / b)
	case kx == dql.KindDuration && ky == dql.KindDuration:
		a, _ := x.AsDuration()
		b, _ := y.AsDuration()
		return dql.Double(float64(a) / float64(b))
	case kx == dql.KindDuration && isNumber(y):
		a, _ := x.AsDuration()
		if b, ok := y.AsLong(); ok {
			if b == 0 {
				return dql.Null
			}
			return dql.Duration(a / time.Duration(b))
		}
		b, _ := y.AsDouble()
		return durationOf(float64(a) / b)
	}
	return dql.Null
}

// Mod is x % y, with the sign of x.
func Mod(x, y dql.Value) dql.Value {
	switch kx, ky := x.Kind(), y.Kind(); {
	case kx == dql.KindLong && ky == dql.KindLong:
		a, _ := x.AsLong()
		b, _ := y.AsLong()
		if b == 0 || b == -1 {
			return zeroUnless(b == 0)
		}
		return dql.Long(a % b)
	case isNumber(x) && isNumber(y):
		a, _ := x.AsDouble()
		b, _ := y.AsDouble()
		return dql.Double(math.Mod(a, b))
	case kx == dql.KindDuration && ky == dql.KindDuration:
		a, _ := x.AsDuration()
		b, _ := y.AsDuration()
		if b == 0 || b == -1 {
			return dql.Null
		}
		return dql.Duration(a % b)
	}
	return dql.Null
}

func zeroUnless(null bool) dql.Value {
	if null {
		return dql.Null
	}
	return dql.Long(0)
}
