package ghapp

import (
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

// Many files come in one request, and only as they are.
func TestPrefetch(t *testing.T) {
	for _, root := range []string{"", "api/v3/"} { // as on github.com, as on Enterprise Server
		t.Run(root, func(t *testing.T) { testPrefetch(t, root) })
	}
}

func testPrefetch(t *testing.T, root string) {
	w := newWorld(t, githubtest.Options{})
	w.url += root
	snap, err := w.client().Snapshot(t.Context(), shop, "main")
	w.must(err)
	var paths []string
	for path := range shopFiles {
		paths = append(paths, path)
	}
	w.must(snap.Prefetch(t.Context(), append(paths, "no/such")))
	w.log.take()
	for _, path := range paths {
		if shopFiles[path].Mode == "120000" {
			continue
		}
		text, err := snap.Read(t.Context(), path)
		if err != nil || string(text) != shopFiles[path].Content {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if lines := w.log.take(); len(lines) != 1 { // latin1.txt is not text to GraphQL
		t.Errorf("reading what was prefetched cost %v, want one blob", lines)
	}
}
