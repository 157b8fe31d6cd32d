package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// teams are the demo's repositories many times over, 24 files each.
func teams(b testing.TB, n int) map[string]string {
	demo := worlds(b)["demo"]
	out := map[string]string{}
	for team := range n {
		for name, text := range demo {
			out[fmt.Sprintf("team-%d/%s", team, name)] = strings.ReplaceAll(text, "name: ", fmt.Sprintf("name: t%d-", team))
		}
	}
	return out
}

// BenchmarkInventory takes stock of 50 teams' repositories: of all, and again
// after ten files changed.
func BenchmarkInventory(b *testing.B) {
	files := teams(b, 50)
	take := func(known Known) *Repository {
		r, err := Open(b.Context(), Map(files), Options{Known: known, Remember: true})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Facts(b.Context()); err != nil {
			b.Fatal(err)
		}
		return r
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := Open(b.Context(), Map(files), Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			take(Known{})
		}
	})
	b.Run("again", func(b *testing.B) {
		names := slices.Sorted(maps.Keys(files))
		r := take(Known{})
		for n := 0; b.Loop(); n++ {
			for i := range 10 {
				files[names[(n*10+i*97)%len(names)]] += fmt.Sprintf("# %d\n", n)
			}
			r = take(r.Known())
		}
	})
}

// BenchmarkSet changes one limit, by name.
func BenchmarkSet(b *testing.B) {
	r, err := Open(b.Context(), Map(teams(b, 50)), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		t := Target{Form: Kubernetes, Kind: "Deployment", Namespace: "shop", Name: fmt.Sprintf("t%d-checkout", n%50), Container: fmt.Sprintf("t%d-app", n%50), ContainerIndex: -1, Field: "resources.limits.memory"}
		if _, err := r.Set(b.Context(), t, "4Gi"); err != nil {
			b.Fatal(err)
		}
	}
}
