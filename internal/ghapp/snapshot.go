package ghapp

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// fileLimit is the size of the largest file that is read. What people write by
// hand is far below; what is above is data.
const fileLimit = 10 << 20

// A Snapshot is a repository at one commit. What it reads never changes, and is
// fetched once.
type Snapshot struct {
	Repo forge.Repo
	Head forge.SHA // commit
	Tree forge.SHA
	c    *Client
}

// Snapshot returns repo at the head of branch. A repository without a commit is
// [forge.ErrEmpty], a branch that is not there [forge.ErrNotFound].
func (c *Client) Snapshot(ctx context.Context, repo forge.Repo, branch string) (*Snapshot, error) {
	if err := forge.ValidateBranch(branch); err != nil {
		return nil, err
	}
	// heads/: a tag of the same name must not win.
	return c.snapshot(ctx, repo, "heads/"+branch, escapeRef("heads/"+branch))
}

// SnapshotAt returns repo at a commit.
func (c *Client) SnapshotAt(ctx context.Context, repo forge.Repo, at forge.SHA) (*Snapshot, error) {
	if err := at.Validate(); err != nil {
		return nil, err
	}
	if tree, ok := c.app.parents.Get(objectKey{repo, at}); ok {
		return &Snapshot{repo, at, tree, c}, nil
	}
	return c.snapshot(ctx, repo, string(at), string(at))
}

// snapshot reads commit and tree in one call.
//
// GitHub: GET /repos/{owner}/{repo}/commits/{ref}; needs contents: read.
func (c *Client) snapshot(ctx context.Context, repo forge.Repo, ref, escaped string) (*Snapshot, error) {
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	// One file of the commit's diff is more than we want; none cannot be asked for.
	commit, _, err := gh.Repositories.GetCommit(ctx, repo.Owner, repo.Name, escaped, &github.ListOptions{PerPage: 1})
	if answered(err, http.StatusUnprocessableEntity) {
		return nil, fmt.Errorf("read %s at %s: %w", repo, ref, forge.ErrNotFound) // "No commit found for SHA"
	}
	if err != nil {
		return nil, explain(err, "read %s at %s", repo, ref)
	}
	s := &Snapshot{repo, forge.SHA(commit.GetSHA()), forge.SHA(commit.GetCommit().GetTree().GetSHA()), c}
	if s.Head.Validate() != nil || s.Tree.Validate() != nil {
		return nil, fmt.Errorf("read %s at %s: %w: commit %q with tree %q", repo, ref, forge.ErrUnavailable, s.Head, s.Tree)
	}
	c.app.parents.Put(objectKey{repo, s.Head}, s.Tree, 256)
	return s, nil
}

// List returns every file, link and submodule, sorted by path. The slice is
// shared: it must not be changed.
func (s *Snapshot) List(ctx context.Context) ([]forge.File, error) {
	l, err := s.c.listing(ctx, s.Repo, s.Tree)
	if err != nil {
		return nil, err
	}
	return l.files, nil
}

// File returns the entry of path; [forge.ErrNotFound] if there is none.
func (s *Snapshot) File(ctx context.Context, path string) (forge.File, error) {
	l, err := s.c.listing(ctx, s.Repo, s.Tree)
	if err != nil {
		return forge.File{}, err
	}
	f, ok := l.get(path)
	if !ok {
		return forge.File{}, fmt.Errorf("%s@%s %s: %w", s.Repo, s.Head.Short(), path, forge.ErrNotFound)
	}
	return f, nil
}

// Read returns the content of a file. Links and submodules are not followed:
// they are errors, like files over 10 MiB.
func (s *Snapshot) Read(ctx context.Context, path string) ([]byte, error) {
	f, err := s.File(ctx, path)
	switch {
	case err != nil:
		return nil, err
	case !f.Mode.Regular():
		return nil, fmt.Errorf("%s@%s %s: is a link or a submodule (mode %s), which is not followed", s.Repo, s.Head.Short(), path, f.Mode)
	case f.Size > fileLimit:
		return nil, fmt.Errorf("%s@%s %s: has %d bytes, more than the %d that are read", s.Repo, s.Head.Short(), path, f.Size, fileLimit)
	}
	return s.c.blob(ctx, s.Repo, f.Blob)
}

// blob returns the content that has the name sha. What GitHub sends is checked
// against the name.
//
// GitHub: GET /repos/{owner}/{repo}/git/blobs/{file_sha}; needs contents: read.
func (c *Client) blob(ctx context.Context, repo forge.Repo, sha forge.SHA) ([]byte, error) {
	key := objectKey{repo, sha}
	if b, ok := c.app.blobs.Get(key); ok {
		return bytes.Clone(b), nil
	}
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	if err := sha.Validate(); err != nil {
		return nil, err
	}
	b, _, err := gh.Git.GetBlobRaw(ctx, repo.Owner, repo.Name, string(sha))
	if err != nil {
		return nil, explain(err, "read %s blob %s", repo, sha.Short())
	}
	if b == nil {
		b = []byte{}
	}
	if got := blobSHA(b, len(sha)); got != sha {
		return nil, fmt.Errorf("read %s blob %s: %w: content has the name %s", repo, sha.Short(), forge.ErrUnavailable, got.Short())
	}
	c.app.blobs.Put(key, b, int64(len(b)+256))
	return bytes.Clone(b), nil
}
