package githubtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// What GitHub takes and gives at most.
const (
	maxBlob        = 100 << 20 // bytes
	maxTreeEntries = 100_000   // of a recursive answer, which is truncated there
)

// errEmpty is the answer of git data routes of a repository without commits.
func (c *call) errEmpty() error {
	if c.repo.empty() {
		return fail(http.StatusConflict, "Git Repository is empty.")
	}
	return nil
}

// https://docs.github.com/en/rest/git/blobs#create-a-blob
func (c *call) createBlob() (reply, error) {
	var in struct {
		Content  *string `json:"content"`
		Encoding string  `json:"encoding"`
	}
	if err := errors.Join(c.errEmpty(), c.decode(&in)); err != nil {
		return reply{}, err
	}
	if in.Content == nil {
		return reply{}, missing("content")
	}
	data := []byte(*in.Content)
	if in.Encoding == "base64" {
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(*in.Content, "\n", "")); err != nil {
			return reply{}, unprocessable("content is not valid Base64")
		}
	}
	if len(data) > maxBlob {
		return reply{}, unprocessable("Sorry, your input was too large to process. Consider creating the blob in a local clone of the repository and then pushing it to GitHub.")
	}
	id := c.repo.git.Put(git.Blob, data)
	return created(object{"sha": id, "url": c.objectURL("blobs", id)})
}

// https://docs.github.com/en/rest/git/blobs#get-a-blob
func (c *call) getBlob() (reply, error) {
	id := git.ID(c.params["file_sha"])
	if err := c.wantSHA(string(id)); err != nil {
		return reply{}, err
	}
	data, err := c.repo.git.Get(git.Blob, id)
	if err != nil {
		return reply{}, notFound()
	}
	if c.media() == "raw" {
		return reply{status: http.StatusOK, raw: nonNil(data), kind: "application/vnd.github.raw+json"}, nil
	}
	return ok(object{"sha": id, "node_id": "B_" + string(id), "size": len(data), "url": c.objectURL("blobs", id),
		"content": wrapped(data), "encoding": "base64"})
}

// wantSHA refuses what is not a full object id.
func (c *call) wantSHA(s string) error {
	if err := c.errEmpty(); err != nil {
		return err
	}
	if !git.Valid(s) {
		return unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	return nil
}

// wrapped is Base64 in lines of 60, as GitHub writes content.
func wrapped(data []byte) string {
	var b strings.Builder
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(data)), 60) {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

func nonNil(b []byte) []byte { return append([]byte{}, b...) }

// media returns the word of the Accept header that picks a form of the answer:
// raw, object, diff, patch, sha or nothing.
// https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#media-types
func (c *call) media() string {
	accept := c.r.Header.Get("Accept")
	for _, word := range []string{"raw", "object", "diff", "patch", "sha"} {
		if strings.Contains(accept, "vnd.github."+word) || strings.Contains(accept, "vnd.github.v3."+word) {
			return word
		}
	}
	return ""
}

func (c *call) objectURL(kind string, id git.ID) string {
	return c.api(fmt.Sprintf("repos/%s/git/%s/%s", c.repo.full(), kind, id))
}

// A treeLine is one entry of a tree to be made. SHA is raw, since null and
// absent differ.
type treeLine struct {
	Path    *string         `json:"path"`
	Mode    string          `json:"mode"`
	Type    string          `json:"type"`
	SHA     json.RawMessage `json:"sha"`
	Content *string         `json:"content"`
}

// https://docs.github.com/en/rest/git/trees#create-a-tree
func (c *call) createTree() (reply, error) {
	var in struct {
		BaseTree string     `json:"base_tree"`
		Tree     []treeLine `json:"tree"`
	}
	if err := errors.Join(c.errEmpty(), c.decode(&in)); err != nil {
		return reply{}, err
	}
	if in.Tree == nil {
		return reply{}, missing("tree")
	}
	base, err := c.baseTree(in.BaseTree)
	if err != nil {
		return reply{}, err
	}
	if len(in.Tree) == 0 {
		return reply{}, unprocessable("Invalid tree info")
	}
	var changes []git.Change
	for _, line := range in.Tree {
		change, err := c.treeChange(line)
		if err != nil {
			return reply{}, err
		}
		changes = append(changes, change)
	}
	id, err := c.repo.git.Edit(base, changes)
	switch {
	case errors.Is(err, git.ErrPath):
		return reply{}, unprocessable("tree.path contains a malformed path component")
	case err != nil:
		return reply{}, unprocessable("GitRPC::BadObjectState")
	}
	rep, err := c.treeReply(id, false)
	rep.status = http.StatusCreated
	return rep, err
}

// baseTree returns the tree that base_tree names, which may be a commit.
func (c *call) baseTree(sha string) (git.ID, error) {
	switch c.repo.git.Kind(git.ID(sha)) {
	case git.Tree:
		return git.ID(sha), nil
	case git.Commit:
		commit, err := c.repo.git.Commit(git.ID(sha))
		return commit.Tree, err
	}
	if sha == "" {
		return "", nil
	}
	return "", unprocessable("base_tree is not a valid tree oid")
}

// treeChange checks one entry of a tree and stores its inline content.
func (c *call) treeChange(line treeLine) (git.Change, error) {
	kinds := map[string]git.Kind{git.ModeFile: git.Blob, git.ModeExecutable: git.Blob, git.ModeSymlink: git.Blob,
		git.ModeDir: git.Tree, git.ModeSubmodule: git.Commit}
	kind, known := kinds[line.Mode]
	switch {
	case line.Path == nil || *line.Path == "":
		return git.Change{}, unprocessable("tree.path is missing")
	case strings.HasPrefix(*line.Path, "/"):
		return git.Change{}, unprocessable("tree.path cannot start with a slash")
	case len(*line.Path) > 4096:
		return git.Change{}, unprocessable("tree.path is too long")
	case !known:
		return git.Change{}, unprocessable("Must supply a valid tree.mode")
	case line.Type != "" && line.Type != string(kind):
		return git.Change{}, unprocessable("Must supply a valid tree.type")
	case line.Content != nil && len(line.SHA) > 0:
		return git.Change{}, unprocessable("Must supply either tree.sha or tree.content.")
	}
	change := git.Change{Path: *line.Path, Mode: line.Mode}
	var sha *string
	switch {
	case line.Content != nil && kind != git.Blob:
		return git.Change{}, unprocessable("tree.content is for blobs")
	case line.Content != nil:
		change.ID = c.repo.git.Put(git.Blob, []byte(*line.Content))
	case len(line.SHA) == 0 || json.Unmarshal(line.SHA, &sha) != nil:
		return git.Change{}, unprocessable("Must supply either tree.sha or tree.content.")
	case sha == nil: // deletes
	case kind != git.Commit && c.repo.git.Kind(git.ID(*sha)) != kind:
		return git.Change{}, unprocessable("tree.sha %s is not a valid %s", *sha, kind)
	default:
		change.ID = git.ID(*sha)
	}
	return change, nil
}

// https://docs.github.com/en/rest/git/trees#get-a-tree
func (c *call) getTree() (reply, error) {
	if err := c.errEmpty(); err != nil {
		return reply{}, err
	}
	id := git.ID(c.params["tree_sha"])
	if c.repo.git.Kind(id) != git.Tree {
		commit, found := c.repo.commit(string(id))
		if !found {
			return reply{}, notFound()
		}
		id = commit.Tree
	}
	return c.treeReply(id, c.r.URL.Query().Has("recursive"))
}

func (c *call) treeReply(id git.ID, recursive bool) (reply, error) {
	walk := c.repo.git.Entries
	if recursive {
		walk = c.repo.git.Walk
	}
	entries, err := walk(id)
	if err != nil {
		return reply{}, notFound()
	}
	limit := maxTreeEntries
	if c.limits.TreeEntries > 0 {
		limit = c.limits.TreeEntries
	}
	truncated := recursive && len(entries) > limit
	if truncated {
		entries = entries[:limit]
	}
	lines := []object{}
	for _, e := range entries {
		line := object{"path": e.Path, "mode": e.Mode, "type": e.Kind(), "sha": e.ID}
		switch e.Kind() {
		case git.Blob:
			data, _ := c.repo.git.Get(git.Blob, e.ID)
			line["size"], line["url"] = len(data), c.objectURL("blobs", e.ID)
		case git.Tree:
			line["url"] = c.objectURL("trees", e.ID)
		}
		lines = append(lines, line)
	}
	return ok(object{"sha": id, "url": c.objectURL("trees", id), "tree": lines, "truncated": truncated})
}

// text reports whether data is what GitHub shows as text.
func text(data []byte) bool { return bytes.IndexByte(data, 0) < 0 }
