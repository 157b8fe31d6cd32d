package policy

import "time"

// Where a repository keeps what it says to this program. They are read from the
// default branch only.
const (
	File       = ".github/salve.yml"
	RemedyPath = ".github/salve/remedies" // *.yaml: the repository's own remedies
	QueryPath  = ".github/salve/queries"  // *.dql: checked here, asked only where salve serve names the directory
)

// Config is what .github/salve.yml says. The zero Config is that of a
// repository without the file, and permits no write; [Parse] starts from
// [Default].
type Config struct {
	// Version of this format: 1.
	Version int `yaml:"version"`
	// DryRun lets Salve decide and log, and write nothing. What it had asked
	// GitHub to merge by itself it takes back.
	DryRun bool `yaml:"dry-run"`
	// Repositories are globs of names: "shop-*". They count in the file of the
	// repository called .github alone. All that it says but its services then
	// holds for each repository of the same owner that has no file of its own
	// and one of these names: Salve may write to all of those that it is
	// installed on.
	Repositories []string `yaml:"repositories"`
	// Environments say which files, clusters and namespaces belong to which
	// environment. Without them, names of directories decide.
	Environments map[string]Environment `yaml:"environments"`
	// Services say which monitored entities belong together, and where their
	// values are written.
	Services map[string]Service `yaml:"services"`
	// Remedies bound each kind of change, by its name, such as memory-limit.
	Remedies map[string]Remedy `yaml:"remedies"`
	// Limits keep the number of pull requests bearable.
	Limits Limits `yaml:"limits"`
	// Recurrence is how long after the merge of a change its problem counts as
	// come back: the pull request is then labelled ineffective, else effective.
	Recurrence Duration `yaml:"recurrence"`
	// Dashboard opens one issue that shows what is proposed and what waits, with
	// boxes that act for whoever may write.
	Dashboard bool `yaml:"dashboard"`
	// Review is whether a pull request of a person gets a remark where a value
	// in it goes against an open problem, or undoes a remedy that was merged
	// within Recurrence. Drafts get none.
	Review bool `yaml:"review"`
	// PullRequests says how pull requests are opened.
	PullRequests PullRequests `yaml:"pull-requests"`
	// Labels of pull requests.
	Labels Labels `yaml:"labels"`
	// Gates that set commit statuses.
	Gates map[GateName]Gate `yaml:"gates"`
	// Severity of problems by event.category, where Dynatrace gives no
	// event.severity.
	Severity map[Category]Severity `yaml:"severity"`
	// Anchors says whether a value that several places share through a YAML
	// anchor, a local or a variable may be changed; the pull request then names
	// them all.
	Anchors Sharing `yaml:"anchors"`

	source source // where each setting stands, for errors
}

// An Environment is a place that services run in. A file or an entity belongs
// to it if at least one of the lists matches and none that could match fails.
type Environment struct {
	// Paths are globs of files: "overlays/production/**".
	Paths []string `yaml:"paths"`
	// Clusters are globs of k8s.cluster.name.
	Clusters []string `yaml:"clusters"`
	// Namespaces are globs of k8s.namespace.name.
	Namespaces []string `yaml:"namespaces"`
	// Tags are globs of entity tags: "env:prod*".
	Tags []string `yaml:"tags"`
	// VarFiles are the tfvars files that Terraform is run with here.
	VarFiles []string `yaml:"var-files"`
	// OnUnknown is what a gate does at its deadline when it could not find out:
	// block where the environment is called production, else warn.
	OnUnknown OnUnknown `yaml:"on-unknown"`
}

// A Service is a group of monitored entities with one owner.
type Service struct {
	// Match says which entities belong to the service; one hit is enough.
	Match Match `yaml:"match"`
	// Environment that the service runs in, unless a place of Owns says
	// another.
	Environment string `yaml:"environment"`
	// Owns are the places where the values of the service are written. For each
	// remedy and environment there may be one.
	Owns []Place `yaml:"owns"`
	// Remedies override those of the repository for this service.
	Remedies map[string]Remedy `yaml:"remedies"`
	// Rollout names the two sides of a canary release, for the gate canary.
	Rollout Rollout `yaml:"rollout"`
}

// Rollout names the two sides of a canary release. A side is a workload, an
// entity id, a name or a release version.
type Rollout struct {
	// Canary is the new side: "checkout-canary".
	Canary string `yaml:"canary"`
	// Stable is the side that it is compared with: "checkout".
	Stable string `yaml:"stable"`
	// Weight is the canary's share of the traffic: 10%. Half, where nothing is
	// said.
	Weight Share `yaml:"weight"`
}

// Match names monitored entities.
type Match struct {
	// Workloads are globs of namespace/name: "shop/checkout".
	Workloads []string `yaml:"workloads"`
	// Entities are ids: "SERVICE-3E2A1B0C9D8F7E6A", "HOST-…".
	Entities []string `yaml:"entities"`
	// Names are globs of the names of entities.
	Names []string `yaml:"names"`
	// Tags are globs of entity tags.
	Tags []string `yaml:"tags"`
}

// A Place is where a value is written: exactly one of Kubernetes, Values,
// Config, Terraform and New is set.
type Place struct {
	// For is the remedy that this place is for. A Kubernetes place without it is
	// for every remedy that edits a workload.
	For string `yaml:"for"`
	// Kubernetes is a workload: "Deployment shop/checkout".
	Kubernetes string `yaml:"kubernetes"`
	// Values is a Helm values file.
	Values string `yaml:"values"`
	// Config is a ConfigMap's or another YAML or JSON file.
	Config string `yaml:"config"`
	// Terraform is an address: aws_autoscaling_group.web.max_size.
	Terraform string `yaml:"terraform"`
	// New is a file that may be created.
	New string `yaml:"new"`
	// Path of the value in Values or Config: resources.limits.memory.
	Path string `yaml:"path"`
	// Container of a Kubernetes place; needed where there are several.
	Container string `yaml:"container"`
	// File narrows a Kubernetes or Terraform place to one file or directory.
	File string `yaml:"file"`
	// Environment that this place is for, where it differs from the service's.
	Environment string `yaml:"environment"`
}

// A Remedy bounds one kind of change.
type Remedy struct {
	// Enabled is true unless said otherwise.
	Enabled *bool `yaml:"enabled"`
	// Ceiling is the value that is never passed: 2Gi, 10, m5.2xlarge.
	Ceiling Amount `yaml:"ceiling"`
	// Initial is the value to write where there is none and nothing was
	// measured.
	Initial Amount `yaml:"initial"`
	// Step is the factor of one change, above 1 and at most 2: 1.25 or 25%.
	Step Factor `yaml:"step"`
	// Cooldown is how long a merged change is left to take effect: 24h.
	Cooldown Duration `yaml:"cooldown"`
	// Environments that the remedy is used in; all if there are none.
	Environments []string `yaml:"environments"`
	// AutoMerge names the environments in which GitHub merges the pull request
	// by itself once the required checks and reviews of the base branch are
	// there. Production is none of them unless it is named.
	AutoMerge []string `yaml:"auto-merge"`
}

// Limits keep the number of pull requests bearable.
type Limits struct {
	// Open is how many pull requests there may be at a time; 0 for none.
	Open int `yaml:"open"`
	// PerService is how many there may be at a time for one service in one
	// environment: with 1 its changes come one after the other. There is no such
	// limit unless it is written.
	PerService int `yaml:"per-service"`
	// PerHour is how many pull requests may be opened in an hour.
	PerHour int `yaml:"per-hour"`
	// Declined is how long a pull request that people closed is not proposed
	// again.
	Declined Duration `yaml:"declined"`
	// Quiet times, in which nothing is opened.
	Quiet []Window `yaml:"quiet"`
}

// PullRequests says how pull requests are opened.
type PullRequests struct {
	// Draft opens them as drafts.
	Draft bool `yaml:"draft"`
	// Comment explains the new value on the changed line.
	Comment bool `yaml:"comment"`
	// CodeOwners asks the owners of the changed files for a review.
	CodeOwners bool `yaml:"code-owners"`
	// Reviewers are logins, or teams as organisation/team.
	Reviewers []string `yaml:"reviewers"`
	// Assignees are logins.
	Assignees []string `yaml:"assignees"`
}

// Labels of pull requests.
type Labels struct {
	// Prefix stands before the name of every label.
	Prefix string `yaml:"prefix"`
	// Add are labels beside Salve's own.
	Add []string `yaml:"add"`
}

// A Gate sets one commit status.
type Gate struct {
	// Mode is off, shadow (the verdict is recorded and shown, and passes) or
	// enforce.
	Mode Mode `yaml:"mode"`
	// OnUnknown overrides that of the environment.
	OnUnknown OnUnknown `yaml:"on-unknown"`
	// Deadline by which the gate gives its verdict.
	Deadline Duration `yaml:"deadline"`
	// Clean is how long there must have been no blocking problem before the gate
	// lets pass; for a canary, how long it is observed at least.
	Clean Duration `yaml:"clean"`
	// BreakGlass says who may pass the gate in spite of its verdict.
	BreakGlass BreakGlass `yaml:"break-glass"`
}

// BreakGlass says who may pass a gate in spite of its verdict: by the label
// "break-glass: REASON", or the comment "/salve break-glass REASON".
type BreakGlass struct {
	// Permission in the repository that it takes: admin unless said otherwise.
	Permission Role `yaml:"permission"`
	// For is how long it holds: 4h unless said otherwise.
	For Duration `yaml:"for"`
}

// Default returns what holds where .github/salve.yml says nothing.
func Default() Config {
	return Config{
		Version: 1,
		Limits: Limits{
			Open:     10,
			PerHour:  4,
			Declined: Duration(30 * 24 * time.Hour),
		},
		Recurrence:   Duration(RecurrenceWindow),
		Review:       true,
		PullRequests: PullRequests{Comment: true, CodeOwners: true},
		Anchors:      Refuse,
	}
}

// defaultCooldown is longer than the six hours that Amazon RDS needs between
// two changes of a volume, and than most roll-outs.
const defaultCooldown = 24 * time.Hour

// defaultGates are those of the failure policy for gates: the verdict before a
// deployment within 30 minutes and after three clean ones, the verdict after it
// at the end of 15, a canary's within two hours and not before half an hour.
func defaultGate(name GateName) Gate {
	g := Gate{
		Mode: Off, Clean: Duration(3 * time.Minute), Deadline: Duration(30 * time.Minute),
		BreakGlass: BreakGlass{Permission: Admin, For: Duration(4 * time.Hour)},
	}
	switch name {
	case PreDeployment:
		g.Mode = Enforce
	case PostDeployment:
		g.Deadline = Duration(15 * time.Minute)
	case Canary:
		g.Deadline, g.Clean = Duration(2*time.Hour), Duration(30*time.Minute)
	}
	return g
}
