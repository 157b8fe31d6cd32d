// Package estate keeps the repositories that this program may read, each at the
// head of its default branch, and reads again only what has changed.
package estate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
)

// A Snapshot is the files of a repository at one commit.
type Snapshot struct {
	SHA   forge.SHA
	Files inventory.Files
}

// A Host is where repositories are.
type Host interface {
	Installations(ctx context.Context) ([]forge.Installation, error)
	// List returns the repositories of an installation.
	List(ctx context.Context, installation int64) ([]forge.Repository, error)
	// Snapshot returns a repository at the head of a branch;
	// [forge.ErrEmpty] where nothing was ever committed.
	Snapshot(ctx context.Context, installation int64, repo forge.Repo, branch string) (Snapshot, error)
}

// An Estate opens the repositories of all installations. Installations are
// read side by side and each within its own time, so that one which is slow,
// broken or rate-limited costs the others nothing.
type Estate struct {
	Host     Host
	Remedies []plan.Remedy
	Limit    time.Duration // for reading one installation; 0 means none

	mu   sync.Mutex
	open map[forge.Repo]*plan.Repository // as of the last commit that was seen
}

// sideBySide is how many installations are read at a time.
const sideBySide = 8

// Repositories returns every repository that can be written to, sorted by
// name. What could not be read is an error beside the others.
func (e *Estate) Repositories(ctx context.Context) ([]*plan.Repository, error) {
	installations, err := e.Host.Installations(ctx)
	if err != nil {
		return nil, err
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		out   []*plan.Repository
		errs  []error
		slots = make(chan struct{}, sideBySide)
	)
	for _, in := range installations {
		if in.Suspended {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			repos, err := e.installation(ctx, in)
			mu.Lock()
			defer mu.Unlock()
			out = append(out, repos...)
			errs = append(errs, err)
		})
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b *plan.Repository) int { return cmp.Compare(a.Repo.String(), b.Repo.String()) })
	return out, errors.Join(errs...)
}

// installation opens the repositories of one installation.
func (e *Estate) installation(ctx context.Context, in forge.Installation) ([]*plan.Repository, error) {
	if e.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, e.Limit, fmt.Errorf("installation of %s took longer than %v", in.Account, e.Limit))
		defer cancel()
	}
	list, err := e.Host.List(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("list repositories of %s: %w", in.Account, err)
	}
	var out []*plan.Repository
	var errs []error
	for _, r := range list {
		if r.Writable() != nil || r.Default == "" {
			continue
		}
		repo, err := e.read(ctx, in.ID, r.Repo, r.Default)
		switch {
		case errors.Is(err, forge.ErrEmpty):
		case err != nil:
			errs = append(errs, fmt.Errorf("read %s: %w", r.Repo, err))
		default:
			out = append(out, repo)
		}
		var limited *forge.RateLimitError
		if errors.As(err, &limited) {
			break // the rest of this installation would be refused as well
		}
	}
	return out, errors.Join(errs...)
}

// read opens a repository at the head of a branch, from memory if the head is
// what it was.
func (e *Estate) read(ctx context.Context, installation int64, repo forge.Repo, branch string) (*plan.Repository, error) {
	snap, err := e.Host.Snapshot(ctx, installation, repo, branch)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	known := e.open[repo]
	e.mu.Unlock()
	if known != nil && known.SHA == snap.SHA && known.Branch == branch {
		return known, nil
	}
	opened, err := plan.Open(ctx, plan.Checkout{Repo: repo, Branch: branch, SHA: snap.SHA, Files: snap.Files}, e.Remedies)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[forge.Repo]*plan.Repository{}
	}
	e.open[repo] = opened
	return opened, nil
}

// A Branch of one repository, read through one installation: what a gate asks
// for.
type Branch struct {
	Estate       *Estate
	Installation int64
}

// Repository returns a repository at the head of a branch.
func (b Branch) Repository(ctx context.Context, repo forge.Repo, branch string) (*plan.Repository, error) {
	return b.Estate.read(ctx, b.Installation, repo, branch)
}
