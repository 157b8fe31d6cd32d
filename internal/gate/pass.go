package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// A Grant is what a person with the permission for it has allowed a pull
// request: to break the glass, or to count as the fix of a problem.
type Grant struct {
	Problem string    // display_id that the change answers; empty for a broken glass
	Reason  string    // of a broken glass; never empty then
	Label   string    // that grants, and ends the grant when it is taken off; empty for a comment
	By      string    // login
	Until   time.Time // zero for a fix, which counts as long as the pull request is open
}

// The forms in which people grant. A broken glass needs a reason, a fix names
// its problem.
var (
	glassLabel   = regexp.MustCompile(`(?i)^break-glass(?::\s*(.*))?$`)
	fixesLabel   = regexp.MustCompile(`(?i)^fixes[ :/]+(P-[0-9]{1,15})$`)
	glassCommand = regexp.MustCompile(`(?i)^/salve break-glass(?:[ \t]+(.*))?$`)
	fixesCommand = regexp.MustCompile(`(?i)^/salve fixes[ \t]+(P-[0-9]{1,15})[ \t]*$`)
	fixesInBody  = regexp.MustCompile(`(?i)\b(?:fix(?:es|ed)?|resolve[sd]?|close[sd]?)[ \t]+(P-[0-9]{1,15})\b`)
)

// minReason is how many characters a reason must have to say anything.
const minReason = 10

// Bounds of what is remembered for one pull request.
const (
	maxGrants  = 20
	grantsKept = 90 * 24 * time.Hour
)

// Labelled takes the label that somebody has just put on a pull request for a
// grant, if it has the form of one.
func (c *Checker) Labelled(ctx context.Context, pull forge.PullRequest, label, sender string, now time.Time) error {
	if m := fixesLabel.FindStringSubmatch(label); m != nil {
		return c.grant(ctx, pull, Grant{Problem: strings.ToUpper(m[1]), Label: label, By: sender}, now)
	}
	if m := glassLabel.FindStringSubmatch(label); m != nil {
		return c.grant(ctx, pull, Grant{Reason: strings.TrimSpace(m[1]), Label: label, By: sender}, now)
	}
	return nil
}

// Unlabelled ends what a label granted, when somebody has taken it off.
func (c *Checker) Unlabelled(ctx context.Context, pull forge.PullRequest, label string, now time.Time) error {
	if !fixesLabel.MatchString(label) && !glassLabel.MatchString(label) {
		return nil
	}
	return c.forget(ctx, pull, label, now)
}

// forget ends what a label granted, so that whoever puts it on again has to
// have the permission for it.
func (c *Checker) forget(ctx context.Context, pull forge.PullRequest, label string, now time.Time) error {
	all, err := c.grants(ctx, pull)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(g Grant) bool { return g.Label == label })
	if len(kept) == len(all) {
		return nil
	}
	return c.store(ctx, pull, kept, now)
}

// Command takes the first line of a comment for a grant, if it has the form of
// one. granted is false for any other comment.
func (c *Checker) Command(ctx context.Context, repo forge.Repo, number int, comment forge.Comment, now time.Time) (granted bool, err error) {
	line, _, _ := strings.Cut(comment.Body, "\n")
	line = strings.TrimRight(line, " \t\r") // indented, it would be a block of code
	g := Grant{By: comment.Author}
	if m := fixesCommand.FindStringSubmatch(line); m != nil {
		g.Problem = strings.ToUpper(m[1])
	} else if m := glassCommand.FindStringSubmatch(line); m != nil {
		g.Reason = strings.TrimSpace(m[1])
	} else {
		return false, nil
	}
	pull, err := c.Host.Pull(ctx, repo, number)
	if err != nil {
		return false, err
	}
	return true, c.grant(ctx, pull, g, now)
}

// grant checks who grants, remembers it, and says so on the pull request, where
// it stays for whoever audits.
func (c *Checker) grant(ctx context.Context, pull forge.PullRequest, g Grant, now time.Time) error {
	repo, err := c.Estate.Repository(ctx, pull.Repo, pull.Base)
	if err != nil || repo.Config == nil {
		return err
	}
	rule := repo.Config.Gate(policy.PreDeployment)
	needs := forge.PermissionWrite
	if g.Problem == "" && rule.BreakGlass.Permission == policy.Admin {
		needs = forge.PermissionAdmin
	}
	has, err := c.Host.Permission(ctx, pull.Repo, g.By)
	if err != nil {
		return err
	}
	tag := "gate-" + digest(g.By, g.Label, g.Reason, g.Problem)
	by := prose.Neutralise(g.By)
	switch {
	case has < needs:
		c.Log.Warn("grant refused", "repo", pull.Repo.String(), "pull", pull.Number, "by", g.By, "permission", has.String(), "needs", needs.String())
		if g.Label != "" {
			err = c.forget(ctx, pull, g.Label, now)
		}
		return errors.Join(err, c.Host.Comment(ctx, pull.Repo, pull.Number, tag, fmt.Sprintf("%s may not do this here: it takes the permission %s, and %s has %s. The gate stays as it is.", by, needs, by, has)))
	case g.Problem == "" && len([]rune(g.Reason)) < minReason:
		return c.Host.Comment(ctx, pull.Repo, pull.Number, tag, "Breaking the glass takes a reason: the label `break-glass: REASON` or the comment `/salve break-glass REASON`. The gate stays as it is.")
	}
	if g.Problem == "" {
		g.Until = now.Add(time.Duration(rule.BreakGlass.For))
	}
	if err := c.remember(ctx, pull, g, now); err != nil {
		return err
	}
	c.Log.Warn("grant", "repo", pull.Repo.String(), "pull", pull.Number, "sha", string(pull.Head), "by", g.By, "problem", g.Problem, "reason", prose.Plain(g.Reason), "until", g.Until)
	return errors.Join(c.Host.Comment(ctx, pull.Repo, pull.Number, tag, c.audit(ctx, pull, g)), c.recheck(ctx, pull, now))
}

func (c *Checker) recheck(ctx context.Context, pull forge.PullRequest, now time.Time) error {
	_, err := c.Check(ctx, pull, now)
	return err
}

// audit is the comment about a grant: who, why, until when, and what the gate
// said at that time.
func (c *Checker) audit(ctx context.Context, pull forge.PullRequest, g Grant) string {
	var b strings.Builder
	if g.Problem != "" {
		fmt.Fprintf(&b, "%s says that this pull request remedies %s: the problem no longer holds it back.\n", prose.Neutralise(g.By), g.Problem)
	} else {
		fmt.Fprintf(&b, "%s broke the glass of the gate until %s: %s\n", prose.Neutralise(g.By), g.Until.UTC().Format(time.RFC3339), prose.Neutralise(g.Reason))
	}
	k, found, err := c.Case(ctx, c.caseID(policy.PreDeployment, pull.Repo, pull.Head, "", 0))
	if err == nil && found {
		fmt.Fprintf(&b, "\nUntil then the gate said: %s\n", prose.Neutralise(k.Why))
		if page := c.page(&k); page != "" {
			fmt.Fprintf(&b, "\n%s\n", page)
		}
	}
	return b.String()
}

// grants returns what was granted to a pull request.
func (c *Checker) grants(ctx context.Context, pull forge.PullRequest) ([]Grant, error) {
	var out []Grant
	text, found, err := c.Store.Get(ctx, bucketGrants, grantsName(pull))
	if err != nil || !found {
		return nil, err
	}
	return out, json.Unmarshal(text, &out)
}

func grantsName(pull forge.PullRequest) string {
	return fmt.Sprintf("%s#%d", strings.ToLower(pull.Repo.String()), pull.Number)
}

func (c *Checker) remember(ctx context.Context, pull forge.PullRequest, g Grant, now time.Time) error {
	all, err := c.grants(ctx, pull)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(o Grant) bool { return o.Problem == g.Problem && o.Label == g.Label && o.By == g.By })
	return c.store(ctx, pull, append(all, g), now)
}

// store keeps the latest grants of a pull request.
func (c *Checker) store(ctx context.Context, pull forge.PullRequest, all []Grant, now time.Time) error {
	text, err := json.Marshal(all[max(0, len(all)-maxGrants):])
	if err != nil {
		return err
	}
	return c.Store.Put(ctx, bucketGrants, grantsName(pull), text, now.Add(grantsKept))
}

// holds reports whether g still stands for a pull request.
func (g Grant) holds(pull *forge.PullRequest, now time.Time) bool {
	return (g.Label == "" || slices.Contains(pull.Labels, g.Label)) && (g.Until.IsZero() || now.Before(g.Until))
}

// untouched reports whether a pull request of this App holds what the App made,
// and nothing that others added. Whoever may write can change its text and push
// to its branch: then it takes a grant, like any other.
func (c *Checker) untouched(ctx context.Context, pull *forge.PullRequest) bool {
	if pull.Fork || !strings.HasPrefix(pull.Branch, forge.BranchPrefix) {
		return false
	}
	between, err := c.Host.Compare(ctx, pull.Repo, pull.BaseSHA, pull.Head)
	if err != nil {
		c.Log.Warn("commits not known", "repo", pull.Repo.String(), "pull", pull.Number, "err", err)
		return false
	}
	return !between.Truncated && !slices.ContainsFunc(between.Commits, func(m forge.Commit) bool { return !m.Ours })
}

// fixes returns the problems that a change answers, by event.id or display_id:
// a fix must not be held back by what it fixes. Three words count: the App's
// own marker on a branch of the repository itself that holds nothing but its
// commits, "Fixes P-123" in the text of an author who may write, and a grant.
// What cannot be checked does not count.
func (c *Checker) fixes(ctx context.Context, pull *forge.PullRequest, now time.Time) []string {
	if pull == nil {
		return nil
	}
	if pull.Author == c.App && c.untouched(ctx, pull) {
		m, _ := forge.ParseMarker(pull.Body)
		return m.Problems
	}
	var out []string
	if named := fixesInBody.FindAllStringSubmatch(pull.Body, maxGrants); len(named) > 0 {
		may, err := c.Host.Permission(ctx, pull.Repo, pull.Author)
		if err != nil {
			c.Log.Warn("permission not known", "repo", pull.Repo.String(), "pull", pull.Number, "login", pull.Author, "err", err)
		}
		for _, m := range named {
			if err == nil && may >= forge.PermissionWrite {
				out = append(out, strings.ToUpper(m[1]))
			}
		}
	}
	all, err := c.grants(ctx, *pull)
	if err != nil {
		c.Log.Warn("grants not known", "repo", pull.Repo.String(), "pull", pull.Number, "err", err)
	}
	for _, g := range all {
		if g.Problem != "" && g.holds(pull, now) {
			out = append(out, g.Problem)
		}
	}
	return out
}

// lower makes a verdict that holds back a warning where somebody broke the
// glass.
func (c *Checker) lower(ctx context.Context, k *Case, d *Decision, pull *forge.PullRequest, now time.Time) {
	k.Pass = ""
	if d.Verdict == Proceed || d.Verdict == Warn {
		return
	}
	all, err := c.grants(ctx, *pull)
	if err != nil {
		return // what cannot be read allows nothing
	}
	for _, g := range all {
		if g.Problem == "" && g.holds(pull, now) {
			k.Pass = fmt.Sprintf("glass broken by %s until %s: %s", g.By, clock(g.Until), prose.Plain(g.Reason))
			d.Why = fmt.Sprintf("glass broken by %s until %s: %s: %s", g.By, clock(g.Until), d.Verdict.Word(k.Gate), d.Why)
			d.Verdict = Warn
			return
		}
	}
}
