package githubtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A deployment is a request to deploy a commit to an environment.
type deployment struct {
	id          int64
	ref         string
	sha         git.ID
	task        string
	environment string
	description string
	payload     json.RawMessage
	by          *user
	created     time.Time
	statuses    []*deploymentStatus // oldest first
}

type deploymentStatus struct {
	id             int64
	state          string
	description    string
	target         string
	environment    string
	environmentURL string
	by             *user
	created        time.Time
}

// A deploymentInput is the body of a request that makes a deployment.
type deploymentInput struct {
	Ref, Task, Environment, Description string
	Payload                             json.RawMessage
	RequiredContexts                    *[]string `json:"required_contexts"`
}

// https://docs.github.com/en/rest/deployments/deployments#create-a-deployment
func (c *call) createDeployment() (reply, error) {
	var in deploymentInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	d, err := c.deploy(c.repo, in, c.who.actor(c.Server))
	if err != nil {
		return reply{}, err
	}
	return created(c.deploymentJSON(c.repo, d))
}

// deploy makes a deployment. It refuses a commit whose statuses are not all
// successful, or those named in required_contexts.
func (s *Server) deploy(r *repo, in deploymentInput, by *user) (*deployment, error) {
	commit, found := r.commit(in.Ref)
	switch {
	case in.Ref == "":
		return nil, missing("ref")
	case !found:
		return nil, unprocessable("No ref found for: %s", in.Ref)
	case len([]rune(in.Description)) > maxDescription:
		return nil, invalid("Deployment", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	bad := []any{}
	for _, st := range r.latest(commit.ID) {
		asked := in.RequiredContexts == nil || slices.Contains(*in.RequiredContexts, st.context)
		if asked && st.state != "success" {
			bad = append(bad, object{"contexts": []object{{"context": st.context, "state": st.state}}, "resource": "Deployment", "field": "required_contexts", "code": "invalid"})
		}
	}
	if len(bad) > 0 {
		return nil, &failure{status: http.StatusConflict, message: fmt.Sprintf("Conflict: Commit status checks failed for %s.", in.Ref), errors: bad}
	}
	d := &deployment{id: s.id(), ref: in.Ref, sha: commit.ID, task: cmp.Or(in.Task, "deploy"), environment: cmp.Or(in.Environment, "production"),
		description: in.Description, payload: in.Payload, by: by, created: s.now()}
	if d.payload == nil {
		d.payload = json.RawMessage("{}")
	}
	r.deployments = append(r.deployments, d)
	s.emit(r, "deployment", "created", by, object{"deployment": s.deploymentJSON(r, d), "workflow": nil, "workflow_run": nil})
	return d, nil
}

// https://docs.github.com/en/rest/deployments/deployments#list-deployments
func (c *call) listDeployments() (reply, error) {
	var all []*deployment
	for _, d := range slices.Backward(c.repo.deployments) {
		if d.environment == c.query("environment", d.environment) && string(d.sha) == c.query("sha", string(d.sha)) && d.ref == c.query("ref", d.ref) {
			all = append(all, d)
		}
	}
	return list(c, all, func(d *deployment) object { return c.deploymentJSON(c.repo, d) })
}

// deployment returns the deployment of the path.
func (c *call) deployment() (*deployment, error) {
	id, err := c.number("deployment_id")
	at := slices.IndexFunc(c.repo.deployments, func(d *deployment) bool { return d.id == id })
	if err != nil || at < 0 {
		return nil, notFound()
	}
	return c.repo.deployments[at], nil
}

// https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
func (c *call) createDeploymentStatus() (reply, error) {
	d, err := c.deployment()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		State, Description, Environment string
		LogURL                          string `json:"log_url"`
		TargetURL                       string `json:"target_url"`
		EnvironmentURL                  string `json:"environment_url"`
		AutoInactive                    *bool  `json:"auto_inactive"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	st := &deploymentStatus{state: in.State, description: in.Description, target: cmp.Or(in.LogURL, in.TargetURL),
		environment: cmp.Or(in.Environment, d.environment), environmentURL: in.EnvironmentURL, by: c.who.actor(c.Server)}
	if err := c.setDeploymentStatus(c.repo, d, st); err != nil {
		return reply{}, err
	}
	if in.AutoInactive == nil || *in.AutoInactive {
		if err := c.replace(c.repo, d); err != nil {
			return reply{}, err
		}
	}
	return created(c.deploymentStatusJSON(c.repo, d, st))
}

func (s *Server) setDeploymentStatus(r *repo, d *deployment, st *deploymentStatus) error {
	switch {
	case st.state == "":
		return missing("state")
	case !slices.Contains([]string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}, st.state):
		return invalid("DeploymentStatus", "state", "invalid", "")
	case len([]rune(st.description)) > maxDescription:
		return invalid("DeploymentStatus", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	st.id, st.created = s.id(), s.now()
	d.statuses = append(d.statuses, st)
	s.emit(r, "deployment_status", "created", st.by, object{"deployment": s.deploymentJSON(r, d), "deployment_status": s.deploymentStatusJSON(r, d, st),
		"check_run": nil, "workflow": nil, "workflow_run": nil})
	return nil
}

// replace makes the deployments before d inactive, if d succeeded: those to the
// same environment that had succeeded, unless it is production.
func (s *Server) replace(r *repo, d *deployment) error {
	if d.environment == "production" || d.statuses[len(d.statuses)-1].state != "success" {
		return nil
	}
	for _, old := range r.deployments {
		if old == d || old.environment != d.environment || old.id > d.id || len(old.statuses) == 0 {
			continue
		}
		if last := old.statuses[len(old.statuses)-1]; last.state == "success" {
			inactive := &deploymentStatus{state: "inactive", environment: old.environment, by: last.by}
			if err := s.setDeploymentStatus(r, old, inactive); err != nil {
				return err
			}
		}
	}
	return nil
}

// A DeploymentStatus is one of a deployment to an environment.
type DeploymentStatus struct {
	Deployment  int64
	Environment string
	State       string
	Description string
	URL         string // of the log
	By          string // login
}

// DeploymentStatuses returns those of all deployments of a repository, by
// deployment and in the order in which they were set.
func (s *Server) DeploymentStatuses(name string) (all []DeploymentStatus, err error) {
	err = s.withRepo(name, func(r *repo) error {
		for _, d := range r.deployments {
			for _, st := range d.statuses {
				all = append(all, DeploymentStatus{d.id, st.environment, st.state, st.description, st.target, st.by.login})
			}
		}
		return nil
	})
	return all, err
}

// https://docs.github.com/en/rest/deployments/statuses#list-deployment-statuses
func (c *call) listDeploymentStatuses() (reply, error) {
	d, err := c.deployment()
	if err != nil {
		return reply{}, err
	}
	newest := slices.Clone(d.statuses)
	slices.Reverse(newest)
	return list(c, newest, func(st *deploymentStatus) object { return c.deploymentStatusJSON(c.repo, d, st) })
}

// Deploy makes a deployment of a ref to an environment as a person's pipeline
// does, and sets its states in turn. It returns its number.
func (s *Server) Deploy(name, login, ref, environment string, states ...string) (id int64, err error) {
	err = s.withRepo(name, func(r *repo) error {
		d, err := s.deploy(r, deploymentInput{Ref: ref, Environment: environment, RequiredContexts: &[]string{}}, s.user(login))
		if err != nil {
			return err
		}
		id = d.id
		for _, state := range states {
			err := s.setDeploymentStatus(r, d, &deploymentStatus{state: state, environment: d.environment, by: s.user(login)})
			if err := errors.Join(err, s.replace(r, d)); err != nil {
				return err
			}
		}
		return nil
	})
	return id, err
}

// https://docs.github.com/en/rest/deployments/environments#list-environments
func (c *call) listEnvironments() (reply, error) {
	var names []string
	for _, d := range c.repo.deployments {
		names = append(names, d.environment)
	}
	for _, g := range c.repo.gates {
		names = append(names, g.environment)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	items, h := page(c, names)
	out := []object{}
	for n, name := range items {
		out = append(out, object{"id": n + 1, "node_id": "EN_" + name, "name": name, "url": c.api("repos/" + c.repo.full() + "/environments/" + name),
			"html_url": c.web(c.repo.full() + "/deployments/" + name), "created_at": stamp(c.repo.created), "updated_at": stamp(c.repo.created)})
	}
	return reply{status: http.StatusOK, header: h, body: object{"total_count": len(names), "environments": out}}, nil
}

func (s *Server) deploymentJSON(r *repo, d *deployment) object {
	url := s.api(fmt.Sprintf("repos/%s/deployments/%d", r.full(), d.id))
	return object{
		"id": d.id, "node_id": fmt.Sprintf("DE_%d", d.id), "url": url, "sha": d.sha, "ref": d.ref, "task": d.task, "payload": d.payload,
		"original_environment": d.environment, "environment": d.environment, "description": orNil(d.description), "creator": s.userJSON(d.by),
		"created_at": stamp(d.created), "updated_at": stamp(d.created), "statuses_url": url + "/statuses", "repository_url": s.api("repos/" + r.full()),
		"transient_environment": false, "production_environment": d.environment == "production",
	}
}

func (s *Server) deploymentStatusJSON(r *repo, d *deployment, st *deploymentStatus) object {
	url := s.api(fmt.Sprintf("repos/%s/deployments/%d", r.full(), d.id))
	return object{
		"id": st.id, "node_id": fmt.Sprintf("DES_%d", st.id), "url": fmt.Sprintf("%s/statuses/%d", url, st.id), "state": st.state,
		"creator": s.userJSON(st.by), "description": st.description, "environment": st.environment, "target_url": st.target, "log_url": st.target,
		"environment_url": st.environmentURL, "created_at": stamp(st.created), "updated_at": stamp(st.created),
		"deployment_url": url, "repository_url": s.api("repos/" + r.full()),
	}
}
