package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/policy"
)

// A Checkout is a repository at the head of its default branch.
type Checkout struct {
	Repo   forge.Repo
	Branch string
	SHA    forge.SHA
	Files  inventory.Files
	// Organisation is what the owner's .github repository says; nil if nothing.
	// It counts where there is no file.
	Organisation *policy.Config
	// Before is an earlier state of the repository; what did not change since is
	// not read and worked out again. It may be nil, and is in use no longer than
	// [Open].
	Before *Repository
}

// A Repository is a checkout with what its owners allow and what stands in it.
type Repository struct {
	Checkout
	// Config is what .github/salve.yml says; nil where there is no such file,
	// or it has mistakes. Without it nothing is written.
	Config *policy.Config
	// Inherited says that Config is the organisation's.
	Inherited bool
	// Faults are mistakes of the repository's files for people to mend: each
	// names file, line and what was expected.
	Faults []error
	// Remedies are those of the program and the repository's own; of the same
	// name, the repository's. The highest priority comes first.
	Remedies []Remedy

	// Inventory reads lazily, so it is used under mu: cycles and gates meet
	// here.
	mu        sync.Mutex
	inventory *inventory.Repository
}

// Open reads the configuration of a checkout and takes stock of it. Mistakes in
// its files are Faults; an error means that the files could not be read.
func Open(ctx context.Context, c Checkout, remedies []Remedy) (*Repository, error) {
	known := c.Before.known()
	c.Before = nil
	r := &Repository{Checkout: c}
	files, err := c.Files.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", c.Repo, err)
	}
	if err := r.configure(ctx, files); err != nil {
		return nil, err
	}
	if err := r.remedies(ctx, files, remedies); err != nil {
		return nil, err
	}
	r.inventory, err = inventory.Open(ctx, c.Files, inventory.Options{
		Environments: r.environments(), Shared: r.Config != nil && r.Config.Anchors == policy.Allow, Known: known,
	})
	if err != nil {
		return nil, fmt.Errorf("take stock of %s: %w", c.Repo, err)
	}
	return r, nil
}

// known is what r knows about its files.
func (r *Repository) known() inventory.Known {
	if r == nil {
		return inventory.Known{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inventory.Known()
}

// configure reads .github/salve.yml, or takes what the organisation says where
// there is none. A link in its place is refused: it could lead to a file that
// whoever reviews the configuration does not see.
func (r *Repository) configure(ctx context.Context, files []forge.File) error {
	f, ok := find(files, policy.File)
	if !ok {
		r.Config = r.Organisation.For(r.Repo.Name)
		r.Inherited = r.Config != nil
		return nil
	}
	if !f.Mode.Regular() {
		r.Faults = append(r.Faults, fmt.Errorf("%s: is a link or a submodule; write the configuration into the file itself", policy.File))
		return nil
	}
	text, err := r.Files.Read(ctx, policy.File)
	if err != nil {
		return fmt.Errorf("read %s of %s: %w", policy.File, r.Repo, err)
	}
	config, err := policy.Parse(policy.File, text)
	if err != nil {
		r.Faults = append(r.Faults, err)
		return nil
	}
	r.Config = config
	if len(config.Repositories) > 0 && r.Repo.Name != policy.Organisation {
		r.Faults = append(r.Faults, fmt.Errorf("%s: repositories: counts in %s/%s only; remove it here", policy.File, r.Repo.Owner, policy.Organisation))
	}
	return nil
}

// maxOwn bounds the remedies of one repository: each is read and asked about
// each problem.
const maxOwn = 100

// remedies adds the repository's own remedies to those of the program.
func (r *Repository) remedies(ctx context.Context, files []forge.File, all []Remedy) error {
	r.Remedies = slices.Clone(all)
	taken := 0
	for _, f := range files {
		if path.Dir(f.Path) != policy.RemedyPath || !strings.HasSuffix(f.Path, ".yaml") || !f.Mode.Regular() {
			continue
		}
		if taken++; taken > maxOwn {
			r.Faults = append(r.Faults, fmt.Errorf("%s: more than %d remedies; the first %d are used", policy.RemedyPath, maxOwn, maxOwn))
			break
		}
		text, err := r.Files.Read(ctx, f.Path)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", f.Path, r.Repo, err)
		}
		own, err := Parse(f.Path, text)
		if err != nil {
			r.Faults = append(r.Faults, err)
			continue
		}
		own.Own = true
		r.Remedies = slices.DeleteFunc(r.Remedies, func(x Remedy) bool { return x.Name == own.Name })
		r.Remedies = append(r.Remedies, own)
	}
	slices.SortStableFunc(r.Remedies, func(a, b Remedy) int { return cmp.Compare(b.Priority, a.Priority) })
	return nil
}

// environments are those of the configuration, as the inventory wants them.
func (r *Repository) environments() map[string]inventory.Environment {
	if r.Config == nil {
		return nil
	}
	out := map[string]inventory.Environment{}
	for name, e := range r.Config.Environments {
		out[name] = inventory.Environment{Paths: e.Paths, Clusters: e.Clusters, Namespaces: e.Namespaces, VarFiles: e.VarFiles}
	}
	return out
}

// Workloads returns everything that runs pods here.
func (r *Repository) Workloads() []inventory.Workload {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inventory.Workloads()
}

// Writes returns why nothing may be written here.
func (r *Repository) Writes() policy.Reason {
	if r.Config == nil && len(r.Faults) > 0 {
		return policy.Reason{Code: policy.NotConfigured, Text: fmt.Sprintf("the configuration has mistakes: %v", errors.Join(r.Faults...))}
	}
	return r.Config.Writes()
}

func find(files []forge.File, path string) (forge.File, bool) {
	i := slices.IndexFunc(files, func(f forge.File) bool { return f.Path == path })
	if i < 0 {
		return forge.File{}, false
	}
	return files[i], true
}
