package scalar

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// conversions are toX, which convert what can be converted, and asX, which give
// null for any other type.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/conversion-and-casting-functions
var conversions = map[string]Func{
	"toArray":        one(toArray),
	"toBoolean":      first(toBoolean),
	"toDouble":       first(toDouble),
	"toDuration":     first(toDuration),
	"toIp":           first(toIP),
	"toLong":         first(toLong),
	"toSmartscapeId": first(toSmartscapeID),
	"toString":       one(Spell),
	"toTimeframe":    func(e *Env, a []dql.Value) dql.Value { return ToTimeframe(e, head(a[0])) },
	"toTimestamp":    func(e *Env, a []dql.Value) dql.Value { return ToTimestamp(e, head(a[0])) },
	"toUid":          first(toUID),

	"asArray":        as(dql.KindArray),
	"asBinary":       as(dql.KindBinary),
	"asBoolean":      as(dql.KindBoolean),
	"asDouble":       as(dql.KindDouble),
	"asDuration":     as(dql.KindDuration),
	"asIp":           as(dql.KindIP),
	"asLong":         as(dql.KindLong),
	"asNumber":       as(dql.KindLong, dql.KindDouble),
	"asRecord":       as(dql.KindRecord),
	"asSmartscapeId": as(dql.KindSmartscapeID),
	"asString":       as(dql.KindString),
	"asTimeframe":    as(dql.KindTimeframe),
	"asTimestamp":    as(dql.KindTimestamp),
	"asUid":          as(dql.KindUID),
}

func as(kinds ...dql.Kind) Func {
	return one(func(v dql.Value) dql.Value {
		for _, k := range kinds {
			if v.Kind() == k {
				return v
			}
		}
		return dql.Null
	})
}

// first makes a conversion that, given an array, converts its first element.
func first(f func(dql.Value) dql.Value) Func {
	return one(func(v dql.Value) dql.Value { return f(head(v)) })
}

func head(v dql.Value) dql.Value {
	if list, ok := v.AsArray(); ok {
		if len(list) == 0 {
			return dql.Null
		}
		return list[0]
	}
	return v
}

func toArray(v dql.Value) dql.Value {
	if v.IsNull() || v.Kind() == dql.KindArray {
		return v
	}
	return dql.Array(v)
}

func toBoolean(v dql.Value) dql.Value {
	if s, ok := v.AsString(); ok {
		switch strings.ToLower(s) {
		case "true":
			return dql.Bool(true)
		case "false":
			return dql.Bool(false)
		}
		return dql.Null
	}
	if f, ok := v.AsDouble(); ok {
		return dql.Bool(f != 0)
	}
	if v.Kind() == dql.KindBoolean {
		return v
	}
	return dql.Null
}

func toDouble(v dql.Value) dql.Value {
	switch v.Kind() {
	case dql.KindString:
		s, _ := v.AsString()
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || strings.ContainsAny(s, "xX_pP") {
			return dql.Null
		}
		return dql.Double(f)
	case dql.KindLong, dql.KindDouble:
		f, _ := v.AsDouble()
		return dql.Double(f)
	}
	if n := toLong(v); !n.IsNull() {
		f, _ := n.AsDouble()
		return dql.Double(f)
	}
	return dql.Null
}

func toLong(v dql.Value) dql.Value {
	switch v.Kind() {
	case dql.KindLong:
		return v
	case dql.KindDouble:
		f, _ := v.AsDouble()
		if i, ok := truncate(f); ok {
			return dql.Long(i)
		}
	case dql.KindString:
		s, _ := v.AsString()
		if i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			return dql.Long(i)
		}
		return toLong(toDouble(v))
	case dql.KindBoolean:
		b, _ := v.AsBool()
		if b {
			return dql.Long(1)
		}
		return dql.Long(0)
	case dql.KindDuration:
		d, _ := v.AsDuration()
		return dql.Long(int64(d))
	case dql.KindTimestamp:
		t, _ := v.AsTime()
		return dql.Long(t.UnixNano())
	case dql.KindIP, dql.KindUID:
		hi, lo, ok := halves(v)
		if ok && hi == 0 {
			return dql.Long(int64(lo))
		}
	}
	return dql.Null
}

func toDuration(v dql.Value) dql.Value {
	switch v.Kind() {
	case dql.KindDuration:
		return v
	case dql.KindTimeframe:
		from, to, _ := v.AsTimeframe()
		return dql.Duration(to.Sub(from))
	case dql.KindLong, dql.KindDouble, dql.KindString:
		if i, ok := toLong(v).AsLong(); ok {
			return dql.Duration(time.Duration(i))
		}
	}
	return dql.Null
}

// ToTimestamp reads RFC 3339 and its relatives, "now()-2h"-like text excepted;
// a number is nanoseconds since the epoch.
func ToTimestamp(e *Env, v dql.Value) dql.Value {
	switch v.Kind() {
	case dql.KindTimestamp:
		return v
	case dql.KindLong, dql.KindDouble:
		if i, ok := toLong(v).AsLong(); ok {
			return dql.Time(time.Unix(0, i))
		}
	case dql.KindString:
		s, _ := v.AsString()
		if t, ok := ParseTime(s, e.location()); ok {
			return dql.Time(t)
		}
		if i, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) > 4 {
			return dql.Time(time.Unix(0, i))
		}
	}
	return dql.Null
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999 Z07:00",
}

var localLayouts = []string{
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// ParseTime reads a timestamp; one without an offset is in loc.
func ParseTime(s string, loc *time.Location) (time.Time, bool) {
	if len(s) < len("2006-01-02") || len(s) > 40 {
		return time.Time{}, false
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t, inRange(t)
		}
	}
	for _, l := range localLayouts {
		if t, err := time.ParseInLocation(l, s, loc); err == nil {
			return t, inRange(t)
		}
	}
	return time.Time{}, false
}

func inRange(t time.Time) bool { return t.After(earliest) && t.Before(latest) }

// ToTimeframe reads "start/end".
func ToTimeframe(e *Env, v dql.Value) dql.Value {
	s, ok := v.AsString()
	if !ok {
		if v.Kind() == dql.KindTimeframe {
			return v
		}
		return dql.Null
	}
	from, to, ok := strings.Cut(s, "/")
	start, okS := ToTimestamp(e, dql.String(from)).AsTime()
	end, okE := ToTimestamp(e, dql.String(to)).AsTime()
	if !ok || !okS || !okE {
		return dql.Null
	}
	return dql.Timeframe(start, end)
}

func toIP(v dql.Value) dql.Value {
	if v.Kind() == dql.KindIP {
		return v
	}
	if s, ok := v.AsString(); ok {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			return dql.Text(dql.KindIP, a.String())
		}
		return dql.Null
	}
	if i, ok := toLong(v).AsLong(); ok && isNumber(v) && i >= 0 && i <= math.MaxUint32 {
		return dql.Text(dql.KindIP, netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(i)))).String())
	}
	return dql.Null
}

func toUID(v dql.Value) dql.Value {
	switch v.Kind() {
	case dql.KindUID:
		return v
	case dql.KindLong, dql.KindDouble:
		if i, ok := toLong(v).AsLong(); ok {
			return uid64(uint64(i))
		}
	case dql.KindString:
		s, _ := v.AsString()
		if hexUID(s) {
			return dql.Text(dql.KindUID, strings.ToLower(s))
		}
	}
	return dql.Null
}

// hexUID reports whether s is a uid64, a uid128 or a uuid.
func hexUID(s string) bool {
	plain := s
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		plain = strings.ReplaceAll(s, "-", "")
	}
	if len(plain) != 16 && len(plain) != 32 {
		return false
	}
	for _, c := range []byte(plain) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}

func toSmartscapeID(v dql.Value) dql.Value {
	if v.Kind() == dql.KindSmartscapeID {
		return v
	}
	s, ok := v.AsString()
	i := strings.LastIndexByte(s, '-')
	if !ok || i < 1 || len(s)-i != 17 || !hexUID(s[i+1:]) {
		return dql.Null
	}
	return dql.Text(dql.KindSmartscapeID, s)
}

// stamp is how toString writes a timestamp: in UTC with nine digits.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000 -0700") }

// Spell is toString.
func Spell(v dql.Value) dql.Value {
	switch v.Kind() {
	case dql.KindNull, dql.KindString:
		return v
	case dql.KindBinary:
		s, _ := v.AsText()
		return dql.String(base64.StdEncoding.EncodeToString([]byte(s)))
	case dql.KindArray:
		list, _ := v.AsArray()
		parts := make([]string, len(list))
		for i, e := range list {
			parts[i] = inner(e)
		}
		return dql.String("[" + strings.Join(parts, ", ") + "]")
	case dql.KindRecord:
		r, _ := v.AsRecord()
		var parts []string
		for n, e := range r.All() {
			parts = append(parts, `"`+escape(n)+`":`+inner(e))
		}
		return dql.String("{" + strings.Join(parts, ", ") + "}")
	}
	return dql.String(spellSimple(v))
}

// inner spells a value inside an array or record.
func inner(v dql.Value) string {
	if v.IsNull() {
		return "null"
	}
	s, _ := Spell(v).AsString()
	if v.Kind() == dql.KindString {
		return `"` + escape(s) + `"`
	}
	return s
}

func spellSimple(v dql.Value) string {
	switch v.Kind() {
	case dql.KindBoolean:
		b, _ := v.AsBool()
		return strconv.FormatBool(b)
	case dql.KindLong:
		i, _ := v.AsLong()
		return strconv.FormatInt(i, 10)
	case dql.KindDouble:
		f, _ := v.AsDouble()
		return spellDouble(f)
	case dql.KindTimestamp:
		t, _ := v.AsTime()
		return stamp(t)
	case dql.KindDuration:
		d, _ := v.AsDuration()
		return spellDuration(d)
	case dql.KindTimeframe:
		from, to, _ := v.AsTimeframe()
		return stamp(from) + "/" + stamp(to)
	}
	s, _ := v.AsText()
	return s
}

// spellDouble writes a double with at least one digit after the point.
func spellDouble(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case math.IsNaN(f):
		return "NaN"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-3 || a >= 1e7) {
		s := strconv.FormatFloat(f, 'E', -1, 64)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(n)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// spellDuration writes a duration as a clock does, hours only if there are any:
// 05:00.000000000 is five minutes.
func spellDuration(d time.Duration) string {
	sign, n := "", uint64(d)
	if d < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%02d:%02d.%09d", n/6e10%60, n/1e9%60, n%1e9)
	if hours := n / 36e11; hours > 0 {
		s = fmt.Sprintf("%02d:%s", hours, s)
	}
	return sign + s
}
