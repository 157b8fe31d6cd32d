package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dynatrace"
	"github.com/salvehq/salve/internal/estate"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/ghapp"
	"github.com/salvehq/salve/internal/ghapp/wire"
	"github.com/salvehq/salve/internal/metrics"
	"github.com/salvehq/salve/internal/onboard"
	"github.com/salvehq/salve/internal/outcome"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/queue"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/review"
	"github.com/salvehq/salve/internal/tracing"
	"github.com/salvehq/salve/internal/tune"
	"github.com/salvehq/salve/templates"
)

// An app is the whole program, wired.
type app struct {
	github  *ghapp.App
	host    *host
	estate  *estate.Estate
	onboard *onboard.Runner // nil where the operator does not allow it
	remedy  *remedy.Runner
	tune    *tune.Runner
	maker   *propose.Maker // of both
	outcome *outcome.Watcher
	reviews *review.Reviewer
	notes   *queue.Queue // what people said and dashboards show; nil where there is no database
	source  *gate.Source
	cases   gate.Store
	turns   gate.Turns
	listed  listing // for who asks about gates
	tenant  string  // root URL of the Dynatrace environment
	pages   string  // root URL of this program
	key     string  // makes the addresses of pages
	grail   dql.Querier
	catalog *catalog.Catalog
	metrics *metrics.Metrics
	trace   *tracing.Tracer
	log     *slog.Logger

	last    atomic.Pointer[lastReport]
	judging sync.Map // installations whose open pull requests are being looked at
}

// Bounds of looking at one installation in a cycle.
const (
	installationLimit    = 4 * time.Minute  // for reading it, and for judging what is open there
	installationPatience = 15 * time.Second // before the others go on without it; of a process that serves
	sideBySide           = 16               // installations that are judged at a time
)

// open wires the program by its settings. It reaches out to nothing yet.
func (s *settings) open(log *slog.Logger) (*app, error) {
	for _, notice := range s.notices {
		log.Warn(notice)
	}
	m := metrics.New(reasons()...)
	spans, err := s.tracer(log)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	gh, err := s.github(log, spans.Transport("github", m.Transport("github", cmp.Or[http.RoundTripper](s.transport, wire.NewTransport()))))
	if err != nil {
		return nil, err
	}
	client, err := s.grail(log, spans.Transport("dynatrace", m.Transport("dynatrace", dynatrace.NewTransport())))
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	grail := spans.Querier(client)
	queries, err := openCatalog(s.queries)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	h := newHost(gh)
	all := &estate.Estate{Host: h, Remedies: remedies, Limit: installationLimit}
	planner := &plan.Planner{Dynatrace: s.dynatraceURL, Usage: plan.Metrics{Dynatrace: grail, Catalog: queries, Denied: dynatrace.ErrForbidden}}
	maker := &propose.Maker{Planner: planner, History: h, Proposer: h, Pulls: h}
	a := &app{
		github: gh, host: h, estate: all, grail: grail, catalog: queries, metrics: m, trace: spans, log: log,
		source: &gate.Source{Dynatrace: grail, Catalog: queries}, cases: &gate.Memory{}, tenant: s.dynatraceURL, pages: s.pages, key: s.githubKey,
		remedy: &remedy.Runner{Problems: grail, Catalog: queries, Estate: all, Maker: maker, Log: log},
		tune:   &tune.Runner{Problems: grail, Catalog: queries, Estate: all, Maker: maker, Log: log},
		maker:  maker,
	}
	if s.onboard {
		a.onboard = &onboard.Runner{Proposer: h, History: h, Log: log}
	}
	a.reviews = &review.Reviewer{Host: h, Dynatrace: s.dynatraceURL, Log: log}
	a.outcome = &outcome.Watcher{Host: h, Past: a.past, Dynatrace: s.dynatraceURL, Log: log}
	return a, nil
}

// github opens the App at GitHub.
func (s *settings) github(log *slog.Logger, through http.RoundTripper) (*ghapp.App, error) {
	id, err := s.appID()
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	gh, err := ghapp.Open(ghapp.Config{
		AppID: id, PrivateKey: []byte(s.githubKey), WebhookSecret: or(s.webhookSecret, rand.Text()),
		BaseURL: s.githubURL, Pacing: ghapp.Pacing{Off: !s.pacing}, Log: log, Transport: through, Redact: s.redactor(),
	})
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return gh, nil
}

// tracer shows what is done as spans, where the environment asks for it.
func (s *settings) tracer(log *slog.Logger) (*tracing.Tracer, error) {
	if s.getenv == nil {
		return nil, nil
	}
	return tracing.Open(context.Background(), tracing.Config{Getenv: s.getenv, Version: version(), Redact: s.redactor(), Log: log})
}

// grail returns a client of the Dynatrace environment.
func (s *settings) grail(log *slog.Logger, through http.RoundTripper) (*dynatrace.Client, error) {
	return dynatrace.New(dynatrace.Config{
		Transport: through,
		URL:       s.dynatraceURL, Token: s.dynatraceToken,
		ClientID: s.dynatraceClientID, ClientSecret: s.dynatraceSecret, TokenURL: s.tokenURL,
		Log: log,
	})
}

// checker returns the gate, as the App that GitHub knows it to be.
func (a *app) checker(ctx context.Context) (*gate.Checker, error) {
	self, err := a.github.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return &gate.Checker{
		Source: a.source, Estate: a.branches(), Host: a.host, Store: a.cases, Telemetry: gate.Spans{Dynatrace: a.grail}, Turns: &a.turns, App: self.Login(),
		Key: a.key, Pages: a.pages, Log: a.log,
	}, nil
}

// due judges again what waits at a gate.
func (a *app) due(ctx context.Context, now time.Time) error {
	checker, err := a.checker(ctx)
	if err != nil {
		return err
	}
	return checker.Due(ctx, now)
}

// branches finds the installation of a repository when a gate asks for it.
func (a *app) branches() gate.Estate { return branches{a} }

type branches struct{ app *app }

func (b branches) Repository(ctx context.Context, repo forge.Repo, branch string) (*plan.Repository, error) {
	id, err := b.app.host.installation(ctx, repo)
	if err != nil {
		return nil, err
	}
	return estate.Branch{Estate: b.app.estate, Installation: id}.Repository(ctx, repo, branch)
}

// A cycle is what one run of everything came to.
type cycle struct {
	Remedy remedy.Report
	Tune   tune.Report
}

// remediate runs the first half of a cycle: problems, the open pull requests
// that answer some, and the gates of all others.
func (a *app) remediate(ctx context.Context, now time.Time) (remedy.Report, error) {
	report, err := a.remedy.Run(ctx, now)
	if a.maker.Proposer == nil {
		return report, err
	}
	return report, errors.Join(err, a.judge(ctx, report, now))
}

// judge looks at the open pull requests of a report's repositories: ours in the
// light of it, and all by the gates. Installations are looked at side by side,
// each within its own time. One that the last look is not done with is left to
// it.
func (a *app) judge(ctx context.Context, report remedy.Report, now time.Time) error {
	if len(report.Repos) == 0 {
		return nil
	}
	a.last.Store(&lastReport{report, now, time.Now()})
	checker, err := a.checker(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	slots := make(chan struct{}, sideBySide)
	for id, repos := range a.host.byInstallation(report.Repos) {
		if _, busy := a.judging.LoadOrStore(id, true); busy {
			a.log.Warn("not judged", "installation", id, "reason", "the last look at it is not done")
			continue
		}
		wg.Go(func() {
			defer a.judging.Delete(id)
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeoutCause(ctx, installationLimit, fmt.Errorf("judging installation %d took longer than %v", id, installationLimit))
			defer cancel()
			err := errors.Join(remedy.Judge(ctx, a.host, repos, report, now), a.faults(ctx, repos), checker.Reconcile(ctx, repos, now),
				a.offers(ctx, repos, report, now), a.watch(ctx, repos, report, now), a.boards(ctx, repos, report, now), a.review(ctx, repos, report, now))
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// faults shows mistakes in a repository's configuration as a status on the head
// of its default branch, where its owners look.
func (a *app) faults(ctx context.Context, repos []*plan.Repository) error {
	var errs []error
	for _, r := range repos {
		if len(r.Faults) == 0 {
			continue
		}
		errs = append(errs, a.host.SetStatus(ctx, r.Repo, r.SHA, forge.CommitStatus{
			Context: forge.ContextConfiguration, State: forge.Failure,
			Description: firstLine(errors.Join(r.Faults...).Error()),
		}))
	}
	return errors.Join(errs...)
}

// close ends what the program holds at GitHub, and sends the last traces.
func (a *app) close() { a.closeWithin(5 * time.Second) }

func (a *app) closeWithin(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.github.Close(ctx); err != nil {
			a.log.Warn("tokens not revoked", "err", err)
		}
	})
	wg.Go(func() {
		if err := a.trace.Close(ctx); err != nil {
			a.log.Warn("traces lost", "err", err)
		}
	})
	wg.Wait()
}

// classify gives an error the exit code that it means.
func classify(err error) error {
	var exit *exitError
	switch {
	case err == nil || errors.As(err, &exit):
		return err
	case errors.Is(err, forge.ErrUnauthorized), errors.Is(err, forge.ErrForbidden), errors.Is(err, forge.ErrSuspended),
		errors.Is(err, dynatrace.ErrUnauthorised), errors.Is(err, dynatrace.ErrForbidden):
		return &exitError{exitAuth, err}
	case errors.Is(err, remedy.ErrUntrusted):
		return &exitError{exitPartial, err}
	case errors.Is(err, context.DeadlineExceeded):
		return &exitError{exitTimedOut, err}
	}
	var dt *dynatrace.Error
	if errors.As(err, &dt) {
		return &exitError{exitRefused, err}
	}
	return err
}

// ready reports whether the program knows who it is at GitHub.
func (a *app) ready(ctx context.Context) error {
	_, err := a.github.Identity(ctx)
	return err
}
