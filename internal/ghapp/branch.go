package ghapp

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
)

// errTaken says that the branch exists.
var errTaken = errors.New("branch exists")

// A commit is one that was made for a proposal.
type commit struct{ sha, tree forge.SHA }

// commit makes the content of w on its base: one tree on top of the base's, one
// commit. Nothing refers to it yet, so one that is left behind is swept by git.
//
// The commit names no author and no committer: only then GitHub signs it for
// the App and shows it as verified.
// https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
//
// GitHub: POST /repos/{owner}/{repo}/git/trees; needs contents: write.
// GitHub: POST /repos/{owner}/{repo}/git/commits; needs contents: write.
func (w *proposal) commit(ctx context.Context) (commit, error) {
	base, err := w.c.SnapshotAt(ctx, w.Repo, w.BaseSHA)
	if err != nil {
		return commit{}, err
	}
	entries, err := w.entries(ctx, base)
	if err != nil {
		return commit{}, err
	}
	tree, _, err := w.gh.Git.CreateTree(ctx, w.Repo.Owner, w.Repo.Name, string(base.Tree), entries)
	if err != nil {
		return commit{}, explain(err, "write tree of %s branch %s", w.Repo, w.Branch)
	}
	made, _, err := w.gh.Git.CreateCommit(ctx, w.Repo.Owner, w.Repo.Name, &github.Commit{
		Message: &w.Message,
		Tree:    &github.Tree{SHA: tree.SHA},
		Parents: []*github.Commit{{SHA: github.String(string(w.BaseSHA))}},
	}, nil)
	if err != nil {
		return commit{}, explain(err, "write commit of %s branch %s", w.Repo, w.Branch)
	}
	if made.GetVerification().GetVerified() {
		w.c.app.signs.Store(true)
	}
	c := commit{forge.SHA(made.GetSHA()), forge.SHA(tree.GetSHA())}
	return c, errors.Join(c.sha.Validate(), c.tree.Validate())
}

// entries returns the changed files as GitHub takes them. Each is checked
// against the base that the change was made from: what is there is a file and
// still the same, what is new is not there, and no folder on the way is a link.
// Whatever mode a file has it keeps.
func (w *proposal) entries(ctx context.Context, base *Snapshot) ([]*github.TreeEntry, error) {
	l, err := w.c.listing(ctx, w.Repo, base.Tree)
	if err != nil {
		return nil, err
	}
	var out []*github.TreeEntry
	for _, c := range w.Changes {
		mode, err := l.accepts(c)
		if err != nil {
			return nil, fmt.Errorf("%s@%s %s: %w", w.Repo, w.BaseSHA.Short(), c.Path, err)
		}
		e := &github.TreeEntry{Path: &c.Path, Mode: github.String(string(mode)), Type: github.String("blob")}
		if utf8.Valid(c.After) && !bytes.ContainsRune(c.After, 0) {
			e.Content = github.String(string(c.After))
		} else if e.SHA, err = w.upload(ctx, c); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// accepts returns the mode that a change leaves its file with, or why the tree
// does not take the change.
func (l *listing) accepts(c patch.FileChange) (forge.Mode, error) {
	have, exists := l.get(c.Path)
	switch {
	case exists && !have.Mode.Regular():
		return "", fmt.Errorf("is a link or a submodule (mode %s)", have.Mode)
	case exists && c.New():
		return "", fmt.Errorf("%w: is there already", forge.ErrConflict)
	case exists && have.Blob != blobSHA(c.Before, len(have.Blob)):
		return "", fmt.Errorf("%w: is not what the change was made from", forge.ErrConflict)
	case exists:
		return have.Mode, nil
	case !c.New():
		return "", fmt.Errorf("%w: is not there", forge.ErrConflict)
	}
	for i, r := range c.Path {
		if r != '/' {
			continue
		}
		if _, file := l.get(c.Path[:i]); file {
			return "", fmt.Errorf("lies below %s, which is not a folder", c.Path[:i])
		}
	}
	if c.Mode == string(forge.ModeExecutable) {
		return forge.ModeExecutable, nil
	}
	return forge.ModeFile, nil
}

// upload sends a content that JSON cannot carry and returns its name.
//
// GitHub: POST /repos/{owner}/{repo}/git/blobs; needs contents: write.
func (w *proposal) upload(ctx context.Context, c patch.FileChange) (*string, error) {
	blob, _, err := w.gh.Git.CreateBlob(ctx, w.Repo.Owner, w.Repo.Name, &github.Blob{
		Content: github.String(base64.StdEncoding.EncodeToString(c.After)), Encoding: github.String("base64"),
	})
	if err != nil {
		return nil, explain(err, "write %s %s", w.Repo, c.Path)
	}
	return blob.SHA, nil
}

// lock creates the branch at a commit. It is errTaken if the branch exists.
//
// GitHub: POST /repos/{owner}/{repo}/git/refs; needs contents: write.
func (w *proposal) lock(ctx context.Context, at commit) (forge.SHA, error) {
	_, _, err := w.gh.Git.CreateRef(ctx, w.Repo.Owner, w.Repo.Name, &github.Reference{
		Ref:    github.String("refs/heads/" + w.Branch),
		Object: &github.GitObject{SHA: github.String(string(at.sha))},
	})
	if answered(err, http.StatusUnprocessableEntity) {
		switch said := strings.ToLower(err.Error()); {
		case strings.Contains(said, "already exists"):
			return "", errTaken
		case strings.Contains(said, "reference update failed"):
			return "", fmt.Errorf("create branch %s of %s: %w: a branch with the name of one of its folders is in the way", w.Branch, w.Repo, forge.ErrRejected)
		}
	}
	if err != nil {
		return "", explain(err, "create branch %s of %s", w.Branch, w.Repo)
	}
	return at.sha, nil
}

// adopt takes over a branch that has no open pull request: what a crash, a
// merge or a closing left. It returns the head that the branch has then, or
// [forge.ErrForeign] if people have worked on it.
//
// GitHub: GET /repos/{owner}/{repo}/compare/{basehead}; needs contents: read.
func (w *proposal) adopt(ctx context.Context, want commit) (forge.SHA, error) {
	gh, err := w.c.as(reading, w.Repo)
	if err != nil {
		return "", err
	}
	head, err := w.head(ctx)
	if err != nil {
		return "", err
	}
	ahead, _, err := gh.Repositories.CompareCommits(ctx, w.Repo.Owner, w.Repo.Name, string(w.BaseSHA), string(head), &github.ListOptions{PerPage: 100})
	if err != nil {
		return "", explain(err, "compare branch %s of %s with its base", w.Branch, w.Repo)
	}
	n := len(ahead.Commits)
	if ahead.GetTotalCommits() != n || !w.made(ahead.Commits) {
		return "", fmt.Errorf("branch %s of %s: %w", w.Branch, w.Repo, forge.ErrForeign)
	}
	if n == 1 && ahead.GetBehindBy() == 0 && forge.SHA(ahead.Commits[0].GetCommit().GetTree().GetSHA()) == want.tree {
		return head, nil // it is what we want
	}
	return want.sha, w.reset(ctx, head, want)
}

// head returns the commit that the branch is at.
//
// GitHub: GET /repos/{owner}/{repo}/git/ref/{ref}; needs contents: read.
func (w *proposal) head(ctx context.Context) (forge.SHA, error) {
	gh, err := w.c.as(reading, w.Repo)
	if err != nil {
		return "", err
	}
	ref, _, err := gh.Git.GetRef(ctx, w.Repo.Owner, w.Repo.Name, "heads/"+w.Branch)
	if err != nil {
		return "", explain(err, "read branch %s of %s", w.Branch, w.Repo)
	}
	head := forge.SHA(ref.GetObject().GetSHA())
	return head, head.Validate()
}

// reset moves the branch from a commit, below which nobody else has worked, to
// another. REST has no compare-and-swap, so it looks just before it writes: a
// push that comes between the two requests is lost, one before is not.
//
// GitHub: PATCH /repos/{owner}/{repo}/git/refs/{ref}; needs contents: write.
func (w *proposal) reset(ctx context.Context, from forge.SHA, to commit) error {
	at, err := w.head(ctx)
	if err != nil {
		return err
	}
	if at != from {
		return fmt.Errorf("move branch %s of %s: %w: it is at %s, not at %s", w.Branch, w.Repo, forge.ErrConflict, at.Short(), from.Short())
	}
	_, _, err = w.gh.Git.UpdateRef(ctx, w.Repo.Owner, w.Repo.Name, &github.Reference{
		Ref:    github.String("refs/heads/" + w.Branch),
		Object: &github.GitObject{SHA: github.String(string(to.sha))},
	}, true)
	return explain(err, "move branch %s of %s", w.Branch, w.Repo)
}
