// Package forge names the parts of a code host that this program works with.
//
// It knows no API and no vendor: package ghapp turns these types into GitHub
// calls, and tests turn them into maps.
package forge

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a code host reports and callers act on.
// Implementations wrap them, so test with [errors.Is].
var (
	ErrNotFound     = errors.New("not found")
	ErrUnauthorized = errors.New("not authenticated")
	ErrForbidden    = errors.New("not permitted")
	ErrConflict     = errors.New("changed meanwhile")
	ErrRejected     = errors.New("refused by the repository's rules")
	ErrArchived     = errors.New("repository is archived or disabled")
	ErrSuspended    = errors.New("the App is suspended there")
	ErrEmpty        = errors.New("repository is empty")
	ErrForeign      = errors.New("the branch holds commits that are not ours")
	ErrMoved        = errors.New("repository was renamed or transferred")
	ErrUnavailable  = errors.New("code host does not answer as it should") // 5xx, HTML, cut-off JSON: try later

	ErrNoInstallation = errors.New("event names no installation")
)

// A RateLimitError asks the caller to come back later.
type RateLimitError struct {
	Until time.Time // when calls are taken again; UTC
	Err   error
}

func (e *RateLimitError) Error() string {
	return fmt.Sprintf("rate limited until %s: %v", e.Until.Format(time.RFC3339), e.Err)
}

func (e *RateLimitError) Unwrap() error { return e.Err }

// An AnnotationError says that a pull request is open, but that some of what
// belongs to it (labels, status, review comments) could not be added. Proposing
// the same again adds what is missing.
type AnnotationError struct {
	Pull int
	Err  error
}

func (e *AnnotationError) Error() string {
	return fmt.Sprintf("pull request #%d is open, but not complete: %v", e.Pull, e.Err)
}

func (e *AnnotationError) Unwrap() error { return e.Err }

// A RuleError names the rule of a repository that forbids a proposal. It is
// [ErrRejected], and nothing was written.
type RuleError struct {
	Rule string // type of the rule: "creation", "branch_name_pattern", …
	Why  string // what it forbids, and what to do
}

func (e *RuleError) Error() string { return fmt.Sprintf("the rule %s forbids it: %s", e.Rule, e.Why) }

func (e *RuleError) Unwrap() error { return ErrRejected }

// A MergeRefusedError says why the host did not merge. It is [ErrRejected].
type MergeRefusedError struct {
	Pull     int
	Contexts []string // statuses that are required and not there or not successful, as far as the host names them
	Message  string   // of the host
}

func (e *MergeRefusedError) Error() string {
	return fmt.Sprintf("merge of #%d is refused: %s", e.Pull, e.Message)
}

func (e *MergeRefusedError) Unwrap() error { return ErrRejected }

// An Installation is the App in one account.
type Installation struct {
	ID        int64
	Account   string // login of the user or organisation
	Suspended bool
}

// A SHA is the name of a commit or another git object: 40 (or 64) lower-case
// hexadecimal digits.
type SHA string

// Short returns the seven digits that people read.
func (s SHA) Short() string { return string(s[:min(7, len(s))]) }

// A File is one entry of the tree of a commit, without its content.
type File struct {
	Path string // slash-separated, from the root
	Mode Mode
	Blob SHA   // name of the content; the same content has the same name
	Size int64 // bytes
}

// A Mode is git's mode of a file.
// https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
type Mode string

const (
	ModeFile       Mode = "100644"
	ModeExecutable Mode = "100755"
	ModeSymlink    Mode = "120000"
	ModeSubmodule  Mode = "160000"
)

// Regular reports whether m is a file that holds text of its own. Links and
// submodules point elsewhere and are never followed.
func (m Mode) Regular() bool { return m == ModeFile || m == ModeExecutable }

// A CommitStatus says of one commit what one check thinks of it.
// https://docs.github.com/en/rest/commits/statuses
type CommitStatus struct {
	Context     string // "salve/remediation"; case-insensitive on GitHub
	State       State
	Description string // at most 140 characters
	URL         string // for details; may be empty
	Creator     string // login of who set it; filled in on reading
}

// A State is what a commit status says.
type State string

const (
	Success State = "success"
	Failure State = "failure" // the check ran and says no
	Error   State = "error"   // the check could not find out
	Pending State = "pending"
)

// The contexts of the statuses that this program sets. The first two may be
// required for merging; the others belong to deployed commits.
const (
	ContextPreDeployment  = "salve/pre-deployment"
	ContextRisk           = "salve/risk"
	ContextPostDeployment = "salve/post-deployment"
	ContextCanary         = "salve/canary"
	ContextRemediation    = "salve/remediation" // on this program's own pull requests
	ContextConfiguration  = "salve/configuration"
)
