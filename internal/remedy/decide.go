package remedy

import (
	"context"
	"fmt"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

// A Reason says why nothing is proposed for a problem.
type Reason struct {
	policy.Reason
	Candidates []string // places that could be meant, where several are
	Snippet    string   // of .github/salve.yml that would settle it
}

// A finding is a problem and the words that the query gave it.
type finding struct {
	problem problem.Problem
	kind    string // remediation_type
	action  string // git_action
}

// read turns the rows of the query into findings. A row that makes no sense is
// an error beside the others.
func read(rows []dql.Record) (out []finding, errs []error) {
	for _, row := range rows {
		p, err := problem.FromRecord(row)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, finding{p, row.Text("remediation_type"), row.Text("git_action")})
	}
	return out, errs
}

// maxNamed bounds the names of one problem that repositories are searched for:
// each is held against each service of each repository.
const maxNamed = 1000

// leave returns why a problem is left alone whatever could be done about it.
func leave(p problem.Problem) string {
	switch {
	case !p.Active:
		return "closed"
	case p.Duplicate:
		return "a duplicate of another problem, which is answered in its place"
	case p.Muted:
		return "muted in Dynatrace"
	case p.Maintenance:
		return "under maintenance"
	case !p.Ready:
		return "root-cause analysis is not done yet; decided in a later cycle"
	case max(len(p.Affected), len(p.Hosts), len(p.Tags)) > maxNamed:
		return fmt.Sprintf("it names more than %d entities, hosts or tags; no one change answers that", maxNamed)
	}
	return ""
}

// An asker knows which remedies answer a row, and where they might.
type asker interface {
	answers(plan.Row, plan.Subject) []entry
}

// decide finds the remedy and the one place that answer a problem. A decision
// without a reason comes with its target.
func (r *Runner) decide(ctx context.Context, f finding, all asker) (Decision, plan.Target, error) {
	d := Decision{Problem: f.problem, Type: f.kind, Action: f.action}
	if why := leave(f.problem); why != "" {
		d.Reason = because(plan.LeftAlone, why)
		return d, plan.Target{}, nil
	}
	row, subject := f.row(), f.subject()
	d.Reason = because(plan.NoRemedy, fmt.Sprintf("no remedy answers %s with category %s", f.action, f.problem.Category))
	left := map[*plan.Repository]bool{}
	for _, e := range all.answers(row, subject) {
		found, why, stop, err := e.search(ctx, subject, left)
		if err != nil {
			d.Remedy, d.Reason = e.name, because(plan.Refused, "could not be searched for: "+err.Error())
			return d, plan.Target{}, err
		}
		switch {
		case len(found) > 1:
			d.Remedy, d.Reason = e.name, several(found, subject)
			return d, plan.Target{}, nil
		case len(found) == 1:
			d.Remedy, d.Reason = e.name, Reason{}
			return d, found[0], nil
		}
		if d.Remedy == "" || d.Reason.Code == plan.NotFound || why.Code == plan.LeftAlone {
			d.Remedy, d.Reason = e.name, why
		}
		if stop {
			return d, plan.Target{}, nil
		}
	}
	if d.Reason.Code == plan.NotFound || d.Reason.Code == policy.NotConfigured {
		d.Reason.Snippet = policy.Snippet(service(subject), subject.Subject, "", nil)
	}
	return d, plan.Target{}, nil
}

// search looks in repositories for the places that a remedy would change.
// What a person wrote down stands above what a name suggests.
//
// A repository's own remedy that leaves a problem alone speaks for what that
// repository holds and is noted in left; it takes no answer from others. One of
// the program speaks for all, where no repository puts an answer in its place;
// stop then says that no other remedy is asked.
func (e entry) search(ctx context.Context, s plan.Subject, left map[*plan.Repository]bool) (all []plan.Target, why Reason, stop bool, err error) {
	why = because(plan.NotFound, "no repository owns it")
	leave := e.leave
	for _, o := range e.offers {
		switch {
		case left[o.repo]:
			continue
		case o.remedy.Leave != "" && !o.remedy.Own:
			leave = o.remedy.Leave
			continue
		case o.remedy.Leave != "":
			if o.repo.Holds(s) {
				left[o.repo], why = true, because(plan.LeftAlone, o.remedy.Leave)
			}
			continue
		}
		found, reason, err := o.repo.Targets(ctx, *o.remedy, s)
		if err != nil {
			return nil, Reason{}, false, fmt.Errorf("%s: %w", o.repo.Repo, err)
		}
		if reason.Code == policy.NotConfigured && strings.HasPrefix(reason.Text, "service ") {
			why.Reason = reason // nearer than "no repository owns it"
		}
		all = append(all, found...)
	}
	all = plan.Prefer(all)
	switch {
	case len(all) == 0 && leave != "":
		return nil, because(plan.LeftAlone, leave), true, nil
	case len(all) != 1:
		return all, why, false, nil
	}
	reason, err := all[0].Applicable(ctx)
	if err != nil || !reason.None() {
		return nil, Reason{Reason: reason}, false, err
	}
	return all, Reason{}, false, nil
}

// several is the reason where more than one place could be meant.
func several(found []plan.Target, s plan.Subject) Reason {
	out := because(plan.Ambiguous, fmt.Sprintf("%d places could be meant, and nothing says which", len(found)))
	var places []policy.Place
	for _, t := range found {
		place := t.Place
		if strings.HasPrefix(t.Where, place.File+":") {
			place.File = "" // that stands in where
		}
		out.Candidates = append(out.Candidates, t.Repo.Repo.String()+" "+t.Where+" "+place.String())
		places = append(places, t.Written())
	}
	out.Snippet = policy.Snippet(service(s), s.Subject, found[0].Environment, places)
	return out
}

func because(code policy.Code, text string) Reason {
	return Reason{Reason: policy.Reason{Code: code, Text: text}}
}

// service is a name for what a subject is, for a snippet.
func service(s plan.Subject) string {
	switch {
	case s.Workload != "":
		return s.Workload
	case len(s.Names) > 0:
		return s.Names[0]
	}
	return "my-service"
}
