package policy

import (
	"regexp"
	"slices"
	"strings"
)

// A Suggestion is a service as a starting configuration shows it.
type Suggestion struct {
	Workload string // namespace/name
	Places   []Place
}

const starterHead = `# yaml-language-server: $schema=https://github.com/salvehq/salve/raw/main/docs/salve.schema.json
#
# With this file on the default branch, Salve opens pull requests that answer
# Dynatrace problems. "dry-run: true" below lets it decide and open nothing.
# All that can be said here: https://github.com/salvehq/salve/blob/main/docs/salve.yml
version: 1
`

const starterServices = `
# Workloads are found by their names. Where a problem could mean several places,
# or a value stands elsewhere, a service says which one:
#
`

// plainWorkload and plainFile are what may stand in a comment of YAML: nothing
// that could end it.
var (
	plainWorkload = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9.-]{0,100}$`)
	plainFile     = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,200}$`)
)

// Starter returns the shortest configuration, with services as comments. What
// has an unusual name is left out.
func Starter(services []Suggestion) []byte {
	var b strings.Builder
	b.WriteString(starterHead)
	begun := false
	for _, s := range services {
		places := slices.DeleteFunc(slices.Clone(s.Places), func(p Place) bool { return !workloadForm.MatchString(p.Kubernetes) || !plainFile.MatchString(p.File) })
		if !plainWorkload.MatchString(s.Workload) || len(places) == 0 {
			continue
		}
		head, lines, _ := strings.Cut(Snippet(strings.ReplaceAll(s.Workload, "/", "-"), Subject{Workload: s.Workload}, "", places), "\n")
		if !begun {
			b.WriteString(starterServices + "# " + head + "\n")
			begun = true
		}
		for line := range strings.Lines(lines) {
			b.WriteString("# " + line)
		}
	}
	return []byte(b.String())
}
