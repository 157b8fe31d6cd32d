package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// Pull reads one pull request.
//
// GitHub: GET /repos/{owner}/{repo}/pulls/{pull_number}; needs pull_requests: read.
func (c *Client) Pull(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return forge.PullRequest{}, err
	}
	pull, _, err := gh.PullRequests.Get(ctx, repo.Owner, repo.Name, number)
	if err != nil {
		return forge.PullRequest{}, explain(err, "read %s#%d", repo, number)
	}
	return pullOf(repo, pull), nil
}

// PullsOf lists the pull requests of a branch of repo, open and closed, the
// latest first.
func (c *Client) PullsOf(ctx context.Context, repo forge.Repo, branch string) ([]forge.PullRequest, error) {
	if err := forge.ValidateBranch(branch); err != nil {
		return nil, err
	}
	all, err := c.listPulls(ctx, repo, github.PullRequestListOptions{
		State: "all", Head: repo.Owner + ":" + branch,
	})
	// GitHub leaves out a head filter that it does not understand.
	all = slices.DeleteFunc(all, func(p forge.PullRequest) bool { return p.Fork || p.Branch != branch })
	slices.SortFunc(all, func(a, b forge.PullRequest) int { return b.Number - a.Number })
	return all, err
}

// OurPulls lists the open pull requests that this App made, the oldest first.
func (c *Client) OurPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error) {
	self, err := c.app.Identity(ctx)
	if err != nil {
		return nil, err
	}
	all, err := c.listPulls(ctx, repo, github.PullRequestListOptions{State: "open", Sort: "created", Direction: "asc"})
	return slices.DeleteFunc(all, func(p forge.PullRequest) bool {
		return p.Fork || p.Author != self.Login() || !strings.HasPrefix(p.Branch, forge.BranchPrefix)
	}), err
}

// listPulls lists pull requests in the order asked for.
//
// GitHub: GET /repos/{owner}/{repo}/pulls; needs pull_requests: read.
func (c *Client) listPulls(ctx context.Context, repo forge.Repo, opts github.PullRequestListOptions) ([]forge.PullRequest, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	list, err := pages(func(o *github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		opts.ListOptions = *o
		return gh.PullRequests.List(ctx, repo.Owner, repo.Name, &opts)
	})
	if err != nil {
		return nil, explain(err, "list pull requests of %s", repo)
	}
	var out []forge.PullRequest
	for _, p := range list {
		out = append(out, pullOf(repo, p))
	}
	return out, nil
}

func pullOf(repo forge.Repo, p *github.PullRequest) forge.PullRequest {
	out := forge.PullRequest{
		Repo:      repo,
		Number:    p.GetNumber(),
		Node:      p.GetNodeID(),
		Title:     p.GetTitle(),
		Body:      p.GetBody(),
		Branch:    p.GetHead().GetRef(),
		Fork:      p.GetHead().GetRepo().GetID() != p.GetBase().GetRepo().GetID(),
		Head:      forge.SHA(p.GetHead().GetSHA()),
		Base:      p.GetBase().GetRef(),
		BaseSHA:   forge.SHA(p.GetBase().GetSHA()),
		Open:      p.GetState() == "open",
		Merged:    p.GetMerged() || p.MergedAt != nil, // lists have the time only
		Draft:     p.GetDraft(),
		AutoMerge: p.GetAutoMerge().GetEnabledBy().GetLogin(),
		Author:    p.GetUser().GetLogin(),
		URL:       p.GetHTMLURL(),
		CreatedAt: p.GetCreatedAt().UTC(), UpdatedAt: p.GetUpdatedAt().UTC(),
	}
	if p.MergedAt != nil {
		out.MergedAt = p.MergedAt.UTC()
	}
	if p.ClosedAt != nil {
		out.ClosedAt = p.ClosedAt.UTC()
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	return out
}

// ClosedBy returns the login of whoever closed a pull request. Only the issue
// that it also is knows.
//
// GitHub: GET /repos/{owner}/{repo}/issues/{issue_number}; needs pull_requests: read.
func (c *Client) ClosedBy(ctx context.Context, repo forge.Repo, number int) (string, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return "", err
	}
	issue, _, err := gh.Issues.Get(ctx, repo.Owner, repo.Name, number)
	if err != nil {
		return "", explain(err, "read who closed %s#%d", repo, number)
	}
	return issue.GetClosedBy().GetLogin(), nil
}

// ClosePull says why in a comment, closes a pull request and, if asked to,
// deletes its branch. The branch goes first, and GitHub closes what has lost its
// branch: whoever is interrupted in between leaves no branch that nobody looks
// after. Where a rule keeps the branch, the pull request is closed without.
// Closing what is closed finishes what an earlier call left.
//
// GitHub: PATCH /repos/{owner}/{repo}/pulls/{pull_number}; needs pull_requests: write.
func (c *Client) ClosePull(ctx context.Context, repo forge.Repo, number int, comment string, deleteBranch bool) error {
	pull, err := c.Pull(ctx, repo, number)
	if err != nil {
		return err
	}
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	if pull.Open && comment != "" {
		if err := c.Comment(ctx, repo, number, "closed: "+comment, comment); err != nil {
			return err
		}
	}
	if deleteBranch && !pull.Fork {
		if err := c.deleteBranch(ctx, gh, repo, pull.Branch); err != nil && !errors.Is(err, forge.ErrRejected) {
			return err
		}
	}
	if !pull.Open {
		return nil
	}
	_, _, err = gh.PullRequests.Edit(ctx, repo.Owner, repo.Name, number, &github.PullRequest{State: github.String("closed")})
	return explain(err, "close %s#%d", repo, number)
}

// deleteBranch deletes a branch of ours. One that is gone is fine.
//
// GitHub: DELETE /repos/{owner}/{repo}/git/refs/{ref}; needs contents: write.
func (c *Client) deleteBranch(ctx context.Context, gh *github.Client, repo forge.Repo, branch string) error {
	if err := ourBranch(branch); err != nil {
		return err
	}
	_, err := gh.Git.DeleteRef(ctx, repo.Owner, repo.Name, "heads/"+branch)
	if answered(err, http.StatusNotFound) || answered(err, http.StatusUnprocessableEntity) && overtaken(strings.ToLower(err.Error())) {
		return nil // "Reference does not exist"
	}
	return explain(err, "delete branch %s of %s", branch, repo)
}

// ourBranch refuses branches that this program did not make.
func ourBranch(branch string) error {
	if !strings.HasPrefix(branch, forge.BranchPrefix) {
		return fmt.Errorf("branch %q is not ours: want one that begins with %s", branch, forge.BranchPrefix)
	}
	return forge.ValidateBranch(branch)
}

// quoted finds the names in GitHub's refusals:
// Required status check "salve/pre-deployment" is failing.
var quoted = regexp.MustCompile(`"([^"]{1,255})"`)

// Merge merges a pull request at the head that the caller has seen. A refusal
// by the rules of the base branch is a [*forge.MergeRefusedError] with the
// statuses that GitHub names; a head that moved is [forge.ErrConflict].
//
// GitHub: PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge; needs contents: write.
func (c *Client) Merge(ctx context.Context, repo forge.Repo, number int, head forge.SHA) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	if err := head.Validate(); err != nil {
		return err
	}
	_, _, err = gh.PullRequests.Merge(ctx, repo.Owner, repo.Name, number, "", &github.PullRequestOptions{SHA: string(head)})
	var answer *github.ErrorResponse
	if answered(err, http.StatusMethodNotAllowed) && asAnswer(err, &answer) {
		refused := &forge.MergeRefusedError{Pull: number, Message: oneLine(detail(answer))}
		for _, m := range quoted.FindAllStringSubmatch(answer.Message, 20) {
			refused.Contexts = append(refused.Contexts, m[1])
		}
		return fmt.Errorf("merge %s#%d: %w", repo, number, refused)
	}
	return explain(err, "merge %s#%d", repo, number)
}
