package ghapp

import (
	"context"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// ChangedFiles lists the files that a pull request changes, at most 3,000, with
// their diffs unless they are large.
func (c *Client) ChangedFiles(ctx context.Context, repo forge.Repo, number int) ([]forge.ChangedFile, error) {
	files, err := c.files(ctx, repo, number)
	if err != nil {
		return nil, err
	}
	var out []forge.ChangedFile
	for _, f := range files {
		out = append(out, forge.ChangedFile{Path: f.GetFilename(), Removed: f.GetStatus() == "removed", Blob: forge.SHA(f.GetSHA()), Patch: f.GetPatch()})
	}
	return out, nil
}

// Blob returns the content that has the name sha.
func (c *Client) Blob(ctx context.Context, repo forge.Repo, sha forge.SHA) ([]byte, error) {
	if err := sha.Validate(); err != nil {
		return nil, err
	}
	return c.blob(ctx, repo, sha)
}

// Remarks lists the comments of this App on lines of a pull request, the oldest
// first; answers to others are left out.
//
// GitHub: GET /repos/{owner}/{repo}/pulls/{pull_number}/comments; needs pull_requests: read.
func (c *Client) Remarks(ctx context.Context, repo forge.Repo, number int) ([]forge.Remark, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	self, err := c.app.Identity(ctx)
	if err != nil {
		return nil, err
	}
	list, err := pages(func(o *github.ListOptions) ([]*github.PullRequestComment, *github.Response, error) {
		return gh.PullRequests.ListComments(ctx, repo.Owner, repo.Name, number, &github.PullRequestListCommentsOptions{ListOptions: *o})
	})
	if err != nil {
		return nil, explain(err, "list remarks on lines of %s#%d", repo, number)
	}
	answered := map[int64]bool{}
	for _, m := range list {
		answered[m.GetInReplyTo()] = true
	}
	var out []forge.Remark
	for _, m := range list {
		if m.GetUser().GetLogin() == self.Login() && m.GetInReplyTo() == 0 {
			out = append(out, forge.Remark{ID: m.GetID(), Path: m.GetPath(), Line: m.GetLine(), Body: m.GetBody(), Replied: answered[m.GetID()]})
		}
	}
	return out, nil
}

// Remark leaves comments on lines of a pull request at one head, as one review
// that neither approves nor refuses. Body stands above them.
//
// GitHub: POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews; needs pull_requests: write.
func (c *Client) Remark(ctx context.Context, repo forge.Repo, number int, head forge.SHA, body string, comments []forge.LineComment) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	var drafts []*github.DraftReviewComment
	for _, m := range comments {
		drafts = append(drafts, &github.DraftReviewComment{
			Path: &m.Path, Line: &m.Line, Side: github.String("RIGHT"), Body: github.String(c.app.redact.Text(m.Body)),
		})
	}
	_, _, err = gh.PullRequests.CreateReview(ctx, repo.Owner, repo.Name, number, &github.PullRequestReviewRequest{
		CommitID: github.String(string(head)), Event: github.String("COMMENT"), Body: &body, Comments: drafts,
	})
	return explain(err, "comment on lines of %s#%d", repo, number)
}

// EditRemark gives a remark another text.
//
// GitHub: PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}; needs pull_requests: write.
func (c *Client) EditRemark(ctx context.Context, repo forge.Repo, id int64, body string) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	_, _, err = gh.PullRequests.EditComment(ctx, repo.Owner, repo.Name, id, &github.PullRequestComment{Body: github.String(c.app.redact.Text(body))})
	return explain(err, "change remark %d of %s", id, repo)
}

// DeleteRemark takes a remark back. One that is gone is fine.
//
// GitHub: DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}; needs pull_requests: write.
func (c *Client) DeleteRemark(ctx context.Context, repo forge.Repo, id int64) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	_, err = gh.PullRequests.DeleteComment(ctx, repo.Owner, repo.Name, id)
	if answered(err, 404) {
		return nil
	}
	return explain(err, "take back remark %d of %s", id, repo)
}
