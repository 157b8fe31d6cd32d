package gate

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
)

// A Risk is how dangerous it is to touch a service now, with the terms that it
// is made of. Deployment-risk-assessment gives the counts.
type Risk struct {
	Service      string
	Entity       string  // of the query; empty if the service had no problems
	Known        bool    // the service is one that Salve knows of
	Problems     int     // in the last 7 days
	Recent       float64 // each problem as half as much for every 48 hours since it ended
	Worst        int     // severity of the worst: 4 critical … 1 low, 0 none
	OpenCritical int
	OpenHigh     int
	Floors       []Floor // that other knowledge sets: an exhausted error budget, a vulnerability
	Displays     []string

	Frequency float64 // 0.6 · 10 · (1 − 0.5^(Recent/5))
	Severity  float64 // 0.4 · 2.5 · Worst
	Floor     Floor   // the one that holds, if the terms come to less
	Score     float64 // 0 to 10
	Verdict   Verdict
}

// A Floor is a score that something keeps a service from falling below.
type Floor struct {
	Score float64
	Why   string
}

// Floors that other gates and reports set.
const (
	FloorBudget        = 6   // an exhausted error budget
	FloorVulnerability = 8.5 // one that is exploitable from the internet
	FloorCompliance    = 6   // a failed critical rule
	floorOpenCritical  = 9
	floorOpenHigh      = 6
	unknownEntity      = 6
)

// Thresholds of deployment-risk-assessment.
const (
	riskBlocks = 8
	riskAsks   = 5
)

// Weigh fills in the terms, the score and the verdict of r.
//
// Noise does not dilute: the severity term is that of the worst problem, and
// the frequency term approaches 6 however many there are. An open problem sets
// a floor, since what happens now weighs more than what is on average so.
func (r *Risk) Weigh() {
	r.Frequency = 0.6 * 10 * (1 - math.Pow(0.5, r.Recent/5))
	r.Severity = 0.4 * 2.5 * float64(r.Worst)
	r.Score, r.Floor = r.Frequency+r.Severity, Floor{}
	floors := slices.Clone(r.Floors)
	if r.OpenCritical > 0 {
		floors = append(floors, Floor{floorOpenCritical, "an open critical problem"})
	}
	if r.OpenHigh > 0 {
		floors = append(floors, Floor{floorOpenHigh, "an open problem of high severity"})
	}
	if !r.Known {
		floors = append(floors, Floor{unknownEntity, "nothing is known of it"})
	}
	for _, f := range floors {
		if f.Score > r.Score {
			r.Score, r.Floor = f.Score, f
		}
	}
	switch {
	case r.Score > riskBlocks:
		r.Verdict = Block
	case r.Score > riskAsks:
		r.Verdict = Hold
	default:
		r.Verdict = Proceed
	}
}

// Explain prints the terms on one line.
func (r *Risk) Explain() string {
	text := fmt.Sprintf("%.1f = %.1f for %s in 7 days + %.1f for the worst", r.Frequency+r.Severity, r.Frequency, count(r.Problems, "problem"), r.Severity)
	if r.Floor.Why != "" {
		text += fmt.Sprintf(", raised to %.1f by %s", r.Score, r.Floor.Why)
	}
	return text
}

// risk judges a change by the history of the services that it touches.
func (c *Checker) risk(ctx context.Context, repo *plan.Repository, k *Case, services []Service, now time.Time) (Decision, error) {
	d := Decision{Services: services}
	res, question, err := c.Source.Risks(ctx, now)
	k.Asked, k.Quality = []Question{question}, res.Quality.String()
	if err != nil {
		d.Why = err.Error()
		return d, err
	}
	k.Terms = Assess(repo, services, res.Records)
	worst := k.Terms[0]
	d.Verdict, d.Why = worst.Verdict, fmt.Sprintf("%.1f of 10 for %s: %s", worst.Score, worst.Service, worst.Explain())
	if d.Verdict == Hold {
		d.Why = "waits for a person to approve: " + d.Why
	}
	if why := (Snapshot{Quality: res.Quality}).Unknown(); why != "" && d.Verdict != Block {
		d.Verdict, d.Why = Undecided, why
	}
	return d, nil
}

// Assess scores each service by the rows of deployment-risk-assessment, the
// most dangerous first. A row belongs to a service by its name; where two
// services share one, both have it, which errs on the safe side.
func Assess(repo *plan.Repository, services []Service, rows []dql.Record) []Risk {
	var out []Risk
	for _, s := range services {
		r := Risk{Service: s.Name, Known: true}
		for _, row := range rows {
			if name := row.Text("affected_entity.name"); s.named(repo, name) {
				r.add(name, row)
			}
		}
		r.Weigh()
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Risk) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Service, b.Service)) })
	return out
}

// add counts a row in.
func (r *Risk) add(name string, row dql.Record) {
	long := func(column string) int { n, _ := row.Get(column).AsLong(); return int(n) }
	recent, _ := row.Get("recent_problems").AsDouble()
	if n, ok := row.Get("recent_problems").AsLong(); ok {
		recent = float64(n)
	}
	r.Entity = cmp.Or(r.Entity, name)
	r.Problems += long("problem_frequency")
	r.Recent += recent
	r.Worst = max(r.Worst, long("max_severity_score"))
	r.OpenCritical += long("open_critical")
	r.OpenHigh += long("open_high")
	r.Displays = union(r.Displays, row.Texts("display_ids"))
}

// named reports whether an entity of this name belongs to a service: it is the
// workload's own name, or one that the configuration says.
func (s Service) named(repo *plan.Repository, name string) bool {
	if !s.Configured {
		return path.Base(s.Name) == name
	}
	for _, w := range repo.Config.Services[s.Name].Match.Workloads {
		if ok, err := path.Match(path.Base(w), name); ok && err == nil {
			return true
		}
	}
	return slices.ContainsFunc(repo.Config.Owners(policy.Subject{Names: []string{name}, Entities: []string{name}}),
		func(o policy.Owner) bool { return o.Service == s.Name })
}

// risks is the answer to deployment-risk-assessment.
type risks struct {
	res      dql.Result
	question Question
	err      error
}

// Risks returns the rows of deployment-risk-assessment as of now. They are
// shared like [Source.Problems].
func (s *Source) Risks(ctx context.Context, now time.Time) (dql.Result, Question, error) {
	r := s.risks.get(ctx, now, func() (risks, bool) {
		res, question, err := s.query(ctx, catalog.DeploymentRiskAssessment, nil)
		if err != nil {
			res = dql.Result{}
		}
		return risks{res, question, err}, err == nil && res.Quality == dql.OK
	})
	return r.res, r.question, r.err
}
