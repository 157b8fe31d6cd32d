package githubtest

import (
	"fmt"
	"net/http"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// EnqueuePull puts a pull request into the merge queue of its base: the merge
// that would come of it stands on a branch of its own, and merge_group asks for
// its checks. It returns the id of that merge.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
func (s *Server) EnqueuePull(name, login string, number int) (sha string, err error) {
	err = s.withPull(name, number, func(r *repo, i *issue) error {
		tree, clean := r.trial(i.pull)
		if i.state != "open" || !clean {
			return fail(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
		}
		base := r.head(i.pull.base)
		commit := git.Snapshot{Tree: tree, Parents: []git.ID{base, i.pull.headSHA}, Author: s.signature(s.user(login)),
			Message: fmt.Sprintf("Merge pull request #%d from %s/%s", i.number, i.pull.owner(r), i.pull.head)}
		commit.Committer = git.Signature{Name: "GitHub", Email: "noreply@github.com", When: s.now().UTC()}
		commit.GPG = seal(commit.Payload())
		id := r.git.PutCommit(commit)
		sha = string(id)
		ref := i.pull.queueRef(i.number, base)
		s.setRef(r, ref, id, s.user("github-merge-queue"))
		s.emit(r, "merge_group", "checks_requested", s.user(login), object{"merge_group": s.groupJSON(r, i, ref)})
		return nil
	})
	return sha, err
}

// FinishQueue ends the merge queue's work on a pull request: it merges the
// commit that EnqueuePull made if the required checks have succeeded on it, and
// takes it out of the queue with GitHub's reason if not.
func (s *Server) FinishQueue(name, login string, number int) error {
	return s.withPull(name, number, func(r *repo, i *issue) error {
		ref := i.pull.queueRef(i.number, r.head(i.pull.base))
		id := r.git.Refs[ref]
		if id == "" {
			return fmt.Errorf("%s: pull request %d is not in the queue", name, number)
		}
		group, reason := s.groupJSON(r, i, ref), "merged"
		var refused error
		for _, check := range r.required(i.pull.base, nil) {
			if word := r.verdict(check, id); word != "" {
				refused, reason = fail(http.StatusMethodNotAllowed, "Required status check %q %s.", check.Context, word), "dequeued"
				break
			}
		}
		if refused == nil {
			s.markMerged(r, i, id, s.user(login))
			s.setRef(r, "refs/heads/"+i.pull.base, id, s.user("github-merge-queue"))
		}
		s.emit(r, "merge_group", "destroyed", s.user(login), object{"merge_group": group, "reason": reason})
		s.setRef(r, ref, "", s.user("github-merge-queue"))
		return refused
	})
}

func (p *pull) queueRef(number int, base git.ID) string {
	return fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", p.base, number, base)
}

func (s *Server) groupJSON(r *repo, i *issue, ref string) object {
	c, _ := r.git.Commit(r.git.Refs[ref])
	return object{"head_sha": c.ID, "head_ref": ref, "base_sha": r.head(i.pull.base), "base_ref": "refs/heads/" + i.pull.base, "head_commit": s.pushedJSON(r, c)}
}
