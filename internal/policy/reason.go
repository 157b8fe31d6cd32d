package policy

import "fmt"

// A Reason says why a value stays as it is. The zero Reason means that nothing
// stands against a change.
type Reason struct {
	Code Code
	Text string // a sentence for people that names the rule and the numbers
}

// None reports whether r is no reason at all.
func (r Reason) None() bool { return r.Code == "" }

func (r Reason) String() string { return r.Text }

// A Code names a kind of Reason.
type Code string

const (
	AtCeiling         Code = "at-ceiling"
	RequestAboveLimit Code = "request-above-limit"
	CoolingDown       Code = "cooling-down"
	NotParseable      Code = "not-parseable"
	AlreadyChanged    Code = "already-changed"
	ProbableLeak      Code = "probable-leak"
	UsageIsLow        Code = "usage-is-low"
	NoStart           Code = "nothing-to-start-from"
	Autoscaled        Code = "autoscaled"
	LargestSize       Code = "largest-size"
	UnknownFamily     Code = "unknown-family"
	StepTooLarge      Code = "step-too-large"
	Disabled          Code = "disabled"
	NotConfigured     Code = "not-configured"
	DryRun            Code = "dry-run"
	TooManyOpen       Code = "too-many-open"
	TooManyOfService  Code = "too-many-of-service"
	TooManyThisHour   Code = "too-many-this-hour"
	QuietHours        Code = "quiet-hours"
	Declined          Code = "declined"
)

func reasonf(c Code, format string, args ...any) Reason {
	return Reason{c, fmt.Sprintf(format, args...)}
}
