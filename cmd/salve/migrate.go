package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/queue"
)

func migrateCommand(env *environment) *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the tables of the database up to date",
		Long: `Bring the tables of the database up to date, and create a SQLite file that is not
there. salve serve does so when it starts; with several replicas, run this once
before the new release.`,
		Example: `  salve migrate --database salve.db
  SALVE_DATABASE=postgres://salve@db/salve salve migrate`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			if err := queue.Migrate(cmd.Context(), s.database, log); err != nil {
				return misnamed(err)
			}
			_, err := fmt.Fprintln(env.Stdout, "tables are up to date")
			return err
		},
	}
	s.databaseFlag(cmd, env)
	return cmd
}

// existing opens the database that salve serve works with.
func (s *settings) existing(ctx context.Context, log *slog.Logger) (*queue.Queue, error) {
	q, err := queue.OpenExisting(ctx, s.database, log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitUsage, fmt.Errorf("%w; name the database of salve serve with --database or SALVE_DATABASE", err)}
	}
	return q, misnamed(err)
}

// misnamed says that a database is named by what cannot be one.
func misnamed(err error) error {
	if errors.Is(err, queue.ErrName) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return &exitError{exitUsage, err}
	}
	return err
}

// databaseFlag adds where work is kept.
func (s *settings) databaseFlag(cmd *cobra.Command, env *environment) {
	cmd.PersistentFlags().StringVar(&s.database, "database", or(env.Getenv("SALVE_DATABASE"), "salve.db"),
		"`file` or postgres:// URL of the database [$SALVE_DATABASE]")
}
