package forge

import "time"

// An Event is something that happened on the code host, as far as this program
// listens. Fields that do not belong to its kind are empty.
type Event struct {
	Delivery     string // GUID of the webhook delivery; the same on a redelivery
	Kind         EventKind
	Action       string // "opened", "synchronize", "closed", …; empty where the host names none
	Installation int64
	Repo         Repo
	Sender       string // login
	SenderBot    bool
	Pull         PullRequest // of pull_request events
	Label        string      // of pull_request events that put a label on or take it off
	Ref          string      // of push events: "refs/heads/main"
	Head         SHA         // of push, status, merge_group and deployment events
	Environment  string      // of deployment events
	Status       CommitStatus
	Default      string   // default branch of Repo
	Repos        []Repo   // of installation events: repositories added or named
	Removed      []Repo   // of installation_repositories events
	Paths        []string // of push events: files that changed, as far as the payload lists them

	Base       string    // of merge_group events: branch that is merged into
	BaseSHA    SHA       // of merge_group and push events: commit before
	Issue      int       // of issues and issue_comment events; pull requests are issues too
	Comment    Comment   // of issue_comment events
	Edit       Edit      // of issues events
	Check      CheckRun  // of check_run events
	Deployment int64     // of deployment events
	Run        int64     // of deployment_protection_rule events: workflow run that waits
	At         time.Time // when the host says it happened; zero where it does not
}

// A Comment is a remark on an issue or a pull request.
type Comment struct {
	ID     int64
	Author string // login
	Body   string
}

// An Edit is what became of an issue: its body before and after, which are the
// same where something else was changed.
type Edit struct {
	Author   string // login of who opened the issue
	Open     bool
	From, To string
}

// An EventKind is the name of a webhook event.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type EventKind string

const (
	EventPullRequest       EventKind = "pull_request"
	EventPush              EventKind = "push"
	EventStatus            EventKind = "status"
	EventMergeGroup        EventKind = "merge_group"
	EventCheckRun          EventKind = "check_run"
	EventCheckSuite        EventKind = "check_suite"
	EventDeployment        EventKind = "deployment"
	EventDeploymentStatus  EventKind = "deployment_status"
	EventProtectionRule    EventKind = "deployment_protection_rule"
	EventIssueComment      EventKind = "issue_comment"
	EventIssues            EventKind = "issues"
	EventInstallation      EventKind = "installation"
	EventInstallationRepos EventKind = "installation_repositories"
	EventPing              EventKind = "ping"
)
