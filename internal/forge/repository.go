package forge

import "time"

// A Rule is one rule of a ruleset that applies to a branch.
// https://docs.github.com/en/rest/repos/rules
type Rule struct {
	Set      int64    // number of the ruleset
	Type     string   // "creation", "required_signatures", "required_status_checks", "branch_name_pattern", …
	Contexts []string // of required_status_checks
	Operator string   // of patterns: "starts_with", "ends_with", "contains", "regex"
	Pattern  string
	Negate   bool
	Paths    []string // of file_path_restriction: patterns that must not change
	// Extensions are those of file_extension_restriction.
	Extensions []string
	Most       int // of max_file_path_length, in characters; of max_file_size, in MB
}

// A Repository is what the host says of a repository.
type Repository struct {
	Repo     Repo // its name now; differs from the one asked for after a rename
	ID       int64
	Default  string // branch
	Private  bool
	Fork     bool
	Archived bool
	Disabled bool
}

// Writable reports an archived or disabled repository as [ErrArchived].
func (r Repository) Writable() error {
	if r.Archived || r.Disabled {
		return ErrArchived
	}
	return nil
}

// A Permission is what a person may do with a repository.
type Permission int

const (
	PermissionNone Permission = iota
	PermissionRead
	PermissionWrite
	PermissionAdmin
)

func (p Permission) String() string {
	return [...]string{"none", "read", "write", "admin"}[max(0, min(p, PermissionAdmin))]
}

// A Comparison is what one commit has and another has not.
type Comparison struct {
	Commits   []Commit // the oldest first
	Paths     []string // files that differ
	Truncated bool     // there are more commits or files than the host lists
}

// A Commit is one commit of a [Comparison].
type Commit struct {
	SHA    SHA
	Author string // login, or the name that git has where the host knows none
	Title  string // first line of the message
	At     time.Time
	Ours   bool // this App made it
}
