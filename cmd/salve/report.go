package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/gate"
)

func reportCommand(env *environment) *cobra.Command {
	return group(&cobra.Command{
		Use:   "report",
		Short: "Sum up what was decided",
		Example: `  salve report gates --since 14d
  salve report remedies --since 30d`,
	}, gatesReportCommand(env), remediesReportCommand(env))
}

func gatesReportCommand(env *environment) *cobra.Command {
	s := &settings{}
	var since, format, at string
	cmd := &cobra.Command{
		Use:   "gates",
		Short: "Show what the gates held back, or would have held back in shadow mode",
		Long: `Show what the gates held back, or would have held back in shadow mode, with the evidence and with what came of it:
"right" where the problem held back the change for ten minutes or more, "brief" where it was over sooner and so was
likely noise, "open" where its end was not seen. Cases are kept for 30 days.`,
		Example: `  salve report gates --since 14d
  salve report gates --since 24h --format json | jq '.held[] | select(.shadow)'`,
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
			if format != "table" && format != "json" {
				return &exitError{exitUsage, fmt.Errorf("--format %q: want table or json", format)}
			}
			report, err := s.reportGates(cmd.Context(), env, now.Add(-age))
			if err != nil {
				return err
			}
			if format == "json" {
				return writeJSON(env.Stdout, heldViewOf(report))
			}
			return printGates(env, heldViewOf(report))
		},
	}
	s.databaseFlag(cmd, env)
	cmd.Flags().StringVar(&since, "since", "14d", "how far back: 90m, 24h, 14d, 2w")
	cmd.Flags().StringVar(&format, "format", "table", "table for people or json for programs")
	cmd.Flags().StringVar(&at, "now", "", "`time` to look back from, in RFC 3339")
	return cmd
}

var spanForm = regexp.MustCompile(`^([0-9]{1,4})([mhdw])$`)

// span reads how far back to look.
func span(text string) (time.Duration, error) {
	m := spanForm.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("--since %q: want a time span such as 24h or 14d", text)
	}
	n, err := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
	return time.Duration(n) * unit, err
}

// reportGates reads the cases of the database.
func (s *settings) reportGates(ctx context.Context, env *environment, since time.Time) (gate.Report, error) {
	log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	q, err := s.existing(ctx, log)
	if err != nil {
		return gate.Report{}, err
	}
	defer q.Close()
	cases, err := (&gate.Checker{Store: facts{q}}).Cases(ctx, since)
	return gate.Sum(cases, since), err
}

// A gatesView is what salve report gates --format json prints.
type gatesView struct {
	Since   time.Time  `json:"since"`
	Judged  int        `json:"judged"`
	Passed  int        `json:"passed"`
	Unknown int        `json:"unknown"`
	Pending int        `json:"pending"`
	Right   int        `json:"right"`
	Brief   int        `json:"brief"`
	Open    int        `json:"open"`
	Held    []heldView `json:"held"`
}

type heldView struct {
	From        time.Time `json:"from"`
	Minutes     float64   `json:"minutes"`
	Outcome     string    `json:"outcome"`
	Shadow      bool      `json:"shadow"`
	Gate        string    `json:"gate"`
	Repo        string    `json:"repo"`
	Pull        int       `json:"pull,omitempty"`
	Environment string    `json:"environment,omitempty"`
	SHA         string    `json:"sha"`
	Evidence    []string  `json:"evidence"`
}

func heldViewOf(r gate.Report) gatesView {
	v := gatesView{Since: r.Since, Judged: r.Judged, Passed: r.Passed, Unknown: r.Unknown, Pending: r.Pending, Right: r.Right, Brief: r.Brief, Open: r.Open, Held: []heldView{}}
	for _, h := range r.Held {
		one := heldView{
			From: h.From, Minutes: h.Lasted.Minutes(), Outcome: h.Outcome, Shadow: h.Shadow, Gate: string(h.Case.Gate), Repo: h.Case.Repo.String(),
			Pull: h.Case.Pull, Environment: h.Case.Environment, SHA: string(h.Case.Head), Evidence: []string{},
		}
		for _, row := range h.Case.Evidence {
			if row.Verdict == gate.Block {
				one.Evidence = append(one.Evidence, fmt.Sprintf("%s %s on %s (%s)", row.Severity, row.Problem, row.Service, clean(row.Title)))
			}
		}
		v.Held = append(v.Held, one)
	}
	return v
}

// printGates prints the report for people.
func printGates(env *environment, v gatesView) error {
	p := &printer{w: env.Stdout}
	p.f("%d judged since %s: %d passed, %d held back or to be, %d could not be found out, %d waiting\n", v.Judged, v.Since.Format(time.RFC3339), v.Passed, len(v.Held), v.Unknown, v.Pending)
	if len(v.Held) == 0 {
		return p.err
	}
	p.f("of those held back: %d right, %d brief, %d open\n\n", v.Right, v.Brief, v.Open)
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	table := &printer{w: w}
	table.f("FROM\tMINUTES\tOUTCOME\tMODE\tGATE\tWHERE\tEVIDENCE\n")
	for _, h := range v.Held {
		mode, where := "enforce", h.Repo+"@"+h.SHA[:min(7, len(h.SHA))]
		if h.Shadow {
			mode = "shadow"
		}
		if h.Pull > 0 {
			where = fmt.Sprintf("%s#%d", h.Repo, h.Pull)
		}
		table.f("%s\t%.0f\t%s\t%s\t%s\t%s %s\t%s\n", h.From.Format(time.RFC3339), h.Minutes, h.Outcome, mode, h.Gate, where, clean(h.Environment), strings.Join(h.Evidence, "; "))
	}
	return errors.Join(p.err, table.err, w.Flush())
}
