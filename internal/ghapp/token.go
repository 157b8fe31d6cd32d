package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp/wire"
)

// A purpose is what a token is for. It can do that and nothing else: a gate
// cannot push code, whatever it is made to do.
type purpose string

const (
	reading   purpose = "reading"   // all repositories of the installation
	recalling purpose = "recalling" // what this App opened, in all of them; the others are for one
	proposing purpose = "proposing" // branches, pull requests, labels, comments, the first status
	inviting  purpose = "inviting"  // teams to a review; not every installation grants it
	noting    purpose = "noting"    // the dashboard issue; not every installation grants it
	judging   purpose = "judging"   // commit statuses
	checking  purpose = "checking"  // check runs
	releasing purpose = "releasing" // answers to deployment protection rules
)

// permissions returns what a token for p may do.
func (p purpose) permissions() *github.InstallationPermissions {
	read, write := github.String("read"), github.String("write")
	switch p {
	case proposing:
		return &github.InstallationPermissions{Metadata: read, Contents: write, PullRequests: write, Statuses: write}
	case recalling:
		return &github.InstallationPermissions{Metadata: read, PullRequests: read, Issues: read}
	case inviting:
		return &github.InstallationPermissions{Metadata: read, PullRequests: write, Members: read}
	case noting:
		return &github.InstallationPermissions{Metadata: read, Issues: write}
	case judging:
		return &github.InstallationPermissions{Metadata: read, Statuses: write}
	case checking:
		return &github.InstallationPermissions{Metadata: read, Checks: write}
	case releasing:
		return &github.InstallationPermissions{Metadata: read, Actions: read, Deployments: write}
	}
	return &github.InstallationPermissions{Metadata: read, Contents: read, PullRequests: read, Statuses: read}
}

// everywhere reports whether a token for p is for all repositories.
func (p purpose) everywhere() bool { return p == reading || p == recalling }

// A token sends requests with an installation token that is renewed an hour
// after it was given, and once when GitHub does not take it any more.
type token struct {
	renew func() *ghinstallation.Transport

	mu   sync.Mutex
	live *ghinstallation.Transport
}

// newToken returns a token of installation for purpose p on repo. Each token has
// a signing transport of its own: ghinstallation writes to the one it is given.
func (a *App) newToken(installation int64, p purpose, repo forge.Repo, next http.RoundTripper) *token {
	t := &token{renew: func() *ghinstallation.Transport {
		live := ghinstallation.NewFromAppsTransport(a.signed(next), installation)
		live.InstallationTokenOptions = &github.InstallationTokenOptions{Permissions: p.permissions()}
		if !p.everywhere() {
			live.InstallationTokenOptions.Repositories = []string{repo.Name}
		}
		return live
	}}
	t.live = t.renew()
	return t
}

func (t *token) current() *ghinstallation.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live
}

// replace makes sure that used is no longer in use, whoever comes first.
func (t *token) replace(used *ghinstallation.Transport) *ghinstallation.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == used {
		t.live = t.renew()
	}
	return t.live
}

// RoundTrip sends req. A token that was revoked in the middle of its hour shows
// as 401; req is sent once more with a new one.
//
// GitHub: POST /app/installations/{installation_id}/access_tokens; needs no permission.
func (t *token) RoundTrip(req *http.Request) (*http.Response, error) {
	again, can := wire.Again(req)
	used := t.current()
	resp, err := used.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !can {
		return resp, ungranted(err)
	}
	resp.Body.Close()
	resp, err = t.replace(used).RoundTrip(again)
	return resp, ungranted(err)
}

// ungranted returns the answer of GitHub that stands behind an error of
// ghinstallation, which leaves it unread.
func ungranted(err error) error {
	var refused *ghinstallation.HTTPError
	if !errors.As(err, &refused) || refused.Response == nil {
		return err
	}
	defer refused.Response.Body.Close()
	if answer := github.CheckResponse(refused.Response); answer != nil {
		return fmt.Errorf("token of installation %d: %w", refused.InstallationID, answer)
	}
	return err
}

// revoke ends the token if one was given and still holds.
//
// GitHub: DELETE /installation/token; needs no permission.
func (t *token) revoke(ctx context.Context, a *App) error {
	live := t.current()
	if expires, _, err := live.Expiry(); err != nil || !expires.After(time.Now()) {
		return nil // never used, or over
	}
	_, err := a.github(live).Apps.RevokeInstallationToken(ctx)
	if answered(err, http.StatusUnauthorized) {
		return nil // GitHub has ended it already
	}
	return explain(err, "revoke token of installation %d", live.InstallationID())
}
