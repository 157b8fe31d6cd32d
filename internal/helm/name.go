package helm

import (
	"regexp"
	"strings"
)

// A Naming is what names in templates are made of.
type Naming struct {
	Release, Chart string
	// Value returns a value that is written, "" if it is not.
	Value func(path string) string
}

// action is one expression of a template; pipes that shorten or quote a name
// do not matter here.
var (
	action  = regexp.MustCompile(`\{\{-?\s*(.*?)\s*-?\}\}`)
	include = regexp.MustCompile(`^(?:include|template)\s+"([^"]+)"\s+[$.]`)
	printf  = regexp.MustCompile(`^printf\s+"([^"%]*)%s([^"%]*)"\s+\(?(.+?)\)?$`)
	dotted  = regexp.MustCompile(`^(\$?\.Values)((?:\.[A-Za-z0-9_-]+)+)`)
)

// Name fills in the expressions of a name; "" if one of them is more than this
// program reads.
func (n Naming) Name(expression string) string {
	ok := true
	out := action.ReplaceAllStringFunc(expression, func(s string) string {
		v := n.eval(action.FindStringSubmatch(s)[1])
		ok = ok && v != ""
		return v
	})
	out = strings.Trim(out, `"'`)
	if !ok || strings.ContainsAny(out, "{} ") {
		return ""
	}
	return out
}

func (n Naming) eval(s string) string {
	s, _, _ = strings.Cut(s, "|")
	s = strings.TrimPrefix(strings.TrimSpace(s), "$")
	switch s {
	case ".Release.Name":
		return n.Release
	case ".Chart.Name":
		return n.Chart
	}
	if m := printf.FindStringSubmatch(s); m != nil {
		if v := n.eval(m[3]); v != "" {
			return m[1] + v + m[2]
		}
		return ""
	}
	if m := include.FindStringSubmatch(s); m != nil {
		switch m[1] {
		case n.Chart + ".fullname", "common.names.fullname":
			return n.fullname()
		case n.Chart + ".name", "common.names.name":
			return n.name()
		}
		return ""
	}
	if m := dotted.FindStringSubmatch(s); m != nil && m[0] == s {
		return n.Value(strings.TrimPrefix(m[2], "."))
	}
	return ""
}

func (n Naming) name() string {
	if v := n.Value("nameOverride"); v != "" {
		return v
	}
	return n.Chart
}

// fullname is what the helper of that name does in charts that helm create
// made.
// https://github.com/helm/helm/blob/main/pkg/chart/v2/util/create.go
func (n Naming) fullname() string {
	if v := n.Value("fullnameOverride"); v != "" {
		return v
	}
	if name := n.name(); !strings.Contains(n.Release, name) {
		return cut(n.Release + "-" + name)
	}
	return cut(n.Release)
}

// cut shortens a name to the length of a DNS label.
func cut(s string) string { return strings.TrimSuffix(s[:min(len(s), 63)], "-") }
