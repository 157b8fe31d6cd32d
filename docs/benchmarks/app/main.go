// Command app puts load on the real program: salve serve, in a process of its
// own, against a GitHub and a Dynatrace tenant on loopback.
//
//	go run ./docs/benchmarks/app deliveries|pending|stop|storm
//
// Each run is bounded in time and ends by itself. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

// options are the flags.
type options struct {
	salve         string // binary
	postgres      bool
	rate          int // deliveries per second
	span          time.Duration
	installations int
	latency       time.Duration // of a Dynatrace query
	problems      int
	repos         int
	dir           string // for files; removed at the end
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

// runs are what can be measured.
var runs = map[string]func(context.Context, *options) error{
	"deliveries": deliveries,
	"pending":    pending,
	"stop":       stopped,
	"storm":      storm,
}

func run(ctx context.Context, args []string) error {
	o := &options{}
	f := flag.NewFlagSet("app", flag.ContinueOnError)
	f.StringVar(&o.salve, "salve", "", "`binary` to run; built if empty")
	f.BoolVar(&o.postgres, "postgres", false, "keep the work in a PostgreSQL that is started for the run, not in SQLite")
	f.IntVar(&o.rate, "rate", 200, "deliveries per second")
	f.DurationVar(&o.span, "span", time.Minute, "how long they come")
	f.IntVar(&o.installations, "installations", 100, "accounts with the App")
	f.DurationVar(&o.latency, "latency", 0, "how long Dynatrace takes for an answer")
	f.IntVar(&o.problems, "problems", 10000, "open problems of a storm")
	f.IntVar(&o.repos, "repos", 1000, "repositories in a storm")
	if len(args) == 0 || runs[args[0]] == nil {
		return errors.New("want one of deliveries, pending, stop and storm; then flags")
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	var err error
	if o.dir, err = os.MkdirTemp("", "salve-load-"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	if o.salve == "" {
		o.salve = filepath.Join(o.dir, "salve")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", o.salve, "github.com/salvehq/salve/cmd/salve")
		build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build salve: %w", err)
		}
	}
	return runs[args[0]](ctx, o)
}
