package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A pull is what a pull request has beyond an issue.
type pull struct {
	fork      string // login of the owner of the head; empty for this repository
	head      string // branch
	base      string // branch
	headSHA   git.ID
	baseSHA   git.ID // of base when the head was last pushed
	draft     bool
	reviewers []*user
	teams     []*team // asked for a review
	auto      *autoMerge
	reviews   []*review
	merged    time.Time // zero while it is not
	mergedBy  *user
	mergeSHA  git.ID
	tested    [2]git.ID // base and head of the last trial merge
}

// headRef is the reference that the head follows.
func (p *pull) headRef() string {
	if p.fork != "" {
		return "refs/forks/" + p.fork + "/" + p.head
	}
	return "refs/heads/" + p.head
}

// A NewPull says what a pull request is to be.
type NewPull struct {
	Head  string // branch; login:branch for one of a fork
	Base  string // branch; the default branch if empty
	Title string
	Body  string
	Draft bool
}

// openPull makes a pull request, or says why there can be none.
func (s *Server) openPull(r *repo, in NewPull, by identity) (*issue, error) {
	p := &pull{head: in.Head, base: in.Base, draft: in.Draft}
	if owner, branch, isLong := strings.Cut(in.Head, ":"); isLong {
		p.head = branch
		if !strings.EqualFold(owner, r.owner) {
			p.fork = strings.ToLower(owner)
		}
	}
	p.headSHA, p.baseSHA = r.git.Refs[p.headRef()], r.head(p.base)
	switch {
	case p.baseSHA == "":
		return nil, invalid("PullRequest", "base", "invalid", "")
	case p.headSHA == "":
		return nil, invalid("PullRequest", "head", "invalid", "")
	}
	for _, other := range r.issues {
		if o := other.pull; o != nil && other.state == "open" && o.headRef() == p.headRef() && o.base == p.base {
			return nil, invalid("PullRequest", "", "custom", fmt.Sprintf("A pull request already exists for %s:%s.", p.owner(r), p.head))
		}
	}
	if _, related := r.git.MergeBase(p.baseSHA, p.headSHA); !related {
		return nil, invalid("PullRequest", "", "custom", fmt.Sprintf("The %s branch has no history in common with %s", p.head, p.base))
	}
	if len(r.git.Log(p.baseSHA, p.headSHA)) == 0 {
		return nil, invalid("PullRequest", "", "custom", fmt.Sprintf("No commits between %s and %s", p.base, p.head))
	}
	i := s.newIssue(r, in.Title, in.Body, by)
	i.pull = p
	r.git.Refs[fmt.Sprintf("refs/pull/%d/head", i.number)] = p.headSHA
	s.announcePull(r, i, "opened", i.author, nil)
	return i, nil
}

func (p *pull) owner(r *repo) string {
	if p.fork != "" {
		return p.fork
	}
	return r.owner
}

// https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request
func (c *call) createPull() (reply, error) {
	var in struct {
		Title, Head, Base, Body *string
		Draft                   bool
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := (issueInput{Title: in.Title, Body: in.Body}).check("PullRequest"); err != nil {
		return reply{}, err
	}
	switch {
	case in.Head == nil:
		return reply{}, missing("head")
	case in.Base == nil:
		return reply{}, missing("base")
	case in.Title == nil:
		return reply{}, missing("title")
	}
	if in.Draft && c.repo.NoDrafts {
		return reply{}, unprocessable("Draft pull requests are not supported in this repository.")
	}
	n := NewPull{Head: *in.Head, Base: *in.Base, Title: *in.Title, Draft: in.Draft}
	if in.Body != nil {
		n.Body = *in.Body
	}
	i, err := c.openPull(c.repo, n, c.who)
	if err != nil {
		return reply{}, err
	}
	return created(c.pullJSON(i))
}

// pull returns the pull request of the path.
func (c *call) pull() (*issue, error) {
	i, err := c.issue("pull_number")
	if err != nil || i.pull == nil {
		return nil, notFound()
	}
	return i, nil
}

// https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request
func (c *call) getPull() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	if m := c.media(); m == "diff" || m == "patch" {
		return reply{status: http.StatusOK, raw: nonNil(unified(c.repo.changes(i.pull))), kind: "application/vnd.github.diff; charset=utf-8"}, nil
	}
	o := c.pullJSON(i)
	i.pull.tested = c.repo.tips(i.pull)
	return ok(o)
}

// https://docs.github.com/en/rest/pulls/pulls#list-pull-requests
func (c *call) listPulls() (reply, error) {
	state := c.query("state", "open")
	if !slices.Contains([]string{"open", "closed", "all"}, state) {
		return reply{}, invalid("PullRequest", "state", "invalid", "")
	}
	owner, branch, hasHead := strings.Cut(c.query("head", ""), ":")
	base := c.query("base", "")
	var all []*issue
	for _, i := range c.repo.issues {
		p := i.pull
		switch {
		case p == nil, state != "all" && i.state != state, base != "" && p.base != base:
		case hasHead && (p.head != branch || !strings.EqualFold(p.owner(c.repo), owner)):
			// A head without an owner filters nothing, as on GitHub.
		default:
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b *issue) int { return b.number - a.number })
	if c.query("sort", "") == "updated" {
		slices.SortStableFunc(all, func(a, b *issue) int { return b.updated.Compare(a.updated) })
	}
	if c.query("direction", "desc") == "asc" {
		slices.Reverse(all)
	}
	return list(c, all, c.pullSimpleJSON)
}

// https://docs.github.com/en/rest/pulls/pulls#update-a-pull-request
func (c *call) updatePull() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		issueInput
		Base *string
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := in.check("PullRequest"); err != nil {
		return reply{}, err
	}
	if in.Base != nil {
		if c.repo.head(*in.Base) == "" {
			return reply{}, invalid("PullRequest", "base", "invalid", "")
		}
		i.pull.base = *in.Base
	}
	if in.State != nil && *in.State == "open" && i.state == "closed" {
		if err := c.reopenable(i); err != nil {
			return reply{}, err
		}
	}
	c.edit(c.repo, i, in.issueInput, c.who.actor(c.Server))
	return ok(c.pullJSON(i))
}

// reopenable refuses to open a pull request again that was merged, or whose
// branch is gone or was pushed over.
func (c *call) reopenable(i *issue) error {
	p := i.pull
	at := c.repo.git.Refs[p.headRef()]
	switch {
	case !p.merged.IsZero():
		return invalid("PullRequest", "state", "invalid", "state cannot be changed. The pull request cannot be reopened.")
	case at == "":
		return invalid("PullRequest", "state", "invalid", fmt.Sprintf("state cannot be changed. The %s branch has been deleted.", p.head))
	case !c.repo.git.Ancestors(at)[p.headSHA]:
		return invalid("PullRequest", "state", "invalid", fmt.Sprintf("state cannot be changed. The %s branch was force-pushed or recreated.", p.head))
	}
	p.headSHA = at
	return nil
}

// closePull closes an issue or pull request without a merge.
func (s *Server) closePull(r *repo, i *issue, by *user) {
	if i.state == "closed" {
		return
	}
	i.state, i.closed, i.closedBy, i.updated = "closed", s.now(), by, s.now()
	if i.pull != nil {
		i.pull.auto = nil
	}
	s.announceEither(r, i, "closed", by, nil)
}

// https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request
func (c *call) listPullCommits() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	log := c.repo.commits(i.pull)
	return list(c, log[:min(len(log), 250)], c.commitJSON)
}

// https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
func (c *call) listPullFiles() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	diffs, h := page(c, c.repo.changes(i.pull))
	return reply{status: http.StatusOK, body: c.filesJSON(i.pull.headSHA, diffs), header: h}, nil
}

// commits returns what a pull request adds to its base.
func (r *repo) commits(p *pull) []git.Snapshot { return r.git.Log(p.baseSHA, p.headSHA) }

// changes returns what a pull request does to files.
func (r *repo) changes(p *pull) []git.FileDiff {
	fork, _ := r.git.MergeBase(p.baseSHA, p.headSHA)
	from, _ := r.git.Commit(fork)
	to, _ := r.git.Commit(p.headSHA)
	diffs, _ := r.git.Diff(from.Tree, to.Tree)
	return diffs
}

// maxReviewers is how many can be asked for a review.
const maxReviewers = 15

// https://docs.github.com/en/rest/pulls/review-requests#request-reviewers-for-a-pull-request
func (c *call) requestReviewers() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		Reviewers     []string
		TeamReviewers []string `json:"team_reviewers"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if len(in.Reviewers)+len(in.TeamReviewers) > maxReviewers {
		return reply{}, unprocessable("A maximum of %d reviewers can be requested.", maxReviewers)
	}
	// All or none: one who cannot be asked keeps the others from being asked.
	for _, login := range in.Reviewers {
		switch u := c.users[strings.ToLower(login)]; {
		case u != nil && u == i.author:
			return reply{}, unprocessable("Review cannot be requested from pull request author.")
		case u == nil || c.repo.level(u) == "":
			return reply{}, c.noCollaborator()
		}
	}
	if err := c.askTeams(i, in.TeamReviewers); err != nil {
		return reply{}, err
	}
	for _, login := range in.Reviewers {
		u := c.users[strings.ToLower(login)]
		if !slices.Contains(i.pull.reviewers, u) {
			i.pull.reviewers = append(i.pull.reviewers, u)
			c.announcePull(c.repo, i, "review_requested", c.who.actor(c.Server), object{"requested_reviewer": c.userJSON(u)})
		}
	}
	return created(c.pullSimpleJSON(i))
}

func (c *call) pullSimpleJSON(i *issue) object { return c.Server.pullSimpleJSON(c.repo, i) }

func (c *call) pullJSON(i *issue) object { return c.Server.pullJSON(c.repo, i) }

// pullJSON has what the list of pull requests leaves out.
func (s *Server) pullJSON(r *repo, i *issue) object {
	o, p := s.pullSimpleJSON(r, i), i.pull
	plus, minus, files := 0, 0, r.changes(p)
	for _, d := range files {
		plus, minus = plus+d.Plus, minus+d.Minus
	}
	comments := 0
	for _, v := range p.reviews {
		comments += len(v.comments)
	}
	state, mergeable := s.mergeability(r, i)
	o["merged"], o["merged_by"] = !p.merged.IsZero(), nil
	if p.mergedBy != nil {
		o["merged_by"] = s.userJSON(p.mergedBy)
	}
	o["mergeable"], o["mergeable_state"], o["rebaseable"] = mergeable, state, mergeable
	o["comments"], o["review_comments"], o["commits"] = len(i.comments), comments, len(r.commits(p))
	o["additions"], o["deletions"], o["changed_files"], o["maintainer_can_modify"] = plus, minus, len(files), false
	return o
}

func (s *Server) pullSimpleJSON(r *repo, i *issue) object {
	p := i.pull
	url, web := s.api(fmt.Sprintf("repos/%s/pulls/%d", r.full(), i.number)), s.web(fmt.Sprintf("%s/pull/%d", r.full(), i.number))
	issueURL := s.api(fmt.Sprintf("repos/%s/issues/%d", r.full(), i.number))
	statuses := s.api(fmt.Sprintf("repos/%s/statuses/%s", r.full(), p.headSHA))
	o := object{
		"id": i.id, "node_id": fmt.Sprintf("PR_%d", i.id), "number": i.number, "state": i.state, "locked": i.locked, "title": i.title,
		"body": orNil(i.body), "user": s.userJSON(i.author), "draft": p.draft, "labels": s.labelsJSON(r, i.labels), "milestone": nil,
		"assignee": nil, "assignees": s.usersJSON(i.assignees), "requested_reviewers": s.usersJSON(p.reviewers), "requested_teams": s.teamsJSON(p.teams),
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": stampOrNil(i.closed), "merged_at": stampOrNil(p.merged),
		"merge_commit_sha": orNil(string(p.mergeSHA)), "author_association": s.association(r, i.author), "auto_merge": s.autoMergeJSON(p.auto), "active_lock_reason": nil,
		"url": url, "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch", "issue_url": issueURL,
		"commits_url": url + "/commits", "review_comments_url": url + "/comments", "review_comment_url": url + "/comments{/number}",
		"comments_url": issueURL + "/comments", "statuses_url": statuses,
		"head": s.sideJSON(r, p.owner(r), p.head, p.headSHA), "base": s.sideJSON(r, r.owner, p.base, p.baseSHA),
	}
	links := object{}
	for name, to := range map[string]any{"self": url, "html": web, "issue": issueURL, "comments": issueURL + "/comments",
		"review_comments": url + "/comments", "review_comment": url + "/comments{/number}", "commits": url + "/commits", "statuses": statuses} {
		links[name] = object{"href": to}
	}
	o["_links"] = links
	if len(i.assignees) > 0 {
		o["assignee"] = s.userJSON(i.assignees[0])
	}
	return o
}

// sideJSON is the head or the base of a pull request.
func (s *Server) sideJSON(r *repo, owner, branch string, sha git.ID) object {
	in := s.repoJSON(r)
	if !strings.EqualFold(owner, r.owner) {
		in["full_name"], in["fork"], in["owner"] = owner+"/"+r.name, true, s.userJSON(s.user(owner))
		in["id"] = s.user(owner).id
	}
	return object{"label": owner + ":" + branch, "ref": branch, "sha": sha, "user": s.userJSON(s.user(owner)), "repo": in}
}
