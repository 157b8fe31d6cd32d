// Package onboard offers a configuration to repositories that have none, as a
// pull request: the only one that this program opens without being allowed to by
// the repository. The operator switches it on.
//
// It is offered once. Closing it means no, for ever, unless people open it again;
// merging it means yes, and whoever takes the file away again is not asked anew.
package onboard

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/prose"
)

// A Runner offers configurations. All fields are required.
type Runner struct {
	Proposer propose.Proposer
	History  propose.Historian
	Log      *slog.Logger

	mu     sync.Mutex
	trials map[forge.Repo]*plan.Repository // as if they had the file
}

// Open reports whether repo can be offered a configuration: neither it nor its
// organisation has one, not even one with mistakes.
func Open(repo *plan.Repository) bool { return repo.Config == nil && len(repo.Faults) == 0 }

// Offer proposes .github/salve.yml to a repository, if it was not offered before.
// What it would bring is planned at the repository as it would be with the file;
// where that comes to nothing, there is nothing to offer. An offer that is open
// is kept up to date while all its commits are ours.
func (r *Runner) Offer(ctx context.Context, repo *plan.Repository, preview func(trial *plan.Repository) ([]prose.Preview, error)) (forge.Opened, error) {
	before, err := r.History.History(ctx, repo.Repo, forge.ConfigureBranch)
	if err != nil {
		return forge.Opened{}, err
	}
	if len(before) > 0 { // answered, one way or the other
		r.Forget(repo.Repo)
		return forge.Opened{}, nil
	}
	trial, err := r.trial(ctx, repo)
	if err != nil {
		return forge.Opened{}, err
	}
	changes, err := preview(trial)
	if err != nil || len(changes) == 0 {
		return forge.Opened{}, err
	}
	p, err := proposal(repo, changes)
	if err != nil {
		return forge.Opened{}, err
	}
	if p.Owners, _, err = trial.Owners(ctx, p.Changes); err != nil {
		return forge.Opened{}, err
	}
	opened, err := r.Proposer.Propose(ctx, p)
	if err != nil {
		return opened, fmt.Errorf("offer a configuration to %s: %w", repo.Repo, err)
	}
	if opened.Action == forge.Created {
		r.Log.Info("configuration offered", "repo", repo.Repo.String(), "pull", opened.Pull.Number)
	}
	return opened, nil
}

// Forget drops what is kept of a repository that is offered nothing now.
func (r *Runner) Forget(repo forge.Repo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.trials, repo)
}

// trial opens a repository as if it had the file that is offered.
func (r *Runner) trial(ctx context.Context, repo *plan.Repository) (*plan.Repository, error) {
	r.mu.Lock()
	known := r.trials[repo.Repo]
	r.mu.Unlock()
	if known != nil && known.SHA == repo.SHA {
		return known, nil
	}
	config := policy.Default()
	config.Repositories = []string{"*"}
	as := repo.Checkout
	as.Organisation = &config
	trial, err := plan.Open(ctx, as, repo.Remedies)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trials == nil {
		r.trials = map[forge.Repo]*plan.Repository{}
	}
	r.trials[repo.Repo] = trial
	return trial, nil
}

// proposal is the pull request that adds the file.
func proposal(repo *plan.Repository, changes []prose.Preview) (forge.Proposal, error) {
	key, limits := repo.Repo.String()+" | configure", policy.Default().Limits
	text, err := prose.RenderOffer(prose.Offer{
		Key: key, Changes: changes, Open: limits.Open, PerHour: limits.PerHour, Declined: int(time.Duration(limits.Declined).Hours() / 24),
	})
	if err != nil {
		return forge.Proposal{}, err
	}
	return forge.Proposal{
		Key: key, Repo: repo.Repo, Base: repo.Branch, BaseSHA: repo.SHA, Branch: forge.ConfigureBranch,
		Title: text.Title, Body: text.Body, Message: text.Message, Evidence: text.Evidence,
		Labels:  []forge.Label{prose.Label("", "salve")},
		Changes: patch.ChangeSet{{Path: policy.File, After: policy.Starter(places(repo))}},
		Status:  forge.CommitStatus{Context: forge.ContextConfiguration, State: forge.Success, Description: "valid; nothing else is written here before this is merged"},
	}, nil
}

// maxServices bounds the services that the file suggests.
const maxServices = 20

// places are the workloads of a repository as services: would name them.
func places(repo *plan.Repository) []policy.Suggestion {
	var out []policy.Suggestion
	at := map[string]int{}
	for _, w := range repo.Workloads() {
		if w.Namespace == "" || w.Build != "" {
			continue // there is no one line that says where it is
		}
		name := w.Namespace + "/" + w.Name
		p := policy.Place{Kubernetes: w.Kind + " " + name, File: w.File}
		i, known := at[name]
		switch {
		case known:
			out[i].Places = append(out[i].Places, p)
		case len(out) < maxServices:
			at[name] = len(out)
			out = append(out, policy.Suggestion{Workload: name, Places: []policy.Place{p}})
		}
	}
	return out
}
