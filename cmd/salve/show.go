package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/remedy"
)

// A pullView is a pull request as --format json prints it.
type pullView struct {
	Repo     string       `json:"repo"`
	Number   int          `json:"number"` // 0 in a dry run
	Branch   string       `json:"branch"`
	Title    string       `json:"title"`
	Labels   []string     `json:"labels"`
	Asked    []string     `json:"reviewers,omitempty"` // when it is opened; owners of the files among them
	Auto     bool         `json:"auto_merge,omitempty"`
	Diff     string       `json:"diff"`
	Statuses []statusView `json:"statuses"`
	Author   string       `json:"author,omitempty"`
	Remarks  []string     `json:"remarks,omitempty"` // on its lines, the first line of each
	URL      string       `json:"url,omitempty"`
	Problems []string     `json:"problems,omitempty"`
	Rule     string       `json:"rule,omitempty"`   // that gave the number
	Action   string       `json:"action,omitempty"` // created, updated, unchanged, …
	Error    string       `json:"error,omitempty"`
}

type statusView struct {
	Context     string `json:"context"`
	State       string `json:"state"`
	Description string `json:"description"`
}

// A decisionView is what came of one problem or detector.
type decisionView struct {
	Problem    string   `json:"problem"` // display id, or the title of a detector
	Title      string   `json:"title"`
	Action     string   `json:"action"` // git_action or optimization_action
	Remedy     string   `json:"remedy,omitempty"`
	Reason     string   `json:"reason"` // why nothing was opened; empty if something was
	Pull       string   `json:"pull"`   // owner/name#number; empty if there is none
	Candidates []string `json:"candidates,omitempty"`
	Snippet    string   `json:"snippet,omitempty"`
}

// ask fills in who and what a proposal asks for.
func (v *pullView) ask(p forge.Proposal) {
	for _, l := range p.Labels {
		v.Labels = append(v.Labels, l.Name)
	}
	for _, r := range slices.Concat(p.Reviewers, p.Owners) {
		if !slices.Contains(v.Asked, r) {
			v.Asked = append(v.Asked, r)
		}
	}
	v.Auto = p.AutoMerge
}

// pullsOf lists the pull requests that a cycle planned.
func pullsOf(c cycle) []pullView {
	out := []pullView{}
	for _, p := range c.Remedy.Plans {
		v := pullView{
			Repo: p.Proposal.Repo.String(), Number: p.Opened.Pull.Number, Branch: p.Proposal.Branch, Title: p.Proposal.Title,
			Diff: p.Proposal.Changes.Unified(), URL: p.Opened.Pull.URL, Rule: p.Rule, Action: string(p.Opened.Action),
			Statuses: []statusView{},
		}
		v.ask(p.Proposal)
		for _, id := range p.Problems {
			v.Problems = append(v.Problems, string(id))
		}
		if p.Err != nil {
			v.Error = p.Err.Error()
		}
		out = append(out, v)
	}
	for _, d := range c.Tune.Decisions {
		if !d.Reason.None() || d.Plan.Proposal.Key == "" {
			continue
		}
		p := d.Plan.Proposal
		v := pullView{
			Repo: p.Repo.String(), Number: d.Opened.Pull.Number, Branch: p.Branch, Title: p.Title, Diff: p.Changes.Unified(),
			URL: d.Opened.Pull.URL, Rule: d.Plan.Rule, Action: string(d.Opened.Action), Problems: d.Detector.Examples, Statuses: []statusView{},
		}
		v.ask(p)
		out = append(out, v)
	}
	return out
}

// decisionsOf lists what came of every problem and detector.
func decisionsOf(c cycle) []decisionView {
	out := []decisionView{}
	for _, d := range c.Remedy.Decisions {
		out = append(out, decisionView{
			Problem: string(d.Problem.ID), Title: d.Problem.Title, Action: d.Action, Remedy: d.Remedy,
			Reason: d.Reason.Text, Pull: pullName(d, c), Candidates: d.Reason.Candidates, Snippet: d.Reason.Snippet,
		})
	}
	for _, d := range c.Tune.Decisions {
		v := decisionView{Problem: d.Detector.Title, Title: d.Detector.Title, Action: d.Detector.Action, Remedy: d.Remedy, Reason: d.Reason.Text}
		if d.Opened.Pull.Number > 0 {
			v.Pull = fmt.Sprintf("%s#%d", d.Opened.Pull.Repo, d.Opened.Pull.Number)
		}
		out = append(out, v)
	}
	return out
}

func pullName(d remedy.Decision, c cycle) string {
	if d.Pull.Number > 0 {
		return fmt.Sprintf("%s#%d", d.Pull.Repo, d.Pull.Number)
	}
	for _, p := range c.Remedy.Plans {
		if d.Reason.None() && p.Proposal.Key == d.Key {
			return p.Proposal.Repo.String() + " " + p.Proposal.Branch // a dry run
		}
	}
	return ""
}

// opened counts the pull requests that a cycle made anew.
func opened(c cycle) int {
	n := 0
	for _, p := range pullsOf(c) {
		if p.Action == "created" {
			n++
		}
	}
	return n
}

// writeJSON prints v as one line.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// A printer writes text for people and remembers the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// pull prints one pull request with its statuses and its diff.
func (p *printer) pull(v pullView) {
	name := v.Repo
	if v.Number > 0 {
		name = fmt.Sprintf("%s#%d", v.Repo, v.Number)
	}
	p.f("\n%s  %s\n", name, clean(v.Title))
	if v.Author != "" {
		p.f("  author   %s\n", v.Author)
	}
	p.f("  branch   %s\n", clean(v.Branch))
	if len(v.Labels) > 0 {
		p.f("  labels   %s\n", strings.Join(v.Labels, ", "))
	}
	if len(v.Asked) > 0 {
		p.f("  asks     %s\n", clean(strings.Join(v.Asked, ", ")))
	}
	if v.Auto {
		p.f("  merges   by itself, by the rules of the branch\n")
	}
	if len(v.Problems) > 0 {
		p.f("  problems %s\n", clean(strings.Join(v.Problems, ", ")))
	}
	if v.Rule != "" {
		p.f("  rule     %s\n", clean(v.Rule))
	}
	for _, s := range v.Statuses {
		p.f("  status   %s %s: %s\n", s.Context, s.State, clean(s.Description))
	}
	for _, r := range v.Remarks {
		p.f("  remark   %s\n", clean(r))
	}
	if v.Error != "" {
		p.f("  error    %s\n", clean(v.Error))
	}
	for line := range strings.Lines(v.Diff) {
		p.f("  | %s\n", clean(strings.TrimRight(line, "\r\n")))
	}
}

// decisions prints the problems and detectors that opened nothing.
func (p *printer) decisions(ds []decisionView) {
	for _, d := range ds {
		if d.Reason == "" {
			continue
		}
		p.f("  %-10s %-32s %s\n", clean(d.Problem), clean(short(d.Title, 32)), clean(d.Reason))
		for _, c := range d.Candidates {
			p.f("  %-10s   could be %s\n", "", clean(c))
		}
		for line := range strings.Lines(d.Snippet) {
			p.f("  %-10s   %s\n", "", clean(strings.TrimRight(line, "\n")))
		}
	}
}

// clean keeps text of others from steering a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\ufffd'
		}
		return r
	}, s)
}

// short cuts s to n characters.
func short(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
