package estate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
)

// organisation returns the .github repository among those of an installation,
// nil if there is none, and what it says for the others, nil if nothing. While it
// cannot be read, what it last said holds. Its mistakes are shown where all are:
// on it, once.
func (e *Estate) organisation(ctx context.Context, installation int64, list []forge.Repository) (*plan.Repository, *policy.Config, error) {
	i := slices.IndexFunc(list, func(r forge.Repository) bool {
		return r.Repo.Name == policy.Organisation && r.Writable() == nil && r.Default != ""
	})
	var repo *plan.Repository
	var config *policy.Config
	var err error
	if i >= 0 {
		repo, err = e.read(ctx, installation, list[i].Repo, list[i].Default, nil)
		switch {
		case errors.Is(err, forge.ErrEmpty):
			err = nil
		case err == nil && repo.Config != nil && len(repo.Config.Repositories) > 0:
			config = repo.Config // one that names no other repository is its own alone
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.said[installation]
	if err != nil {
		return nil, before, fmt.Errorf("read %s: %w", list[i].Repo, err)
	}
	if before != nil && config != nil && reflect.DeepEqual(before, config) {
		return repo, before, nil // nothing that was read by it need be read again
	}
	if e.said == nil {
		e.said = map[int64]*policy.Config{}
	}
	e.said[installation] = config
	return repo, config, nil
}

// lastSaid returns what the .github repository of an installation said when the
// installation was last read. If it never was, it is now.
func (e *Estate) lastSaid(ctx context.Context, installation int64) (*policy.Config, error) {
	e.mu.Lock()
	said, known := e.said[installation]
	e.mu.Unlock()
	if known {
		return said, nil
	}
	list, err := e.Host.List(ctx, installation)
	if err != nil {
		return nil, fmt.Errorf("list repositories of installation %d: %w", installation, err)
	}
	_, said, err = e.organisation(ctx, installation, list)
	return said, err
}
