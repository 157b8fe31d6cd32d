package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A comment stands below an issue or a pull request.
type comment struct {
	id        int64
	body      string
	author    *user
	created   time.Time
	updated   time.Time
	reactions []*reaction
}

// https://docs.github.com/en/rest/issues/comments#create-an-issue-comment
func (c *call) createComment() (reply, error) {
	i, err := c.talk()
	if err != nil {
		return reply{}, err
	}
	body, err := c.commentBody()
	if err != nil {
		return reply{}, err
	}
	m := c.addComment(c.repo, i, body, c.who.actor(c.Server))
	return created(c.commentJSON(c.repo, i, m))
}

func (c *call) commentBody() (string, error) {
	var in struct{ Body *string }
	if err := c.decode(&in); err != nil {
		return "", err
	}
	switch {
	case in.Body == nil:
		return "", missing("body")
	case strings.TrimSpace(*in.Body) == "":
		return "", invalid("IssueComment", "body", "missing_field", "")
	}
	return *in.Body, checkText("IssueComment", "body", *in.Body, maxText)
}

func (s *Server) addComment(r *repo, i *issue, body string, by *user) *comment {
	m := &comment{id: s.id(), body: body, author: by, created: s.now(), updated: s.now()}
	i.comments = append(i.comments, m)
	i.updated = s.now()
	s.announceComment(r, i, m, "created", by)
	return m
}

// https://docs.github.com/en/rest/issues/comments#list-issue-comments
func (c *call) listComments() (reply, error) {
	i, err := c.issue("issue_number")
	if err != nil {
		return reply{}, err
	}
	return list(c, i.comments, func(m *comment) object { return c.commentJSON(c.repo, i, m) })
}

// comment returns the comment of the path with its issue.
func (c *call) comment() (*issue, *comment, error) {
	id, err := c.number("comment_id")
	if err != nil {
		return nil, nil, err
	}
	for _, i := range c.repo.issues {
		for _, m := range i.comments {
			if m.id == id {
				return i, m, nil
			}
		}
	}
	return nil, nil, notFound()
}

// https://docs.github.com/en/rest/issues/comments#update-an-issue-comment
func (c *call) updateComment() (reply, error) {
	i, m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	by := c.who.actor(c.Server)
	if by != m.author && c.who.token == nil && c.repo.level(by) != "admin" {
		return reply{}, forbidden()
	}
	body, err := c.commentBody()
	if err != nil {
		return reply{}, err
	}
	m.body, m.updated = body, c.now()
	c.announceComment(c.repo, i, m, "edited", by)
	return ok(c.commentJSON(c.repo, i, m))
}

// https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment
func (c *call) deleteComment() (reply, error) {
	i, m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	i.comments = slices.DeleteFunc(i.comments, func(other *comment) bool { return other == m })
	c.announceComment(c.repo, i, m, "deleted", c.who.actor(c.Server))
	return noContent()
}

func (s *Server) commentJSON(r *repo, i *issue, m *comment) object {
	url := s.api(fmt.Sprintf("repos/%s/issues/comments/%d", r.full(), m.id))
	return object{
		"id": m.id, "node_id": fmt.Sprintf("IC_%d", m.id), "url": url, "body": m.body, "user": s.userJSON(m.author),
		"html_url":  s.web(fmt.Sprintf("%s/issues/%d#issuecomment-%d", r.full(), i.number, m.id)),
		"issue_url": s.api(fmt.Sprintf("repos/%s/issues/%d", r.full(), i.number)), "author_association": s.association(r, m.author),
		"created_at": stamp(m.created), "updated_at": stamp(m.updated),
	}
}

// A reaction is an emoji on a comment.
type reaction struct {
	id      int64
	content string
	by      *user
	created time.Time
}

// https://docs.github.com/en/rest/reactions/reactions#create-reaction-for-an-issue-comment
func (c *call) createReaction() (reply, error) {
	_, m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	var in struct{ Content string }
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if !slices.Contains([]string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}, in.Content) {
		return reply{}, invalid("Reaction", "content", "invalid", "")
	}
	by, status := c.who.actor(c.Server), http.StatusOK
	at := slices.IndexFunc(m.reactions, func(r *reaction) bool { return r.content == in.Content && r.by == by })
	if at < 0 {
		at, status = len(m.reactions), http.StatusCreated
		m.reactions = append(m.reactions, &reaction{c.id(), in.Content, by, c.now()})
	}
	r := m.reactions[at]
	return reply{status: status, body: object{"id": r.id, "node_id": fmt.Sprintf("REA_%d", r.id), "content": r.content,
		"user": c.userJSON(by), "created_at": stamp(r.created)}}, nil
}
