package ghapp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// How many people one pull request asks and has. The second is GitHub's bound
// (https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue),
// the first ours, so that one pattern of CODEOWNERS does not call in a crowd.
const (
	maxReviewers = 15
	maxAssignees = 10
)

// Why somebody could not be asked.
const (
	noAccess  = "GitHub knows no such user or team with access to this repository"
	otherOrg  = "the team is of another organisation"
	noTeams   = "this App cannot see teams; an owner of the organisation grants it \"Members: read\" in its settings under Installed GitHub Apps"
	tooMany   = "no more are asked at a time"
	notTaking = "GitHub takes as assignees only who may write here, or has commented"
)

// A miss is somebody who could not be asked.
type miss struct{ who, why string }

// invite asks people to look at a new pull request, and GitHub to merge it where
// that is wanted. Whoever cannot be asked is named in a comment: that is no
// failure, the others are asked. Errors are of GitHub not answering, so that
// trying again may help.
func (w *proposal) invite(ctx context.Context, pull *forge.PullRequest) error {
	reviewers, err := w.askReviewers(ctx, pull.Number)
	if err != nil {
		return err
	}
	assignees, err := w.assign(ctx, pull.Number)
	if err != nil {
		return err
	}
	held, err := w.autoMerge(ctx, pull)
	if err != nil || len(reviewers)+len(assignees) == 0 && held == "" {
		return err
	}
	var text strings.Builder
	list := func(lead string, misses []miss) {
		if len(misses) > 0 {
			text.WriteString(lead)
		}
		for _, m := range misses {
			fmt.Fprintf(&text, "- `%s`: %s\n", m.who, m.why)
		}
	}
	list("Not asked for a review:\n\n", reviewers)
	list("\nNot assigned:\n\n", assignees)
	if text.Len() > 0 {
		text.WriteString("\nWhom to ask stands under `pull-requests:` in `.github/salve.yml` and in CODEOWNERS.\n\n")
	}
	text.WriteString(held)
	return w.c.Comment(ctx, w.Repo, pull.Number, "people", strings.TrimSpace(text.String()))
}

// askReviewers asks for reviews with one request. GitHub refuses all if it
// refuses one; then each is asked alone.
func (w *proposal) askReviewers(ctx context.Context, number int) (misses []miss, err error) {
	users, teams, misses := w.split(w.Reviewers)
	if len(teams) > 0 {
		may, err := w.seesTeams(ctx)
		if err != nil {
			return nil, err
		}
		if !may {
			for _, t := range teams {
				misses = append(misses, miss{w.Repo.Owner + "/" + t, noTeams})
			}
			teams = nil
		}
	}
	if len(users)+len(teams) == 0 {
		return misses, nil
	}
	err = w.ask(ctx, number, users, teams)
	if !refused(err) {
		return misses, err
	}
	alone := func(who string, users, teams []string) error {
		if len(w.Reviewers) > 1 {
			err = w.ask(ctx, number, users, teams)
		}
		if refused(err) {
			misses = append(misses, miss{who, noAccess})
			return nil
		}
		return err
	}
	for _, u := range users {
		if err := alone(u, []string{u}, nil); err != nil {
			return nil, err
		}
	}
	for _, t := range teams {
		if err := alone(w.Repo.Owner+"/"+t, nil, []string{t}); err != nil {
			return nil, err
		}
	}
	return misses, nil
}

// split takes reviewers apart into logins and slugs of teams, each once and
// without the App itself.
func (w *proposal) split(reviewers []string) (users, teams []string, misses []miss) {
	has := func(list []string, s string) bool {
		return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) })
	}
	for _, r := range reviewers {
		org, slug, team := strings.Cut(r, "/")
		switch {
		case strings.EqualFold(r, w.self) || has(users, r) || team && has(teams, slug):
		case team && !strings.EqualFold(org, w.Repo.Owner):
			misses = append(misses, miss{r, otherOrg})
		case len(users)+len(teams) == maxReviewers:
			misses = append(misses, miss{r, tooMany})
		case team:
			teams = append(teams, slug)
		default:
			users = append(users, r)
		}
	}
	return users, teams, misses
}

// ask requests reviews.
//
// GitHub: POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers; needs pull_requests: write.
func (w *proposal) ask(ctx context.Context, number int, users, teams []string) error {
	gh := w.gh
	if len(teams) > 0 {
		var err error
		if gh, err = w.c.as(inviting, w.Repo); err != nil {
			return err
		}
	}
	_, _, err := gh.PullRequests.RequestReviewers(ctx, w.Repo.Owner, w.Repo.Name, number, github.ReviewersRequest{Reviewers: users, TeamReviewers: teams})
	return explain(err, "ask for a review of %s#%d", w.Repo, number)
}

// seesTeams reports whether the App may see teams, which those who installed it
// may not have granted: the pull request itself does not need it.
func (w *proposal) seesTeams(ctx context.Context) (bool, error) {
	err := w.c.granted(ctx, inviting, w.Repo)
	if errors.Is(err, forge.ErrForbidden) {
		return false, nil
	}
	return err == nil, err
}

// assign adds assignees. GitHub leaves out without a word whom it does not take.
//
// GitHub: POST /repos/{owner}/{repo}/issues/{issue_number}/assignees; needs pull_requests: write.
func (w *proposal) assign(ctx context.Context, number int) (misses []miss, err error) {
	if len(w.Assignees) == 0 {
		return nil, nil
	}
	n := min(len(w.Assignees), maxAssignees)
	issue, _, err := w.gh.Issues.AddAssignees(ctx, w.Repo.Owner, w.Repo.Name, number, w.Assignees[:n])
	if err = explain(err, "assign %s#%d", w.Repo, number); err != nil && !refused(err) {
		return nil, err
	}
	for i, login := range w.Assignees {
		taken := err == nil && slices.ContainsFunc(issue.Assignees, func(u *github.User) bool { return strings.EqualFold(u.GetLogin(), login) })
		switch {
		case i >= n:
			misses = append(misses, miss{login, tooMany})
		case !taken:
			misses = append(misses, miss{login, notTaking})
		}
	}
	return misses, nil
}

// refused reports whether GitHub has understood and said no, so that asking
// again would get the same answer.
func refused(err error) bool {
	return errors.Is(err, forge.ErrRejected) || errors.Is(err, forge.ErrForbidden) || errors.Is(err, forge.ErrNotFound)
}
