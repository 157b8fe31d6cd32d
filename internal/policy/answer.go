package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Subject is a monitored entity, or several that one problem names, as far as
// ownership can be told from them. Unknown fields are empty.
type Subject struct {
	Workload string // namespace/name
	Entities []string
	Names    []string
	Tags     []string
}

// An Owner is a service that a [Subject] belongs to.
type Owner struct {
	Service string
	By      string // what matched: "workload shop/checkout"
}

// Owners returns the services that s belongs to, sorted by name. More than one
// is for people to settle.
func (c *Config) Owners(s Subject) []Owner {
	var out []Owner
	for name, service := range c.Services {
		if by := service.Match.hit(s); by != "" {
			out = append(out, Owner{name, by})
		}
	}
	slices.SortFunc(out, func(a, b Owner) int { return cmp.Compare(a.Service, b.Service) })
	return out
}

// hit says what of s is matched by m, "" if nothing is.
func (m Match) hit(s Subject) string {
	if s.Workload != "" && matchAny(m.Workloads, s.Workload) {
		return "workload " + s.Workload
	}
	for _, e := range s.Entities {
		if slices.Contains(m.Entities, e) {
			return "entity " + e
		}
	}
	for _, n := range s.Names {
		if matchAny(m.Names, n) {
			return "name " + n
		}
	}
	for _, t := range s.Tags {
		if matchAny(m.Tags, t) {
			return "tag " + t
		}
	}
	return ""
}

// A Scope is what is known of where something runs or is written.
type Scope struct {
	Path      string // of a file
	Cluster   string
	Namespace string
	Tags      []string
}

// EnvironmentsOf returns the names of the environments that s belongs to,
// sorted: at least one list of an environment matches what s knows, and no list
// contradicts it.
func (c *Config) EnvironmentsOf(s Scope) []string {
	var out []string
	for name, e := range c.Environments {
		if e.contains(s) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (e Environment) contains(s Scope) bool {
	hit := false
	for _, c := range []struct {
		globs []string
		known []string
	}{
		{e.Paths, []string{s.Path}}, {e.Clusters, []string{s.Cluster}}, {e.Namespaces, []string{s.Namespace}}, {e.Tags, s.Tags},
	} {
		if len(c.globs) == 0 || len(c.known) == 0 || c.known[0] == "" {
			continue
		}
		if !slices.ContainsFunc(c.known, func(k string) bool { return matchAny(c.globs, k) }) {
			return false
		}
		hit = true
	}
	return hit
}

// OnUnknownIn is what a gate does in an environment when it could not find out.
// What is called production blocks unless the file says otherwise.
func (c *Config) OnUnknownIn(gate GateName, environment string) OnUnknown {
	fallback := Warn
	if environment == "production" || environment == "prod" {
		fallback = Block
	}
	return cmp.Or(c.Gates[gate].OnUnknown, c.Environments[environment].OnUnknown, fallback)
}

// Gate returns how a gate runs. Without a word in the file, the check before a
// deployment runs and the others do not; a gate that the file names runs.
func (c *Config) Gate(name GateName) Gate {
	g := defaultGate(name)
	said, ok := c.Gates[name]
	if !ok {
		return g
	}
	return Gate{
		Mode:      cmp.Or(said.Mode, Enforce),
		OnUnknown: said.OnUnknown,
		Deadline:  cmp.Or(said.Deadline, g.Deadline),
		Clean:     cmp.Or(said.Clean, g.Clean),
		BreakGlass: BreakGlass{
			Permission: cmp.Or(said.BreakGlass.Permission, g.BreakGlass.Permission),
			For:        cmp.Or(said.BreakGlass.For, g.BreakGlass.For),
		},
	}
}

// Writes returns why nothing may be written to the repository of c.
func (c *Config) Writes() Reason {
	switch {
	case c == nil || c.Version == 0:
		return reasonf(NotConfigured, "the repository has no %s", File)
	case c.DryRun:
		return reasonf(DryRun, "%s says dry-run: true", File)
	}
	return Reason{}
}

// Places returns where a service's value for a remedy is written in an
// environment, "" for any: the places that name the remedy or, if there is
// none, its workloads.
func (c *Config) Places(service, remedy, environment string) []Place {
	s := c.Services[service]
	var named, workloads []Place
	for _, p := range s.Owns {
		p.Environment = cmp.Or(p.Environment, s.Environment)
		if environment != "" && p.Environment != "" && p.Environment != environment {
			continue
		}
		switch p.For {
		case remedy:
			named = append(named, p)
		case "":
			workloads = append(workloads, p)
		}
	}
	if len(named) > 0 {
		return named
	}
	return workloads
}

// Rule returns what c says about a remedy for a service in an environment, or
// why the remedy is not used there. What the service says stands above what
// the repository says.
func (c *Config) Rule(service, remedy, environment string) (Rule, Reason) {
	all, own := c.Remedies[remedy], c.Services[service].Remedies[remedy]
	enabled := cmp.Or(own.Enabled, all.Enabled)
	if enabled != nil && !*enabled {
		return Rule{}, reasonf(Disabled, "%s is switched off in %s", remedy, File)
	}
	where := all.Environments
	if len(own.Environments) > 0 {
		where = own.Environments
	}
	if len(where) > 0 && !slices.Contains(where, environment) {
		return Rule{}, reasonf(Disabled, "%s is used in %s only, not in %q", remedy, strings.Join(where, ", "), environment)
	}
	return Rule{
		Step:     float64(cmp.Or(own.Step, all.Step)),
		Initial:  string(cmp.Or(own.Initial, all.Initial)),
		Ceiling:  string(cmp.Or(own.Ceiling, all.Ceiling)),
		Cooldown: time.Duration(cmp.Or(own.Cooldown, all.Cooldown, Duration(defaultCooldown))),
	}, Reason{}
}

// AutoMerge reports whether a remedy may be merged by GitHub itself in an
// environment, which is only so where the file names both.
func (c *Config) AutoMerge(service, remedy, environment string) bool {
	return slices.Contains(c.Remedies[remedy].AutoMerge, environment) ||
		slices.Contains(c.Services[service].Remedies[remedy].AutoMerge, environment)
}
