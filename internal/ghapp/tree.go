package ghapp

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// Bounds of one listing. GitHub truncates a recursive tree at 100,000 entries;
// above that each folder is a request.
const (
	maxFiles   = 1_000_000
	maxFolders = 2_000
)

// A listing is a whole tree, sorted by path. It is shared and never changed.
type listing struct{ files []forge.File }

func (l *listing) get(path string) (forge.File, bool) {
	i, ok := slices.BinarySearchFunc(l.files, path, func(f forge.File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return forge.File{}, false
	}
	return l.files[i], true
}

// listing returns every file below a tree.
//
// GitHub: GET /repos/{owner}/{repo}/git/trees/{tree_sha}; needs contents: read.
func (c *Client) listing(ctx context.Context, repo forge.Repo, tree forge.SHA) (*listing, error) {
	key := objectKey{repo, tree}
	if l, ok := c.app.trees.Get(key); ok {
		return l, nil
	}
	gh, err := c.as(reading, repo)
	if err != nil {
		return nil, err
	}
	if err := tree.Validate(); err != nil {
		return nil, err
	}
	answer, _, err := gh.Git.GetTree(ctx, repo.Owner, repo.Name, string(tree), true)
	if err != nil {
		return nil, explain(err, "list %s tree %s", repo, tree.Short())
	}
	l := new(listing)
	if answer.GetTruncated() {
		l, err = walk(ctx, gh, repo, tree)
	} else {
		_, err = l.add("", answer.Entries)
	}
	if err != nil {
		return nil, fmt.Errorf("list %s tree %s: %w", repo, tree.Short(), err)
	}
	slices.SortFunc(l.files, func(a, b forge.File) int { return strings.Compare(a.Path, b.Path) })
	c.app.trees.Put(key, l, l.size())
	return l, nil
}

// size is about how many bytes the listing takes.
func (l *listing) size() (n int64) {
	for _, f := range l.files {
		n += int64(len(f.Path) + len(f.Blob) + 64)
	}
	return n
}

// walk lists a tree folder by folder.
//
// GitHub: GET /repos/{owner}/{repo}/git/trees/{tree_sha}; needs contents: read.
func walk(ctx context.Context, gh *github.Client, repo forge.Repo, root forge.SHA) (*listing, error) {
	type folder struct {
		path string
		tree forge.SHA
	}
	l := new(listing)
	todo := []folder{{"", root}}
	for n := 0; len(todo) > 0; n++ {
		if n == maxFolders {
			return nil, fmt.Errorf("has more than %d folders, too many to list one by one", maxFolders)
		}
		next := todo[0]
		todo = todo[1:]
		answer, _, err := gh.Git.GetTree(ctx, repo.Owner, repo.Name, string(next.tree), false)
		if err != nil {
			return nil, classify(err)
		}
		if answer.GetTruncated() {
			return nil, fmt.Errorf("folder %q has too many entries to be listed", next.path)
		}
		folders, err := l.add(next.path, answer.Entries)
		if err != nil {
			return nil, err
		}
		for _, e := range folders {
			sha := forge.SHA(e.GetSHA())
			if err := sha.Validate(); err != nil {
				return nil, err
			}
			todo = append(todo, folder{next.path + e.GetPath() + "/", sha})
		}
	}
	return l, nil
}

// add appends the files among entries and returns the folders. Paths are
// relative to prefix.
func (l *listing) add(prefix string, entries []*github.TreeEntry) (folders []*github.TreeEntry, err error) {
	for _, e := range entries {
		if e.GetType() == "tree" {
			folders = append(folders, e)
			continue
		}
		if len(l.files) == maxFiles {
			return nil, fmt.Errorf("has more than %d files", maxFiles)
		}
		l.files = append(l.files, forge.File{
			Path: prefix + e.GetPath(), Mode: mode(e.GetMode()), Blob: forge.SHA(e.GetSHA()), Size: int64(e.GetSize()),
		})
	}
	return folders, nil
}

// mode returns one of the few modes that there are, so that a listing does not
// keep the same text a hundred thousand times.
func mode(s string) forge.Mode {
	for _, m := range []forge.Mode{forge.ModeFile, forge.ModeExecutable, forge.ModeSymlink, forge.ModeSubmodule} {
		if s == string(m) {
			return m
		}
	}
	return forge.Mode(s)
}

// blobSHA returns git's name of a content, of as many digits.
// https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
func blobSHA(content []byte, digits int) forge.SHA {
	var h hash.Hash = sha1.New()
	if digits == 2*sha256.Size {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return forge.SHA(hex.EncodeToString(h.Sum(nil)))
}
