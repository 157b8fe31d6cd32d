package remedy

import (
	"cmp"
	"slices"

	"github.com/salvehq/salve/internal/plan"
)

// A book is the remedies for problems of all repositories, in the order in
// which they are asked: the highest priority first, and of equal ones those
// that repositories wrote themselves.
type book []entry

// An entry is what all repositories offer under one name.
type entry struct {
	name   string
	offers []offer // by repository
}

// An offer is a remedy as one repository uses it.
type offer struct {
	repo   *plan.Repository
	remedy plan.Remedy
}

// open makes the book of a cycle.
func open(repos []*plan.Repository) book {
	var all []offer
	for _, repo := range repos {
		for _, rem := range repo.Remedies {
			if rem.Answers == plan.Problem {
				all = append(all, offer{repo, rem})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b offer) int {
		switch {
		case a.remedy.Priority != b.remedy.Priority:
			return cmp.Compare(b.remedy.Priority, a.remedy.Priority)
		case a.remedy.Own && !b.remedy.Own:
			return -1
		case b.remedy.Own && !a.remedy.Own:
			return 1
		}
		return 0
	})
	var out book
	at := map[string]int{}
	for _, o := range all {
		i, ok := at[o.remedy.Name]
		if !ok {
			i = len(out)
			at[o.remedy.Name] = i
			out = append(out, entry{name: o.remedy.Name})
		}
		out[i].offers = append(out[i].offers, o)
	}
	return out
}

// answers returns the remedies that answer a row. What the program's own
// remedies ask is the same in every repository, so it is asked once.
func (b book) answers(row plan.Row) book {
	var out book
	for _, e := range b {
		asked, ours := false, false
		var offers []offer
		for _, o := range e.offers {
			matches := ours
			switch {
			case o.remedy.Own:
				matches = o.remedy.When.Matches(row)
			case !asked:
				asked, ours = true, o.remedy.When.Matches(row)
				matches = ours
			}
			if matches {
				offers = append(offers, o)
			}
		}
		if len(offers) > 0 {
			out = append(out, entry{e.name, offers})
		}
	}
	return out
}
