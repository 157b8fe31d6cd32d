package pattern

import (
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A layout reads timestamps in a format of Java's DateTimeFormatter, letter by
// letter.
type layout []field

// A field is a run of one letter, or text.
type field struct {
	letter byte
	n      int
	text   string
}

func compileTime(format string) (layout, error) {
	var l layout
	for i := 0; i < len(format); {
		c := format[i]
		if c == '\'' {
			end := strings.IndexByte(format[i+1:], '\'')
			if end < 0 {
				return nil, fmt.Errorf("time format %.40q: quote has no end", format)
			}
			l = append(l, field{text: format[i+1 : i+1+end]})
			i += end + 2
			continue
		}
		n := 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		switch {
		case strings.IndexByte("yuMdHhmsSaEZzXx", c) >= 0:
			l = append(l, field{letter: c, n: n})
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			return nil, fmt.Errorf("time format %.40q: letter %c is not known", format, c)
		default:
			l = append(l, field{text: format[i : i+n]})
		}
		i += n
	}
	return l, nil
}

// A clock gathers the parts of a timestamp.
type clock struct {
	year, month, day, hour, minute, second, nanos int
	pm, half                                      bool
	offset                                        *time.Location
}

// scan reads a timestamp at at.
func (l layout) scan(s string, at int, loc *time.Location) (int, dql.Value) {
	c := clock{year: 1970, month: 1, day: 1}
	for i, f := range l {
		if f.letter == 0 {
			if !strings.HasPrefix(s[at:], f.text) {
				return -1, dql.Null
			}
			at += len(f.text)
			continue
		}
		tight := i+1 < len(l) && l[i+1].letter != 0
		n := c.read(s[at:], f, tight)
		if n == 0 {
			return -1, dql.Null
		}
		at += n
	}
	if c.half {
		c.hour %= 12
		if c.pm {
			c.hour += 12
		}
	}
	if c.offset != nil {
		loc = c.offset
	}
	if loc == nil {
		loc = time.UTC
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nanos, loc)
	if c.month < 1 || c.month > 12 || t.Day() != c.day || c.hour > 23 || c.minute > 59 || c.second > 59 || c.year < 1678 || c.year > 2261 {
		return -1, dql.Null
	}
	return at, dql.Time(t)
}

// read reads one field and returns how many bytes it took, 0 if it does not
// match. A field right before another has exactly its digits.
func (c *clock) read(s string, f field, tight bool) int {
	low, high := f.n, max(2, f.n)
	if f.n == 1 {
		low = 1
	}
	if tight {
		high = f.n
	}
	switch f.letter {
	case 'y', 'u':
		if f.n != 2 {
			low, high = 4, 4
		}
		n := number(s, low, high, &c.year)
		if f.n == 2 && n > 0 {
			c.year += 2000
		}
		return n
	case 'M':
		if f.n >= 3 {
			return word(s, &c.month, func(m int) string { return time.Month(m).String() })
		}
		return number(s, low, high, &c.month)
	case 'd':
		return number(s, low, high, &c.day)
	case 'H':
		return number(s, low, high, &c.hour)
	case 'h':
		c.half = true
		return number(s, low, high, &c.hour)
	case 'm':
		return number(s, low, high, &c.minute)
	case 's':
		return number(s, low, high, &c.second)
	case 'S':
		n := number(s, f.n, f.n, &c.nanos)
		for i := f.n; i < 9; i++ {
			c.nanos *= 10
		}
		return n
	case 'a':
		if len(s) < 2 || !strings.EqualFold(s[1:2], "m") {
			return 0
		}
		c.pm = s[0] == 'P' || s[0] == 'p'
		return 2
	case 'E':
		day := 0
		return word(s, &day, func(d int) string { return time.Weekday(d % 7).String() })
	}
	return c.zone(s)
}

// number reads low to high digits.
func number(s string, low, high int, into *int) int {
	v, n := 0, 0
	for n < high && n < len(s) && s[n] >= '0' && s[n] <= '9' {
		v = v*10 + int(s[n]-'0')
		n++
	}
	if n < low {
		return 0
	}
	*into = v
	return n
}

// word reads the name of a month or a day, whole or its first three letters.
func word(s string, into *int, name func(int) string) int {
	for i := 1; i <= 12; i++ {
		full := name(i)
		for _, w := range []string{full, full[:3]} {
			if len(s) >= len(w) && strings.EqualFold(s[:len(w)], w) {
				*into = i
				return len(w)
			}
		}
	}
	return 0
}

// zone reads Z, +01:00, +0100, +01 or UTC.
func (c *clock) zone(s string) int {
	for _, w := range []string{"Z", "UTC", "GMT"} {
		if strings.HasPrefix(s, w) {
			c.offset = time.UTC
			return len(w)
		}
	}
	for _, l := range []string{"-07:00", "-0700", "-07"} {
		if len(s) >= len(l) {
			if t, err := time.Parse(l, s[:len(l)]); err == nil {
				_, seconds := t.Zone()
				c.offset = time.FixedZone("", seconds)
				return len(l)
			}
		}
	}
	return 0
}
