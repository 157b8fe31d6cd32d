package forge

import (
	"time"

	"github.com/salvehq/salve/internal/patch"
)

// BranchPrefix begins the name of every branch that this program makes. It
// writes to no other.
const BranchPrefix = "salve/"

// ConfigureBranch is the branch that offers a configuration, and the only one
// that adds one.
const ConfigureBranch = BranchPrefix + "configure"

// A Proposal is a pull request that is not open yet. (GitHub calls something
// else a draft.)
type Proposal struct {
	Key     string // what makes two proposals the same: repository, environment, target, remedy
	Repo    Repo
	Base    string // branch that the change is for
	BaseSHA SHA    // commit that Changes was computed on
	Branch  string // made from Key; the same key is the same branch
	Title   string // one line, at most 256 characters
	Body    string // Markdown, at most 65,536 characters; holds the marker with Key
	Message string // of the commit
	Labels  []Label
	Draft   bool
	// Reviewers are asked once, when the pull request is made: logins, and teams
	// as organisation/team.
	Reviewers []string
	// Owners of the changed files are asked with them. The host may ask them by
	// itself as well, so nothing is said of those whom it does not take from us.
	Owners    []string
	Assignees []string // logins; likewise
	// AutoMerge lets the host merge the pull request once the rules of the base
	// branch are met. It is asked for once too, and only for the head that was
	// proposed.
	AutoMerge bool
	Changes   patch.ChangeSet
	Comments  []LineComment
	Status    CommitStatus // to set on the head as soon as it exists
	Evidence  string       // digest of what Body was made from; unchanged evidence is not written again

	// Tentative says that something could not be asked for a moment which would
	// have changed the proposal: an open pull request is left as it is.
	Tentative bool

	// Reconsider forgets the refusals before it: a pull request that people
	// closed earlier no longer means no. The zero time forgets none.
	Reconsider time.Time
}

// A Label is a tag on a pull request.
type Label struct {
	Name        string // at most 50 characters, no comma
	Colour      string // six hexadecimal digits
	Description string // at most 100 characters
}

// A LineComment is a review remark on one changed line.
type LineComment struct {
	Path string
	Line int // of the file after the change, from 1
	Body string
}

// A PullRequest is a pull request as far as this program needs it.
type PullRequest struct {
	Repo      Repo
	Number    int
	Node      string // the host's other name of it; GitHub's GraphQL API takes this one only
	Title     string
	Body      string
	Branch    string // of the head
	Fork      bool   // the head is in another repository
	Head      SHA
	Base      string // branch
	BaseSHA   SHA
	Open      bool
	Merged    bool
	Draft     bool
	AutoMerge string // login of who had the host merge it by itself; empty if nobody did
	Author    string // login; a GitHub App ends in [bot]
	ClosedBy  string // login, as far as known
	Labels    []string
	URL       string // for people
	CreatedAt time.Time
	UpdatedAt time.Time
	MergedAt  time.Time
	ClosedAt  time.Time
}

// Opened says what proposing came to.
type Opened struct {
	Pull   PullRequest
	Action ProposeAction
}

// A ProposeAction is what was done for a proposal.
type ProposeAction string

const (
	Created   ProposeAction = "created"   // a new pull request
	Updated   ProposeAction = "updated"   // new content or new evidence on the one that was open
	Unchanged ProposeAction = "unchanged" // the open one says the same already
	Declined  ProposeAction = "declined"  // people closed it without merging; it stays closed
	HandsOff  ProposeAction = "hands-off" // its branch holds commits of other people
)
