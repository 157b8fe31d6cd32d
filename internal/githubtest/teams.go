package githubtest

import (
	"fmt"
	"slices"
	"strings"
)

// A team is a group of people of an organisation.
type team struct {
	id        int64
	org, slug string
}

// AddTeam adds a team to an organisation.
func (s *Server) AddTeam(org, slug string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(org).kind = "Organization"
	s.teams[strings.ToLower(org+"/"+slug)] = &team{s.id(), org, slug}
}

// SetTeamPermission gives a team of its owner a level in a repository: admin,
// maintain, write, triage, read, or none with the empty text.
func (s *Server) SetTeamPermission(name, slug, level string) error {
	return s.withRepo(name, func(r *repo) error {
		t := s.teams[strings.ToLower(r.owner+"/"+slug)]
		if t == nil {
			return fmt.Errorf("no team %s/%s", r.owner, slug)
		}
		r.teams[t] = level
		return nil
	})
}

// askTeams requests the review of teams, by their slugs. An App sees teams with
// members: read only, which GitHub says in words that name a node.
// https://github.com/github/docs/issues/35057
func (c *call) askTeams(i *issue, slugs []string) error {
	var found []*team
	for _, slug := range slugs {
		t := c.teams[strings.ToLower(c.repo.owner+"/"+slug)]
		switch {
		case t == nil || c.repo.teams[t] == "":
			return c.noCollaborator()
		case c.who.token != nil && !c.who.token.has("members", "read"):
			return &failure{status: 422, message: "Validation Failed", errors: []any{fmt.Sprintf("Could not resolve to a node with the global id of 'T_%d'.", t.id)}}
		}
		found = append(found, t)
	}
	for _, t := range found {
		if !slices.Contains(i.pull.teams, t) {
			i.pull.teams = append(i.pull.teams, t)
			c.announcePull(c.repo, i, "review_requested", c.who.actor(c.Server), object{"requested_team": c.teamJSON(t)})
		}
	}
	return nil
}

// noCollaborator refuses those who cannot be asked for a review.
func (c *call) noCollaborator() error {
	return unprocessable("Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the %s repository.", c.repo.full())
}

func (s *Server) teamJSON(t *team) object {
	url := s.api(fmt.Sprintf("organizations/%d/team/%d", s.user(t.org).id, t.id))
	return object{
		"id": t.id, "node_id": fmt.Sprintf("T_%d", t.id), "name": t.slug, "slug": t.slug, "description": nil, "privacy": "closed",
		"notification_setting": "notifications_enabled", "permission": "pull", "type": "organization", "organization_id": s.user(t.org).id, "parent": nil, "url": url,
		"html_url": s.web("orgs/" + t.org + "/teams/" + t.slug), "members_url": url + "/members{/member}", "repositories_url": url + "/repos",
	}
}

func (s *Server) teamsJSON(teams []*team) []object {
	out := []object{}
	for _, t := range teams {
		out = append(out, s.teamJSON(t))
	}
	return out
}
