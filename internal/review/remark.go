package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/prose"
)

// A remark is found again by the mark that it ends with: which concern speaks,
// and of which value. Lines of others that it shows stand above it.
var markForm = regexp.MustCompile(`<!-- salve:review ([0-9a-f]{16}) ([0-9a-f]{16}) -->\s*$`)

// ended is the end of remarks that no longer hold, where somebody had answered.
const ended = "<!-- salve:review ended -->"

func live(body string) bool { return markForm.MatchString(body) }

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// state names what a finding is about: the same value in the same file is the
// same finding, wherever its line moves.
func (f finding) state() string { return hash(f.After.File, f.After.Value) }

// settle makes the remarks on a pull request those of its findings: one that
// is there stays, one that no longer holds goes.
func (r *Reviewer) settle(ctx context.Context, p forge.PullRequest, found findings, have []forge.Remark, complete bool) error {
	want := map[string]finding{}
	for _, f := range found.all {
		want[hash(f.Key)] = f
	}
	var errs []error
	for _, m := range have {
		mark := markForm.FindStringSubmatch(m.Body)
		f, holds := want[mark[1]]
		switch {
		case holds && mark[2] == f.state():
			delete(want, mark[1]) // said already
		case holds || complete && !found.unknown[mark[1]]:
			errs = append(errs, r.end(ctx, p, m))
		}
	}
	var comments []forge.LineComment
	for _, f := range found.all {
		if _, missing := want[hash(f.Key)]; missing {
			comments = append(comments, forge.LineComment{Path: f.After.File, Line: f.After.Line, Body: r.words(f, p.Fork)})
		}
	}
	if len(comments) > 0 {
		r.Log.Info("remarked", "repo", p.Repo.String(), "pull", p.Number, "lines", len(comments))
		errs = append(errs, r.Host.Remark(ctx, p.Repo, p.Number, p.Head, "What is open in Dynatrace speaks against a value here.", comments))
	}
	return errors.Join(errs...)
}

// end takes a remark back. One that people have answered stays for their sake,
// and says that it no longer holds.
func (r *Reviewer) end(ctx context.Context, p forge.PullRequest, m forge.Remark) error {
	r.Log.Info("remark no longer holds", "repo", p.Repo.String(), "pull", p.Number)
	if !m.Replied {
		return r.Host.DeleteRemark(ctx, p.Repo, m.ID)
	}
	return r.Host.EditRemark(ctx, p.Repo, m.ID, "*This no longer holds: the line has changed, or nothing speaks against it by now.*\n\n"+m.Body+"\n"+ended)
}

// maxRows bounds the problems of one remark.
const maxRows = 5

// words is a remark. Of a fork's file no line is repeated.
func (r *Reviewer) words(f finding, fork bool) string {
	var b strings.Builder
	after := prose.Neutralise(f.After.Value)
	before := prose.Neutralise(f.Before.Value)
	fmt.Fprintf(&b, "**%s → %s** goes against ", before, after)
	if len(f.Problems) > 0 {
		b.WriteString("what is open now:\n\n")
		for _, p := range f.Problems[:min(len(f.Problems), maxRows)] {
			name := prose.Neutralise(string(p.ID))
			if at := prose.ProblemURL(r.Dynatrace, string(p.Event)); at != "" {
				name = "[" + name + "](" + at + ")"
			}
			fmt.Fprintf(&b, "- %s %s: %s, since %s\n", name, prose.Neutralise(p.Title), p.Severity, p.Start.UTC().Format("2006-01-02 15:04 UTC"))
		}
		if more := len(f.Problems) - maxRows; more > 0 {
			fmt.Fprintf(&b, "- and %d more\n", more)
		}
	} else {
		fmt.Fprintf(&b, "#%d, merged at %s, which made %s of %s; whether that helps is still watched.\n",
			f.Merged.Number, f.Merged.MergedAt.UTC().Format("2006-01-02 15:04 UTC"), prose.Neutralise(f.To), prose.Neutralise(f.From))
	}
	if f.NextPull > 0 && f.Next != "" {
		fmt.Fprintf(&b, "\n#%d proposes %s.\n", f.NextPull, prose.Neutralise(f.Next))
	}
	if f.Back != "" && !fork {
		fence := "```"
		for strings.Contains(f.Back, fence) {
			fence += "`"
		}
		fmt.Fprintf(&b, "\nTo leave it at %s for now:\n\n%ssuggestion\n%s\n%s\n", before, fence, f.Back, fence)
	}
	b.WriteString("\nIf it is meant, go on: this blocks nothing, and goes when the line changes or nothing speaks against it any more.\n\n")
	fmt.Fprintf(&b, "<!-- salve:review %s %s -->", hash(f.Key), f.state())
	return b.String()
}

var hunkForm = regexp.MustCompile(`^@@ -[0-9]+(?:,[0-9]+)? \+([0-9]+)(?:,[0-9]+)? @@`)

// added reports whether a pull request wrote the line of a site.
func added(files []forge.ChangedFile, at inventory.Site) bool {
	for _, f := range files {
		if f.Path != at.File {
			continue
		}
		line := 0
		for text := range strings.Lines(f.Patch) {
			if m := hunkForm.FindStringSubmatch(text); m != nil {
				line, _ = strconv.Atoi(m[1]) // digits; too many of them are no line
				continue
			}
			switch text[0] {
			case '+':
				if line == at.Line {
					return true
				}
				line++
			case ' ':
				line++
			}
		}
	}
	return false
}
