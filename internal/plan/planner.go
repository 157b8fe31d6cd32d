// Package plan puts together what the layers below know: it reads remedies,
// takes stock of repositories, finds the place that a remedy would change for a
// problem or a detector, and turns place and evidence into a proposal, or into
// the reason why there is none.
//
// It decides and does nothing: a proposal is a value.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// A Planner turns cases into proposals.
type Planner struct {
	Dynatrace string // root URL of the tenant, for links; may be empty
	Usage     Meter  // nil: nobody knows what containers use
}

// A Case is one target and everything that speaks for changing it.
type Case struct {
	Target   Target
	Evidence []prose.Evidence // at least one, the most severe first
	Cause    policy.Cause     // what went wrong, for the step
	History  []policy.Change  // earlier proposals with the same key
	Notes    []string         // what a reviewer should know besides
}

// A Plan is a proposal with the numbers behind it.
type Plan struct {
	Proposal forge.Proposal
	From, To string // of the value that the remedy is about
	Rule     string // the sentence that gave To
	Notice   string // why use is not known, for who runs the program; empty if it is
}

// Plan works out the change for a case as of now. A reason other than the zero
// one says why there is none; an error, that it could not be worked out.
func (p *Planner) Plan(ctx context.Context, c Case, now time.Time) (Plan, policy.Reason, error) {
	t := c.Target
	if why := t.Repo.Writes(); !why.None() {
		return Plan{}, why, nil
	}
	rule, why := t.Repo.Config.Rule(t.Service, t.Remedy.Name, t.Environment)
	if !why.None() {
		return Plan{}, why, nil
	}
	cfg := t.Repo.Config
	rule = t.Remedy.bound(rule, cfg.Remedies[t.Remedy.Name], cfg.Services[t.Service].Remedies[t.Remedy.Name])
	declined := time.Duration(cfg.Limits.Declined)
	if why := policy.Rest(c.History, rule.Cooldown, declined, now); !why.None() {
		return Plan{}, why, nil
	}
	use := p.measure(ctx, c) // before the lock: it asks over the network
	t.Repo.mu.Lock()
	defer t.Repo.mu.Unlock()
	made, why, err := p.change(ctx, c, use, rule, now)
	var refusal *patch.Refusal
	var several *inventory.AmbiguousError
	switch {
	case errors.As(err, &refusal):
		return Plan{}, policy.Reason{Code: Refused, Text: refusal.Error()}, nil
	case errors.As(err, &several):
		return Plan{}, policy.Reason{Code: Ambiguous, Text: several.Error()}, nil
	case err != nil:
		return Plan{}, policy.Reason{}, fmt.Errorf("%s of %s in %s: %w", t.Remedy.Name, t.Name, t.Repo.Repo, err)
	case !why.None():
		return Plan{}, why, nil
	}
	for _, f := range made.change.Files {
		if err := forge.ValidatePath(f.Path); err != nil {
			return Plan{}, policy.Reason{Code: Refused, Text: err.Error()}, nil
		}
	}
	out, why, err := p.propose(ctx, c, made)
	if use.err != nil {
		out.Notice = use.err.Error()
	}
	out.Proposal.Tentative = use.passing()
	return out, why, err
}

// bound gives a rule the cool-down of the remedy where neither the repository
// nor the service says one.
func (r Remedy) bound(rule policy.Rule, said ...policy.Remedy) policy.Rule {
	rest := policy.Duration(0)
	switch {
	case r.Set != nil:
		rest = r.Set.Cooldown
	case r.Create != nil:
		rest = r.Create.Cooldown
	}
	if rest > 0 && !slices.ContainsFunc(said, func(s policy.Remedy) bool { return s.Cooldown > 0 }) {
		rule.Cooldown = time.Duration(rest)
	}
	return rule
}

// cap is the ceiling of the remedy.
func (s *Set) cap() []policy.Cap {
	if s.Ceiling == "" {
		return nil
	}
	return []policy.Cap{{Value: s.Ceiling, Source: "ceiling of the remedy"}}
}

// made is a change before it is worded.
type made struct {
	change  inventory.Change
	changes []prose.Change
	notes   []string
	usage   []prose.Usage
	unsized string // why it is not sized by use
}

// change works out what to edit or create.
func (p *Planner) change(ctx context.Context, c Case, use measured, rule policy.Rule, now time.Time) (made, policy.Reason, error) {
	switch r := c.Target.Remedy; {
	case r.Create != nil:
		return create(ctx, c, rule)
	case r.Set.To != "":
		return fixed(ctx, c)
	case r.Set.Equal != "":
		return pair(ctx, c, use, rule, now)
	default:
		return step(ctx, c, rule, now)
	}
}

// fixed sets a value that the remedy names.
func fixed(ctx context.Context, c Case) (made, policy.Reason, error) {
	t, to := c.Target, c.Target.Remedy.Set.To
	site, err := t.Repo.inventory.Locate(ctx, t.Place)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	if site.Value == to {
		return made{}, policy.Reason{Code: policy.AlreadyChanged, Text: fmt.Sprintf("%s is %s already (%s:%d)", t.Remedy.Set.Field, to, site.File, site.Line)}, nil
	}
	return apply(ctx, t, wanted{t.Place, policy.Adjustment{From: site.Value, To: to, Rule: "the value that this remedy sets"}})
}

// step raises one value by the rule of its kind.
func step(ctx context.Context, c Case, rule policy.Rule, now time.Time) (made, policy.Reason, error) {
	t, set := c.Target, c.Target.Remedy.Set
	site, err := t.Repo.inventory.Locate(ctx, t.Place)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	if site.Value == "" {
		return made{}, policy.Reason{Code: policy.NoStart, Text: fmt.Sprintf("%s is not written in %s", set.Field, site.File)}, nil
	}
	bounds, err := within(ctx, t)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	adj, why := policy.Next(policy.Value{Kind: set.Kind, Text: site.Value}, c.evidence(now), rule, bounds)
	if !why.None() {
		return made{}, why, nil
	}
	return apply(ctx, t, wanted{t.Place, adj})
}

// within reads the value that bounds the one to change, such as the window of
// the violating samples.
func within(ctx context.Context, t Target) (policy.Bounds, error) {
	field, own := t.Remedy.Set.Within, t.Remedy.Set.cap()
	if field == "" {
		return policy.Bounds{Caps: own}, nil
	}
	site, err := t.Repo.inventory.Locate(ctx, t.sibling(field))
	if err != nil || site.Value == "" {
		return policy.Bounds{Caps: own}, err
	}
	at := policy.Cap{Value: site.Value, Source: fmt.Sprintf("%s (%s:%d)", field, site.File, site.Line)}
	if t.Remedy.Set.Kind == policy.TaskMemory {
		return policy.Bounds{Caps: own, Beside: at}, nil
	}
	return policy.Bounds{Caps: append(own, at)}, nil
}

// pair raises a limit, and the request with it where the two were equal.
func pair(ctx context.Context, c Case, use measured, rule policy.Rule, now time.Time) (made, policy.Reason, error) {
	t, set := c.Target, c.Target.Remedy.Set
	place, used, why := use.settle(t, c.Cause)
	if !why.None() {
		return made{}, why, nil
	}
	t.Place = place
	requestAt := t.sibling(set.Equal)
	limit, err := t.Repo.inventory.Locate(ctx, t.Place)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	request, err := t.Repo.inventory.Locate(ctx, requestAt)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	if limit.Value != "" && !used.InForce(set.Kind, limit.Value) {
		return made{}, policy.Reason{Code: policy.AlreadyChanged, Text: fmt.Sprintf("%s is in force, %s:%d says %s: not rolled out yet, or something else decides",
			policy.Show(set.Kind, used.Limit), limit.File, limit.Line, limit.Value)}, nil
	}
	bounds, err := t.Repo.bounds(ctx, t)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	if limit.Value == "" && bounds.Default.Value == "" && used.Limit > 0 {
		bounds.Default = policy.Cap{Value: policy.Show(set.Kind, used.Limit), Source: "what is in force, set outside this repository"}
	}
	evidence := used.Evidence(c.evidence(now))
	resize, why := policy.NextPair(set.Kind, policy.Pair{Request: request.Value, Limit: limit.Value}, evidence, rule, bounds)
	if !why.None() {
		return made{}, why, nil
	}
	out, why, err := apply(ctx, t, wanted{t.Place, resize.Limit}, wanted{requestAt, resize.Request})
	if err == nil && why.None() && set.Kind == policy.Memory {
		out.notes = heapNotes(out, resize.Limit)
	}
	out.unsized = use.note(used)
	for i := range out.changes {
		out.changes[i].Measured = used.Container != ""
	}
	out.usage = use.rows()
	return out, why, err
}

// evidence is what the rules of package policy ask for.
func (c Case) evidence(now time.Time) policy.Evidence {
	window := time.Duration(c.Target.Repo.Config.Recurrence)
	return policy.Evidence{Cause: c.Cause, Again: policy.Recurrences(c.History, window, now), Within: window}
}

// wanted is one value to write; an adjustment with an empty To stays.
type wanted struct {
	place inventory.Target
	adj   policy.Adjustment
}

// apply edits all values in one change.
func apply(ctx context.Context, t Target, ws ...wanted) (made, policy.Reason, error) {
	ws = slices.DeleteFunc(ws, func(w wanted) bool { return w.adj.To == "" })
	assignments := make([]inventory.Assignment, len(ws))
	for i, w := range ws {
		assignments[i] = inventory.Assignment{Target: w.place, Value: w.adj.To}
	}
	change, err := t.Repo.inventory.SetAll(ctx, assignments)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	if len(change.Affects) > 0 && t.Repo.Config.Anchors != policy.Allow {
		return made{}, policy.Reason{Code: Refused, Text: fmt.Sprintf("the value is shared with %v; set anchors: allow in %s to change them all", change.Affects, policy.File)}, nil
	}
	out := made{change: change}
	for i, w := range ws {
		c := prose.Change{What: what(w.place), From: w.adj.From, To: w.adj.To, Rule: w.adj.Rule}
		if i < len(change.Edits) {
			c.Path, c.Line = change.Edits[i].File, change.Edits[i].Line
		}
		out.changes = append(out.changes, c)
	}
	return out, policy.Reason{}, nil
}

// asked says of what a remedy answers that it still is so.
func (r Remedy) asked() string {
	if r.Answers == Alert {
		return "the detector is noisy"
	}
	return "the problem is open"
}

// what names a value for people; where it stands is said beside it.
func what(t inventory.Target) string {
	switch {
	case t.Form == inventory.Terraform:
		return t.Address
	case t.Path != "":
		return t.Path
	}
	return fmt.Sprintf("%s %s/%s %s", t.Kind, t.Namespace, t.Name, t.Field)
}

// propose words a change as a pull request.
func (p *Planner) propose(ctx context.Context, c Case, m made) (Plan, policy.Reason, error) {
	t, cfg := c.Target, c.Target.Repo.Config
	owners, remarks, err := t.Repo.Owners(ctx, m.change.Files)
	if err != nil {
		return Plan{}, policy.Reason{}, err
	}
	auto := cfg.AutoMerge(t.Service, t.Remedy.Name, t.Environment)
	pull := prose.Pull{
		Key: t.Key(), Remedy: t.Remedy.Name, Action: t.Remedy.Text.Change, Subject: t.Name, Environment: t.Environment,
		Why: t.Remedy.Text.Why, Rollback: t.Remedy.Text.Rollback,
		Changes: m.changes, Evidence: c.Evidence, Affects: m.change.Affects, Notes: slices.Concat(m.notes, c.Notes, remarks), Usage: m.usage, Unsized: m.unsized,
		AutoMerge: auto, Declined: time.Duration(cfg.Limits.Declined), Dynatrace: p.Dynatrace,
	}
	text, err := prose.Render(pull)
	if err != nil {
		return Plan{}, policy.Reason{}, fmt.Errorf("word %s: %w", t.Key(), err)
	}
	if !cfg.PullRequests.Comment {
		text.Comments = nil
	}
	first := m.changes[0]
	return Plan{
		From: first.From, To: first.To, Rule: first.Rule,
		Proposal: forge.Proposal{
			Key: t.Key(), Repo: t.Repo.Repo, Base: t.Repo.Branch, BaseSHA: t.Repo.SHA,
			Branch: t.Branch(),
			Title:  text.Title, Body: text.Body, Message: text.Message,
			Labels: p.labels(t, c.Evidence), Draft: cfg.PullRequests.Draft,
			Reviewers: cfg.PullRequests.Reviewers, Owners: owners, Assignees: cfg.PullRequests.Assignees, AutoMerge: auto,
			Changes: m.change.Files, Comments: text.Comments, Evidence: text.Evidence,
			Status: forge.CommitStatus{
				Context: forge.ContextRemediation, State: forge.Success,
				Description: prose.Status(fmt.Sprintf("%s: the edit is proven, the base is unchanged, %s", t.Remedy.Name, t.Remedy.asked())),
			},
		},
	}, policy.Reason{}, nil
}

// labels are salve, the use case, the remedy, the severity and the team's own.
func (p *Planner) labels(t Target, evidence []prose.Evidence) []forge.Label {
	cfg, kind := t.Repo.Config.Labels, prose.Remediation
	if t.Remedy.Answers == Alert {
		kind = prose.AlertTuning
	}
	return prose.Labels(cfg.Prefix, kind, t.Remedy.Name, evidence[0].Severity, slices.Concat(t.Remedy.Labels, cfg.Add))
}
