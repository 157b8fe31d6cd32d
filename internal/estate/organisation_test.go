package estate

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
)

// An organisation is one installation of repositories as maps of files.
type organisation struct {
	files  map[string]map[string]string // by name of the repository
	heads  map[string]forge.SHA
	broken map[string]bool
	lists  int
	reads  map[string]int
}

func (o *organisation) Installations(context.Context) ([]forge.Installation, error) {
	return []forge.Installation{{ID: 1, Account: "acme"}}, nil
}

func (o *organisation) List(context.Context, int64) (out []forge.Repository, err error) {
	o.lists++
	for _, name := range []string{"api", "shop", ".github"} {
		if o.files[name] != nil {
			out = append(out, repository(name))
		}
	}
	return out, nil
}

func (o *organisation) Snapshot(_ context.Context, _ int64, repo forge.Repo, _ string) (Snapshot, error) {
	if o.broken[repo.Name] {
		return Snapshot{}, forge.ErrUnavailable
	}
	o.reads[repo.Name]++
	return Snapshot{o.heads[repo.Name], inventory.Map(o.files[repo.Name])}, nil
}

// shops is an organisation whose .github repository says config; nothing, if it
// is empty.
func shops(config string) *organisation {
	o := &organisation{
		files: map[string]map[string]string{"api": {"README.md": "x"}, "shop": {"README.md": "x"}},
		heads: map[string]forge.SHA{}, broken: map[string]bool{}, reads: map[string]int{},
	}
	if config != "" {
		o.files[".github"] = map[string]string{".github/salve.yml": config}
	}
	return o
}

// find returns the repository of a name.
func find(t *testing.T, repos []*plan.Repository, name string) *plan.Repository {
	t.Helper()
	for _, r := range repos {
		if r.Repo.Name == name {
			return r
		}
	}
	t.Fatalf("no %s among %v", name, repos)
	return nil
}

// A repository without a file has that of the organisation if it names it, and
// its own if it has one.
func TestOrganisation(t *testing.T) {
	const all = "version: 1\nlimits: {open: 7}\nservices: {x: {match: {names: [x]}}}\nrepositories: "
	for name, tt := range map[string]struct {
		config string
		own    string // of shop
		open   int    // limit that holds in shop; -1 if it is not configured
	}{
		"none":         {"", "", -1},
		"its own only": {"version: 1\n", "", -1},
		"all":          {all + `["*"]` + "\n", "", 7},
		"named":        {all + "[sho*]\n", "", 7},
		"not named":    {all + "[api, acme/shop]\n", "", -1},
		"own file":     {all + `["*"]` + "\n", "version: 1\nlimits: {open: 3}\n", 3},
		"own mistakes": {all + `["*"]` + "\n", "version: 2\n", -1},
		"mistakes":     {all + `["*"]` + "\nrepositry: []\n", "", -1},
	} {
		t.Run(name, func(t *testing.T) {
			o := shops(tt.config)
			if tt.own != "" {
				o.files["shop"][".github/salve.yml"] = tt.own
			}
			repos, err := (&Estate{Host: o}).Repositories(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			shop := find(t, repos, "shop")
			open := -1
			if shop.Config != nil {
				open = shop.Config.Limits.Open
			}
			if open != tt.open || shop.Inherited != (tt.open == 7) || shop.Inherited && len(shop.Config.Services) > 0 {
				t.Errorf("limit %d, inherited %v, want %d", open, shop.Inherited, tt.open)
			}
			faulty := 0
			for _, r := range repos {
				if len(r.Faults) > 0 {
					faulty++
				}
			}
			if want := strings.Contains(name, "mistakes"); faulty > 1 || want != (faulty == 1) {
				t.Errorf("%d repositories show mistakes", faulty)
			}
		})
	}
}

// What does not change is read once and opened once; what does is taken up by
// those that it counts for, and by no others.
func TestOrganisationChanges(t *testing.T) {
	o := shops("version: 1\nrepositories: [shop]\n")
	e := &Estate{Host: o}
	cycle := func() (shop, api *plan.Repository) {
		t.Helper()
		repos, err := e.Repositories(t.Context())
		if err != nil || len(repos) != 3 {
			t.Fatal(repos, err)
		}
		return find(t, repos, "shop"), find(t, repos, "api")
	}
	shop, api := cycle()
	if again, _ := cycle(); again != shop || o.reads[".github"] != 2 {
		t.Errorf("opened again, .github read %d times in two cycles", o.reads[".github"])
	}
	o.heads[".github"], o.files[".github"]["README.md"] = "b", "more"
	if again, _ := cycle(); again != shop {
		t.Error("opened again for a file that says nothing")
	}
	o.heads[".github"], o.files[".github"][".github/salve.yml"] = "c", "version: 1\ndry-run: true\nrepositories: [shop]\n"
	dry, same := cycle()
	if dry == shop || !dry.Config.DryRun || same.Config != nil {
		t.Errorf("%+v, want it dry", dry.Config)
	}
	o.files["api"][".github/salve.yml"], o.heads["api"] = "version: 1\n", "b"
	_, api = cycle()
	o.heads[".github"], o.files[".github"][".github/salve.yml"] = "d", "version: 1\nrepositories: [\"*\"]\n"
	if _, again := cycle(); again != api {
		t.Error("a repository with a file of its own was opened again")
	}

	o.broken[".github"] = true
	repos, err := e.Repositories(t.Context())
	if !errors.Is(err, forge.ErrUnavailable) || find(t, repos, "shop").Config == nil {
		t.Errorf("%v; want the last that was known to hold", err)
	}
	o.broken[".github"] = false
	delete(o.files, ".github")
	if repos, err = e.Repositories(t.Context()); err != nil || len(repos) != 2 || find(t, repos, "shop").Config != nil {
		t.Errorf("%v, %v; want nothing to hold without the App there", repos, err)
	}
}

// A gate that asks before any cycle gets the same.
func TestOrganisationOfBranch(t *testing.T) {
	o := shops("version: 1\nrepositories: [shop]\n")
	b := Branch{Estate: &Estate{Host: o}, Installation: 1}
	for range 2 {
		r, err := b.Repository(t.Context(), forge.Repo{Owner: "acme", Name: "shop"}, "main")
		if err != nil || !r.Inherited || o.lists != 1 {
			t.Errorf("%+v, %v; listed %d times", r, err, o.lists)
		}
	}
}
