package githubtest

import (
	"fmt"
	"strings"
)

// A user is an account: a person, an organisation or the bot of an App.
type user struct {
	id    int64
	login string
	kind  string // User, Organization or Bot
	token string // personal access token, empty if there is none
	app   *app   // of a bot
}

// AddUser makes an account for a person and returns a personal access token
// for it. Accounts that are only named, as owners or authors, need no adding.
func (s *Server) AddUser(login string) (token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(login)
	u.kind = "User"
	u.token = fmt.Sprintf("ghp_%s%030d", strings.Repeat("0", 6), u.id)
	return u.token
}

// user returns the account of a login, a new one if there is none.
func (s *Server) user(login string) *user {
	key := strings.ToLower(login)
	if s.users[key] == nil {
		s.users[key] = &user{id: s.id(), login: login, kind: "User"}
	}
	return s.users[key]
}

// bot returns the account of an App.
func (s *Server) bot(a *app) *user {
	u := s.user(a.Slug + "[bot]")
	u.kind, u.app = "Bot", a
	return u
}

func (s *Server) userJSON(u *user) object {
	if u == nil {
		return nil
	}
	url := s.api("users/" + u.login)
	return object{
		"login": u.login, "id": u.id, "node_id": fmt.Sprintf("U_%d", u.id), "avatar_url": s.web("avatars/" + u.login), "gravatar_id": "",
		"url": url, "html_url": s.web(u.login), "followers_url": url + "/followers", "following_url": url + "/following{/other_user}",
		"gists_url": url + "/gists{/gist_id}", "starred_url": url + "/starred{/owner}{/repo}", "subscriptions_url": url + "/subscriptions",
		"organizations_url": url + "/orgs", "repos_url": url + "/repos", "events_url": url + "/events{/privacy}",
		"received_events_url": url + "/received_events", "type": u.kind, "user_view_type": "public", "site_admin": false,
	}
}
