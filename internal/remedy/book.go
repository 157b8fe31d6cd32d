package remedy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/salvehq/salve/internal/plan"
)

// A book is the remedies for problems of all repositories, in the order in
// which they are asked: the highest priority first, and of equal ones those
// that repositories wrote themselves. It belongs to one cycle, and to one
// goroutine.
type book struct {
	pages  []*page
	index  *plan.Index
	tagged bool             // some remedy asks for tags
	asked  map[string][]int // pages that answer a row, by what they ask of it
}

// A page is what all repositories offer under one name.
type page struct {
	name   string
	offers []offer
	by     map[int]int // place in offers, by repository
	ours   *plan.Remedy
	uses   int              // repositories that use ours
	own    []plan.Condition // of repositories' own remedies, each once
	titled []int            // offers that find their place by the title alone
}

// An offer is a remedy as one repository uses it.
type offer struct {
	repo   *plan.Repository
	remedy *plan.Remedy
	at     int // position of the repository
}

// An entry is what is asked about one problem under one name: the remedies that
// answer it of the repositories that could own its subject.
type entry struct {
	name   string
	offers []offer
	leave  string // why the program leaves it, if other repositories say so too
}

// open makes the book of a cycle.
func open(repos []*plan.Repository) *book {
	var all []offer
	for i, repo := range repos {
		for j := range repo.Remedies {
			if rem := &repo.Remedies[j]; rem.Answers == plan.Problem {
				all = append(all, offer{repo, rem, i})
			}
		}
	}
	slices.SortStableFunc(all, before)
	b := &book{index: plan.NewIndex(repos), asked: map[string][]int{}}
	at, seen := map[string]*page{}, map[string]bool{}
	for _, o := range all {
		p := at[o.remedy.Name]
		if p == nil {
			p = &page{name: o.remedy.Name, by: map[int]int{}}
			at[p.name] = p
			b.pages = append(b.pages, p)
		}
		p.add(o, seen)
		b.tagged = b.tagged || len(o.remedy.When.Tag) > 0
	}
	return b
}

// before is the order in which remedies are asked.
func before(a, b offer) int {
	switch {
	case a.remedy.Priority != b.remedy.Priority:
		return cmp.Compare(b.remedy.Priority, a.remedy.Priority)
	case a.remedy.Own && !b.remedy.Own:
		return -1
	case b.remedy.Own && !a.remedy.Own:
		return 1
	}
	return 0
}

func (p *page) add(o offer, seen map[string]bool) {
	if o.remedy.Set != nil && o.remedy.Set.Place == plan.PlaceAlertRule {
		p.titled = append(p.titled, len(p.offers))
	}
	p.by[o.at] = len(p.offers)
	p.offers = append(p.offers, o)
	if !o.remedy.Own {
		p.ours, p.uses = o.remedy, p.uses+1
		return
	}
	if key := fmt.Sprintf("%s %q", p.name, o.remedy.When); !seen[key] {
		seen[key] = true
		p.own = append(p.own, o.remedy.When)
	}
}

// answers returns the remedies that answer a row about a subject, of those
// repositories that could own it. What the program's own remedies ask is the
// same in every repository, so it is asked once. A name under which no
// repository that could own the subject offers anything is there as well: it
// says that a remedy is not what is missing.
func (b *book) answers(row plan.Row, s plan.Subject) []entry {
	repos := b.index.Repositories(s)
	var out []entry
	for _, n := range b.matching(row) {
		out = append(out, b.pages[n].entry(row, repos))
	}
	return out
}

// matching returns the pages on which some remedy answers a row. Problems of a
// kind look alike, so each kind is asked about once.
func (b *book) matching(row plan.Row) []int {
	tags := row.Tags
	if !b.tagged {
		tags = nil
	}
	key := fmt.Sprintf("%q %q %q", []string{row.Action, row.Type, row.Category, row.Title}, row.Entity, tags)
	out, ok := b.asked[key]
	if ok {
		return out
	}
	for n, p := range b.pages {
		if p.ours != nil && p.ours.When.Matches(row) || slices.ContainsFunc(p.own, func(c plan.Condition) bool { return c.Matches(row) }) {
			out = append(out, n)
		}
	}
	b.asked[key] = out
	return out
}

// entry returns what a page has for a row in some repositories.
func (p *page) entry(row plan.Row, repos []int) entry {
	use := slices.Clone(p.titled)
	for _, repo := range repos {
		if at, ok := p.by[repo]; ok {
			use = append(use, at)
		}
	}
	slices.Sort(use)
	e := entry{name: p.name}
	ours, here := p.ours != nil && p.ours.When.Matches(row), 0
	for _, at := range slices.Compact(use) {
		o := p.offers[at]
		if !o.remedy.Own {
			here++
		}
		if !o.remedy.Own && ours || o.remedy.Own && o.remedy.When.Matches(row) {
			e.offers = append(e.offers, o)
		}
	}
	if ours && here < p.uses {
		e.leave = p.ours.Leave
	}
	return e
}

// One is a remedy of one repository, with what the repository leaves alone
// before it is asked.
type one struct {
	repo *plan.Repository
	name string
}

func (o one) answers(row plan.Row, _ plan.Subject) []entry {
	var all []offer
	for i := range o.repo.Remedies {
		rem := &o.repo.Remedies[i]
		if rem.Answers == plan.Problem && (rem.Name == o.name || rem.Leave != "") && rem.When.Matches(row) {
			all = append(all, offer{repo: o.repo, remedy: rem})
		}
	}
	slices.SortStableFunc(all, before)
	var out []entry
	for i, f := range all {
		out = append(out, entry{name: f.remedy.Name, offers: all[i : i+1]})
	}
	return out
}
