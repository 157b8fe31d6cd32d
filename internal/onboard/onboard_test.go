package onboard

import (
	"context"
	"log/slog"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/prose"
)

// A past is what a branch had before.
type past []forge.PullRequest

func (p past) History(context.Context, forge.Repo, string) ([]forge.PullRequest, error) {
	return p, nil
}

// A repository is kept as it would be with the file for as long as it is to be
// offered one.
func TestTrialsAreForgotten(t *testing.T) {
	open := func() *plan.Repository {
		repo, err := plan.Open(t.Context(), plan.Checkout{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Files: inventory.Map(nil)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return repo
	}
	nothing := func(*plan.Repository) ([]prose.Preview, error) { return nil, nil }
	r := &Runner{History: past(nil), Log: slog.New(slog.DiscardHandler)}
	repo := open()
	for _, step := range []struct {
		name string
		do   func() error
		want int
	}{
		{"offered", func() error { _, err := r.Offer(t.Context(), repo, nothing); return err }, 1},
		{"configured", func() error { r.Forget(repo.Repo); return nil }, 0},
		{"offered", func() error { _, err := r.Offer(t.Context(), repo, nothing); return err }, 1},
		{"refused", func() error {
			r.History = past{{Number: 1}}
			_, err := r.Offer(t.Context(), repo, nothing)
			return err
		}, 0},
	} {
		if err := step.do(); err != nil || len(r.trials) != step.want {
			t.Errorf("%s: %d kept, %v; want %d", step.name, len(r.trials), err, step.want)
		}
	}
}
