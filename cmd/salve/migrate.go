package main

import (
	"fmt"
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
				return err
			}
			_, err := fmt.Fprintln(env.Stdout, "tables are up to date")
			return err
		},
	}
	s.databaseFlag(cmd, env)
	return cmd
}

// databaseFlag adds where work is kept.
func (s *settings) databaseFlag(cmd *cobra.Command, env *environment) {
	cmd.PersistentFlags().StringVar(&s.database, "database", or(env.Getenv("SALVE_DATABASE"), "salve.db"),
		"`file` or postgres:// URL of the database [$SALVE_DATABASE]")
}
