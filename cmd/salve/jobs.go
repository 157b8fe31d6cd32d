package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/queue"
)

// A jobsTool is what the commands below salve jobs share.
type jobsTool struct {
	env    *environment
	s      settings
	format string
}

func jobsCommand(env *environment) *cobra.Command {
	t := &jobsTool{env: env}
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List, show, retry and discard the work in the database",
		Long: `List, show, retry and discard the work in the database: accepted webhook deliveries,
ticks of the schedule, proposals and timers. A job that failed for good is dead: it
stays for 30 days and runs again only when it is retried. A proposal that is dead is
left alone for an hour; then the next cycle makes a new job of it.`,
		Example: `  salve jobs list --state dead
  salve jobs show 4711
  salve jobs retry --dead`,
	}
	t.s.databaseFlag(cmd, env)
	cmd.PersistentFlags().StringVar(&t.format, "format", "table", "table for people or json for programs")
	return group(cmd, t.list(), t.show(), t.retry(), t.discard())
}

func (t *jobsTool) list() *cobra.Command {
	var f queue.Filter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, newest first",
		Example: `  salve jobs list --state dead
  salve jobs list --kind proposal
  salve jobs list --kind event --limit 20 --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.State != "" && !slices.Contains(queue.States(), f.State) {
				return &exitError{exitUsage, fmt.Errorf("--state %q: want one of %v", f.State, queue.States())}
			}
			return t.with(cmd.Context(), func(q *queue.Queue) error {
				jobs, err := q.Jobs(cmd.Context(), f)
				if err != nil {
					return err
				}
				return t.print(jobs)
			})
		},
	}
	cmd.Flags().StringVar(&f.Kind, "kind", "", "only jobs of this `kind`")
	cmd.Flags().StringVar((*string)(&f.State), "state", "", fmt.Sprintf("only jobs in this `state`: %s", words(queue.States())))
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "at most this `many`")
	return cmd
}

func (t *jobsTool) show() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a job with its payload and every error",
		Example: "  salve jobs show 4711",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.each(cmd.Context(), args, (*queue.Queue).Show, t.detail)
		},
	}
}

func (t *jobsTool) retry() *cobra.Command {
	var dead bool
	cmd := &cobra.Command{
		Use:   "retry ID... | --dead",
		Short: "Run jobs again, now",
		Example: `  salve jobs retry 4711 4712
  salve jobs retry --dead`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dead == (len(args) > 0) {
				return &exitError{exitUsage, errors.New("salve jobs retry: want ids or --dead")}
			}
			if dead {
				return t.with(cmd.Context(), func(q *queue.Queue) error { return t.retryDead(cmd.Context(), q) })
			}
			return t.each(cmd.Context(), args, (*queue.Queue).Retry, t.print)
		},
	}
	cmd.Flags().BoolVar(&dead, "dead", false, "retry every dead job")
	return cmd
}

// retryDead retries every dead job. One whose name another job has by now stays
// dead, and does not hold up the rest.
func (t *jobsTool) retryDead(ctx context.Context, q *queue.Queue) error {
	dead, err := q.Jobs(ctx, queue.Filter{State: queue.Dead, Limit: 10_000})
	if err != nil {
		return err
	}
	var again []queue.Record
	var errs []error
	for _, r := range slices.Backward(dead) { // oldest first
		if r, err = q.Retry(ctx, r.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		again = append(again, r)
	}
	return errors.Join(append(errs, t.print(again))...)
}

func (t *jobsTool) discard() *cobra.Command {
	return &cobra.Command{
		Use:   "discard ID...",
		Short: "Make jobs dead that are not over yet",
		Long: `Make jobs dead that are not over yet. One that is running is cancelled if the database
is PostgreSQL; with SQLite its attempt goes on, and is the last one.`,
		Example: "  salve jobs discard 4711",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.each(cmd.Context(), args, (*queue.Queue).Kill, t.print)
		},
	}
}

// with opens the database for do.
func (t *jobsTool) with(ctx context.Context, do func(*queue.Queue) error) error {
	if t.format != "table" && t.format != "json" {
		return &exitError{exitUsage, fmt.Errorf("--format %q: want table or json", t.format)}
	}
	log := slog.New(slog.NewTextHandler(t.env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	q, err := t.s.existing(ctx, log)
	if err != nil {
		return err
	}
	defer q.Close()
	return do(q)
}

// each does something to the job of each id and prints what they are then.
func (t *jobsTool) each(ctx context.Context, ids []string, do func(*queue.Queue, context.Context, int64) (queue.Record, error), print func([]queue.Record) error) error {
	var numbers []int64
	for _, id := range ids {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n <= 0 {
			return &exitError{exitUsage, fmt.Errorf("job %q: want a number from salve jobs list", id)}
		}
		numbers = append(numbers, n)
	}
	return t.with(ctx, func(q *queue.Queue) error {
		var records []queue.Record
		var errs []error
		for _, n := range numbers {
			r, err := do(q, ctx, n)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			records = append(records, r)
		}
		err := errors.Join(append(errs, print(records))...)
		if errors.Is(err, queue.ErrNoJob) {
			return &exitError{exitUsage, err}
		}
		return err
	})
}

// A jobView is a job as --format json prints it. Times are UTC.
type jobView struct {
	ID          int64           `json:"id"`
	Kind        string          `json:"kind"`
	State       queue.State     `json:"state"`
	Key         string          `json:"key,omitempty"`
	Unique      string          `json:"unique,omitempty"`
	Attempt     int             `json:"attempt"`
	MaxAttempts int             `json:"max_attempts"`
	Enqueued    time.Time       `json:"enqueued"`
	Due         time.Time       `json:"due,omitzero"`
	Finished    time.Time       `json:"finished,omitzero"`
	Process     string          `json:"process,omitempty"`
	Errors      []jobError      `json:"errors,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"`
}

type jobError struct {
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Error   string    `json:"error"`
}

func viewJob(r queue.Record) jobView {
	v := jobView{
		ID: r.ID, Kind: r.Kind, State: r.State, Key: r.Key, Unique: r.Unique, Attempt: r.Attempt, MaxAttempts: r.MaxAttempts,
		Enqueued: r.Enqueued, Due: r.Due, Finished: r.Finished, Process: r.Process, Payload: r.Payload,
	}
	for _, e := range r.Errors {
		v.Errors = append(v.Errors, jobError{e.At, e.Attempt, e.Text})
	}
	return v
}

// print prints one line for each job.
func (t *jobsTool) print(jobs []queue.Record) error {
	if t.format == "json" {
		views := []jobView{}
		for _, r := range jobs {
			views = append(views, viewJob(r))
		}
		return t.json(views)
	}
	w := tabwriter.NewWriter(t.env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKIND\tSTATE\tATTEMPT\tENQUEUED\tDUE\tABOUT\tLAST ERROR")
	for _, r := range jobs {
		last := ""
		if n := len(r.Errors); n > 0 {
			last, _, _ = strings.Cut(r.Errors[n-1].Text, "\n")
		}
		if a, ok := assigned(r); ok { // what it is about stands beside it
			if _, why, found := strings.Cut(last, a.task().Key+": "); found {
				last = why
			}
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%d/%d\t%s\t%s\t%s\t%.100s\n", r.ID, r.Kind, r.State, r.Attempt, r.MaxAttempts,
			clock(r.Enqueued), clock(r.Due), plain(about(r)), plain(last))
	}
	return w.Flush()
}

// about is what a job works on, as far as its names say it.
func about(r queue.Record) string {
	var e forge.Event
	switch {
	case r.Kind == kindProposal || r.Key == "":
		return r.Unique
	case r.Kind == kindEvent && json.Unmarshal(r.Payload, &e) == nil && e.Kind != "":
		where := e.Repo.String()
		if e.Repo == (forge.Repo{}) {
			where = fmt.Sprint("installation ", e.Installation)
		}
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", where, e.Kind, e.Action))
	}
	return r.Key
}

// assigned is what a proposal's job is to do; ok is false for other jobs.
func assigned(r queue.Record) (a assignment, ok bool) {
	if r.Kind != kindProposal || json.Unmarshal(r.Payload, &a) != nil {
		return a, false
	}
	return a, a.Problem != nil || a.Detector != nil
}

// carried is what a job holds: of a proposal what it is to do, of others the
// text.
func carried(r queue.Record) [][2]string {
	a, ok := assigned(r)
	if !ok {
		return [][2]string{{"payload", string(r.Payload)}}
	}
	t := a.task()
	out := [][2]string{
		{"repository", t.Repo.String()}, {"installation", strconv.FormatInt(a.Installation, 10)}, {"branch", t.Branch},
		{"remedy", t.Remedy}, {"decided", fmt.Sprintf("%s at %s of %s", clock(t.Asked), t.Head.Short(), t.Base)}, {"proposal", t.Key},
	}
	if a.Detector != nil {
		return append(out, [2]string{"detector", a.Detector.Detector.Title})
	}
	for _, e := range a.Problem.Evidence[:min(len(a.Problem.Evidence), 10)] {
		out = append(out, [2]string{"problem", fmt.Sprintf("%s %s %s", e.Problem, e.Severity, e.Title)})
	}
	if more := len(a.Problem.Evidence) - 10; more > 0 {
		out = append(out, [2]string{"problem", fmt.Sprintf("and %d more", more)})
	}
	return out
}

// detail prints everything about jobs.
func (t *jobsTool) detail(jobs []queue.Record) error {
	for _, r := range jobs {
		if t.format == "json" {
			return t.json(viewJob(r))
		}
		w := tabwriter.NewWriter(t.env.Stdout, 0, 0, 2, ' ', 0)
		for _, line := range [][2]string{
			{"id", strconv.FormatInt(r.ID, 10)}, {"kind", r.Kind}, {"state", string(r.State)}, {"key", plain(r.Key)}, {"unique", plain(r.Unique)},
			{"attempt", fmt.Sprintf("%d of %d", r.Attempt, r.MaxAttempts)}, {"enqueued", clock(r.Enqueued)}, {"due", clock(r.Due)},
			{"finished", clock(r.Finished)}, {"process", r.Process},
		} {
			fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
		}
		for _, line := range carried(r) {
			fmt.Fprintf(w, "%s\t%s\n", line[0], plain(line[1]))
		}
		for _, e := range r.Errors {
			fmt.Fprintf(w, "attempt %d\t%s %s\n", e.Attempt, clock(e.At), plain(e.Text))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (t *jobsTool) json(v any) error {
	e := json.NewEncoder(t.env.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05")
}

// plain is text of others on a terminal: control characters could move the
// cursor or change its colours.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '�'
	}, s)
}

func words(states []queue.State) string {
	var s []string
	for _, state := range states {
		s = append(s, string(state))
	}
	return strings.Join(s, ", ")
}
