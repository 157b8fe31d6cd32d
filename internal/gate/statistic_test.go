package gate

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/policy"
)

// Figures of exact rational arithmetic, in Python 3:
//
//	from fractions import Fraction as F; from math import comb
//	float(sum(comb(n,i) * F(p)**i * (1-F(p))**(n-i) for i in range(c, n+1)))
func TestUpperTail(t *testing.T) {
	for _, tt := range []struct {
		canary, stable int
		share, want    float64
	}{
		{3, 0, 0.5, 0.125}, {4, 0, 0.5, 0.0625}, {5, 0, 0.5, 0.03125}, {5, 1, 0.5, 0.109375}, {7, 1, 0.5, 0.03515625},
		{1, 0, 0.1, 0.1}, {2, 0, 0.1, 0.01}, {2, 1, 0.1, 0.028},
		{0, 5, 0.5, 1}, {0, 0, 0.5, 1}, {1, 0, 1, 1}, {1, 0, 0, 0},
		{60, 40, 0.5, 0.028443966820490395}, {8, 2, 0.5, 0.0546875}, {300, 700, 0.27, 0.01859073430203265},
	} {
		if got := upperTail(tt.canary, tt.canary+tt.stable, tt.share); math.Abs(got-tt.want) > 1e-10*(1+tt.want) {
			t.Errorf("%d to %d at %v: p = %.10g, want %.10g", tt.canary, tt.stable, tt.share, got, tt.want)
		}
	}
}

// Figures of another implementation, R 4.2.2, whose poisson.test of two counts
// is this very test, and binom.test what it comes down to:
//
//	options(digits=12)
//	binom.test(c, c+s, p, alternative="greater")$p.value
//	poisson.test(c(c, s), c(p, 1-p), alternative="greater")$p.value
func TestUpperTailAgainstR(t *testing.T) {
	for _, tt := range []struct {
		canary, stable int
		share, want    float64
	}{
		{3, 0, 0.5, 0.125}, {5, 0, 0.5, 0.03125}, {5, 1, 0.5, 0.109375}, {7, 1, 0.5, 0.03515625}, {2, 1, 0.1, 0.028},
		{60, 40, 0.5, 0.0284439668205}, {300, 700, 0.27, 0.018590734302}, {1000, 1000, 0.48, 0.0385779943662},
		{12, 3, 0.05, 9.64061279297e-14}, {1, 99, 0.01, 0.633967658727},
	} {
		if got := upperTail(tt.canary, tt.canary+tt.stable, tt.share); math.Abs(got-tt.want) > 1e-10*tt.want {
			t.Errorf("%d to %d at %v: p = %.12g, R has %.12g", tt.canary, tt.stable, tt.share, got, tt.want)
		}
	}
}

// The 25 p-values of García-Arenzana et al. (2014) as McDonald's Handbook of
// Biological Statistics lists them, and more, adjusted by R 4.2.2:
//
//	p.adjust(c(…), "holm")
func TestHolmAgainstR(t *testing.T) {
	diet := []float64{0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34, 0.341, 0.384, 0.569, 0.594, 0.696, 0.762, 0.94, 0.942, 0.975, 0.986}
	adjusted := slices.Repeat([]float64{1}, len(diet))
	copy(adjusted, []float64{0.025, 0.192, 0.897, 0.902, 0.902})
	for _, tt := range []struct{ in, want []float64 }{
		{diet, adjusted}, {[]float64{0.02, 0.02, 0.02}, []float64{0.06, 0.06, 0.06}}, {[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
	} {
		for i, got := range holm(tt.in) {
			if math.Abs(got-tt.want[i]) > 1e-9 {
				t.Errorf("holm(%v)[%d] = %v, R has %v", tt.in, i, got, tt.want[i])
			}
		}
	}
}

// By the definition: 4·0.005, 3·0.01, then the larger of 2·0.03 and 1·0.04.
func TestHolm(t *testing.T) {
	for _, tt := range []struct{ in, want []float64 }{
		{nil, nil}, {[]float64{0.04}, []float64{0.04}},
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{[]float64{0.5, 0.6}, []float64{1, 1}},
	} {
		for i, got := range holm(tt.in) {
			if math.Abs(got-tt.want[i]) > 1e-12 {
				t.Errorf("holm(%v)[%d] = %v, want %v", tt.in, i, got, tt.want[i])
			}
		}
	}
}

func TestRateRatio(t *testing.T) {
	for _, tt := range []struct {
		canary, stable int
		share, want    float64
	}{{3, 3, 0.5, 1}, {1, 0, 0.5, 3}, {0, 0, 0.1, 9}, {2, 1, 0.25, 5}} {
		if got := rateRatio(tt.canary, tt.stable, tt.share); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%d to %d at %v: %v, want %v", tt.canary, tt.stable, tt.share, got, tt.want)
		}
	}
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + string(rune('a'+i))
	}
	return out
}

func TestCompare(t *testing.T) {
	rule := policy.Gate{Clean: policy.Duration(30 * time.Minute)}
	kind := func(c, s, critical int, share float64) Kind {
		return Kind{Name: "x", Service: "checkout", Canary: names("c", c), Stable: names("s", s), Critical: critical, Share: share}
	}
	for _, tt := range []struct {
		name    string
		kinds   []Kind
		watched time.Duration
		over    bool
		want    Verdict
	}{
		{"nothing, early", nil, time.Minute, false, Hold},
		{"nothing, watched", nil, 30 * time.Minute, false, Proceed},
		{"veto needs two samples", []Kind{kind(1, 0, 1, 0.5)}, time.Minute, false, Hold},
		{"veto", []Kind{kind(1, 0, 2, 0.5)}, time.Minute, false, Block},
		{"one problem holds", []Kind{kind(1, 0, 0, 0.5)}, time.Hour, false, Hold},
		{"one problem at the deadline", []Kind{kind(1, 0, 0, 0.5)}, 2 * time.Hour, true, Proceed},
		{"zero baseline is no special case", []Kind{kind(4, 0, 0, 0.5)}, time.Hour, false, Proceed},
		{"five to none", []Kind{kind(5, 0, 0, 0.5)}, time.Hour, false, Block},
		{"two to none of a tenth", []Kind{kind(2, 0, 0, 0.1)}, time.Hour, false, Block},
		{"several rows are corrected for", []Kind{kind(5, 0, 0, 0.5), {Name: "y", Canary: names("c", 1), Stable: names("s", 4), Share: 0.5}}, 2 * time.Hour, true, Proceed},
		{"stable is worse", []Kind{kind(2, 9, 0, 0.5)}, time.Hour, false, Proceed},
		{"stable only", []Kind{kind(0, 9, 0, 0.5)}, time.Hour, false, Proceed},
	} {
		if got := Compare(tt.kinds, rule, tt.watched, tt.over); got.Verdict != tt.want {
			t.Errorf("%s: %v (%s), want %v", tt.name, got.Verdict, got.Why, tt.want)
		}
	}
}

// The worked examples of the formula.
func TestRisk(t *testing.T) {
	day := math.Pow(0.5, 24.0/48)
	for _, tt := range []struct {
		name  string
		in    Risk
		score float64
		want  Verdict
	}{
		{"no problem", Risk{Known: true}, 0, Proceed},
		{"not known", Risk{}, 6, Hold},
		{"one critical, closed yesterday", Risk{Known: true, Recent: day, Worst: 4}, 4.56, Proceed},
		{"one critical, open", Risk{Known: true, Recent: 1, Worst: 4, OpenCritical: 1}, 9, Block},
		{"one high, open", Risk{Known: true, Recent: 1, Worst: 3, OpenHigh: 1}, 6, Hold},
		{"thirteen low", Risk{Known: true, Recent: 13, Worst: 1}, 6.01, Hold},
		{"eleven critical", Risk{Known: true, Recent: 11, Worst: 4}, 8.69, Block},
		{"exhausted budget", Risk{Known: true, Floors: []Floor{{FloorBudget, "budget"}}}, 6, Hold},
		{"exploitable vulnerability", Risk{Known: true, Floors: []Floor{{FloorVulnerability, "CVE"}}}, 8.5, Block},
		{"a floor below the terms", Risk{Known: true, Recent: 100, Worst: 4, Floors: []Floor{{FloorCompliance, "rule"}}}, 10, Block},
	} {
		tt.in.Weigh()
		if math.Abs(tt.in.Score-tt.score) > 0.005 || tt.in.Verdict != tt.want {
			t.Errorf("%s: %.3f %v, want %.3f %v", tt.name, tt.in.Score, tt.in.Verdict, tt.score, tt.want)
		}
	}
}
