package githubtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// mergeability says whether a pull request could be merged, in the words of
// mergeable_state: clean, unstable, blocked, dirty, draft, unknown. As on
// GitHub it is unknown until somebody has looked at the pull request once since
// its head or base moved.
func (s *Server) mergeability(r *repo, i *issue) (state string, mergeable any) {
	if i.state != "open" || i.pull.tested != r.tips(i.pull) {
		return "unknown", nil
	}
	if _, clean := r.trial(i.pull); !clean {
		return "dirty", false
	}
	switch {
	case i.pull.draft:
		return "draft", true
	case s.blocked(r, i, nil) != nil:
		return "blocked", true
	case r.combined(i.pull.headSHA) != "success" && len(r.latest(i.pull.headSHA)) > 0:
		return "unstable", true
	}
	return "clean", true
}

// tips are what a merge would join.
func (r *repo) tips(p *pull) [2]git.ID { return [2]git.ID{r.head(p.base), p.headSHA} }

// trial merges the head of a pull request into its base as it is now.
func (r *repo) trial(p *pull) (tree git.ID, clean bool) {
	base := r.head(p.base)
	fork, _ := r.git.MergeBase(base, p.headSHA)
	var trees [3]git.ID
	for n, id := range []git.ID{fork, base, p.headSHA} {
		c, err := r.git.Commit(id)
		if err != nil {
			return "", false
		}
		trees[n] = c.Tree
	}
	return r.git.Merge(trees[0], trees[1], trees[2])
}

// https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request
func (c *call) mergePull() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		CommitTitle   string `json:"commit_title"`
		CommitMessage string `json:"commit_message"`
		SHA           string
		Method        string `json:"merge_method"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.SHA != "" && in.SHA != string(i.pull.headSHA) {
		return reply{}, fail(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	message := strings.TrimSpace(in.CommitTitle + "\n\n" + in.CommitMessage)
	id, err := c.merge(c.repo, i, in.Method, message, c.who)
	if err != nil {
		return reply{}, err
	}
	return ok(object{"sha": id, "merged": true, "message": "Pull Request successfully merged"})
}

// merge merges a pull request if nothing stands against it.
func (s *Server) merge(r *repo, i *issue, method, message string, by identity) (git.ID, error) {
	notAllowed := func(text string) error { return fail(http.StatusMethodNotAllowed, "%s", text) }
	switch {
	case method != "" && method != "merge" && method != "squash" && method != "rebase":
		return "", unprocessable("Invalid request.\n\nmerge_method is not one of merge, squash, rebase.")
	case method == "rebase":
		return "", notAllowed("Rebase merges are not allowed on this repository.")
	case i.state != "open" || i.pull.draft:
		return "", notAllowed("Pull Request is not mergeable")
	}
	tree, clean := r.trial(i.pull)
	if !clean {
		return "", notAllowed("Pull Request is not mergeable")
	}
	if err := s.blocked(r, i, by.app); err != nil {
		return "", err
	}
	u := by.actor(s)
	commit := git.Snapshot{Tree: tree, Parents: []git.ID{r.head(i.pull.base), i.pull.headSHA}, Author: s.signature(u), Message: message}
	if method == "squash" {
		commit.Parents = commit.Parents[:1]
	}
	if message == "" {
		commit.Message = fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", i.number, i.pull.owner(r), i.pull.head, i.title)
		if method == "squash" {
			commit.Message = fmt.Sprintf("%s (#%d)", i.title, i.number)
		}
	}
	commit.Committer = git.Signature{Name: "GitHub", Email: "noreply@github.com", When: s.now().UTC()}
	commit.GPG = seal(commit.Payload())
	id := r.git.PutCommit(commit)
	s.markMerged(r, i, id, u)
	s.setRef(r, "refs/heads/"+i.pull.base, id, u)
	if r.DeleteMerged && i.pull.fork == "" {
		s.setRef(r, i.pull.headRef(), "", u)
	}
	return id, nil
}

// markMerged closes a pull request as merged by a commit.
func (s *Server) markMerged(r *repo, i *issue, id git.ID, by *user) {
	p := i.pull
	i.state, i.closed, i.closedBy, i.updated = "closed", s.now(), by, s.now()
	p.merged, p.mergedBy, p.mergeSHA = s.now(), by, id
	s.announcePull(r, i, "closed", by, nil)
}
