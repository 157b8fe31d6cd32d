package remedy_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/remedy"
)

// A notedDesk lets everybody write, and notes which keys are spoken of.
type notedDesk struct {
	remedy.Desk
	body string // of the pull request
	keys []string
}

func (d *notedDesk) Pull(_ context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	return forge.PullRequest{Repo: repo, Number: number, Author: "salve[bot]", Body: d.body}, nil
}

func (d *notedDesk) Permission(context.Context, forge.Repo, string) (forge.Permission, error) {
	return forge.PermissionWrite, nil
}

func (d *notedDesk) React(context.Context, forge.Repo, int64, string) error { return nil }

func (d *notedDesk) Get(context.Context, string, string) ([]byte, bool, error) {
	return nil, false, nil
}

func (d *notedDesk) Put(_ context.Context, _, key string, _ []byte, _ time.Time) error {
	d.keys = append(d.keys, key)
	return nil
}

func (d *notedDesk) Delete(context.Context, string, string) error { return nil }

// Who may write to one repository says nothing about another, whatever he writes
// into the text of a pull request; and a repository that was renamed is meant by
// the name that it has.
func TestCommandsAreAboutTheirRepository(t *testing.T) {
	for _, command := range []string{"/salve ignore", "/salve reopen"} {
		d := &notedDesk{body: forge.Marker{Key: "acme/billing | production | memory-limit | x", Version: 1}.String()}
		clerk := remedy.Clerk{Desk: d, Wishes: d, App: "salve[bot]", Log: slog.New(slog.DiscardHandler), Soon: func(context.Context) error { return nil }}
		err := clerk.Answer(t.Context(), forge.Event{
			Kind: forge.EventIssueComment, Action: "created", Repo: forge.Repo{Owner: "acme", Name: "shop"}, Issue: 1, At: time.Unix(0, 0),
			Comment: forge.Comment{ID: 1, Author: "maria", Body: command},
		})
		if want := []string{"acme/shop | production | memory-limit | x"}; err != nil || !slices.Equal(d.keys, want) {
			t.Errorf("%s is about %q, %v; want %q", command, d.keys, err, want)
		}
	}
}
