package gate

import (
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// maxSummary bounds the explanation, in bytes: GitHub takes 65,535 characters
// in a check run.
const maxSummary = 60_000

// Summary explains a case in Markdown, for the check run: what was decided, by
// what, and what one can do. All foreign text is made harmless.
func (c *Checker) Summary(k Case) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n", prose.Neutralise(k.Why))
	if k.Quality != "" {
		fmt.Fprintf(&b, "\nData quality: %s.\n", k.Quality)
	}
	if k.Pass != "" {
		fmt.Fprintf(&b, "\n%s\n", prose.Neutralise(k.Pass))
	}
	services(&b, k)
	table(&b, k)
	if len(k.Suspects) > 0 {
		b.WriteString("\n#### Deployed since the last healthy deployment, newest first\n\n")
		for _, s := range k.Suspects {
			fmt.Fprintf(&b, "- %s\n", s.line())
		}
	}
	advice(&b, k)
	asked(&b, k)
	return cutSummary(b.String(), maxSummary)
}

// cutSummary leaves out the last lines of a text of more than n bytes.
func cutSummary(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:max(strings.LastIndexByte(text[:n], '\n'), 0)] + "\n\n…\n"
}

// services says what the change touches, and how that is known.
func services(b *strings.Builder, k Case) {
	if len(k.Services) == 0 {
		return
	}
	b.WriteString("\n#### Services\n\n| service | environment | tied to the change by |\n| --- | --- | --- |\n")
	for _, s := range k.Services {
		fmt.Fprintf(b, "| %s | %s | %s |\n", prose.Neutralise(s.Name), prose.Neutralise(s.Environment), prose.Neutralise(s.By))
	}
}

// table shows the rows of the gate's query, under the columns of the document.
func table(b *strings.Builder, k Case) {
	if len(k.Health) > 0 {
		b.WriteString("\n#### Deployed services\n\n| affected_entity.name | new_problems | critical_problems | health_status |\n| --- | --- | --- | --- |\n")
		for _, h := range k.Health {
			fmt.Fprintf(b, "| %s | %d | %d | %s |\n", prose.Neutralise(h.Service), h.New, h.Critical, h.Verdict.Word(k.Gate))
		}
	}
	if len(k.Kinds) > 0 {
		b.WriteString("\n#### Canary\n\n| event.name | canary_problems | stable_problems | promotion_decision | why |\n| --- | --- | --- | --- | --- |\n")
		for _, one := range k.Kinds {
			fmt.Fprintf(b, "| %s | %d | %d | %s | %s |\n", prose.Neutralise(one.Name), len(one.Canary), len(one.Stable), one.Verdict.Word(k.Gate), prose.Neutralise(one.Why))
		}
	}
	if len(k.Terms) > 0 {
		b.WriteString("\n#### Risk\n\n| service | problem_frequency | deployment_risk_score | deployment_recommendation | terms |\n| --- | --- | --- | --- | --- |\n")
		for _, r := range k.Terms {
			fmt.Fprintf(b, "| %s | %d | %.1f | %s | %s |\n", prose.Neutralise(r.Service), r.Problems, r.Score, r.Verdict.Word(policy.Risk), prose.Neutralise(r.Explain()))
		}
	}
	if len(k.Rows) > 0 {
		b.WriteString("\n#### Problems\n\n| display_id | event.name | problem.severity | affected_entity.name | deployment_risk | since | matched by |\n| --- | --- | --- | --- | --- | --- | --- |\n")
		for _, r := range k.Rows {
			word := r.Verdict.Word(policy.PreDeployment)
			if r.Note != "" {
				word += ": " + r.Note
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", prose.Neutralise(string(r.Problem)), prose.Neutralise(r.Title), r.Severity,
				prose.Neutralise(r.Entity), prose.Neutralise(word), r.Start.UTC().Format(time.RFC3339), prose.Neutralise(r.By))
		}
	}
}

// line says on one line who brought what.
func (s Suspect) line() string {
	what := "commit `" + s.SHA.Short() + "`"
	if s.Pull > 0 {
		what = fmt.Sprintf("#%d", s.Pull)
	}
	text := what + " " + prose.Neutralise(s.Title)
	if s.Author != "" {
		text += " by " + prose.Neutralise(s.Author)
	}
	if !s.At.IsZero() {
		text += ", " + s.At.UTC().Format(time.RFC3339)
	}
	if len(s.Ties) > 0 {
		text += ": " + prose.Neutralise(strings.Join(s.Ties, "; "))
	}
	return text
}

// asked shows the queries with their parameters in them. A fence is longer than
// any that a parameter could hold.
func asked(b *strings.Builder, k Case) {
	for _, q := range k.Asked {
		if q.Text == "" {
			continue
		}
		fence := "```"
		for strings.Contains(q.Text, fence) {
			fence += "`"
		}
		title := "Query " + prose.Neutralise(q.Name)
		if q.For != "" {
			title += " for " + prose.Neutralise(q.For)
		}
		fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n%sdql\n%s\n%s\n\n</details>\n", title, fence, strings.TrimSpace(q.Text), fence)
	}
}

// Advice says what leads on from a verdict that holds back, what is typed in
// backticks.
func (k Case) Advice() []string {
	held := k.Verdict == Block || k.Verdict == Hold
	switch {
	case !held || k.Mode == policy.Shadow:
		return nil
	case k.Gate == policy.PreDeployment && k.Run == 0:
		return []string{
			"Wait: the gate looks again by itself and passes once the problem has been closed for the configured time.",
			"If this change remedies the problem, write `Fixes P-…` with its id into the description, or comment `/salve fixes P-…` here.",
			"In an emergency, whoever is allowed to may comment `/salve break-glass REASON`.",
		}
	case k.Gate == policy.Risk:
		return []string{
			"Whoever is allowed to break the glass may approve: the comment `/salve break-glass REASON`, which says why the risk is taken.",
			"Wait: each problem counts half as much for every 48 hours since it ended, and an open one sets a floor.",
		}
	case k.Verdict == Block && len(k.Suspects) > 0:
		return []string{"Look at what was deployed since the last healthy deployment, the newest first, and revert what is tied to the problem."}
	}
	return nil
}

// advice writes the advice about a case.
func advice(b *strings.Builder, k Case) {
	lines := k.Advice()
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n#### What you can do\n\n")
	for _, line := range lines {
		fmt.Fprintf(b, "- %s\n", line)
	}
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// comment explains a case to a protection rule, which takes 1024 characters.
// https://docs.github.com/en/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
func (c *Checker) comment(k Case) string {
	text := "**" + prose.Neutralise(k.Why) + "**"
	if page := c.page(&k); page != "" {
		text += "\n\n" + page
	}
	return prose.Cut(text, 1024)
}
