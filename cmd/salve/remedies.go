package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp/wire"
	"github.com/salvehq/salve/internal/outcome"
)

func remediesReportCommand(env *environment) *cobra.Command {
	s := &settings{}
	var since, format, at string
	var repos []string
	var each bool
	cmd := &cobra.Command{
		Use:   "remedies",
		Short: "Show what came of the pull requests: merged, declined, effective",
		Long: `Show for each remedy what came of the pull requests that were opened since: merged, declined by people, closed since
their problems stayed away, and of those merged which were effective (their problem stayed away), which were not, and
which are undecided (watched still, or nothing could be found out). All of it is read from GitHub. The exit code is 5 if
a repository could not be read.`,
		Example: `  salve report remedies --since 30d
  salve report remedies --repo acme/shop --repo acme/billing --per-repository
  salve report remedies --format json | jq '.remedies[] | select(.ineffective > 0)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now, err := env.now(at)
			if err != nil {
				return err
			}
			age, err := span(since)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := s.secrets(env); err != nil {
				return err
			}
			pulls, failed := s.history(cmd.Context(), env, repos, now.Add(-age))
			if pulls == nil && failed != nil {
				return classify(failed)
			}
			v := remediesViewOf(now.Add(-age), outcome.Add(pulls, each))
			if format == "json" {
				err = writeJSON(env.Stdout, v)
			} else {
				err = printRemedies(env, v, each)
			}
			if failed != nil {
				failed = &exitError{exitPartial, failed}
			}
			return errors.Join(err, failed)
		},
	}
	s.githubFlags(cmd, env)
	formatFlag(cmd, &format)
	cmd.Flags().StringVar(&since, "since", "30d", "how far back: 24h, 30d, 12w")
	cmd.Flags().StringSliceVar(&repos, "repo", nil, "`owner/name` of a repository to look at; all without it")
	cmd.Flags().BoolVar(&each, "per-repository", false, "a line for each repository")
	cmd.Flags().StringVar(&at, "now", "", "`time` to look back from, in RFC 3339")
	return cmd
}

// history reads the pull requests that the App has opened since, with who
// closed those that were not merged. Repositories that cannot be read are an
// error beside the others; nil is returned where nothing could be read at all.
func (s *settings) history(ctx context.Context, env *environment, only []string, since time.Time) ([]forge.PullRequest, error) {
	wanted := map[forge.Repo]bool{}
	for _, name := range only {
		repo, err := forge.ParseRepo(name)
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("--repo: %w", err)}
		}
		wanted[repo] = true
	}
	log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: s.redactor().Attr}))
	var through http.RoundTripper = wire.NewTransport()
	if s.transport != nil {
		through = s.transport
	}
	gh, err := s.github(log, through)
	if err != nil {
		return nil, err
	}
	h := newHost(gh)
	defer func() { _ = gh.Close(context.WithoutCancel(ctx)) }() // tokens end by themselves
	all, err := h.Installations(ctx)
	if err != nil {
		return nil, err
	}
	out, errs := []forge.PullRequest{}, []error(nil)
	for _, in := range all {
		if in.Suspended {
			continue
		}
		repos, err := h.List(ctx, in.ID)
		errs = append(errs, err)
		for _, r := range repos {
			if len(wanted) > 0 && !wanted[r.Repo] {
				continue
			}
			delete(wanted, r.Repo)
			pulls, err := h.opened(ctx, r.Repo, since)
			out, errs = append(out, pulls...), append(errs, err)
			if len(only) > 0 && len(wanted) == 0 {
				return out, errors.Join(errs...)
			}
		}
	}
	for repo := range wanted {
		errs = append(errs, fmt.Errorf("%s: the App is not installed there: %w", repo, forge.ErrNotFound))
	}
	return out, errors.Join(errs...)
}

// opened returns the pull requests of this App in a repository that were opened
// since.
func (h *host) opened(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.PullRequest, error) {
	c, err := h.client(repo)
	if err != nil {
		return nil, err
	}
	pulls, err := c.OurHistory(ctx, repo, since)
	var out []forge.PullRequest
	errs := []error{err}
	for _, p := range pulls {
		if p.CreatedAt.Before(since) {
			continue
		}
		if !p.Open && !p.Merged {
			p.ClosedBy, err = c.ClosedBy(ctx, repo, p.Number)
			errs = append(errs, err)
		}
		out = append(out, p)
	}
	return out, errors.Join(errs...)
}

// A remediesView is what salve report remedies --format json prints.
type remediesView struct {
	Since    time.Time `json:"since"`
	Remedies []sumView `json:"remedies"`
}

type sumView struct {
	Repo         string  `json:"repo,omitempty"` // with --per-repository
	Remedy       string  `json:"remedy"`
	Opened       int     `json:"opened"`
	Open         int     `json:"open"`
	Merged       int     `json:"merged"`
	Declined     int     `json:"declined"`
	Quiet        int     `json:"quiet"`
	Effective    int     `json:"effective"`
	Ineffective  int     `json:"ineffective"`
	Undecided    int     `json:"undecided"`
	Regressions  int     `json:"regressions"`
	HoursToMerge float64 `json:"hours_to_merge,omitempty"` // median
}

func remediesViewOf(since time.Time, sums []outcome.Sum) remediesView {
	v := remediesView{Since: since, Remedies: []sumView{}}
	for _, s := range sums {
		one := sumView{
			Remedy: s.Remedy, Opened: s.Opened, Open: s.Open, Merged: s.Merged, Declined: s.Declined, Quiet: s.Quiet,
			Effective: s.Effective, Ineffective: s.Ineffective, Undecided: s.Undecided, Regressions: s.Regressions, HoursToMerge: s.ToMerge.Hours(),
		}
		if s.Repo != (forge.Repo{}) {
			one.Repo = s.Repo.String()
		}
		v.Remedies = append(v.Remedies, one)
	}
	return v
}

// printRemedies prints the report for people.
func printRemedies(env *environment, v remediesView, each bool) error {
	if len(v.Remedies) == 0 {
		p := &printer{w: env.Stdout}
		p.f("no pull request was opened since %s\n", v.Since.Format(time.RFC3339))
		return p.err
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	p := &printer{w: w}
	head := "REMEDY\tOPENED\tOPEN\tMERGED\tDECLINED\tQUIET\tEFFECTIVE\tINEFFECTIVE\tUNDECIDED\tREGRESSIONS\tTO MERGE\n"
	if each {
		head = "REPOSITORY\t" + head
	}
	p.f("%s", head)
	for _, s := range v.Remedies {
		var cells []string
		if each {
			cells = append(cells, s.Repo)
		}
		cells = append(cells, clean(s.Remedy))
		for _, n := range []int{s.Opened, s.Open, s.Merged, s.Declined, s.Quiet, s.Effective, s.Ineffective, s.Undecided, s.Regressions} {
			cells = append(cells, fmt.Sprint(n))
		}
		took := "–"
		if s.Merged > 0 {
			took = fmt.Sprintf("%.1f h", s.HoursToMerge)
		}
		p.f("%s\n", strings.Join(append(cells, took), "\t"))
	}
	return errors.Join(p.err, w.Flush())
}
