package outcome

import (
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

const stamp = "2006-01-02 15:04 UTC"

// maxRows bounds the problems of one comment.
const maxRows = 10

// ineffective says that a problem came back, and what follows.
func (w *Watcher) ineffective(m merged, found []Seen, seen Observation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**This did not help.** It was merged at %s, and what it answers %s:\n\n%s\n",
		m.pull.MergedAt.Format(stamp), cameBack(m, found), w.table(found))
	if seen.Next != nil {
		pull, text := seen.Next(m.marker.Key)
		if pull > 0 {
			fmt.Fprintf(&b, "What follows: #%d. ", pull)
		}
		if text != "" {
			fmt.Fprintf(&b, "%s.", strings.TrimSuffix(prose.Neutralise(text), "."))
		}
		b.WriteString("\n\n")
	}
	fmt.Fprintf(&b, "A problem of the same kind within %s of the merge counts (`recurrence` in `%s`). "+
		"If the change was not in force by then, put the label `%s` on this pull request in place of `%s`: I leave it at that.",
		days(time.Duration(m.repo.Config.Recurrence)), policy.File,
		prose.Label(m.repo.Config.Labels.Prefix, string(Effective)).Name, prose.Label(m.repo.Config.Labels.Prefix, string(Ineffective)).Name)
	return b.String()
}

func cameBack(m merged, found []Seen) string {
	for _, s := range found {
		if since := s.Problem.Start.Sub(m.pull.MergedAt); since > settling {
			return "came back " + span(since) + " later"
		}
	}
	return "has not ended since"
}

// regression says that new problems began, and how to go back.
func (w *Watcher) regression(m merged, found []Seen) string {
	back := "the value before"
	if m.marker.From != "" {
		back = "`" + strings.ReplaceAll(prose.Plain(m.marker.From), "`", "'") + "`"
	}
	return fmt.Sprintf("**New problems began right after the merge** (%s), on the same workload:\n\n%s\n"+
		"Whether this change is to blame a person has to say. To go back, press *Revert* on this pull request: that writes %s again, "+
		"and what this pull request answered may come back with it.",
		m.pull.MergedAt.Format(stamp), w.table(found), back)
}

// table lists problems; their words may be anybody's.
func (w *Watcher) table(found []Seen) string {
	var b strings.Builder
	b.WriteString("| Problem | Title | Severity | Began | |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range found[:min(len(found), maxRows)] {
		p := s.Problem
		name := prose.Neutralise(string(p.ID))
		if at := prose.ProblemURL(w.Dynatrace, string(p.Event)); at != "" {
			name = "[" + name + "](" + at + ")"
		}
		state := "open"
		if !p.Active {
			state = "ended after " + span(p.End.Sub(p.Start))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, prose.Neutralise(p.Title), p.Severity, p.Start.UTC().Format(stamp), state)
	}
	if more := len(found) - maxRows; more > 0 {
		fmt.Fprintf(&b, "\nAnd %d more.\n", more)
	}
	return b.String()
}

// span says about how long something took.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

// days writes a configured time span as people do.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return span(d)
}
