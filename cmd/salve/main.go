// Command salve is a GitHub App that turns open Dynatrace problems into
// reviewed pull requests, and Dynatrace health into commit statuses that block
// merges.
//
// See "go doc github.com/salvehq/salve/internal" for a tour of the code.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/redact"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := &environment{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now,
	}
	os.Exit(run(ctx, env, os.Args[1:]))
}

// run is main without globals, so that a test can call it. It returns the exit
// code.
func run(ctx context.Context, env *environment, args []string) int {
	root := rootCommand(env)
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	err := root.ExecuteContext(ctx)
	if err != nil && !started {
		err = &exitError{exitUsage, err} // an unknown command, a wrong number of arguments
	}
	if exit, ok := err.(*exitError); err != nil && (!ok || exit.err != nil) {
		var looks *redact.Redactor // the secrets are not known here, but how they look
		fmt.Fprintln(env.Stderr, "salve:", looks.Text(once(err)))
	}
	return exitCode(err)
}

// once returns the lines of an error, each once, since both queries of a cycle
// meet the same closed door; and without what a server or a file could put into
// them to steer the terminal.
func once(err error) string {
	var out []string
	for line := range strings.Lines(err.Error()) {
		if line = clean(strings.TrimRight(line, "\n")); !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// rootCommand returns the command line, one file per command.
func rootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           "salve",
		Short:         "Turn Dynatrace problems into reviewed pull requests, and health into commit statuses",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w\nSee '%s --help'", err, c.CommandPath())
	})
	root.AddCommand(
		demoCommand(env), serveCommand(env), runCommand(env), planCommand(env), sandboxCommand(env),
		queryCommand(env), vetCommand(env), fmtCommand(env), catalogCommand(env),
		inventoryCommand(env), editCommand(env), validateCommand(env),
		reportCommand(env), doctorCommand(env), setupCommand(env), jobsCommand(env), migrateCommand(env), versionCommand(env),
	)
	return root
}

// group adds the commands below cmd. What is none of them is a mistake, not a
// question for help.
func group(cmd *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		names := make([]string, len(below))
		for i, c := range below {
			names[i] = c.Name()
		}
		return &exitError{exitUsage, fmt.Errorf("unknown command %q for %q: want one of %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))}
	}
	cmd.AddCommand(below...)
	return cmd
}

func versionCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  salve version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(env.Stdout, "salve", version())
			return err
		},
	}
}

// version is what the module proxy or git says about this build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}
