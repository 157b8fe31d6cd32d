package gate

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

// A Service is something that a change would deploy anew.
type Service struct {
	Name        string // of the configuration, or namespace/name of a workload
	Environment string // empty if not known
	Configured  bool   // services: names it
	By          string // the changed file that ties the change to it
	Canary      string `json:",omitempty"` // in a roll-out: workload, entity or version of the side that is new
}

// Touched returns the services whose files are among paths, each once, in the
// order of the paths.
func Touched(repo *plan.Repository, paths []string) []Service {
	var out []Service
	add := func(s Service) {
		if !slices.ContainsFunc(out, func(o Service) bool { return o.Name == s.Name && o.Environment == s.Environment }) {
			out = append(out, s)
		}
	}
	workloads := repo.Workloads()
	for _, file := range paths {
		for _, name := range slices.Sorted(maps.Keys(repo.Config.Services)) {
			s := repo.Config.Services[name]
			if slices.ContainsFunc(s.Owns, func(p policy.Place) bool { return owns(p, file) }) {
				add(Service{Name: name, Environment: s.Environment, Configured: true, By: file})
			}
		}
		for _, w := range workloads {
			if w.File != file && (w.Build == "" || w.Build != path.Dir(file)) {
				continue
			}
			subject := policy.Subject{Workload: w.Namespace + "/" + w.Name}
			if owners := repo.Config.Owners(subject); len(owners) > 0 {
				for _, o := range owners {
					add(Service{Name: o.Service, Environment: repo.Config.Services[o.Service].Environment, Configured: true, By: file})
				}
				continue
			}
			add(Service{Name: subject.Workload, Environment: environmentOf(repo, w.Namespace, file), By: file})
		}
	}
	return out
}

// Deployed returns the services of an environment: those of the configuration
// and the workloads that nothing of it owns.
func Deployed(repo *plan.Repository, environment string) []Service {
	var files []string
	for _, w := range repo.Workloads() {
		files = append(files, w.File)
	}
	var out []Service
	for _, name := range slices.Sorted(maps.Keys(repo.Config.Services)) {
		if s := repo.Config.Services[name]; s.Environment == environment {
			out = append(out, Service{Name: name, Environment: environment, Configured: true, By: policy.File})
		}
	}
	for _, s := range Touched(repo, files) {
		if s.Environment == environment && !s.Configured {
			out = append(out, s)
		}
	}
	return out
}

// owns reports whether a place of the configuration is written in a file.
func owns(p policy.Place, path string) bool {
	return p.Values == path || p.Config == path || p.File == path
}

// environmentOf returns the one environment that a file belongs to, "" if none
// or several could be meant.
func environmentOf(repo *plan.Repository, namespace, path string) string {
	names := repo.Config.EnvironmentsOf(policy.Scope{Path: path, Namespace: namespace})
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// Concerns reports how a problem is tied to a service, "" if it is not: by the
// workload that it names, or by what services: says of its entities. A name
// that merely contains the name of the service ties nothing.
func (s Service) Concerns(repo *plan.Repository, p problem.Problem) string {
	subject := policy.Subject{Tags: p.Tags, Names: slices.Clone(p.Hosts)}
	if p.Workload.Name != "" && !p.Workload.Several {
		subject.Workload = p.Workload.String()
	}
	for _, e := range p.Entities() {
		subject.Entities = append(subject.Entities, string(e.ID))
		subject.Names = append(subject.Names, e.Name)
	}
	return s.is(repo, subject)
}

// is says by what a subject is the service, "" if it is not.
func (s Service) is(repo *plan.Repository, subject policy.Subject) string {
	if !s.Configured {
		if subject.Workload == s.Name {
			return "workload " + s.Name
		}
		return ""
	}
	for _, o := range repo.Config.Owners(subject) {
		if o.Service == s.Name {
			return fmt.Sprintf("service %s by %s", o.Service, o.By)
		}
	}
	return ""
}
