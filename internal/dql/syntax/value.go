package syntax

import (
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A Value is what a literal means.
type Value = dql.Value

// units are the units of a duration, the longest name of each length first.
// Months are calendar months: 1M, 1q and 1y have no fixed length.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/data-types
var units = map[string]struct {
	months int64
	length time.Duration
}{
	"ns": {0, time.Nanosecond}, "us": {0, time.Microsecond}, "µs": {0, time.Microsecond},
	"ms": {0, time.Millisecond}, "s": {0, time.Second}, "m": {0, time.Minute},
	"h": {0, time.Hour}, "d": {0, 24 * time.Hour}, "w": {0, 7 * 24 * time.Hour},
	"M": {1, 0}, "q": {3, 0}, "y": {12, 0},
}

// DurationOf returns n of a unit: ns, us, ms, s, m, h, d, w, or the calendar
// units M, q and y. It reports whether the unit exists and the product fits.
func DurationOf(n int64, unit string) (Value, bool) {
	u, ok := units[unit]
	if !ok {
		return dql.Null, false
	}
	if u.months > 0 {
		return dql.CalendarDuration(n*u.months, 0), n < 1<<32 && n > -1<<32
	}
	d := time.Duration(n) * u.length
	return dql.Duration(d), n == 0 || d/u.length == time.Duration(n)
}
