package gate

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

// What makes a canary worse than its stable side: half as many problems again
// by exposure, and less than one chance in twenty that they are an accident.
const (
	worseRatio  = 1.5
	significant = 0.05
	fewest      = 2    // problems of one kind on the canary that say anything
	maxEvents   = 1000 // of one kind and side that are told apart
)

// A Kind is one kind of problem in a canary release, and what it means.
type Kind struct {
	Service  string
	Name     string   // event.name
	Category string   // event.category
	Canary   []string // event.id of each problem on the canary since the roll-out began
	Stable   []string
	Critical int // samples in a row with a critical problem that has its root on the canary
	Share    float64
	Ratio    float64
	Chance   float64 // adjusted p-value
	Verdict  Verdict
	Why      string
}

// merge adds the problems of one more sample to the kinds. Problems are told
// apart by event.id: one that is seen in every sample is one. What else is known
// of them comes with known.
func merge(kinds []Kind, service string, share float64, rows []dql.Record, known map[string]fact) []Kind {
	seen := map[int]bool{}
	isForeign := func(id string) bool { return known[id].foreign }
	mayVeto := func(id string) bool { f, ok := known[id]; return f.critical || !ok }
	for _, r := range rows {
		name, category := r.Text("event.name"), r.Text("event.category")
		canary := slices.DeleteFunc(r.Texts("canary_event_ids"), isForeign)
		stable := slices.DeleteFunc(r.Texts("stable_event_ids"), isForeign)
		if len(canary)+len(stable) == 0 {
			continue
		}
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Service == service && k.Name == name && k.Category == category })
		if i < 0 {
			kinds, i = append(kinds, Kind{Service: service, Name: name, Category: category, Share: share}), len(kinds)
		}
		k := &kinds[i]
		k.Critical = max(k.Critical, renamed(kinds, i, canary, stable))
		k.Canary, k.Stable = union(k.Canary, canary), union(k.Stable, stable)
		if n, _ := r.Get("canary_critical").AsLong(); n > 0 && slices.ContainsFunc(canary, mayVeto) {
			k.Critical++
			seen[i] = true
		}
	}
	for i := range kinds {
		if kinds[i].Service == service && !seen[i] {
			kinds[i].Critical = 0
		}
	}
	return slices.DeleteFunc(kinds, func(k Kind) bool { return len(k.Canary)+len(k.Stable) == 0 })
}

// renamed takes problems out of the other kinds of a service than the i-th: one
// has the kind that Davis says last. It returns for how many samples a kind that
// is empty now was critical.
func renamed(kinds []Kind, i int, canary, stable []string) (critical int) {
	for j := range kinds {
		k := &kinds[j]
		if j == i || k.Service != kinds[i].Service || len(k.Canary)+len(k.Stable) == 0 {
			continue
		}
		k.Canary = slices.DeleteFunc(k.Canary, func(id string) bool { return slices.Contains(canary, id) })
		k.Stable = slices.DeleteFunc(k.Stable, func(id string) bool { return slices.Contains(stable, id) })
		if len(k.Canary)+len(k.Stable) == 0 {
			critical = max(critical, k.Critical)
		}
	}
	return critical
}

func union(have, more []string) []string {
	out := append(slices.Clone(have), more...)
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxEvents)]
}

// Compare judges the kinds of problems of a canary release that has been
// watched for so long: the words of canary-analysis, and HOLD while there is
// too little to go by. A critical problem on the canary in two samples in a row
// is a veto. over says that the deadline has passed, and there is no more to
// wait for.
func Compare(kinds []Kind, rule policy.Gate, watched time.Duration, over bool) Decision {
	ps := make([]float64, len(kinds))
	for i, k := range kinds {
		ps[i] = upperTail(len(k.Canary), len(k.Canary)+len(k.Stable), k.Share)
	}
	d := Decision{Verdict: Proceed, Why: "no problem on the canary that the stable side does not have"}
	for i, chance := range holm(ps) {
		k := &kinds[i]
		k.Chance, k.Ratio = chance, rateRatio(len(k.Canary), len(k.Stable), k.Share)
		k.judge(watched < time.Duration(rule.Clean) && !over, over)
	}
	slices.SortStableFunc(kinds, func(a, b Kind) int { return cmp.Or(cmp.Compare(b.Verdict, a.Verdict), cmp.Compare(a.Name, b.Name)) })
	switch likeliest := leastChance(kinds); {
	case len(kinds) > 0 && kinds[0].Verdict != Proceed:
		d.Verdict, d.Why = kinds[0].Verdict, fmt.Sprintf("%s on %s: %s", kinds[0].Name, kinds[0].Service, kinds[0].Why)
	case likeliest != nil:
		d.Why = fmt.Sprintf("the canary is not significantly worse: %s on %s: %s", likeliest.Name, likeliest.Service, likeliest.Why)
	}
	if d.Verdict == Proceed && watched < time.Duration(rule.Clean) && !over {
		d.Verdict, d.Why = Hold, fmt.Sprintf("not yet watched for %v", time.Duration(rule.Clean))
	}
	return d
}

// leastChance returns the kind of problem on the canary that is the least likely
// an accident, nil if the canary has none.
func leastChance(kinds []Kind) (least *Kind) {
	for i := range kinds {
		if k := &kinds[i]; len(k.Canary) > 0 && (least == nil || k.Chance < least.Chance) {
			least = k
		}
	}
	return least
}

func (k *Kind) judge(early, over bool) {
	canary, stable := len(k.Canary), len(k.Stable)
	counts := fmt.Sprintf("%d to %d, rate ratio %.3g, p = %.3g", canary, stable, k.Ratio, k.Chance)
	switch {
	case k.Critical >= 2:
		k.Verdict, k.Why = Block, "critical on the canary in two samples in a row"
	case canary == 0:
		k.Verdict, k.Why = Proceed, "on the stable side only"
	case early || canary < fewest && !over:
		k.Verdict, k.Why = Hold, counts+": too little to go by"
	case canary >= fewest && k.Ratio >= worseRatio && k.Chance < significant:
		k.Verdict, k.Why = Block, counts
	default:
		k.Verdict, k.Why = Proceed, counts
	}
}

// sides returns the services of an environment that are rolled out in two
// sides.
func sides(repo *plan.Repository, environment string) []Service {
	out := slices.DeleteFunc(Deployed(repo, environment), func(s Service) bool {
		r := repo.Config.Services[s.Name].Rollout
		return !s.Configured || r.Canary == "" || r.Stable == ""
	})
	for i := range out {
		out[i].Canary = repo.Config.Services[out[i].Name].Rollout.Canary
	}
	return out
}

// canary adds a sample to a canary release and judges it.
func (c *Checker) canary(ctx context.Context, repo *plan.Repository, k *Case, now time.Time) (Decision, error) {
	rule := repo.Config.Gate(policy.Canary)
	over := !now.Before(k.Deadline)
	snap := c.Source.Problems(ctx, now)
	quality, why := snap.Quality, snap.Unknown()
	k.Asked, k.Quality = []Question{snap.Question}, dql.Failed.String()
	for _, s := range k.Services {
		r := repo.Config.Services[s.Name].Rollout
		res, question, err := c.Source.query(ctx, catalog.CanaryAnalysis, map[string]dql.Value{
			"CANARY_VERSION": dql.String(r.Canary), "STABLE_VERSION": dql.String(r.Stable),
		})
		question.For = s.Name
		k.Asked = append(k.Asked, question)
		if err != nil {
			return Decision{Why: err.Error(), Services: k.Services}, err
		}
		quality, why = min(quality, res.Quality), cmp.Or(why, Snapshot{Quality: res.Quality}.Unknown())
		k.Kinds = merge(k.Kinds, s.Name, cmp.Or(float64(r.Weight), 0.5), res.Records, facts(repo, s, snap, k.Opened))
	}
	k.Quality = quality.String()
	d := Compare(k.Kinds, rule, now.Sub(k.Opened), over)
	d.Services = k.Services
	if why == "" && d.Verdict == Proceed {
		why = c.silent(ctx, repo, k, now)
	}
	if why != "" && d.Verdict != Block {
		d.Verdict, d.Why = Undecided, why
	}
	return d, nil
}

// A fact is what the rows of canary-analysis do not say of a problem.
type fact struct {
	foreign  bool // it says nothing about the roll-out
	critical bool
}

// facts returns what is known of the problems for a roll-out, by event.id. Those
// are foreign that were there when it began, which a query that looks back a
// fixed time cannot tell, and those that it found by a phrase of a name that
// means something else.
func facts(repo *plan.Repository, s Service, snap Snapshot, opened time.Time) map[string]fact {
	out := map[string]fact{}
	for _, p := range snap.Problems {
		out[string(p.Event)] = fact{
			foreign:  p.Start.Before(opened.Add(-skew)) || !s.sides(repo, p),
			critical: p.Severity == problem.SeverityCritical || p.Category == "AVAILABILITY",
		}
	}
	return out
}

// sides reports whether a problem is one of either side of a roll-out: of the
// service, or of what a side is called, where its workloads are.
func (s Service) sides(repo *plan.Repository, p problem.Problem) bool {
	if s.Concerns(repo, p) != "" {
		return true
	}
	config := repo.Config.Services[s.Name]
	names := []string{p.Workload.Name}
	for _, e := range p.Entities() {
		names = append(names, string(e.ID), e.Name)
	}
	if !slices.Contains(names, config.Rollout.Canary) && !slices.Contains(names, config.Rollout.Stable) {
		return false
	}
	return p.Workload.Namespace == "" || len(config.Match.Workloads) == 0 ||
		slices.ContainsFunc(config.Match.Workloads, func(w string) bool {
			ok, err := path.Match(path.Dir(w), p.Workload.Namespace)
			return ok && err == nil
		})
}
