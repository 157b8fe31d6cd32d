package scalar

import (
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones by name, wherever the program runs

	"github.com/salvehq/salve/internal/dql"
)

// calendar are the functions on timestamps.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/time-functions
var calendar = map[string]Func{
	"now":             func(e *Env, _ []dql.Value) dql.Value { return dql.Time(e.Now) },
	"formatTimestamp": formatTimestamp,
	"getDayOfMonth":   part(func(t time.Time) int { return t.Day() }),
	"getDayOfWeek":    part(func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }),
	"getDayOfYear":    part(func(t time.Time) int { return t.YearDay() }),
	"getHour":         part(func(t time.Time) int { return t.Hour() }),
	"getMinute":       part(func(t time.Time) int { return t.Minute() }),
	"getMonth":        part(func(t time.Time) int { return int(t.Month()) }),
	"getSecond":       part(func(t time.Time) int { return t.Second() }),
	"getWeekOfYear": part(func(t time.Time) int {
		_, week := t.ISOWeek()
		return week
	}),
	"getYear":                  part(func(t time.Time) int { return t.Year() }),
	"unixMillisFromTimestamp":  toUnix(int64(time.Millisecond)),
	"unixNanosFromTimestamp":   toUnix(1),
	"unixSecondsFromTimestamp": toUnix(int64(time.Second)),
}

// zone is the time zone in v: a name or an offset; null is that of e.
func (e *Env) zone(v dql.Value) (*time.Location, bool) {
	s, ok := v.AsString()
	if !ok {
		return e.location(), v.IsNull()
	}
	loc := memo(e, "zone "+s, func() *time.Location { return zone(s) })
	return loc, loc != nil
}

func zone(s string) *time.Location {
	if t, err := time.Parse("Z07:00", s); err == nil {
		_, offset := t.Zone()
		return time.FixedZone(s, offset)
	}
	loc, err := time.LoadLocation(s)
	if err != nil || s == "" || s == "Local" {
		return nil
	}
	return loc
}

func part(f func(time.Time) int) Func {
	return func(e *Env, a []dql.Value) dql.Value {
		t, ok := a[0].AsTime()
		loc, okLoc := e.zone(a[1])
		if !ok || !okLoc {
			return dql.Null
		}
		return dql.Long(int64(f(t.In(loc))))
	}
}

func toUnix(unit int64) Func {
	return one(func(v dql.Value) dql.Value {
		t, ok := v.AsTime()
		if !ok {
			return dql.Null
		}
		n := t.UnixNano()
		if n < 0 && n%unit != 0 {
			return dql.Long(n/unit - 1)
		}
		return dql.Long(n / unit)
	})
}

// Align is v@unit: the start of the second, minute, hour, day, week, month,
// quarter or year, on the calendar of the query's time zone. w starts on
// Monday, w0 on Sunday, w2 on Tuesday.
func Align(e *Env, v dql.Value, unit string) dql.Value {
	t, ok := v.AsTime()
	if !ok {
		if v.Kind() != dql.KindDuration {
			return dql.Null
		}
		t, _ = Add(dql.Time(e.Now), v).AsTime() // -1d@d is a day ago, aligned
	}
	t = t.In(e.location())
	name := strings.TrimLeft(unit, "0123456789")
	n, err := strconv.Atoi(unit[:len(unit)-len(name)])
	if err != nil || n < 1 {
		n = 1
	}
	return dql.Time(floorTo(t, n, name))
}

func floorTo(t time.Time, n int, unit string) time.Time {
	y, m, d := t.Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	switch unit {
	case "d":
		return day
	case "M":
		return time.Date(y, m-time.Month((int(m)-1)%n), 1, 0, 0, 0, 0, t.Location())
	case "q":
		return time.Date(y, m-time.Month((int(m)-1)%3), 1, 0, 0, 0, 0, t.Location())
	case "y":
		return time.Date(y-y%n, 1, 1, 0, 0, 0, 0, t.Location())
	}
	if strings.HasPrefix(unit, "w") {
		start := 1
		if len(unit) == 2 {
			start = int(unit[1]-'0') % 7
		}
		return day.AddDate(0, 0, -(int(t.Weekday())-start+7)%7)
	}
	step := unitLengths[unit] * time.Duration(n)
	if step <= 0 {
		return t
	}
	return t.Add(-t.Sub(day) % step)
}

// formatTimestamp writes a timestamp by a pattern of Java's DateTimeFormatter.
func formatTimestamp(e *Env, a []dql.Value) dql.Value {
	t, ok := a[0].AsTime()
	loc, okLoc := e.zone(a[3])
	if !ok || !okLoc {
		return dql.Null
	}
	if d, ok := a[1].AsDuration(); ok && d > 0 {
		t, _ = Bin(dql.Time(t), a[1], dql.Null).AsTime()
	}
	format, ok := a[2].AsString()
	if !ok {
		format = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS"
	}
	s, ok := formatTime(t.In(loc), format)
	if !ok {
		return dql.Null
	}
	return dql.String(s)
}

// formatTime writes t by the letters of
// https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/time/format/DateTimeFormatter.html
func formatTime(t time.Time, format string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		if c == '\'' {
			end := strings.IndexByte(format[i+1:], '\'')
			if end < 0 {
				return "", false
			}
			if end == 0 {
				b.WriteByte('\'')
			}
			b.WriteString(format[i+1 : i+1+end])
			i += end + 2
			continue
		}
		if c < 'A' || c > 'z' || c > 'Z' && c < 'a' {
			b.WriteByte(c)
			i++
			continue
		}
		n := 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		if !letter(&b, t, c, n) {
			return "", false
		}
		i += n
	}
	return b.String(), true
}

// letter writes the part of t that n letters c stand for.
func letter(b *strings.Builder, t time.Time, c byte, n int) bool {
	number := func(v int) bool {
		s := strconv.Itoa(v)
		b.WriteString(strings.Repeat("0", max(0, n-len(s))) + s)
		return true
	}
	name := func(layout string) bool {
		b.WriteString(t.Format(layout))
		return true
	}
	switch c {
	case 'y', 'u':
		if n == 2 {
			return number(t.Year() % 100)
		}
		return number(t.Year())
	case 'M', 'L':
		if n >= 3 {
			return name(map[bool]string{true: "January", false: "Jan"}[n >= 4])
		}
		return number(int(t.Month()))
	case 'd':
		return number(t.Day())
	case 'D':
		return number(t.YearDay())
	case 'E':
		return name(map[bool]string{true: "Monday", false: "Mon"}[n >= 4])
	case 'e':
		return number((int(t.Weekday())+6)%7 + 1)
	case 'Q', 'q':
		return number((int(t.Month())-1)/3 + 1)
	case 'w':
		_, week := t.ISOWeek()
		return number(week)
	case 'a':
		return name("PM")
	case 'H':
		return number(t.Hour())
	case 'k':
		return number((t.Hour()+23)%24 + 1)
	case 'K':
		return number(t.Hour() % 12)
	case 'h':
		return number((t.Hour()+11)%12 + 1)
	case 'm':
		return number(t.Minute())
	case 's':
		return number(t.Second())
	case 'S':
		digits := strconv.Itoa(1e9 + t.Nanosecond())[1:]
		b.WriteString(digits[:min(n, 9)])
		return n <= 9
	case 'n':
		return number(t.Nanosecond())
	case 'V':
		b.WriteString(zoneID(t))
		return n == 2
	case 'z':
		return name("MST")
	}
	return offset(b, t, c, n)
}

func zoneID(t time.Time) string {
	if s := t.Location().String(); s != "UTC" {
		return s
	}
	return "Z"
}

// offset writes the letters X, x and Z.
func offset(b *strings.Builder, t time.Time, c byte, n int) bool {
	_, seconds := t.Zone()
	if c == 'X' && seconds == 0 {
		b.WriteByte('Z')
		return true
	}
	layout := map[byte]map[int]string{
		'X': {1: "-07", 2: "-0700", 3: "-07:00"},
		'x': {1: "-07", 2: "-0700", 3: "-07:00"},
		'Z': {1: "-0700", 2: "-0700", 3: "-0700", 5: "-07:00"},
	}[c][n]
	b.WriteString(t.Format(layout))
	return layout != ""
}
