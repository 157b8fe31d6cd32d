package plan

import (
	"slices"

	"github.com/salvehq/salve/internal/policy"
)

// An Index knows which of many repositories could own a subject, so that a
// problem is not held against every repository. It may name one that does not
// own the subject after all, and leaves none out that does. It is as old as the
// repositories that it was made of.
type Index struct {
	services struct {
		entities               map[string][]int
		workloads, names, tags globs
	}
	manifests map[manifest][]int
}

// A manifest is the name of a workload; its namespace may be empty.
type manifest struct{ namespace, name string }

// NewIndex makes the index of repositories.
func NewIndex(repos []*Repository) *Index {
	x := &Index{manifests: map[manifest][]int{}}
	x.services.entities = map[string][]int{}
	for i, r := range repos {
		x.add(i, r)
	}
	for _, g := range []*globs{&x.services.workloads, &x.services.names, &x.services.tags} {
		g.arrange()
	}
	return x
}

func (x *Index) add(i int, r *Repository) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for namespace, name := range r.inventory.Names() {
		m := manifest{namespace, name}
		x.manifests[m] = with(x.manifests[m], i)
	}
	if r.Config == nil {
		return
	}
	for _, s := range r.Config.Services {
		for _, e := range s.Match.Entities {
			x.services.entities[e] = with(x.services.entities[e], i)
		}
		x.services.workloads.add(i, s.Match.Workloads)
		x.services.names.add(i, s.Match.Names)
		x.services.tags.add(i, s.Match.Tags)
	}
}

// Repositories returns the positions, in order, of the repositories in which
// [Repository.Targets] may find something for s or [Repository.Holds] it; alert
// rules, which are found by title, left out.
func (x *Index) Repositories(s Subject) []int {
	var out []int
	if s.Subject.Workload != "" {
		out = x.services.workloads.match(out, s.Subject.Workload)
	}
	for _, e := range s.Entities {
		out = append(out, x.services.entities[e]...)
	}
	for _, n := range s.Names {
		out = x.services.names.match(out, n)
	}
	for _, t := range s.Tags {
		out = x.services.tags.match(out, t)
	}
	if s.Workload != "" && s.Namespace != "" && !s.Several {
		out = append(out, x.manifests[manifest{s.Namespace, s.Workload}]...)
		out = append(out, x.manifests[manifest{"", s.Workload}]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// with adds a position to a list that ends with it or with one before.
func with(list []int, i int) []int {
	if n := len(list); n > 0 && list[n-1] == i {
		return list
	}
	return append(list, i)
}

// globs are patterns of many repositories. A text is held against those that
// share three bytes in a row with it: of the ones that everything they match
// must have, the rarest among all patterns.
type globs struct {
	all    map[string]*glob // by text
	exact  map[string]*glob // by what they match
	byGram map[gram][]*glob
	others []*glob // without three bytes in a row
}

type gram [3]byte

type glob struct {
	policy.Glob
	repos []int
}

func (g *globs) add(repo int, patterns []string) {
	if g.all == nil {
		g.all = map[string]*glob{}
	}
	for _, p := range patterns {
		if g.all[p] == nil {
			g.all[p] = &glob{Glob: policy.ParseGlob(p)}
		}
		g.all[p].repos = with(g.all[p].repos, repo)
	}
}

// arrange puts each pattern where texts will find it.
func (g *globs) arrange() {
	g.exact, g.byGram = map[string]*glob{}, map[gram][]*glob{}
	often := map[gram]int{}
	for _, p := range g.all {
		for _, t := range p.grams() {
			often[t]++
		}
	}
	for _, p := range g.all {
		if texts, all := p.Literals(); all {
			g.exact[texts[0]] = p
			continue
		}
		grams := p.grams()
		if len(grams) == 0 {
			g.others = append(g.others, p)
			continue
		}
		rarest := slices.MinFunc(grams, func(a, b gram) int { return often[a] - often[b] })
		g.byGram[rarest] = append(g.byGram[rarest], p)
	}
	g.all = nil
}

// grams are what every text that the pattern matches has.
func (g *glob) grams() []gram {
	var out []gram
	texts, _ := g.Literals()
	for _, t := range texts {
		out = append(out, grams(t)...)
	}
	return out
}

func grams(s string) []gram {
	var out []gram
	for i := 0; i+3 <= len(s); i++ {
		out = append(out, gram([]byte(s[i:i+3])))
	}
	return out
}

// match adds the repositories that have a pattern for s.
func (g *globs) match(out []int, s string) []int {
	if p := g.exact[s]; p != nil {
		out = append(out, p.repos...)
	}
	try := func(all []*glob) {
		for _, p := range all {
			if p.Matches(s) {
				out = append(out, p.repos...)
			}
		}
	}
	try(g.others)
	if len(g.byGram) == 0 {
		return out
	}
	for i := 0; i+3 <= len(s); i++ {
		try(g.byGram[gram{s[i], s[i+1], s[i+2]}])
	}
	return out
}
