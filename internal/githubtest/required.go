package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// required returns the checks that a branch asks for, by protection and rules.
func (r *repo) required(branch string, by *app) []RequiredCheck {
	all := slices.Clone(r.protected[branch].Checks)
	for _, rules := range r.rules {
		if !r.applies(rules, branch) || by != nil && slices.Contains(rules.Bypass, by.ID) {
			continue
		}
		for _, one := range rules.Rules {
			if one.Type == "required_status_checks" {
				all = append(all, one.checks()...)
			}
		}
	}
	return all
}

// blocked says what keeps a pull request from being merged, nil if nothing.
func (s *Server) blocked(r *repo, i *issue, by *app) error {
	refuse := func(format string, args ...any) error { return fail(http.StatusMethodNotAllowed, format, args...) }
	p := i.pull
	var why []string
	words := map[string]int{}
	for _, check := range r.required(p.base, by) {
		if word := r.verdict(check, p.headSHA); word != "" {
			why = append(why, fmt.Sprintf("Required status check %q %s.", check.Context, word))
			words[strings.TrimPrefix(word, "is ")]++
		}
	}
	if len(why) == 1 {
		return refuse("%s", why[0])
	}
	if len(why) > 1 {
		return refuse("%d of %d required status checks have not succeeded: %s.", len(why), len(r.required(p.base, by)), tally(words))
	}
	protection := r.protected[p.base]
	if protection.Strict && !r.git.Ancestors(p.headSHA)[r.head(p.base)] {
		return refuse("Head branch is out of date")
	}
	if n := r.approvals(i); n < protection.Reviews {
		return refuse("At least %d approving review is required by reviewers with write access.", protection.Reviews)
	}
	return nil
}

// tally writes "1 expected and 2 failing".
func tally(words map[string]int) string {
	var parts []string
	for _, w := range []string{"expected", "pending", "failing"} {
		if words[w] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", words[w], w))
		}
	}
	return strings.Join(parts, " and ")
}

// verdict says what is wrong with a required check on a commit, empty if it
// has succeeded. A status and a check run of the same name must both succeed.
func (r *repo) verdict(check RequiredCheck, id git.ID) string {
	word, seen := r.runVerdict(check, id)
	if word != "" {
		return word
	}
	for _, st := range r.latest(id) {
		if !strings.EqualFold(st.context, check.Context) {
			continue
		}
		seen = true
		if check.App > 0 && (st.app == nil || st.app.ID != check.App) {
			return "was not set by the expected GitHub app"
		}
		switch st.state {
		case "pending":
			return "is pending"
		case "failure", "error":
			return "is failing"
		}
	}
	if !seen {
		return "is expected"
	}
	return ""
}

// approvals counts the people who can write and whose last word was yes.
func (r *repo) approvals(i *issue) (n int) {
	last := map[*user]string{}
	for _, v := range i.pull.reviews {
		if v.state != "COMMENTED" && v.state != "PENDING" && r.writable(v.author, "contents:write") {
			last[v.author] = v.state
		}
	}
	for _, state := range last {
		if state == "APPROVED" {
			n++
		}
	}
	return n
}

// runVerdict says what is wrong with a required check run on a commit, and
// whether there is one.
func (r *repo) runVerdict(check RequiredCheck, id git.ID) (word string, seen bool) {
	for _, k := range slices.Backward(r.runs) {
		if k.head != id || !strings.EqualFold(k.name, check.Context) || check.App > 0 && k.app.ID != check.App {
			continue
		}
		switch {
		case k.status != "completed":
			return "is pending", true
		case !slices.Contains([]string{"success", "skipped", "neutral"}, k.conclusion):
			return "is failing", true
		}
		return "", true
	}
	return "", false
}
