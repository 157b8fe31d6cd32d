package plan

import (
	"context"
	"fmt"

	"github.com/salvehq/salve/internal/codeowners"
	"github.com/salvehq/salve/internal/patch"
)

// Owners returns the owners of the files of a change by the base branch, if the
// configuration wants them to be asked. A CODEOWNERS that cannot be used is a
// note for whoever reviews; an error means that it could not be read.
func (r *Repository) Owners(ctx context.Context, changes patch.ChangeSet) (who, notes []string, err error) {
	if !r.Config.PullRequests.CodeOwners {
		return nil, nil, nil
	}
	files, err := r.Files.List(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list %s: %w", r.Repo, err)
	}
	for _, place := range codeowners.Places() {
		f, ok := find(files, place)
		switch {
		case !ok:
			continue
		case !f.Mode.Regular():
			return nil, []string{place + " is a link or a submodule, which is not followed: no owner was asked."}, nil
		case f.Size > codeowners.MaxSize:
			return nil, []string{fmt.Sprintf("%s has %d bytes, more than GitHub reads: no owner was asked.", place, f.Size)}, nil
		}
		text, err := r.Files.Read(ctx, place)
		if err != nil {
			return nil, nil, fmt.Errorf("read %s of %s: %w", place, r.Repo, err)
		}
		var paths []string
		for _, c := range changes {
			paths = append(paths, c.Path)
		}
		owners, err := codeowners.Owners(ctx, text, paths)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			return nil, []string{fmt.Sprintf("%s %v: no owner was asked.", place, err)}, nil
		}
		return owners, nil, nil
	}
	return nil, nil, nil
}
