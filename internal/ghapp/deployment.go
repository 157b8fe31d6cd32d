package ghapp

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// SetDeployment says how a deployment went: the state, description and URL of s,
// for the environment that is its context. It says nothing twice, and nothing
// about a deployment that another has replaced: a new status would make it the
// active one again. Deployments before it are left as they are.
//
// GitHub: GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses; needs deployments: read.
// GitHub: POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses; needs deployments: write.
// https://docs.github.com/en/rest/deployments/statuses
func (c *Client) SetDeployment(ctx context.Context, repo forge.Repo, deployment int64, s forge.CommitStatus) error {
	gh, err := c.as(releasing, repo)
	if err != nil {
		return err
	}
	if deployment <= 0 {
		return fmt.Errorf("set status of a deployment of %s: deployment %d: want a number above 0", repo, deployment)
	}
	self, err := c.app.Identity(ctx)
	if err != nil {
		return err
	}
	list, _, err := gh.Repositories.ListDeploymentStatuses(ctx, repo.Owner, repo.Name, deployment, &github.ListOptions{PerPage: 1}) // newest first
	if err != nil {
		return explain(err, "read statuses of deployment %d of %s", deployment, repo)
	}
	want := c.written(s)
	for _, have := range list {
		ours := strings.EqualFold(have.GetCreator().GetLogin(), self.Login())
		if have.GetState() == "inactive" || ours && have.GetState() == string(want.State) && have.GetDescription() == want.Description {
			return nil
		}
	}
	req := &github.DeploymentStatusRequest{
		State: github.String(string(want.State)), Description: &want.Description, AutoInactive: github.Bool(false),
	}
	if s.Context != "" {
		req.Environment = &s.Context
	}
	if s.URL != "" {
		req.LogURL = &s.URL
	}
	_, _, err = gh.Repositories.CreateDeploymentStatus(ctx, repo.Owner, repo.Name, deployment, req)
	return explain(err, "set status of deployment %d of %s", deployment, repo)
}
