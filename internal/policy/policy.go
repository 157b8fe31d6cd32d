// Package policy says what may be changed, and by how much.
//
// It has two halves. The numbers: [Next] and [NextPair] take a value as it is
// written in a file and what is known of its use, and return the next value
// together with the rule that gave it. They are pure: a number in a pull
// request can always be traced to a sentence of this package. The
// configuration: [Parse] reads .github/salve.yml strictly, and [Config] answers
// who owns an entity, which environment a file belongs to, and what limits
// hold.
//
// The steps follow what right-sizing tools that are trusted do where usage is
// unknown, and are bounded: never down, at most twice the value in one pull
// request, never above a cap.
package policy

import (
	"fmt"
	"math"
	"time"
)

// A Kind says what a value measures, and so how it is written and raised.
type Kind string

const (
	Memory       Kind = "memory"        // of a container: "512Mi", "1.5Gi", "512M", bytes
	CPU          Kind = "cpu"           // of a container: "500m", "1", "0.5"
	Count        Kind = "count"         // instances, replicas, connections: "4"
	InstanceType Kind = "instance-type" // "t3.medium", "db.r6g.large", "e2-standard-4", "Standard_D4s_v5"
	Storage      Kind = "storage"       // of a volume: "100" means GiB, or a quantity such as "10Gi"
	LambdaMemory Kind = "lambda-memory" // MB: "512"
	TaskMemory   Kind = "task-memory"   // MiB of a task on AWS Fargate: "2048"
	Samples      Kind = "samples"       // of an alert rule, out of a window: "3"
	Percent      Kind = "percent"       // "70" or "70%"
)

func (Kind) words() []string {
	return []string{string(Memory), string(CPU), string(Count), string(InstanceType), string(Storage), string(LambdaMemory), string(TaskMemory), string(Samples), string(Percent)}
}

// A Value is one value as it is written in a file, without quotes.
type Value struct {
	Kind Kind
	Text string
}

// A Cause is what went wrong with a value, as far as it decides the step.
type Cause string

const (
	Saturation Cause = "saturation" // close to the limit for a while
	OOMKill    Cause = "OOM kill"   // a container was killed for its memory
	Throttling Cause = "throttling" // CPU time was withheld
)

func (Cause) words() []string {
	return []string{string(Saturation), string(OOMKill), string(Throttling)}
}

// Evidence is what is known of the use of a value.
type Evidence struct {
	Cause Cause
	// Peak is the highest use seen: bytes for memory and storage, millicores
	// for CPU. Zero means that nobody measured.
	Peak   float64
	High   float64       // 95th percentile of the use; zero like Peak
	Window time.Duration // that Peak was taken from; 0 if not known
	// Throttled is the withheld CPU time in percent of the limit.
	Throttled float64
	// Again counts earlier raises that the problem came back after, each within
	// Within of its merge; see [Recurrences].
	Again  int
	Within time.Duration // zero means [RecurrenceWindow]
	// Saw is the value in force when the problem was seen; empty if not known.
	Saw string
}

// A Rule is what the configuration and the remedy say about a kind of change.
// The zero Rule takes the steps of this package.
type Rule struct {
	Step     float64       // factor, above 1 and at most 2; 0 takes the step of the kind
	Initial  string        // value to start from where none is written and none was measured
	Ceiling  string        // the value may not pass this; empty for none
	Cooldown time.Duration // rest after a merged change
}

// A Cap is an upper bound and where it comes from.
type Cap struct {
	Value  string // written as the value itself may be
	Source string // "LimitRange shop/limits (k8s/limits.yaml:9)"
}

// Bounds are what surrounds a value in its repository.
type Bounds struct {
	Caps []Cap
	// RequestCaps are upper bounds of the request that goes with a limit.
	RequestCaps []Cap
	// Beside is the value that decides which others go with it: the CPU of a
	// Fargate task.
	Beside Cap
	// Default is the limit that a LimitRange gives to a container that writes
	// none.
	Default Cap
	// Ratio is maxLimitRequestRatio of a LimitRange; 0 if there is none.
	Ratio float64
	// Horizontal names the autoscaler that scales on the use of this resource
	// relative to its request, which therefore must stay.
	Horizontal string
	// Vertical names the autoscaler that owns the resource.
	Vertical string
}

// An Adjustment is a value before and after, each as it is written.
type Adjustment struct {
	From, To string
	Rule     string // the sentence that gave To: "×1.25 (memory saturation, no usage data)"
}

// MaxFactor bounds what one pull request may do to a value.
const MaxFactor = 2

// leastGain is the share by which a value must rise for a pull request to be
// worth its review.
const leastGain = 0.1

// Next returns the value that should follow v. A Reason other than the zero
// one says why there is none.
func Next(v Value, e Evidence, r Rule, b Bounds) (Adjustment, Reason) {
	if v.Kind == InstanceType {
		if e.Saw != "" && e.Saw != v.Text {
			return Adjustment{}, changed(e.Saw, v.Text)
		}
		return nextSize(v.Text, r, b)
	}
	if v.Kind == TaskMemory {
		if e.Saw != "" && e.Saw != v.Text {
			return Adjustment{}, changed(e.Saw, v.Text)
		}
		return nextTask(v.Text, r, b)
	}
	m, ok := measureOf(v.Kind)
	if !ok {
		return Adjustment{}, reasonf(NotParseable, "no rule for values of kind %q", v.Kind)
	}
	from, err := m.parse(v.Text)
	if err != nil {
		return Adjustment{}, Reason{NotParseable, err.Error()}
	}
	if from == 0 {
		return Adjustment{}, reasonf(NoStart, "0 means switched off; whoever did that should undo it")
	}
	if saw, err := m.parse(e.Saw); err == nil && e.Saw != "" && saw != from {
		return Adjustment{}, changed(e.Saw, v.Text)
	}
	want, rule, reason := m.step(from, e, r)
	if !reason.None() {
		return Adjustment{}, reason
	}
	to := roundUp(want, m.grain(want, v.Text))
	if to > want {
		rule += ", rounded up to the next " + m.format(m.grain(want, v.Text), v.Text)
	}
	if to > from*MaxFactor {
		to, rule = from*MaxFactor, fmt.Sprintf("%s, at most ×%d in one pull request", rule, MaxFactor)
	}
	to, rule, reason = m.hold(v.Text, from, to, rule, r, b)
	if !reason.None() {
		return Adjustment{}, reason
	}
	return Adjustment{From: v.Text, To: m.format(to, v.Text), Rule: rule}, Reason{}
}

func changed(saw, now string) Reason {
	return reasonf(AlreadyChanged, "the problem saw %s, the file says %s: already changed", saw, now)
}

// hold keeps to under the caps of r and b, the lowest of which is named.
func (m measure) hold(text string, from, to int64, rule string, r Rule, b Bounds) (int64, string, Reason) {
	caps := b.Caps
	if r.Ceiling != "" {
		caps = append([]Cap{{r.Ceiling, "ceiling of the configuration"}}, caps...)
	}
	for _, c := range caps {
		limit, err := m.parse(c.Value)
		if err != nil {
			return 0, "", reasonf(NotParseable, "%s: %v", c.Source, err)
		}
		limit -= limit % m.unit(text)
		if limit < to && float64(limit) < float64(from)*(1+leastGain) {
			return 0, "", reasonf(AtCeiling, "%s stays: %s is %s; the rule wants %s (%s)", text, c.Source, c.Value, m.format(to, text), rule)
		}
		if to > limit {
			to, rule = limit, fmt.Sprintf("%s, held at %s by %s", rule, c.Value, c.Source)
		}
	}
	return to, rule, Reason{}
}

// roundUp returns the least multiple of grain that is not below n.
func roundUp(n, grain int64) int64 {
	if grain <= 1 {
		return n
	}
	return (n + grain - 1) / grain * grain
}

// times is n times factor, rounded up. It counts in thousandths, since 1.1 has
// no exact float.
func times(n int64, factor float64) int64 {
	return (n*int64(math.Round(factor*1000)) + 999) / 1000
}
