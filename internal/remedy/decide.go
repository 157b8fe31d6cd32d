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
	}
	return ""
}

// decide finds the remedy and the one place that answer a problem. A decision
// without a reason comes with its target.
func (r *Runner) decide(ctx context.Context, f finding, repos []*plan.Repository) (Decision, plan.Target, error) {
	d := Decision{Problem: f.problem, Type: f.kind, Action: f.action}
	if why := leave(f.problem); why != "" {
		d.Reason = because(plan.LeftAlone, why)
		return d, plan.Target{}, nil
	}
	row, subject := f.row(), f.subject()
	d.Reason = because(plan.NoRemedy, fmt.Sprintf("no remedy answers %s with category %s", f.action, f.problem.Category))
	for _, name := range names(repos, row) {
		found, why, err := search(ctx, repos, name, row, subject)
		if err != nil {
			return d, plan.Target{}, err
		}
		switch {
		case len(found) > 1:
			d.Remedy, d.Reason = name, several(found, subject)
			return d, plan.Target{}, nil
		case len(found) == 1:
			d.Remedy, d.Reason = name, Reason{}
			return d, found[0], nil
		}
		if d.Remedy == "" || d.Reason.Code == plan.NotFound || why.Code == plan.LeftAlone {
			d.Remedy, d.Reason = name, why
		}
		if why.Code == plan.LeftAlone {
			return d, plan.Target{}, nil
		}
	}
	if d.Reason.Code == plan.NotFound || d.Reason.Code == policy.NotConfigured {
		d.Reason.Snippet = policy.Snippet(service(subject), subject.Subject, "", nil)
	}
	return d, plan.Target{}, nil
}

// names lists the remedies that answer a row in any repository, the highest
// priority first.
func names(repos []*plan.Repository, row plan.Row) []string {
	var out []string
	seen := map[string]bool{}
	for priority := range levels(repos) {
		for _, repo := range repos {
			for _, rem := range repo.Remedies {
				if rem.Priority == priority && rem.Answers == plan.Problem && !seen[rem.Name] && rem.When.Matches(row) {
					seen[rem.Name] = true
					out = append(out, rem.Name)
				}
			}
		}
	}
	return out
}

// search looks in all repositories for the places that a remedy would change.
// What a person wrote down stands above what a name suggests.
func search(ctx context.Context, repos []*plan.Repository, name string, row plan.Row, s plan.Subject) ([]plan.Target, Reason, error) {
	var all []plan.Target
	why := because(plan.NotFound, "no repository owns it")
	for _, repo := range repos {
		for _, rem := range repo.Remedies {
			if rem.Name != name || !rem.When.Matches(row) {
				continue
			}
			if rem.Leave != "" {
				return nil, because(plan.LeftAlone, rem.Leave), nil
			}
			found, reason, err := repo.Targets(ctx, rem, s)
			if err != nil {
				return nil, Reason{}, fmt.Errorf("%s: %w", repo.Repo, err)
			}
			if reason.Code == policy.NotConfigured && strings.HasPrefix(reason.Text, "service ") {
				why.Reason = reason // nearer than "no repository owns it"
			}
			all = append(all, found...)
		}
	}
	all = plan.Prefer(all)
	if len(all) != 1 {
		return all, why, nil
	}
	reason, err := all[0].Applicable(ctx)
	if err != nil || !reason.None() {
		return nil, Reason{Reason: reason}, err
	}
	return all, Reason{}, nil
}

// several is the reason where more than one place could be meant.
func several(found []plan.Target, s plan.Subject) Reason {
	out := because(plan.Ambiguous, fmt.Sprintf("%d places could be meant, and nothing says which", len(found)))
	var places []policy.Place
	for _, t := range found {
		out.Candidates = append(out.Candidates, t.Repo.Repo.String()+" "+t.Where+" "+t.Place.String())
		places = append(places, policy.Place{
			Kubernetes: t.Place.Kind + " " + t.Place.Namespace + "/" + t.Place.Name, File: t.Place.File,
		})
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
