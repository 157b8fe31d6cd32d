package githubtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A status is one commit status.
type status struct {
	id          int64
	state       string
	context     string
	description string
	target      string
	by          *user
	app         *app // that set it, nil for a person
	created     time.Time
}

// Limits of statuses: characters of a description and a context, and how many
// a commit takes per context.
// https://docs.github.com/en/rest/commits/statuses
const (
	maxDescription = 140
	maxContext     = 255
	maxPerContext  = 1000
)

// https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
func (c *call) createStatus() (reply, error) {
	var in struct {
		State, Context, Description string
		TargetURL                   string `json:"target_url"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.Context == "" {
		in.Context = "default"
	}
	id := git.ID(c.params["sha"])
	st := &status{state: in.State, context: in.Context, description: in.Description, target: in.TargetURL, by: c.who.actor(c.Server), app: c.who.app}
	if err := c.setStatus(c.repo, id, st); err != nil {
		return reply{}, err
	}
	return created(c.statusJSON(c.repo, id, st))
}

// setStatus adds a status to a commit, or says why not.
func (s *Server) setStatus(r *repo, id git.ID, st *status) error {
	switch {
	case st.state == "":
		return missing("state")
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, st.state):
		return invalid("Status", "state", "invalid", "state is not included in the list")
	case r.git.Kind(id) != git.Commit:
		return unprocessable("No commit found for SHA: %s", id)
	case len([]rune(st.context)) > maxContext:
		return checkText("Status", "context", st.context, maxContext)
	}
	if len([]rune(st.description)) > maxDescription {
		return invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	if u, err := url.Parse(st.target); err != nil || st.target != "" && u.Scheme != "http" && u.Scheme != "https" {
		return invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
	}
	same := 0
	for _, old := range r.statuses[id] {
		if strings.EqualFold(old.context, st.context) {
			same++
		}
	}
	if same >= maxPerContext {
		return invalid("Status", "", "custom", "This SHA and context has reached the maximum number of statuses.")
	}
	st.id, st.created = s.id(), s.now()
	r.statuses[id] = append(r.statuses[id], st)
	s.announceStatus(r, id, st)
	s.mergeWaiting(r, id)
	return nil
}

// latest returns the newest status of each context, newest first.
func (r *repo) latest(id git.ID) []*status {
	var out []*status
	for _, st := range slices.Backward(r.statuses[id]) {
		if !slices.ContainsFunc(out, func(o *status) bool { return strings.EqualFold(o.context, st.context) }) {
			out = append(out, st)
		}
	}
	return out
}

// combined returns the state of all statuses of a commit: failure if one
// failed, pending if one is or there is none, success otherwise.
func (r *repo) combined(id git.ID) string {
	all := r.latest(id)
	state := "success"
	if len(all) == 0 {
		state = "pending"
	}
	for _, st := range all {
		switch st.state {
		case "error", "failure":
			return "failure"
		case "pending":
			state = "pending"
		}
	}
	return state
}

// https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
func (c *call) getCombinedStatus() (reply, error) {
	commit, err := c.commitOf(c.params["ref"])
	if err != nil {
		return reply{}, notFound()
	}
	all := c.repo.latest(commit.ID)
	items, h := page(c, all)
	out := []object{}
	for _, st := range items {
		o := c.statusJSON(c.repo, commit.ID, st)
		delete(o, "creator")
		out = append(out, o)
	}
	url := c.api("repos/" + c.repo.full() + "/commits/" + string(commit.ID))
	return reply{status: http.StatusOK, header: h, body: object{
		"state": c.repo.combined(commit.ID), "statuses": out, "sha": commit.ID, "total_count": len(all),
		"repository": c.repoJSON(c.repo), "commit_url": url, "url": url + "/status"}}, nil
}

// https://docs.github.com/en/rest/commits/statuses#list-commit-statuses-for-a-reference
func (c *call) listStatuses() (reply, error) {
	commit, err := c.commitOf(c.params["ref"])
	if err != nil {
		return reply{}, notFound()
	}
	newest := slices.Clone(c.repo.statuses[commit.ID])
	slices.Reverse(newest)
	return list(c, newest, func(st *status) object { return c.statusJSON(c.repo, commit.ID, st) })
}

func (s *Server) statusJSON(r *repo, id git.ID, st *status) object {
	return object{
		"id": st.id, "node_id": fmt.Sprintf("SC_%d", st.id), "url": s.api(fmt.Sprintf("repos/%s/statuses/%s", r.full(), id)),
		"state": st.state, "context": st.context, "description": orNil(st.description), "target_url": orNil(st.target),
		"avatar_url": s.web("avatars/" + st.by.login), "creator": s.userJSON(st.by), "created_at": stamp(st.created), "updated_at": stamp(st.created),
	}
}
