package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/schedule"
	"github.com/salvehq/salve/internal/server"
	"github.com/salvehq/salve/internal/tracing"
)

// Bounds of a serving process.
const (
	cycleLimit = 10 * time.Minute // for one run of a query and what follows

	// The end takes ten seconds: answers and jobs finish side by side, then
	// tokens are revoked and the last traces sent.
	answersGrace = 3 * time.Second
	jobsGrace    = 7 * time.Second
	closeGrace   = 2500 * time.Millisecond
)

func serveCommand(env *environment) *cobra.Command {
	s := &settings{}
	cmd := serveFlags(s, env)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.secrets(env); err != nil {
			return err
		}
		if err := s.validate(true); err != nil {
			return err
		}
		return classify(serve(cmd.Context(), env, s))
	}
	return cmd
}

// serveFlags is the command with its flags, which the demo reads as well.
func serveFlags(s *settings, env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer webhooks, and run the queries on schedule",
		Long: `Answer webhooks of the GitHub App on POST /webhook, health checks on /healthz and /readyz,
questions about gates on /v1/gates/{environment}/{service} (with a token of SALVE_GATE_TOKENS), their pages on
/gates/{id}, and run both queries at their times. What is to be done is kept in the database first: a SQLite file, or a
PostgreSQL that several replicas share. Stops within ten seconds of SIGTERM.`,
		Example: `  SALVE_GITHUB_APP_ID=123 SALVE_GITHUB_PRIVATE_KEY_FILE=app.pem SALVE_GITHUB_WEBHOOK_SECRET_FILE=secret \
  SALVE_DYNATRACE_URL=https://abc12345.apps.dynatrace.com SALVE_DYNATRACE_TOKEN_FILE=token \
  salve serve --listen :8080`,
		Args: cobra.NoArgs,
	}
	s.githubFlags(cmd, env)
	s.dynatraceFlags(cmd, env)
	s.scheduleFlags(cmd, env)
	s.databaseFlag(cmd, env)
	s.onboardFlag(cmd, env)
	s.queriesFlag(cmd, env)
	cmd.Flags().StringVar(&s.metrics, "metrics-listen", env.Getenv("SALVE_METRICS_LISTEN"), "`address` to show Prometheus metrics on; nowhere if empty [$SALVE_METRICS_LISTEN]")
	cmd.Flags().StringVar(&s.pages, "url", env.Getenv("SALVE_URL"), "root `URL` under which people reach this program, for links to its pages [$SALVE_URL]")
	cmd.Flags().StringVar(&s.listen, "listen", or(env.Getenv("SALVE_LISTEN"), ":8080"), "`address` to answer on [$SALVE_LISTEN]")
	return cmd
}

func serve(ctx context.Context, env *environment, s *settings) error {
	log := slog.New(tracing.LogHandler(slog.NewJSONHandler(env.Stderr, &slog.HandlerOptions{ReplaceAttr: s.redactor().Attr})))
	a, err := s.open(log)
	if err != nil {
		return err
	}
	defer a.closeWithin(closeGrace)
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("listen on %s: %w", s.listen, err)}
	}
	log.Info("listening", "address", l.Addr().String(), "version", version())
	err = a.serve(ctx, l, s)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to stop before it had begun
	}
	return err
}

// serve runs everything on l until ctx is done or a part fails.
func (a *app) serve(ctx context.Context, l net.Listener, s *settings) (err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	w, jobs, err := a.work(ctx, s)
	if err != nil {
		return errors.Join(err, context.Cause(ctx)) // of a context that ended, database/sql says what it broke off
	}
	defer w.queue.Close()
	a.cases = facts{w.queue}
	handler := server.New(server.Config{
		Parse: a.parse, Accept: w.accept, Ready: w.ready, Log: a.log, Dropped: func() { a.metrics.Delivery("dropped") },
		Gates: gates{a}, GateTokens: s.tokens(), Tenant: a.tenant,
	})
	parts := []func() error{
		func() error { return server.Serve(ctx, l, a.trace.Handler(handler), answersGrace) },
		func() error { return schedule.Run(ctx, a.log, w.ticks(jobs)...) },
		func() error { <-ctx.Done(); return w.stop() },
	}
	if s.metrics != "" {
		m, err := net.Listen("tcp", s.metrics)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("show metrics on %s: %w", s.metrics, err)}
		}
		parts = append(parts, func() error { return server.Serve(ctx, m, a.metrics.Handler(), time.Second) })
	}
	if err := w.queue.Start(ctx); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	done := make(chan error, len(parts))
	for _, part := range parts {
		go func() {
			err := part()
			stop(err)
			done <- err
		}()
	}
	var errs []error
	for range parts {
		if err := <-done; !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// parse reads a delivery and counts those that are refused.
func (a *app) parse(h http.Header, body []byte) (forge.Event, error) {
	e, err := a.github.ParseEvent(h, body)
	if err != nil {
		a.metrics.Delivery("refused")
	}
	return e, err
}

// jobs are the two queries at their times, the gates that wait for something,
// and the deliveries that were missed.
func (w *worker) jobs(s *settings) []schedule.Job {
	return []schedule.Job{
		{Name: "remediate", Spec: s.remediate, Limit: cycleLimit, Run: w.remediate},
		{Name: "tune", Spec: s.tune, Limit: cycleLimit, Run: w.tune},
		{Name: "gates", Spec: s.gates, Limit: time.Minute, Run: w.app.due},
		w.missed(),
	}
}

// handle does what an event asks for. Events make the program fast; the
// schedule makes it right, so what is not handled here is not lost.
func (a *app) handle(ctx context.Context, e forge.Event) error {
	return a.event(ctx, e, time.Now())
}
