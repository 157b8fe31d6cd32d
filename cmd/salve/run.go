package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

func runCommand(env *environment) *cobra.Command {
	s := &settings{}
	var dry bool
	var format, at string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run one cycle now: both queries, pull requests, statuses",
		Long: `Ask both queries once, open or update the pull requests that answer them, judge the open ones again,
and exit. With --dry-run nothing is written to GitHub.`,
		Example: `  salve run --dry-run
  salve run --format json | jq '.pulls[].title'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now, err := env.now(at)
			if err != nil {
				return err
			}
			if err := s.secrets(env); err != nil {
				return err
			}
			if err := s.validate(false); err != nil {
				return err
			}
			return classify(runOnce(cmd.Context(), env, s, now, dry, format))
		},
	}
	s.githubFlags(cmd, env)
	s.dynatraceFlags(cmd, env)
	s.onboardFlag(cmd, env)
	s.queriesFlag(cmd, env)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "decide and print, write nothing")
	formatFlag(cmd, &format)
	cmd.Flags().StringVar(&at, "now", "", "decide as of this `time` (RFC 3339)")
	return cmd
}

// formatFlag adds --format.
func formatFlag(cmd *cobra.Command, format *string) {
	*format = "table"
	cmd.Flags().Var((*cycleFormat)(format), "format", "table for people or json for programs")
}

// A cycleFormat is a flag that takes table or json.
type cycleFormat string

func (f *cycleFormat) String() string { return string(*f) }
func (f *cycleFormat) Type() string   { return "format" }

func (f *cycleFormat) Set(s string) error {
	if s != "table" && s != "json" {
		return fmt.Errorf("want table or json")
	}
	*f = cycleFormat(s)
	return nil
}

// A runView is what salve run and salve plan print.
type runView struct {
	Pulls     []pullView     `json:"pulls"`
	Decisions []decisionView `json:"decisions"`
	Faults    []faultView    `json:"faults"`
	Opened    int            `json:"opened"`
	Quality   string         `json:"quality"` // of the answer to the remediation query
}

type faultView struct {
	Repo  string `json:"repo"`
	Error string `json:"error"`
}

func runOnce(ctx context.Context, env *environment, s *settings, now time.Time, dry bool, format string) error {
	log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: s.redactor().Attr}))
	a, err := s.open(log)
	if err != nil {
		return err
	}
	defer a.close()
	if dry {
		a.maker.Proposer = nil
	}
	c, err := a.cycle(ctx, now)
	return errors.Join(printCycle(env, c, format), err)
}

// cycle runs everything once. Detectors come first, so that the gates, which
// remediate judges at its end, see all pull requests.
func (a *app) cycle(ctx context.Context, now time.Time) (cycle, error) {
	var c cycle
	var errs [2]error
	c.Tune, errs[0] = a.tune.Run(ctx, now)
	c.Remedy, errs[1] = a.remediate(ctx, now)
	return c, errors.Join(errs[:]...)
}

// view is what a cycle came to, for programs.
func (c cycle) view() runView {
	v := runView{
		Pulls: pullsOf(c), Decisions: decisionsOf(c), Faults: []faultView{}, Opened: opened(c), Quality: c.Remedy.Quality.String(),
	}
	for _, f := range c.Remedy.Faults {
		v.Faults = append(v.Faults, faultView{f.Repo.String(), f.Err.Error()})
	}
	return v
}

// printCycle prints what a cycle came to.
func printCycle(env *environment, c cycle, format string) error {
	v := c.view()
	if format == "json" {
		return writeJSON(env.Stdout, v)
	}
	p := &printer{w: env.Stdout}
	for _, pull := range v.Pulls {
		p.pull(pull)
	}
	if len(v.Faults) > 0 || slices.ContainsFunc(v.Decisions, func(d decisionView) bool { return d.Reason != "" }) {
		p.f("\nLeft alone, with the reason:\n")
	}
	p.decisions(v.Decisions)
	for _, f := range v.Faults {
		p.f("  %s: %s\n", f.Repo, clean(f.Error))
	}
	p.f("\n%d planned, %d opened\n", len(v.Pulls), v.Opened)
	return p.err
}
