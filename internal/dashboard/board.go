// Package dashboard keeps one issue in a repository that asks for it: what is
// proposed there, what waits and for what, what could not be mapped, and what
// came of earlier changes. Its boxes act, for whoever may write to the
// repository.
//
// The issue is found again by a mark on the first line of its body and by its
// author, so a lost database opens no second one.
package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// Title of the issue.
const Title = "Salve dashboard"

// mark is the first line of the body of a dashboard.
const mark = "<!-- salve:dashboard -->"

// A Board is what a dashboard shows. Texts in it may be anybody's.
type Board struct {
	Open     []Item    // proposals that are open
	Waiting  []Item    // held back by limits or quiet times
	Declined []Item    // closed by people, or ignored on their word
	Others   []Item    // with the reason why nothing is proposed
	Unmapped []Problem // that could not be mapped to one place
	Faults   []string  // mistakes in the repository's files
	Outcomes []Outcome
	Receipts []Receipt // the latest first
	Partial  bool      // problems may be missing, so nothing is said to be over
}

// An Item is one change, by its key.
type Item struct {
	Key      string
	Pull     int    // 0 if there is none
	Title    string // of the pull request; empty if there is none
	Why      string // a sentence
	Problems []string
}

// A Problem is one that could not be mapped.
type Problem struct {
	ID, Title string
	Why       string
	Snippet   string // of .github/salve.yml that would settle it
}

// An Outcome counts what came of the pull requests of one remedy.
type Outcome struct {
	Remedy                                            string
	Opened, Merged, Effective, Ineffective, Undecided int
}

// A Receipt says what was done on the word of a person.
type Receipt struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"` // login
	What string    `json:"what"`
}

func (r Receipt) same(o Receipt) bool { return r.At.Equal(o.At) && r.By == o.By && r.What == o.What }

// maxBody is GitHub's limit for the body of an issue, in characters; some is
// left for the receipts of the next clicks.
const maxBody = 60_000

// maxRows bounds each list.
const maxRows = 50

// Render writes b as the body of the issue. The same board has the same body.
func (b Board) Render() string {
	for rows := maxRows; ; rows /= 2 {
		text := b.render(rows)
		if utf8.RuneCountInString(text) <= maxBody || rows == 0 {
			return text
		}
	}
}

func (b Board) render(rows int) string {
	p := &page{rows: rows}
	p.line(mark)
	p.line("What Salve does in this repository, and what it waits for. Whoever may write here may tick a box: what it says is then done, " +
		"and noted below. Close this issue to have it no longer, and reopen it to have it again; " +
		"other changes to this text are overwritten. `dashboard: false` in `" + policy.File + "` ends it.")
	p.line("\n" + Box{Do: Again}.line(actions[Again]))
	if b.Partial {
		p.line("\n**Dynatrace did not show everything** when it was asked last: problems may be missing here.")
	}
	if len(b.Faults) > 0 {
		p.head("Configuration", len(b.Faults))
		p.each(len(b.Faults), func(i int) { p.line("- " + prose.Neutralise(b.Faults[i])) })
	}
	p.items("Open proposals", b.Open, Retry, Ignore)
	p.items("Waiting", b.Waiting, Now, Ignore)
	p.unmapped(b.Unmapped)
	p.items("Nothing proposed", b.Others, Ignore)
	p.items("Declined or ignored", b.Declined, Reopen)
	p.outcomes(b.Outcomes)
	if len(b.Open)+len(b.Waiting)+len(b.Unmapped)+len(b.Others)+len(b.Declined)+len(b.Faults) == 0 && !b.Partial {
		p.line("\nNothing is open, nothing waits.")
	}
	return withReceipts(p.String(), b.Receipts)
}

// A page is a body that is being written.
type page struct {
	strings.Builder
	rows int
}

func (p *page) line(s string) { p.WriteString(s + "\n") }

func (p *page) head(title string, n int) { p.line(fmt.Sprintf("\n### %s (%d)\n", title, n)) }

// each writes the first rows of a list, and how many more there are.
func (p *page) each(n int, write func(i int)) {
	for i := range min(n, p.rows) {
		write(i)
	}
	if n > p.rows {
		p.line(fmt.Sprintf("\nAnd %d more.", n-p.rows))
	}
}

// items writes a list of changes with the boxes that each has.
func (p *page) items(title string, all []Item, boxes ...Action) {
	if len(all) == 0 {
		return
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Item) int { return cmp.Or(cmp.Compare(a.Pull, b.Pull), strings.Compare(a.Key, b.Key)) })
	p.head(title, len(all))
	p.each(len(all), func(i int) {
		item := all[i]
		p.line("- " + item.words())
		for _, do := range boxes {
			if len(item.Key) <= maxKey {
				p.line("  " + Box{Do: do, Key: item.Key}.line(actions[do]))
			}
		}
	})
}

// words says what an item is about, on one line.
func (i Item) words() string {
	var b strings.Builder
	switch {
	case i.Pull > 0:
		fmt.Fprintf(&b, "#%d %s", i.Pull, prose.Neutralise(i.Title))
	default:
		key, err := plan.ParseKey(i.Key)
		if err != nil {
			key.Place = i.Key
		}
		fmt.Fprintf(&b, "**%s** %s", prose.Neutralise(key.Remedy), prose.Neutralise(key.Place))
	}
	if len(i.Problems) > 0 {
		names := i.Problems[:min(len(i.Problems), 5)]
		fmt.Fprintf(&b, ", for %s", prose.Neutralise(strings.Join(names, ", ")))
		if more := len(i.Problems) - len(names); more > 0 {
			fmt.Fprintf(&b, " and %d more", more)
		}
	}
	if i.Why != "" {
		b.WriteString(": " + prose.Neutralise(i.Why))
	}
	return b.String()
}

func (p *page) unmapped(all []Problem) {
	if len(all) == 0 {
		return
	}
	p.head("Not mapped", len(all))
	p.each(len(all), func(i int) {
		u := all[i]
		p.line(fmt.Sprintf("- %s %s: %s", prose.Neutralise(u.ID), prose.Neutralise(u.Title), prose.Neutralise(u.Why)))
		if u.Snippet != "" {
			p.line("\n" + fenced(u.Snippet))
		}
	})
}

// maxSnippet bounds one snippet, in bytes.
const maxSnippet = 2000

// fenced writes lines as code within a list item. Whatever they hold, they do
// not end it: the fence is longer than any run of backticks in them.
func fenced(text string) string {
	if len(text) > maxSnippet {
		text = strings.ToValidUTF8(text[:maxSnippet], "") + "\n…"
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	var b strings.Builder
	b.WriteString("  " + fence + "yaml\n")
	for line := range strings.Lines(text) {
		b.WriteString("  " + prose.Inert(strings.TrimRight(line, "\r\n")) + "\n")
	}
	b.WriteString("  " + fence)
	return b.String()
}

func (p *page) outcomes(all []Outcome) {
	if len(all) == 0 {
		return
	}
	p.line("\n### What came of the last 90 days\n\n| Remedy | Opened | Merged | Effective | Ineffective | Undecided |\n| --- | ---: | ---: | ---: | ---: | ---: |")
	for _, o := range all {
		p.line(fmt.Sprintf("| %s | %d | %d | %d | %d | %d |", prose.Neutralise(o.Remedy), o.Opened, o.Merged, o.Effective, o.Ineffective, o.Undecided))
	}
}

// The receipts stand between these lines, so that a click can add one without
// knowing the rest.
const (
	receiptsFrom = "<!-- salve:receipts -->"
	receiptsTo   = "<!-- /salve:receipts -->"
)

// maxReceipts is how many receipts are shown.
const maxReceipts = 8

// withReceipts puts receipts into a body, in place of those that it has.
func withReceipts(body string, all []Receipt) string {
	if i := strings.Index("\n"+body, "\n"+receiptsFrom); i >= 0 {
		body = body[:i]
	}
	if len(all) == 0 {
		return body
	}
	if !strings.HasSuffix(body, "\n\n") {
		body = strings.TrimSuffix(body, "\n") + "\n\n"
	}
	var b strings.Builder
	b.WriteString(body + receiptsFrom + "\n### Done on your word\n\n")
	for _, r := range all[:min(len(all), maxReceipts)] {
		fmt.Fprintf(&b, "- %s: %s, by %s\n", r.At.UTC().Format("2006-01-02 15:04 UTC"), prose.Neutralise(r.What), prose.Neutralise(r.By))
	}
	b.WriteString(receiptsTo + "\n")
	return b.String()
}
