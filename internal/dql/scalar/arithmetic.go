package scalar

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// arithmetic are the mathematical functions.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/mathematical-functions
var arithmetic = map[string]Func{
	"abs":            one(abs),
	"acos":           real(math.Acos),
	"asin":           real(math.Asin),
	"atan":           real(math.Atan),
	"atan2":          real2(math.Atan2),
	"bin":            func(_ *Env, a []dql.Value) dql.Value { return Bin(a[0], a[1], a[2]) },
	"range":          binRange,
	"cbrt":           real(math.Cbrt),
	"ceil":           rounding(math.Ceil),
	"cos":            real(math.Cos),
	"cosh":           real(math.Cosh),
	"degreeToRadian": real(func(f float64) float64 { return f / 180 * math.Pi }),
	"e":              func(*Env, []dql.Value) dql.Value { return dql.Double(math.E) },
	"exp":            real(math.Exp),
	"floor":          rounding(math.Floor),
	"hypotenuse":     real2(math.Hypot),
	"log":            real(math.Log),
	"log10":          real(math.Log10),
	"log1p":          real(math.Log1p),
	"pi":             func(*Env, []dql.Value) dql.Value { return dql.Double(math.Pi) },
	"power":          real2(math.Pow),
	"radianToDegree": real(func(f float64) float64 { return f / math.Pi * 180 }),
	"random":         func(*Env, []dql.Value) dql.Value { return dql.Double(rand.Float64()) },
	"round":          round,
	"signum":         one(signum),
	"sin":            real(math.Sin),
	"sinh":           real(math.Sinh),
	"sqrt":           real(math.Sqrt),
	"tan":            real(math.Tan),
	"tanh":           real(math.Tanh),

	"isFinite":   test(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }),
	"isInfinite": test(func(f float64) bool { return math.IsInf(f, 0) }),
	"isNaN":      test(math.IsNaN),

	"hexStringToNumber": ofText(hexToNumber),
	"numberToHexString": two(numberToHex),
}

// real makes a function of a number that gives a double.
func real(f func(float64) float64) Func {
	return one(func(v dql.Value) dql.Value {
		x, ok := v.AsDouble()
		if !ok {
			return dql.Null
		}
		return finite(f(x))
	})
}

// finite is f, null if it is no number: log(0), sqrt(-1).
func finite(f float64) dql.Value {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return dql.Null
	}
	return dql.Double(f)
}

func real2(f func(x, y float64) float64) Func {
	return two(func(v, w dql.Value) dql.Value {
		x, ok := v.AsDouble()
		y, okY := w.AsDouble()
		if !ok || !okY {
			return dql.Null
		}
		return finite(f(x, y))
	})
}

func test(f func(float64) bool) Func {
	return one(func(v dql.Value) dql.Value {
		x, ok := v.AsDouble()
		if !ok {
			return dql.Null
		}
		return dql.Bool(f(x))
	})
}

// rounding makes a function that leaves longs as they are.
func rounding(f func(float64) float64) Func {
	return one(func(v dql.Value) dql.Value {
		if v.Kind() == dql.KindLong {
			return v
		}
		x, ok := v.AsDouble()
		if !ok {
			return dql.Null
		}
		return dql.Double(f(x))
	})
}

func abs(v dql.Value) dql.Value {
	if f, ok := v.AsDouble(); ok && v.Kind() == dql.KindDouble {
		return dql.Double(math.Abs(f))
	}
	if v.Kind() == dql.KindLong && dql.Compare(v, dql.Long(0)) < 0 || v.Kind() == dql.KindDuration && dql.Compare(v, dql.Duration(0)) < 0 {
		return Neg(v)
	}
	if v.Kind() == dql.KindLong || v.Kind() == dql.KindDuration {
		return v
	}
	return dql.Null
}

func signum(v dql.Value) dql.Value {
	f, ok := v.AsDouble()
	sign := 0.0
	switch {
	case !ok:
		return dql.Null
	case f > 0:
		sign = 1
	case f < 0:
		sign = -1
	}
	if v.Kind() == dql.KindLong {
		return dql.Long(int64(sign))
	}
	return dql.Double(sign)
}

// round rounds to whole numbers half up, -0.5 to 0, and to decimals half away
// from zero, as the published examples do.
func round(_ *Env, a []dql.Value) dql.Value {
	decimals := longOr(a[1], 0)
	if i, ok := a[0].AsLong(); ok && decimals >= 0 {
		return dql.Long(i)
	}
	f, ok := a[0].AsDouble()
	if !ok || decimals > 300 || decimals < -300 {
		return dql.Null
	}
	if decimals > 0 {
		// The decimal text of f is what people see and mean: 2.675 rounds to 2.68.
		return dql.Double(roundText(f, int(decimals)))
	}
	scale := math.Pow(10, float64(-decimals))
	r := math.Floor(f/scale+0.5) * scale
	if a[0].Kind() == dql.KindLong {
		return dql.Long(int64(r))
	}
	return dql.Double(r)
}

func roundText(f float64, decimals int) float64 {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	point := strings.IndexByte(s, '.')
	if point < 0 || len(s)-point-1 <= decimals {
		return f
	}
	cut := s[:point+1+decimals]
	if r, err := strconv.ParseFloat(cut, 64); err == nil && s[point+1+decimals] < '5' {
		return r
	}
	step := math.Pow(10, -float64(decimals))
	r, _ := strconv.ParseFloat(cut, 64) // cut is a number, as s is
	up, _ := strconv.ParseFloat(strconv.FormatFloat(math.Abs(r)+step, 'f', decimals, 64), 64)
	return math.Copysign(up, f)
}

// binRange is the interval that bin gives, as a record of its ends.
func binRange(_ *Env, a []dql.Value) dql.Value {
	start := Bin(a[0], a[1], a[2])
	if start.IsNull() {
		return dql.Null
	}
	return dql.Object(dql.NewRecord([]string{"start", "end"}, []dql.Value{start, Add(start, a[1])}))
}

func hexToNumber(s string) dql.Value {
	s = strings.TrimPrefix(strings.ToLower(s), "0x")
	if v, err := strconv.ParseUint(s, 16, 64); err == nil {
		return dql.Long(int64(v))
	}
	return dql.Null
}

func numberToHex(v, length dql.Value) dql.Value {
	i, ok := v.AsLong()
	if !ok {
		return dql.Null
	}
	s := strconv.FormatUint(uint64(i), 16)
	return dql.String(strings.Repeat("0", max(0, int(min(longOr(length, 0), 1000))-len(s))) + s)
}
