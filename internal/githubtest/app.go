package githubtest

import (
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An App is a registered GitHub App.
type App struct {
	ID            int64
	Slug          string // "salve"; its account is salve[bot]
	Owner         string // login of the account that registered it; Slug if empty
	Key           []byte // PEM, see ParseKey
	WebhookURL    string // nothing is delivered while it is empty
	WebhookSecret string
	Permissions   map[string]string // "contents": "write"; metadata: read is implied
	Events        []string          // those of installations and check reruns come unasked
}

// An Installation is an App in one account.
type Installation struct {
	ID      int64
	App     int64
	Account string   // login that owns the repositories
	Repos   []string // owner/name; nil for all of the account, also later ones
	// Permissions are those that the account granted; the App's if nil.
	Permissions map[string]string
}

type app struct {
	App
	key     *rsa.PublicKey
	created time.Time
}

type installation struct {
	Installation
	app       *app
	created   time.Time
	suspended time.Time // zero while it works
}

func (a *app) clientID() string { return fmt.Sprintf("Iv23li%014d", a.ID) }

// AddApp registers an App. It fails if the key is none.
func (s *Server) AddApp(a App) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.addApp(a)
	return err
}

func (s *Server) addApp(a App) (*app, error) {
	key, err := ParseKey(a.Key)
	if err != nil {
		return nil, fmt.Errorf("app %d: %w", a.ID, err)
	}
	a.Permissions = maps.Clone(a.Permissions)
	if a.Permissions == nil {
		a.Permissions = map[string]string{}
	}
	a.Permissions["metadata"] = "read"
	if a.Owner == "" {
		a.Owner = a.Slug
	}
	s.apps[a.ID] = &app{App: a, key: key, created: s.now()}
	return s.apps[a.ID], nil
}

// SetWebhook changes where an App's webhooks go and what signs them.
func (s *Server) SetWebhook(appID int64, url, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[appID]
	if a == nil {
		return fmt.Errorf("no app %d", appID)
	}
	a.WebhookURL, a.WebhookSecret = url, secret
	return nil
}

// AddInstallation installs an App in an account.
func (s *Server) AddInstallation(in Installation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[in.App]
	if a == nil {
		return fmt.Errorf("installation %d: no app %d", in.ID, in.App)
	}
	granted := maps.Clone(in.Permissions)
	if granted == nil {
		granted = maps.Clone(a.Permissions)
	}
	granted["metadata"] = "read"
	in.Permissions = granted
	in.Repos = slices.Clone(in.Repos)
	i := &installation{Installation: in, app: a, created: s.now()}
	s.installations[in.ID] = i
	s.announceInstallation(i, "created")
	return nil
}

// RemoveInstallation uninstalls an App from an account; its tokens end.
func (s *Server) RemoveInstallation(id int64) error {
	return s.withInstallation(id, func(i *installation) {
		s.announceInstallation(i, "deleted")
		delete(s.installations, id)
	})
}

// Suspend stops an installation until it is resumed with false.
func (s *Server) Suspend(id int64, suspended bool) error {
	return s.withInstallation(id, func(i *installation) {
		action := "unsuspend"
		i.suspended = time.Time{}
		if suspended {
			action, i.suspended = "suspend", s.now()
		}
		s.announceInstallation(i, action)
	})
}

// GrantRepo adds a repository to an installation of selected repositories.
func (s *Server) GrantRepo(id int64, name string) error {
	return s.withInstallation(id, func(i *installation) {
		i.Repos = append(i.Repos, name)
		s.announceRepos(i, "added", name)
	})
}

// RevokeRepo takes a repository from an installation of selected repositories.
func (s *Server) RevokeRepo(id int64, name string) error {
	return s.withInstallation(id, func(i *installation) {
		s.announceRepos(i, "removed", name)
		i.Repos = slices.DeleteFunc(i.Repos, func(r string) bool { return strings.EqualFold(r, name) })
	})
}

func (s *Server) withInstallation(id int64, do func(*installation)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installations[id]
	if i == nil {
		return fmt.Errorf("no installation %d", id)
	}
	do(i)
	return nil
}

// covers reports whether an installation may reach r.
func (i *installation) covers(r *repo) bool {
	if i.Repos == nil {
		return strings.EqualFold(i.Account, r.owner)
	}
	return slices.ContainsFunc(i.Repos, func(name string) bool { return strings.EqualFold(name, r.full()) })
}

// reach returns the repositories of an installation, by number.
func (s *Server) reach(i *installation) []*repo {
	var all []*repo
	for _, r := range s.repos {
		if i.covers(r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *repo) int { return int(a.id - b.id) })
	return all
}

// https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app
func (c *call) getApp() (reply, error) { return ok(c.appJSON(c.who.app)) }

// https://docs.github.com/en/rest/apps/apps#list-installations-for-the-authenticated-app
func (c *call) listInstallations() (reply, error) {
	var all []*installation
	for _, i := range c.installations {
		if i.app == c.who.app {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b *installation) int { return int(a.ID - b.ID) })
	return list(c, all, c.installationJSON)
}

// https://docs.github.com/en/rest/apps/apps#get-an-installation-for-the-authenticated-app
func (c *call) getInstallation() (reply, error) {
	i, err := c.ownInstallation()
	if err != nil {
		return reply{}, err
	}
	return ok(c.installationJSON(i))
}

// https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
func (c *call) getRepoInstallation() (reply, error) {
	r := c.repos[strings.ToLower(c.params["owner"]+"/"+c.params["repo"])]
	for _, i := range c.installations {
		if r != nil && i.app == c.who.app && i.covers(r) {
			return ok(c.installationJSON(i))
		}
	}
	return reply{}, notFound()
}

// ownInstallation returns the installation of the path, which must be of the
// App that asks.
func (c *call) ownInstallation() (*installation, error) {
	id, err := c.number("installation_id")
	if err != nil {
		return nil, err
	}
	i := c.installations[id]
	if i == nil || i.app != c.who.app {
		return nil, notFound()
	}
	return i, nil
}

func (s *Server) appJSON(a *app) object {
	return object{
		"id": a.ID, "slug": a.Slug, "client_id": a.clientID(), "node_id": fmt.Sprintf("A_%d", a.ID),
		"owner": s.userJSON(s.user(a.Owner)), "name": a.Slug, "description": "",
		"external_url": "https://example.com", "html_url": s.web("apps/" + a.Slug),
		"created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": a.Permissions, "events": orEmpty(a.Events), "installations_count": s.count(a),
	}
}

func (s *Server) count(a *app) (n int) {
	for _, i := range s.installations {
		if i.app == a {
			n++
		}
	}
	return n
}

// orEmpty is [] for nil, which JSON would write as null.
func orEmpty(l []string) []string { return append([]string{}, l...) }

func (s *Server) installationJSON(i *installation) object {
	account := s.user(i.Account)
	selection := "all"
	if i.Repos != nil {
		selection = "selected"
	}
	base := fmt.Sprintf("app/installations/%d", i.ID)
	o := object{
		"id": i.ID, "account": s.userJSON(account), "repository_selection": selection,
		"access_tokens_url": s.api(base + "/access_tokens"), "repositories_url": s.api("installation/repositories"),
		"html_url": s.web(fmt.Sprintf("settings/installations/%d", i.ID)),
		"app_id":   i.app.ID, "app_slug": i.app.Slug, "client_id": i.app.clientID(),
		"target_id": account.id, "target_type": account.kind,
		"permissions": i.Permissions, "events": orEmpty(i.app.Events),
		"created_at": stamp(i.created), "updated_at": stamp(i.created),
		"single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": nil, "suspended_at": stampOrNil(i.suspended),
	}
	if !i.suspended.IsZero() {
		o["suspended_by"] = s.userJSON(account)
	}
	return o
}

// https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation
func (c *call) listInstallationRepos() (reply, error) {
	var all []*repo
	for _, r := range c.reach(c.who.token.in) {
		if c.who.token.covers(r) {
			all = append(all, r)
		}
	}
	items, h := page(c, all)
	out := []object{}
	for _, r := range items {
		out = append(out, c.repoJSON(r))
	}
	selection := "all"
	if c.who.token.in.Repos != nil || c.who.token.repos != nil {
		selection = "selected"
	}
	return reply{status: http.StatusOK, header: h, body: object{
		"total_count": len(all), "repository_selection": selection, "repositories": out}}, nil
}
