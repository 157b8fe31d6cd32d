package inventory

import "github.com/salvehq/salve/internal/patch"

// After returns the repository as it would be with other contents of some
// files. It shares with r what does not change: only one of the two may be used
// at a time, and what [Repository.Set] makes of it uses it up.
func (r *Repository) After(files []patch.FileChange) *Repository { return r.with(files) }
