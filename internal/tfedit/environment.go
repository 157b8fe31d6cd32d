package tfedit

import (
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/envname"
)

// called returns the environment that a path is called after: the last element
// of it, or word of one, that is a usual name or the one that was asked for.
// What live/dev/web is for is said by dev.
func called(file, environment string) string {
	out := ""
	for _, part := range words(file) {
		if s, ok := envname.Usual(part); ok || envname.Canonical(part) == envname.Canonical(environment) {
			out = s
			if !ok {
				out = envname.Canonical(environment)
			}
		}
	}
	return out
}

// names reports whether a path is called after an environment.
func names(file, environment string) bool {
	return called(file, environment) == envname.Canonical(environment)
}

// others reports whether a path is called after another environment.
func others(file, environment string) bool {
	s := called(file, environment)
	return s != "" && s != envname.Canonical(environment)
}

// words splits a path into its elements, and those into words.
func words(file string) []string {
	file = strings.TrimSuffix(file, ".json")
	file = strings.TrimSuffix(strings.TrimSuffix(file, ".tfvars"), ".auto")
	var out []string
	for _, part := range strings.Split(file, "/") {
		out = append(out, part)
		if w := strings.FieldsFunc(part, func(r rune) bool { return r == '-' || r == '_' || r == '.' }); len(w) > 1 {
			out = append(out, w...)
		}
	}
	return out
}

// environmentVariables are how variables and locals that hold the name of the
// environment are called.
var environmentVariables = []string{"environment", "env", "stage", "environment_name", "env_name", "workspace", "deployment_environment"}

func isEnvironmentVariable(name string) bool {
	return slices.Contains(environmentVariables, strings.ToLower(name))
}

// example reports whether a directory shows how something is used, or tests it.
func example(dir string) bool {
	for _, part := range strings.Split(dir, "/") {
		switch strings.ToLower(part) {
		case "example", "examples", "test", "tests", "testdata", "fixtures":
			return true
		}
	}
	return false
}

// within reports whether a file lies in a directory or below it.
func within(file, dir string) bool {
	dir = path.Clean(dir)
	return dir == "." || file == dir || strings.HasPrefix(file, dir+"/")
}
