package ghapp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
)

// Rules lists the rules that apply to a branch, whether it exists or not.
//
// GitHub: GET /repos/{owner}/{repo}/rules/branches/{branch}; needs metadata: read.
// The answer is decoded here, since go-github v62 fails on rules it does not know.
func (c *Client) Rules(ctx context.Context, repo forge.Repo, branch string) ([]forge.Rule, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	if err := forge.ValidateBranch(branch); err != nil {
		return nil, err
	}
	list, err := pages(func(o *github.ListOptions) ([]*rule, *github.Response, error) {
		path := fmt.Sprintf("repos/%s/%s/rules/branches/%s?per_page=%d&page=%d", repo.Owner, repo.Name, escapeRef(branch), o.PerPage, max(o.Page, 1))
		req, err := gh.NewRequest(http.MethodGet, path, nil)
		if err != nil {
			return nil, nil, err
		}
		var page []*rule
		resp, err := gh.Do(ctx, req, &page)
		return page, resp, err
	})
	if err != nil {
		return nil, explain(err, "read rules of %s branch %s", repo, branch)
	}
	var out []forge.Rule
	for _, r := range list {
		out = append(out, r.forge())
	}
	return out, nil
}

// A rule is as much of a ruleset's rule as this program understands.
type rule struct {
	Type       string          `json:"type"`
	Set        int64           `json:"ruleset_id"`
	Parameters json.RawMessage `json:"parameters"`
}

func (r rule) forge() forge.Rule {
	var p struct {
		Operator   string   `json:"operator"`
		Pattern    string   `json:"pattern"`
		Negate     bool     `json:"negate"`
		Paths      []string `json:"restricted_file_paths"`
		Extensions []string `json:"restricted_file_extensions"`
		Length     int      `json:"max_file_path_length"`
		Size       int      `json:"max_file_size"`
		Checks     []struct {
			Context string `json:"context"`
		} `json:"required_status_checks"`
	}
	// A rule whose parameters have another form is still a rule of its type.
	_ = json.Unmarshal(r.Parameters, &p)
	out := forge.Rule{
		Type: r.Type, Set: r.Set, Operator: p.Operator, Pattern: p.Pattern, Negate: p.Negate,
		Paths: p.Paths, Extensions: p.Extensions, Most: max(p.Length, p.Size),
	}
	for _, c := range p.Checks {
		out.Contexts = append(out.Contexts, c.Context)
	}
	return out
}

// rulesKey names what rules are remembered by: the branches of one remedy, as
// long as the repository is at one commit.
type rulesKey struct {
	repo   forge.Repo
	base   forge.SHA
	folder string
}

// permitted reports as a [*forge.RuleError] the rule that forbids w, before
// anything is written. Rules that let a proposal pass are remembered until the
// repository moves on, so that the next one costs no request; those that forbid
// one are asked for again, and GitHub says for nothing that they are the same.
//
// It knows some rules only, and not all patterns. What it lets pass GitHub may
// still refuse, which is [forge.ErrRejected] as well.
func (w *proposal) permitted(ctx context.Context) error {
	key := rulesKey{w.Repo, w.BaseSHA, path.Dir(w.Branch)}
	if known, ok := w.c.app.rules.Get(key); ok && w.broken(known) == nil {
		return nil
	}
	rules, err := w.c.Rules(ctx, w.Repo, w.Branch)
	switch {
	case refused(err):
		rules = nil // a plan without rulesets, a server that does not know them
	case err != nil:
		return err
	}
	broken := w.broken(rules)
	for broken != nil {
		bypass, err := w.c.bypasses(ctx, w.Repo, broken.Set)
		if err != nil {
			return err
		}
		if !bypass {
			return fmt.Errorf("branch %s of %s: %w", w.Branch, w.Repo, &forge.RuleError{Rule: broken.Type, Why: w.breaks(*broken)})
		}
		rules = slices.DeleteFunc(rules, func(r forge.Rule) bool { return r.Set == broken.Set })
		broken = w.broken(rules)
	}
	size := 64
	for _, r := range rules {
		size += 64 + len(r.Pattern) + 64*len(r.Paths)
	}
	w.c.app.rules.Put(key, rules, int64(size))
	return nil
}

// bypasses reports whether the App need not keep the rules of a set. Where
// GitHub does not say, it may: GitHub then decides on the write itself.
//
// GitHub: GET /repos/{owner}/{repo}/rulesets/{ruleset_id}; needs metadata: read.
func (c *Client) bypasses(ctx context.Context, repo forge.Repo, set int64) (bool, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return false, err
	}
	req, err := gh.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/rulesets/%d?includes_parents=true", repo.Owner, repo.Name, set), nil)
	if err != nil {
		return false, err
	}
	var answer struct {
		Bypass string `json:"current_user_can_bypass"`
	}
	_, err = gh.Do(ctx, req, &answer)
	if err = explain(err, "read ruleset %d of %s", set, repo); err != nil && !refused(err) {
		return false, err
	}
	return err != nil || answer.Bypass != "never" && answer.Bypass != "pull_requests_only", nil
}

// broken returns the first rule that forbids w.
func (w *proposal) broken(rules []forge.Rule) *forge.Rule {
	for _, r := range rules {
		if w.breaks(r) != "" {
			return &r
		}
	}
	return nil
}

// breaks says how making the branch of w would break a rule, "" if it would not
// or that cannot be told.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
func (w *proposal) breaks(r forge.Rule) string {
	switch r.Type {
	case "creation":
		return "new branches are restricted; exclude salve/**/* from the ruleset, or let the App bypass it"
	case "branch_name_pattern":
		if !accepts(r, w.Branch) {
			return "names of branches must " + wants(r) + "; exclude salve/**/* from the ruleset, or let the App bypass it"
		}
	case "commit_message_pattern":
		if !accepts(r, w.Message) {
			return "messages of commits must " + wants(r) + "; let the App bypass the ruleset"
		}
	default:
		for _, c := range w.Changes {
			if why := fileBreaks(r, c.Path, len(c.After)); why != "" {
				return why
			}
		}
	}
	return ""
}

// fileBreaks says how writing a file would break a rule.
func fileBreaks(r forge.Rule, file string, size int) string {
	switch r.Type {
	case "file_path_restriction":
		for _, p := range r.Paths {
			if policy.ParseGlob(p).Matches(file) {
				return fmt.Sprintf("%s must not be changed (%s)", file, p)
			}
		}
	case "file_extension_restriction":
		for _, e := range r.Extensions {
			if strings.HasSuffix(file, "."+strings.TrimLeft(e, "*.")) {
				return fmt.Sprintf("%s must not be changed (%s)", file, e)
			}
		}
	case "max_file_path_length":
		if n := utf8.RuneCountInString(file); r.Most > 0 && n > r.Most {
			return fmt.Sprintf("%s has %d characters, more than %d", file, n, r.Most)
		}
	case "max_file_size":
		if r.Most > 0 && size > r.Most<<20 {
			return fmt.Sprintf("%s has %d bytes, more than %d MB", file, size, r.Most)
		}
	}
	return ""
}

// accepts matches text with the pattern of a rule. A pattern that cannot be read
// accepts everything here; GitHub reads it itself.
func accepts(r forge.Rule, text string) bool {
	matched := false
	switch r.Operator {
	case "starts_with":
		matched = strings.HasPrefix(text, r.Pattern)
	case "ends_with":
		matched = strings.HasSuffix(text, r.Pattern)
	case "contains":
		matched = strings.Contains(text, r.Pattern)
	case "regex":
		re, err := regexp.Compile(r.Pattern)
		if err != nil {
			return true
		}
		matched = re.MatchString(text)
	default:
		return true
	}
	return matched != r.Negate
}

// wants says what a pattern asks for.
func wants(r forge.Rule) string {
	not := ""
	if r.Negate {
		not = "not "
	}
	verb := map[string]string{"starts_with": "start with", "ends_with": "end with", "contains": "contain", "regex": "match"}[r.Operator]
	return fmt.Sprintf("%s%s %.100q", not, verb, r.Pattern)
}
