package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/schedule"
	"github.com/salvehq/salve/internal/server"
)

// Bounds of a serving process.
const (
	inboxSize     = 1000             // deliveries that wait to be handled
	workers       = 8                // that handle them
	eventLimit    = 30 * time.Second // for handling one
	cycleLimit    = 10 * time.Minute // for one run of a query and what follows
	shutdownGrace = 10 * time.Second
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
and run both queries at their times. Stops within ten seconds of SIGTERM.`,
		Example: `  SALVE_GITHUB_APP_ID=123 SALVE_GITHUB_PRIVATE_KEY_FILE=app.pem SALVE_GITHUB_WEBHOOK_SECRET_FILE=secret \
  SALVE_DYNATRACE_URL=https://abc12345.apps.dynatrace.com SALVE_DYNATRACE_TOKEN_FILE=token \
  salve serve --listen :8080`,
		Args: cobra.NoArgs,
	}
	s.githubFlags(cmd, env)
	s.dynatraceFlags(cmd, env)
	s.scheduleFlags(cmd, env)
	cmd.Flags().StringVar(&s.listen, "listen", or(env.Getenv("SALVE_LISTEN"), ":8080"), "`address` to answer on [$SALVE_LISTEN]")
	return cmd
}

func serve(ctx context.Context, env *environment, s *settings) error {
	log := slog.New(slog.NewJSONHandler(env.Stderr, nil))
	a, err := s.open(log)
	if err != nil {
		return err
	}
	defer a.close()
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("listen on %s: %w", s.listen, err)}
	}
	log.Info("listening", "address", l.Addr().String(), "version", version())
	return a.serve(ctx, l, s)
}

// serve runs everything on l until ctx is done or a part fails.
func (a *app) serve(ctx context.Context, l net.Listener, s *settings) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	inbox := server.NewInbox(inboxSize, eventLimit, a.log, a.handle)
	handler := server.New(server.Config{Parse: a.github.ParseEvent, Accept: inbox.Accept, Ready: a.ready, Log: a.log})

	parts := []func() error{
		func() error { return server.Serve(ctx, l, handler, shutdownGrace) },
		func() error { inbox.Work(ctx, workers); return nil },
		func() error { return schedule.Run(ctx, a.log, a.jobs(s)...) },
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

// jobs are the two queries at their times, and the gates that wait for
// something.
func (a *app) jobs(s *settings) []schedule.Job {
	return []schedule.Job{
		{Name: "remediate", Spec: s.remediate, Limit: cycleLimit, Run: func(ctx context.Context, now time.Time) error {
			_, err := a.remediate(ctx, now)
			return err
		}},
		{Name: "tune", Spec: s.tune, Limit: cycleLimit, Run: func(ctx context.Context, now time.Time) error {
			_, err := a.tune.Run(ctx, now)
			return err
		}},
		{Name: "gates", Spec: "* * * * *", Limit: time.Minute, Run: a.due},
	}
}

// handle does what an event asks for. Events make the program fast; the
// schedule makes it right, so what is not handled here is not lost.
func (a *app) handle(ctx context.Context, e forge.Event) error {
	if e.Repo != (forge.Repo{}) && e.Installation != 0 {
		a.host.saw(e.Repo, e.Installation)
	}
	return a.event(ctx, e, time.Now())
}
