package forge

import "time"

// An Issue is an issue as far as this program needs it.
type Issue struct {
	Repo      Repo
	Number    int
	Title     string
	Body      string
	Open      bool
	Author    string // login; a GitHub App ends in [bot]
	ClosedBy  string // login, as far as known
	URL       string // for people
	UpdatedAt time.Time
}
