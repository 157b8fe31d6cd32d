package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// validateLabel reports a name that GitHub does not take, or would take for two.
func validateLabel(name string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > 50 || strings.Contains(name, ",") || name != oneLine(name) {
		return fmt.Errorf("label %.80q: want one line of 1 to 50 characters without a comma", name)
	}
	return nil
}

// AddLabels adds labels to a pull request or an issue. Labels that the
// repository does not have are made, with their colour and description.
func (c *Client) AddLabels(ctx context.Context, repo forge.Repo, number int, labels ...forge.Label) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	for _, l := range labels {
		if err := validateLabel(l.Name); err != nil {
			return err
		}
	}
	return c.addLabels(ctx, gh, repo, number, labels)
}

// addLabels adds labels whose names are good.
//
// GitHub: POST /repos/{owner}/{repo}/issues/{issue_number}/labels; needs pull_requests: write.
func (c *Client) addLabels(ctx context.Context, gh *github.Client, repo forge.Repo, number int, labels []forge.Label) error {
	if err := c.makeLabels(ctx, gh, repo, labels); err != nil {
		return err
	}
	// The documented form is an object; go-github v62 sends a bare array.
	body := struct {
		Labels []string `json:"labels"`
	}{}
	for _, l := range labels {
		body.Labels = append(body.Labels, l.Name)
	}
	req, err := gh.NewRequest(http.MethodPost, fmt.Sprintf("repos/%s/%s/issues/%d/labels", repo.Owner, repo.Name, number), body)
	if err == nil {
		_, err = gh.Do(ctx, req, nil)
	}
	return explain(err, "label %s#%d", repo, number)
}

// makeLabels creates the labels that repo does not have. What it has is asked
// once.
//
// GitHub: POST /repos/{owner}/{repo}/labels; needs pull_requests: write.
func (c *Client) makeLabels(ctx context.Context, gh *github.Client, repo forge.Repo, labels []forge.Label) error {
	known, err := c.knownLabels(ctx, gh, repo)
	if err != nil {
		return err
	}
	for _, l := range labels {
		name := strings.ToLower(l.Name)
		c.mu.Lock()
		have := known[name]
		c.mu.Unlock()
		if have {
			continue
		}
		_, _, err := gh.Issues.CreateLabel(ctx, repo.Owner, repo.Name, &github.Label{
			Name: &l.Name, Color: &l.Colour, Description: github.String(cut(oneLine(l.Description), 100)),
		})
		if err != nil && !(answered(err, http.StatusUnprocessableEntity) && strings.Contains(err.Error(), "already_exists")) {
			return explain(err, "create label %s of %s", l.Name, repo)
		}
		c.mu.Lock()
		known[name] = true
		c.mu.Unlock()
	}
	return nil
}

// knownLabels returns the labels that repo is known to have, in lower case. The
// map is guarded by c.mu.
//
// GitHub: GET /repos/{owner}/{repo}/labels; needs pull_requests: read.
func (c *Client) knownLabels(ctx context.Context, gh *github.Client, repo forge.Repo) (map[string]bool, error) {
	c.mu.Lock()
	known, ok := c.labels[repo]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	list, err := pages(func(o *github.ListOptions) ([]*github.Label, *github.Response, error) {
		return gh.Issues.ListLabels(ctx, repo.Owner, repo.Name, o)
	})
	if err != nil {
		return nil, explain(err, "list labels of %s", repo)
	}
	known = map[string]bool{}
	for _, l := range list {
		known[strings.ToLower(l.GetName())] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.labels[repo] = known
	return known, nil
}

// RemoveLabel takes a label off a pull request or an issue. One that is not
// there is fine.
//
// GitHub: DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}; needs pull_requests: write.
func (c *Client) RemoveLabel(ctx context.Context, repo forge.Repo, number int, name string) error {
	gh, err := c.as(proposing, repo)
	if err != nil {
		return err
	}
	if err := validateLabel(name); err != nil {
		return err
	}
	_, err = gh.Issues.RemoveLabelForIssue(ctx, repo.Owner, repo.Name, number, url.PathEscape(name))
	if answered(err, http.StatusNotFound) && strings.Contains(strings.ToLower(err.Error()), "label does not exist") {
		return nil
	}
	return explain(err, "take label %s off %s#%d", name, repo, number)
}
