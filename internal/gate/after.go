package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

// skew is how much earlier than the deployment a problem may have begun and
// still be new: clocks differ.
const skew = 2 * time.Minute

// apart is how far two samples must lie apart to count as two.
const apart = 30 * time.Second

// manyProblems is how many new problems a healthy deployment has at most.
const manyProblems = 2

// A Health is a row of post-deployment-health-gate: one deployed service. A
// service without problems has one too.
type Health struct {
	Service  string
	New      int
	Critical int
	High     int
	Verdict  Verdict
}

// After judges a deployment that was done at since by the problems that are
// new: those that began after it, within its window, and affect a deployed
// service or have their root in one. One that has closed again still counts.
//
// FAILED takes two samples in a row, or one at the end of the window; failed is
// when the sample before saw one first, zero if it did not. HEALTHY and DEGRADED
// are only said at the end, at until. silent says why nothing shows that the new
// version did anything; then it is not healthy either.
func After(repo *plan.Repository, services []Service, snap Snapshot, since, until, failed time.Time, silent string, now time.Time) (Decision, []Health) {
	d := Decision{Services: services}
	var health []Health
	for _, s := range services {
		h := Health{Service: s.Name}
		for _, p := range snap.Problems {
			by := s.Concerns(repo, p)
			if by == "" || p.Start.Before(since.Add(-skew)) || p.Start.After(until) {
				continue
			}
			r := rowOf(p, s.Name, by, policy.Gate{}, now)
			r.Verdict, r.Note = h.count(p), ""
			if !p.Active {
				r.Note = "closed at " + clock(p.End)
			}
			d.Rows = append(d.Rows, r)
		}
		h.judge()
		health = append(health, h)
		d.Verdict = worse(d.Verdict, h.Verdict)
	}
	sortRows(d.Rows)
	d.Why = healthLine(health, d.Rows)
	over := !now.Before(until)
	switch why := snap.Unknown(); {
	case d.Verdict == Block && !over && (failed.IsZero() || now.Sub(failed) < apart):
		d.Verdict, d.Why = Hold, "FAILED in one sample, looking again: "+d.Why
	case d.Verdict == Block:
	case why != "":
		d.Verdict, d.Why = Undecided, why
	case !over:
		d.Verdict, d.Why = Hold, fmt.Sprintf("watching until %s: %s", clock(until), d.Why)
	case silent != "":
		d.Verdict, d.Why = Undecided, silent
	}
	return d, health
}

// worse is Worst, of which the first may be the zero Verdict for none yet.
func worse(a, b Verdict) Verdict {
	if a == Undecided {
		return b
	}
	return Worst(a, b)
}

// count adds a problem to its service and returns what it alone means.
func (h *Health) count(p problem.Problem) Verdict {
	h.New++
	switch p.Severity {
	case problem.SeverityCritical:
		h.Critical++
		return Block
	case problem.SeverityHigh:
		h.High++
		return Warn
	}
	return Proceed
}

func (h *Health) judge() {
	switch {
	case h.Critical > 0:
		h.Verdict = Block
	case h.New > manyProblems || h.High > 0:
		h.Verdict = Warn
	default:
		h.Verdict = Proceed
	}
}

// healthLine sums up the rows of a deployment.
func healthLine(health []Health, rows []Row) string {
	if len(health) == 0 {
		return "deployed nothing that Salve knows of"
	}
	if len(rows) == 0 {
		return "no new problem on " + count(len(health), "service")
	}
	var ids []string
	for _, r := range rows {
		if id := string(r.Problem); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	text := fmt.Sprintf("%s %s on %s (%s)", rows[0].Severity, rows[0].Problem, rows[0].Service, rows[0].Title)
	if rows[0].Verdict == Proceed {
		text = "nothing worse than " + text
	}
	if len(ids) > 1 {
		text += " and " + strings.Join(ids[1:min(len(ids), 5)], ", ")
	}
	return text
}
