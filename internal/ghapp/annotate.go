package ghapp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
)

// annotate adds what belongs to a pull request: status, people, labels, remarks
// on lines. Of one that is not fresh it adds what is missing. A failure of one
// does not hold up the others; the pull request is there in any case.
func (w *proposal) annotate(ctx context.Context, pull *forge.PullRequest, fresh bool) error {
	err := errors.Join(
		w.setStatus(ctx, pull.Head, fresh),
		w.welcome(ctx, pull, fresh),
		w.addComments(ctx, pull, fresh),
	)
	if err != nil {
		return &forge.AnnotationError{Pull: pull.Number, Err: err}
	}
	return nil
}

func (w *proposal) setStatus(ctx context.Context, head forge.SHA, fresh bool) error {
	if w.Status.Context == "" {
		return nil
	}
	if fresh {
		return w.c.putStatus(ctx, w.gh, w.Repo, head, w.Status)
	}
	_, err := w.c.setStatus(ctx, w.gh, w.Repo, head, w.Status)
	return err
}

// welcome asks people and then adds the labels, which are also the receipt: as
// long as none of them is there, the people have not all been asked, since a
// pull request that was just opened or a process that ended in between. Once
// they are there nobody is asked again, so whoever removes a reviewer is heard.
func (w *proposal) welcome(ctx context.Context, pull *forge.PullRequest, fresh bool) error {
	if !fresh && (w.labelled(pull) || len(w.Labels) == 0) {
		return nil
	}
	if err := w.invite(ctx, pull); err != nil {
		return err
	}
	return w.addLabels(ctx, pull)
}

// labelled reports whether a pull request has one of the labels of w. One that
// a person took away stays away.
func (w *proposal) labelled(pull *forge.PullRequest) bool {
	return slices.ContainsFunc(w.Labels, func(l forge.Label) bool {
		return slices.ContainsFunc(pull.Labels, func(have string) bool { return strings.EqualFold(have, l.Name) })
	})
}

// addLabels adds the labels.
func (w *proposal) addLabels(ctx context.Context, pull *forge.PullRequest) error {
	if len(w.Labels) == 0 {
		return nil
	}
	if err := w.c.addLabels(ctx, w.gh, w.Repo, pull.Number, w.Labels); err != nil {
		return err
	}
	for _, l := range w.Labels {
		pull.Labels = append(pull.Labels, l.Name)
	}
	return nil
}

// addComments leaves its remark on each line that has none of ours for the same
// content: one review, not to approve or refuse anything.
//
// GitHub: POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews; needs pull_requests: write.
func (w *proposal) addComments(ctx context.Context, pull *forge.PullRequest, fresh bool) error {
	if len(w.Comments) == 0 {
		return nil
	}
	var there string
	if !fresh {
		var err error
		if there, err = w.ourComments(ctx, pull.Number); err != nil {
			return err
		}
	}
	var missing []*github.DraftReviewComment
	for _, c := range w.Comments {
		mark := w.lineMark(c)
		if strings.Contains(there, mark) {
			continue
		}
		missing = append(missing, &github.DraftReviewComment{
			Path: &c.Path, Line: &c.Line, Side: github.String("RIGHT"), Body: github.String(c.Body + "\n\n" + mark),
		})
	}
	if len(missing) == 0 {
		return nil
	}
	_, _, err := w.gh.PullRequests.CreateReview(ctx, w.Repo.Owner, w.Repo.Name, pull.Number, &github.PullRequestReviewRequest{
		CommitID: github.String(string(pull.Head)),
		Event:    github.String("COMMENT"),
		Body:     github.String("The remark on each changed line says where its value comes from."),
		Comments: missing,
	})
	return explain(err, "comment on lines of %s#%d", w.Repo, pull.Number)
}

// lineMark is how a remark is found again: by its file, its line and what the
// line says then. It is written as an HTML comment.
func (w *proposal) lineMark(c forge.LineComment) string {
	text, _ := changedLine(w.Changes, c)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", c.Path, c.Line, text))
	return fmt.Sprintf("<!-- salve:line %x -->", sum[:8])
}

// ourComments returns the remarks that the App has left on lines.
func (w *proposal) ourComments(ctx context.Context, number int) (string, error) {
	list, err := w.c.Remarks(ctx, w.Repo, number)
	var all strings.Builder
	for _, c := range list {
		all.WriteString(c.Body + "\n")
	}
	return all.String(), err
}
