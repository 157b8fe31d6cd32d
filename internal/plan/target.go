package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// A Subject is what a problem or a detector is about, as far as a repository
// can be searched for it. Every string in it may be an attacker's.
type Subject struct {
	policy.Subject
	Cluster   string
	Namespace string
	Kind      string // of the workload, as Dynatrace spells it: "deployment"
	Workload  string // its name
	Several   bool   // it names several workloads, so none can be chosen
	Title     string // of the problem; finds the detector of an alert
}

// workload is what the use of a subject is asked for; none where it names
// several.
func (s Subject) workload() Workload {
	if s.Several {
		return Workload{}
	}
	return Workload{s.Cluster, s.Namespace, s.Kind, s.Workload}
}

// A Target is one place that a remedy may change for a subject.
type Target struct {
	Repo        *Repository
	Remedy      Remedy
	Service     string // of the configuration; empty for a direct match
	Environment string // empty if not known
	Name        string // for people: "shop/checkout"
	Place       inventory.Target
	Workload    Workload // that the problem is about, as far as it says
	By          string   // how it was found: "tag tier:web", "k8s.workload.name"
	Explicit    bool     // services: names it
	Where       string   // file:line, for people

	Fields map[string]string // addresses of an alert rule by field
}

// Key names the change that a target stands for: two problems with the same key
// share one pull request, and a key proposed twice is the same pull request.
func (t Target) Key() string { return t.Repo.Repo.String() + separator + t.change() }

// change is the key without the repository, which may be renamed.
func (t Target) change() string {
	return strings.Join([]string{t.Environment, t.Remedy.Name, t.Place.String()}, separator)
}

// Branch names the branch of the pull request that makes the change. The
// repository is no part of it: renamed or transferred, it still has the branch,
// with all that people once said about it.
func (t Target) Branch() string { return prose.Branch(t.change(), t.Remedy.Name, t.Name) }

// SameChange reports whether two keys name the same change of one repository,
// which may have been called otherwise for one of them.
func SameChange(a, b string) bool {
	_, a, _ = strings.Cut(a, separator)
	_, b, _ = strings.Cut(b, separator)
	return a == b && a != ""
}

// Targets returns the places in r that a remedy would change for a subject. No
// targets come with the reason that there is none.
func (r *Repository) Targets(ctx context.Context, remedy Remedy, s Subject) ([]Target, policy.Reason, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if remedy.Set != nil && remedy.Set.Place == PlaceAlertRule {
		return r.alertRules(ctx, remedy, s)
	}
	owned, named := r.owned(remedy, s)
	if len(owned) > 0 {
		return owned, policy.Reason{}, nil
	}
	if remedy.owned() {
		why := "no service of " + policy.File + " matches it"
		if named != "" {
			why = fmt.Sprintf("service %s says no place for remedy %s under owns", named, remedy.Name)
		}
		return nil, policy.Reason{Code: policy.NotConfigured, Text: why}, nil
	}
	return r.direct(ctx, remedy, s)
}

// Holds reports whether a subject is known here: a service of the
// configuration matches it, or a manifest is of its name.
func (r *Repository) Holds(s Subject) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Config != nil && len(r.Config.Owners(s.Subject)) > 0 {
		return true
	}
	return s.Workload != "" && s.Namespace != "" && !s.Several &&
		len(r.inventory.Find(s.Kind, s.Namespace, s.Workload, r.environmentOf(s))) > 0
}

// Written is t as .github/salve.yml would name it.
func (t Target) Written() policy.Place {
	switch p := t.Place; p.Form {
	case inventory.Values:
		return policy.Place{Values: p.File, Path: p.Path, For: t.Remedy.Name}
	case inventory.ConfigFile:
		return policy.Place{Config: p.File, Path: p.Path, For: t.Remedy.Name}
	case inventory.Terraform:
		return policy.Place{Terraform: p.Address, File: p.File, For: t.Remedy.Name}
	default:
		return policy.Place{Kubernetes: p.Kind + " " + p.Namespace + "/" + p.Name, Container: p.Container, File: p.File}
	}
}

// owned returns the places that services: names, and the last service that the
// subject belongs to.
func (r *Repository) owned(remedy Remedy, s Subject) (out []Target, named string) {
	if r.Config == nil {
		return nil, ""
	}
	for _, owner := range r.Config.Owners(s.Subject) {
		named = owner.Service
		environment := r.Config.Services[owner.Service].Environment
		switch seen := r.environmentOf(s); {
		case environment == "":
			environment = seen
		case seen != "" && seen != environment:
			continue // the same service, where it is deployed otherwise
		}
		for _, p := range r.Config.Places(owner.Service, remedy.Name, environment) {
			t, ok := placeOf(p, remedy, s)
			if !ok || remedy.owned() && p.For != remedy.Name {
				continue
			}
			out = append(out, Target{
				Repo: r, Remedy: remedy, Service: owner.Service, Environment: t.Environment,
				Name: owner.Service, Place: t, Workload: s.workload(), By: owner.By, Explicit: true,
			})
		}
	}
	return out, named
}

// placeOf turns a place of the configuration into one of the inventory; ok is
// false for a place that the remedy does not edit.
func placeOf(p policy.Place, remedy Remedy, s Subject) (inventory.Target, bool) {
	t := inventory.Target{Container: p.Container, ContainerIndex: -1, Environment: p.Environment, File: p.File}
	switch {
	case p.Kubernetes != "":
		if remedy.Set != nil && remedy.Set.Place == PlaceOwned {
			return t, false
		}
		t.Form = inventory.Kubernetes
		t.Kind, t.Namespace, t.Name = workloadOf(p.Kubernetes)
		t.Field = remedy.field()
	case p.Values != "":
		t.Form, t.File, t.Path = inventory.Values, p.Values, p.Path
	case p.Config != "":
		t.Form, t.File, t.Path = inventory.ConfigFile, p.Config, p.Path
	case p.Terraform != "":
		t.Form, t.Address = inventory.Terraform, p.Terraform
	default:
		return t, false
	}
	return t, true
}

// owned reports whether a remedy works only where services: names it.
func (r Remedy) owned() bool {
	return r.Set != nil && r.Set.Place == PlaceOwned || r.Create != nil && r.Create.Place == PlaceOwned
}

// workloadOf reads "Deployment shop/checkout".
func workloadOf(s string) (kind, namespace, name string) {
	kind, rest, _ := strings.Cut(s, " ")
	namespace, name, ok := strings.Cut(strings.TrimSpace(rest), "/")
	if !ok {
		namespace, name = "", namespace
	}
	return kind, namespace, name
}

// field is the field below a workload that a remedy edits.
func (r Remedy) field() string {
	if r.Set == nil {
		return ""
	}
	return r.Set.Field
}

// environmentOf returns the one environment that a subject runs in, "" if none
// or several could be meant.
func (r *Repository) environmentOf(s Subject) string {
	if r.Config == nil {
		return ""
	}
	names := r.Config.EnvironmentsOf(policy.Scope{Cluster: s.Cluster, Namespace: s.Namespace, Tags: s.Tags})
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// direct returns the manifests of the workload that the subject names.
func (r *Repository) direct(ctx context.Context, remedy Remedy, s Subject) ([]Target, policy.Reason, error) {
	switch {
	case s.Several:
		return nil, policy.Reason{Code: NotFound, Text: "it names several workloads"}, nil
	case s.Workload == "" || s.Namespace == "":
		return nil, policy.Reason{Code: NotFound, Text: "it names no workload, and no service of " + policy.File + " matches it"}, nil
	}
	environment := r.environmentOf(s)
	var out []Target
	for _, w := range r.inventory.Find(s.Kind, s.Namespace, s.Workload, environment) {
		out = append(out, Target{
			Repo: r, Remedy: remedy, Environment: environment,
			Name: s.Namespace + "/" + s.Workload,
			Place: inventory.Target{
				Form: inventory.Kubernetes, APIVersion: w.APIVersion, Kind: w.Kind, Namespace: s.Namespace, Name: w.Name,
				ContainerIndex: -1, Field: remedy.field(), Environment: environment, File: w.File,
			},
			Workload: s.workload(), By: "k8s.workload.name", Where: fmt.Sprintf("%s:%d", w.File, w.Line),
		})
	}
	if len(out) == 0 {
		return nil, policy.Reason{Code: NotFound, Text: "no manifest of " + s.Namespace + "/" + s.Workload}, nil
	}
	return out, policy.Reason{}, nil
}

// Applicable reports why a remedy has no answer for one target, although it is
// the right target: no autoscaler whose bounds could move, or one where none
// should be. The next remedy may have one.
func (t *Target) Applicable(ctx context.Context) (policy.Reason, error) {
	if t.Place.Form != inventory.Kubernetes {
		return policy.Reason{}, nil // a person wrote down the value itself
	}
	wants := t.Remedy.Set != nil && t.Remedy.Set.Place == PlaceAutoscaler
	refuses := t.Remedy.Create != nil && t.Remedy.Create.Unless == PlaceAutoscaler
	if !wants && !refuses {
		return policy.Reason{}, nil
	}
	t.Repo.mu.Lock()
	defer t.Repo.mu.Unlock()
	scalers := t.Repo.inventory.Autoscalers(t.Place.Kind, t.Place.Namespace, t.Place.Name, t.Environment)
	switch {
	case wants && len(scalers) == 0:
		return policy.Reason{Code: NotFound, Text: "no autoscaler of " + t.Name + " in the repository"}, nil
	case wants && len(scalers) > 1:
		return policy.Reason{Code: Ambiguous, Text: "several autoscalers of " + t.Name}, nil
	case refuses && len(scalers) > 0:
		return policy.Reason{Code: policy.Autoscaled, Text: t.Name + " has an autoscaler already"}, nil
	case wants:
		a := scalers[0]
		t.Place.Kind, t.Place.APIVersion, t.Place.Name, t.Place.File = a.Kind, a.APIVersion, a.Name, a.File
	}
	return policy.Reason{}, nil
}

// Codes of reasons that policy does not give.
const (
	NotFound  policy.Code = "not-found"
	Ambiguous policy.Code = "ambiguous"
	Refused   policy.Code = "refused"
	LeftAlone policy.Code = "left-alone"
	NoRemedy  policy.Code = "no-remedy"
)

// Prefer returns the explicit targets of all, if there are any: what a person
// wrote down stands above what a name suggests.
func Prefer(all []Target) []Target {
	if slices.ContainsFunc(all, func(t Target) bool { return t.Explicit }) {
		return slices.DeleteFunc(slices.Clone(all), func(t Target) bool { return !t.Explicit })
	}
	return all
}

// sibling is the place of another field of the same thing: the request beside a
// limit, the window beside the violating samples.
func (t Target) sibling(other string) inventory.Target {
	if address, ok := t.Fields[other]; ok {
		place := t.Place
		place.Address = address
		return place
	}
	return t.Place.Sibling(t.Remedy.Set.Field, other)
}
