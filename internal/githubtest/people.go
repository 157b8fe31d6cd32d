package githubtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// What people do. Each of these does what the same click or push does on
// GitHub, with its webhooks; the person needs no account made before.

// PushCommit puts a commit of a person onto a branch, which is made from the
// default branch if it is not there; login:branch pushes to a fork. A nil File
// deletes. It returns the id of the commit.
func (s *Server) PushCommit(name, login, branch, message string, files map[string]*File) (sha string, err error) {
	err = s.withRepo(name, func(r *repo) error {
		id, err := s.push(r, s.user(login), branch, message, files)
		sha = string(id)
		return err
	})
	return sha, err
}

func (s *Server) push(r *repo, by *user, branch, message string, files map[string]*File) (git.ID, error) {
	ref := "refs/heads/" + branch
	if owner, short, isFork := strings.Cut(branch, ":"); isFork {
		ref = "refs/forks/" + strings.ToLower(owner) + "/" + short
	}
	if !git.ValidRef(ref) || r.git.Clash(ref) != "" {
		return "", fmt.Errorf("%s: %q cannot be a branch", r.full(), branch)
	}
	at := r.git.Refs[ref]
	if at == "" {
		at = r.head(r.branch)
	}
	commit := git.Snapshot{Message: message, Author: s.signature(by), Committer: s.signature(by)}
	var tree git.ID
	if at != "" {
		parent, err := r.git.Commit(at)
		if err != nil {
			return "", err
		}
		commit.Parents, tree = []git.ID{at}, parent.Tree
	}
	puts, changes := map[string]File{}, []git.Change{}
	for path, f := range files {
		if f == nil {
			changes = append(changes, git.Change{Path: path})
			continue
		}
		puts[path] = *f
	}
	var err error
	if commit.Tree, err = r.git.Edit(tree, append(changes, r.git.Changes(puts)...)); err != nil {
		return "", err
	}
	id := r.git.PutCommit(commit)
	s.setRef(r, ref, id, by)
	return id, nil
}

// DeleteBranch deletes a branch; open pull requests of it close.
func (s *Server) DeleteBranch(name, login, branch string) error {
	return s.withRepo(name, func(r *repo) error {
		if r.head(branch) == "" {
			return fmt.Errorf("%s: no branch %q", name, branch)
		}
		s.setRef(r, "refs/heads/"+branch, "", s.user(login))
		return nil
	})
}

// OpenPull opens a pull request of a person and returns its number.
func (s *Server) OpenPull(name, login string, p NewPull) (number int, err error) {
	err = s.withRepo(name, func(r *repo) error {
		if p.Base == "" {
			p.Base = r.branch
		}
		i, err := s.openPull(r, p, identity{user: s.user(login)})
		if err == nil {
			number = i.number
		}
		return err
	})
	return number, err
}

// ClosePull closes a pull request without merging it.
func (s *Server) ClosePull(name, login string, number int) error {
	return s.withPull(name, number, func(r *repo, i *issue) error { s.closePull(r, i, s.user(login)); return nil })
}

// MergePull merges a pull request, or says in GitHub's words why it cannot be
// merged.
func (s *Server) MergePull(name, login string, number int) error {
	return s.withPull(name, number, func(r *repo, i *issue) error {
		_, err := s.merge(r, i, "merge", "", identity{user: s.user(login)})
		return err
	})
}

// Comment comments on an issue or a pull request, and returns the number of
// the comment.
func (s *Server) Comment(name, login string, number int, body string) (id int64, err error) {
	err = s.withIssue(name, number, func(r *repo, i *issue) error {
		id = s.addComment(r, i, body, s.user(login)).id
		return nil
	})
	return id, err
}

// EditIssue gives an issue another body, and opens or closes it.
func (s *Server) EditIssue(name, login string, number int, body string, open bool) error {
	state := map[bool]string{true: "open", false: "closed"}[open]
	return s.withIssue(name, number, func(r *repo, i *issue) error {
		s.edit(r, i, issueInput{Body: &body, State: &state}, s.user(login))
		return nil
	})
}

// Label puts a label on an issue or a pull request, or takes it off again.
func (s *Server) Label(name, login string, number int, text string, on bool) error {
	return s.withIssue(name, number, func(r *repo, i *issue) error {
		l := r.label(text)
		if l == nil {
			var err error
			if l, err = s.newLabel(r, text, "ededed", ""); err != nil {
				return err
			}
		}
		s.setLabel(r, i, l, s.user(login), on)
		return nil
	})
}

// RemoveReviewer takes back that somebody was asked for a review.
func (s *Server) RemoveReviewer(name string, number int, login string) error {
	return s.withPull(name, number, func(_ *repo, i *issue) error {
		i.pull.reviewers = slices.DeleteFunc(i.pull.reviewers, func(u *user) bool { return strings.EqualFold(u.login, login) })
		return nil
	})
}

// SetStatus sets a commit status as a person.
func (s *Server) SetStatus(name, login, sha, state, context, description string) error {
	return s.withRepo(name, func(r *repo) error {
		return s.setStatus(r, git.ID(sha), &status{state: state, context: context, description: description, by: s.user(login)})
	})
}

func (s *Server) withIssue(name string, number int, do func(*repo, *issue) error) error {
	return s.withRepo(name, func(r *repo) error {
		if number < 1 || number > len(r.issues) {
			return fmt.Errorf("%s: no issue %d", name, number)
		}
		return do(r, r.issues[number-1])
	})
}

func (s *Server) withPull(name string, number int, do func(*repo, *issue) error) error {
	return s.withIssue(name, number, func(r *repo, i *issue) error {
		if i.pull == nil {
			return fmt.Errorf("%s: %d is no pull request", name, number)
		}
		return do(r, i)
	})
}
