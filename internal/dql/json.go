package dql

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// stamp is how Grail writes timestamps: RFC 3339 in UTC with nine digits.
const stamp = "2006-01-02T15:04:05.000000000Z"

// AppendJSON appends v as plain JSON: longs, doubles and durations
// (nanoseconds) as numbers, timestamps as RFC 3339 in UTC with nine digits,
// nulls as null. A double that JSON cannot write is a string.
func AppendJSON(b []byte, v Value) []byte { return appendJSON(b, v, false) }

// AppendGrail appends v as a Grail answer encodes it: as AppendJSON, but longs
// and durations as strings.
// https://developer.dynatrace.com/develop/sdks/client-query
func AppendGrail(b []byte, v Value) []byte { return appendJSON(b, v, true) }

func appendJSON(b []byte, v Value, grail bool) []byte {
	switch v.kind {
	case KindNull:
		return append(b, "null"...)
	case KindBoolean:
		return strconv.AppendBool(b, v.num != 0)
	case KindLong:
		return appendInteger(b, int64(v.num), grail)
	case KindDuration:
		d, _ := v.AsDuration()
		return appendInteger(b, int64(d), grail)
	case KindDouble:
		return appendDouble(b, math.Float64frombits(v.num))
	case KindTimestamp:
		return appendTime(b, int64(v.num))
	case KindTimeframe:
		b = appendTime(append(b, `{"start":`...), int64(v.num))
		b = appendTime(append(b, `,"end":`...), v.more.end)
		return append(b, '}')
	case KindArray:
		return appendArray(b, v.more.list, grail)
	case KindRecord:
		return appendRecord(b, v.more.rec, grail)
	case KindBinary:
		return appendString(b, base64.StdEncoding.EncodeToString([]byte(v.text)))
	}
	return appendString(b, v.text)
}

func appendInteger(b []byte, i int64, quoted bool) []byte {
	if !quoted {
		return strconv.AppendInt(b, i, 10)
	}
	return append(strconv.AppendInt(append(b, '"'), i, 10), '"')
}

func appendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

func appendTime(b []byte, ns int64) []byte {
	return append(time.Unix(0, ns).UTC().AppendFormat(append(b, '"'), stamp), '"')
}

func appendArray(b []byte, list []Value, grail bool) []byte {
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, e, grail)
	}
	return append(b, ']')
}

func appendRecord(b []byte, r Record, grail bool) []byte {
	b = append(b, '{')
	for i, name := range r.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = appendJSON(b, r.values[i], grail)
	}
	return append(b, '}')
}

// appendString writes what has no escapes as it is, the rest as encoding/json
// does.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string always has an encoding
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
