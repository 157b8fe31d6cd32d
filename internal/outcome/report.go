package outcome

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
)

// A Sum is what came of the pull requests of one remedy. Opened is Open,
// Merged, Declined and Quiet together; Merged is Effective, Ineffective and
// Undecided together.
type Sum struct {
	Repo        forge.Repo // zero where repositories are added up
	Remedy      string
	Opened      int
	Open        int
	Merged      int
	Declined    int // closed by people, or ignored on their word
	Quiet       int // closed by this program, since its problems stayed away
	Effective   int
	Ineffective int
	Undecided   int           // still watched, or nothing could be found out
	Regressions int           // merges after which new problems began
	ToMerge     time.Duration // median; 0 without a merge

	took []time.Duration
}

// Add sums up pull requests of this App. Those that answer nothing that a key
// names are left out. ClosedBy must be filled in where one was closed without
// a merge.
func Add(pulls []forge.PullRequest, perRepository bool) []Sum {
	type row struct {
		repo   forge.Repo
		remedy string
	}
	by := map[row]*Sum{}
	for _, p := range pulls {
		m, ok := forge.ParseMarker(p.Body)
		key, err := plan.ParseKey(m.Key)
		if !ok || err != nil {
			continue
		}
		at := row{remedy: key.Remedy}
		if perRepository {
			at.repo = p.Repo
		}
		if by[at] == nil {
			by[at] = &Sum{Repo: at.repo, Remedy: at.remedy}
		}
		by[at].add(p, key.Remedy)
	}
	var out []Sum
	for s := range maps.Values(by) {
		s.ToMerge = median(s.took)
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Sum) int {
		return cmp.Or(strings.Compare(a.Repo.String(), b.Repo.String()), strings.Compare(a.Remedy, b.Remedy))
	})
	return out
}

// add counts one pull request.
func (s *Sum) add(p forge.PullRequest, remedy string) {
	labelled := labelsOf(p, remedy)
	s.Opened++
	switch {
	case p.Open:
		s.Open++
	case !p.Merged && labelled["problem-closed"] && p.ClosedBy == p.Author:
		s.Quiet++
	case !p.Merged:
		s.Declined++
	default:
		s.merged(p, labelled)
	}
}

func (s *Sum) merged(p forge.PullRequest, labelled map[string]bool) {
	s.Merged++
	s.took = append(s.took, p.MergedAt.Sub(p.CreatedAt))
	if labelled[regression] {
		s.Regressions++
	}
	switch {
	case labelled[string(Ineffective)]:
		s.Ineffective++
	case labelled[string(Effective)]:
		s.Effective++
	default:
		s.Undecided++
	}
}

// labelsOf returns the labels of a pull request without the prefix that its
// repository had: what stands before remedy/<remedy>.
func labelsOf(p forge.PullRequest, remedy string) map[string]bool {
	prefix := ""
	for _, l := range p.Labels {
		if before, ok := strings.CutSuffix(l, "remedy/"+remedy); ok {
			prefix = before
		}
	}
	out := map[string]bool{}
	for _, l := range p.Labels {
		out[strings.TrimPrefix(l, prefix)] = true
	}
	return out
}

// median of durations; the lower of the two in the middle.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}
