package scalar

import (
	"math"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// arrays are the functions on arrays.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/array-functions
var arrays = map[string]Func{
	"arrayAvg":           ofArray(func(l []dql.Value) dql.Value { return orZero(mean(l)) }),
	"arrayConcat":        arrayConcat,
	"arrayCumulativeSum": ofArray(arrayCumulativeSum),
	"arrayDelta":         ofArray(arrayDelta),
	"arrayDiff":          ofArray(arrayDiff),
	"arrayDistinct":      ofArray(arrayDistinct),
	"arrayElement":       two(Element),
	"arrayFirst":         ofArray(arrayFirst),
	"arrayFlatten":       ofArray(func(l []dql.Value) dql.Value { return dql.Array(flatten(l, nil)...) }),
	"arrayIndexOf":       two(func(a, v dql.Value) dql.Value { return arrayIndexOf(a, v, false) }),
	"arrayLast":          ofArray(arrayLast),
	"arrayLastIndexOf":   two(func(a, v dql.Value) dql.Value { return arrayIndexOf(a, v, true) }),
	"arrayMax":           ofArray(func(l []dql.Value) dql.Value { return extreme(l, 1) }),
	"arrayMin":           ofArray(func(l []dql.Value) dql.Value { return extreme(l, -1) }),
	"arrayMedian":        ofArray(func(l []dql.Value) dql.Value { return Percentile(l, 50) }),
	"arrayPercentile":    arrayPercentile,
	"arrayMovingAvg":     moving(mean),
	"arrayMovingMax":     moving(func(l []dql.Value) dql.Value { return extreme(l, 1) }),
	"arrayMovingMin":     moving(func(l []dql.Value) dql.Value { return extreme(l, -1) }),
	"arrayMovingSum":     moving(sum),
	"arrayRemoveNulls":   ofArray(arrayRemoveNulls),
	"arrayReverse":       ofArray(arrayReverse),
	"arraySize":          ofArray(func(l []dql.Value) dql.Value { return dql.Long(int64(len(l))) }),
	"arraySlice":         arraySlice,
	"arraySort":          arraySort,
	"arraySum":           ofArray(func(l []dql.Value) dql.Value { return orZero(sum(l)) }),
	"arrayToString":      arrayToString,

	"vectorCosineDistance":       vectors(cosine),
	"vectorInnerProductDistance": vectors(func(a, b []float64) float64 { return -dot(a, b) }),
	"vectorL1Distance":           vectors(func(a, b []float64) float64 { return norm(a, b, 1) }),
	"vectorL2Distance":           vectors(func(a, b []float64) float64 { return math.Sqrt(norm(a, b, 2)) }),
}

// ofArray makes a function of one array; anything else gives null.
func ofArray(f func([]dql.Value) dql.Value) Func {
	return one(func(v dql.Value) dql.Value {
		list, ok := v.AsArray()
		if !ok {
			return dql.Null
		}
		return f(list)
	})
}

// numbers returns the numbers of l, other elements left out.
func numbers(l []dql.Value) []float64 {
	var out []float64
	for _, v := range l {
		if f, ok := v.AsDouble(); ok {
			out = append(out, f)
		}
	}
	return out
}

func total(fs []float64) float64 {
	sum := 0.0
	for _, f := range fs {
		sum += f
	}
	return sum
}

func mean(l []dql.Value) dql.Value {
	fs := numbers(l)
	if len(fs) == 0 {
		return dql.Null
	}
	return dql.Double(total(fs) / float64(len(fs)))
}

// orZero is what arraySum and arrayAvg are without a number.
func orZero(v dql.Value) dql.Value {
	if v.IsNull() {
		return dql.Double(0)
	}
	return v
}

func sum(l []dql.Value) dql.Value {
	fs := numbers(l)
	if len(fs) == 0 {
		return dql.Null
	}
	return dql.Double(total(fs))
}

// arrayCumulativeSum is null for an array with anything but numbers and nulls;
// a null counts as zero.
func arrayCumulativeSum(l []dql.Value) dql.Value {
	out := make([]dql.Value, len(l))
	sum := dql.Long(0)
	for i, v := range l {
		if !v.IsNull() {
			if sum = Add(sum, v); !isNumber(v) || sum.IsNull() {
				return dql.Null
			}
		}
		out[i] = sum
	}
	return dql.Array(out...)
}

// arrayDiff returns each element less the one before it.
func arrayDiff(l []dql.Value) dql.Value {
	out := make([]dql.Value, len(l))
	for i := 1; i < len(l); i++ {
		out[i] = Sub(l[i], l[i-1])
	}
	return dql.Array(out...)
}

// arrayDelta returns what each element of a counter adds to the last one that
// is not null; a decrease is zero.
func arrayDelta(l []dql.Value) dql.Value {
	out := make([]dql.Value, len(l))
	last := dql.Null
	for i, v := range l {
		if v.IsNull() {
			continue
		}
		d := Sub(v, last)
		if isNumber(d) && dql.Compare(d, dql.Long(0)) < 0 {
			d = dql.Long(0)
		}
		out[i], last = d, v
	}
	return dql.Array(out...)
}

// arrayConcat leaves out what is no array; without any it is null.
func arrayConcat(_ *Env, a []dql.Value) dql.Value {
	out, found := []dql.Value{}, false
	for _, v := range a {
		list, ok := v.AsArray()
		found = found || ok
		if len(out)+len(list) > maxElements {
			return dql.Null
		}
		out = append(out, list...)
	}
	if !found {
		return dql.Null
	}
	return dql.Array(out...)
}

// maxElements bounds the arrays that functions may build.
const maxElements = 1 << 20

// arrayDistinct returns the elements in order, each once.
func arrayDistinct(l []dql.Value) dql.Value {
	out := slices.Clone(l)
	slices.SortStableFunc(out, dql.Compare)
	return dql.Array(slices.CompactFunc(out, dql.Value.Equal)...)
}

// Element is a[i], counted from the end if i is negative, or r[name] of a
// record.
func Element(a, i dql.Value) dql.Value {
	if r, ok := a.AsRecord(); ok {
		name, _ := i.AsString()
		return r.Get(name)
	}
	list, ok := a.AsArray()
	n, okN := i.AsLong()
	if n < 0 {
		n += int64(len(list))
	}
	if !ok || !okN || n < 0 || n >= int64(len(list)) {
		return dql.Null
	}
	return list[n]
}

func arrayFirst(l []dql.Value) dql.Value {
	for _, v := range l {
		if !v.IsNull() {
			return v
		}
	}
	return dql.Null
}

func arrayLast(l []dql.Value) dql.Value {
	for _, v := range slices.Backward(l) {
		if !v.IsNull() {
			return v
		}
	}
	return dql.Null
}

// flatten takes the arrays in l apart, one level.
func flatten(l, out []dql.Value) []dql.Value {
	for _, v := range l {
		if inner, ok := v.AsArray(); ok {
			out = append(out, inner...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// arrayIndexOf is -1 if the value is not there.
func arrayIndexOf(a, v dql.Value, last bool) dql.Value {
	list, ok := a.AsArray()
	if !ok {
		return dql.Null
	}
	found := -1
	for i, e := range list {
		if e.Equal(v) {
			found = i
			if !last {
				break
			}
		}
	}
	return dql.Long(int64(found))
}

// extreme returns the largest or smallest element of the kind of the first one
// that has an order.
func extreme(l []dql.Value, sign int) dql.Value {
	best := dql.Null
	for _, v := range l {
		if best.IsNull() && ordered(v, v) || ordered(v, best) && dql.Compare(v, best)*sign > 0 {
			best = v
		}
	}
	return best
}

// moving applies f to a window that ends at each element. An array with
// anything but numbers and nulls gives null.
func moving(f func([]dql.Value) dql.Value) Func {
	return two(func(a, size dql.Value) dql.Value {
		list, ok := a.AsArray()
		window, okSize := toLong(size).AsLong()
		if !ok || !okSize || !isNumber(size) || window < 1 || window > maxWindow {
			return dql.Null
		}
		out := make([]dql.Value, len(list))
		for i, v := range list {
			if !isNumber(v) && !v.IsNull() {
				return dql.Null
			}
			out[i] = f(list[max(0, i+1-int(window)) : i+1])
		}
		return dql.Array(out...)
	})
}

// maxWindow is the longest window of a moving function.
const maxWindow = 60

func arrayRemoveNulls(l []dql.Value) dql.Value {
	out := []dql.Value{}
	for _, v := range l {
		if !v.IsNull() {
			out = append(out, v)
		}
	}
	return dql.Array(out...)
}

func arrayReverse(l []dql.Value) dql.Value {
	out := slices.Clone(l)
	slices.Reverse(out)
	return dql.Array(out...)
}

func arraySlice(_ *Env, a []dql.Value) dql.Value {
	list, ok := a[0].AsArray()
	if !ok {
		return dql.Null
	}
	n := int64(len(list))
	from, to := within(longOr(a[1], 0), n), within(longOr(a[2], n), n)
	if from >= to {
		return dql.Array()
	}
	return dql.Array(list[from:to]...)
}

func arraySort(_ *Env, a []dql.Value) dql.Value {
	list, ok := a[0].AsArray()
	if !ok {
		return dql.Null
	}
	direction, _ := a[1].AsString()
	sign := 1
	if strings.HasPrefix(strings.ToLower(direction), "desc") {
		sign = -1
	}
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(x, y dql.Value) int {
		if x.IsNull() || y.IsNull() {
			return dql.Compare(x, y)
		}
		return sign * dql.Compare(x, y)
	})
	return dql.Array(out...)
}

// arrayToString leaves nulls out.
func arrayToString(_ *Env, a []dql.Value) dql.Value {
	list, ok := a[0].AsArray()
	if !ok {
		return dql.Null
	}
	delimiter, _ := a[1].AsString()
	var parts []string
	for _, v := range list {
		if s, ok := Spell(v).AsString(); ok {
			parts = append(parts, s)
		}
	}
	return dql.String(strings.Join(parts, delimiter))
}

func arrayPercentile(_ *Env, a []dql.Value) dql.Value {
	list, ok := a[0].AsArray()
	p, okP := a[1].AsDouble()
	if !ok || !okP {
		return dql.Null
	}
	return Percentile(list, p)
}

// Percentile returns the p-th percentile (0 to 100) of the numbers, durations,
// timestamps or booleans in l, interpolated between neighbours; null if there
// are none or they are of different kinds.
func Percentile(l []dql.Value, p float64) dql.Value {
	var sorted []dql.Value
	for _, v := range l {
		switch v.Kind() {
		case dql.KindLong, dql.KindDouble, dql.KindDuration, dql.KindTimestamp, dql.KindBoolean:
			sorted = append(sorted, v)
		}
	}
	if len(sorted) == 0 || p < 0 || p > 100 || math.IsNaN(p) {
		return dql.Null
	}
	slices.SortFunc(sorted, dql.Compare)
	first, last := sorted[0], sorted[len(sorted)-1]
	if first.Kind() != last.Kind() && !(isNumber(first) && isNumber(last)) {
		return dql.Null
	}
	at := p / 100 * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return exact(last)
	}
	return between(sorted[low], sorted[low+1], at-float64(low))
}

// exact makes a double of a number.
func exact(v dql.Value) dql.Value {
	if f, ok := v.AsDouble(); ok {
		return dql.Double(f)
	}
	return v
}

func between(x, y dql.Value, part float64) dql.Value {
	a, okA := x.AsDouble()
	b, okB := y.AsDouble()
	if okA && okB {
		return dql.Double(a + (b-a)*part)
	}
	if x.Kind() == dql.KindBoolean {
		if part < 0.5 {
			return x
		}
		return y
	}
	return Add(x, scaleOrNull(Sub(y, x), part))
}

func scaleOrNull(d dql.Value, part float64) dql.Value { return Mul(d, dql.Double(part)) }

func vectors(f func(a, b []float64) float64) Func {
	return two(func(x, y dql.Value) dql.Value {
		l, ok := x.AsArray()
		m, okM := y.AsArray()
		a, b := numbers(l), numbers(m)
		if !ok || !okM || len(a) != len(l) || len(b) != len(m) || len(a) != len(b) || len(a) == 0 {
			return dql.Null
		}
		return dql.Double(f(a, b))
	})
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func cosine(a, b []float64) float64 { return 1 - dot(a, b)/math.Sqrt(dot(a, a)*dot(b, b)) }

func norm(a, b []float64, power float64) float64 {
	sum := 0.0
	for i := range a {
		sum += math.Pow(math.Abs(a[i]-b[i]), power)
	}
	return sum
}
