package policy

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"
)

// target is the share of a limit that the highest use should take.
const target = 0.85

// A measure is how values of one kind are read, raised and written.
// Amounts are whole numbers in the smallest unit of the kind.
type measure struct {
	parse  func(text string) (int64, error)
	format func(n int64, like string) string
	grain  func(n int64, like string) int64 // to round up to
	unit   func(like string) int64          // to cut a cap down to
	step   func(n int64, e Evidence, r Rule) (want int64, rule string, why Reason)
}

func one(string) int64           { return 1 }
func single(int64, string) int64 { return 1 }

// measureOf returns the measure of a kind; instance types have none.
func measureOf(k Kind) (measure, bool) {
	switch k {
	case Memory:
		return measure{parseMemory, formatMemory, memoryGrain, memoryUnit, stepMemory}, true
	case CPU:
		return measure{parseCPU, formatCPU, cpuGrain, one, stepCPU}, true
	case Count:
		return measure{parseCount, formatCount, single, one, stepCount}, true
	case Storage:
		grain := func(_ int64, like string) int64 { return storageUnit(like) }
		return measure{parseStorage, formatStorage, grain, storageUnit, stepStorage}, true
	case LambdaMemory:
		grain := func(int64, string) int64 { return 64 }
		return measure{parseCount, formatCount, grain, one, stepLambda}, true
	case Samples:
		return measure{parseCount, formatCount, single, one, stepSamples}, true
	case Percent:
		return measure{parsePercent, formatPercent, single, one, stepPercent}, true
	}
	return measure{}, false
}

// stepMemory: after an OOM kill the larger of ×1.25 and +100Mi, ×1.5 when the
// kill came back after a raise, and no third raise; near the limit ×1.25. Where
// use was measured, the peak is to fill 85 % of the new limit.
func stepMemory(n int64, e Evidence, r Rule) (int64, string, Reason) {
	if e.Cause != OOMKill {
		return sized(n, e, orStep(r, 1.25), "memory saturation", mebibytes)
	}
	if e.Again >= 2 {
		return 0, "", reasonf(ProbableLeak,
			"killed for its memory again after %d raises, each within %s: probably a leak, which more memory does not mend", e.Again, days(e.within()))
	}
	factor, why := orStep(r, 1.25), "OOM kill"
	if e.Again == 1 {
		factor, why = max(factor, 1.5), fmt.Sprintf("second OOM kill within %s of a raise", days(e.within()))
	}
	want := times(n, factor)
	rule := fmt.Sprintf("%s (%s, %s)", factorText(factor), why, measured(e))
	if least := n + 100*mebi; want < least {
		want, rule = least, fmt.Sprintf("+100Mi (%s, more than %s; %s)", why, factorText(factor), measured(e))
	}
	if peak := filledBy(e.Peak); peak > want {
		want, rule = peak, peakRule(e, why, mebibytes)
	}
	return want, rule, Reason{}
}

// within is how long after a raise its problem counts as come back.
func (e Evidence) within() time.Duration { return cmp.Or(e.Within, RecurrenceWindow) }

// stepCPU: ×1.5, or ×2 where more CPU time was withheld than the limit gives.
// Where use was measured, its 95th percentile is to fill 85 % of the limit, or
// the peak if that percentile leaves the limit as it is.
func stepCPU(n int64, e Evidence, r Rule) (int64, string, Reason) {
	if e.Cause == Throttling && e.Throttled > 100 {
		return 2 * n, fmt.Sprintf("×2 (CPU throttling at %.0f %% of the limit)", e.Throttled), Reason{}
	}
	if e.Cause == Throttling {
		// Use cannot rise above the limit that throttles it, so the peak says
		// nothing about the need.
		f := orStep(r, 1.5)
		return times(n, f), fmt.Sprintf("%s (CPU throttling)", factorText(f)), Reason{}
	}
	const why = "CPU close to its limit"
	if want := filledBy(e.High); want > n {
		return want, highRule(e, why), Reason{}
	}
	return sized(n, e, orStep(r, 1.5), why, millicores)
}

// sized raises n by a factor or, where use was measured, so far that the peak
// fills 85 % of it.
func sized(n int64, e Evidence, factor float64, why string, show func(float64) string) (int64, string, Reason) {
	if e.Peak <= 0 {
		return times(n, factor), fmt.Sprintf("%s (%s, %s)", factorText(factor), why, measured(e)), Reason{}
	}
	want := filledBy(e.Peak)
	if want <= n {
		return 0, "", reasonf(UsageIsLow, "the highest use, %s, is %.0f %% of %s; a change is due above %.0f %%",
			show(e.Peak), 100*e.Peak/float64(n), show(float64(n)), 100*target)
	}
	return want, peakRule(e, why, show), Reason{}
}

// filledBy is the limit of which peak is 85 %.
func filledBy(peak float64) int64 { return int64(math.Ceil(min(peak, maxBytes) / target)) }

// stepCount: one more or a quarter more, whichever is larger.
func stepCount(n int64, _ Evidence, r Rule) (int64, string, Reason) {
	factor := orStep(r, 1.25)
	if want := times(n, factor); want > n+1 {
		return want, fmt.Sprintf("%s, rounded up (the larger of that and +1)", factorText(factor)), Reason{}
	}
	return n + 1, fmt.Sprintf("+1 (the larger of that and %s)", factorText(factor)), Reason{}
}

// stepStorage: a fifth more. Amazon RDS asks for at least a tenth.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.ModifyingExisting.html
func stepStorage(n int64, e Evidence, r Rule) (int64, string, Reason) {
	factor := max(orStep(r, 1.2), 1.1)
	return times(n, factor), fmt.Sprintf("%s (storage)", factorText(factor)), Reason{}
}

// maxLambda is the most memory that AWS Lambda gives a function, in MB.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxLambda = 10240

// stepLambda: half as much again. CPU grows with the memory.
func stepLambda(n int64, _ Evidence, r Rule) (int64, string, Reason) {
	if n >= maxLambda {
		return 0, "", reasonf(AtCeiling, "%d MB is the most that AWS Lambda gives", n)
	}
	factor := orStep(r, 1.5)
	return min(times(n, factor), maxLambda), fmt.Sprintf("%s (Lambda memory, at most %d MB)", factorText(factor), maxLambda), Reason{}
}

// stepSamples: one more sample must violate. The window is a [Cap].
func stepSamples(n int64, _ Evidence, _ Rule) (int64, string, Reason) {
	return n + 1, "+1 sample", Reason{}
}

// stepPercent: ten points more.
func stepPercent(n int64, _ Evidence, _ Rule) (int64, string, Reason) {
	if n >= 100 {
		return 0, "", reasonf(AtCeiling, "%d %% is all there is", n)
	}
	return min(n+10, 100), "+10 points", Reason{}
}

// orStep is the factor that r asks for, or the usual one.
func orStep(r Rule, usual float64) float64 {
	if r.Step <= 1 {
		return usual
	}
	return min(r.Step, MaxFactor)
}

func factorText(f float64) string { return "×" + strconv.FormatFloat(f, 'f', -1, 64) }

func mebibytes(n float64) string  { return fmt.Sprintf("%.0fMi", n/mebi) }
func millicores(n float64) string { return fmt.Sprintf("%.0fm", n) }

// measured says what the step knows of the use.
func measured(e Evidence) string {
	if e.Peak > 0 {
		return "usage below the step"
	}
	return "no usage data"
}

func peakRule(e Evidence, why string, show func(float64) string) string {
	return fmt.Sprintf("peak of %s%s / %.2f (%s)", show(e.Peak), e.over(), target, why)
}

func highRule(e Evidence, why string) string {
	return fmt.Sprintf("95th percentile of %s%s / %.2f (%s)", millicores(e.High), e.over(), target, why)
}

// over names the window of the measurement.
func (e Evidence) over() string {
	if e.Window <= 0 {
		return ""
	}
	return " over " + days(e.Window)
}

// days writes a duration as people do: "7d", "36h", "90m".
func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
