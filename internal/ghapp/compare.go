package ghapp

import (
	"context"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// Bounds of a comparison: GitHub lists at most 300 files, whatever page is
// asked for; more commits than these are not asked for.
// https://docs.github.com/en/rest/commits/commits#compare-two-commits
const (
	maxCompared      = 1000
	maxComparedFiles = 300
)

// Compare returns what head has and base has not: commits, the oldest first,
// and files, a renamed one under both names.
//
// GitHub: GET /repos/{owner}/{repo}/compare/{basehead}; needs contents: read.
func (c *Client) Compare(ctx context.Context, repo forge.Repo, base, head forge.SHA) (forge.Comparison, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return forge.Comparison{}, err
	}
	for _, at := range []forge.SHA{base, head} {
		if err := at.Validate(); err != nil {
			return forge.Comparison{}, err
		}
	}
	self, err := c.app.Identity(ctx)
	if err != nil {
		return forge.Comparison{}, err
	}
	var out forge.Comparison
	opts := &github.ListOptions{PerPage: 100}
	for n := 1; ; n++ {
		page, resp, err := gh.Repositories.CompareCommits(ctx, repo.Owner, repo.Name, string(base), string(head), opts)
		if err != nil {
			return forge.Comparison{}, explain(err, "compare %s with %s in %s", head.Short(), base.Short(), repo)
		}
		if n == 1 { // the files are on the first page
			out.Paths, out.Truncated = comparedPaths(page.Files), len(page.Files) >= maxComparedFiles
		}
		ours := c.app.made(self.Login(), page.Commits)
		for i, commit := range page.Commits {
			made := commitOf(commit)
			made.Ours = ours[i]
			out.Commits = append(out.Commits, made)
		}
		if resp.NextPage == 0 || len(out.Commits) >= maxCompared || n*opts.PerPage >= maxCompared {
			out.Truncated = out.Truncated || resp.NextPage != 0
			return out, nil
		}
		opts.Page = resp.NextPage
	}
}

func comparedPaths(files []*github.CommitFile) []string {
	var out []string
	for _, f := range files {
		out = append(out, f.GetFilename())
		if old := f.GetPreviousFilename(); old != "" {
			out = append(out, old)
		}
	}
	return out
}

func commitOf(c *github.RepositoryCommit) forge.Commit {
	title, _, _ := strings.Cut(c.GetCommit().GetMessage(), "\n")
	author := c.GetAuthor().GetLogin()
	if author == "" {
		author = c.GetCommit().GetAuthor().GetName()
	}
	return forge.Commit{SHA: forge.SHA(c.GetSHA()), Author: author, Title: title, At: c.GetCommit().GetCommitter().GetDate().Time}
}

// PullsWith returns the pull requests that brought a commit into a branch, or
// would.
//
// GitHub: GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls; needs pull_requests: read.
func (c *Client) PullsWith(ctx context.Context, repo forge.Repo, at forge.SHA) ([]forge.PullRequest, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	if err := at.Validate(); err != nil {
		return nil, err
	}
	list, err := pages(func(o *github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		return gh.PullRequests.ListPullRequestsWithCommit(ctx, repo.Owner, repo.Name, string(at), o)
	})
	if err != nil {
		return nil, explain(err, "list pull requests of %s@%s", repo, at.Short())
	}
	var out []forge.PullRequest
	for _, p := range list {
		out = append(out, pullOf(repo, p))
	}
	return out, nil
}
