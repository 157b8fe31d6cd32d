package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
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
// apart by event.id: one that is seen in every sample is one.
func merge(kinds []Kind, service string, share float64, rows []dql.Record) []Kind {
	seen := map[int]bool{}
	for _, r := range rows {
		name, category := r.Text("event.name"), r.Text("event.category")
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Service == service && k.Name == name && k.Category == category })
		if i < 0 {
			kinds, i = append(kinds, Kind{Service: service, Name: name, Category: category, Share: share}), len(kinds)
		}
		k := &kinds[i]
		k.Canary, k.Stable = union(k.Canary, r.Texts("canary_event_ids")), union(k.Stable, r.Texts("stable_event_ids"))
		if n, _ := r.Get("canary_critical").AsLong(); n > 0 {
			k.Critical++
			seen[i] = true
		}
	}
	for i := range kinds {
		if kinds[i].Service == service && !seen[i] {
			kinds[i].Critical = 0
		}
	}
	return kinds
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
	if len(kinds) > 0 && kinds[0].Verdict != Proceed {
		d.Verdict, d.Why = kinds[0].Verdict, fmt.Sprintf("%s on %s: %s", kinds[0].Name, kinds[0].Service, kinds[0].Why)
	}
	if d.Verdict == Proceed && watched < time.Duration(rule.Clean) && !over {
		d.Verdict, d.Why = Hold, fmt.Sprintf("not yet watched for %v", time.Duration(rule.Clean))
	}
	return d
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
	return slices.DeleteFunc(Deployed(repo, environment), func(s Service) bool {
		r := repo.Config.Services[s.Name].Rollout
		return !s.Configured || r.Canary == "" || r.Stable == ""
	})
}

// canary adds a sample to a canary release and judges it.
func (c *Checker) canary(ctx context.Context, repo *plan.Repository, k *Case, now time.Time) (Decision, error) {
	rule := repo.Config.Gate(policy.Canary)
	over := !now.Before(k.Deadline)
	quality := dql.OK
	for _, s := range k.Services {
		r := repo.Config.Services[s.Name].Rollout
		res, text, err := c.Source.query(ctx, catalog.CanaryAnalysis, map[string]dql.Value{
			"CANARY_VERSION": dql.String(r.Canary), "STABLE_VERSION": dql.String(r.Stable),
		})
		k.Query = text
		if err != nil {
			k.Quality = dql.Failed.String()
			return Decision{Why: err.Error(), Services: k.Services}, err
		}
		quality = min(quality, res.Quality)
		share := cmp.Or(float64(r.Weight), 0.5)
		k.Kinds = merge(k.Kinds, s.Name, share, res.Records)
	}
	k.Quality = quality.String()
	d := Compare(k.Kinds, rule, now.Sub(k.Opened), over)
	d.Services = k.Services
	if why := (Snapshot{Quality: quality}).Unknown(); why != "" && d.Verdict != Block {
		d.Verdict, d.Why = Undecided, why
	}
	return d, nil
}
