package scalar

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// creation are the functions that make values of the rarer types.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/create-functions
var creation = map[string]Func{
	"array":                    func(_ *Env, a []dql.Value) dql.Value { return dql.Array(append([]dql.Value{}, a...)...) },
	"duration":                 two(duration),
	"ip":                       one(toIP),
	"smartscapeId":             two(smartscapeID),
	"timeframe":                timeframe,
	"timestamp":                timestamp,
	"timestampFromUnixMillis":  fromUnix(time.Millisecond),
	"timestampFromUnixNanos":   fromUnix(time.Nanosecond),
	"timestampFromUnixSeconds": fromUnix(time.Second),
	"uid64": one(func(v dql.Value) dql.Value {
		i, ok := v.AsLong()
		if !ok {
			return dql.Null
		}
		return uid64(uint64(i))
	}),
	"uid128": two(func(x, y dql.Value) dql.Value { return uid128(x, y, false) }),
	"uuid":   two(func(x, y dql.Value) dql.Value { return uid128(x, y, true) }),

	"isUid64":     one(func(v dql.Value) dql.Value { return uidLength(v, 16) }),
	"isUid128":    one(func(v dql.Value) dql.Value { return uidLength(v, 32) }),
	"isUuid":      one(func(v dql.Value) dql.Value { return uidLength(v, 36) }),
	"getHighBits": one(func(v dql.Value) dql.Value { return half(v, true) }),
	"getLowBits":  one(func(v dql.Value) dql.Value { return half(v, false) }),
	"getStart": one(func(v dql.Value) dql.Value {
		if from, _, ok := v.AsTimeframe(); ok {
			return dql.Time(from)
		}
		return dql.Null
	}),
	"getEnd": one(func(v dql.Value) dql.Value {
		if _, to, ok := v.AsTimeframe(); ok {
			return dql.Time(to)
		}
		return dql.Null
	}),
}

func duration(n, unit dql.Value) dql.Value {
	u, ok := unit.AsString()
	one, known := unitLengths[u]
	if !ok || !known {
		return dql.Null
	}
	return Mul(dql.Duration(one), n)
}

var unitLengths = map[string]time.Duration{
	"ns": 1, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
	"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

func smartscapeID(kind, id dql.Value) dql.Value {
	s, ok := kind.AsString()
	i, okID := id.AsLong()
	if !ok || !okID {
		return dql.Null
	}
	return dql.Text(dql.KindSmartscapeID, fmt.Sprintf("%s-%016X", s, uint64(i)))
}

func timeframe(e *Env, a []dql.Value) dql.Value {
	from, ok := e.moment(a[0])
	to, okTo := e.Now, true
	if !a[1].IsNull() {
		to, okTo = e.moment(a[1])
	}
	if !ok || !okTo {
		return dql.Null
	}
	return dql.Timeframe(from, to)
}

// moment is a timestamp, text, or a duration from now.
func (e *Env) moment(v dql.Value) (time.Time, bool) {
	if v.Kind() == dql.KindDuration {
		return Add(dql.Time(e.Now), v).AsTime()
	}
	return ToTimestamp(e, v).AsTime()
}

func timestamp(e *Env, a []dql.Value) dql.Value {
	var n [9]int64
	for i := range n {
		v, ok := a[i].AsLong()
		if !ok && (i < 6 || !a[i].IsNull()) || v < 0 || v > 1e10 {
			return dql.Null
		}
		n[i] = v
	}
	loc, ok := e.zone(a[9])
	if !ok || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return dql.Null
	}
	nanos := n[6]*1e6 + n[7]*1e3 + n[8]
	t := time.Date(int(n[0]), time.Month(n[1]), int(n[2]), int(n[3]), int(n[4]), int(n[5]), int(nanos), loc)
	if t.Day() != int(n[2]) || !inRange(t) {
		return dql.Null
	}
	return dql.Time(t)
}

func fromUnix(unit time.Duration) Func {
	return one(func(v dql.Value) dql.Value {
		i, ok := v.AsLong()
		ns, fits := product(i, int64(unit))
		if !ok || !fits {
			return dql.Null
		}
		return dql.Time(time.Unix(0, ns))
	})
}

func uid64(n uint64) dql.Value { return dql.Text(dql.KindUID, fmt.Sprintf("%016x", n)) }

func uid128(x, y dql.Value, dashes bool) dql.Value {
	hi, ok := x.AsLong()
	lo, okLo := y.AsLong()
	if !ok || !okLo {
		return dql.Null
	}
	s := fmt.Sprintf("%016x%016x", uint64(hi), uint64(lo))
	if dashes {
		s = s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	}
	return dql.Text(dql.KindUID, s)
}

func uidLength(v dql.Value, n int) dql.Value {
	if v.Kind() != dql.KindUID {
		return dql.Null
	}
	s, _ := v.AsText()
	return dql.Bool(len(s) == n)
}

// halves returns the number in a uid or an ip address.
func halves(v dql.Value) (hi, lo uint64, ok bool) {
	s, _ := v.AsText()
	switch v.Kind() {
	case dql.KindUID:
		b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
		if err != nil || len(b) != 8 && len(b) != 16 {
			return 0, 0, false
		}
		if len(b) == 16 {
			hi = binary.BigEndian.Uint64(b)
		}
		return hi, binary.BigEndian.Uint64(b[len(b)-8:]), true
	case dql.KindIP:
		a, err := netip.ParseAddr(s)
		if err != nil {
			return 0, 0, false
		}
		if a.Is4() {
			b := a.As4()
			return 0, uint64(binary.BigEndian.Uint32(b[:])), true
		}
		b := a.As16()
		return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:]), true
	}
	return 0, 0, false
}

func half(v dql.Value, high bool) dql.Value {
	hi, lo, ok := halves(v)
	if !ok {
		return dql.Null
	}
	if high {
		return dql.Long(int64(hi))
	}
	return dql.Long(int64(lo))
}
