package ghapp

import (
	"context"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// maxDescription is the longest description of a commit status that GitHub
// takes; longer ones are answered with 422.
const maxDescription = 140

// SetStatus makes s the status of its context on a commit, and reports whether
// it had to be written. It is not when it stands there and is ours: GitHub
// takes 1000 statuses for one commit and context, and then no more. One that
// somebody else wrote is overwritten.
//
// The description is made one line and cut to 140 characters.
func (c *Client) SetStatus(ctx context.Context, repo forge.Repo, at forge.SHA, s forge.CommitStatus) (changed bool, err error) {
	gh, err := c.as(judging, repo)
	if err != nil {
		return false, err
	}
	return c.setStatus(ctx, gh, repo, at, s)
}

func (c *Client) setStatus(ctx context.Context, gh *github.Client, repo forge.Repo, at forge.SHA, s forge.CommitStatus) (changed bool, err error) {
	self, err := c.app.Identity(ctx)
	if err != nil {
		return false, err
	}
	have, err := c.Statuses(ctx, repo, at)
	if err != nil {
		return false, err
	}
	want := c.written(s)
	want.Creator = self.Login()
	for _, h := range have {
		h.Context = strings.ToLower(h.Context)
		if h == want {
			return false, nil
		}
	}
	return true, c.putStatus(ctx, gh, repo, at, s)
}

// written returns s as it is written, its context in lower case.
func (c *Client) written(s forge.CommitStatus) forge.CommitStatus {
	s.Context = strings.ToLower(s.Context)
	s.Description = cut(oneLine(c.app.redact.Text(s.Description)), maxDescription)
	return s
}

// putStatus writes a status.
//
// GitHub: POST /repos/{owner}/{repo}/statuses/{sha}; needs statuses: write.
func (c *Client) putStatus(ctx context.Context, gh *github.Client, repo forge.Repo, at forge.SHA, s forge.CommitStatus) error {
	if err := at.Validate(); err != nil {
		return err
	}
	s = c.written(s)
	body := &github.RepoStatus{
		State: github.String(string(s.State)), Context: &s.Context, Description: &s.Description,
	}
	if s.URL != "" {
		body.TargetURL = &s.URL
	}
	_, _, err := gh.Repositories.CreateStatus(ctx, repo.Owner, repo.Name, string(at), body)
	return explain(err, "set status %s of %s@%s", s.Context, repo, at.Short())
}

// Statuses returns the latest status of each context of a commit, with who
// wrote it. (The combined status does not say who.)
//
// GitHub: GET /repos/{owner}/{repo}/commits/{ref}/statuses; needs statuses: read.
func (c *Client) Statuses(ctx context.Context, repo forge.Repo, at forge.SHA) ([]forge.CommitStatus, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	if err := at.Validate(); err != nil {
		return nil, err
	}
	list, err := pages(func(o *github.ListOptions) ([]*github.RepoStatus, *github.Response, error) {
		return gh.Repositories.ListStatuses(ctx, repo.Owner, repo.Name, string(at), o)
	})
	if err != nil {
		return nil, explain(err, "read statuses of %s@%s", repo, at.Short())
	}
	seen := map[string]bool{}
	var out []forge.CommitStatus
	for _, s := range list { // latest first
		if key := strings.ToLower(s.GetContext()); !seen[key] {
			seen[key] = true
			out = append(out, forge.CommitStatus{
				Context: s.GetContext(), State: forge.State(s.GetState()), Description: s.GetDescription(),
				URL: s.GetTargetURL(), Creator: s.GetCreator().GetLogin(),
			})
		}
	}
	return out, nil
}
