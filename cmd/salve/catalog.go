package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/catalog"
)

// catalogCommand shows the queries that steer the program.
func catalogCommand(env *environment) *cobra.Command {
	s := &settings{}
	var text bool
	cmd := &cobra.Command{
		Use:   "catalog [NAME]",
		Short: "List the queries, what they need and what they decide",
		Long: `List the queries that steer Salve; with a name, show what one needs and gives.

A file NAME.dql in the directory of --queries takes the place of the embedded
query of that name, and severity.dql that of the mapping that all share. A
file that lacks a declared column, or could say another word, is refused. serve,
run and plan ask with the same --queries.`,
		Example: `  salve catalog
  salve catalog pre-deployment-problem-check
  salve catalog error-budget --text | salve query --file -
  salve catalog --queries ./queries`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := openCatalog(s.queries)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if len(args) == 0 {
				return listQueries(env.Stdout, c)
			}
			e, err := c.Get(args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if text {
				_, err = io.WriteString(env.Stdout, e.Text)
				return err
			}
			return describeQuery(env.Stdout, e)
		},
	}
	s.queriesFlag(cmd, env)
	cmd.Flags().BoolVar(&text, "text", false, "print the text of the query, as it was last loaded")
	return cmd
}

// openCatalog loads the embedded queries, and those in dir on top.
func openCatalog(dir string) (*catalog.Catalog, error) {
	var overrides []fs.FS
	if dir != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("--queries %s: want a directory of *.dql files", dir)
		}
		overrides = append(overrides, os.DirFS(dir))
	}
	c, err := catalog.Default(overrides...)
	if err != nil && dir != "" {
		err = fmt.Errorf("--queries %s: %w", dir, err)
	}
	return c, err
}

// listQueries prints a line for each query.
func listQueries(w io.Writer, c *catalog.Catalog) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "QUERY\tPARAMETERS\tDECISION")
	for _, e := range c.All() {
		var params []string
		for _, p := range e.Params {
			params = append(params, p.Name)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s: %s\n", e.Name, or(strings.Join(params, ", "), "none"), e.Decision.Column, strings.Join(e.Decision.Words, " | "))
	}
	return tw.Flush()
}

// describeQuery prints what e answers, needs and gives.
func describeQuery(w io.Writer, e catalog.Entry) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "%s\n\n", e.Doc)
	for _, p := range e.Params {
		fmt.Fprintf(tw, "parameter\t%s\t%s\t%s\n", p.Name, p.Type, p.Doc)
	}
	for _, c := range e.Columns {
		kind := "column"
		if c.Name == e.Decision.Column {
			kind = "decision"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", kind, c.Name, c.Kind, strings.Join(c.Words, " | "))
	}
	return tw.Flush()
}
