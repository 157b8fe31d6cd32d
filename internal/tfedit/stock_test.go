package tfedit

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestStock lists the alert rules and resources of the archives in
// testdata/stock, and follows each address that the lists give.
func TestStock(t *testing.T) {
	names, err := filepath.Glob("testdata/stock/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files, want := texts{}, ""
			for _, f := range ar.Files {
				if f.Name == "want" {
					want = string(f.Data)
				} else {
					files[f.Name] = string(f.Data)
				}
			}
			r := files.open(t)
			have := listRules(t, r) + listResources(t, r)
			if !*update {
				if diff := cmp.Diff(want, have); diff != "" {
					t.Errorf("(-want +have)\n%s", diff)
				}
				return
			}
			ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
			ar.Files = append(ar.Files, txtar.File{Name: "want", Data: []byte(have)})
			if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func listRules(t *testing.T, r *Repository) string {
	rules, err := r.AlertRules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, a := range rules {
		fmt.Fprintf(&out, "%s:%d %s in %s: %q prefix=%t\n", a.File, a.Line, a.Address, a.Dir, a.Title, a.Prefix)
		for _, field := range slices.Sorted(maps.Keys(a.Addresses)) {
			if !slices.Contains(AlertFields[:], field) {
				t.Errorf("%s is no field of alerts", field)
			}
			address := a.Addresses[field]
			fmt.Fprintf(&out, "  %s %s: %s\n", field, strings.TrimPrefix(address, a.Address), where(t, r, Target{Dir: a.Dir, Address: address}))
		}
	}
	return out.String()
}

func listResources(t *testing.T, r *Repository) string {
	all, err := r.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, res := range all {
		if strings.HasPrefix(res.Type, "dynatrace_") {
			continue // alert rules show them
		}
		fmt.Fprintf(&out, "%s:%d %s %s\n", res.File, res.Line, res.Type, res.Name)
		for _, a := range res.Attributes {
			fmt.Fprintf(&out, "  %d %s = %s literal=%t: %s\n", a.Line, a.Address, a.Text, a.Literal, where(t, r, Target{Dir: res.Dir, Address: a.Address}))
		}
	}
	for _, f := range r.Faults() {
		fmt.Fprintln(&out, f)
	}
	return out.String()
}

// where follows an address.
func where(t *testing.T, r *Repository, target Target) string {
	s, err := r.Locate(t.Context(), target)
	if err != nil {
		return err.Error()
	}
	if !s.Written {
		return fmt.Sprintf("%s:%d, not written", s.File, s.Line)
	}
	return fmt.Sprintf("%s:%d %s", s.File, s.Line, s.Value)
}

func TestAlertRuleMatches(t *testing.T) {
	for _, c := range []struct {
		rule  AlertRule
		title string
		want  bool
	}{
		{AlertRule{Title: "Queue"}, "Queue", true},
		{AlertRule{Title: "Queue"}, "Queue of orders", false},
		{AlertRule{Title: "Queue of", Prefix: true}, "Queue of orders", true},
		{AlertRule{Title: "Queue of", Prefix: true}, "Queue", false},
		{AlertRule{Prefix: true}, "Queue", false},
		{AlertRule{}, "", false},
	} {
		if have := c.rule.Matches(c.title); have != c.want {
			t.Errorf("%+v matches %q: %t, want %t", c.rule, c.title, have, c.want)
		}
	}
}
