package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// Repository reads what GitHub says of a repository. After a rename the answer
// carries the new name.
//
// GitHub: GET /repos/{owner}/{repo}; needs metadata: read.
func (c *Client) Repository(ctx context.Context, repo forge.Repo) (forge.Repository, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return forge.Repository{}, err
	}
	r, _, err := gh.Repositories.Get(ctx, repo.Owner, repo.Name)
	if err != nil {
		return forge.Repository{}, explain(err, "read repository %s", repo)
	}
	return repositoryOf(r), nil
}

// Repositories lists the repositories that the installation may touch.
//
// GitHub: GET /installation/repositories; needs metadata: read.
func (c *Client) Repositories(ctx context.Context) ([]forge.Repository, error) {
	gh := c.access(grant{purpose: reading})
	list, err := pages(func(o *github.ListOptions) ([]*github.Repository, *github.Response, error) {
		page, resp, err := gh.Apps.ListRepos(ctx, o)
		if err != nil {
			return nil, resp, err
		}
		return page.Repositories, resp, nil
	})
	if err != nil {
		return nil, explain(err, "list repositories of installation %d", c.Installation)
	}
	var out []forge.Repository
	for _, r := range list {
		out = append(out, repositoryOf(r))
	}
	return out, nil
}

func repositoryOf(r *github.Repository) forge.Repository {
	return forge.Repository{
		Repo:     forge.Repo{Owner: r.GetOwner().GetLogin(), Name: r.GetName()},
		ID:       r.GetID(),
		Default:  r.GetDefaultBranch(),
		Private:  r.GetPrivate(),
		Fork:     r.GetFork(),
		Archived: r.GetArchived(),
		Disabled: r.GetDisabled(),
	}
}

// loginForm is what GitHub gives as the name of a user or an App.
var loginForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$`)

// Permission returns what a person may do with repo. A login that GitHub does
// not know may do nothing.
//
// GitHub: GET /repos/{owner}/{repo}/collaborators/{username}/permission; needs metadata: read.
func (c *Client) Permission(ctx context.Context, repo forge.Repo, login string) (forge.Permission, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return forge.PermissionNone, err
	}
	if !loginForm.MatchString(login) {
		return forge.PermissionNone, fmt.Errorf("login %q is not a name that GitHub gives", login)
	}
	level, _, err := gh.Repositories.GetPermissionLevel(ctx, repo.Owner, repo.Name, url.PathEscape(login))
	if answered(err, http.StatusNotFound) {
		return forge.PermissionNone, nil
	}
	if err != nil {
		return forge.PermissionNone, explain(err, "read permission of %s on %s", login, repo)
	}
	switch level.GetPermission() {
	case "admin":
		return forge.PermissionAdmin, nil
	case "write":
		return forge.PermissionWrite, nil
	case "read":
		return forge.PermissionRead, nil
	}
	return forge.PermissionNone, nil
}

// escapeRef escapes a branch for a URL and leaves its slashes.
func escapeRef(branch string) string {
	parts := strings.Split(branch, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
