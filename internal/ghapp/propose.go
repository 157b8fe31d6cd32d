package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/policy"
)

// Bounds of a proposal. The first two are GitHub's, which answers more with 422.
const (
	maxTitle   = 256
	maxBody    = 65_536
	maxChanges = 100      // files of one proposal; more is not reviewed by anybody
	maxContent = 10 << 20 // bytes of all files together
)

// Propose makes the pull request that p describes, or finds the one that is
// there, and returns what it did.
//
// The branch is the lock: GitHub creates a reference once. So Propose may be
// called again after a crash at any point, and by several replicas at a time,
// and there is one pull request with everything that belongs to it. An open one
// is changed in place when its content or its evidence is out of date, unless
// its branch holds commits of other people (HandsOff). One that people closed
// stays closed (Declined), up to p.Reconsider.
//
// When the pull request is there, but labels, status or comments are not, the
// error is a [*forge.AnnotationError] and the result is valid.
func (c *Client) Propose(ctx context.Context, p forge.Proposal) (forge.Opened, error) {
	if err := validate(p); err != nil {
		return forge.Opened{}, fmt.Errorf("propose %q: %w", p.Key, err)
	}
	w, err := c.begin(ctx, p)
	if err != nil {
		return forge.Opened{}, err
	}
	opened, err := w.settle(ctx)
	if err == nil && opened.Action == "" {
		opened, err = w.open(ctx)
	}
	if err == nil && opened.Action != forge.Unchanged {
		c.app.log.Info("proposed", "repo", p.Repo, "pull", opened.Pull.Number, "reason", opened.Action, "sha", opened.Pull.Head)
	}
	return opened, err
}

// A proposal is a forge.Proposal that is being carried out.
type proposal struct {
	forge.Proposal
	c    *Client
	gh   *github.Client // may write to Repo
	self string         // login of the App
}

// begin gets ready to carry p out: without secrets in its texts, and with its
// marker.
func (c *Client) begin(ctx context.Context, p forge.Proposal) (*proposal, error) {
	gh, err := c.as(proposing, p.Repo)
	if err != nil {
		return nil, err
	}
	self, err := c.app.Identity(ctx)
	if err != nil {
		return nil, err
	}
	safe := c.app.redact.Text
	p.Title, p.Body, p.Message = safe(p.Title), safe(p.Body), safe(p.Message)
	p.Comments = slices.Clone(p.Comments)
	for i := range p.Comments {
		p.Comments[i].Body = safe(p.Comments[i].Body)
	}
	if _, ok := forge.ParseMarker(p.Body); !ok {
		p.Body = forge.Marker{Key: p.Key, Evidence: p.Evidence, Version: 1}.String() + "\n" + p.Body
	}
	return &proposal{p, c, gh, self.Login()}, nil
}

// settle looks for the pull request of w. It returns no action if there is none
// that counts.
func (w *proposal) settle(ctx context.Context) (forge.Opened, error) {
	pulls, err := w.c.PullsOf(ctx, w.Repo, w.Branch)
	if err != nil {
		return forge.Opened{}, err
	}
	if i := slices.IndexFunc(pulls, func(p forge.PullRequest) bool { return p.Open }); i >= 0 {
		return w.update(ctx, pulls[i])
	}
	if len(pulls) == 0 || pulls[0].Merged || pulls[0].ClosedAt.Before(w.Reconsider) {
		return forge.Opened{}, nil
	}
	pulls[0].ClosedBy, err = w.c.ClosedBy(ctx, w.Repo, pulls[0].Number)
	if err != nil || pulls[0].ClosedBy == w.self {
		return forge.Opened{}, err
	}
	return forge.Opened{Pull: pulls[0], Action: forge.Declined}, nil
}

// open makes the pull request: content, lock, pull request, and what belongs to
// it. What a rule of the repository forbids is not begun.
func (w *proposal) open(ctx context.Context) (forge.Opened, error) {
	if err := w.permitted(ctx); err != nil {
		return forge.Opened{}, err
	}
	commit, err := w.commit(ctx)
	if err != nil {
		return forge.Opened{}, err
	}
	head, err := w.lock(ctx, commit)
	if errors.Is(err, errTaken) {
		// Another replica, or this one before a crash, was here.
		if opened, err := w.settle(ctx); err != nil || opened.Action != "" {
			return opened, err
		}
		head, err = w.adopt(ctx, commit)
	}
	if errors.Is(err, forge.ErrForeign) {
		return forge.Opened{Pull: forge.PullRequest{Repo: w.Repo, Branch: w.Branch}, Action: forge.HandsOff}, nil
	}
	if err != nil {
		return forge.Opened{}, err
	}
	pull, err := w.create(ctx)
	if errors.Is(err, forge.ErrConflict) { // another replica made it first
		if opened, again := w.settle(ctx); again != nil || opened.Action != "" {
			return opened, again
		}
	}
	if err != nil {
		return forge.Opened{}, err
	}
	pull.Head = head
	return forge.Opened{Pull: pull, Action: forge.Created}, w.annotate(ctx, &pull, true)
}

// create opens the pull request of the branch. Where drafts are not to be had
// (private repositories of some plans) it is an ordinary one.
//
// GitHub: POST /repos/{owner}/{repo}/pulls; needs pull_requests: write.
func (w *proposal) create(ctx context.Context) (forge.PullRequest, error) {
	body := &github.NewPullRequest{
		Title: &w.Title, Body: &w.Body, Base: &w.Base, Head: &w.Branch,
	}
	if w.Draft {
		body.Draft = &w.Draft
	}
	pull, _, err := w.gh.PullRequests.Create(ctx, w.Repo.Owner, w.Repo.Name, body)
	if w.Draft && answered(err, http.StatusUnprocessableEntity) && strings.Contains(strings.ToLower(err.Error()), "draft") {
		body.Draft = nil
		pull, _, err = w.gh.PullRequests.Create(ctx, w.Repo.Owner, w.Repo.Name, body)
	}
	if err != nil {
		return forge.PullRequest{}, explain(err, "open pull request of %s branch %s", w.Repo, w.Branch)
	}
	return pullOf(w.Repo, pull), nil
}

// update brings an open pull request up to date. Its text is written before its
// content: after a crash in between, the content is still found to be old.
//
// GitHub: PATCH /repos/{owner}/{repo}/pulls/{pull_number}; needs pull_requests: write.
func (w *proposal) update(ctx context.Context, pull forge.PullRequest) (forge.Opened, error) {
	if pull.Author != w.self {
		return forge.Opened{Pull: pull, Action: forge.HandsOff}, nil // a person made it from our branch
	}
	if w.Tentative {
		return forge.Opened{Pull: pull, Action: forge.Unchanged}, nil
	}
	same, err := w.sameContent(ctx, pull.Number)
	if err != nil {
		return forge.Opened{Pull: pull}, err
	}
	if !same {
		ours, err := w.allOurs(ctx, pull.Number)
		if err == nil && !ours {
			err = w.c.Hold(ctx, pull) // what others add was never proposed
		}
		if err != nil || !ours {
			return forge.Opened{Pull: pull, Action: forge.HandsOff}, err
		}
	}
	action := forge.Unchanged
	if m, _ := forge.ParseMarker(pull.Body); !same || m.Key != w.Key || m.Evidence != w.Evidence {
		action = forge.Updated
		if pull.Title != w.Title || pull.Body != w.Body {
			_, _, err := w.gh.PullRequests.Edit(ctx, w.Repo.Owner, w.Repo.Name, pull.Number, &github.PullRequest{Title: &w.Title, Body: &w.Body})
			if err != nil {
				return forge.Opened{Pull: pull}, explain(err, "update text of %s#%d", w.Repo, pull.Number)
			}
			pull.Title, pull.Body = w.Title, w.Body
		}
	}
	if !same {
		commit, err := w.commit(ctx)
		if err != nil {
			return forge.Opened{Pull: pull}, err
		}
		if err := w.reset(ctx, pull.Head, commit); err != nil {
			return forge.Opened{Pull: pull}, err
		}
		pull.Head = commit.sha
	}
	if !w.AutoMerge {
		if err := w.c.Hold(ctx, pull); err != nil { // the configuration allows it no longer
			return forge.Opened{Pull: pull, Action: action}, err
		}
	}
	err = w.annotate(ctx, &pull, false)
	return forge.Opened{Pull: pull, Action: action}, err
}

// sameContent reports whether a pull request changes exactly what w wants
// changed, to exactly that content.
func (w *proposal) sameContent(ctx context.Context, number int) (bool, error) {
	files, err := w.c.files(ctx, w.Repo, number)
	if err != nil {
		return false, err
	}
	if len(files) != len(w.Changes) {
		return false, nil
	}
	for _, f := range files {
		change, ok := w.Changes.Get(f.GetFilename())
		if !ok || f.GetStatus() == "removed" || f.GetStatus() == "renamed" ||
			forge.SHA(f.GetSHA()) != blobSHA(change.After, len(f.GetSHA())) {
			return false, nil
		}
	}
	return true, nil
}

// allOurs reports whether the App made every commit of a pull request.
//
// GitHub: GET /repos/{owner}/{repo}/pulls/{pull_number}/commits; needs pull_requests: read.
func (w *proposal) allOurs(ctx context.Context, number int) (bool, error) {
	gh, err := w.c.as(reading, w.Repo)
	if err != nil {
		return false, err
	}
	commits, resp, err := gh.PullRequests.ListCommits(ctx, w.Repo.Owner, w.Repo.Name, number, &github.ListOptions{PerPage: 100})
	if err != nil {
		return false, explain(err, "list commits of %s#%d", w.Repo, number)
	}
	return resp.NextPage == 0 && w.made(commits), nil
}

// made reports whether the App made all commits.
func (w *proposal) made(commits []*github.RepositoryCommit) bool {
	return !slices.Contains(w.c.app.made(w.self, commits), false)
}

// validate reports a proposal that cannot be carried out, before anything is
// sent.
func validate(p forge.Proposal) error {
	if p.Key == "" || len(p.Key) > 1000 || p.Message == "" {
		return errors.New("want a key of at most 1000 bytes and a commit message")
	}
	if m, ok := forge.ParseMarker(p.Body); ok && (m.Key != p.Key || m.Evidence != p.Evidence) {
		return fmt.Errorf("marker of the body says key %q and evidence %q: want those of the proposal", m.Key, m.Evidence)
	}
	if err := errors.Join(p.Repo.Validate(), forge.ValidateBranch(p.Base), p.BaseSHA.Validate(), ourBranch(p.Branch)); err != nil {
		return err
	}
	switch n := utf8.RuneCountInString(p.Title); {
	case n == 0 || n > maxTitle || p.Title != oneLine(p.Title):
		return fmt.Errorf("title %.80q: want one line of 1 to %d characters", p.Title, maxTitle)
	case utf8.RuneCountInString(p.Body)+6*len(p.Key)+200 > maxBody:
		return fmt.Errorf("body has %d characters: want at most %d with its marker", utf8.RuneCountInString(p.Body), maxBody)
	case len(p.Changes) == 0 || len(p.Changes) > maxChanges:
		return fmt.Errorf("changes %d files: want 1 to %d", len(p.Changes), maxChanges)
	}
	size := 0
	for _, c := range p.Changes {
		offer := p.Branch == forge.ConfigureBranch && c.Path == policy.File && c.New()
		if err := forge.ValidatePath(c.Path); err != nil && !offer {
			return err
		}
		if size += len(c.After); size > maxContent {
			return fmt.Errorf("changes more than %d bytes", maxContent)
		}
		if c.Before != nil && string(c.Before) == string(c.After) {
			return fmt.Errorf("%s: does not change", c.Path)
		}
	}
	for _, l := range p.Labels {
		if err := validateLabel(l.Name); err != nil {
			return err
		}
	}
	for _, c := range p.Comments {
		if _, ok := changedLine(p.Changes, c); !ok {
			return fmt.Errorf("comment on %s:%d: the line does not change", c.Path, c.Line)
		}
	}
	return nil
}

// changedLine returns the line that a comment is on, if the change makes it.
func changedLine(changes patch.ChangeSet, c forge.LineComment) (string, bool) {
	change, ok := changes.Get(c.Path)
	if !ok {
		return "", false
	}
	for _, h := range patch.Hunks(change.Before, change.After) {
		if i := c.Line - h.NewLine; i >= 0 && i < len(h.New) {
			return h.New[i], true
		}
	}
	return "", false
}
