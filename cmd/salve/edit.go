package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/policy"
)

func editCommand(env *environment) *cobra.Command {
	return group(&cobra.Command{
		Use:   "edit",
		Short: "Change one value of a repository and none of its other bytes",
		Long: `Find where a value is written and print the change that gives it another one, as a unified diff. Nothing is
written without -w. What cannot be changed so that it is right is refused, with the reason (exit code 3).`,
		Example: `  salve edit k8s --kind Deployment --namespace shop --name checkout --field resources.limits.memory --set 640Mi
  salve edit values --file charts/web/values.yaml --path resources.limits.memory --set 640Mi
  salve edit tf --address aws_autoscaling_group.web.max_size --set 8 --environment production`,
	}, editKubernetes(env), editValues(env), editTerraform(env))
}

// An edit is what the three commands share.
type edit struct {
	env    *environment
	target inventory.Target
	set    string
	repo   string
	write  bool
	format string

	required []string // flags
}

func (e *edit) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.set, "set", "", "new `value`")
	f.StringVar(&e.repo, "repo", "", "`directory` of the repository (default: the working copy that --file or the current directory is in)")
	f.StringVar(&e.target.File, "file", "", "`file` to look in, relative to --repo where that is given")
	f.BoolVarP(&e.write, "write", "w", false, "write the files")
	f.StringVar(&e.format, "format", "diff", "diff for people or json for programs")
	f.StringVar(&e.target.Environment, "environment", "", "`name` of the environment that is meant")
	e.required = append(e.required, "set")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range e.required {
			if !cmd.Flags().Changed(name) {
				return &exitError{exitUsage, fmt.Errorf("want --%s; see salve edit %s --help", name, cmd.Name())}
			}
		}
		if len(args) > 0 {
			return &exitError{exitUsage, fmt.Errorf("unexpected %q; see salve edit %s --help", args[0], cmd.Name())}
		}
		return e.run(cmd.Context())
	}
}

func editKubernetes(env *environment) *cobra.Command {
	e := &edit{env: env, target: inventory.Target{Form: inventory.Kubernetes}}
	cmd := &cobra.Command{
		Use:     "k8s --kind KIND --name NAME --field FIELD --set VALUE",
		Short:   "Change a field of a Kubernetes object, where its manifest or overlay writes it",
		Example: `  salve edit k8s --kind Deployment --namespace shop --name checkout --field resources.limits.memory --set 640Mi --environment production`,
	}
	f := cmd.Flags()
	f.StringVar(&e.target.Kind, "kind", "", "`kind` of the object: Deployment")
	f.StringVar(&e.target.APIVersion, "api-version", "", "its `apiVersion`: apps/v1")
	f.StringVar(&e.target.Namespace, "namespace", "", "its `namespace`")
	f.StringVar(&e.target.Name, "name", "", "its `name`")
	f.StringVar(&e.target.Container, "container", "", "`name` of the container, where there are several")
	f.IntVar(&e.target.ContainerIndex, "container-index", -1, "`number` of the container, from 0")
	f.StringVar(&e.target.Field, "field", "", "`field` of the container (resources.limits.memory) or of the object (spec.replicas)")
	e.required = []string{"kind", "name", "field"}
	e.flags(cmd)
	return cmd
}

func editValues(env *environment) *cobra.Command {
	e := &edit{env: env, target: inventory.Target{Form: inventory.Values}}
	cmd := &cobra.Command{
		Use:     "values --path PATH --file FILE --set VALUE",
		Short:   "Change a value of a YAML or JSON file by its path",
		Example: `  salve edit values --file charts/web/values-production.yaml --path web.resources.limits.memory --set 640Mi`,
	}
	cmd.Flags().StringVar(&e.target.Path, "path", "", "`path` of the value: a.b[0].c, list[name=app].c, a[\"dotted.key\"]")
	e.required = []string{"path", "file"}
	e.flags(cmd)
	return cmd
}

func editTerraform(env *environment) *cobra.Command {
	e := &edit{env: env, target: inventory.Target{Form: inventory.Terraform}}
	var vars []string
	cmd := &cobra.Command{
		Use:     "tf --address ADDRESS --set VALUE",
		Short:   "Change an attribute of Terraform, where its variable, local or resource writes it",
		Example: `  salve edit tf --address module.web.max_size --set 8 --environment production`,
	}
	f := cmd.Flags()
	f.StringVar(&e.target.Address, "address", "", "`address`: aws_autoscaling_group.web.max_size, module.gke.node_pools[0].max_count, var.size")
	f.StringArrayVar(&e.target.VarFiles, "var-file", nil, "tfvars `file` that Terraform is run with; may be given several times")
	f.StringArrayVar(&vars, "var", nil, "`name=value` that Terraform is run with; may be given several times")
	e.required = []string{"address"}
	e.flags(cmd)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		e.target.Vars = map[string]string{}
		for _, v := range vars {
			name, value, ok := strings.Cut(v, "=")
			if !ok {
				return &exitError{exitUsage, fmt.Errorf("--var %q: want name=value", v)}
			}
			e.target.Vars[name] = value
		}
		return run(cmd, args)
	}
	return cmd
}

// run makes the change and prints it.
func (e *edit) run(ctx context.Context) error {
	if e.format != "diff" && e.format != "json" {
		return &exitError{exitUsage, fmt.Errorf("--format %q: want diff or json", e.format)}
	}
	if err := e.place(); err != nil {
		return err
	}
	if err := e.varFiles(ctx); err != nil {
		return err
	}
	r, err := openInventory(ctx, e.repo)
	if err != nil {
		return err
	}
	change, err := r.Set(ctx, e.target, e.set)
	if err != nil {
		return e.refused(err)
	}
	if e.write {
		if err := writeFiles(e.repo, change.Files); err != nil {
			return err
		}
	}
	return e.print(change)
}

// varFiles refuses files that are not there: without one, another file would
// seem to decide. They are named from the root of the repository or of a module.
func (e *edit) varFiles(ctx context.Context) error {
	if len(e.target.VarFiles) == 0 {
		return nil
	}
	files, err := inventory.Dir(e.repo).List(ctx)
	if err != nil {
		return err
	}
	there, dirs := map[string]bool{}, map[string]bool{".": true}
	for _, f := range files {
		if there[f.Path] = true; path.Ext(f.Path) == ".tf" {
			dirs[path.Dir(f.Path)] = true
		}
	}
	for _, v := range e.target.VarFiles {
		found := false
		for dir := range dirs {
			found = found || there[path.Join(dir, filepath.ToSlash(v))]
		}
		if !found {
			return &exitError{exitUsage, fmt.Errorf("--var-file %s: there is none in %s; name it from the root of the repository or of a module", v, e.repo)}
		}
	}
	return nil
}

// place works out the repository, and the file relative to it.
func (e *edit) place() error {
	if e.repo != "" {
		if info, err := os.Stat(e.repo); err != nil || !info.IsDir() {
			return &exitError{exitUsage, fmt.Errorf("--repo %s: want a directory", e.repo)}
		}
		e.target.File = filepath.ToSlash(e.target.File)
		return nil
	}
	start, err := filepath.Abs(e.target.File)
	if err != nil {
		return err
	}
	if e.target.File != "" {
		if _, err := os.Stat(start); err != nil {
			return &exitError{exitUsage, fmt.Errorf("--file %s: %w", e.target.File, errors.Unwrap(err))}
		}
	}
	e.repo = start
	if info, err := os.Stat(start); err == nil && !info.IsDir() {
		e.repo = filepath.Dir(start)
	}
	e.repo = workingCopy(e.repo)
	if e.target.File != "" {
		rel, err := filepath.Rel(e.repo, start)
		if err != nil {
			return err
		}
		e.target.File = filepath.ToSlash(rel)
	}
	return nil
}

// workingCopy returns the directory above dir that git keeps, or dir itself.
func workingCopy(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// openInventory reads a directory, with the environments of its configuration.
func openInventory(ctx context.Context, dir string) (*inventory.Repository, error) {
	files := inventory.Dir(dir)
	var opts inventory.Options
	text, err := files.Read(ctx, policy.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, &exitError{exitUsage, err}
	default:
		config, err := policy.Parse(policy.File, text)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		opts.Shared = config.Anchors == policy.Allow
		opts.Environments = map[string]inventory.Environment{}
		for name, env := range config.Environments {
			opts.Environments[name] = inventory.Environment{Paths: env.Paths, Clusters: env.Clusters, Namespaces: env.Namespaces, VarFiles: env.VarFiles}
		}
	}
	return inventory.Open(ctx, files, opts)
}

// An editView is what --format json prints.
type editView struct {
	Edits   []editLine `json:"edits"`
	Affects []string   `json:"affects"`
	Diff    string     `json:"diff"`
}

type editLine struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

func (e *edit) print(c inventory.Change) error {
	diff := c.Files.Unified()
	if e.format == "json" {
		v := editView{Edits: []editLine{}, Affects: append([]string{}, c.Affects...), Diff: diff}
		for _, x := range c.Edits {
			if diff != "" {
				v.Edits = append(v.Edits, editLine(x))
			}
		}
		return writeJSON(e.env.Stdout, v)
	}
	if diff == "" {
		fmt.Fprintf(e.env.Stderr, "nothing to do: the value is %s already\n", e.set)
	}
	for _, x := range c.Edits {
		if diff != "" && x.Old == "" {
			fmt.Fprintf(e.env.Stderr, "%s:%d: nothing was written there; the value is new\n", x.File, x.Line)
		}
	}
	for _, a := range c.Affects {
		fmt.Fprintln(e.env.Stderr, "also affects", a)
	}
	_, err := fmt.Fprint(e.env.Stdout, diff)
	return err
}

// refused prints why there is no change.
func (e *edit) refused(err error) error {
	var refusal *patch.Refusal
	var several *inventory.AmbiguousError
	if !errors.As(err, &refusal) && !errors.As(err, &several) {
		return err
	}
	if e.format == "json" {
		if err := writeJSON(e.env.Stdout, map[string]string{"refused": err.Error()}); err != nil {
			return err
		}
	}
	return &exitError{exitRefused, err}
}

// writeFiles replaces files of a directory, each at once, and never through a
// link.
func writeFiles(dir string, files patch.ChangeSet) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if err := writeFile(root, f); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	return nil
}

func writeFile(root *os.Root, f patch.FileChange) error {
	name, mode := filepath.FromSlash(f.Path), fs.FileMode(0o644)
	info, err := root.Lstat(name)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return errors.New("is no regular file")
	case err == nil:
		mode = info.Mode().Perm()
	case !f.New():
		return err
	}
	next := name + ".salve"
	w, err := root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = w.Write(f.After)
	if err == nil {
		err = w.Chmod(mode)
	}
	if err = errors.Join(err, w.Close()); err == nil {
		err = root.Rename(next, name)
	}
	if err != nil {
		_ = root.Remove(next)
	}
	return err
}
