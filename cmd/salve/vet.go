package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/dql/check"
	"github.com/salvehq/salve/templates"
)

func vetCommand(env *environment) *cobra.Command {
	var explain bool
	cmd := &cobra.Command{
		Use:   "vet FILE...",
		Short: "Say what is wrong with DQL queries, without running them",
		Long: `Say what is wrong with DQL queries, without running them: what Dynatrace
refuses, and what it runs though nobody can mean it, such as a comparison that
is never true. - is standard input.

Exit status: 0 nothing found, 1 findings, 2 a query does not parse.`,
		Example: `  salve vet queries/*.dql
  echo 'fetch logs | limt 5' | salve vet -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return vet(env, args, explain) },
	}
	cmd.Flags().BoolVar(&explain, "explain", false, "show the line of each finding, and the corrected text of a query that Salve knows by name")
	return cmd
}

// The exit codes of salve vet.
const (
	vetFindings = 1
	vetBroken   = 2
)

func vet(env *environment, files []string, explain bool) error {
	code := 0
	for _, file := range files {
		name, text, err := readText(env, file)
		if err != nil {
			return err
		}
		findings := check.Text(name, text)
		for _, f := range findings {
			code = max(code, vetFindings)
			if f.Severity == check.Broken {
				code = vetBroken
			}
			if err := printFinding(env, f, explain); err != nil {
				return err
			}
		}
		if explain && len(findings) > 0 {
			if err := printCorrected(env, name); err != nil {
				return err
			}
		}
	}
	if code != 0 {
		return &exitError{code, nil}
	}
	return nil
}

func printFinding(env *environment, f check.Finding, explain bool) error {
	text := f.String() + "\n"
	if explain && f.Source != "" {
		text += "        " + strings.ReplaceAll(f.Snippet(), "\n", "\n        ") + "\n"
	}
	if f.Hint != "" {
		text += "    " + f.Hint + "\n"
	}
	_, err := fmt.Fprint(env.Stdout, text)
	return err
}

// printCorrected prints Salve's own query of the same name, if there is one.
func printCorrected(env *environment, name string) error {
	base := strings.TrimSuffix(filepath.Base(name), ".dql")
	text, err := fs.ReadFile(templates.FS, path.Join("queries", base+".dql"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "\n%s, as Salve runs it:\n\n%s\n", base, text)
	return err
}
