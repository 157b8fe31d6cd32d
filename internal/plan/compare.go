package plan

import (
	"bytes"
	"context"
	"strings"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/policy"
)

// A Difference is one place at the head of a repository and as a change by
// somebody else would leave it.
type Difference struct {
	Before, After inventory.Site
	// Back is the line of After with the value of Before in it, without its
	// end; empty where that is not a change of this one line.
	Back string
}

// Site returns where a place is written at the head of the repository.
func (r *Repository) Site(ctx context.Context, place inventory.Target) (inventory.Site, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inventory.Locate(ctx, place)
}

// Differ looks at a place before and after others have changed files. What was
// there before is filled in.
func (r *Repository) Differ(ctx context.Context, place inventory.Target, files []patch.FileChange) (Difference, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, err := r.inventory.Locate(ctx, place)
	if err != nil {
		return Difference{}, err
	}
	for i, f := range files {
		if text, err := r.Files.Read(ctx, f.Path); err == nil {
			files[i].Before = text
		}
	}
	after := r.inventory.After(files)
	d := Difference{Before: before}
	if d.After, err = after.Locate(ctx, place); err != nil || d.After.Value == before.Value || before.Value == "" {
		return d, err
	}
	change, err := after.Set(ctx, place, before.Value)
	if err == nil && len(change.Files) == 1 && change.Files[0].Path == d.After.File {
		d.Back = onlyLine(change.Files[0], d.After.Line)
	}
	return d, nil // a value that cannot be put back is a value that differs
}

// onlyLine returns a line of a changed file, if nothing else of it changed.
func onlyLine(f patch.FileChange, line int) string {
	before, after := bytes.SplitAfter(f.Before, []byte("\n")), bytes.SplitAfter(f.After, []byte("\n"))
	if len(before) != len(after) || line < 1 || line > len(after) {
		return ""
	}
	for i := range after {
		if (i == line-1) == bytes.Equal(before[i], after[i]) {
			return ""
		}
	}
	return strings.TrimRight(string(after[line-1]), "\r\n")
}

// An AlertValue is one value of an alert rule that says when a problem opens.
type AlertValue struct {
	Field string // "threshold", "violating_samples"
	Kind  policy.Kind
	Place inventory.Target
	// Loosens is the sign of a change after which the rule fires less.
	Loosens int
}

// AlertValues returns what the alert rules of the repository say that open
// problems of a title, as far as it is written out.
func (r *Repository) AlertValues(ctx context.Context, title string) ([]AlertValue, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rules, err := r.inventory.AlertRules(ctx)
	if err != nil {
		return nil, err
	}
	var out []AlertValue
	for _, rule := range rules {
		if !rule.Matches(title) {
			continue
		}
		at := func(field string) inventory.Target {
			return inventory.Target{Form: inventory.Terraform, Address: rule.Addresses[field], Dir: rule.Dir}
		}
		if rule.Addresses["violating_samples"] != "" {
			out = append(out, AlertValue{"violating_samples", policy.Samples, at("violating_samples"), 1})
		}
		condition, err := r.inventory.Locate(ctx, at("alert_condition"))
		if sign := map[string]int{"ABOVE": 1, "BELOW": -1}[condition.Value]; err == nil && sign != 0 && rule.Addresses["threshold"] != "" {
			out = append(out, AlertValue{"threshold", policy.Threshold, at("threshold"), sign})
		}
	}
	return out, nil
}
