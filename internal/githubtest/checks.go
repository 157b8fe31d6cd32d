package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A checkRun is one run of a check, made by an App.
type checkRun struct {
	id         int64
	suite      int64 // one per App and commit
	name       string
	head       git.ID
	status     string // queued, in_progress, completed
	conclusion string // of a completed run
	details    string
	external   string
	output     checkOutput
	actions    int
	app        *app
	started    time.Time
	completed  time.Time
}

// A checkOutput is what a check run says.
type checkOutput struct {
	Title       *string
	Summary     *string
	Text        *string
	Annotations []struct{ Path string }
}

// Lengths of a check run, and how many annotations one request may add.
// https://docs.github.com/en/rest/checks/runs
const (
	maxCheckText   = 65535
	maxAnnotations = 50
	maxActions     = 3
)

// A checkInput is the body of a request that makes or changes a check run.
type checkInput struct {
	Name        *string
	HeadSHA     string `json:"head_sha"`
	Status      string
	Conclusion  string
	DetailsURL  string `json:"details_url"`
	ExternalID  string `json:"external_id"`
	StartedAt   string `json:"started_at"`
	CompletedAt string `json:"completed_at"`
	Output      *checkOutput
	Actions     []struct{ Label, Description, Identifier string }
}

func (in checkInput) check() error {
	switch {
	case in.Status != "" && !slices.Contains([]string{"queued", "in_progress", "completed", "waiting", "requested", "pending"}, in.Status):
		return unprocessable("Invalid request.\n\n%s is not a member of [\"queued\", \"in_progress\", \"completed\"].", in.Status)
	case in.Conclusion != "" && !slices.Contains([]string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}, in.Conclusion):
		return unprocessable("Invalid request.\n\n%s is not a valid conclusion.", in.Conclusion)
	case in.Status == "completed" && in.Conclusion == "":
		return missing("conclusion")
	case len(in.Actions) > maxActions:
		return unprocessable("Invalid request.\n\nNo more than %d items are allowed; %d were supplied.", maxActions, len(in.Actions))
	}
	for _, a := range in.Actions {
		if len([]rune(a.Label)) > 20 || len([]rune(a.Identifier)) > 20 || len([]rune(a.Description)) > 40 {
			return unprocessable("Invalid request.\n\nOnly 20 characters are allowed for label and identifier, 40 for description.")
		}
	}
	if in.Output == nil {
		return nil
	}
	switch o := in.Output; {
	case o.Title == nil || o.Summary == nil:
		return missing("title")
	case len(*o.Summary) > maxCheckText || o.Text != nil && len(*o.Text) > maxCheckText:
		return unprocessable("Invalid request.\n\nOnly %d characters are allowed.", maxCheckText)
	case len(o.Annotations) > maxAnnotations:
		return unprocessable("Invalid request.\n\nNo more than %d items are allowed; %d were supplied.", maxAnnotations, len(o.Annotations))
	}
	return nil
}

// https://docs.github.com/en/rest/checks/runs#create-a-check-run
func (c *call) createCheckRun() (reply, error) {
	var in checkInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	switch {
	case c.who.token == nil:
		return reply{}, fail(http.StatusForbidden, "You must authenticate via a GitHub App.")
	case in.Name == nil || *in.Name == "":
		return reply{}, missing("name")
	case in.HeadSHA == "":
		return reply{}, missing("head_sha")
	case c.repo.git.Kind(git.ID(in.HeadSHA)) != git.Commit:
		return reply{}, unprocessable("No commit found for SHA: %s", in.HeadSHA)
	}
	if err := in.check(); err != nil {
		return reply{}, err
	}
	k := &checkRun{id: c.id(), name: *in.Name, head: git.ID(in.HeadSHA), status: "queued", app: c.who.app, started: c.now()}
	k.suite = c.suite(c.repo, k.app, k.head)
	c.repo.runs = append(c.repo.runs, k)
	c.change(k, in)
	c.announceCheck(c.repo, k, "created", c.who.actor(c.Server))
	if k.status == "completed" {
		c.announceCheck(c.repo, k, "completed", c.who.actor(c.Server))
	}
	return created(c.checkJSON(c.repo, k))
}

// suite returns the number of the check suite of an App on a commit.
func (s *Server) suite(r *repo, a *app, head git.ID) int64 {
	for _, k := range r.runs {
		if k.app == a && k.head == head {
			return k.suite
		}
	}
	return s.id()
}

// change applies what a request says of a run.
func (c *call) change(k *checkRun, in checkInput) {
	if in.Name != nil {
		k.name = *in.Name
	}
	if in.Status != "" {
		k.status = in.Status
	}
	if in.Status != "" && in.Status != "completed" {
		k.conclusion, k.completed = "", time.Time{}
	}
	if in.Conclusion != "" {
		k.status, k.conclusion, k.completed = "completed", in.Conclusion, c.now()
	}
	if in.DetailsURL != "" {
		k.details = in.DetailsURL
	}
	if in.ExternalID != "" {
		k.external = in.ExternalID
	}
	if in.Output != nil {
		k.output = *in.Output
	}
	if t, err := time.Parse(time.RFC3339, in.StartedAt); err == nil {
		k.started = t
	}
	if t, err := time.Parse(time.RFC3339, in.CompletedAt); err == nil && k.status == "completed" {
		k.completed = t
	}
	k.actions = len(in.Actions)
}

// checkRun returns the run of the path.
func (c *call) checkRun() (*checkRun, error) {
	id, err := c.number("check_run_id")
	at := slices.IndexFunc(c.repo.runs, func(k *checkRun) bool { return k.id == id })
	if err != nil || at < 0 {
		return nil, notFound()
	}
	return c.repo.runs[at], nil
}

// https://docs.github.com/en/rest/checks/runs#get-a-check-run
func (c *call) getCheckRun() (reply, error) {
	k, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	return ok(c.checkJSON(c.repo, k))
}

// https://docs.github.com/en/rest/checks/runs#update-a-check-run
func (c *call) updateCheckRun() (reply, error) {
	k, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	if c.who.token == nil || k.app != c.who.app {
		return reply{}, fail(http.StatusForbidden, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", k.app.ID)
	}
	var in checkInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := in.check(); err != nil {
		return reply{}, err
	}
	was := k.status
	c.change(k, in)
	if was != "completed" && k.status == "completed" {
		c.announceCheck(c.repo, k, "completed", c.who.actor(c.Server))
	}
	return ok(c.checkJSON(c.repo, k))
}

// https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference
func (c *call) listCheckRuns() (reply, error) {
	commit, err := c.commitOf(c.params["ref"])
	if err != nil {
		return reply{}, err
	}
	var all []*checkRun
	for _, k := range slices.Backward(c.repo.runs) {
		name, id := c.query("check_name", ""), c.query("app_id", "")
		switch {
		case k.head != commit.ID, name != "" && k.name != name, id != "" && fmt.Sprint(k.app.ID) != id, k.status != c.query("status", k.status):
		case c.query("filter", "latest") == "latest" && slices.ContainsFunc(all, func(o *checkRun) bool { return o.name == k.name && o.app == k.app }):
		default:
			all = append(all, k)
		}
	}
	items, h := page(c, all)
	out := []object{}
	for _, k := range items {
		out = append(out, c.checkJSON(c.repo, k))
	}
	return reply{status: http.StatusOK, header: h, body: object{"total_count": len(all), "check_runs": out}}, nil
}

// https://docs.github.com/en/rest/checks/suites#rerequest-a-check-suite
func (c *call) rerequestSuite() (reply, error) {
	id, err := c.number("check_suite_id")
	if err != nil {
		return reply{}, err
	}
	at := slices.IndexFunc(c.repo.runs, func(k *checkRun) bool { return k.suite == id })
	if at < 0 {
		return reply{}, notFound()
	}
	k := c.repo.runs[at]
	c.emitToApp(k.app, c.repo, "check_suite", "rerequested", c.who.actor(c.Server), object{"check_suite": c.suiteJSON(c.repo, k)})
	return created(object{})
}

// https://docs.github.com/en/rest/checks/runs#rerequest-a-check-run
func (c *call) rerequestRun() (reply, error) {
	k, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	c.rerun(c.repo, k, c.who.actor(c.Server))
	return created(object{})
}

// RerunCheck is a person's click on "re-run" beside the newest check run of a
// name on a commit.
func (s *Server) RerunCheck(name, login, sha, check string) error {
	return s.withRepo(name, func(r *repo) error {
		for _, k := range slices.Backward(r.runs) {
			if string(k.head) == sha && k.name == check {
				s.rerun(r, k, s.user(login))
				return nil
			}
		}
		return fmt.Errorf("%s: no check run %q on %s", name, check, sha)
	})
}

// rerun asks the App of a run, and no other, to run it again.
func (s *Server) rerun(r *repo, k *checkRun, by *user) {
	k.status, k.conclusion, k.completed = "queued", "", time.Time{}
	s.emitToApp(k.app, r, "check_run", "rerequested", by, object{"check_run": s.checkJSON(r, k)})
}

// emitToApp queues an event for one App.
func (s *Server) emitToApp(a *app, r *repo, event, action string, by *user, payload object) {
	for _, i := range s.installations {
		if i.app == a && i.covers(r) && i.suspended.IsZero() {
			s.emitTo(i, r, event, action, by, payload)
		}
	}
}

func (s *Server) announceCheck(r *repo, k *checkRun, action string, by *user) {
	s.emit(r, "check_run", action, by, object{"check_run": s.checkJSON(r, k)})
}

func (s *Server) suiteJSON(r *repo, k *checkRun) object {
	return object{"id": k.suite, "node_id": fmt.Sprintf("CS_%d", k.suite), "head_sha": k.head, "head_branch": nil, "status": k.status,
		"conclusion": orNil(k.conclusion), "before": nil, "after": nil, "app": s.appJSON(k.app), "pull_requests": s.pullStubs(r, k.head),
		"url": s.api(fmt.Sprintf("repos/%s/check-suites/%d", r.full(), k.suite)), "created_at": stamp(k.started), "updated_at": stamp(k.started)}
}

// pullStubs are the open pull requests with a head.
func (s *Server) pullStubs(r *repo, head git.ID) []object {
	stub := func(ref string, sha git.ID) object {
		return object{"ref": ref, "sha": sha, "repo": object{"id": r.id, "name": r.name, "url": s.api("repos/" + r.full())}}
	}
	out := []object{}
	for _, i := range r.issues {
		if p := i.pull; p != nil && i.state == "open" && p.headSHA == head && p.fork == "" {
			out = append(out, object{"id": i.id, "number": i.number, "url": s.api(fmt.Sprintf("repos/%s/pulls/%d", r.full(), i.number)),
				"head": stub(p.head, p.headSHA), "base": stub(p.base, p.baseSHA)})
		}
	}
	return out
}

func (s *Server) checkJSON(r *repo, k *checkRun) object {
	url := s.api(fmt.Sprintf("repos/%s/check-runs/%d", r.full(), k.id))
	web := s.web(fmt.Sprintf("%s/runs/%d", r.full(), k.id))
	details := k.details
	if details == "" {
		details = web
	}
	return object{
		"id": k.id, "node_id": fmt.Sprintf("CR_%d", k.id), "name": k.name, "head_sha": k.head, "external_id": k.external, "url": url, "html_url": web,
		"details_url": details, "status": k.status, "conclusion": orNil(k.conclusion), "started_at": stamp(k.started), "completed_at": stampOrNil(k.completed),
		"output": object{"title": k.output.Title, "summary": k.output.Summary, "text": k.output.Text,
			"annotations_count": len(k.output.Annotations), "annotations_url": url + "/annotations"},
		"check_suite": object{"id": k.suite}, "app": s.appJSON(k.app), "pull_requests": s.pullStubs(r, k.head),
	}
}
