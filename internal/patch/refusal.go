package patch

import (
	"fmt"
	"strings"
)

// A Refusal says why an edit cannot be made so that it is right: a templated
// value, an alias, a file that is generated or encrypted. It is an answer for
// people, not a fault: it names the place and what a person could do there.
type Refusal struct {
	Path      string // file; empty if no file is to blame
	Line, Col int    // from 1; zero if unknown
	Why       string // "value is interpolated: \"${var.size}\""
	Do        string // "set variable size in env/production.tfvars"; may be empty
}

func (r *Refusal) Error() string {
	var b strings.Builder
	if r.Path != "" {
		b.WriteString(r.Path)
		if r.Line > 0 {
			fmt.Fprintf(&b, ":%d", r.Line)
			if r.Col > 0 {
				fmt.Fprintf(&b, ":%d", r.Col)
			}
		}
		b.WriteString(": ")
	}
	b.WriteString(r.Why)
	if r.Do != "" {
		b.WriteString("; " + r.Do)
	}
	return b.String()
}
