package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A queryRun is what the flags of salve query say.
type queryRun struct {
	settings
	env          *environment
	file         string
	records      []string
	params       []string
	now          string
	from, to     string
	zone         string
	format       string
	allowPartial bool
}

func queryCommand(env *environment) *cobra.Command {
	q := &queryRun{env: env}
	cmd := &cobra.Command{
		Use:   "query [TEXT]",
		Short: "Run a DQL query on a Dynatrace environment or on recorded problems",
		Long: `Run a DQL query, on a Dynatrace environment or, with --records, on recordings.

A recording is a file of JSON lines, one record a line. The field event.kind
decides the tables a record appears in: events, dt.davis.problems (the current
state of each problem), dt.davis.problems.snapshots, dt.davis.events; a file
given as NAME=FILE is the table NAME.

A parameter takes the place of ${NAME} in the text as a value, also inside a
string: NAME=TEXT gives a string, NAME:=VALUE any constant of DQL, such as 5m,
3, array("HOST-1", "HOST-2") or toTimestamp("2026-03-01T10:00:00Z").`,
		Example: `  salve query 'fetch dt.davis.problems | filter event.status == "ACTIVE"'
  salve query --file q.dql --records problems.jsonl --now 2026-03-02T10:00:00Z --format json
  salve query --file q.dql --param DEPLOYMENT_TARGET=checkout`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return q.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringVarP(&q.file, "file", "f", "", "read the text from a `file`, - for standard input")
	f.StringSliceVar(&q.records, "records", nil, "answer from recorded `files`, FILE or NAME=FILE, not from Dynatrace")
	f.StringArrayVarP(&q.params, "param", "p", nil, "a parameter, `NAME=TEXT` or NAME:=VALUE")
	f.StringVar(&q.now, "now", "", "what now() is in recordings: a `time` (RFC 3339)")
	f.StringVar(&q.from, "from", "", "start of the window where the text names none: a `time`, or -2h")
	f.StringVar(&q.to, "to", "", "end of that window, a `time` or a duration")
	f.StringVar(&q.zone, "timezone", "", "time zone of getHour and the like in recordings, a `name` such as Europe/Vienna")
	f.StringVar(&q.format, "format", "table", "`format` of the answer: table, json, jsonl, csv or yaml")
	f.BoolVar(&q.allowPartial, "allow-partial", false, "exit with 0 though the answer is partial, or empty and not to be trusted")
	q.dynatraceFlags(cmd, env)
	f.StringVar(&q.dynatraceURL, "url", q.dynatraceURL, "same as --dynatrace-url")
	f.StringVar(&q.dynatraceToken, "token", "", "platform `token`; the process list shows it, SALVE_DYNATRACE_TOKEN does not")
	cmd.MarkFlagsMutuallyExclusive("url", "dynatrace-url")
	return cmd
}

func (q *queryRun) run(ctx context.Context, args []string) error {
	write := writers[q.format]
	if write == nil {
		return &exitError{exitUsage, fmt.Errorf("--format %q: want table, json, jsonl, csv or yaml", q.format)}
	}
	query, err := q.query(args)
	if err != nil {
		return queryError(err)
	}
	asked, err := q.querier()
	if err != nil {
		return err
	}
	res, err := asked.Query(ctx, query)
	if err != nil {
		return queryError(err)
	}
	for _, n := range res.Notices {
		fmt.Fprintln(q.env.Stderr, n)
	}
	if err := write(q.env, res.Records); err != nil {
		return err
	}
	if res.Quality != dql.OK && !q.allowPartial {
		return &exitError{exitPartial, fmt.Errorf("the answer is %s; --allow-partial accepts it", res.Quality)}
	}
	return nil
}

// query puts text, parameters and window together.
func (q *queryRun) query(args []string) (dql.Query, error) {
	out := dql.Query{}
	switch {
	case len(args) == 1 && q.file != "":
		return out, &exitError{exitUsage, errors.New("give a text or --file, not both")}
	case len(args) == 1:
		out.Text = args[0]
	case q.file != "":
		name, text, err := readText(q.env, q.file)
		if err != nil {
			return out, err
		}
		out.Name, out.Text = name, text
	default:
		return out, &exitError{exitUsage, errors.New("no query: give its text, or --file FILE")}
	}
	now, err := q.env.now(q.now)
	if err != nil {
		return out, err
	}
	for _, p := range q.params {
		name, v, err := parameter(p, now)
		if err != nil {
			return out, err
		}
		if out.Params == nil {
			out.Params = map[string]dql.Value{}
		}
		out.Params[name] = v
	}
	if out.From, err = moment("--from", q.from, now); err != nil {
		return out, err
	}
	out.To, err = moment("--to", q.to, now)
	return out, err
}

// maxText is how much of a file with a query is read; the parser refuses less.
const maxText = 4 * syntax.MaxLength

// readText reads the text of a query; - is standard input.
func readText(env *environment, file string) (name, text string, err error) {
	if file == "-" {
		b, err := io.ReadAll(io.LimitReader(env.Stdin, maxText))
		return "<stdin>", string(b), err
	}
	f, err := os.Open(file)
	if err != nil {
		return "", "", &exitError{exitUsage, err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return "", "", &exitError{exitUsage, err}
	}
	return file, string(b), nil
}

var parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parameter reads NAME=TEXT or NAME:=VALUE.
func parameter(p string, now time.Time) (string, dql.Value, error) {
	name, text, ok := strings.Cut(p, "=")
	name, constant := strings.CutSuffix(name, ":")
	if !ok || !parameterName.MatchString(name) {
		return "", dql.Null, &exitError{exitUsage, fmt.Errorf("--param %q: want NAME=TEXT or NAME:=VALUE", p)}
	}
	if !constant {
		return name, dql.String(text), nil
	}
	v, err := constantValue(text, now)
	if err != nil {
		return "", dql.Null, &exitError{exitUsage, fmt.Errorf("--param %s: %w", name, err)}
	}
	return name, v, nil
}

// constantValue reads a constant of DQL.
func constantValue(text string, now time.Time) (dql.Value, error) {
	engine := &eval.Engine{Now: now}
	res, err := engine.Query(context.Background(), dql.Query{Text: "data record(value = " + text + ")"})
	if err != nil {
		return dql.Null, fmt.Errorf("%q is not a constant of DQL: %w", text, err)
	}
	if len(res.Records) != 1 || res.Records[0].Len() != 1 {
		return dql.Null, fmt.Errorf("%q is not one constant of DQL", text)
	}
	return res.Records[0].Get("value"), nil
}

// moment reads a time, or a duration from now; "" is the zero time.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	v, err := constantValue("now() + (0s + "+text+")", now)
	if t, ok := v.AsTime(); ok && err == nil {
		return t, nil
	}
	return time.Time{}, &exitError{exitUsage, fmt.Errorf("%s %q: want a time such as 2026-03-01T10:00:00Z, or a duration such as -2h", flag, text)}
}

// querier is the recordings or the Dynatrace environment.
func (q *queryRun) querier() (dql.Querier, error) {
	if q.records != nil {
		return q.engine()
	}
	if q.dynatraceURL == "" {
		return nil, &exitError{exitUsage, errors.New("nothing to ask: give --records FILE, or --dynatrace-url https://<id>.apps.dynatrace.com")}
	}
	token := q.dynatraceToken
	if err := q.secrets(q.env); err != nil {
		return nil, err
	}
	if token != "" {
		q.dynatraceToken = token
	}
	client, err := q.grail(slog.New(slog.NewTextHandler(q.env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), nil)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return client, nil
}

func (q *queryRun) engine() (dql.Querier, error) {
	source, err := eval.OpenRecords(q.records...)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--records: %w", err)}
	}
	now, err := q.env.now(q.now)
	if err != nil {
		return nil, err
	}
	loc, err := time.LoadLocation(q.zone)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--timezone %q: %w", q.zone, err)}
	}
	return &eval.Engine{Source: source, Now: now, Location: loc}, nil
}

// queryError shows a mistake in a query with its line, and gives it the exit
// code that it means: 2 for a text that does not parse, 3 for one that cannot
// be answered.
func queryError(err error) error {
	bad := syntax.AsError(err)
	if bad == nil {
		return classify(err)
	}
	code := exitRefused
	if bad.ExceptionType == "DQL-ERROR-PARSING" {
		code = exitUsage
	}
	text := fmt.Sprintf("%v [%s]", bad, bad.Code)
	if bad.Source != "" {
		text += "\n    " + strings.ReplaceAll(bad.Snippet(), "\n", "\n    ")
	}
	return &exitError{code, errors.New(text)}
}
