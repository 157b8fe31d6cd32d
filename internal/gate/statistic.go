package gate

import (
	"cmp"
	"math"
	"slices"
)

// upperTail returns the chance that at least k of n trials succeed where each
// does with chance p: the one-sided exact conditional test of two Poisson
// counts k and n-k whose exposures share as p to 1-p.
// Przyborowski and Wilenski, Biometrika 31 (1940).
func upperTail(k, n int, p float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n || p <= 0:
		return 0
	case p >= 1:
		return 1
	}
	sum := 0.0
	for i := n; i >= k; i-- { // the small terms first
		sum += math.Exp(logChoose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return math.Min(sum, 1)
}

func logChoose(n, k int) float64 {
	lgamma := func(x int) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
	return lgamma(n) - lgamma(k) - lgamma(n-k)
}

// holm returns the p-values adjusted for there being several of them: the
// chance that any of them is below its adjusted value by accident is at most
// that value. Holm, Scandinavian Journal of Statistics 6 (1979).
func holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	out := make([]float64, len(ps))
	last := 0.0
	for rank, i := range order {
		last = math.Max(last, math.Min(1, ps[i]*float64(len(ps)-rank)))
		out[i] = last
	}
	return out
}

// rateRatio compares two counts by their exposures. Half a problem is added to
// either side, so that a side without problems needs no special case.
func rateRatio(canary, stable int, share float64) float64 {
	return ((float64(canary) + 0.5) / share) / ((float64(stable) + 0.5) / (1 - share))
}
