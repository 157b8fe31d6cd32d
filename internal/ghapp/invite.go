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
		text.WriteString("\nWhom to ask stands under `pull-requests:` in `.github/salve.yml`.\n\n")
	}
	text.WriteString(held)
	return w.c.Comment(ctx, w.Repo, pull.Number, "people", strings.TrimSpace(text.String()))
}

// A reviewer is a person or a team of the organisation.
type reviewer struct {
	name string // as the configuration or CODEOWNERS has it
	slug string // of a team; empty for a person
}

// askReviewers asks for reviews with one request. GitHub refuses all if it
// refuses one; then each is asked alone.
func (w *proposal) askReviewers(ctx context.Context, number int) ([]miss, error) {
	all, misses := w.split(slices.Concat(w.Reviewers, w.Owners))
	all, unseen, err := w.withoutTeams(ctx, all)
	misses = append(misses, unseen...)
	if err == nil && len(all) > 0 {
		err = w.ask(ctx, number, all...)
	}
	if refused(err) {
		var unknown []miss
		unknown, err = w.askAlone(ctx, number, all, err)
		misses = append(misses, unknown...)
	}
	if err != nil {
		return nil, err
	}
	return w.spoken(misses), nil
}

// askAlone asks each of those who were refused together. If there is only one,
// the refusal was his.
func (w *proposal) askAlone(ctx context.Context, number int, all []reviewer, err error) (misses []miss, _ error) {
	for _, r := range all {
		if len(all) > 1 {
			err = w.ask(ctx, number, r)
		}
		switch {
		case refused(err):
			misses = append(misses, miss{r.name, noAccess})
		case err != nil:
			return nil, err
		}
	}
	return misses, nil
}

// spoken returns the misses to tell people about: those of reviewers whom the
// configuration names. GitHub asks owners of files by itself, and shows on
// CODEOWNERS which of them it does not know.
func (w *proposal) spoken(misses []miss) (out []miss) {
	for _, m := range misses {
		if slices.Contains(w.Reviewers, m.who) {
			out = append(out, m)
			continue
		}
		w.c.app.log.Info("owner not asked", "repo", w.Repo.String(), "owner", m.who, "reason", m.why)
	}
	return out
}

// split reads reviewers, each once and without the App itself.
func (w *proposal) split(names []string) (all []reviewer, misses []miss) {
	for _, name := range names {
		org, slug, team := strings.Cut(name, "/")
		known := slices.ContainsFunc(all, func(r reviewer) bool { return strings.EqualFold(r.name, name) })
		switch {
		case known || strings.EqualFold(name, w.self):
		case team && !strings.EqualFold(org, w.Repo.Owner):
			misses = append(misses, miss{name, otherOrg})
		case len(all) == maxReviewers:
			misses = append(misses, miss{name, tooMany})
		default:
			all = append(all, reviewer{name, slug})
		}
	}
	return all, misses
}

// withoutTeams leaves teams out where the App may not see them.
func (w *proposal) withoutTeams(ctx context.Context, all []reviewer) (people []reviewer, misses []miss, err error) {
	if !slices.ContainsFunc(all, reviewer.team) {
		return all, nil, nil
	}
	may, err := w.seesTeams(ctx)
	if err != nil || may {
		return all, nil, err
	}
	for _, r := range all {
		if r.team() {
			misses = append(misses, miss{r.name, noTeams})
		} else {
			people = append(people, r)
		}
	}
	return people, misses, nil
}

func (r reviewer) team() bool { return r.slug != "" }

// ask requests reviews.
//
// GitHub: POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers; needs pull_requests: write.
func (w *proposal) ask(ctx context.Context, number int, all ...reviewer) error {
	gh, in := w.gh, github.ReviewersRequest{}
	for _, r := range all {
		if r.team() {
			in.TeamReviewers = append(in.TeamReviewers, r.slug)
		} else {
			in.Reviewers = append(in.Reviewers, r.name)
		}
	}
	if len(in.TeamReviewers) > 0 {
		var err error
		if gh, err = w.c.as(inviting, w.Repo); err != nil {
			return err
		}
	}
	_, _, err := gh.PullRequests.RequestReviewers(ctx, w.Repo.Owner, w.Repo.Name, number, in)
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
