package records

import (
	"fmt"
	"strconv"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A typing is the type that a field has whatever JSON says.
type typing uint8

const (
	untyped typing = iota
	asTimestamp
	asDuration
	asLong
)

// typings are the types of the fields of events that JSON does not show.
// https://docs.dynatrace.com/docs/semantic-dictionary/fields
var typings = map[string]typing{
	"timestamp":                        asTimestamp,
	"event.start":                      asTimestamp,
	"event.end":                        asTimestamp,
	"start_time":                       asTimestamp,
	"end_time":                         asTimestamp,
	"observed_timestamp":               asTimestamp,
	"dt.davis.last_reopen_timestamp":   asTimestamp,
	"resolved_problem_duration":        asDuration,
	"duration":                         asDuration,
	"event.severity":                   asLong,
	"dt.davis.affected_users_count":    asLong,
	"dt.davis.timeout":                 asLong,
	"dt.davis.analysis_time_budget":    asLong,
	"affected_entity_count":            asLong,
	"dt.davis.affected_entities_count": asLong,
}

// typed gives v the type of its field. The encodings of a query's answer are
// accepted: a long and a duration may be strings.
func typed(v dql.Value, as typing) (dql.Value, error) {
	if as == untyped || v.IsNull() {
		return v, nil
	}
	s, isText := v.AsString()
	switch as {
	case asTimestamp:
		if isText {
			if ns, ok := nanosOf(s); ok {
				return dql.Time(time.Unix(0, ns)), nil
			}
			t, err := time.Parse(time.RFC3339Nano, s)
			if err == nil && t.Year() > 1677 && t.Year() < 2262 {
				return dql.Time(t), nil
			}
		}
		return dql.Null, fmt.Errorf("%.40s is not a timestamp such as 2026-03-01T10:00:00Z", dql.AppendJSON(nil, v))
	case asDuration:
		if i, ok := integer(v, s); ok {
			return dql.Duration(time.Duration(i)), nil
		}
		return dql.Null, fmt.Errorf("%.40s is not a duration in nanoseconds", dql.AppendJSON(nil, v))
	}
	if i, ok := integer(v, s); ok {
		return dql.Long(i), nil
	}
	return dql.Null, fmt.Errorf("%.40s is not a whole number", dql.AppendJSON(nil, v))
}

func integer(v dql.Value, s string) (int64, bool) {
	if i, ok := v.AsLong(); ok {
		return i, true
	}
	i, err := strconv.ParseInt(s, 10, 64)
	return i, err == nil
}

// nanosOf parses 2006-01-02T15:04:05[.digits]Z as nanoseconds since the epoch;
// other forms are left to package time.
func nanosOf(s string) (int64, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[len(s)-1] != 'Z' ||
		s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	century, ok1 := twoDigits(s)
	year, ok2 := twoDigits(s[2:])
	month, ok3 := twoDigits(s[5:])
	day, ok4 := twoDigits(s[8:])
	h, ok5 := twoDigits(s[11:])
	m, ok6 := twoDigits(s[14:])
	sec, ok7 := twoDigits(s[17:])
	nanos, ok := fraction(s[19 : len(s)-1])
	year += 100 * century
	if !(ok && ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) || year < 1970 || year > 2261 ||
		month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	return int64(daysSince1970(year, month, day)*86400+h*3600+m*60+sec)*1e9 + nanos, true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// daysSince1970 counts the days of the Gregorian calendar. Years start in March
// here, so that the leap day is the last of one.
func daysSince1970(year, month, day int) int {
	if month < 3 {
		year, month = year-1, month+12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
}

func twoDigits(s string) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// fraction reads "" or .123456789 as nanoseconds.
func fraction(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != '.' || len(s) < 2 || len(s) > 10 {
		return 0, false
	}
	n := int64(0)
	for i := 1; i < 10; i++ {
		n *= 10
		if i < len(s) {
			c := s[i] - '0'
			if c > 9 {
				return 0, false
			}
			n += int64(c)
		}
	}
	return n, true
}
