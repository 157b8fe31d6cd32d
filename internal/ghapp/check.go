package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// SetCheck makes run the latest check run of its name on its commit. One that
// is not completed is updated; one that is completed and says something else is
// followed by a new one, since a result is not taken back. It returns the run
// with its ID.
//
// GitHub: GET /repos/{owner}/{repo}/commits/{ref}/check-runs; needs checks: read.
// GitHub: POST /repos/{owner}/{repo}/check-runs; needs checks: write.
// GitHub: PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}; needs checks: write.
func (c *Client) SetCheck(ctx context.Context, repo forge.Repo, run forge.CheckRun) (forge.CheckRun, error) {
	gh, err := c.as(checking, repo)
	if err != nil {
		return run, err
	}
	if err := run.Head.Validate(); err != nil {
		return run, err
	}
	run.Title = cut(oneLine(c.app.redact.Text(run.Title)), 255)
	run.Summary = cutText(c.app.redact.Text(run.Summary), 65_535)
	list, _, err := gh.Checks.ListCheckRunsForRef(ctx, repo.Owner, repo.Name, string(run.Head), &github.ListCheckRunsOptions{
		CheckName: &run.Name, AppID: &c.app.id, Filter: github.String("latest"),
	})
	if err != nil {
		return run, explain(err, "read check %q of %s@%s", run.Name, repo, run.Head.Short())
	}
	var have *github.CheckRun
	if len(list.CheckRuns) > 0 {
		have = list.CheckRuns[0]
	}
	switch {
	case have != nil && have.GetConclusion() == run.Conclusion && have.GetOutput().GetTitle() == run.Title && have.GetOutput().GetSummary() == run.Summary:
	case have != nil && have.GetConclusion() == "":
		have, _, err = gh.Checks.UpdateCheckRun(ctx, repo.Owner, repo.Name, have.GetID(), github.UpdateCheckRunOptions{
			Name: run.Name, Status: status(run), Conclusion: conclusion(run), Output: output(run), DetailsURL: link(run),
		})
	default:
		have, _, err = gh.Checks.CreateCheckRun(ctx, repo.Owner, repo.Name, github.CreateCheckRunOptions{
			Name: run.Name, HeadSHA: string(run.Head), Status: status(run), Conclusion: conclusion(run), Output: output(run), DetailsURL: link(run),
		})
	}
	if err != nil {
		return run, explain(err, "set check %q of %s@%s", run.Name, repo, run.Head.Short())
	}
	run.ID = have.GetID()
	return run, nil
}

func status(run forge.CheckRun) *string {
	if run.Conclusion == "" {
		return github.String("in_progress")
	}
	return github.String("completed")
}

func conclusion(run forge.CheckRun) *string {
	if run.Conclusion == "" {
		return nil
	}
	return &run.Conclusion
}

func link(run forge.CheckRun) *string {
	if run.URL == "" {
		return nil
	}
	return &run.URL
}

func output(run forge.CheckRun) *github.CheckRunOutput {
	return &github.CheckRunOutput{Title: &run.Title, Summary: &run.Summary}
}

// cutText shortens a text of several lines to at most n bytes.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := n - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// A RuleAnswer is the answer to a deployment protection rule. The zero State
// is a report that leaves the question open; GitHub takes ten of those.
type RuleAnswer struct {
	State   string // "approved", "rejected" or empty
	Comment string // Markdown, at most 1024 characters; cut if longer
}

// AnswerRule answers the deployment protection rule that a workflow run waits
// for. The URL is built from the repository and the run, never taken from an
// event.
//
// GitHub: POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule; needs deployments: write.
// https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules
func (c *Client) AnswerRule(ctx context.Context, repo forge.Repo, run int64, environment string, answer RuleAnswer) error {
	gh, err := c.as(releasing, repo)
	if err != nil {
		return err
	}
	switch {
	case run <= 0 || environment == "":
		return fmt.Errorf("answer rule of %s run %d environment %q: want a run and an environment", repo, run, environment)
	case answer.State != "" && answer.State != "approved" && answer.State != "rejected":
		return fmt.Errorf("answer rule of %s run %d: state %q: want approved, rejected or none", repo, run, answer.State)
	}
	body := map[string]string{"environment_name": environment, "comment": cut(c.app.redact.Text(answer.Comment), 1024)}
	if answer.State != "" {
		body["state"] = answer.State
	}
	path := fmt.Sprintf("repos/%s/%s/actions/runs/%d/deployment_protection_rule", repo.Owner, repo.Name, run)
	req, err := gh.NewRequest(http.MethodPost, path, body)
	if err == nil {
		_, err = gh.Do(ctx, req, nil)
	}
	return explain(err, "answer rule of %s run %d environment %s", repo, run, environment)
}
