package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Pair is what a container requests of one resource and what it may use at
// most, as written; empty where nothing is written.
type Pair struct{ Request, Limit string }

// A Resize says what to write for a [Pair]. An adjustment with an empty To
// stays as it is; one with an empty From is written anew.
type Resize struct{ Request, Limit Adjustment }

// NextPair returns the next limit of a container, and the request where it has
// to follow. The class of service stays: where request and limit were equal
// they stay equal. Otherwise the request moves only as far as a LimitRange's
// ratio forces it to.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
func NextPair(k Kind, p Pair, e Evidence, r Rule, b Bounds) (Resize, Reason) {
	m, ok := measureOf(k)
	if !ok || k != Memory && k != CPU {
		return Resize{}, reasonf(NotParseable, "containers have no requests of kind %q", k)
	}
	if b.Vertical != "" {
		return Resize{}, reasonf(Autoscaled, "%s sets %s itself; change its bounds instead", b.Vertical, k)
	}
	if p.Limit == "" {
		return start(m, k, p, e, r, b)
	}
	limit, why := Next(Value{k, p.Limit}, e, r, b)
	if !why.None() {
		return Resize{}, why
	}
	return follow(m, p, limit, b)
}

// follow settles the request that goes with a new limit.
func follow(m measure, p Pair, limit Adjustment, b Bounds) (Resize, Reason) {
	out := Resize{Limit: limit}
	if p.Request == "" {
		return out, Reason{}
	}
	request, err := m.parse(p.Request)
	if err != nil {
		return Resize{}, Reason{NotParseable, err.Error()}
	}
	from, errFrom := m.parse(limit.From)
	most, err := m.parse(limit.To)
	if err != nil {
		return Resize{}, Reason{NotParseable, err.Error()}
	}
	var rule string
	want := request
	switch {
	case request > most:
		return Resize{}, reasonf(RequestAboveLimit, "the request of %s is above the limit of %s, which Kubernetes refuses: settle that first", p.Request, limit.To)
	case errFrom == nil && from == request:
		want, rule = most, "equal to the limit, as before, so that the pod stays Guaranteed"
	case b.Ratio > 0 && float64(most) > float64(request)*b.Ratio:
		want = int64(math.Ceil(float64(most) / b.Ratio))
		want = min(roundUp(want, m.grain(want, p.Request)), most)
		rule = fmt.Sprintf("limit / %g, the maxLimitRequestRatio of the LimitRange", b.Ratio)
	}
	switch {
	case want <= request:
		return out, Reason{}
	case want > request*MaxFactor:
		return Resize{}, reasonf(StepTooLarge, "the request of %s would become %s (%s), more than ×%d in one step: a person should decide",
			p.Request, m.format(want, p.Request), rule, MaxFactor)
	}
	to, _, why := m.hold(p.Request, request, want, rule, Rule{}, Bounds{Caps: b.RequestCaps})
	switch {
	case !why.None():
		return Resize{}, why
	case to < want:
		return Resize{}, reasonf(AtCeiling, "the request of %s would have to become %s (%s), more than %s leaves", p.Request, m.format(want, p.Request), rule, lowest(m, b.RequestCaps).Source)
	case b.Horizontal != "":
		return Resize{}, reasonf(Autoscaled, "the request would have to follow the limit, and %s scales by it", b.Horizontal)
	}
	out.Request = Adjustment{p.Request, m.format(want, p.Request), rule}
	return out, Reason{}
}

// lowest is the cap that bounds most.
func lowest(m measure, caps []Cap) Cap {
	return slices.MinFunc(caps, func(a, b Cap) int {
		x, _ := m.parse(a.Value)
		y, _ := m.parse(b.Value)
		return cmp.Compare(x, y)
	})
}

// start finds a limit for a container that writes none: from the limit that it
// gets from elsewhere, from the highest use, or from the configured initial
// value. Out-of-memory kills without any limit come from the node, so then the
// request is raised instead.
func start(m measure, k Kind, p Pair, e Evidence, r Rule, b Bounds) (Resize, Reason) {
	if b.Default.Value != "" {
		limit, why := Next(Value{k, b.Default.Value}, e, r, b)
		if !why.None() {
			return Resize{}, why
		}
		limit.From, limit.Rule = "", fmt.Sprintf("%s of %s by %s", limit.Rule, b.Default.Value, b.Default.Source)
		return follow(m, p, limit, b)
	}
	if e.Cause == OOMKill && r.Initial == "" && b.Horizontal == "" && (p.Request != "" || e.Peak > 0) {
		return reserve(m, k, p, e, r, b)
	}
	limit, why := initial(m, k, p, e, r, b)
	if !why.None() {
		return Resize{}, why
	}
	return follow(m, p, limit, b)
}

// reserve raises the request of a container without a limit, or gives it one:
// its node ran out of memory, and the request is what the scheduler sets aside.
func reserve(m measure, k Kind, p Pair, e Evidence, r Rule, b Bounds) (Resize, Reason) {
	const why = "; without a limit the node ran out of memory, so the request is raised"
	b.Caps = append(slices.Clone(b.Caps), b.RequestCaps...)
	if p.Request != "" {
		request, reason := Next(Value{k, p.Request}, e, r, b)
		request.Rule += why
		return Resize{Request: request}, reason
	}
	request, reason := initial(m, k, p, e, r, b)
	request.Rule += why
	return Resize{Request: request}, reason
}

// initial is the first limit of a container.
func initial(m measure, k Kind, p Pair, e Evidence, r Rule, b Bounds) (Adjustment, Reason) {
	like := "1Mi"
	if k == CPU {
		like = "1m"
	}
	want, rule := used(k, e)
	switch {
	case want > 0:
		want = roundUp(want, m.grain(want, like))
	case r.Initial != "":
		n, err := m.parse(r.Initial)
		if err != nil {
			return Adjustment{}, Reason{NotParseable, err.Error()}
		}
		like, want, rule = r.Initial, n, "the configured initial value, since no limit was written"
	default:
		return Adjustment{}, reasonf(NoStart,
			"no %s limit is written, no use was measured and no initial value is configured: set one with initial: under remedies", k)
	}
	if request, err := m.parse(p.Request); err == nil && request > want {
		want, rule = request, rule+", not below the request"
	}
	to, rule, why := m.hold(m.format(want, like), 0, want, rule, r, b)
	if why.None() {
		if request, err := m.parse(p.Request); err == nil && request > to {
			return Adjustment{}, reasonf(AtCeiling, "the request of %s is above what may be written as a limit (%s)", p.Request, rule)
		}
	}
	return Adjustment{To: m.format(to, like), Rule: rule}, why
}

// used is the limit that measured use asks for, 0 if none was measured. Memory
// that is missing kills, so the peak decides. CPU that is missing slows down, so
// what is used nearly always does, as long as that leaves room for the peak.
func used(k Kind, e Evidence) (want int64, rule string) {
	const why = "no limit was written"
	switch {
	case e.Peak <= 0:
		return 0, ""
	case k == Memory:
		return filledBy(e.Peak), peakRule(e, why, mebibytes)
	case e.High > 0 && filledBy(e.High) >= int64(math.Ceil(e.Peak)):
		return filledBy(e.High), highRule(e, why)
	case e.High > 0:
		return int64(math.Ceil(e.Peak)), fmt.Sprintf("peak of %s%s (%s)", millicores(e.Peak), e.over(), why)
	}
	return filledBy(e.Peak), peakRule(e, why, millicores)
}

// QuotaCap is the most that a value may become before a ResourceQuota is full:
// hard less what all pods of the namespace ask for together, shared among the
// replicas that the value is for.
func QuotaCap(v Value, hard, sum string, replicas int, source string) (Cap, error) {
	m, ok := measureOf(v.Kind)
	if !ok || replicas < 1 {
		return Cap{}, fmt.Errorf("%s: want an amount and at least one replica", source)
	}
	var n [3]int64
	for i, text := range []string{v.Text, hard, sum} {
		var err error
		if n[i], err = m.parse(text); err != nil {
			return Cap{}, fmt.Errorf("%s: %w", source, err)
		}
	}
	room := max(n[1]-n[2], 0) / int64(replicas)
	return Cap{m.format(n[0]+room-room%m.unit(v.Text), v.Text), source}, nil
}
