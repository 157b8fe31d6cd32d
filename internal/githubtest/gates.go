package githubtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A gateRequest is a deployment of a workflow that waits for a protection rule.
type gateRequest struct {
	run         int64
	environment string
	ref         string
	sha         git.ID
	app         *app
	state       string   // pending, approved, rejected
	comments    []string // the reports and the last word
	created     time.Time
}

// A Gate is a deployment that waits for, or has got, the word of an App as a
// custom deployment protection rule.
type Gate struct {
	Run         int64
	Environment string
	State       string   // pending, approved, rejected
	Comments    []string // reports, oldest first
}

// maxReports is how many reports without a decision a deployment takes, and
// maxReport the characters of one.
// https://docs.github.com/en/actions/managing-workflow-runs-and-deployments/managing-deployments/creating-custom-deployment-protection-rules
const (
	maxReports = 10
	maxReport  = 1024
)

// AskGate lets a workflow run of a person come to an environment that an App
// protects, and returns the number of the run.
func (s *Server) AskGate(name, login string, appID int64, ref, environment string) (run int64, err error) {
	err = s.withRepo(name, func(r *repo) error {
		commit, found := r.commit(ref)
		a := s.apps[appID]
		if !found || a == nil {
			return fmt.Errorf("%s: no ref %q or no app %d", name, ref, appID)
		}
		g := &gateRequest{run: s.id(), environment: environment, ref: ref, sha: commit.ID, app: a, state: "pending", created: s.now()}
		r.gates = append(r.gates, g)
		run = g.run
		by := s.user(login)
		d := &deployment{id: s.id(), ref: ref, sha: g.sha, task: "deploy", environment: environment, payload: json.RawMessage("{}"), by: by, created: s.now()}
		s.emitToApp(a, r, "deployment_protection_rule", "requested", by, object{
			"environment": environment, "event": "push", "sha": g.sha, "ref": "refs/heads/" + ref, "pull_requests": s.pullStubs(r, g.sha),
			"deployment":              s.deploymentJSON(r, d),
			"deployment_callback_url": s.api(fmt.Sprintf("repos/%s/actions/runs/%d/deployment_protection_rule", r.full(), g.run)),
		})
		return nil
	})
	return run, err
}

// Gates returns the deployments of a repository that came to a protected
// environment, oldest first.
func (s *Server) Gates(name string) ([]Gate, error) {
	var all []Gate
	err := s.withRepo(name, func(r *repo) error {
		for _, g := range r.gates {
			all = append(all, Gate{g.run, g.environment, g.state, slices.Clone(g.comments)})
		}
		return nil
	})
	return all, err
}

// gate returns the waiting deployment of the path.
func (c *call) gate() (*gateRequest, error) {
	id, err := c.number("run_id")
	at := slices.IndexFunc(c.repo.gates, func(g *gateRequest) bool { return g.run == id })
	if err != nil || at < 0 {
		return nil, notFound()
	}
	return c.repo.gates[at], nil
}

// https://docs.github.com/en/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
func (c *call) answerGate() (reply, error) {
	g, err := c.gate()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		Environment *string `json:"environment_name"`
		State       *string
		Comment     *string
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	switch {
	case c.who.app != g.app:
		return reply{}, forbidden()
	case in.Environment == nil:
		return reply{}, missing("environment_name")
	case *in.Environment != g.environment || g.state != "pending":
		return reply{}, unprocessable("No pending custom deployment requests to approve or reject")
	case in.State == nil && in.Comment == nil:
		return reply{}, missing("comment")
	case in.State != nil && *in.State != "approved" && *in.State != "rejected":
		return reply{}, unprocessable("Invalid request.\n\n%s is not a member of [\"approved\", \"rejected\"].", *in.State)
	case in.Comment != nil && len([]rune(*in.Comment)) > maxReport:
		return reply{}, unprocessable("comment is too long (maximum is %d characters)", maxReport)
	case in.State == nil && len(g.comments) >= maxReports:
		return reply{}, unprocessable("The maximum number of status reports has been reached.")
	}
	if in.Comment != nil {
		g.comments = append(g.comments, *in.Comment)
	}
	if in.State != nil {
		g.state = *in.State
	}
	return noContent()
}

// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
func (c *call) getRun() (reply, error) {
	g, err := c.gate()
	if err != nil {
		return reply{}, err
	}
	commit, err := c.repo.git.Commit(g.sha)
	if err != nil {
		return reply{}, err
	}
	url := c.api(fmt.Sprintf("repos/%s/actions/runs/%d", c.repo.full(), g.run))
	status, conclusion := map[string]string{"pending": "waiting", "approved": "in_progress", "rejected": "completed"}[g.state], any(nil)
	if g.state == "rejected" {
		conclusion = "failure"
	}
	title, _, _ := strings.Cut(commit.Message, "\n")
	o := object{
		"id": g.run, "node_id": fmt.Sprintf("WFR_%d", g.run), "name": "deploy", "display_title": title, "path": ".github/workflows/deploy.yml",
		"event": "push", "status": status, "conclusion": conclusion, "run_number": 1, "run_attempt": 1, "workflow_id": 1,
		"head_branch": g.ref, "head_sha": g.sha, "head_commit": object{"id": commit.ID, "tree_id": commit.Tree, "message": commit.Message,
			"timestamp": stamp(commit.Committer.When), "author": object{"name": commit.Author.Name, "email": commit.Author.Email},
			"committer": object{"name": commit.Committer.Name, "email": commit.Committer.Email}},
		"repository": c.repoJSON(c.repo), "head_repository": c.repoJSON(c.repo), "pull_requests": c.pullStubs(c.repo, g.sha),
		"created_at": stamp(g.created), "updated_at": stamp(g.created), "url": url, "html_url": c.web(fmt.Sprintf("%s/actions/runs/%d", c.repo.full(), g.run)),
	}
	for _, name := range []string{"jobs", "logs", "check_suite", "artifacts", "cancel", "rerun", "workflow"} {
		o[name+"_url"] = url + "/" + name
	}
	return ok(o)
}
