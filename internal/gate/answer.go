package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
)

// An Answer is what pipelines and controllers get that ask about one service.
type Answer struct {
	Environment string          `json:"environment"`
	Service     string          `json:"service"`
	Gate        policy.GateName `json:"gate"`
	SHA         forge.SHA       `json:"sha,omitempty"`
	Decision    string          `json:"decision"` // a word of the gate's query
	Phase       string          `json:"phase"`    // success, pending or failure
	Value       int             `json:"value"`    // 0 go on, 1 go on with a warning, 2 wait, 3 stop
	Reason      string          `json:"reason"`
	DataQuality string          `json:"data_quality"`
	At          time.Time       `json:"at"`
	Expires     time.Time       `json:"expires"` // ask again after that
	Problems    []Problem       `json:"problems"`
	Known       bool            `json:"known"` // a configuration names the service
	Verdict     Verdict         `json:"-"`
}

// A Problem is a row of an Answer, with the columns of the gate's query.
type Problem struct {
	ID        string `json:"display_id"`
	Title     string `json:"event.name"`
	Severity  string `json:"problem.severity"`
	Entity    string `json:"affected_entity.name"`
	Risk      string `json:"deployment_risk"`
	MatchedBy string `json:"matched_by"`
}

// fresh is how long an answer may be used.
const fresh = 5 * time.Minute

// Service judges one service now, by the gate before a deployment. The name is
// that of services: in a configuration, or namespace/name of a workload. A
// service that no repository has is not known, and gets no go-ahead. What was
// allowed for the pull request that brought head, if that is known, holds here
// too.
func (c *Checker) Service(ctx context.Context, repos []*plan.Repository, environment, service string, head forge.SHA, now time.Time) Answer {
	a := Answer{Environment: environment, Service: service, Gate: policy.PreDeployment, SHA: head, At: now, Expires: now.Add(fresh), Problems: []Problem{}}
	var d Decision
	for _, repo := range repos {
		if repo.Config == nil {
			continue
		}
		mine := slices.DeleteFunc(Deployed(repo, environment), func(s Service) bool { return s.Name != service })
		if len(mine) == 0 {
			continue
		}
		snap := c.Source.Problems(ctx, now)
		one := c.before(ctx, repo, mine, snap, head, now)
		if !a.Known || Worst(one.Verdict, d.Verdict) != d.Verdict {
			d = one
		}
		a.Known, a.DataQuality = true, snap.Quality.String()
	}
	if !a.Known {
		d.Why = fmt.Sprintf("no repository has a service %.60q in an environment %.60q", service, environment)
	}
	a.say(d.Verdict, d.Why, d.Rows)
	return a
}

// before judges services of a commit that is about to be deployed.
func (c *Checker) before(ctx context.Context, repo *plan.Repository, services []Service, snap Snapshot, head forge.SHA, now time.Time) Decision {
	rule := repo.Config.Gate(policy.PreDeployment)
	d := Before(repo, services, snap, nil, rule, now)
	if head == "" || d.Verdict == Proceed || d.Verdict == Warn {
		return d
	}
	for _, pull := range c.merged(ctx, repo, head) {
		one := Before(repo, services, snap, c.fixes(ctx, &pull, now), rule, now)
		c.lower(ctx, &Case{Gate: policy.PreDeployment}, &one, &pull, now)
		if one.Verdict == Proceed || one.Verdict == Warn {
			return one
		}
	}
	return d
}

// Unknown is the answer about what nothing is known of. It lets nothing pass.
func Unknown(gate policy.GateName, environment, service, why string) Answer {
	a := Answer{Environment: environment, Service: service, Gate: gate, Problems: []Problem{}}
	a.say(Undecided, why, nil)
	return a
}

// Watched returns what is known of a deployed commit and a service: the case
// of the gate after the deployment, or of its canary. found is false for a
// commit that was never seen there, and for what is too old to count.
func (c *Checker) Watched(ctx context.Context, gate policy.GateName, environment, service string, head forge.SHA, now time.Time) (a Answer, found bool, err error) {
	k, found, err := c.deployed(ctx, gate, head, environment)
	if err != nil || !found || !slices.ContainsFunc(k.Services, func(s Service) bool { return s.Name == service }) {
		return Answer{}, false, err
	}
	a = Answer{
		Environment: environment, Service: service, Gate: gate, SHA: head, Known: true,
		DataQuality: k.Quality, At: k.Judged, Expires: k.Judged.Add(fresh), Problems: []Problem{},
	}
	v, why := k.Verdict, k.Why
	if !k.Done && now.After(a.Expires) {
		v, why = Undecided, "the last look at it was at "+clock(k.Judged)
	}
	a.say(v, why, slices.DeleteFunc(k.Rows, func(r Row) bool { return r.Service != service }))
	return a, true, nil
}

// say fills in what follows from a verdict.
func (a *Answer) say(v Verdict, why string, rows []Row) {
	a.Verdict, a.Decision = v, v.Word(a.Gate)
	a.Reason = strings.TrimPrefix(why, a.Decision+": ")
	a.Phase = string(v.State())
	a.Value = map[Verdict]int{Proceed: 0, Warn: 1, Hold: 2, Undecided: 2, Block: 3}[v]
	for _, r := range rows {
		a.Problems = append(a.Problems, Problem{string(r.Problem), r.Title, r.Severity, r.Entity, r.Verdict.String(), r.By})
	}
}
