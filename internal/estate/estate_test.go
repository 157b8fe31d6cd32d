package estate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
)

// A host is a map of installations; a name says how its repository behaves.
type host struct {
	repos map[int64][]forge.Repository
	heads map[forge.Repo]forge.SHA
	reads int
}

func (h *host) Installations(context.Context) ([]forge.Installation, error) {
	return []forge.Installation{{ID: 1, Account: "acme"}, {ID: 2, Account: "slow"}, {ID: 3, Suspended: true}}, nil
}

func (h *host) List(ctx context.Context, id int64) ([]forge.Repository, error) {
	if id == 2 {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return h.repos[id], nil
}

func (h *host) Snapshot(_ context.Context, _ int64, repo forge.Repo, _ string) (Snapshot, error) {
	switch repo.Name {
	case "empty":
		return Snapshot{}, forge.ErrEmpty
	case "broken":
		return Snapshot{}, errors.New("no")
	}
	h.reads++
	return Snapshot{h.heads[repo], inventory.Map(map[string]string{"README.md": "x"})}, nil
}

func repository(name string) forge.Repository {
	return forge.Repository{Repo: forge.Repo{Owner: "acme", Name: name}, Default: "main"}
}

func TestOneBadInstallationCostsTheOthersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		archived := repository("old")
		archived.Archived = true
		shop := repository("shop")
		h := &host{
			repos: map[int64][]forge.Repository{1: {repository("broken"), shop, repository("empty"), archived}},
			heads: map[forge.Repo]forge.SHA{shop.Repo: "a"},
		}
		e := &Estate{Host: h, Limit: time.Minute}
		first, err := e.Repositories(t.Context())
		if len(first) != 1 || first[0].Repo != shop.Repo {
			t.Fatalf("repositories = %v", first)
		}
		for _, want := range []string{"read acme/broken: no", "installation of slow took longer than 1m0s"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
		again, _ := e.Repositories(t.Context())
		if again[0] != first[0] {
			t.Error("an unchanged head was opened again")
		}
		h.heads[shop.Repo] = "b"
		if moved, _ := e.Repositories(t.Context()); moved[0] == first[0] || moved[0].SHA != "b" {
			t.Error("a new head was not opened")
		}
	})
}
