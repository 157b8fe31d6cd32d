package githubtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// https://docs.github.com/en/rest/commits/commits#get-a-commit
func (c *call) getCommit() (reply, error) {
	commit, err := c.commitOf(c.params["ref"])
	if err != nil {
		return reply{}, err
	}
	diffs, err := c.repo.git.Diff(c.repo.parentTree(commit), commit.Tree)
	if err != nil {
		return reply{}, err
	}
	switch c.media() {
	case "sha":
		return reply{status: http.StatusOK, raw: []byte(commit.ID), kind: "application/vnd.github.sha"}, nil
	case "diff", "patch":
		return reply{status: http.StatusOK, raw: nonNil(unified(diffs)), kind: "application/vnd.github.diff"}, nil
	}
	o := c.commitJSON(commit)
	files, h := page(c, diffs)
	o["files"] = c.filesJSON(commit.ID, files)
	plus, minus := 0, 0
	for _, d := range diffs {
		plus, minus = plus+d.Plus, minus+d.Minus
	}
	o["stats"] = object{"additions": plus, "deletions": minus, "total": plus + minus}
	return reply{status: http.StatusOK, body: o, header: h}, nil
}

// commitOf returns the commit that a ref of a request means, or GitHub's
// refusal.
func (c *call) commitOf(ref string) (git.Snapshot, error) {
	if err := c.errEmpty(); err != nil {
		return git.Snapshot{}, err
	}
	commit, found := c.repo.commit(ref)
	if !found {
		return git.Snapshot{}, unprocessable("No commit found for SHA: %s", ref)
	}
	return commit, nil
}

// parentTree returns the tree that a commit started from.
func (r *repo) parentTree(c git.Snapshot) git.ID {
	if len(c.Parents) == 0 {
		return ""
	}
	parent, _ := r.git.Commit(c.Parents[0])
	return parent.Tree
}

func (c *call) commitJSON(commit git.Snapshot) object {
	return c.Server.commitJSON(c.repo, commit)
}

func (s *Server) commitJSON(r *repo, commit git.Snapshot) object {
	url, web := s.api("repos/"+r.full()+"/commits/"), s.web(r.full()+"/commit/")
	tree := s.api("repos/" + r.full() + "/git/trees/" + string(commit.Tree))
	parents := []object{}
	for _, p := range commit.Parents {
		parents = append(parents, object{"sha": p, "url": url + string(p), "html_url": web + string(p)})
	}
	return object{
		"sha": commit.ID, "node_id": "C_" + string(commit.ID), "url": url + string(commit.ID), "html_url": web + string(commit.ID),
		"comments_url": url + string(commit.ID) + "/comments", "parents": parents,
		"author": s.authorJSON(commit.Author), "committer": s.authorJSON(commit.Committer),
		"commit": object{
			"author": personJSON(commit.Author), "committer": personJSON(commit.Committer), "message": commit.Message,
			"tree":          object{"sha": commit.Tree, "url": tree},
			"url":           s.api("repos/" + r.full() + "/git/commits/" + string(commit.ID)),
			"comment_count": 0, "verification": verification(commit),
		},
	}
}

// authorJSON returns the account behind a signature, null if its address is
// nobody's.
func (s *Server) authorJSON(who git.Signature) any {
	if who.Email == "noreply@github.com" {
		return s.userJSON(s.user("web-flow"))
	}
	local, isOurs := strings.CutSuffix(who.Email, "@users.noreply.github.com")
	_, login, ok := strings.Cut(local, "+")
	if u := s.users[strings.ToLower(login)]; isOurs && ok && u != nil {
		return s.userJSON(u)
	}
	return nil
}

// https://docs.github.com/en/rest/commits/commits#compare-two-commits
func (c *call) compare() (reply, error) {
	base, head, three := strings.Cut(c.params["basehead"], "...")
	if !three {
		return reply{}, notFound()
	}
	if err := c.errEmpty(); err != nil {
		return reply{}, err
	}
	b, found := c.repo.commit(c.branchOf(base))
	h, found2 := c.repo.commit(c.branchOf(head))
	if !found || !found2 {
		return reply{}, notFound()
	}
	fork, related := c.repo.git.MergeBase(b.ID, h.ID)
	if !related {
		return reply{}, fail(http.StatusNotFound, "No common ancestor between %s and %s.", base, head)
	}
	at, _ := c.repo.git.Commit(fork)
	diffs, err := c.repo.git.Diff(at.Tree, h.Tree)
	if err != nil {
		return reply{}, err
	}
	if m := c.media(); m == "diff" || m == "patch" {
		return reply{status: http.StatusOK, raw: nonNil(unified(diffs)), kind: "application/vnd.github.diff"}, nil
	}
	ahead, behind := c.repo.git.Log(b.ID, h.ID), c.repo.git.Log(h.ID, b.ID)
	commits, links := page(c, ahead)
	list := []object{}
	for _, one := range commits {
		list = append(list, c.commitJSON(one))
	}
	web := c.web(c.repo.full() + "/compare/" + c.params["basehead"])
	return reply{status: http.StatusOK, header: links, body: object{
		"url": c.api("repos/" + c.repo.full() + "/compare/" + c.params["basehead"]), "html_url": web, "permalink_url": web,
		"diff_url": web + ".diff", "patch_url": web + ".patch",
		"base_commit": c.commitJSON(b), "merge_base_commit": c.commitJSON(at), "status": relation(len(ahead), len(behind)),
		"ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead), "commits": list,
		"files": c.filesJSON(h.ID, diffs),
	}}, nil
}

func relation(ahead, behind int) string {
	switch {
	case ahead > 0 && behind > 0:
		return "diverged"
	case ahead > 0:
		return "ahead"
	case behind > 0:
		return "behind"
	}
	return "identical"
}

// branchOf cuts the owner off owner:branch where it is this repository's.
func (c *call) branchOf(ref string) string {
	if owner, branch, ok := strings.Cut(ref, ":"); ok && strings.EqualFold(owner, c.repo.owner) {
		return branch
	}
	return ref
}

// https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit
func (c *call) listCommitPulls() (reply, error) {
	commit, err := c.commitOf(c.params["commit_sha"])
	if err != nil {
		return reply{}, err
	}
	var pulls []*issue
	for _, i := range c.repo.issues {
		if p := i.pull; p != nil && (p.mergeSHA == commit.ID || c.repo.git.Ancestors(p.headSHA)[commit.ID] && !c.repo.git.Ancestors(p.baseSHA)[commit.ID]) {
			pulls = append(pulls, i)
		}
	}
	return list(c, pulls, c.pullSimpleJSON)
}

func (c *call) filesJSON(head git.ID, diffs []git.FileDiff) []object {
	files := []object{}
	for _, d := range diffs {
		sha := d.New.ID
		if d.Status == git.Removed {
			sha = d.Old.ID
		}
		o := object{
			"sha": sha, "filename": d.Path, "status": d.Status, "additions": d.Plus, "deletions": d.Minus, "changes": d.Plus + d.Minus,
			"blob_url":     c.web(fmt.Sprintf("%s/blob/%s/%s", c.repo.full(), head, d.Path)),
			"raw_url":      c.web(fmt.Sprintf("%s/raw/%s/%s", c.repo.full(), head, d.Path)),
			"contents_url": c.api(fmt.Sprintf("repos/%s/contents/%s?ref=%s", c.repo.full(), d.Path, head)),
		}
		if d.Previous != "" {
			o["previous_filename"] = d.Previous
		}
		if d.Hunks != nil {
			o["patch"] = d.Patch()
		}
		files = append(files, o)
	}
	return files
}

// unified writes diffs as git diff does.
func unified(diffs []git.FileDiff) []byte {
	var b strings.Builder
	for _, d := range diffs {
		old, now := "a/"+d.Path, "b/"+d.Path
		if d.Previous != "" {
			old = "a/" + d.Previous
		}
		fmt.Fprintf(&b, "diff --git %s %s\n", old, now)
		switch d.Status {
		case git.Added:
			fmt.Fprintf(&b, "new file mode %s\n", d.New.Mode)
			old = "/dev/null"
		case git.Removed:
			fmt.Fprintf(&b, "deleted file mode %s\n", d.Old.Mode)
			now = "/dev/null"
		}
		if d.Hunks != nil {
			fmt.Fprintf(&b, "--- %s\n+++ %s\n%s\n", old, now, d.Patch())
		}
	}
	return []byte(b.String())
}
