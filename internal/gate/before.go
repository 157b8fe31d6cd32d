package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

// A Row is one problem that concerns a change, and what it means for it.
type Row struct {
	Problem  problem.ID
	Event    problem.EventID
	Title    string
	Severity string
	Start    time.Time
	End      time.Time // zero while it is open
	Entity   string    // names of what is affected
	Root     string    // name of the root cause
	Service  string
	By       string // how the problem is tied to the service
	Verdict  Verdict
	Note     string // why the verdict is not that of an open problem of its severity
	Remedied bool   // the change answers it, so it does not hold the change back
}

// A Decision is a verdict and what led to it.
type Decision struct {
	Verdict  Verdict
	Why      string // one line
	Services []Service
	Rows     []Row // the one that weighs most first
}

// Before judges a change that touches services, by the problems of a snapshot:
// the columns and words of pre-deployment-problem-check.
//
// A critical problem blocks, by a single snapshot, once its analysis is done or
// rule.Deadline has passed. It lets pass when it has been over for rule.Clean:
// the snapshot holds closed problems with their ends, so one complete answer
// shows the whole stretch, and nobody has to wait for samples of it. A problem
// that the change answers warns.
func Before(repo *plan.Repository, services []Service, snap Snapshot, fixes []string, rule policy.Gate, now time.Time) Decision {
	d := Decision{Services: services}
	if len(services) == 0 {
		d.Verdict, d.Why = Proceed, "touches no service that Salve knows of"
		return d
	}
	for _, s := range services {
		for _, p := range snap.Problems {
			by := s.Concerns(repo, p)
			if by == "" {
				continue
			}
			if r := rowOf(p, s.Name, by, rule, now); r.Verdict != Undecided {
				r.remedy(fixes)
				d.Rows = append(d.Rows, r)
			}
		}
	}
	sortRows(d.Rows)
	all := make([]Verdict, len(d.Rows))
	for i, r := range d.Rows {
		all[i] = r.Verdict
	}
	d.Verdict = Worst(all...)
	if why := snap.Unknown(); why != "" && d.Verdict != Block {
		d.Verdict, d.Why = Undecided, why
		return d
	}
	d.Why = d.explain()
	return d
}

// rowOf weighs one problem. Undecided means that it does not count: it is over
// long enough.
func rowOf(p problem.Problem, service, by string, rule policy.Gate, now time.Time) Row {
	r := Row{
		Problem: p.ID, Event: p.Event, Title: p.Title, Severity: p.Severity.String(), Start: p.Start, End: p.End,
		Root: p.RootCause.Name, Service: service, By: by,
	}
	var names []string
	for _, e := range p.Affected {
		names = append(names, cmp.Or(e.Name, string(e.ID)))
	}
	r.Entity = strings.Join(names[:min(len(names), 5)], ", ")
	deadline, clean := time.Duration(rule.Deadline), time.Duration(rule.Clean)
	switch {
	case !p.Active && p.Severity == problem.SeverityCritical && now.Sub(p.End) < clean:
		r.Verdict, r.Note = Hold, fmt.Sprintf("closed at %s, must stay so until %s", clock(p.End), clock(p.End.Add(clean)))
	case !p.Active:
	case p.Severity == problem.SeverityCritical && !p.Ready && now.Sub(p.Start) < deadline:
		r.Verdict, r.Note = Hold, "Dynatrace is still analysing it"
	case p.Severity == problem.SeverityCritical:
		r.Verdict = Block
	case p.Severity == problem.SeverityHigh:
		r.Verdict = Warn
	default:
		r.Verdict = Proceed
	}
	return r
}

// clock writes a time of day for people.
func clock(t time.Time) string { return t.UTC().Format("15:04:05 MST") }

// remedy lowers r if the change answers its problem, which fixes names by
// event.id or display_id.
func (r *Row) remedy(fixes []string) {
	if slices.Contains(fixes, string(r.Event)) || slices.Contains(fixes, string(r.Problem)) {
		r.Remedied = true
		if r.Verdict == Block || r.Verdict == Hold {
			r.Verdict, r.Note = Warn, "this change remedies it"
		}
	}
}

// severities orders rows of one verdict.
var severities = map[string]int{"CRITICAL": 4, "HIGH": 3, "MEDIUM": 2, "LOW": 1}

func sortRows(rows []Row) {
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Verdict, a.Verdict), cmp.Compare(severities[b.Severity], severities[a.Severity]), a.Start.Compare(b.Start), cmp.Compare(a.Event, b.Event))
	})
}

// explain says in one line what the verdict rests on.
func (d *Decision) explain() string {
	if len(d.Rows) == 0 {
		names := make([]string, len(d.Services))
		for i, s := range d.Services {
			names[i] = s.Name
		}
		return "no open problem on " + strings.Join(names, ", ")
	}
	r := d.Rows[0]
	var b strings.Builder
	switch {
	case r.Remedied:
		b.WriteString("this change remedies ")
	case r.Verdict == Proceed:
		b.WriteString("nothing worse than ")
	}
	fmt.Fprintf(&b, "%s %s on %s (%s)", r.Severity, r.Problem, r.Service, r.Title)
	if r.Note != "" && !r.Remedied {
		b.WriteString(": " + r.Note)
	}
	if n := len(d.Rows) - 1; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	return b.String()
}

// settle turns the decision about a case into its state and its line, by the
// policy of the environments that it is for. It also keeps the deadline: the
// time to say "unknown" begins anew whenever something was known.
func (k *Case) settle(cfg *policy.Config, d Decision, now time.Time) string {
	rule := cfg.Gate(k.Gate)
	switch {
	case k.Environment != "": // a deployment has one deadline
	case d.Verdict != Undecided:
		k.Deadline = time.Time{}
	case k.Deadline.IsZero():
		k.Deadline = now.Add(time.Duration(rule.Deadline))
	}
	word := d.Verdict.Word(k.Gate)
	line := word + ": " + d.Why
	k.State = d.Verdict.State()
	switch {
	case k.Mode == policy.Shadow:
		k.State, line = forge.Success, "shadow: "+line
	case d.Verdict == Undecided && now.Before(k.Deadline):
		line = fmt.Sprintf("%s (decides by %s)", line, clock(k.Deadline))
	case d.Verdict == Undecided:
		k.State, line = unknown(cfg, k.Gate, d.Services, k.Environment, d.Why)
	}
	return line
}

// unknown is what holds once the deadline is over: the strictest of what the
// environments say that the case is for, of all where that is not known.
func unknown(cfg *policy.Config, gate policy.GateName, services []Service, environment, why string) (forge.State, string) {
	var names []string
	switch {
	case environment != "":
		names = []string{environment}
	case len(services) > 0:
		for _, s := range services {
			names = append(names, s.Environment)
		}
	default:
		names = slices.Collect(maps.Keys(cfg.Environments))
		for _, s := range cfg.Services {
			names = append(names, s.Environment)
		}
	}
	rank := []policy.OnUnknown{policy.Proceed, policy.Warn, policy.Block}
	act := policy.Block
	for i, name := range names {
		if on := cfg.OnUnknownIn(gate, name); i == 0 || slices.Index(rank, on) > slices.Index(rank, act) {
			act = on
		}
	}
	switch act {
	case policy.Block:
		return forge.Error, "could not find out: " + why
	case policy.Warn:
		return forge.Success, "WARN: unknown: " + why
	}
	return forge.Success, "unknown: " + why
}
