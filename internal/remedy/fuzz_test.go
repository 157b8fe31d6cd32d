package remedy_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/remedy"
)

// A guardedDesk has a pull request of ours, and fails the test if somebody who
// may do nothing gets anything done.
type guardedDesk struct {
	t    *testing.T
	body string
}

func (d *guardedDesk) Pull(_ context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	return forge.PullRequest{Repo: repo, Number: number, Open: true, Author: "salve[bot]", Branch: "salve/x", Body: forge.Marker{Key: "k", Version: 1}.String()}, nil
}

func (d *guardedDesk) Permission(context.Context, forge.Repo, string) (forge.Permission, error) {
	return forge.PermissionNone, nil
}

func (d *guardedDesk) Statuses(context.Context, forge.Repo, forge.SHA) ([]forge.CommitStatus, error) {
	d.t.Errorf("%q reads statuses", d.body)
	return nil, nil
}

func (d *guardedDesk) Ours(context.Context, forge.PullRequest) (bool, error) { return true, nil }

func (d *guardedDesk) ClosePull(context.Context, forge.Repo, int, string) error {
	d.t.Errorf("%q closes", d.body)
	return nil
}

func (d *guardedDesk) Comment(_ context.Context, _ forge.Repo, _ int, tag, body string) error {
	if tag != "help" || strings.Contains(body, d.body) && len(d.body) > 20 {
		d.t.Errorf("%q is answered with %s %q", d.body, tag, body)
	}
	return nil
}

func (d *guardedDesk) React(_ context.Context, _ forge.Repo, _ int64, reaction string) error {
	if !strings.HasPrefix(d.body, "/salve") || reaction == "rocket" {
		d.t.Errorf("%q gets %s", d.body, reaction)
	}
	return nil
}

func (d *guardedDesk) Put(context.Context, string, string, []byte, time.Time) error {
	d.t.Errorf("%q is remembered", d.body)
	return nil
}

func (d *guardedDesk) Get(context.Context, string, string) ([]byte, bool, error) {
	return nil, false, nil
}

func (d *guardedDesk) Delete(context.Context, string, string) error {
	d.t.Errorf("%q deletes", d.body)
	return nil
}

// FuzzCommand lets somebody who may do nothing write any comment: nothing is
// done, closed, remembered or repeated.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"/salve ignore for 7d", "/salve reopen", "/salve  retry ", "/salve", "> /salve ignore", "/salve ignore for 999w\n/salve retry", "/salve explain\x00", "/salve break-glass now please"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		d := &guardedDesk{t, body}
		clerk := remedy.Clerk{Desk: d, Wishes: d, App: "salve[bot]", Log: slog.New(slog.DiscardHandler),
			Soon: func(context.Context) error { t.Errorf("%q starts a cycle", body); return nil }}
		err := clerk.Answer(t.Context(), forge.Event{
			Kind: forge.EventIssueComment, Action: "created", Repo: forge.Repo{Owner: "acme", Name: "shop"}, Issue: 1, At: time.Unix(0, 0),
			Comment: forge.Comment{ID: 1, Author: "eve", Body: body},
		})
		if err != nil {
			t.Error(err)
		}
	})
}
