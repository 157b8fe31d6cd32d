package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/dql/syntax"
)

func fmtCommand(env *environment) *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:     "fmt FILE...",
		Short:   "Print DQL queries in canonical form",
		Long:    "Print DQL queries in canonical form: a command a line, comments kept. - is standard input.",
		Example: "  salve fmt q.dql\n  salve fmt --list queries/*.dql",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return format(env, args, list) },
	}
	cmd.Flags().BoolVarP(&list, "list", "l", false, "name the files that are not in canonical form; exit with 1 if there are any")
	return cmd
}

func format(env *environment, files []string, list bool) error {
	different := false
	for _, file := range files {
		name, text, err := readText(env, file)
		if err != nil {
			return err
		}
		q, err := syntax.Parse(name, text)
		if err != nil {
			return queryError(err)
		}
		out := syntax.Print(q)
		switch {
		case !list:
			_, err = fmt.Fprint(env.Stdout, out)
		case out != text:
			different = true
			_, err = fmt.Fprintln(env.Stdout, name)
		}
		if err != nil {
			return err
		}
	}
	if different {
		return &exitError{vetFindings, nil}
	}
	return nil
}
