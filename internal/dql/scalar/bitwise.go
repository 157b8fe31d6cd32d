package scalar

import (
	"math/bits"

	"github.com/salvehq/salve/internal/dql"
)

// bitwise are the functions on the bits of a long.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/bitwise-functions
var bitwise = map[string]Func{
	"bitwiseAnd": longs(func(a, b int64) int64 { return a & b }),
	"bitwiseOr":  longs(func(a, b int64) int64 { return a | b }),
	"bitwiseXor": longs(func(a, b int64) int64 { return a ^ b }),
	"bitwiseNot": one(func(v dql.Value) dql.Value {
		i, ok := v.AsLong()
		if !ok {
			return dql.Null
		}
		return dql.Long(^i)
	}),
	"bitwiseCountOnes": one(func(v dql.Value) dql.Value {
		i, ok := v.AsLong()
		if !ok {
			return dql.Null
		}
		return dql.Long(int64(bits.OnesCount64(uint64(i))))
	}),
	"bitwiseShiftLeft": longs(func(a, n int64) int64 { return a << uint64(n&63) }),
	"bitwiseShiftRight": func(_ *Env, a []dql.Value) dql.Value {
		i, ok := a[0].AsLong()
		n, okN := a[1].AsLong()
		if !ok || !okN {
			return dql.Null
		}
		if boolOr(a[2], false) {
			return dql.Long(int64(uint64(i) >> uint64(n&63)))
		}
		return dql.Long(i >> uint64(n&63))
	},
}

func longs(f func(a, b int64) int64) Func {
	return two(func(x, y dql.Value) dql.Value {
		a, ok := x.AsLong()
		b, okB := y.AsLong()
		if !ok || !okB {
			return dql.Null
		}
		return dql.Long(f(a, b))
	})
}
