package eval

import (
	"slices"
	"strings"
)

// A scope is what is known before the run about the fields at one place of the
// pipe. In an open scope, that of a recorded table, any other field may exist
// too; in a closed one a name that is not there is an error.
type scope struct {
	open  bool
	names []string
}

func (s *scope) has(name string) bool { return s.open || slices.Contains(s.names, name) }

// with returns s and more names.
func (s *scope) with(names ...string) *scope {
	out := &scope{open: s.open, names: slices.Clone(s.names)}
	for _, n := range names {
		if !slices.Contains(out.names, n) {
			out.names = append(out.names, n)
		}
	}
	return out
}

// without returns s less the names that drop reports.
func (s *scope) without(drop func(string) bool) *scope {
	return &scope{open: s.open, names: slices.DeleteFunc(slices.Clone(s.names), drop)}
}

// nearest returns the known name that looks most like name, "" if none does.
func (s *scope) nearest(name string) string {
	for _, n := range s.names {
		if strings.EqualFold(n, name) || strings.HasSuffix(n, "."+name) || strings.HasSuffix(name, "."+n) {
			return n
		}
	}
	return ""
}
