package githubtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// An issue is an issue or, with pull set, a pull request.
type issue struct {
	id        int64
	number    int
	title     string
	body      string
	state     string // open or closed
	reason    string // of closing: completed, not_planned, duplicate; reopened
	locked    bool
	author    *user
	app       *app // through which it was made, nil for a person
	labels    []*label
	assignees []*user
	comments  []*comment
	created   time.Time
	updated   time.Time
	closed    time.Time
	closedBy  *user
	pull      *pull
}

// maxTitle is the number of characters in a title.
const maxTitle = 256

// newIssue adds an issue to r.
func (s *Server) newIssue(r *repo, title, body string, by identity) *issue {
	i := &issue{id: s.id(), number: len(r.issues) + 1, title: title, body: body, state: "open",
		author: by.actor(s), app: by.app, created: s.now(), updated: s.now()}
	r.issues = append(r.issues, i)
	return i
}

// issue returns the issue or pull request of the path.
func (c *call) issue(param string) (*issue, error) {
	n, err := c.number(param)
	if err != nil || n < 1 || n > int64(len(c.repo.issues)) {
		return nil, notFound()
	}
	return c.repo.issues[n-1], nil
}

// talk returns the issue of the path if the caller may write to it: pull
// requests with the permission of either kind, plain issues with their own.
func (c *call) talk() (*issue, error) {
	i, err := c.issue("issue_number")
	if err != nil {
		return nil, err
	}
	if c.who.token != nil && i.pull == nil && !c.who.token.has("issues", "write") {
		return nil, forbidden()
	}
	return i, nil
}

// An issueInput is the body of a request that makes or changes an issue.
type issueInput struct {
	Title       *string
	Body        *string
	State       *string
	StateReason *string `json:"state_reason"`
	Labels      []json.RawMessage
	Assignees   []string
}

func (in issueInput) check(resource string) error {
	if in.Title != nil {
		if strings.TrimSpace(*in.Title) == "" {
			return invalid(resource, "title", "missing_field", "")
		}
		if err := checkText(resource, "title", *in.Title, maxTitle); err != nil {
			return err
		}
	}
	if in.Body != nil {
		if err := checkText(resource, "body", *in.Body, maxText); err != nil {
			return err
		}
	}
	if in.State != nil && *in.State != "open" && *in.State != "closed" {
		return invalid(resource, "state", "invalid", "")
	}
	return nil
}

// https://docs.github.com/en/rest/issues/issues#create-an-issue
func (c *call) createIssue() (reply, error) {
	var in issueInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.Title == nil {
		return reply{}, missing("title")
	}
	if err := in.check("Issue"); err != nil {
		return reply{}, err
	}
	labels, err := c.labelsOf(in.Labels)
	if err != nil {
		return reply{}, err
	}
	body := ""
	if in.Body != nil {
		body = *in.Body
	}
	i := c.newIssue(c.repo, *in.Title, body, c.who)
	i.labels = labels
	c.assign(i, in.Assignees)
	c.announceIssue(c.repo, i, "opened", c.who.actor(c.Server), nil)
	return created(c.issueJSON(c.repo, i))
}

// https://docs.github.com/en/rest/issues/issues#get-an-issue
func (c *call) getIssue() (reply, error) {
	i, err := c.issue("issue_number")
	if err != nil {
		return reply{}, err
	}
	return ok(c.issueJSON(c.repo, i))
}

// https://docs.github.com/en/rest/issues/issues#update-an-issue
func (c *call) updateIssue() (reply, error) {
	i, err := c.talk()
	if err != nil {
		return reply{}, err
	}
	// What others wrote changes who may write to the repository.
	if by := c.who.actor(c.Server); c.who.token == nil && by != i.author && !slices.Contains([]string{"write", "maintain", "admin"}, c.repo.level(by)) {
		return reply{}, forbidden()
	}
	var in issueInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := in.check("Issue"); err != nil {
		return reply{}, err
	}
	if i.pull != nil && in.State != nil && *in.State == "open" && i.state == "closed" {
		if err := c.reopenable(i); err != nil {
			return reply{}, err
		}
	}
	if in.Labels != nil {
		labels, err := c.labelsOf(in.Labels)
		if err != nil {
			return reply{}, err
		}
		c.setLabels(i, labels)
	}
	if in.Assignees != nil {
		i.assignees = nil
		c.assign(i, in.Assignees)
	}
	c.edit(c.repo, i, in, c.who.actor(c.Server))
	return ok(c.issueJSON(c.repo, i))
}

// edit changes title, body and state, and announces it.
func (s *Server) edit(r *repo, i *issue, in issueInput, by *user) {
	changes := object{}
	if in.Title != nil && *in.Title != i.title {
		changes["title"] = object{"from": i.title}
	}
	if in.Body != nil && *in.Body != i.body {
		changes["body"] = object{"from": i.body}
	}
	if in.Title != nil {
		i.title = *in.Title
	}
	if in.Body != nil {
		i.body = *in.Body
	}
	i.updated = s.now()
	if len(changes) > 0 {
		s.announceEither(r, i, "edited", by, object{"changes": changes})
	}
	switch {
	case in.State == nil || *in.State == i.state:
	case *in.State == "closed":
		i.reason = "completed"
		if in.StateReason != nil {
			i.reason = *in.StateReason
		}
		s.closePull(r, i, by)
	default:
		i.state, i.reason, i.closed, i.closedBy = "open", "reopened", time.Time{}, nil
		s.announceEither(r, i, "reopened", by, nil)
	}
}

// assign adds those who can be assigned; others are left out without a word,
// as GitHub does.
func (c *call) assign(i *issue, logins []string) {
	for _, login := range logins {
		u := c.users[strings.ToLower(login)]
		if u != nil && c.repo.level(u) != "" && !slices.Contains(i.assignees, u) {
			i.assignees = append(i.assignees, u)
		}
	}
}

// https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue
func (c *call) addAssignees() (reply, error) {
	i, err := c.talk()
	if err != nil {
		return reply{}, err
	}
	var in struct{ Assignees []string }
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if len(in.Assignees) > maxAssignees {
		return reply{}, unprocessable("You may only assign up to %d users.", maxAssignees)
	}
	c.assign(i, in.Assignees)
	return created(c.issueJSON(c.repo, i))
}

// maxAssignees is how many can be assigned.
const maxAssignees = 10

// https://docs.github.com/en/rest/issues/issues#list-repository-issues
func (c *call) listIssues() (reply, error) {
	state := c.query("state", "open")
	var all []*issue
	for _, i := range slices.Backward(c.repo.issues) {
		if state != "all" && i.state != state || !i.hasLabels(c.query("labels", "")) {
			continue
		}
		if creator := c.query("creator", ""); creator != "" && !strings.EqualFold(creator, i.author.login) {
			continue
		}
		if since, err := time.Parse(time.RFC3339, c.query("since", "")); err == nil && i.updated.Before(since) {
			continue
		}
		all = append(all, i)
	}
	if c.query("sort", "") == "updated" {
		slices.SortStableFunc(all, func(a, b *issue) int { return b.updated.Compare(a.updated) })
	}
	if c.query("direction", "desc") == "asc" {
		slices.Reverse(all)
	}
	return list(c, all, func(i *issue) object { return c.issueJSON(c.repo, i) })
}

// hasLabels reports whether i has each of some labels, separated by commas.
func (i *issue) hasLabels(names string) bool {
	for name := range strings.SplitSeq(names, ",") {
		if name != "" && !slices.ContainsFunc(i.labels, func(l *label) bool { return strings.EqualFold(l.name, name) }) {
			return false
		}
	}
	return true
}

func (s *Server) issueJSON(r *repo, i *issue) object {
	url := s.api(fmt.Sprintf("repos/%s/issues/%d", r.full(), i.number))
	o := object{
		"id": i.id, "node_id": fmt.Sprintf("I_%d", i.id), "number": i.number, "title": i.title, "body": orNil(i.body), "state": i.state,
		"state_reason": orNil(i.reason), "locked": i.locked, "active_lock_reason": nil, "user": s.userJSON(i.author),
		"labels": s.labelsJSON(r, i.labels), "assignee": nil, "assignees": s.usersJSON(i.assignees), "milestone": nil,
		"comments": len(i.comments), "created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": stampOrNil(i.closed),
		"closed_by": nil, "author_association": s.association(r, i.author), "url": url, "repository_url": s.api("repos/" + r.full()),
		"labels_url": url + "/labels{/name}", "comments_url": url + "/comments", "events_url": url + "/events",
		"html_url": s.web(fmt.Sprintf("%s/issues/%d", r.full(), i.number)),
	}
	if i.closedBy != nil {
		o["closed_by"] = s.userJSON(i.closedBy)
	}
	if len(i.assignees) > 0 {
		o["assignee"] = s.userJSON(i.assignees[0])
	}
	if i.pull != nil {
		web := s.web(fmt.Sprintf("%s/pull/%d", r.full(), i.number))
		o["html_url"] = web
		o["pull_request"] = object{"url": s.api(fmt.Sprintf("repos/%s/pulls/%d", r.full(), i.number)), "html_url": web,
			"diff_url": web + ".diff", "patch_url": web + ".patch", "merged_at": stampOrNil(i.pull.merged)}
	}
	return o
}

func (s *Server) usersJSON(users []*user) []object {
	out := []object{}
	for _, u := range users {
		out = append(out, s.userJSON(u))
	}
	return out
}

// association says what an author is to a repository.
func (s *Server) association(r *repo, u *user) string {
	switch r.level(u) {
	case "":
		if u.kind == "Bot" {
			return "CONTRIBUTOR"
		}
		return "NONE"
	case "admin":
		if strings.EqualFold(u.login, r.owner) {
			return "OWNER"
		}
	}
	return "COLLABORATOR"
}
