package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A review is a verdict on a pull request with comments on its lines.
type review struct {
	id       int64
	body     string
	state    string // APPROVED, CHANGES_REQUESTED, COMMENTED, PENDING
	author   *user
	commit   git.ID
	created  time.Time
	comments []*lineComment
}

// A lineComment stands on a line of a diff.
type lineComment struct {
	id      int64
	review  *review
	replyTo int64
	path    string
	side    string // LEFT for the line before the change, RIGHT after it
	line    int
	start   int // first of several lines, zero for one
	hunk    string
	body    string
	commit  git.ID
	author  *user
	created time.Time
}

// A lineInput is a comment on a line in a request.
type lineInput struct {
	Path      string
	Body      string
	Line      int
	Side      string
	StartLine int    `json:"start_line"`
	StartSide string `json:"start_side"`
	Position  int
	CommitID  string `json:"commit_id"`
	InReplyTo int64  `json:"in_reply_to"`
}

// https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request
func (c *call) createReview() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		CommitID string `json:"commit_id"`
		Body     string
		Event    string
		Comments []lineInput
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	state, known := map[string]string{"": "PENDING", "COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}[in.Event]
	by := c.who.actor(c.Server)
	switch {
	case !known:
		return reply{}, unprocessable("Variable $event of type PullRequestReviewEvent was provided invalid value")
	case by == i.author && (state == "APPROVED" || state == "CHANGES_REQUESTED"):
		return reply{}, &failure{status: http.StatusUnprocessableEntity, message: "Unprocessable Entity", errors: []any{"Can not " + strings.ToLower(strings.ReplaceAll(in.Event, "_", " ")) + " your own pull request"}}
	case in.Body == "" && len(in.Comments) == 0 && in.Event == "COMMENT":
		return reply{}, unprocessable("Unprocessable Entity")
	}
	if err := checkText("PullRequestReview", "body", in.Body, maxText); err != nil {
		return reply{}, err
	}
	v := &review{id: c.id(), body: in.Body, state: state, author: by, commit: i.pull.headSHA, created: c.now()}
	if in.CommitID != "" {
		v.commit = git.ID(in.CommitID)
	}
	for _, l := range in.Comments {
		m, err := c.place(i, v, l)
		if err != nil {
			return reply{}, err
		}
		v.comments = append(v.comments, m)
	}
	i.pull.reviews = append(i.pull.reviews, v)
	i.updated = c.now()
	if state != "PENDING" {
		c.announceReview(c.repo, i, v, by)
		c.mergeWaiting(c.repo, i.pull.headSHA)
	}
	return ok(c.reviewJSON(i, v))
}

// place checks that a comment stands on a line of the diff.
func (c *call) place(i *issue, v *review, in lineInput) (*lineComment, error) {
	unresolved := func(what string) error {
		return &failure{status: http.StatusUnprocessableEntity, message: "Unprocessable Entity", errors: []any{what + " could not be resolved"}}
	}
	if in.Side == "" {
		in.Side = "RIGHT"
	}
	switch {
	case strings.TrimSpace(in.Body) == "":
		return nil, invalid("PullRequestReviewComment", "body", "missing_field", "")
	case in.Side != "LEFT" && in.Side != "RIGHT":
		return nil, unprocessable("Invalid request.\n\n%s is not a member of [\"LEFT\", \"RIGHT\"].", in.Side)
	case in.StartLine > 0 && in.StartLine >= in.Line:
		return nil, unresolved("Start line")
	}
	if err := checkText("PullRequestReviewComment", "body", in.Body, maxText); err != nil {
		return nil, err
	}
	if c.repo.git.Kind(v.commit) != git.Commit || !slices.ContainsFunc(c.repo.commits(i.pull), func(s git.Snapshot) bool { return s.ID == v.commit }) {
		return nil, unprocessable("Variable $commitOID is not part of the pull request")
	}
	diffs := c.repo.changes(i.pull)
	at := slices.IndexFunc(diffs, func(d git.FileDiff) bool { return d.Path == in.Path })
	if at < 0 {
		return nil, unresolved("Path")
	}
	m := &lineComment{id: c.id(), review: v, path: in.Path, side: in.Side, line: in.Line, start: in.StartLine, body: in.Body,
		commit: v.commit, author: v.author, created: c.now()}
	if in.Position > 0 && in.Line == 0 {
		m.side, m.line = lineAt(diffs[at], in.Position)
	}
	if m.hunk = hunkOf(diffs[at], m.side, m.line); m.hunk == "" {
		return nil, unresolved("Line")
	}
	if m.start > 0 && hunkOf(diffs[at], m.side, m.start) == "" {
		return nil, unresolved("Start line")
	}
	return m, nil
}

// hunkOf returns the hunk of d up to a line of one side, empty if the line is
// not in the diff.
func hunkOf(d git.FileDiff, side string, line int) string {
	for _, h := range d.Hunks {
		old, now := h.OldStart, h.NewStart
		for n, l := range h.Lines {
			cut := git.Hunk{OldStart: h.OldStart, OldLines: h.OldLines, NewStart: h.NewStart, NewLines: h.NewLines, Lines: h.Lines[:n+1]}
			if side == "LEFT" && l[0] != '+' && old == line || side == "RIGHT" && l[0] != '-' && now == line {
				return cut.String()
			}
			if l[0] != '+' {
				old++
			}
			if l[0] != '-' {
				now++
			}
		}
	}
	return ""
}

// lineAt turns the old form of a place, lines below the first hunk header, into
// side and line.
func lineAt(d git.FileDiff, position int) (side string, line int) {
	n := 0
	for i, h := range d.Hunks {
		old, now := h.OldStart, h.NewStart
		if i > 0 {
			n++ // later headers count
		}
		for _, l := range h.Lines {
			n++
			if n == position && l[0] == '-' {
				return "LEFT", old
			}
			if n == position {
				return "RIGHT", now
			}
			if l[0] != '+' {
				old++
			}
			if l[0] != '-' {
				now++
			}
		}
	}
	return "RIGHT", 0
}

// https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request
func (c *call) listReviews() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	return list(c, i.pull.reviews, func(v *review) object { return c.reviewJSON(i, v) })
}

// https://docs.github.com/en/rest/pulls/comments#list-review-comments-on-a-pull-request
func (c *call) listReviewComments() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	return list(c, i.pull.lineComments(), func(m *lineComment) object { return c.lineCommentJSON(i, m) })
}

func (p *pull) lineComments() []*lineComment {
	var all []*lineComment
	for _, v := range p.reviews {
		all = append(all, v.comments...)
	}
	return all
}

// https://docs.github.com/en/rest/pulls/comments#create-a-review-comment-for-a-pull-request
func (c *call) createReviewComment() (reply, error) {
	i, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var in lineInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.InReplyTo == 0 && in.CommitID == "" {
		return reply{}, missing("commit_id")
	}
	v := &review{id: c.id(), state: "COMMENTED", author: c.who.actor(c.Server), commit: git.ID(in.CommitID), created: c.now()}
	for _, m := range i.pull.lineComments() {
		if m.id == in.InReplyTo {
			v.commit, in.Path, in.Line, in.Side, in.StartLine = m.commit, m.path, m.line, m.side, m.start
		}
	}
	m, err := c.place(i, v, in)
	if err != nil {
		return reply{}, err
	}
	m.replyTo = in.InReplyTo
	v.comments = []*lineComment{m}
	i.pull.reviews = append(i.pull.reviews, v)
	return created(c.lineCommentJSON(i, m))
}

// lineComment returns the comment on a line of the path, if the caller may
// change it.
func (c *call) lineComment() (*issue, *lineComment, error) {
	id, err := c.number("comment_id")
	if err != nil {
		return nil, nil, err
	}
	for _, i := range c.repo.issues {
		if i.pull == nil {
			continue
		}
		for _, m := range i.pull.lineComments() {
			switch by := c.who.actor(c.Server); {
			case m.id != id:
			case by != m.author && c.repo.level(by) != "admin":
				return nil, nil, forbidden()
			default:
				return i, m, nil
			}
		}
	}
	return nil, nil, notFound()
}

// https://docs.github.com/en/rest/pulls/comments#update-a-review-comment-for-a-pull-request
func (c *call) updateReviewComment() (reply, error) {
	i, m, err := c.lineComment()
	if err != nil {
		return reply{}, err
	}
	body, err := c.commentBody()
	if err != nil {
		return reply{}, err
	}
	m.body, i.updated = body, c.now()
	return ok(c.lineCommentJSON(i, m))
}

// https://docs.github.com/en/rest/pulls/comments#delete-a-review-comment-for-a-pull-request
func (c *call) deleteReviewComment() (reply, error) {
	i, m, err := c.lineComment()
	if err != nil {
		return reply{}, err
	}
	m.review.comments = slices.DeleteFunc(m.review.comments, func(other *lineComment) bool { return other == m })
	i.updated = c.now()
	return noContent()
}

func (c *call) reviewJSON(i *issue, v *review) object { return c.Server.reviewJSON(c.repo, i, v) }

func (s *Server) reviewJSON(r *repo, i *issue, v *review) object {
	web := s.web(fmt.Sprintf("%s/pull/%d#pullrequestreview-%d", r.full(), i.number, v.id))
	pull := s.api(fmt.Sprintf("repos/%s/pulls/%d", r.full(), i.number))
	return object{
		"id": v.id, "node_id": fmt.Sprintf("PRR_%d", v.id), "user": s.userJSON(v.author), "body": v.body, "state": v.state,
		"commit_id": v.commit, "submitted_at": stamp(v.created), "author_association": s.association(r, v.author),
		"html_url": web, "pull_request_url": pull, "_links": object{"html": object{"href": web}, "pull_request": object{"href": pull}},
	}
}

func (c *call) lineCommentJSON(i *issue, m *lineComment) object {
	url := c.api(fmt.Sprintf("repos/%s/pulls/comments/%d", c.repo.full(), m.id))
	web := c.web(fmt.Sprintf("%s/pull/%d#discussion_r%d", c.repo.full(), i.number, m.id))
	pull := c.api(fmt.Sprintf("repos/%s/pulls/%d", c.repo.full(), i.number))
	o := object{
		"id": m.id, "node_id": fmt.Sprintf("PRRC_%d", m.id), "pull_request_review_id": m.review.id, "url": url, "html_url": web,
		"pull_request_url": pull, "path": m.path, "diff_hunk": m.hunk, "body": m.body, "user": c.userJSON(m.author),
		"commit_id": m.commit, "original_commit_id": m.commit, "line": m.line, "original_line": m.line, "side": m.side,
		"start_line": nil, "original_start_line": nil, "start_side": nil, "subject_type": "line",
		"created_at": stamp(m.created), "updated_at": stamp(m.created), "author_association": c.association(c.repo, m.author),
		"_links": object{"self": object{"href": url}, "html": object{"href": web}, "pull_request": object{"href": pull}},
	}
	if c.repo.outdated(i.pull, m) {
		o["line"] = nil
	}
	if m.start > 0 {
		o["start_line"], o["original_start_line"], o["start_side"] = m.start, m.start, m.side
	}
	if m.replyTo != 0 {
		o["in_reply_to_id"] = m.replyTo
	}
	return o
}

// outdated reports whether the line of a comment has changed since.
func (r *repo) outdated(p *pull, m *lineComment) bool {
	if m.side == "LEFT" || m.commit == p.headSHA {
		return false
	}
	line := func(id git.ID) string {
		c, _ := r.git.Commit(id)
		e, _ := r.git.Find(c.Tree, m.path)
		data, _ := r.git.Get(git.Blob, e.ID)
		if lines := git.Lines(string(data)); m.line <= len(lines) {
			return lines[m.line-1]
		}
		return ""
	}
	return line(m.commit) != line(p.headSHA)
}
