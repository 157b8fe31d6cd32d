package ghapp

import (
	"context"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// OurIssues lists the issues of this App in repo, open and closed, that changed
// at or after since; the latest change comes first.
func (c *Client) OurIssues(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.Issue, error) {
	list, err := c.authored(ctx, repo, since)
	var out []forge.Issue
	for _, i := range list {
		if !i.IsPullRequest() {
			out = append(out, issueOf(repo, i))
		}
	}
	return out, err
}

// Issue reads one issue, with who closed it.
//
// GitHub: GET /repos/{owner}/{repo}/issues/{issue_number}; needs issues: read.
func (c *Client) Issue(ctx context.Context, repo forge.Repo, number int) (forge.Issue, error) {
	gh, err := c.as(recalling, repo)
	if err != nil {
		return forge.Issue{}, err
	}
	i, _, err := gh.Issues.Get(ctx, repo.Owner, repo.Name, number)
	if err != nil {
		return forge.Issue{}, explain(err, "read issue %s#%d", repo, number)
	}
	return issueOf(repo, i), nil
}

// CreateIssue opens an issue.
//
// GitHub: POST /repos/{owner}/{repo}/issues; needs issues: write.
func (c *Client) CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (forge.Issue, error) {
	gh, err := c.as(noting, repo)
	if err != nil {
		return forge.Issue{}, err
	}
	i, _, err := gh.Issues.Create(ctx, repo.Owner, repo.Name, &github.IssueRequest{
		Title: github.String(oneLine(title)), Body: github.String(c.app.redact.Text(body)),
	})
	if err != nil {
		return forge.Issue{}, explain(err, "open an issue in %s", repo)
	}
	return issueOf(repo, i), nil
}

// EditIssue gives an issue another body, and opens or closes it.
//
// GitHub: PATCH /repos/{owner}/{repo}/issues/{issue_number}; needs issues: write.
func (c *Client) EditIssue(ctx context.Context, repo forge.Repo, number int, body string, open bool) error {
	gh, err := c.as(noting, repo)
	if err != nil {
		return err
	}
	state := "closed"
	if open {
		state = "open"
	}
	_, _, err = gh.Issues.Edit(ctx, repo.Owner, repo.Name, number, &github.IssueRequest{Body: github.String(c.app.redact.Text(body)), State: &state})
	return explain(err, "change issue %s#%d", repo, number)
}

func issueOf(repo forge.Repo, i *github.Issue) forge.Issue {
	return forge.Issue{
		Repo: repo, Number: i.GetNumber(), Title: i.GetTitle(), Body: i.GetBody(), Open: i.GetState() == "open",
		Author: i.GetUser().GetLogin(), ClosedBy: i.GetClosedBy().GetLogin(), URL: i.GetHTMLURL(), UpdatedAt: i.GetUpdatedAt().UTC(),
	}
}
