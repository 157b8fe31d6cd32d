package webhook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// A payload holds what is used of all events that are listened to.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type payload struct {
	Action       string `json:"action"`
	Installation struct {
		ID int64 `json:"id"`
	} `json:"installation"`
	Repository repository `json:"repository"`
	Sender     user       `json:"sender"`

	Pull  *pull `json:"pull_request"`
	Label struct {
		Name string `json:"name"`
	} `json:"label"` // pull_request labeled and unlabeled

	Ref     string   `json:"ref"` // push, deployment_protection_rule
	Before  string   `json:"before"`
	After   string   `json:"after"`
	Commits []commit `json:"commits"`

	SHA         string `json:"sha"` // status, deployment_protection_rule
	Context     string `json:"context"`
	State       string `json:"state"`
	Description string `json:"description"`
	TargetURL   string `json:"target_url"`

	MergeGroup struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`

	CheckRun struct {
		ID         int64  `json:"id"`
		Name       string `json:"name"`
		HeadSHA    string `json:"head_sha"`
		Conclusion string `json:"conclusion"`
	} `json:"check_run"`
	CheckSuite struct {
		HeadSHA    string `json:"head_sha"`
		HeadBranch string `json:"head_branch"`
	} `json:"check_suite"`

	Deployment struct {
		ID          int64     `json:"id"`
		SHA         string    `json:"sha"`
		Ref         string    `json:"ref"`
		Environment string    `json:"environment"`
		CreatedAt   time.Time `json:"created_at"`
	} `json:"deployment"`
	DeploymentStatus struct {
		State       string    `json:"state"`
		Environment string    `json:"environment"`
		Description string    `json:"description"`
		TargetURL   string    `json:"target_url"`
		CreatedAt   time.Time `json:"created_at"`
	} `json:"deployment_status"`
	Environment string `json:"environment"` // deployment_protection_rule
	CallbackURL string `json:"deployment_callback_url"`

	Issue struct {
		Number    int       `json:"number"`
		Body      string    `json:"body"`
		State     string    `json:"state"`
		User      user      `json:"user"`
		UpdatedAt time.Time `json:"updated_at"`
	} `json:"issue"`
	Changes struct {
		Body *struct {
			From string `json:"from"`
		} `json:"body"`
	} `json:"changes"` // issues edited
	Comment struct {
		ID        int64     `json:"id"`
		Body      string    `json:"body"`
		User      user      `json:"user"`
		CreatedAt time.Time `json:"created_at"`
	} `json:"comment"`

	Repositories []repository `json:"repositories"` // installation
	Added        []repository `json:"repositories_added"`
	Removed      []repository `json:"repositories_removed"`
}

type user struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

type repository struct {
	FullName string `json:"full_name"`
	Default  string `json:"default_branch"`
}

type commit struct {
	Added    []string `json:"added"`
	Modified []string `json:"modified"`
	Removed  []string `json:"removed"`
}

type branch struct {
	Ref  string      `json:"ref"`
	SHA  string      `json:"sha"`
	Repo *repository `json:"repo"` // null when a fork was deleted
}

type pull struct {
	Number    int       `json:"number"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	State     string    `json:"state"`
	Draft     bool      `json:"draft"`
	Merged    bool      `json:"merged"`
	User      user      `json:"user"`
	Head      branch    `json:"head"`
	Base      branch    `json:"base"`
	URL       string    `json:"html_url"`
	UpdatedAt time.Time `json:"updated_at"`
	MergedAt  time.Time `json:"merged_at"`
	ClosedAt  time.Time `json:"closed_at"`
	Labels    []struct {
		Name string `json:"name"`
	} `json:"labels"`
}

// details says for each event that is listened to what it adds.
var details = map[forge.EventKind]func(*payload, *forge.Event) error{
	forge.EventPing:              func(*payload, *forge.Event) error { return nil },
	forge.EventPullRequest:       pullRequest,
	forge.EventPush:              push,
	forge.EventStatus:            status,
	forge.EventMergeGroup:        mergeGroup,
	forge.EventCheckRun:          checkRun,
	forge.EventCheckSuite:        checkSuite,
	forge.EventDeployment:        deployment,
	forge.EventDeploymentStatus:  deploymentStatus,
	forge.EventProtectionRule:    protectionRule,
	forge.EventIssueComment:      issueComment,
	forge.EventIssues:            issues,
	forge.EventInstallation:      installation,
	forge.EventInstallationRepos: installation,
}

func pullRequest(p *payload, e *forge.Event) (err error) {
	if p.Pull == nil || p.Pull.Number <= 0 {
		return fmt.Errorf("names no pull request")
	}
	in := p.Pull
	e.Issue, e.At, e.Label = in.Number, in.UpdatedAt, p.Label.Name
	e.Pull = forge.PullRequest{
		Repo: e.Repo, Number: in.Number, Title: in.Title, Body: in.Body,
		Branch: in.Head.Ref, Base: in.Base.Ref, Open: in.State == "open", Merged: in.Merged, Draft: in.Draft,
		Fork:   in.Head.Repo == nil || !strings.EqualFold(in.Head.Repo.FullName, e.Repo.String()),
		Author: in.User.Login, URL: in.URL, UpdatedAt: in.UpdatedAt, MergedAt: in.MergedAt, ClosedAt: in.ClosedAt,
	}
	if e.Action == "closed" {
		e.Pull.ClosedBy = e.Sender
	}
	for _, l := range in.Labels {
		e.Pull.Labels = append(e.Pull.Labels, l.Name)
	}
	if e.Pull.Head, err = sha(in.Head.SHA); err != nil {
		return err
	}
	e.Head = e.Pull.Head
	e.Pull.BaseSHA, err = sha(in.Base.SHA)
	return err
}

func push(p *payload, e *forge.Event) (err error) {
	e.Ref = p.Ref
	if strings.Trim(p.After, "0") != "" { // all zeros: the branch was deleted
		if e.Head, err = sha(p.After); err != nil {
			return err
		}
	}
	if strings.Trim(p.Before, "0") != "" {
		if e.BaseSHA, err = sha(p.Before); err != nil {
			return err
		}
	}
	for _, c := range p.Commits {
		e.Paths = append(append(append(e.Paths, c.Added...), c.Modified...), c.Removed...)
	}
	return nil
}

func status(p *payload, e *forge.Event) (err error) {
	e.Status = forge.CommitStatus{
		Context: p.Context, State: forge.State(p.State), Description: p.Description, URL: p.TargetURL, Creator: e.Sender,
	}
	e.Head, err = sha(p.SHA)
	return err
}

func mergeGroup(p *payload, e *forge.Event) (err error) {
	e.Ref = p.MergeGroup.HeadRef
	e.Base = strings.TrimPrefix(p.MergeGroup.BaseRef, "refs/heads/")
	if e.Head, err = sha(p.MergeGroup.HeadSHA); err != nil {
		return err
	}
	e.BaseSHA, err = sha(p.MergeGroup.BaseSHA)
	return err
}

func checkRun(p *payload, e *forge.Event) (err error) {
	e.Head, err = sha(p.CheckRun.HeadSHA)
	e.Check = forge.CheckRun{ID: p.CheckRun.ID, Name: p.CheckRun.Name, Head: e.Head, Conclusion: p.CheckRun.Conclusion}
	return err
}

func checkSuite(p *payload, e *forge.Event) (err error) {
	e.Ref = p.CheckSuite.HeadBranch
	e.Head, err = sha(p.CheckSuite.HeadSHA)
	return err
}

func deployment(p *payload, e *forge.Event) (err error) {
	e.Deployment, e.Environment = p.Deployment.ID, p.Deployment.Environment
	e.Ref, e.At = p.Deployment.Ref, p.Deployment.CreatedAt
	e.Head, err = sha(p.Deployment.SHA)
	return err
}

func deploymentStatus(p *payload, e *forge.Event) error {
	in := p.DeploymentStatus
	e.Status = forge.CommitStatus{State: forge.State(in.State), Description: in.Description, URL: in.TargetURL, Creator: e.Sender}
	err := deployment(p, e)
	if in.Environment != "" {
		e.Environment = in.Environment
	}
	e.At = in.CreatedAt
	return err
}

// callbackForm finds the workflow run in a callback URL. Nothing else of that
// URL is used: the answer goes to a URL that we build ourselves.
var callbackForm = regexp.MustCompile(`/repos/([^/]+/[^/]+)/actions/runs/([0-9]{1,18})/deployment_protection_rule$`)

func protectionRule(p *payload, e *forge.Event) (err error) {
	if err := deployment(p, e); err != nil && p.SHA == "" {
		return err // neither the deployment, which may be null, nor the event has a commit
	}
	if p.SHA != "" {
		if e.Head, err = sha(p.SHA); err != nil {
			return err
		}
		e.Ref = p.Ref
	}
	e.Environment = p.Environment
	m := callbackForm.FindStringSubmatch(p.CallbackURL)
	if m == nil || !strings.EqualFold(m[1], e.Repo.String()) {
		return fmt.Errorf("callback URL %.200q names no workflow run of %s", p.CallbackURL, e.Repo)
	}
	e.Run, err = strconv.ParseInt(m[2], 10, 64)
	return err
}

func issueComment(p *payload, e *forge.Event) error {
	e.Comment = forge.Comment{ID: p.Comment.ID, Author: p.Comment.User.Login, Body: p.Comment.Body}
	e.At = p.Comment.CreatedAt
	return issues(p, e)
}

func issues(p *payload, e *forge.Event) error {
	e.Issue = p.Issue.Number
	if e.Issue <= 0 {
		return fmt.Errorf("names no issue")
	}
	if e.Kind != forge.EventIssues {
		return nil
	}
	e.At = p.Issue.UpdatedAt // the edit itself has no time
	e.Edit = forge.Edit{Author: p.Issue.User.Login, Open: p.Issue.State == "open", To: p.Issue.Body, From: p.Issue.Body}
	if p.Changes.Body != nil {
		e.Edit.From = p.Changes.Body.From
	}
	return nil
}

func installation(p *payload, e *forge.Event) (err error) {
	if e.Repos, err = repos(append(p.Repositories, p.Added...)); err != nil {
		return err
	}
	e.Removed, err = repos(p.Removed)
	return err
}

func repos(in []repository) ([]forge.Repo, error) {
	var out []forge.Repo
	for _, r := range in {
		repo, err := forge.ParseRepo(r.FullName)
		if err != nil {
			return nil, err
		}
		out = append(out, repo)
	}
	return out, nil
}

// sha checks the name of a commit.
func sha(s string) (forge.SHA, error) {
	if err := forge.SHA(s).Validate(); err != nil {
		return "", err
	}
	return forge.SHA(s), nil
}
