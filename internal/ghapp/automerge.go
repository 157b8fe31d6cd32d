package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

const (
	enableAutoMerge  = "mutation($input:EnablePullRequestAutoMergeInput!){enablePullRequestAutoMerge(input:$input){clientMutationId}}"
	disableAutoMerge = "mutation($input:DisablePullRequestAutoMergeInput!){disablePullRequestAutoMerge(input:$input){clientMutationId}}"
)

// autoMerge asks GitHub to merge a new pull request by itself once the rules of
// the base branch are met, if w says so. GitHub does it for the head that was
// proposed, and only where the repository allows auto-merge and a rule holds the
// pull request back; otherwise held says why it is left to people. Nothing is
// ever merged in GitHub's place.
// https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/automatically-merging-a-pull-request
//
// GitHub: POST /graphql; needs contents: write.
func (w *proposal) autoMerge(ctx context.Context, pull *forge.PullRequest) (held string, err error) {
	if !w.AutoMerge || pull.AutoMerge != "" {
		return "", nil
	}
	for _, method := range []string{"MERGE", "SQUASH", "REBASE"} {
		err = w.c.mutate(ctx, w.gh, enableAutoMerge, map[string]string{
			"pullRequestId": pull.Node, "expectedHeadOid": string(pull.Head), "mergeMethod": method,
		})
		if err == nil {
			pull.AutoMerge = w.self
			return "", nil
		}
		// A repository may allow some of the methods only.
		if !strings.Contains(err.Error(), "not allowed on this repository") {
			break
		}
	}
	if !refused(err) {
		return "", explain(err, "let %s#%d be merged automatically", w.Repo, pull.Number)
	}
	why := strings.ReplaceAll(oneLine(err.Error()), "`", "'")
	return fmt.Sprintf("Auto-merge is configured, but not on: `%s`. It takes \"Allow auto-merge\" in the settings of the repository, and a required check or review on the base branch to wait for. A person merges this one.", cut(why, 300)), nil
}

// Hold takes back that GitHub merges an open pull request by itself, if this App
// had asked for that: what speaks against a change must not only be said. What
// people asked for is theirs.
//
// GitHub: POST /graphql; needs contents: write.
func (c *Client) Hold(ctx context.Context, pull forge.PullRequest) error {
	self, err := c.app.Identity(ctx)
	if err != nil || pull.AutoMerge != self.Login() {
		return err
	}
	gh, err := c.as(proposing, pull.Repo)
	if err != nil {
		return err
	}
	err = c.mutate(ctx, gh, disableAutoMerge, map[string]string{"pullRequestId": pull.Node})
	if err != nil && strings.Contains(err.Error(), "Can't disable auto-merge") {
		return nil // nobody waits for it any more
	}
	return explain(err, "keep %s#%d from being merged automatically", pull.Repo, pull.Number)
}

// mutate sends a mutation. GraphQL answers 200 with errors in the body; they are
// [forge.ErrRejected], or [forge.ErrForbidden] where the token lacks a right.
//
// GitHub: POST /graphql; needs contents: write.
func (c *Client) mutate(ctx context.Context, gh *github.Client, query string, input map[string]string) error {
	// The query goes first: by that package wire knows that this writes.
	req, err := gh.NewRequest(http.MethodPost, c.app.graphql(), struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}{query, map[string]any{"input": input}})
	if err != nil {
		return err
	}
	var answer struct {
		Errors []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if _, err = gh.Do(ctx, req, &answer); err != nil || len(answer.Errors) == 0 {
		return err
	}
	kind, said := forge.ErrRejected, cut(oneLine(answer.Errors[0].Message), 300)
	switch answer.Errors[0].Type {
	case "FORBIDDEN":
		kind = forge.ErrForbidden
	case "RATE_LIMITED":
		kind = forge.ErrUnavailable
	}
	return fmt.Errorf("%w: GitHub says: %s", kind, said)
}
