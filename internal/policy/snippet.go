package policy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Snippet returns the lines of .github/salve.yml that would settle whose value
// a problem speaks of: a service that matches s and owns one of the places. The
// first place stands there as the choice, the others as comments. Texts of s
// and the places may be anybody's; they are quoted.
func Snippet(service string, s Subject, environment string, places []Place) string {
	var b strings.Builder
	fmt.Fprintf(&b, "services:\n  %s:\n    match:\n", quoted(service))
	list := func(key string, items []string) {
		if len(items) > 0 {
			fmt.Fprintf(&b, "      %s: [%s]\n", key, quoted(items[:min(len(items), 5)]...))
		}
	}
	if s.Workload != "" {
		list("workloads", []string{s.Workload})
	} else {
		list("entities", s.Entities)
	}
	if s.Workload == "" && len(s.Entities) == 0 {
		list("names", s.Names)
	}
	if environment != "" {
		fmt.Fprintf(&b, "    environment: %s\n", quoted(environment))
	}
	b.WriteString("    owns:\n")
	for i, p := range places[:min(len(places), 10)] {
		mark := ""
		if i > 0 {
			mark = "# or: "
		}
		fmt.Fprintf(&b, "      %s- {%s}\n", mark, p.inline())
	}
	if len(places) == 0 {
		b.WriteString("      - {kubernetes: \"Deployment namespace/name\"} # or values:, config:, terraform:\n")
	}
	return b.String()
}

// inline writes p as the inside of a flow mapping.
func (p Place) inline() string {
	var parts []string
	for _, f := range []struct{ key, value string }{
		{"kubernetes", p.Kubernetes}, {"values", p.Values}, {"config", p.Config}, {"terraform", p.Terraform}, {"new", p.New},
		{"path", p.Path}, {"container", p.Container}, {"file", p.File}, {"for", p.For}, {"environment", p.Environment},
	} {
		if f.value != "" {
			parts = append(parts, f.key+": "+quoted(f.value))
		}
	}
	return strings.Join(parts, ", ")
}

// quoted writes texts as YAML: bare where that is plainly safe, else as JSON,
// which YAML reads alike.
func quoted(items ...string) string {
	var out []string
	for _, s := range items {
		if nameForm.MatchString(s) && s[0] > '9' {
			out = append(out, s)
			continue
		}
		text, err := json.Marshal(s) // of a string: no error
		if err == nil {
			out = append(out, string(text))
		}
	}
	return strings.Join(out, ", ")
}
