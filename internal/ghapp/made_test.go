package ghapp

import (
	"testing"

	"github.com/google/go-github/v62/github"
)

// Attack 40: what counts as ours is authored by us, committed by us or by
// GitHub in our name, and signed where GitHub signs.
func TestMade(t *testing.T) {
	commit := func(author, committer string, signed bool) *github.RepositoryCommit {
		user := func(login string) *github.User {
			if login == "" {
				return nil // an address that belongs to nobody
			}
			return &github.User{Login: &login}
		}
		return &github.RepositoryCommit{
			Author: user(author), Committer: user(committer),
			Commit: &github.Commit{Author: &github.CommitAuthor{Name: github.String("salve[bot]")}, Verification: &github.SignatureVerification{Verified: &signed}},
		}
	}
	for name, tt := range map[string]struct {
		commit *github.RepositoryCommit
		signs  bool // GitHub is known to sign for Apps
		want   bool
	}{
		"ours":                                  {commit("salve[bot]", "web-flow", true), true, true},
		"ours, committed by ourselves":          {commit("salve[bot]", "salve[bot]", true), true, true},
		"ours where nothing is signed":          {commit("salve[bot]", "salve[bot]", false), false, true},
		"in our name":                           {commit("salve[bot]", "salve[bot]", false), true, false},
		"a person's in the web interface":       {commit("mona", "web-flow", true), true, false},
		"a person's, signed":                    {commit("mona", "mona", true), true, false},
		"amended, and signed by who did it":     {commit("salve[bot]", "mona", true), true, false},
		"our name with an address of nobody":    {commit("", "", false), false, false},
		"another App's":                         {commit("other[bot]", "web-flow", true), true, false},
		"a person's where nothing is signed":    {commit("mona", "mona", false), false, false},
		"in our name, committed by nobody":      {commit("salve[bot]", "", false), false, false},
		"a person's name, committed by the App": {commit("mona", "salve[bot]", true), true, false},
	} {
		a := new(App)
		a.signs.Store(tt.signs)
		if got := a.made("salve[bot]", []*github.RepositoryCommit{tt.commit}); got[0] != tt.want {
			t.Errorf("%s: %v, want %v", name, got[0], tt.want)
		}
	}
	// One that is signed says what to expect of the others.
	a := new(App)
	if got := a.made("salve[bot]", []*github.RepositoryCommit{commit("salve[bot]", "salve[bot]", false), commit("salve[bot]", "web-flow", true)}); got[0] || !got[1] {
		t.Errorf("beside a signed one: %v", got)
	}
	for host, want := range map[string]bool{"api.github.com": true, "api.acme.ghe.com": true, "ghes.example": false, "api.github.com.evil.example": false, "127.0.0.1:1": false} {
		if signsForApps(host) != want {
			t.Errorf("%s signs for Apps: %v", host, !want)
		}
	}
}
