package scalar

import (
	"math"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// Bin is the start of the interval that v lies in; at shifts where intervals
// start. Timestamps count from the epoch, in UTC; months and years on the
// calendar.
func Bin(v, interval, at dql.Value) dql.Value {
	if months, _, ok := interval.AsCalendar(); ok && months > 0 {
		t, ok := v.AsTime()
		if !ok {
			return dql.Null
		}
		n := (int64(t.Year())*12 + int64(t.Month()) - 1) / months * months
		return dql.Time(time.Date(int(n/12), time.Month(n%12+1), 1, 0, 0, 0, 0, time.UTC))
	}
	switch v.Kind() {
	case dql.KindTimestamp:
		offset := int64(0)
		if t, ok := at.AsTime(); ok {
			offset = t.UnixNano()
		} else if d, ok := at.AsDuration(); ok {
			offset = int64(d)
		}
		t, _ := v.AsTime()
		if n, ok := binLong(t.UnixNano(), length(interval), offset); ok {
			return dql.Time(time.Unix(0, n))
		}
	case dql.KindDuration:
		offset, _ := at.AsDuration()
		d, _ := v.AsDuration()
		if n, ok := binLong(int64(d), length(interval), int64(offset)); ok {
			return dql.Duration(time.Duration(n))
		}
	case dql.KindLong:
		n, _ := v.AsLong()
		step, okStep := interval.AsLong()
		if okStep && at.Kind() != dql.KindDouble {
			if n, ok := binLong(n, step, longOr(at, 0)); ok {
				return dql.Long(n)
			}
			return dql.Null
		}
		return binDouble(v, interval, at)
	case dql.KindDouble:
		return binDouble(v, interval, at)
	}
	return dql.Null
}

// length is an interval in nanoseconds.
func length(v dql.Value) int64 {
	if d, ok := v.AsDuration(); ok {
		return int64(d)
	}
	return longOr(v, 0)
}

func binLong(n, step, at int64) (int64, bool) {
	if step <= 0 {
		return 0, false
	}
	rest := (n - at%step) % step
	if rest < 0 {
		rest += step
	}
	return n - rest, true
}

func binDouble(v, interval, at dql.Value) dql.Value {
	f, _ := v.AsDouble()
	step, ok := interval.AsDouble()
	offset, _ := at.AsDouble()
	if !ok || step <= 0 {
		return dql.Null
	}
	return dql.Double(math.Floor((f-offset)/step)*step + offset)
}
