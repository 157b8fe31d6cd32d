package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Usage is what one container used of one resource, as measured: bytes of
// memory, millicores of CPU. What was not measured is zero.
type Usage struct {
	Container string
	Peak      float64 // highest; of CPU, of ten minutes
	High      float64 // 95th percentile
	Limit     float64 // in force last; 0 if there is none
	Throttled float64 // CPU time withheld, at its highest, in percent of the limit
	Kills     int64   // for memory
	Points    int64   // measured; of several pods together
	Enough    bool    // to size by
	Window    time.Duration
}

// Share is the peak in percent of the limit; 0 without a limit.
func (u Usage) Share() float64 {
	if u.Limit <= 0 {
		return 0
	}
	return 100 * u.Peak / u.Limit
}

// throttled is the share of withheld CPU time, in percent of the limit, above
// which Dynatrace speaks of high CPU throttling.
// https://docs.dynatrace.com/docs/observe/infrastructure-observability/kubernetes-app/use-cases/alerting-monitor-kubernetes
const throttled = 50

// explains reports whether the use of a container alone would give a problem
// of a cause, which Dynatrace raises for the containers of a workload together.
func (u Usage) explains(c Cause) bool {
	switch c {
	case OOMKill:
		return u.Kills > 0
	case Throttling:
		return u.Throttled >= throttled
	}
	return u.Enough && u.Share() >= 100*target
}

// Culprit returns the one container whose use explains a problem of a cause.
// Without kills that were counted, use near the limit explains an out-of-memory
// kill. ok is false if none does, or several do.
func Culprit(c Cause, all []Usage) (u Usage, ok bool) {
	fit := slices.DeleteFunc(slices.Clone(all), func(u Usage) bool { return !u.explains(c) })
	if len(fit) == 0 && c == OOMKill {
		return Culprit(Saturation, all)
	}
	if len(fit) != 1 {
		return Usage{}, false
	}
	return fit[0], true
}

// Blames returns the container that explains a problem of a cause where the one
// that is named does not: to raise the limit of that one would not help.
func Blames(c Cause, all []Usage, container string) (u Usage, ok bool) {
	u, ok = Culprit(c, all)
	named := slices.ContainsFunc(all, func(u Usage) bool { return u.Container == container })
	return u, ok && named && u.Container != container
}

// Shares says in one line how near to its limit each container came.
func Shares(k Kind, all []Usage) string {
	var parts []string
	for _, u := range all {
		part := fmt.Sprintf("%s at %.0f %% of its limit", u.Container, u.Share())
		if u.Limit <= 0 {
			part = u.Container + " without a limit"
		}
		switch {
		case k == Memory && u.Kills > 0:
			part += fmt.Sprintf(", killed %d times", u.Kills)
		case k == CPU && u.Throttled > 0:
			part += fmt.Sprintf(", throttled %.0f %%", u.Throttled)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// Evidence adds what was measured to e. Too little is left out, but for the
// limit in force and kills, of which one is enough.
func (u Usage) Evidence(e Evidence) Evidence {
	e.Throttled, e.Window = u.Throttled, u.Window
	if u.Enough {
		e.Peak, e.High = u.Peak, u.High
	}
	return e
}

// Show writes a measured amount of a kind for people: "480Mi", "250m".
func Show(k Kind, n float64) string {
	if k == CPU {
		return millicores(n)
	}
	return mebibytes(n)
}

// InForce reports whether a value as written is the limit that was measured,
// or nothing stands against it. They differ where a change is not rolled out
// yet, and where something other than the file decides.
func (u Usage) InForce(k Kind, written string) bool {
	m, ok := measureOf(k)
	if !ok || u.Limit <= 0 {
		return true
	}
	n, err := m.parse(written)
	return err != nil || u.Limit > 0.99*float64(n) && u.Limit < 1.01*float64(n)
}
