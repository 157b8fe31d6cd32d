package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/salvehq/salve/internal/codeowners"
	"github.com/salvehq/salve/internal/patch"
)

// Reviewers returns whom to ask for a review of a change: those whom the
// configuration names, and the owners of the files by the base branch. A
// CODEOWNERS that cannot be used is a note for whoever reviews; an error means
// that it could not be read.
func (r *Repository) Reviewers(ctx context.Context, changes patch.ChangeSet) (who, notes []string, err error) {
	who = slices.Clone(r.Config.PullRequests.Reviewers)
	if !r.Config.PullRequests.CodeOwners {
		return who, nil, nil
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
			return who, []string{place + " is a link or a submodule, which is not followed: no owner was asked."}, nil
		case f.Size > codeowners.MaxSize:
			return who, []string{fmt.Sprintf("%s has %d bytes, more than GitHub reads: no owner was asked.", place, f.Size)}, nil
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
			return who, []string{fmt.Sprintf("%s %v: no owner was asked.", place, err)}, nil
		}
		return append(who, owners...), nil, nil
	}
	return who, nil, nil
}
