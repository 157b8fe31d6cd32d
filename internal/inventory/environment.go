package inventory

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/envname"
	"github.com/salvehq/salve/internal/policy"
)

// An Environment says which files, clusters and namespaces belong to one.
// Globs: * any characters but a slash, ** any, ? one.
type Environment struct {
	Paths      []string
	Clusters   []string
	Namespaces []string
	VarFiles   []string // Terraform
}

// parents are directories whose children are called after environments.
var parents = []string{"overlays", "overlay", "environments", "environment", "envs", "env", "stages"}

// environmentsOf returns the environments that a file with a namespace belongs
// to: as configured, else as directories and the file itself are called.
func (o Options) environmentsOf(file, namespace, cluster string) []string {
	if len(o.Environments) > 0 {
		var out []string
		for _, name := range slices.Sorted(maps.Keys(o.Environments)) {
			if o.Environments[name].contains(file, namespace, cluster) {
				out = append(out, name)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	name, known := o.named[file]
	if !known {
		name = inferred(file)
		if o.named != nil {
			o.named[file] = name
		}
	}
	if name == "" {
		return nil
	}
	return []string{name}
}

// contains reports whether at least one list matches and none that could match
// fails.
func (e Environment) contains(file, namespace, cluster string) bool {
	hit := false
	for _, c := range []struct {
		globs []string
		known string
	}{{e.Paths, file}, {e.Namespaces, namespace}, {e.Clusters, cluster}} {
		if len(c.globs) == 0 || c.known == "" {
			continue
		}
		if !slices.ContainsFunc(c.globs, func(g string) bool { return policy.MatchGlob(g, c.known) }) {
			return false
		}
		hit = true
	}
	return hit
}

// inferred reads an environment from the name of a path: the element below a
// directory such as overlays, else the last element or part of the file's name
// that is a usual name for an environment.
func inferred(file string) string {
	parts := strings.Split(path.Dir(file), "/")
	for i := len(parts) - 1; i > 0; i-- {
		if slices.Contains(parents, parts[i-1]) {
			return envname.Canonical(parts[i])
		}
	}
	stem := base(file)
	for _, word := range strings.FieldsFunc(stem, func(r rune) bool { return r == '-' || r == '.' || r == '_' }) {
		if s, ok := envname.Usual(word); ok {
			return s
		}
	}
	for i := len(parts) - 1; i >= 0; i-- {
		if s, ok := envname.Usual(parts[i]); ok {
			return s
		}
		for _, word := range strings.FieldsFunc(parts[i], func(r rune) bool { return r == '-' || r == '_' }) {
			if s, ok := envname.Usual(word); ok && s == "production" || s == "staging" {
				return s
			}
		}
	}
	return ""
}

// means reports whether a target's environment is one of names.
func means(environment string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return envname.Canonical(n) == envname.Canonical(environment) })
}
