package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/tune"
	"github.com/salvehq/salve/templates"
)

func planCommand(env *environment) *cobra.Command {
	s := &settings{}
	var dirs, records []string
	var format, at string
	cmd := &cobra.Command{
		Use:   "plan --repo DIR --records FILE",
		Short: "Say what would be done for recorded problems, and show the diffs",
		Long: `Answer the queries from recorded problems and plan changes for the repositories in DIR, without GitHub and
without Dynatrace. Writes nothing. Records that are points of metrics size limits by use. A directory without .github/salve.yml is planned for with the defaults.`,
		Example: `  salve plan --repo . --records problems.jsonl --now 2026-03-02T10:00:00Z`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now, err := env.now(at)
			if err != nil {
				return err
			}
			if len(dirs) == 0 || len(records) == 0 {
				return &exitError{exitUsage, fmt.Errorf("want --repo DIR and --records FILE; see salve plan --help")}
			}
			c, err := planOnce(cmd.Context(), dirs, records, s.queries, now)
			if err = classify(err); exitCode(err) == exitFailure {
				return &exitError{exitRefused, err} // there is nothing else here that could fail than a query
			}
			if err != nil {
				return err
			}
			return printCycle(env, c, format)
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "repo", nil, "`directory` of a repository; may be given several times")
	cmd.Flags().StringSliceVar(&records, "records", nil, "`file` of problem records, one JSON object per line")
	s.queriesFlag(cmd, env)
	formatFlag(cmd, &format)
	cmd.Flags().StringVar(&at, "now", "", "decide as of this `time` (RFC 3339)")
	return cmd
}

// planOnce plans for directories and recorded problems; own is a directory of
// queries, or empty.
func planOnce(ctx context.Context, dirs, records []string, own string, now time.Time) (cycle, error) {
	source, err := eval.OpenRecords(records...)
	if err != nil {
		return cycle{}, &exitError{exitUsage, err}
	}
	queries, err := openCatalog(own)
	if err != nil {
		return cycle{}, &exitError{exitUsage, err}
	}
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		return cycle{}, err
	}
	engine := &eval.Engine{Source: source, Now: now}
	all := local{dirs: dirs, remedies: remedies}
	log := slog.New(slog.DiscardHandler)
	planner := &plan.Planner{Usage: plan.Metrics{Dynatrace: engine, Catalog: queries}}
	maker := &propose.Maker{Planner: planner, History: local{}}
	var c cycle
	problems := &remedy.Runner{Problems: engine, Catalog: queries, Estate: all, Maker: maker, Log: log}
	if c.Remedy, err = problems.Run(ctx, now); err != nil {
		return c, err
	}
	alerts := &tune.Runner{Problems: engine, Catalog: queries, Estate: all, Maker: maker, Log: log}
	c.Tune, err = alerts.Run(ctx, now)
	return c, err
}

// local is an estate of directories, without a past.
type local struct {
	dirs     []string
	remedies []plan.Remedy
}

func (l local) Repositories(ctx context.Context) ([]*plan.Repository, error) {
	var out []*plan.Repository
	for _, dir := range l.dirs {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return nil, &exitError{exitUsage, fmt.Errorf("--repo %s: want a directory", dir)}
		}
		r, err := plan.Open(ctx, plan.Checkout{
			Repo:   forge.Repo{Owner: "local", Name: filepath.Base(abs)},
			Branch: "main", Files: inventory.Dir(abs),
		}, l.remedies)
		if err != nil {
			return nil, err
		}
		if r.Config == nil && len(r.Faults) == 0 {
			defaults := policy.Default()
			r.Config = &defaults
		}
		out = append(out, r)
	}
	return out, nil
}

func (local) History(context.Context, forge.Repo, string) ([]forge.PullRequest, error) {
	return nil, nil
}
