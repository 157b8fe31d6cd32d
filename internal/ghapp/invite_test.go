package ghapp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
)

// team adds acme/platform, who may write to acme/shop.
func (w *world) team() {
	w.t.Helper()
	w.AddTeam("acme", "platform")
	w.must(w.SetTeamPermission("acme/shop", "platform", "write"))
}

// asked is who GitHub shows as asked and assigned on #1, with its comments.
func (w *world) asked() (reviewers, assignees []string, comments string) {
	w.t.Helper()
	st, err := w.State("acme/shop")
	w.must(err)
	i := st.Issues[0]
	for _, c := range i.Comments {
		comments += c.Body
	}
	return i.Reviewers, i.Assignees, comments
}

// Reviewers cost one request more, assignees another.
func TestInviteCosts(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.team()
	p := w.raise("640Mi")
	p.Reviewers, p.Owners, p.Assignees = []string{"mona", "Mona", "salve[bot]"}, []string{"acme/platform", "mona"}, []string{"mona"}
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	people := slices.DeleteFunc(writes(w.log.take()), func(l string) bool {
		return !strings.Contains(l, "requested_reviewers") && !strings.Contains(l, "assignees") && !strings.Contains(l, "comments")
	})
	if len(people) != 2 {
		t.Errorf("requests %v, want one for reviewers and one for assignees", people)
	}
	reviewers, assignees, comments := w.asked()
	if fmt.Sprint(reviewers, assignees)+comments != "[mona acme/platform] [mona]" {
		t.Errorf("asked %v, assigned %v, said %q", reviewers, assignees, comments)
	}
}

// Whoever cannot be asked is named in one comment, and keeps nobody else from
// being asked.
func TestInviteMisses(t *testing.T) {
	for name, tt := range map[string]struct {
		reviewers, assignees []string
		members              bool // may the App see teams?
		asked, said          []string
	}{
		"unknown":       {[]string{"nobody", "mona", "acme/platform", "acme/none"}, nil, true, []string{"mona", "acme/platform"}, []string{"- `nobody`: " + noAccess, "- `acme/none`: " + noAccess}},
		"only unknown":  {[]string{"nobody"}, nil, true, nil, []string{"- `nobody`: " + noAccess}},
		"other company": {[]string{"initech/platform", "mona"}, nil, true, []string{"mona"}, []string{"- `initech/platform`: " + otherOrg}},
		"no members":    {[]string{"acme/platform", "mona"}, nil, false, []string{"mona"}, []string{"- `acme/platform`: " + noTeams}},
		"assignees":     {nil, []string{"nobody", "mona"}, true, nil, []string{"Not assigned:\n\n- `nobody`: " + notTaking}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			w.team()
			if !tt.members {
				w.must(w.AddInstallation(githubtest.Installation{ID: installation, App: appID, Account: "acme", Permissions: map[string]string{
					"contents": "write", "pull_requests": "write", "statuses": "write"}}))
			}
			p := w.raise("640Mi")
			p.Reviewers, p.Assignees = tt.reviewers, tt.assignees
			c := w.client()
			opened, err := c.Propose(t.Context(), p)
			w.must(err)
			reviewers, _, comments := w.asked()
			if opened.Action != forge.Created || !slices.Equal(reviewers, tt.asked) {
				t.Errorf("%s; asked %v, want %v", opened.Action, reviewers, tt.asked)
			}
			for _, line := range tt.said {
				if !strings.Contains(comments, line) {
					t.Errorf("comment %q lacks %q", comments, line)
				}
			}
			if strings.Contains(comments, "@") || strings.Count(comments, "\n- ") != len(tt.said) {
				t.Errorf("comment %q mentions somebody, or has lines besides %q", comments, tt.said)
			}
			w.log.take()
			_, err = c.Propose(t.Context(), p)
			w.must(err)
			if lines := writes(w.log.take()); len(lines) > 0 {
				t.Errorf("asked again: %v", lines)
			}
		})
	}
}

// Owners whom GitHub does not take are nobody's concern here, and keep no
// reviewer from being asked.
func TestInviteOwners(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	p.Reviewers, p.Owners = []string{"mona"}, []string{"nobody", "acme/none", "initech/x"}
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	if reviewers, _, comments := w.asked(); !slices.Equal(reviewers, []string{"mona"}) || comments != "" {
		t.Errorf("asked %v, said %q", reviewers, comments)
	}
}

// Sixteen reviewers are fifteen, and a line that says who was left out.
func TestInviteCrowd(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	for i := range 16 {
		login := fmt.Sprintf("user%d", i)
		w.AddUser(login)
		w.must(w.SetPermission("acme/shop", login, "write"))
		p.Reviewers, p.Assignees = append(p.Reviewers, login), append(p.Assignees, login)
	}
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	reviewers, assignees, comments := w.asked()
	if len(reviewers) != 15 || len(assignees) != 10 || !strings.Contains(comments, "- `user15`: "+tooMany) {
		t.Errorf("asked %d, assigned %d, said %q", len(reviewers), len(assignees), comments)
	}
}

// A reviewer whom people removed is not asked again, whatever changes.
func TestInviteOnce(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	p.Reviewers = []string{"mona"}
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	w.must(w.RemoveReviewer("acme/shop", 1, "mona"))
	p.Evidence, p.Body = "e2", "Because of P-1 and P-2."
	opened, err := w.client().Propose(t.Context(), p)
	w.must(err)
	if reviewers, _, _ := w.asked(); opened.Action != forge.Updated || len(reviewers) > 0 {
		t.Errorf("%s; asked again: %v", opened.Action, reviewers)
	}
}

// GitHub that does not answer is tried again in the next cycle, labels being
// the receipt.
func TestInviteLater(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	p := w.raise("640Mi")
	p.Reviewers = []string{"mona"}
	remove := w.Inject(githubtest.Fault{Method: "POST", Path: "/repos/acme/shop/pulls/*/requested_reviewers", Status: 502})
	if _, err := w.client().Propose(t.Context(), p); err == nil {
		t.Error("no error")
	}
	remove()
	_, err := w.client().Propose(t.Context(), p)
	w.must(err)
	if reviewers, _, _ := w.asked(); !slices.Equal(reviewers, []string{"mona"}) {
		t.Errorf("asked %v, want mona", reviewers)
	}
}
