// Package outcome says what merged remedies came to.
//
// After a merge the class of problem that a pull request answered is watched:
// one that comes back within a while makes it ineffective, silence makes it
// effective. The verdict is a label on the pull request, so it outlives the
// database; what it is made from is asked of Dynatrace for the whole time, so
// that it does not depend on this program having run.
package outcome

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/prose"
)

// A Host is what watching asks of the code host.
type Host interface {
	// OurHistory returns the pull requests of this App that changed at or after
	// since.
	OurHistory(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.PullRequest, error)
	AddLabels(ctx context.Context, repo forge.Repo, number int, labels ...forge.Label) error
	// Comment leaves a comment, or changes the one with the same tag.
	Comment(ctx context.Context, repo forge.Repo, number int, tag, body string) error
}

// A Watcher gives merged pull requests their verdict. All fields are required,
// but for Dynatrace.
type Watcher struct {
	Host Host
	// Past returns the problems of the span before now, mapped to what repos
	// could change about them.
	Past      func(ctx context.Context, repos []*plan.Repository, span time.Duration) (Observation, error)
	Dynatrace string // root URL of the tenant, for links
	Log       *slog.Logger

	mu    sync.Mutex
	asked time.Time // when Past was last asked in vain
}

// Patience is how long after its window a pull request may still get a verdict:
// Dynatrace may not answer, or this program not run. After that it stays
// without one.
const Patience = 7 * 24 * time.Hour

// again is how long after a vain question the past is asked for once more.
const again = time.Hour

// Run looks at the merged pull requests of repos in the light of what a cycle
// has seen. The past is asked for only when the window of one has ended. What
// fails for one repository does not hold up the others.
func (w *Watcher) Run(ctx context.Context, repos []*plan.Repository, seen Observation, now time.Time) error {
	var due, late []merged
	var errs []error
	for _, repo := range repos {
		if !repo.Writes().None() {
			continue
		}
		all, err := w.merged(ctx, repo, now)
		errs = append(errs, err)
		for _, m := range all {
			errs = append(errs, w.regressed(ctx, m, seen))
			found := m.returned(seen.Seen, now)
			switch {
			case len(found) > 0:
				errs = append(errs, w.mark(ctx, m, Ineffective, found, seen))
			case m.superseded:
				late = append(late, m) // worth no question of its own
			case !now.Before(m.end):
				due = append(due, m)
			}
		}
	}
	if len(due) > 0 {
		errs = append(errs, w.settle(ctx, repos, append(due, late...), seen, now))
	}
	return errors.Join(errs...)
}

// merged returns the pull requests of a repository that wait for a verdict.
func (w *Watcher) merged(ctx context.Context, repo *plan.Repository, now time.Time) ([]merged, error) {
	window := time.Duration(repo.Config.Recurrence)
	pulls, err := w.Host.OurHistory(ctx, repo.Repo, now.Add(-window-Patience))
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", repo.Repo, err)
	}
	var out []merged
	for _, m := range watched(repo, pulls, window) {
		if m.verdict == Undecided && now.Before(m.end.Add(Patience)) {
			out = append(out, m)
		}
	}
	return out, nil
}

// settle gives those whose window has ended their verdict.
func (w *Watcher) settle(ctx context.Context, repos []*plan.Repository, due []merged, seen Observation, now time.Time) error {
	if !w.mayAsk(now) {
		return nil
	}
	first := due[0].pull.MergedAt
	for _, m := range due {
		if m.pull.MergedAt.Before(first) {
			first = m.pull.MergedAt
		}
	}
	past, err := w.Past(ctx, repos, now.Sub(first)+time.Hour)
	if err != nil || !past.Complete {
		w.inVain(now)
		w.Log.Warn("no verdict on merged pull requests", "reason", "the problems since their merge are not completely known", "pulls", len(due), "err", err)
		return err
	}
	past.Next = seen.Next
	var errs []error
	for _, m := range due {
		switch found := m.returned(past.Seen, now); {
		case len(found) > 0:
			errs = append(errs, w.mark(ctx, m, Ineffective, found, past))
		case !m.superseded: // else it neither came back nor stayed away long enough
			errs = append(errs, w.mark(ctx, m, Effective, nil, past))
		}
	}
	if err := errors.Join(errs...); err != nil {
		w.inVain(now)
		return err
	}
	return nil
}

func (w *Watcher) inVain(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = now
}

func (w *Watcher) mayAsk(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked.IsZero() || now.Sub(w.asked) >= again
}

// mark writes a verdict down. The label comes last: it says that all is done.
func (w *Watcher) mark(ctx context.Context, m merged, v Verdict, found []Seen, seen Observation) error {
	if v == Ineffective {
		if err := w.Host.Comment(ctx, m.repo.Repo, m.pull.Number, "outcome", w.ineffective(m, found, seen)); err != nil {
			return fmt.Errorf("verdict on %s#%d: %w", m.repo.Repo, m.pull.Number, err)
		}
	}
	w.Log.Info("verdict on a merged change", "repo", m.repo.Repo.String(), "pull", m.pull.Number, "verdict", v)
	return w.label(ctx, m, string(v))
}

func (w *Watcher) label(ctx context.Context, m merged, name string) error {
	err := w.Host.AddLabels(ctx, m.repo.Repo, m.pull.Number, prose.Label(m.repo.Config.Labels.Prefix, name))
	if err != nil {
		return fmt.Errorf("label %s#%d: %w", m.repo.Repo, m.pull.Number, err)
	}
	return nil
}

// regressed says so where new problems of the same workload began right after
// the merge, once.
func (w *Watcher) regressed(ctx context.Context, m merged, seen Observation) error {
	found := m.regressions(seen.Seen)
	if len(found) == 0 || m.labelled(regression) {
		return nil
	}
	if err := w.Host.Comment(ctx, m.repo.Repo, m.pull.Number, regression, w.regression(m, found)); err != nil {
		return fmt.Errorf("regression after %s#%d: %w", m.repo.Repo, m.pull.Number, err)
	}
	return w.label(ctx, m, regression)
}
