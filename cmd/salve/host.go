package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/codeowners"
	"github.com/salvehq/salve/internal/estate"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp"
	"github.com/salvehq/salve/internal/plan"
)

// A host is the GitHub App as the use cases want it: by repository, where the
// App is by installation.
type host struct {
	app *ghapp.App

	mu      sync.Mutex
	through map[forge.Repo]int64 // installation that a repository was seen in
	hidden  map[forge.Repo]bool  // repositories that only members can see
}

func newHost(app *ghapp.App) *host {
	return &host{app: app, through: map[forge.Repo]int64{}, hidden: map[forge.Repo]bool{}}
}

// Installations lists where the App is installed. GitHub answers 404 to a key
// whose App it does not know, which is a question of who is asking.
func (h *host) Installations(ctx context.Context) ([]forge.Installation, error) {
	all, err := h.app.Installations(ctx)
	if errors.Is(err, forge.ErrNotFound) {
		err = fmt.Errorf("GitHub knows no such App, see SALVE_GITHUB_APP_ID: %w: %w", forge.ErrUnauthorized, err)
	}
	return all, err
}

func (h *host) List(ctx context.Context, installation int64) ([]forge.Repository, error) {
	repos, err := h.app.Client(installation).Repositories(ctx)
	for _, r := range repos {
		h.saw(r.Repo, installation)
		h.mu.Lock()
		h.hidden[r.Repo] = r.Private
		h.mu.Unlock()
	}
	return repos, err
}

func (h *host) Snapshot(ctx context.Context, installation int64, repo forge.Repo, branch string) (estate.Snapshot, error) {
	s, err := h.app.Client(installation).Snapshot(ctx, repo, branch)
	if err != nil {
		return estate.Snapshot{}, err
	}
	return estate.Snapshot{SHA: s.Head, Files: &checkout{Snapshot: s}}, nil
}

// left forgets through which installation repositories are reached: all of it,
// or those that are named.
func (h *host) left(installation int64, repos ...forge.Repo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.through, func(r forge.Repo, id int64) bool {
		return id == installation && (len(repos) == 0 || slices.Contains(repos, r))
	})
}

// A checkout fetches what is going to be read when it is first listed, some
// eighty files with one request.
type checkout struct {
	*ghapp.Snapshot
	once sync.Once
}

func (c *checkout) List(ctx context.Context) ([]forge.File, error) {
	files, err := c.Snapshot.List(ctx)
	if err != nil {
		return nil, err
	}
	c.once.Do(func() {
		var paths []string
		for _, f := range files {
			switch path.Ext(f.Path) {
			case ".yaml", ".yml", ".tf", ".tfvars", ".hcl":
				paths = append(paths, f.Path)
			case "":
				if slices.Contains(codeowners.Places(), f.Path) {
					paths = append(paths, f.Path)
				}
			}
		}
		_ = c.Prefetch(ctx, paths) // what is missing is read one by one, and says why not
	})
	return files, nil
}

// saw remembers through which installation a repository is reached.
func (h *host) saw(repo forge.Repo, installation int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.through[repo] = installation
}

// heard takes note of an event that came through an installation. Where the
// repository is known through another one, GitHub is asked: a delivery may be
// old, of an installation that was replaced since.
func (h *host) heard(ctx context.Context, repo forge.Repo, installation int64) error {
	h.mu.Lock()
	id, known := h.through[repo]
	h.mu.Unlock()
	switch {
	case !known:
		h.saw(repo, installation)
	case id != installation:
		_, err := h.List(ctx, installation) // which repositories of it are seen
		if !errors.Is(err, forge.ErrNotFound) {
			return err
		}
	}
	return nil
}

// installation returns the installation that a repository belongs to. After a
// restart a timer may ask before anything was listed.
func (h *host) installation(ctx context.Context, repo forge.Repo) (int64, error) {
	known := func() (int64, bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		id, ok := h.through[repo]
		return id, ok
	}
	if id, ok := known(); ok {
		return id, nil
	}
	all, err := h.Installations(ctx)
	if err != nil {
		return 0, err
	}
	for _, in := range all {
		if in.Suspended || !strings.EqualFold(in.Account, repo.Owner) {
			continue
		}
		if _, err := h.List(ctx, in.ID); err != nil {
			return 0, err
		}
	}
	if id, ok := known(); ok {
		return id, nil
	}
	return 0, fmt.Errorf("%s: the App is not installed there: %w", repo, forge.ErrNotFound)
}

// byInstallation sorts repositories by the installation that each was seen in.
// What none is known of is left out: it has gone meanwhile.
func (h *host) byInstallation(repos []*plan.Repository) map[int64][]*plan.Repository {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[int64][]*plan.Repository{}
	for _, r := range repos {
		if id, ok := h.through[r.Repo]; ok {
			out[id] = append(out[id], r)
		}
	}
	return out
}

// client returns the client of the installation that a repository belongs to.
func (h *host) client(repo forge.Repo) (*ghapp.Client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.through[repo]
	if !ok {
		return nil, fmt.Errorf("%s: the App is not installed there: %w", repo, forge.ErrNotFound)
	}
	return h.app.Client(id), nil
}

func (h *host) Propose(ctx context.Context, p forge.Proposal) (forge.Opened, error) {
	c, err := h.client(p.Repo)
	if err != nil {
		return forge.Opened{}, err
	}
	return c.Propose(ctx, p)
}

// History returns the closed pull requests of a branch, with who closed them:
// one that we closed is no verdict of people.
func (h *host) History(ctx context.Context, repo forge.Repo, branch string) ([]forge.PullRequest, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	pulls, err := c.PullsOf(ctx, repo, branch)
	var closed []forge.PullRequest
	for _, p := range pulls {
		if p.Open {
			continue
		}
		if !p.Merged {
			var unknown error
			p.ClosedBy, unknown = c.ClosedBy(ctx, repo, p.Number)
			err = errors.Join(err, unknown)
		}
		closed = append(closed, p)
	}
	return closed, err
}

func (h *host) OurPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.OurPulls(ctx, repo)
}

func (h *host) OpenPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.OpenPulls(ctx, repo)
}

func (h *host) SetStatus(ctx context.Context, repo forge.Repo, head forge.SHA, s forge.CommitStatus) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	_, err = c.SetStatus(ctx, repo, head, s)
	return err
}

func (h *host) AddLabels(ctx context.Context, repo forge.Repo, number int, labels ...forge.Label) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.AddLabels(ctx, repo, number, labels...)
}

func (h *host) ChangedPaths(ctx context.Context, repo forge.Repo, number int) ([]string, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.ChangedPaths(ctx, repo, number)
}

func (h *host) Pull(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	c, err := h.client(repo)
	if err != nil {
		return forge.PullRequest{}, err
	}
	return c.Pull(ctx, repo, number)
}

func (h *host) Compare(ctx context.Context, repo forge.Repo, base, head forge.SHA) (forge.Comparison, error) {
	c, err := h.client(repo)
	if err != nil {
		return forge.Comparison{}, err
	}
	return c.Compare(ctx, repo, base, head)
}

func (h *host) PullsWith(ctx context.Context, repo forge.Repo, at forge.SHA) ([]forge.PullRequest, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.PullsWith(ctx, repo, at)
}

func (h *host) Permission(ctx context.Context, repo forge.Repo, login string) (forge.Permission, error) {
	c, err := h.client(repo)
	if err != nil {
		return forge.PermissionNone, err
	}
	return c.Permission(ctx, repo, login)
}

func (h *host) SetCheck(ctx context.Context, repo forge.Repo, run forge.CheckRun) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	_, err = c.SetCheck(ctx, repo, run)
	return err
}

func (h *host) Comment(ctx context.Context, repo forge.Repo, number int, tag, body string) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.Comment(ctx, repo, number, tag, body)
}

func (h *host) SetDeployment(ctx context.Context, repo forge.Repo, deployment int64, s forge.CommitStatus) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.SetDeployment(ctx, repo, deployment, s)
}

func (h *host) AnswerRule(ctx context.Context, repo forge.Repo, run int64, environment, state, comment string) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.AnswerRule(ctx, repo, run, environment, ghapp.RuleAnswer{State: state, Comment: comment})
}

func (h *host) RemoveLabel(ctx context.Context, repo forge.Repo, number int, name string) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.RemoveLabel(ctx, repo, number, name)
}

func (h *host) Statuses(ctx context.Context, repo forge.Repo, at forge.SHA) ([]forge.CommitStatus, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.Statuses(ctx, repo, at)
}

// Ours reports whether every commit of a pull request is by the App. Where
// GitHub does not list them all, not.
func (h *host) Ours(ctx context.Context, p forge.PullRequest) (bool, error) {
	between, err := h.Compare(ctx, p.Repo, p.BaseSHA, p.Head)
	if err != nil {
		return false, err
	}
	foreign := slices.ContainsFunc(between.Commits, func(c forge.Commit) bool { return !c.Ours })
	return !foreign && !between.Truncated, nil
}

func (h *host) Hold(ctx context.Context, p forge.PullRequest) error {
	c, err := h.client(p.Repo)
	if err != nil {
		return err
	}
	return c.Hold(ctx, p)
}

func (h *host) ClosePull(ctx context.Context, repo forge.Repo, number int, comment string) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.ClosePull(ctx, repo, number, comment, true)
}

func (h *host) React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.React(ctx, repo, comment, reaction)
}

func (h *host) OurHistory(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.PullRequest, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.OurHistory(ctx, repo, since)
}

func (h *host) OurIssues(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.Issue, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.OurIssues(ctx, repo, since)
}

func (h *host) Issue(ctx context.Context, repo forge.Repo, number int) (forge.Issue, error) {
	c, err := h.client(repo)
	if err != nil {
		return forge.Issue{}, err
	}
	return c.Issue(ctx, repo, number)
}

func (h *host) CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (forge.Issue, error) {
	c, err := h.client(repo)
	if err != nil {
		return forge.Issue{}, err
	}
	return c.CreateIssue(ctx, repo, title, body)
}

func (h *host) EditIssue(ctx context.Context, repo forge.Repo, number int, body string, open bool) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.EditIssue(ctx, repo, number, body, open)
}

// private reports whether only members can see a repository, as it was listed
// last. What was not listed is taken for public.
func (h *host) private(repo forge.Repo) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hidden[repo]
}

func (h *host) ChangedFiles(ctx context.Context, repo forge.Repo, number int) ([]forge.ChangedFile, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.ChangedFiles(ctx, repo, number)
}

func (h *host) Blob(ctx context.Context, repo forge.Repo, sha forge.SHA) ([]byte, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.Blob(ctx, repo, sha)
}

func (h *host) Remarks(ctx context.Context, repo forge.Repo, number int) ([]forge.Remark, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	return c.Remarks(ctx, repo, number)
}

func (h *host) Remark(ctx context.Context, repo forge.Repo, number int, head forge.SHA, body string, comments []forge.LineComment) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.Remark(ctx, repo, number, head, body, comments)
}

func (h *host) EditRemark(ctx context.Context, repo forge.Repo, id int64, body string) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.EditRemark(ctx, repo, id, body)
}

func (h *host) DeleteRemark(ctx context.Context, repo forge.Repo, id int64) error {
	c, err := h.client(repo)
	if err != nil {
		return err
	}
	return c.DeleteRemark(ctx, repo, id)
}
