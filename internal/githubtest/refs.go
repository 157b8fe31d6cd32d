package githubtest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// commit returns the commit that a ref of a request means: an id, at least
// seven digits of one, a branch, a tag, or either behind heads/ and tags/.
func (r *repo) commit(ref string) (git.Snapshot, bool) {
	ref = strings.TrimPrefix(ref, "refs/")
	if ref == "HEAD" {
		ref = r.branch
	}
	for _, name := range []string{"refs/heads/" + ref, "refs/tags/" + ref, "refs/" + ref} {
		if id, found := r.git.Refs[name]; found {
			c, err := r.git.Commit(id)
			return c, err == nil
		}
	}
	if len(ref) < 7 {
		return git.Snapshot{}, false
	}
	id, found := r.git.Expand(git.Commit, ref)
	c, err := r.git.Commit(id)
	return c, found && err == nil
}

// head returns the commit of a branch.
func (r *repo) head(branch string) git.ID { return r.git.Refs["refs/heads/"+branch] }

// hidden reports whether a ref is this server's own, not shown to clients.
func hidden(ref string) bool { return strings.HasPrefix(ref, "refs/forks/") }

// https://docs.github.com/en/rest/git/refs#get-a-reference
func (c *call) getRef() (reply, error) {
	if err := c.errEmpty(); err != nil {
		return reply{}, err
	}
	name := "refs/" + c.params["ref"]
	if _, found := c.repo.git.Refs[name]; !found || hidden(name) {
		return reply{}, notFound()
	}
	return ok(c.refJSON(name))
}

// https://docs.github.com/en/rest/git/refs#list-matching-references
func (c *call) listMatchingRefs() (reply, error) {
	if err := c.errEmpty(); err != nil {
		return reply{}, err
	}
	var names []string
	for name := range c.repo.git.Refs {
		if strings.HasPrefix(name, "refs/"+c.params["ref"]) && !hidden(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return list(c, names, c.refJSON)
}

// https://docs.github.com/en/rest/git/refs#create-a-reference
func (c *call) createRef() (reply, error) {
	var in struct{ Ref, SHA string }
	if err := errors.Join(c.errEmpty(), c.decode(&in)); err != nil {
		return reply{}, err
	}
	switch {
	case in.Ref == "":
		return reply{}, missing("ref")
	case in.SHA == "":
		return reply{}, missing("sha")
	case !git.ValidRef(in.Ref) || hidden(in.Ref):
		return reply{}, unprocessable("%s is not a valid ref name.", in.Ref)
	case c.repo.git.Refs[in.Ref] != "":
		return reply{}, unprocessable("Reference already exists")
	}
	if err := c.checkTarget(in.Ref, in.SHA); err != nil {
		return reply{}, err
	}
	if err := c.repo.rule(c.who.app, "creation", in.Ref, git.ID(in.SHA)); err != nil {
		return reply{}, err
	}
	c.setRef(c.repo, in.Ref, git.ID(in.SHA), c.who.actor(c.Server))
	return created(c.refJSON(in.Ref))
}

// checkTarget refuses what a reference cannot be set to.
func (c *call) checkTarget(ref, sha string) error {
	if !git.Valid(sha) {
		return unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	if c.repo.git.Kind(git.ID(sha)) == "" {
		return unprocessable("Object does not exist")
	}
	if c.repo.git.Kind(git.ID(sha)) != git.Commit && strings.HasPrefix(ref, "refs/heads/") {
		return unprocessable("Object is not a commit")
	}
	if other := c.repo.git.Clash(ref); other != "" {
		return unprocessable("Reference update failed")
	}
	return c.checkWorkflows(git.ID(sha))
}

// checkWorkflows refuses commits that touch workflows to Apps that may not.
// https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps#repository-permissions-for-workflows
func (c *call) checkWorkflows(id git.ID) error {
	if c.who.token == nil || c.who.token.has("workflows", "write") {
		return nil
	}
	for commit, steps := id, 0; steps < 100; steps++ {
		at, err := c.repo.git.Commit(commit)
		if err != nil || len(at.Parents) == 0 || c.repo.known(commit) {
			return nil
		}
		parent, _ := c.repo.git.Commit(at.Parents[0])
		was, _ := c.repo.git.Find(parent.Tree, ".github/workflows")
		if is, _ := c.repo.git.Find(at.Tree, ".github/workflows"); is != was {
			return forbidden()
		}
		commit = parent.ID
	}
	return nil
}

// known reports whether a branch ends in a commit.
func (r *repo) known(id git.ID) bool {
	for ref, at := range r.git.Refs {
		if at == id && strings.HasPrefix(ref, "refs/heads/") {
			return true
		}
	}
	return false
}

// https://docs.github.com/en/rest/git/refs#update-a-reference
func (c *call) updateRef() (reply, error) {
	var in struct {
		SHA   string
		Force bool
	}
	if err := errors.Join(c.errEmpty(), c.decode(&in)); err != nil {
		return reply{}, err
	}
	name := "refs/" + c.params["ref"]
	old, found := c.repo.git.Refs[name]
	switch {
	case in.SHA == "":
		return reply{}, missing("sha")
	case !found || hidden(name):
		return reply{}, unprocessable("Reference does not exist")
	}
	if err := c.checkTarget(name, in.SHA); err != nil {
		return reply{}, err
	}
	next := git.ID(in.SHA)
	forward := c.repo.git.Ancestors(next)[old]
	if !forward && !in.Force {
		return reply{}, unprocessable("Update is not a fast forward")
	}
	if err := c.repo.rule(c.who.app, "update", name, next); err != nil {
		return reply{}, err
	}
	if !forward {
		if err := c.repo.rule(c.who.app, "non_fast_forward", name, next); err != nil {
			return reply{}, err
		}
	}
	c.setRef(c.repo, name, next, c.who.actor(c.Server))
	return ok(c.refJSON(name))
}

// https://docs.github.com/en/rest/git/refs#delete-a-reference
func (c *call) deleteRef() (reply, error) {
	name := "refs/" + c.params["ref"]
	if err := c.errEmpty(); err != nil {
		return reply{}, err
	}
	if _, found := c.repo.git.Refs[name]; !found || hidden(name) {
		return reply{}, unprocessable("Reference does not exist")
	}
	if name == "refs/heads/"+c.repo.branch {
		return reply{}, unprocessable("Cannot delete the default branch")
	}
	if err := c.repo.rule(c.who.app, "deletion", name, ""); err != nil {
		return reply{}, err
	}
	c.setRef(c.repo, name, "", c.who.actor(c.Server))
	return noContent()
}

// setRef moves a reference, or deletes it if id is empty, and does what follows
// from that: webhooks, and pull requests that get commits, are merged or closed.
func (s *Server) setRef(r *repo, name string, id git.ID, by *user) {
	old := r.git.Refs[name]
	if old == id {
		return
	}
	if id == "" {
		delete(r.git.Refs, name)
	} else {
		r.git.Refs[name] = id
	}
	r.pushed = s.now()
	if !hidden(name) {
		s.announcePush(r, name, old, id, by)
	}
	reached := r.git.Ancestors(id)
	for _, i := range r.issues {
		if i.pull != nil && i.state == "open" {
			s.followRef(r, i, name, id, reached, by)
		}
	}
}

// followRef lets one open pull request follow a reference that has moved to a
// commit with its ancestors.
func (s *Server) followRef(r *repo, i *issue, name string, id git.ID, reached map[git.ID]bool, by *user) {
	p := i.pull
	switch {
	case name == p.headRef() && id == "", name == "refs/heads/"+p.base && id == "":
		s.closePull(r, i, by)
	case name == p.headRef():
		before := p.headSHA
		p.headSHA, p.baseSHA = id, r.head(p.base)
		i.updated = s.now()
		r.git.Refs[fmt.Sprintf("refs/pull/%d/head", i.number)] = id
		s.announcePull(r, i, "synchronize", by, object{"before": before, "after": id})
		if len(r.git.Log(p.baseSHA, id)) == 0 {
			s.closePull(r, i, by)
		}
	case name == "refs/heads/"+p.base && reached[p.headSHA]:
		s.markMerged(r, i, id, by)
	}
}

func (c *call) refJSON(name string) object {
	id := c.repo.git.Refs[name]
	kind := c.repo.git.Kind(id)
	return object{
		"ref": name, "node_id": "REF_" + name, "url": c.api("repos/" + c.repo.full() + "/git/" + name),
		"object": object{"type": kind, "sha": id, "url": c.objectURL(string(kind)+"s", id)},
	}
}

// https://docs.github.com/en/rest/branches/branches#get-a-branch
func (c *call) getBranch() (reply, error) {
	name := c.params["branch"]
	id := c.repo.head(name)
	commit, err := c.repo.git.Commit(id)
	if id == "" || err != nil {
		return reply{}, fail(http.StatusNotFound, "Branch not found")
	}
	url := c.api("repos/" + c.repo.full() + "/branches/" + name)
	protection, guarded := c.repo.protected[name]
	return ok(object{
		"name": name, "commit": c.commitJSON(commit), "protected": guarded, "protection_url": url + "/protection",
		"protection": object{"enabled": guarded, "required_status_checks": protection.checksJSON(url + "/protection")},
		"_links":     object{"self": url, "html": c.web(c.repo.full() + "/tree/" + name)},
	})
}

// getTag finds nothing: tags here are references to commits, without an object
// of their own.
//
// https://docs.github.com/en/rest/git/tags#get-a-tag
func (c *call) getTag() (reply, error) {
	if err := c.wantSHA(c.params["tag_sha"]); err != nil {
		return reply{}, err
	}
	return reply{}, notFound()
}
