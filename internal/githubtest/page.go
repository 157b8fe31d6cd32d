package githubtest

import (
	"fmt"
	"net/http"
	"strings"
)

// showPull is a pull request as plain text, for people who follow its link.
func (c *call) showPull() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var b strings.Builder
	p := i.pull
	fmt.Fprintf(&b, "%s #%d  %s  (%s)\n%s wants to merge %s into %s\n", c.repo.full(), i.number, i.title, c.repo.stateOf(i), i.author.login, p.head, p.base)
	if i.body != "" {
		fmt.Fprintf(&b, "\n%s\n\n", i.body)
	}
	for _, l := range i.labels {
		fmt.Fprintf(&b, "label   %s\n", l.name)
	}
	for _, st := range c.repo.latest(p.headSHA) {
		fmt.Fprintf(&b, "status  %s %s %s\n", st.context, st.state, st.description)
	}
	for _, m := range p.lineComments() {
		fmt.Fprintf(&b, "review  %s:%d %s: %s\n", m.path, m.line, m.author.login, m.body)
	}
	for _, m := range i.comments {
		fmt.Fprintf(&b, "comment %s: %s\n", m.author.login, m.body)
	}
	fmt.Fprintf(&b, "\n%s", unified(c.repo.changes(p)))
	return reply{status: http.StatusOK, raw: []byte(b.String()), kind: "text/plain; charset=utf-8"}, nil
}

// stateOf is open, closed or merged.
func (r *repo) stateOf(i *issue) string {
	if i.pull != nil && !i.pull.merged.IsZero() {
		return "merged"
	}
	return i.state
}
