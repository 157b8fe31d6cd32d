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
	"github.com/salvehq/salve/internal/policy"
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
	// Patience is how long Repositories waits for one installation. Those of a
	// later one are as they were last seen, and reading it goes on until Limit.
	// 0 means to wait for it.
	Patience time.Duration

	mu    sync.Mutex
	open  map[forge.Repo]*plan.Repository // as of the last commit that was seen
	reads map[int64]*reading              // under way
	known map[int64][]forge.Repo          // of each installation that was read to its end
	said  map[int64]*policy.Config        // of the .github repository of each installation; nil if it says nothing
	slots chan struct{}
}

// sideBySide is how many installations are read at a time, those out of
// patience not counted.
const sideBySide = 8

// A reading is that of one installation. What it came to may be looked at once
// done is closed.
type reading struct {
	late, done chan struct{} // closed when patience is over, and when the reading is
	repos      []*plan.Repository
	err        error
}

// Repositories returns every repository that can be written to, sorted by
// name. What could not be read is an error beside the others.
func (e *Estate) Repositories(ctx context.Context) ([]*plan.Repository, error) {
	installations, err := e.Host.Installations(ctx)
	if err != nil {
		return nil, err
	}
	e.forget(installations)
	var out []*plan.Repository
	var errs []error
	reads := make([]*reading, len(installations))
	for i, in := range installations {
		if !in.Suspended {
			reads[i] = e.begin(ctx, in)
		}
	}
	for i, in := range installations {
		if reads[i] == nil {
			continue
		}
		repos, err := e.await(ctx, in, reads[i])
		out, errs = append(out, repos...), append(errs, err)
	}
	slices.SortFunc(out, func(a, b *plan.Repository) int { return cmp.Compare(a.Repo.String(), b.Repo.String()) })
	return out, errors.Join(errs...)
}

// forget drops what is kept of installations that are gone or suspended.
func (e *Estate) forget(installations []forge.Installation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id := range e.known {
		if !slices.ContainsFunc(installations, func(in forge.Installation) bool { return in.ID == id && !in.Suspended }) {
			e.keep(id, nil)
			delete(e.known, id)
			delete(e.said, id)
		}
	}
}

// keep drops the repositories that an installation had and has no more. It is
// called with mu held.
func (e *Estate) keep(installation int64, names []forge.Repo) {
	before := e.known[installation]
	e.known[installation] = names
	if slices.Equal(before, names) {
		return
	}
	there := map[forge.Repo]bool{}
	for _, name := range names {
		there[name] = true
	}
	for _, name := range before {
		if !there[name] {
			delete(e.open, name)
		}
	}
}

// begin starts to read an installation, or joins who reads it already. With
// Patience, reading does not end with ctx.
func (e *Estate) begin(ctx context.Context, in forge.Installation) *reading {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.reads[in.ID]; r != nil {
		return r
	}
	if e.slots == nil {
		e.slots, e.reads, e.known = make(chan struct{}, sideBySide), map[int64]*reading{}, map[int64][]forge.Repo{}
	}
	if e.Patience > 0 {
		ctx = context.WithoutCancel(ctx)
	}
	r := &reading{late: make(chan struct{}), done: make(chan struct{})}
	e.reads[in.ID] = r
	go func() {
		e.slots <- struct{}{}
		release := sync.OnceFunc(func() { <-e.slots })
		defer release()
		if e.Patience > 0 {
			defer time.AfterFunc(e.Patience, func() { close(r.late); release() }).Stop()
		}
		r.repos, r.err = e.installation(ctx, in)
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.reads, in.ID)
		close(r.done)
	}()
	return r
}

// await returns what reading an installation came to, or what is known of it
// when that takes too long.
func (e *Estate) await(ctx context.Context, in forge.Installation, r *reading) ([]*plan.Repository, error) {
	select {
	case <-r.done:
		return r.repos, r.err
	case <-r.late:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []*plan.Repository
	for _, name := range e.known[in.ID] {
		if repo := e.open[name]; repo != nil {
			out = append(out, repo)
		}
	}
	return out, fmt.Errorf("installation of %s takes longer than %v to read: %d of its repositories are as they were last seen", in.Account, e.Patience, len(out))
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
	first, org, err := e.organisation(ctx, in.ID, list)
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	var out []*plan.Repository
	var names []forge.Repo
	for _, r := range list {
		if r.Writable() != nil || r.Default == "" {
			continue
		}
		names = append(names, r.Repo)
		if r.Repo.Name == policy.Organisation {
			if first != nil {
				out = append(out, first)
			}
			continue
		}
		repo, err := e.read(ctx, in.ID, r.Repo, r.Default, org)
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
	if len(errs) == 0 {
		e.mu.Lock()
		e.keep(in.ID, names)
		e.mu.Unlock()
	}
	return out, errors.Join(errs...)
}

// read opens a repository at the head of a branch, from memory if the head is
// what it was, and so is what the organisation says as far as it counts.
func (e *Estate) read(ctx context.Context, installation int64, repo forge.Repo, branch string, org *policy.Config) (*plan.Repository, error) {
	snap, err := e.Host.Snapshot(ctx, installation, repo, branch)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	known := e.open[repo]
	e.mu.Unlock()
	if known != nil && known.SHA == snap.SHA && known.Branch == branch && (known.Organisation == org || known.Config != nil && !known.Inherited) {
		return known, nil
	}
	opened, err := plan.Open(ctx, plan.Checkout{Repo: repo, Branch: branch, SHA: snap.SHA, Files: snap.Files, Organisation: org, Before: known}, e.Remedies)
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
	org, err := b.Estate.lastSaid(ctx, b.Installation)
	if err != nil {
		return nil, err
	}
	return b.Estate.read(ctx, b.Installation, repo, branch, org)
}
