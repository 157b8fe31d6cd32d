package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// OurHistory lists the pull requests of this App in repo, open, merged and
// closed, that changed at or after since; the latest change comes first. Head
// and base are not filled in. It reads one page as long as that reaches back far
// enough, and where nothing changed that costs nothing of the hourly limit.
func (c *Client) OurHistory(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.PullRequest, error) {
	list, err := c.authored(ctx, repo, since)
	if errors.Is(err, errNoIssues) {
		return c.ourPullsSince(ctx, repo, since)
	}
	var out []forge.PullRequest
	for _, i := range list {
		if i.IsPullRequest() {
			out = append(out, pastOf(repo, i))
		}
	}
	return out, err
}

// authored lists the issues and pull requests that this App opened and that
// changed at or after since. The address does not depend on since, so that
// answers can be remembered.
//
// GitHub: GET /repos/{owner}/{repo}/issues; needs issues: read.
func (c *Client) authored(ctx context.Context, repo forge.Repo, since time.Time) ([]*github.Issue, error) {
	gh, err := c.as(recalling, repo)
	if err != nil {
		return nil, err
	}
	self, err := c.app.Identity(ctx)
	if err != nil {
		return nil, err
	}
	opts := github.IssueListByRepoOptions{State: "all", Creator: self.Login(), Sort: "updated", Direction: "desc"}
	list, err := pages(func(o *github.ListOptions) ([]*github.Issue, *github.Response, error) {
		opts.ListOptions = *o
		page, resp, err := gh.Issues.ListByRepo(ctx, repo.Owner, repo.Name, &opts)
		if n := len(page); err == nil && n > 0 && page[n-1].GetUpdatedAt().Before(since) {
			resp.NextPage = 0 // those before changed earlier still
		}
		return page, resp, err
	})
	if answered(err, http.StatusGone) {
		return nil, fmt.Errorf("list what this App opened in %s: %w", repo, errNoIssues)
	}
	if err != nil {
		return nil, explain(err, "list what this App opened in %s", repo)
	}
	var out []*github.Issue
	for _, i := range list {
		if i.GetUser().GetLogin() == self.Login() && !i.GetUpdatedAt().Before(since) {
			out = append(out, i)
		}
	}
	return out, nil
}

// errNoIssues says that a repository has switched its issues off.
var errNoIssues = errors.New("issues are switched off in the repository")

// ourPullsSince is [Client.OurHistory] without the help of issues: it reads the
// pull requests of others as well.
//
// GitHub: GET /repos/{owner}/{repo}/pulls; needs pull_requests: read.
func (c *Client) ourPullsSince(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.PullRequest, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	self, err := c.app.Identity(ctx)
	if err != nil {
		return nil, err
	}
	opts := github.PullRequestListOptions{State: "all", Sort: "updated", Direction: "desc"}
	list, err := pages(func(o *github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		opts.ListOptions = *o
		page, resp, err := gh.PullRequests.List(ctx, repo.Owner, repo.Name, &opts)
		if n := len(page); err == nil && n > 0 && page[n-1].GetUpdatedAt().Before(since) {
			resp.NextPage = 0
		}
		return page, resp, err
	})
	if err != nil {
		return nil, explain(err, "list pull requests of %s", repo)
	}
	var out []forge.PullRequest
	for _, p := range list {
		if p.GetUser().GetLogin() == self.Login() && !p.GetUpdatedAt().Before(since) {
			out = append(out, pullOf(repo, p))
		}
	}
	return out, nil
}

// pastOf is a pull request as far as the issue that it also is shows it.
func pastOf(repo forge.Repo, i *github.Issue) forge.PullRequest {
	out := forge.PullRequest{
		Repo: repo, Number: i.GetNumber(), Title: i.GetTitle(), Body: i.GetBody(), Open: i.GetState() == "open", Draft: i.GetDraft(),
		Author: i.GetUser().GetLogin(), URL: i.GetHTMLURL(), CreatedAt: i.GetCreatedAt().UTC(), UpdatedAt: i.GetUpdatedAt().UTC(),
	}
	if at := i.PullRequestLinks.MergedAt; at != nil {
		out.Merged, out.MergedAt = true, at.UTC()
	}
	if i.ClosedAt != nil {
		out.ClosedAt = i.ClosedAt.UTC()
	}
	for _, l := range i.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	return out
}
