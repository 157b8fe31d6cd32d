package githubtest

import (
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A Protection is what a branch asks of whoever changes it.
type Protection struct {
	Checks  []RequiredCheck // that must have succeeded on the head of a pull request
	Strict  bool            // the head must contain the base
	Reviews int             // approvals by people who can write
}

// A RequiredCheck is the context of a status or the name of a check run. If
// App is set, only what that App reported counts.
type RequiredCheck struct {
	Context string
	App     int64
}

// A Ruleset is a set of rules for branches. Branches and Exclude hold patterns
// with *, ~ALL or ~DEFAULT_BRANCH. The Apps in Bypass are free of it.
type Ruleset struct {
	ID       int64
	Branches []string
	Exclude  []string
	Bypass   []int64
	Rules    []Rule
}

// A Rule is one rule by the type and the parameters that GitHub gives it;
// required_status_checks holds []RequiredCheck, restricted_file_paths []string.
// The server enforces creation, update, deletion, non_fast_forward,
// required_signatures, pull_request, required_status_checks,
// branch_name_pattern, commit_message_pattern and file_path_restriction.
// https://docs.github.com/en/rest/repos/rules
type Rule struct {
	Type       string
	Parameters map[string]any
}

// Protect sets the protection of a branch.
func (s *Server) Protect(name, branch string, p Protection) error {
	return s.withRepo(name, func(r *repo) error { r.protected[branch] = p; return nil })
}

// AddRuleset adds rules to a repository.
func (s *Server) AddRuleset(name string, rules Ruleset) error {
	return s.withRepo(name, func(r *repo) error {
		if rules.ID == 0 {
			rules.ID = s.id()
		}
		r.rules = append(r.rules, rules)
		return nil
	})
}

// applies reports whether rules are about a branch.
func (r *repo) applies(rules Ruleset, branch string) bool {
	covers := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			matched, _ := path.Match(strings.TrimPrefix(p, "refs/heads/"), branch)
			below, tree := strings.CutSuffix(p, "/**/*")
			return matched || p == "~ALL" || p == "~DEFAULT_BRANCH" && branch == r.branch ||
				tree && strings.HasPrefix(branch, strings.TrimPrefix(below, "refs/heads/")+"/")
		})
	}
	return covers(rules.Branches) && !covers(rules.Exclude)
}

// rule refuses to create, update or delete a reference against a ruleset.
func (r *repo) rule(by *app, action, ref string, id git.ID) error {
	branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
	if !isBranch {
		return nil
	}
	for _, rules := range r.rules {
		if !r.applies(rules, branch) || by != nil && slices.Contains(rules.Bypass, by.ID) {
			continue
		}
		for _, one := range rules.Rules {
			if why := r.breaks(one, action, branch, id); why != "" {
				return unprocessable("Repository rule violations found\n\n%s\n\n", why)
			}
		}
	}
	p, guarded := r.protected[branch]
	switch {
	case guarded && action == "deletion":
		return unprocessable("Cannot delete a protected branch")
	case guarded && action == "non_fast_forward":
		return unprocessable("Cannot force-push to a protected branch")
	case guarded && action == "update" && len(p.Checks) > 0:
		return unprocessable("Required status check %q is expected.", p.Checks[0].Context)
	}
	return nil
}

// breaks returns in GitHub's words how an action breaks a rule, empty if it
// does not.
func (r *repo) breaks(one Rule, action, branch string, id git.ID) string {
	switch one.Type {
	case "creation", "update", "deletion":
		if one.Type == action {
			verb := map[string]string{"creation": "create", "update": "update", "deletion": "delete"}[action]
			return fmt.Sprintf("Cannot %s ref due to %ss being restricted.", verb, action)
		}
	case "non_fast_forward":
		if one.Type == action {
			return "Cannot force-push to this branch"
		}
	case "pull_request":
		if action == "update" {
			return "Changes must be made through a pull request."
		}
	case "required_status_checks":
		if checks := one.checks(); action == "update" && len(checks) > 0 {
			return fmt.Sprintf("Required status check %q is expected.", checks[0].Context)
		}
	case "branch_name_pattern":
		if action == "creation" && !one.accepts(branch) {
			return "Branch name must match a given regex pattern."
		}
	}
	if action == "deletion" {
		return ""
	}
	for _, c := range r.git.Log(r.head(r.branch), id) {
		if why := r.commitBreaks(one, c); why != "" {
			return why
		}
	}
	return ""
}

// commitBreaks is breaks for one new commit.
func (r *repo) commitBreaks(one Rule, c git.Snapshot) string {
	switch one.Type {
	case "required_signatures":
		if c.GPG == "" {
			return "Commits must have verified signatures."
		}
	case "commit_message_pattern":
		if !one.accepts(c.Message) {
			return "Commit message must match a given regex pattern."
		}
	case "file_path_restriction":
		paths, _ := one.Parameters["restricted_file_paths"].([]string)
		diffs, _ := r.git.Diff(r.parentTree(c), c.Tree)
		for _, d := range diffs {
			for _, p := range paths {
				below, tree := strings.CutSuffix(p, "/**/*")
				if matched, _ := path.Match(p, d.Path); matched || tree && strings.HasPrefix(d.Path, below+"/") {
					return "File path is restricted: " + d.Path
				}
			}
		}
	}
	return ""
}

// accepts matches text with the operator and pattern of a rule.
func (one Rule) accepts(text string) bool {
	pattern, _ := one.Parameters["pattern"].(string)
	negate, _ := one.Parameters["negate"].(bool)
	matched := false
	switch one.Parameters["operator"] {
	case "starts_with":
		matched = strings.HasPrefix(text, pattern)
	case "ends_with":
		matched = strings.HasSuffix(text, pattern)
	case "contains":
		matched = strings.Contains(text, pattern)
	default:
		matched, _ = regexp.MatchString(pattern, text)
	}
	return matched != negate
}

// checks returns what a rule of required status checks asks for.
func (one Rule) checks() []RequiredCheck {
	list, _ := one.Parameters["required_status_checks"].([]RequiredCheck)
	return list
}

// https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
func (c *call) listBranchRules() (reply, error) {
	var all []object
	for _, rules := range c.repo.rules {
		if !c.repo.applies(rules, c.params["branch"]) {
			continue
		}
		for _, one := range rules.Rules {
			o := object{"type": one.Type, "ruleset_id": rules.ID, "ruleset_source_type": "Repository", "ruleset_source": c.repo.full()}
			switch checks := one.checks(); {
			case checks != nil:
				o["parameters"] = object{"strict_required_status_checks_policy": false, "required_status_checks": contexts(checks)}
			case one.Parameters != nil:
				o["parameters"] = one.Parameters
			}
			all = append(all, o)
		}
	}
	return list(c, all, func(o object) object { return o })
}

// getRuleset returns a set of rules, with what the caller may do about it.
//
// https://docs.github.com/en/rest/repos/rules#get-a-repository-ruleset
func (c *call) getRuleset() (reply, error) {
	id, err := c.number("ruleset_id")
	at := slices.IndexFunc(c.repo.rules, func(r Ruleset) bool { return r.ID == id })
	if err != nil || at < 0 {
		return reply{}, notFound()
	}
	rules, bypass := c.repo.rules[at], "never"
	if c.who.app != nil && slices.Contains(rules.Bypass, c.who.app.ID) {
		bypass = "always"
	}
	return ok(object{"id": rules.ID, "name": fmt.Sprintf("rules %d", rules.ID), "target": "branch", "source_type": "Repository",
		"source": c.repo.full(), "enforcement": "active", "current_user_can_bypass": bypass})
}

func contexts(checks []RequiredCheck) []object {
	out := []object{}
	for _, check := range checks {
		o := object{"context": check.Context}
		if check.App > 0 {
			o["integration_id"] = check.App
		}
		out = append(out, o)
	}
	return out
}

// https://docs.github.com/en/rest/branches/branch-protection#get-branch-protection
func (c *call) getProtection() (reply, error) {
	p, guarded := c.repo.protected[c.params["branch"]]
	if !guarded {
		return reply{}, fail(http.StatusNotFound, "Branch not protected")
	}
	url := c.api("repos/" + c.repo.full() + "/branches/" + c.params["branch"] + "/protection")
	o := object{"url": url, "enforce_admins": object{"url": url + "/enforce_admins", "enabled": true}}
	if len(p.Checks) > 0 {
		o["required_status_checks"] = p.checksJSON(url)
	}
	if p.Reviews > 0 {
		o["required_pull_request_reviews"] = object{"url": url + "/required_pull_request_reviews", "required_approving_review_count": p.Reviews,
			"dismiss_stale_reviews": false, "require_code_owner_reviews": false}
	}
	return ok(o)
}

func (p Protection) checksJSON(url string) object {
	names, checks := []string{}, []object{}
	for _, check := range p.Checks {
		names = append(names, check.Context)
		o := object{"context": check.Context, "app_id": nil}
		if check.App > 0 {
			o["app_id"] = check.App
		}
		checks = append(checks, o)
	}
	return object{"url": url + "/required_status_checks", "strict": p.Strict, "enforcement_level": "everyone", "contexts": names, "checks": checks,
		"contexts_url": url + "/required_status_checks/contexts"}
}
