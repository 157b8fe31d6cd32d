package githubtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

// Who is asked for a review: all or none, teams only by an App that may see
// them; and assignees, of whom GitHub leaves out those who cannot be.
func TestReviewersAndAssignees(t *testing.T) {
	w := newWorld(t)
	w.AddUser("ada")
	must(t, w.SetPermission("acme/shop", "ada", "write"))
	w.AddTeam("acme", "platform")
	w.AddTeam("acme", "strangers")
	must(t, w.SetTeamPermission("acme/shop", "platform", "write"))
	if err := w.SetTeamPermission("acme/shop", "nobody", "write"); err == nil {
		t.Error("a team that is not there got a permission")
	}
	n, _ := w.propose("salve/one", "One", map[string]string{"README.md": "# Shop 1\n"})
	ask := fmt.Sprintf("/repos/acme/shop/pulls/%d/requested_reviewers", n)
	for _, tt := range []struct {
		users, teams []string
		want         string // part of the refusal
	}{
		{[]string{"ada", "nobody"}, nil, "not a collaborator"},
		{[]string{"ada"}, []string{"strangers"}, "not a collaborator"},
		{[]string{"ada"}, []string{"platform"}, "Could not resolve to a node"},
		{slices.Repeat([]string{"ada"}, 16), nil, "maximum of 15"},
	} {
		if g := w.want(422, "POST", ask, map[string]any{"reviewers": tt.users, "team_reviewers": tt.teams}); !strings.Contains(g.raw, tt.want) {
			t.Errorf("%v %v: %s, want %q", tt.users, tt.teams, g.raw, tt.want)
		}
	}
	if st, err := w.State("acme/shop"); err != nil || len(st.Issues[n-1].Reviewers) > 0 {
		t.Errorf("%v, %v: want nobody asked", st.Issues[n-1].Reviewers, err)
	}
	g := w.want(201, "POST", fmt.Sprintf("/repos/acme/shop/issues/%d/assignees", n), map[string]any{"assignees": []string{"ada", "nobody"}})
	if st, err := w.State("acme/shop"); g.text("assignee", "login") != "ada" || err != nil || !slices.Equal(st.Issues[n-1].Assignees, []string{"ada"}) {
		t.Errorf("%v, %v: want ada assigned alone", st.Issues[n-1].Assignees, err)
	}
	w.want(422, "POST", fmt.Sprintf("/repos/acme/shop/issues/%d/assignees", n), map[string]any{"assignees": slices.Repeat([]string{"ada"}, 11)})

	must(t, w.AddApp(githubtest.App{ID: 7, Slug: "salve", Key: keyPEM(), Permissions: map[string]string{"members": "read", "pull_requests": "write"}}))
	must(t, w.AddInstallation(githubtest.Installation{ID: 70, App: 7, Account: "acme"}))
	w.token = w.newToken(nil)
	w.want(201, "POST", ask, map[string]any{"reviewers": []string{"ada"}, "team_reviewers": []string{"platform"}})
	if st, err := w.State("acme/shop"); err != nil || !slices.Equal(st.Issues[n-1].Reviewers, []string{"ada", "acme/platform"}) {
		t.Errorf("%v, %v: want ada and the team asked", st.Issues[n-1].Reviewers, err)
	}
}
