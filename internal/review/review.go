// Package review looks at the pull requests of people. Where one changes a
// value against an open problem, or undoes a remedy that was merged a short
// while ago, it leaves one remark on that line, with the evidence and a
// suggestion; and takes it back once that is no longer so.
//
// What counts as such a change is decided by the head of the default branch:
// the configuration and the remedies there, not those of the pull request.
package review

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

// A Host is what reviewing asks of the code host.
type Host interface {
	OpenPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
	ChangedFiles(ctx context.Context, repo forge.Repo, number int) ([]forge.ChangedFile, error)
	Blob(ctx context.Context, repo forge.Repo, sha forge.SHA) ([]byte, error)
	Remarks(ctx context.Context, repo forge.Repo, number int) ([]forge.Remark, error)
	Remark(ctx context.Context, repo forge.Repo, number int, head forge.SHA, body string, comments []forge.LineComment) error
	EditRemark(ctx context.Context, repo forge.Repo, id int64, body string) error
	DeleteRemark(ctx context.Context, repo forge.Repo, id int64) error
}

// A Concern is a value that should not move in one direction now.
type Concern struct {
	Key      string // tells concerns apart: that of a proposal, or of an alert rule
	Kind     policy.Kind
	Place    inventory.Target
	Against  int               // sign of the changes that it speaks against: -1 for lower values
	Problems []problem.Problem // open ones, of which one says so
	Merged   forge.PullRequest // the remedy that would be undone; zero if Problems speak
	From, To string            // of Merged
	Next     string            // value that is proposed; may be empty
	NextPull int               // the pull request that proposes it; 0 if there is none
}

// Concerns are those of one repository.
type Concerns struct {
	Values []Concern
	// Alerts returns those about alert rules. It is asked only where a pull
	// request changes Terraform.
	Alerts func(ctx context.Context) ([]Concern, error)
	// Complete says that what is not in here is no concern. Otherwise no remark
	// is taken back.
	Complete bool
}

// A Reviewer keeps the remarks on the pull requests of people. All fields are
// required, but for Dynatrace.
type Reviewer struct {
	Host      Host
	Dynatrace string // root URL of the tenant, for links
	Log       *slog.Logger

	mu    sync.Mutex
	known map[forge.Repo]map[int]*look // by number of the pull request
}

// A look is what is remembered of a pull request: remarking changes when it was
// updated, whoever does it. Events and cycles meet at a pull request: one waits
// for the other, so that the same is not said twice.
type look struct {
	mu       sync.Mutex
	updated  time.Time
	remarked bool
}

// Review looks at the open pull requests of a repository. Drafts, those of bots
// and those for other branches are left alone; where there are only such, the
// concerns are not asked for. What fails for one does not hold up the others.
func (r *Reviewer) Review(ctx context.Context, repo *plan.Repository, concerns func(context.Context) (Concerns, error)) error {
	pulls, err := r.Host.OpenPulls(ctx, repo.Repo)
	if err != nil {
		return fmt.Errorf("open pull requests of %s: %w", repo.Repo, err)
	}
	pulls = slices.DeleteFunc(pulls, func(p forge.PullRequest) bool { return !reviewed(repo, p) })
	r.forget(repo.Repo, pulls)
	if len(pulls) == 0 {
		return nil
	}
	all, err := concerns(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range pulls {
		errs = append(errs, r.One(ctx, repo, p, all))
	}
	return errors.Join(errs...)
}

// reviewed reports whether a pull request is one of people that is ready for a
// look.
func reviewed(repo *plan.Repository, p forge.PullRequest) bool {
	return !p.Draft && p.Base == repo.Branch && !strings.HasSuffix(p.Author, "[bot]")
}

// forget drops what is remembered of pull requests that are not looked at now.
func (r *Reviewer) forget(repo forge.Repo, now []forge.PullRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.known[repo], func(number int, _ *look) bool {
		return !slices.ContainsFunc(now, func(p forge.PullRequest) bool { return p.Number == number })
	})
}

// One looks at one open pull request.
func (r *Reviewer) One(ctx context.Context, repo *plan.Repository, p forge.PullRequest, all Concerns) error {
	if !reviewed(repo, p) {
		return nil
	}
	if err := r.one(ctx, repo, p, all); err != nil {
		return fmt.Errorf("review %s#%d: %w", repo.Repo, p.Number, err)
	}
	return nil
}

func (r *Reviewer) one(ctx context.Context, repo *plan.Repository, p forge.PullRequest, all Concerns) error {
	var found findings
	if len(all.Values) > 0 || all.Alerts != nil {
		var err error
		if found, err = r.look(ctx, repo, p, all); err != nil {
			return err
		}
	}
	last := r.last(repo.Repo, p.Number)
	last.mu.Lock()
	defer last.mu.Unlock()
	if len(found.all) == 0 && !last.updated.IsZero() && last.updated.Equal(p.UpdatedAt) && !last.remarked {
		return nil
	}
	have, err := r.Host.Remarks(ctx, p.Repo, p.Number)
	if err != nil {
		return err
	}
	have = slices.DeleteFunc(have, func(m forge.Remark) bool { return !live(m.Body) })
	last.updated, last.remarked = p.UpdatedAt, len(have) > 0
	return r.settle(ctx, p, found, have, all.Complete)
}

// last is what is remembered of a pull request, if only that it is looked at.
func (r *Reviewer) last(repo forge.Repo, number int) *look {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[forge.Repo]map[int]*look{}
	}
	if r.known[repo] == nil {
		r.known[repo] = map[int]*look{}
	}
	if r.known[repo][number] == nil {
		r.known[repo][number] = &look{}
	}
	return r.known[repo][number]
}

// findings are what speaks against lines of a pull request.
type findings struct {
	all     []finding
	unknown map[string]bool // hash of concerns that could not be looked at
}

// A finding is one line that a concern speaks against.
type finding struct {
	Concern
	plan.Difference
}

// maxFiles bounds the changed files of one pull request that are read.
const maxFiles = 50

// look finds what the concerns say about a pull request.
func (r *Reviewer) look(ctx context.Context, repo *plan.Repository, p forge.PullRequest, all Concerns) (findings, error) {
	out := findings{unknown: map[string]bool{}}
	files, err := r.Host.ChangedFiles(ctx, p.Repo, p.Number)
	if err != nil {
		return out, err
	}
	concerns, err := touched(ctx, repo, files, all, out.unknown)
	if err != nil || len(concerns) == 0 {
		return out, err
	}
	changes, err := r.contents(ctx, p, files)
	if err != nil {
		return out, err
	}
	taken := map[string]bool{}
	for _, c := range concerns {
		d, err := repo.Differ(ctx, c.Place, slices.Clone(changes))
		if err != nil {
			out.unknown[hash(c.Key)] = true // a person may just be moving it
			continue
		}
		line := fmt.Sprintf("%s:%d", d.After.File, d.After.Line)
		if c.against(d) && added(files, d.After) && !taken[line] {
			taken[line] = true
			out.all = append(out.all, finding{c, d})
		}
	}
	return out, nil
}

// touched returns the concerns about values that stand in changed files, sorted
// by key: of several about one line it is always the same that speaks. Those
// whose place is not found are noted in unknown.
func touched(ctx context.Context, repo *plan.Repository, files []forge.ChangedFile, all Concerns, unknown map[string]bool) ([]Concern, error) {
	changed, terraform := map[string]bool{}, false
	for _, f := range files {
		changed[f.Path] = !f.Removed
		terraform = terraform || strings.HasPrefix(path.Ext(f.Path), ".tf")
	}
	concerns := slices.Clone(all.Values)
	if terraform && all.Alerts != nil {
		alerts, err := all.Alerts(ctx)
		if err != nil {
			return nil, err
		}
		concerns = append(concerns, alerts...)
	}
	concerns = slices.DeleteFunc(concerns, func(c Concern) bool {
		site, err := repo.Site(ctx, c.Place)
		if err != nil {
			unknown[hash(c.Key)] = true
		}
		return err != nil || !changed[site.File]
	})
	slices.SortStableFunc(concerns, func(a, b Concern) int { return strings.Compare(a.Key, b.Key) })
	return concerns, nil
}

// contents reads what a pull request makes of the files that could matter.
func (r *Reviewer) contents(ctx context.Context, p forge.PullRequest, files []forge.ChangedFile) ([]patch.FileChange, error) {
	var out []patch.FileChange
	for _, f := range files {
		if f.Removed || !slices.Contains([]string{".yaml", ".yml", ".json", ".tf", ".tfvars", ".hcl"}, path.Ext(f.Path)) || len(out) == maxFiles {
			continue
		}
		text, err := r.Host.Blob(ctx, p.Repo, f.Blob)
		if errors.Is(err, forge.ErrNotFound) {
			continue // a submodule, or gone
		}
		if err != nil {
			return nil, err
		}
		out = append(out, patch.FileChange{Path: f.Path, After: text})
	}
	return out, nil
}

// against reports whether a difference goes the wrong way.
func (c Concern) against(d plan.Difference) bool {
	if !d.After.Written || d.After.Value == "" {
		return false
	}
	sign, err := policy.Compare(c.Kind, d.After.Value, d.Before.Value)
	if err != nil || sign != c.Against {
		return false
	}
	if len(c.Problems) > 0 {
		return true
	}
	sign, err = policy.Compare(c.Kind, d.After.Value, c.To)
	return err == nil && sign == c.Against
}
