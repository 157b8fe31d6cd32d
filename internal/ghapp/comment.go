package ghapp

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// Comment leaves a comment on a pull request or an issue. The tag says which
// one it is: a comment of ours with the same tag is changed instead, so that
// calling again, for the same text or another, leaves one comment.
//
// GitHub: GET /repos/{owner}/{repo}/issues/{issue_number}/comments; needs pull_requests: read.
// GitHub: POST /repos/{owner}/{repo}/issues/{issue_number}/comments; needs pull_requests: write.
// GitHub: PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}; needs pull_requests: write.
func (c *Client) Comment(ctx context.Context, repo forge.Repo, number int, tag, body string) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	self, err := c.app.Identity(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(tag))
	mark := fmt.Sprintf("<!-- salve:comment %x -->", sum[:8])
	body = c.app.redact.Text(body) + "\n\n" + mark
	list, err := pages(func(o *github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
		return gh.Issues.ListComments(ctx, repo.Owner, repo.Name, number, &github.IssueListCommentsOptions{ListOptions: *o})
	})
	if err != nil {
		return explain(err, "list comments of %s#%d", repo, number)
	}
	i := slices.IndexFunc(list, func(have *github.IssueComment) bool {
		return have.GetUser().GetLogin() == self.Login() && strings.Contains(have.GetBody(), mark)
	})
	switch {
	case i < 0:
		_, _, err = gh.Issues.CreateComment(ctx, repo.Owner, repo.Name, number, &github.IssueComment{Body: &body})
	case list[i].GetBody() != body:
		_, _, err = gh.Issues.EditComment(ctx, repo.Owner, repo.Name, list[i].GetID(), &github.IssueComment{Body: &body})
	}
	return explain(err, "comment on %s#%d", repo, number)
}

// reactions are those that GitHub has.
// https://docs.github.com/en/rest/reactions/reactions#about-reactions
const reactions = "+1 -1 laugh confused heart hooray rocket eyes"

// React leaves a reaction ("+1", "eyes", "confused", …) on a comment of a pull
// request, as the receipt of a command. The same one twice is one.
//
// GitHub: POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions; needs pull_requests: write.
func (c *Client) React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(reactions), reaction) {
		return fmt.Errorf("reaction %q: want one of %s", reaction, reactions)
	}
	_, _, err = gh.Reactions.CreateIssueCommentReaction(ctx, repo.Owner, repo.Name, comment, reaction)
	return explain(err, "react to comment %d of %s", comment, repo)
}
