package plan

import (
	"fmt"
	"strings"

	"github.com/salvehq/salve/internal/forge"
)

// A Key is what [Target.Key] says, taken apart.
type Key struct {
	Repo        forge.Repo
	Environment string
	Remedy      string
	Place       string // as inventory.Target writes it
}

// separator stands between the parts of a key. Names of environments and of
// remedies cannot hold it.
const separator = " | "

// KeyIn returns a key that was read in a pull request of repo, as it is now: the
// repository may have been called otherwise when it was written, and people may
// have written the name of another one over it.
func KeyIn(repo forge.Repo, key string) string {
	_, rest, ok := strings.Cut(key, separator)
	if !ok {
		return key // names no repository
	}
	return repo.String() + separator + rest
}

// ParseKey takes a key apart.
func ParseKey(key string) (Key, error) {
	parts := strings.SplitN(key, separator, 4)
	if len(parts) != 4 {
		return Key{}, fmt.Errorf("key %.100q has %d parts, want repository, environment, remedy and place", key, len(parts))
	}
	repo, err := forge.ParseRepo(parts[0])
	return Key{repo, parts[1], parts[2], parts[3]}, err
}
