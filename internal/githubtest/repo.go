package githubtest

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A Repo describes a repository to be added.
type Repo struct {
	Name   string          // owner/name
	Branch string          // default branch; main if empty
	Files  map[string]File // of the first commit; none for an empty repository
	Flags
}

// Flags are the states and settings of a repository.
type Flags struct {
	Private      bool
	Archived     bool // read only
	Disabled     bool // blocked by GitHub
	DeleteMerged bool // delete head branches after a merge
	NoDrafts     bool // the plan has no draft pull requests
	AutoMerge    bool // may be asked to merge by itself
}

type repo struct {
	Flags
	id          int64
	owner, name string
	branch      string
	created     time.Time
	pushed      time.Time
	git         *git.Repository

	people      map[string]string // lower-case login → admin, maintain, write, triage, read
	teams       map[*team]string  // likewise
	issues      []*issue          // number is index + 1; also pull requests
	labels      []*label
	statuses    map[git.ID][]*status // oldest first
	rules       []Ruleset
	runs        []*checkRun           // oldest first
	protected   map[string]Protection // by branch
	deployments []*deployment
	gates       []*gateRequest
}

func (r *repo) full() string { return r.owner + "/" + r.name }

// AddRepo adds a repository whose first commit holds files. An organisation
// becomes its owner unless a person of that login is there.
func (s *Server) AddRepo(in Repo) error {
	owner, name, ok := strings.Cut(in.Name, "/")
	if !ok || strings.Contains(name, "/") {
		return fmt.Errorf("repository %q: want owner/name", in.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[strings.ToLower(owner)] == nil {
		s.user(owner).kind = "Organization"
	}
	r := &repo{
		Flags: in.Flags, id: s.id(), owner: owner, name: name, branch: in.Branch,
		created: s.now(), pushed: s.now(), git: git.New(),
		people: map[string]string{}, teams: map[*team]string{}, statuses: map[git.ID][]*status{}, protected: map[string]Protection{},
	}
	if r.branch == "" {
		r.branch = "main"
	}
	if len(in.Files) > 0 {
		tree, err := r.git.PutFiles(in.Files)
		if err != nil {
			return fmt.Errorf("repository %s: %w", in.Name, err)
		}
		who := s.signature(s.user(owner))
		r.git.Refs["refs/heads/"+r.branch] = r.git.PutCommit(git.Snapshot{Tree: tree, Author: who, Committer: who, Message: "first commit"})
	}
	s.repos[strings.ToLower(in.Name)] = r
	return nil
}

// Files reads a file system as the files of a repository; what is executable
// there is executable here.
func Files(fsys fs.FS) (map[string]File, error) {
	files := map[string]File{}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := File{Content: string(data)}
		if info.Mode()&0o100 != 0 {
			f.Mode = git.ModeExecutable
		}
		files[path] = f
		return nil
	})
	return files, err
}

// SetFlags changes the states and settings of a repository.
func (s *Server) SetFlags(name string, change func(*Flags)) error {
	return s.withRepo(name, func(r *repo) error { change(&r.Flags); return nil })
}

// RenameRepo gives a repository another owner or name; the old one redirects.
func (s *Server) RenameRepo(from, to string) error {
	return s.withRepo(from, func(r *repo) error {
		owner, name, ok := strings.Cut(to, "/")
		if !ok {
			return fmt.Errorf("repository %q: want owner/name", to)
		}
		delete(s.repos, strings.ToLower(from))
		s.moved[strings.ToLower(from)] = r
		r.owner, r.name = owner, name
		s.repos[strings.ToLower(to)] = r
		return nil
	})
}

// SetPermission gives a person a level in a repository: admin, maintain, write,
// triage, read, or none with the empty text.
func (s *Server) SetPermission(name, login, level string) error {
	return s.withRepo(name, func(r *repo) error {
		r.people[strings.ToLower(s.user(login).login)] = level
		return nil
	})
}

func (s *Server) withRepo(name string, do func(*repo) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[strings.ToLower(name)]
	if r == nil {
		return fmt.Errorf("no repository %s", name)
	}
	return do(r)
}

// level returns what u may do in r, empty for nothing beyond what all may.
func (r *repo) level(u *user) string {
	if strings.EqualFold(u.login, r.owner) {
		return "admin"
	}
	return r.people[strings.ToLower(u.login)]
}

// writable reports whether a person may write what needs a permission. Talking
// in issues and pull requests is open to all who can read.
func (r *repo) writable(u *user, needs string) bool {
	switch r.level(u) {
	case "admin", "maintain", "write":
		return true
	case "", "read", "triage":
		return strings.HasPrefix(needs, "issues:") || strings.HasPrefix(needs, "pull_requests:")
	}
	return false
}

// https://docs.github.com/en/rest/repos/repos#get-a-repository
func (c *call) getRepo() (reply, error) {
	o := c.repoJSON(c.repo)
	o["network_count"], o["subscribers_count"] = 0, 0
	return ok(o)
}

// https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
func (c *call) getPermission() (reply, error) {
	u := c.users[strings.ToLower(c.params["username"])]
	if u == nil {
		return reply{}, fail(http.StatusNotFound, "%s is not a user", c.params["username"])
	}
	role := c.repo.level(u)
	if role == "" {
		role = "read"
		if c.repo.Private {
			role = "none"
		}
	}
	permission := map[string]string{"maintain": "write", "triage": "read"}[role]
	if permission == "" {
		permission = role
	}
	who := c.userJSON(u)
	who["role_name"] = role
	who["permissions"] = object{"admin": role == "admin", "maintain": role == "admin" || role == "maintain",
		"push": permission == "admin" || permission == "write", "triage": role != "none" && role != "read", "pull": role != "none"}
	return ok(object{"permission": permission, "role_name": role, "user": who})
}

func (s *Server) repoJSON(r *repo) object {
	api, web := s.api("repos/"+r.full()), s.web(r.full())
	o := object{
		"id": r.id, "node_id": fmt.Sprintf("R_%d", r.id), "name": r.name, "full_name": r.full(), "owner": s.userJSON(s.user(r.owner)),
		"private": r.Private, "visibility": map[bool]string{true: "private", false: "public"}[r.Private],
		"html_url": web, "description": nil, "fork": false, "url": api,
		"git_url": "git:" + strings.TrimPrefix(web, "http:") + ".git", "ssh_url": "git@example.com:" + r.full() + ".git",
		"clone_url": web + ".git", "svn_url": web, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"default_branch": r.branch, "archived": r.Archived, "disabled": r.Disabled, "topics": []string{},
		"has_issues": true, "has_projects": false, "has_downloads": true, "has_wiki": false, "has_pages": false, "has_discussions": false,
		"allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": false,
		"allow_auto_merge": r.AutoMerge, "delete_branch_on_merge": r.DeleteMerged, "web_commit_signoff_required": false,
		"created_at": stamp(r.created), "updated_at": stamp(r.pushed), "pushed_at": stamp(r.pushed),
		"size": r.size(), "open_issues": r.openIssues(), "open_issues_count": r.openIssues(),
	}
	for _, name := range []string{"forks", "forks_count", "stargazers_count", "watchers", "watchers_count"} {
		o[name] = 0
	}
	maps.Copy(o, repoURLs(api))
	return o
}

// repoURLs are the links of a repository, some of them templates.
func repoURLs(api string) object {
	o := object{}
	for name, path := range map[string]string{
		"archive": "{archive_format}{/ref}", "assignees": "assignees{/user}", "blobs": "git/blobs{/sha}", "branches": "branches{/branch}",
		"collaborators": "collaborators{/collaborator}", "comments": "comments{/number}", "commits": "commits{/sha}",
		"compare": "compare/{base}...{head}", "contents": "contents/{+path}", "contributors": "contributors", "deployments": "deployments",
		"downloads": "downloads", "events": "events", "forks": "forks", "git_commits": "git/commits{/sha}", "git_refs": "git/refs{/sha}",
		"git_tags": "git/tags{/sha}", "hooks": "hooks", "issue_comment": "issues/comments{/number}", "issue_events": "issues/events{/number}",
		"issues": "issues{/number}", "keys": "keys{/key_id}", "labels": "labels{/name}", "languages": "languages", "merges": "merges",
		"milestones": "milestones{/number}", "notifications": "notifications{?since,all,participating}", "pulls": "pulls{/number}",
		"releases": "releases{/id}", "stargazers": "stargazers", "statuses": "statuses/{sha}", "subscribers": "subscribers",
		"subscription": "subscription", "tags": "tags", "teams": "teams", "trees": "git/trees{/sha}",
	} {
		o[name+"_url"] = api + "/" + path
	}
	return o
}

// size is in KB; zero tells clients that a repository is empty.
func (r *repo) size() int { return min(len(r.git.Refs), 1) * 12 }

func (r *repo) openIssues() (n int) {
	for _, i := range r.issues {
		if i.state == "open" {
			n++
		}
	}
	return n
}

// empty reports whether nothing was ever pushed to r.
func (r *repo) empty() bool { return len(r.git.Refs) == 0 }

// branches returns the names of the branches of r, in order.
func (r *repo) branches() []string {
	var names []string
	for ref := range r.git.Refs {
		if name, isBranch := strings.CutPrefix(ref, "refs/heads/"); isBranch {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// signature is how u signs commits made now.
func (s *Server) signature(u *user) git.Signature {
	return git.Signature{Name: u.login, Email: fmt.Sprintf("%d+%s@users.noreply.github.com", u.id, u.login), When: s.now().UTC()}
}
