package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/templates"
)

func validateCommand(env *environment) *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "validate [FILE|DIR...]",
		Short: "Check a repository's configuration, remedies and queries",
		Long: `Check what a repository says to Salve: .github/salve.yml, remedies in
.github/salve/remedies and queries in .github/salve/queries. A directory is the
root of a repository; without arguments it is the current one. Queries are asked
for all repositories at once, so they count only where the operator of salve
serve names their directory with --queries.

Every mistake is one line, file:line:col and what was expected. The exit code
is 2 if there are any.`,
		Example: `  salve validate
  salve validate .github/salve.yml
  salve validate --as remedy draft.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			if as != "" && !slices.Contains([]string{"config", "remedy", "query"}, as) {
				return &exitError{exitUsage, fmt.Errorf("--as %q: want config, remedy or query", as)}
			}
			return validateAll(env, as, args)
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "what the files are: `config`, remedy or query (default: by their names)")
	return cmd
}

// validateAll checks every argument and prints what is right to standard output
// and what is wrong to standard error.
func validateAll(env *environment, as string, args []string) error {
	bad := false
	for _, arg := range args {
		files := []string{arg}
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			if files = salveFiles(arg); len(files) == 0 {
				return &exitError{exitUsage, fmt.Errorf("%s: there is no %s below it", arg, policy.File)}
			}
		}
		for _, file := range files {
			if err := validate(file, as); err != nil {
				fmt.Fprintln(env.Stderr, once(err))
				bad = true
			} else if _, err := fmt.Fprintf(env.Stdout, "%s: ok\n", file); err != nil {
				return err
			}
		}
	}
	if bad {
		return &exitError{exitUsage, nil}
	}
	return nil
}

// salveFiles lists what a repository says to this program.
func salveFiles(root string) []string {
	var out []string
	for _, pattern := range []string{policy.File, policy.RemedyPath + "/*.yaml", policy.QueryPath + "/*.dql"} {
		files, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			continue // of a pattern, and ours are right
		}
		for _, f := range files {
			out = append(out, filepath.Join(root, filepath.FromSlash(f)))
		}
	}
	return out
}

// validate checks one file.
func validate(file, as string) error {
	text, err := readBounded(file)
	if err != nil {
		return err
	}
	switch {
	case as == "query" || as == "" && filepath.Ext(file) == ".dql":
		dir, name := filepath.Split(file)
		_, err = catalog.Default(single{os.DirFS(filepath.Clean(dir)), name})
		return below(dir, err)
	case as == "remedy" || as == "" && filepath.Base(filepath.Dir(file)) == "remedies":
		_, err = plan.Parse(file, text)
		return err
	}
	c, err := policy.Parse(file, text)
	if err != nil {
		return err
	}
	all, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		return err
	}
	own, err := plan.Load(os.DirFS(filepath.Dir(file)), strings.TrimPrefix(policy.RemedyPath, ".github/"))
	if err != nil {
		return nil // that is the mistake of another file; without it the names are not known
	}
	var names []string
	for _, r := range append(all, own...) {
		names = append(names, r.Name)
	}
	return c.Check(names)
}

// below puts the directory before the name of the file in each line of err.
func below(dir string, err error) error {
	if err == nil || dir == "" {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(err.Error()) {
		out.WriteString(dir + line)
	}
	return errors.New(out.String())
}

// readBounded reads a file, or one byte more than any reader takes.
func readBounded(file string) (_ []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

// single is a directory of which only one file is seen.
type single struct {
	fs.FS
	name string
}

func (s single) Glob(string) ([]string, error) { return []string{s.name}, nil }
