package records

import (
	"fmt"
	"strconv"
	"strings"
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
func (d *decoder) typed(v dql.Value, as typing) (dql.Value, error) {
	if as == untyped || v.IsNull() {
		return v, nil
	}
	s, isText := v.AsString()
	switch as {
	case asTimestamp:
		if isText {
			if ns, ok := d.dates.parse(s); ok {
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

// A dateCache parses timestamps. Most records of a recording are of few days,
// so it remembers the last one.
type dateCache struct {
	day   string
	start int64 // of day, nanoseconds since the epoch
}

// parse reads 2006-01-02T15:04:05[.digits]Z; other forms are left to package
// time.
func (c *dateCache) parse(s string) (int64, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[len(s)-1] != 'Z' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	if s[:10] != c.day {
		t, err := time.Parse(time.DateOnly, s[:10])
		if err != nil || t.Year() < 1678 || t.Year() > 2261 {
			return 0, false
		}
		c.day, c.start = strings.Clone(s[:10]), t.UnixNano()
	}
	h, okH := twoDigits(s[11:])
	m, okM := twoDigits(s[14:])
	sec, okS := twoDigits(s[17:])
	if !okH || !okM || !okS || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	nanos, ok := fraction(s[19 : len(s)-1])
	return c.start + int64(h*3600+m*60+sec)*1e9 + nanos, ok
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
