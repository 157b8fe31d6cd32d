package outcome

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/problem"
	"github.com/salvehq/salve/internal/prose"
)

// A Verdict says what a merged pull request came to. Those that are decided are
// names of labels.
type Verdict string

const (
	Undecided   Verdict = ""
	Effective   Verdict = "effective"
	Ineffective Verdict = "ineffective"
)

// regression is the label of a pull request after whose merge new problems
// began.
const regression = "regression"

// settling is how long after a merge the change may take to be in force. What
// begins in that time is no return, but counts if it lasts until the end.
const settling = time.Hour

// tie is how soon after a merge a new problem of the same workload is put down
// to the change.
const tie = 2 * time.Hour

// An Observation is the problems of some time.
type Observation struct {
	Complete bool // no row was cut off, refused or unreadable
	Seen     []Seen
	// Next says what is planned for a class of problem now: a pull request, 0 if
	// there is none, and a text; "" if nothing is known. It may be nil.
	Next func(class string) (pull int, text string)
}

// Seen is a problem with the key of the change that would answer it; empty if
// none would.
type Seen struct {
	Problem problem.Problem
	Class   string
}

// merged is a pull request that was merged.
type merged struct {
	repo       *plan.Repository
	pull       forge.PullRequest
	marker     forge.Marker
	key        plan.Key
	end        time.Time // of the time that it is watched
	superseded bool      // by a later change of the same value, which ended it
	verdict    Verdict   // that it has
}

// watched returns those of pulls that were merged and answer problems.
func watched(repo *plan.Repository, pulls []forge.PullRequest, window time.Duration) []merged {
	var out []merged
	for _, p := range pulls {
		m, ok := forge.ParseMarker(p.Body)
		key, err := plan.ParseKey(m.Key)
		if !ok || err != nil || !p.Merged || !answersProblems(repo, key.Remedy) {
			continue
		}
		m.Key = plan.KeyIn(repo.Repo, m.Key)
		w := merged{repo: repo, pull: p, marker: m, key: key, end: p.MergedAt.Add(window)}
		w.verdict = w.labelledVerdict()
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b merged) int {
		return cmp.Or(a.pull.MergedAt.Compare(b.pull.MergedAt), cmp.Compare(a.pull.Number, b.pull.Number))
	})
	for i := range out {
		for _, later := range out[i+1:] {
			if later.marker.Key == out[i].marker.Key && later.pull.MergedAt.Before(out[i].end) {
				out[i].end, out[i].superseded = later.pull.MergedAt, true
				break
			}
		}
	}
	return out
}

// answersProblems reports whether problems come back where a remedy does not
// work. What tunes an alert rule is judged by its noise, not by silence.
func answersProblems(repo *plan.Repository, remedy string) bool {
	i := slices.IndexFunc(repo.Remedies, func(r plan.Remedy) bool { return r.Name == remedy })
	return i >= 0 && repo.Remedies[i].Answers == plan.Problem
}

// labelledVerdict is the verdict that the labels say, whoever put them there.
func (m merged) labelledVerdict() Verdict {
	switch {
	case m.labelled(string(Ineffective)):
		return Ineffective
	case m.labelled(string(Effective)):
		return Effective
	}
	return Undecided
}

func (m merged) labelled(name string) bool {
	prefix := ""
	if m.repo != nil && m.repo.Config != nil {
		prefix = m.repo.Config.Labels.Prefix
	}
	want := prose.Label(prefix, name).Name
	return slices.ContainsFunc(m.pull.Labels, func(l string) bool { return strings.EqualFold(l, want) })
}

// returned are the problems that speak against m: those of its class that began
// once it had settled and before its end, and once that is over those that
// began before and lasted until then.
func (m merged) returned(all []Seen, now time.Time) []Seen {
	settled := m.pull.MergedAt.Add(settling)
	over := !now.Before(m.end)
	var out []Seen
	for _, s := range all {
		p := s.Problem
		lasted := p.Active || p.End.After(m.end)
		switch {
		case s.Class != m.marker.Key || p.Start.After(m.end):
		case p.Start.After(settled), over && lasted:
			out = append(out, s)
		}
	}
	return out
}

// regressions are problems of another class that began on the workload of m
// right after the merge.
func (m merged) regressions(all []Seen) []Seen {
	place, ok := inventory.ParseTarget(m.key.Place)
	if !ok || place.Form != inventory.Kubernetes {
		return nil
	}
	var out []Seen
	for _, s := range all {
		p := s.Problem
		if p.Duplicate || p.Muted || p.Maintenance {
			continue
		}
		after := p.Start.Sub(m.pull.MergedAt)
		same := p.Workload.Name == place.Name && p.Workload.Namespace == place.Namespace && !p.Workload.Several
		if same && s.Class != m.marker.Key && after > 0 && after <= tie && !slices.Contains(m.marker.Problems, string(p.Event)) {
			out = append(out, s)
		}
	}
	return out
}
