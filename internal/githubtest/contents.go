package githubtest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// Sizes at which reading a file changes, in bytes, and the entries of a
// directory that are listed.
// https://docs.github.com/en/rest/repos/contents#get-repository-content
const (
	maxInline  = 1 << 20
	maxContent = 100 << 20
	maxDir     = 1000
)

// https://docs.github.com/en/rest/repos/contents#get-repository-content
func (c *call) getContents() (reply, error) {
	if c.repo.empty() {
		return reply{}, fail(http.StatusNotFound, "This repository is empty.")
	}
	ref := c.query("ref", c.repo.branch)
	commit, found := c.repo.commit(ref)
	if !found {
		return reply{}, fail(http.StatusNotFound, "No commit found for the ref %s", ref)
	}
	where := strings.Trim(c.params["path"], "/")
	e, found := c.repo.git.Find(commit.Tree, where)
	switch {
	case !found:
		return reply{}, notFound()
	case e.Mode == git.ModeDir:
		return c.directory(e, ref)
	}
	o := c.contentJSON(e, ref)
	if e.Mode == git.ModeSubmodule {
		return ok(o)
	}
	data, err := c.repo.git.Get(git.Blob, e.ID)
	if err != nil {
		return reply{}, err
	}
	return c.file(o, data)
}

func (c *call) file(o object, data []byte) (reply, error) {
	if len(data) > maxContent {
		return reply{}, tooLarge("This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API, but you can always clone the repository via Git in order to obtain it.")
	}
	switch media := c.media(); {
	case media == "raw":
		return reply{status: http.StatusOK, raw: nonNil(data), kind: "application/vnd.github.raw+json; charset=utf-8"}, nil
	case o["type"] == "symlink":
		o["target"] = string(data)
	case len(data) > maxInline:
		o["content"], o["encoding"] = "", "none"
	default:
		o["content"], o["encoding"] = wrapped(data), "base64"
	}
	return ok(o)
}

func tooLarge(message string) error {
	return &failure{status: http.StatusForbidden, message: message,
		errors: []any{object{"resource": "Blob", "field": "data", "code": "too_large"}}}
}

func (c *call) directory(dir git.Entry, ref string) (reply, error) {
	entries, err := c.repo.git.Entries(dir.ID)
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, e := range entries[:min(len(entries), maxDir)] {
		e.Path = path.Join(dir.Path, e.Path)
		items = append(items, c.contentJSON(e, ref))
	}
	if c.media() != "object" {
		return ok(items)
	}
	o := c.contentJSON(dir, ref)
	o["entries"] = items
	return ok(o)
}

func (c *call) contentJSON(e git.Entry, ref string) object {
	data, _ := c.repo.git.Get(git.Blob, e.ID)
	kind := map[string]string{git.ModeDir: "dir", git.ModeSubmodule: "submodule", git.ModeSymlink: "symlink"}[e.Mode]
	if kind == "" {
		kind = "file"
	}
	self := c.api(fmt.Sprintf("repos/%s/contents/%s?ref=%s", c.repo.full(), e.Path, ref))
	html := c.web(fmt.Sprintf("%s/blob/%s/%s", c.repo.full(), ref, e.Path))
	objects := c.objectURL(string(e.Kind())+"s", e.ID)
	o := object{
		"type": kind, "name": path.Base(e.Path), "path": e.Path, "sha": e.ID, "size": len(data),
		"url": self, "html_url": html, "git_url": objects, "download_url": nil,
		"_links": object{"self": self, "html": html, "git": objects},
	}
	switch kind {
	case "file", "symlink":
		o["download_url"] = c.web(fmt.Sprintf("%s/raw/%s/%s", c.repo.full(), ref, e.Path))
	case "submodule":
		o["submodule_git_url"], o["git_url"] = "", nil
	}
	return o
}

// A fileInput is the body of a request that writes one file.
type fileInput struct {
	Message, Content  *string
	SHA, Branch       string
	Author, Committer *person
}

// https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents
func (c *call) putContents() (reply, error) {
	var in fileInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	switch {
	case in.Message == nil:
		return reply{}, missing("message")
	case in.Content == nil:
		return reply{}, missing("content")
	}
	branch := cmp.Or(in.Branch, c.repo.branch)
	head := c.repo.head(branch)
	if head == "" && !c.repo.empty() {
		return reply{}, fail(http.StatusNotFound, "Branch %s not found", branch)
	}
	commit := git.Snapshot{Message: *in.Message}
	if head != "" {
		commit.Parents = []git.ID{head}
	}
	status, err := c.putFile(&commit, in)
	if err != nil {
		return reply{}, err
	}
	if err := c.sign(&commit, in.Author, in.Committer); err != nil {
		return reply{}, err
	}
	id, ref := c.repo.git.PutCommit(commit), "refs/heads/"+branch
	if err := errors.Join(c.checkWorkflows(id), c.repo.rule(c.who.app, "update", ref, id)); err != nil {
		return reply{}, err
	}
	c.setRef(c.repo, ref, id, c.who.actor(c.Server))
	made, _ := c.repo.git.Commit(id)
	e, _ := c.repo.git.Find(made.Tree, c.params["path"])
	return reply{status: status, body: object{"content": c.contentJSON(e, branch), "commit": c.gitCommitJSON(made)}}, nil
}

// putFile sets the tree of a commit to that of its parent with the file of the
// request, which must name the blob that it replaces.
func (c *call) putFile(commit *git.Snapshot, in fileInput) (status int, err error) {
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(*in.Content, "\n", ""))
	if err != nil {
		return 0, unprocessable("content is not valid Base64")
	}
	change := git.Change{Path: c.params["path"], Mode: git.ModeFile, ID: c.repo.git.Put(git.Blob, data)}
	base := c.repo.parentTree(*commit)
	old, exists := c.repo.git.Find(base, change.Path)
	status = http.StatusCreated
	switch {
	case exists && in.SHA == "":
		return 0, missing("sha")
	case exists && in.SHA != string(old.ID):
		return 0, fail(http.StatusConflict, "%s does not match %s", change.Path, in.SHA)
	case exists:
		status, change.Mode = http.StatusOK, old.Mode
	}
	if commit.Tree, err = c.repo.git.Edit(base, []git.Change{change}); err != nil {
		return 0, unprocessable("path contains a malformed path component")
	}
	return status, nil
}

// listOwnerErrors says which lines of CODEOWNERS name nobody who could own.
//
// https://docs.github.com/en/rest/repos/repos#list-codeowners-errors
func (c *call) listOwnerErrors() (reply, error) {
	commit, _ := c.repo.commit(c.query("ref", c.repo.branch))
	for _, where := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		e, found := c.repo.git.Find(commit.Tree, where)
		data, err := c.repo.git.Get(git.Blob, e.ID)
		if !found || err != nil {
			continue
		}
		bad := []object{}
		for n, line := range git.Lines(string(data)) {
			rule, _, _ := strings.Cut(strings.TrimSpace(line), "#")
			words := strings.Fields(rule)
			for _, owner := range words[min(1, len(words)):] {
				u := c.users[strings.ToLower(strings.TrimPrefix(owner, "@"))]
				if !strings.Contains(owner[1:], "@") && (u == nil || !c.repo.writable(u, "contents:write")) {
					bad = append(bad, object{"line": n + 1, "column": strings.Index(line, owner) + 1, "kind": "Unknown owner", "path": where,
						"source": strings.TrimRight(line, "\r\n"), "message": fmt.Sprintf("Unknown owner on line %d: make sure %s exists and has write access to the repository", n+1, owner)})
				}
			}
		}
		return ok(object{"errors": bad})
	}
	return reply{}, notFound()
}
