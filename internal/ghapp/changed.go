package ghapp

import (
	"context"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// OpenPulls lists the open pull requests of a repository, the oldest first.
//
// GitHub: GET /repos/{owner}/{repo}/pulls; needs pull_requests: read.
func (c *Client) OpenPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error) {
	return c.listPulls(ctx, repo, github.PullRequestListOptions{State: "open", Sort: "created", Direction: "asc"})
}

// files lists the files that a pull request changes. GitHub lists at most 3,000,
// and leaves out diffs that are large
// (https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files).
//
// GitHub: GET /repos/{owner}/{repo}/pulls/{pull_number}/files; needs pull_requests: read.
func (c *Client) files(ctx context.Context, repo forge.Repo, number int) ([]*github.CommitFile, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	files, err := pages(func(o *github.ListOptions) ([]*github.CommitFile, *github.Response, error) {
		return gh.PullRequests.ListFiles(ctx, repo.Owner, repo.Name, number, o)
	})
	if err != nil {
		return nil, explain(err, "list files of %s#%d", repo, number)
	}
	return files, nil
}

// ChangedPaths lists the files that a pull request changes, at most 3,000; a
// renamed one under both names.
func (c *Client) ChangedPaths(ctx context.Context, repo forge.Repo, number int) ([]string, error) {
	files, err := c.files(ctx, repo, number)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		out = append(out, f.GetFilename())
		if old := f.GetPreviousFilename(); old != "" {
			out = append(out, old)
		}
	}
	return out, nil
}
