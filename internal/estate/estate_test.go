package estate

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
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
	awake atomic.Bool // the slow installation answers
}

func (h *host) Installations(context.Context) ([]forge.Installation, error) {
	return []forge.Installation{{ID: 1, Account: "acme"}, {ID: 2, Account: "slow"}, {ID: 3, Suspended: true}}, nil
}

func (h *host) List(ctx context.Context, id int64) ([]forge.Repository, error) {
	if id == 2 && !h.awake.Load() {
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

// Whoever waits for all installations waits for none of them longer than
// Patience: those of a late one are as they were last seen, and reading it goes
// on.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop, slow := repository("shop"), forge.Repository{Repo: forge.Repo{Owner: "slow", Name: "web"}, Default: "main"}
		h := &host{
			repos: map[int64][]forge.Repository{1: {shop}, 2: {slow}},
			heads: map[forge.Repo]forge.SHA{shop.Repo: "a", slow.Repo: "b"},
		}
		e := &Estate{Host: h, Limit: time.Minute, Patience: 10 * time.Second}
		look := func(want int, after time.Duration, failed bool) {
			t.Helper()
			began := time.Now()
			repos, err := e.Repositories(t.Context())
			if took := time.Since(began); len(repos) != want || took != after || (err != nil) != failed {
				t.Errorf("%d repositories after %v, %v; want %d after %v", len(repos), took, err, want, after)
			}
		}
		look(1, 10*time.Second, true) // never seen
		look(1, 0, true)              // still being read
		time.Sleep(2 * time.Minute)
		h.awake.Store(true)
		look(2, 0, false)
		h.awake.Store(false)
		look(2, 10*time.Second, true)
		look(2, 0, true)
		time.Sleep(2 * time.Minute)
		h.awake.Store(true)
		look(2, 0, false)
	})
}

// A deserted host has no installations any more.
type deserted struct{ *host }

func (deserted) Installations(context.Context) ([]forge.Installation, error) { return nil, nil }

// What is gone is not kept: a repository that the App was taken from or that was
// archived, and all of an account that it was taken from.
func TestWhatIsGoneIsForgotten(t *testing.T) {
	shop, web := repository("shop"), repository("web")
	h := &host{repos: map[int64][]forge.Repository{1: {shop, web}}, heads: map[forge.Repo]forge.SHA{shop.Repo: "a", web.Repo: "a"}}
	h.awake.Store(true)
	e := &Estate{Host: h}
	for _, step := range []struct {
		name   string
		change func()
		want   int
	}{
		{"both", func() {}, 2},
		{"one is archived", func() { web.Archived = true; h.repos[1] = []forge.Repository{shop, web} }, 1},
		{"the App is uninstalled", func() { e.Host = deserted{h} }, 0},
	} {
		step.change()
		if repos, err := e.Repositories(t.Context()); err != nil || len(repos) != step.want || len(e.open) != step.want {
			t.Errorf("%s: %d repositories, %d kept, %v; want %d", step.name, len(repos), len(e.open), err, step.want)
		}
	}
}
