package eval

import (
	"encoding/binary"
	"math"

	"github.com/salvehq/salve/internal/dql"
)

// appendKey appends bytes that are equal for two values if and only if the
// values are: a long and a double of the same number are one key.
func appendKey(b []byte, v dql.Value) []byte {
	switch v.Kind() {
	case dql.KindLong:
		i, _ := v.AsLong()
		return appendNumber(b, 'n', uint64(i))
	case dql.KindDouble:
		f, _ := v.AsDouble()
		if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return appendNumber(b, 'n', uint64(int64(f)))
		}
		return appendNumber(b, 'f', math.Float64bits(f))
	case dql.KindTimestamp:
		t, _ := v.AsTime()
		return appendNumber(b, 't', uint64(t.UnixNano()))
	case dql.KindDuration:
		d, _ := v.AsDuration()
		return appendNumber(b, 'd', uint64(d))
	case dql.KindTimeframe:
		from, to, _ := v.AsTimeframe()
		return appendNumber(appendNumber(b, 'w', uint64(from.UnixNano())), 'w', uint64(to.UnixNano()))
	case dql.KindBoolean:
		is, _ := v.AsBool()
		if is {
			return append(b, '1')
		}
		return append(b, '0')
	case dql.KindNull:
		return append(b, '-')
	case dql.KindArray:
		list, _ := v.AsArray()
		b = appendNumber(b, 'a', uint64(len(list)))
		for _, e := range list {
			b = appendKey(b, e)
		}
		return b
	case dql.KindRecord:
		r, _ := v.AsRecord()
		b = appendNumber(b, 'r', uint64(r.Len()))
		for n, e := range r.All() {
			b = appendKey(appendText(b, 's', n), e)
		}
		return b
	}
	s, _ := v.AsText()
	return appendText(b, 's'+byte(v.Kind()), s)
}

func appendNumber(b []byte, tag byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, tag), n)
}

func appendText(b []byte, tag byte, s string) []byte {
	return append(binary.AppendUvarint(append(b, tag), uint64(len(s))), s...)
}
