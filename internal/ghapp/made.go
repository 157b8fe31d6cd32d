package ghapp

import (
	"strings"

	"github.com/google/go-github/v62/github"
)

// made reports of each commit whether the App, under the login self, made it.
//
// A person who amends one of ours stays named as its committer. But what git
// says of author and committer everybody can write, and GitHub believes the
// address: where GitHub signs what Apps commit, one without its signature is
// somebody else's. github.com does so; of a GitHub Enterprise Server, where it
// is a setting, it is known once it has signed one of ours.
// https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
func (a *App) made(self string, commits []*github.RepositoryCommit) []bool {
	out := make([]bool, len(commits))
	for i, c := range commits {
		by := c.GetCommitter().GetLogin()
		out[i] = c.GetAuthor().GetLogin() == self && (by == self || by == "web-flow")
		if out[i] && signed(c) {
			a.signs.Store(true)
		}
	}
	for i, c := range commits {
		out[i] = out[i] && (signed(c) || !a.signs.Load())
	}
	return out
}

func signed(c *github.RepositoryCommit) bool {
	return c.GetCommit().GetVerification().GetVerified()
}

// signsForApps reports whether the API of a host is known to belong to a GitHub
// that signs what Apps commit.
func signsForApps(host string) bool {
	return host == "api.github.com" || strings.HasSuffix(host, ".ghe.com")
}
