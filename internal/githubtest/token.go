package githubtest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// tokenLife is how long a token of an installation lasts.
const tokenLife = time.Hour

// maxTokenRepos is how many repositories a token can be narrowed to.
const maxTokenRepos = 500

// A token is an access token of an installation.
type token struct {
	in          *installation
	repos       []int64 // nil for all of the installation
	permissions map[string]string
	expires     time.Time
	text        string
}

// covers reports whether t may reach r.
func (t *token) covers(r *repo) bool {
	return t.in.covers(r) && (t.repos == nil || slices.Contains(t.repos, r.id))
}

// has reports whether t carries a permission; a level includes those below it.
func (t *token) has(name, level string) bool {
	order := []string{"", "read", "write", "admin"}
	granted := min(slices.Index(order, t.permissions[name]), slices.Index(order, t.in.Permissions[name]))
	return granted >= slices.Index(order, level)
}

// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
func (c *call) createToken() (reply, error) {
	i, err := c.ownInstallation()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		Repositories  []string          `json:"repositories"`
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if !i.suspended.IsZero() {
		return reply{}, fail(http.StatusForbidden, "This installation has been suspended")
	}
	t := &token{in: i, permissions: maps.Clone(i.Permissions), expires: c.now().Add(tokenLife).Truncate(time.Second)}
	if t.repos, err = c.narrow(i, in.Repositories, in.RepositoryIDs); err != nil {
		return reply{}, err
	}
	if in.Permissions != nil {
		t.permissions = in.Permissions
		for name, level := range in.Permissions {
			if !(&token{in: i, permissions: i.Permissions}).has(name, level) || level == "" {
				return reply{}, unprocessable("The permissions requested are not granted to this installation.")
			}
		}
		t.permissions["metadata"] = "read"
	}
	// Tokens are no longer 40 characters: since 2026 they carry the App's id
	// and a signed part.
	t.text = fmt.Sprintf("ghs_%d_%s.%s.%s", i.app.ID, rand.Text(), rand.Text()+rand.Text(), rand.Text()+rand.Text())
	maps.DeleteFunc(c.tokens, func(_ string, old *token) bool { return !c.now().Before(old.expires) })
	c.tokens[t.text] = t
	return created(c.tokenJSON(t))
}

// narrow returns the numbers of the repositories that a token is asked for.
func (c *call) narrow(i *installation, names []string, ids []int64) ([]int64, error) {
	if names == nil && ids == nil {
		return nil, nil
	}
	if len(names)+len(ids) > maxTokenRepos {
		return nil, unprocessable("There are too many repositories in the request; at most %d are allowed.", maxTokenRepos)
	}
	picked := []int64{}
	for _, r := range c.reach(i) {
		byName := slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, r.name) })
		if byName || slices.Contains(ids, r.id) {
			picked = append(picked, r.id)
		}
	}
	if len(picked) < max(len(names), len(ids)) || len(picked) == 0 {
		return nil, unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	return picked, nil
}

func (c *call) tokenJSON(t *token) object {
	o := object{
		"token": t.text, "expires_at": stamp(t.expires), "permissions": t.permissions,
		"repository_selection": "all",
	}
	if t.in.Repos != nil || t.repos != nil {
		o["repository_selection"] = "selected"
	}
	if t.repos != nil {
		var repos []object
		for _, r := range c.reach(t.in) {
			if t.covers(r) {
				repos = append(repos, c.repoJSON(r))
			}
		}
		o["repositories"] = repos
	}
	return o
}

// https://docs.github.com/en/rest/apps/installations#revoke-an-installation-access-token
func (c *call) revokeToken() (reply, error) {
	delete(c.tokens, c.who.token.text)
	return noContent()
}

// LiveTokens returns how many tokens of installations are neither revoked nor
// expired.
func (s *Server) LiveTokens() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if s.now().Before(t.expires) {
			n++
		}
	}
	return n
}

// ExpireTokens ends every token at once, as an hour does.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}
