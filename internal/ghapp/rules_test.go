package ghapp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
)

// rulesets forbid the proposal of most tests, each in its way.
var rulesets = map[string]struct {
	kind       string
	parameters map[string]any
	want       string
}{
	"creation":  {"creation", nil, "new branches are restricted; exclude salve/**/*"},
	"name":      {"branch_name_pattern", map[string]any{"operator": "starts_with", "pattern": "feature/", "negate": false}, `names of branches must start with "feature/"`},
	"message":   {"commit_message_pattern", map[string]any{"operator": "regex", "pattern": "^JIRA-[0-9]+", "negate": false}, `messages of commits must match "^JIRA-[0-9]+"`},
	"negated":   {"commit_message_pattern", map[string]any{"operator": "contains", "pattern": "limit", "negate": true}, `messages of commits must not contain "limit"`},
	"path":      {"file_path_restriction", map[string]any{"restricted_file_paths": []string{"k8s/**/*"}}, "k8s/checkout.yaml must not be changed (k8s/**/*)"},
	"extension": {"file_extension_restriction", map[string]any{"restricted_file_extensions": []string{"*.tf", "*.yaml"}}, "k8s/checkout.yaml must not be changed (*.yaml)"},
	"long path": {"max_file_path_length", map[string]any{"max_file_path_length": 10}, "k8s/checkout.yaml has 17 characters, more than 10"},
}

// ours is a ruleset for all branches but the default one.
func ours(kind string, parameters map[string]any, bypass ...int64) githubtest.Ruleset {
	return githubtest.Ruleset{ID: 5, Branches: []string{"~ALL"}, Exclude: []string{"~DEFAULT_BRANCH"}, Bypass: bypass,
		Rules: []githubtest.Rule{{Type: kind, Parameters: parameters}}}
}

// Attack 44: what a rule forbids is said before anything is written, as often as
// it is tried, and costs two reads that GitHub need not answer in full.
func TestRulesets(t *testing.T) {
	for name, tt := range rulesets {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			w.must(w.AddRuleset("acme/shop", ours(tt.kind, tt.parameters)))
			c := w.client()
			for range 2 {
				w.log.take()
				opened, err := c.Propose(t.Context(), w.raise("640Mi"))
				var broken *forge.RuleError
				if !errors.As(err, &broken) || !errors.Is(err, forge.ErrRejected) || broken.Rule != tt.kind || !strings.Contains(broken.Why, tt.want) || opened.Action != "" {
					t.Errorf("%+v, %v; want %s", opened, err, tt.want)
				}
				if lines := writes(w.log.take()); len(lines) > 0 {
					t.Errorf("wrote %v", lines)
				}
			}
		})
	}
}

// Rules that GitHub does not tell, and does enforce, are one clear error after at
// most three writes, and leave no branch.
func TestRulesUntold(t *testing.T) {
	for name, tt := range rulesets {
		if name == "extension" || name == "long path" {
			continue // not enforced by the GitHub for tests
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			w.must(w.AddRuleset("acme/shop", ours(tt.kind, tt.parameters)))
			w.Inject(githubtest.Fault{Path: "/repos/acme/shop/rules/branches/**", Status: 403, Body: `{"message":"Upgrade to GitHub Pro or make this repository public to enable this feature."}`})
			p := w.raise("640Mi")
			_, err := w.client().Propose(t.Context(), p)
			if !errors.Is(err, forge.ErrRejected) || !strings.Contains(err.Error(), "create branch") {
				t.Errorf("%v; want ErrRejected", err)
			}
			if lines := writes(w.log.take()); len(lines) > 3 {
				t.Errorf("wrote %v, want no more after the refusal", lines)
			}
			if w.head(p.Branch) != "" {
				t.Error("the branch is there")
			}
		})
	}
}

// What does not forbid is done: rules of other types, patterns that cannot be
// read, sets that the App may bypass, requirements that its commits meet.
func TestRulesPermit(t *testing.T) {
	for name, rules := range map[string]githubtest.Ruleset{
		"bypass":     ours("creation", nil, appID),
		"signatures": ours("required_signatures", nil),
		"fits":       ours("branch_name_pattern", map[string]any{"operator": "starts_with", "pattern": "salve/", "negate": false}),
		"other path": ours("file_path_restriction", map[string]any{"restricted_file_paths": []string{"prod/**/*", "*.tf"}}),
		"not RE2":    ours("commit_author_email_pattern", map[string]any{"operator": "regex", "pattern": "(?<=x)", "negate": false}),
		"to come":    ours("a_rule_of_next_year", map[string]any{"operator": 5, "restricted_file_paths": "k8s/**"}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			w.must(w.AddRuleset("acme/shop", rules))
			if opened, err := w.client().Propose(t.Context(), w.raise("640Mi")); err != nil || opened.Action != forge.Created {
				t.Errorf("%s, %v; want it opened", opened.Action, err)
			}
		})
	}
}

// Rules are read once for each head of the repository, and again where they
// forbid: whoever changes them need not push.
func TestRulesRemembered(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	asked := func(p forge.Proposal) (n int, err error) {
		w.log.take()
		_, err = c.Propose(t.Context(), p)
		for _, l := range w.log.take() {
			if strings.Contains(l, "/rules/") {
				n++
			}
		}
		return n, err
	}
	next := func(branch, memory string) forge.Proposal {
		p := w.raise(memory)
		p.Key, p.Branch = branch, branch
		return p
	}
	for i, branch := range []string{"salve/memory-limit/a-00000000", "salve/memory-limit/b-00000000"} {
		if n, err := asked(next(branch, "640Mi")); err != nil || n != 1-i {
			t.Errorf("%s: rules read %d times, %v", branch, n, err)
		}
	}
	w.push("main", "README.md", "# moved\n")
	if n, err := asked(next("salve/memory-limit/c-00000000", "640Mi")); err != nil || n != 1 {
		t.Errorf("at another head: rules read %d times, %v", n, err)
	}
	w.must(w.AddRuleset("acme/shop", ours("creation", nil)))
	p := next("salve/cpu-limit/d-00000000", "640Mi")
	if n, err := asked(p); !errors.Is(err, forge.ErrRejected) || n != 1 {
		t.Errorf("rules read %d times, %v; want it forbidden", n, err)
	}
	if n, err := asked(p); !errors.Is(err, forge.ErrRejected) || n != 1 {
		t.Errorf("rules read %d times, %v; want it forbidden once more", n, err)
	}
}

// GitHub that does not answer is not GitHub without rules.
func TestRulesUnread(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.Inject(githubtest.Fault{Path: "/repos/acme/shop/rules/branches/**", Status: 502})
	_, err := w.client().Propose(t.Context(), w.raise("640Mi"))
	if lines := writes(w.log.take()); !errors.Is(err, forge.ErrUnavailable) || len(lines) > 0 {
		t.Errorf("%v after %v, want nothing written", err, lines)
	}
}

// What Rules returns is what GitHub says, as far as it is understood.
func TestRules(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	for _, tt := range rulesets {
		w.must(w.AddRuleset("acme/shop", ours(tt.kind, tt.parameters)))
	}
	rules, err := c.Rules(t.Context(), shop, "salve/a/b")
	w.must(err)
	find := func(kind string) forge.Rule {
		return rules[slices.IndexFunc(rules, func(r forge.Rule) bool { return r.Type == kind })]
	}
	if r := find("branch_name_pattern"); r.Operator != "starts_with" || r.Pattern != "feature/" || r.Set != 5 {
		t.Errorf("%+v", r)
	}
	if r := find("file_path_restriction"); !slices.Equal(r.Paths, []string{"k8s/**/*"}) {
		t.Errorf("%+v", r)
	}
	if rules, err = c.Rules(t.Context(), shop, "main"); err != nil || len(rules) > 0 {
		t.Errorf("main: %+v, %v", rules, err)
	}
}
