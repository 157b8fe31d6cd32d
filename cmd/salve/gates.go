package main

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/queue"
)

// facts is the database as the gates want it.
type facts struct{ *queue.Queue }

func (f facts) Each(ctx context.Context, bucket string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for fact, err := range f.List(ctx, bucket) {
			if !yield(fact.Value, err) {
				return
			}
		}
	}
}

// gates answers people and pipelines over HTTP.
type gates struct{ app *app }

func (g gates) Case(ctx context.Context, id string) (gate.Case, bool, error) {
	checker, err := g.app.checker(ctx)
	if err != nil {
		return gate.Case{}, false, err
	}
	return checker.Case(ctx, id)
}

func (g gates) Beside(ctx context.Context, k gate.Case) ([]gate.Case, error) {
	checker, err := g.app.checker(ctx)
	if err != nil {
		return nil, err
	}
	return checker.Beside(ctx, k)
}

func (g gates) Service(ctx context.Context, environment, service string, head forge.SHA) (gate.Answer, error) {
	checker, err := g.app.checker(ctx)
	if err != nil {
		return gate.Answer{}, err
	}
	now := time.Now()
	repos, err := g.app.listed.repositories(ctx, g.app, now)
	if err != nil && len(repos) == 0 {
		return gate.Answer{}, err
	}
	a := checker.Service(ctx, repos, environment, service, head, now)
	if !a.Known && err != nil { // it may stand in a repository that could not be read
		return gate.Answer{}, err
	}
	return a, nil
}

func (g gates) Watched(ctx context.Context, name policy.GateName, environment, service string, head forge.SHA) (gate.Answer, bool, error) {
	checker, err := g.app.checker(ctx)
	if err != nil {
		return gate.Answer{}, false, err
	}
	return checker.Watched(ctx, name, environment, service, head, time.Now())
}

// A listing is the repositories as they were a moment ago: controllers ask
// every few seconds.
type listing struct {
	mu    sync.Mutex
	at    time.Time
	repos []*plan.Repository
}

// listedFor is how long a listing is used.
const listedFor = time.Minute

func (l *listing) repositories(ctx context.Context, a *app, now time.Time) ([]*plan.Repository, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.at.IsZero() && now.Sub(l.at) < listedFor {
		return l.repos, nil
	}
	repos, err := a.estate.Repositories(ctx)
	if err == nil {
		l.repos, l.at = repos, now
	}
	return repos, err
}

// tokens are those that may ask about gates.
func (s *settings) tokens() []string {
	return strings.FieldsFunc(s.gateTokens, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// event lets the gates answer an event. What an event does not lead to, the
// schedule does.
func (a *app) event(ctx context.Context, e forge.Event, now time.Time) error {
	act, ok := reactions[e.Kind]
	if !ok {
		return nil
	}
	checker, err := a.checker(ctx)
	if err != nil {
		return err
	}
	return act(ctx, checker, e, now)
}

// reactions say what a gate does about an event.
var reactions = map[forge.EventKind]func(context.Context, *gate.Checker, forge.Event, time.Time) error{
	forge.EventMergeGroup:       grouped,
	forge.EventDeploymentStatus: deployed,
	forge.EventProtectionRule: func(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
		return c.Ask(ctx, e, now)
	},
	forge.EventStatus: func(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
		return c.Forged(ctx, e, now)
	},
	forge.EventCheckRun:     rerun,
	forge.EventIssueComment: commented,
}

func grouped(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if e.Action != "checks_requested" {
		return nil
	}
	_, err := c.Merge(ctx, e, now)
	return err
}

func deployed(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if e.Status.State != forge.Success {
		return nil
	}
	return c.Deployed(ctx, e, now)
}

func rerun(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if e.Action != "rerequested" {
		return nil
	}
	return c.Rerun(ctx, e, now)
}

func commented(ctx context.Context, c *gate.Checker, e forge.Event, now time.Time) error {
	if !slices.Contains([]string{"created", ""}, e.Action) || e.SenderBot {
		return nil
	}
	_, err := c.Command(ctx, e.Repo, e.Issue, e.Comment, now)
	return err
}
