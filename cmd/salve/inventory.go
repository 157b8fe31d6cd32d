package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/inventory"
)

func inventoryCommand(env *environment) *cobra.Command {
	var format, find, environment string
	cmd := &cobra.Command{
		Use:   "inventory DIR",
		Short: "Say which values a repository writes, and where",
		Long: `List the values that Salve could change: limits and requests of containers, replicas, bounds of autoscalers,
volumes, quotas, Helm values, sizes in Terraform; each with the file and line that writes it in each environment.
With --find, the values of one workload or of a Terraform address: what overrides what, where a change would go (for
one environment to its overlay, never to all silently), and what nobody wrote.`,
		Example: `  salve inventory .
  salve inventory . --find 'Deployment shop/checkout' --environment production
  salve inventory . --find aws_autoscaling_group.web`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &exitError{exitUsage, fmt.Errorf("want one directory; see salve inventory --help")}
			}
			if format != "table" && format != "json" {
				return &exitError{exitUsage, fmt.Errorf("--format %q: want table or json", format)}
			}
			if environment != "" && find == "" {
				return &exitError{exitUsage, fmt.Errorf("--environment goes with --find; see salve inventory --help")}
			}
			return takeStock(cmd.Context(), env, args[0], find, environment, format)
		},
	}
	formatFlag(cmd, &format)
	cmd.Flags().StringVar(&find, "find", "", "one workload: `'[KIND] [NAMESPACE/]NAME'`, or a Terraform address")
	cmd.Flags().StringVar(&environment, "environment", "", "`name` of the environment that is meant")
	return cmd
}

// takeStock prints the inventory of a directory.
func takeStock(ctx context.Context, env *environment, dir, find, environment, format string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return &exitError{exitUsage, fmt.Errorf("%s: want a directory", dir)}
	}
	r, err := openInventory(ctx, dir)
	if err != nil {
		return err
	}
	var v stockView
	if find == "" {
		facts, err := r.Facts(ctx)
		if err != nil {
			return err
		}
		if format == "json" {
			return writeStock(env.Stdout, r.Workloads(), facts, r.Problems())
		}
		v = stockOf(r.Workloads(), facts, r.Problems())
	} else if v, err = found(ctx, r, find, environment); err != nil {
		return err
	}
	if len(v.Workloads)+len(v.Values) == 0 && find != "" {
		what := "no workload"
		if strings.Contains(find, ".") {
			what = "nothing called"
		}
		return &exitError{exitRefused, fmt.Errorf("%s %s in %s%s; salve inventory without --find lists all", what, find, dir, near(r, find))}
	}
	if format == "json" {
		return writeJSON(env.Stdout, v)
	}
	return v.print(env.Stdout, env.Stderr)
}

// found is what stands in a repository about one workload, or about what a
// Terraform address begins with, and where a change of each value would go.
func found(ctx context.Context, r *inventory.Repository, find, environment string) (stockView, error) {
	kind, namespace, name := wanted(find)
	workloads := r.Find(kind, namespace, name, environment)
	facts := r.FactsOf(kind, namespace, name, environment)
	if len(workloads)+len(facts) == 0 && strings.Contains(find, ".") {
		all, err := r.Facts(ctx)
		if err != nil {
			return stockView{}, err
		}
		facts = slices.DeleteFunc(all, func(f inventory.Fact) bool {
			return f.Form != inventory.Terraform || f.Field != find && !strings.HasPrefix(f.Field, find+".") && !strings.HasPrefix(f.Field, find+"[")
		})
	}
	v := stockOf(workloads, facts, r.Problems())
	for n, f := range facts {
		if f.Refused != "" || f.Form == inventory.Terraform {
			continue
		}
		t := f.Target()
		if environment != "" {
			t.Environment = environment
		}
		site, err := r.Locate(ctx, t)
		switch {
		case err != nil:
			v.Values[n].Refused = err.Error()
		case site.File != f.File || site.Line != f.Line:
			v.Values[n].ChangedIn = &overView{site.File, site.Line, "", site.How}
		}
	}
	v.unwritten(workloads)
	return v, nil
}

// unwritten adds the requests and limits that nobody wrote.
func (v *stockView) unwritten(workloads []inventory.Workload) {
	for _, w := range workloads {
		for _, c := range w.Containers {
			var missing []string
			for _, field := range []string{"resources.requests.cpu", "resources.requests.memory", "resources.limits.cpu", "resources.limits.memory"} {
				if !slices.ContainsFunc(v.Values, func(x valueView) bool {
					return x.Field == field && x.Container == c && x.Name == w.Name && x.Namespace == w.Namespace && slices.Equal(x.Environments, w.Environments)
				}) {
					missing = append(missing, field)
				}
			}
			if len(missing) > 0 {
				of := valueView{Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, Container: c}
				v.Unwritten = append(v.Unwritten, fmt.Sprintf("%s (%s:%d): %s", of.what(), w.File, w.Line, strings.Join(missing, ", ")))
			}
		}
	}
}

// near names workloads that are called alike.
func near(r *inventory.Repository, find string) string {
	_, _, name := wanted(find)
	var out []string
	for _, w := range r.Workloads() {
		if s := w.String(); name != "" && (strings.Contains(w.Name, name) || strings.Contains(name, w.Name)) && !slices.Contains(out, s) && w.Name != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; there is " + strings.Join(out[:min(len(out), 5)], ", ")
}

// wanted reads "Deployment shop/checkout"; kind and namespace may be left out.
func wanted(s string) (kind, namespace, name string) {
	words := strings.Fields(s)
	if len(words) > 1 {
		kind = words[0]
	}
	if len(words) > 0 {
		name = words[len(words)-1]
	}
	if ns, n, ok := strings.Cut(name, "/"); ok {
		namespace, name = ns, n
	}
	return kind, namespace, name
}

// A stockView is what salve inventory prints.
type stockView struct {
	Workloads []workloadView `json:"workloads"`
	Values    []valueView    `json:"values"`
	Problems  []problemView  `json:"problems"`
	Unwritten []string       `json:"unwritten,omitempty"` // with --find: what nobody wrote
}

type workloadView struct {
	Kind         string   `json:"kind"`
	APIVersion   string   `json:"apiVersion"`
	Namespace    string   `json:"namespace"`
	Name         string   `json:"name"`
	Containers   []string `json:"containers"`
	File         string   `json:"file"`
	Line         int      `json:"line"`
	Build        string   `json:"build,omitempty"`
	Environments []string `json:"environments"`
}

type valueView struct {
	Form         string     `json:"form"`
	Kind         string     `json:"kind,omitempty"`
	Namespace    string     `json:"namespace,omitempty"`
	Name         string     `json:"name,omitempty"`
	Container    string     `json:"container,omitempty"`
	Field        string     `json:"field"`
	Value        string     `json:"value"`
	File         string     `json:"file"`
	Line         int        `json:"line"`
	How          string     `json:"how,omitempty"`
	Environments []string   `json:"environments"`
	Overrides    []overView `json:"overrides,omitempty"`
	ChangedIn    *overView  `json:"changed_in,omitempty"` // with --find: where a change goes, if elsewhere
	Build        string     `json:"build,omitempty"`
	Declared     string     `json:"declared,omitempty"` // file of the object or resource, if not File
	Refused      string     `json:"refused,omitempty"`
}

type overView struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Value string `json:"value"`
	How   string `json:"how"`
}

type problemView struct {
	File string `json:"file"`
	Line int    `json:"line"`
	What string `json:"what"`
}

func stockOf(workloads []inventory.Workload, facts []inventory.Fact, problems []inventory.Finding) stockView {
	v := stockView{Workloads: []workloadView{}, Values: []valueView{}, Problems: []problemView{}}
	for _, w := range workloads {
		v.Workloads = append(v.Workloads, workloadView{
			w.Kind, w.APIVersion, w.Namespace, w.Name, append([]string{}, w.Containers...), w.File, w.Line, w.Build, append([]string{}, w.Environments...),
		})
	}
	for _, f := range facts {
		x := valueView{
			Form: string(f.Form), Kind: f.Kind, Namespace: f.Namespace, Name: f.Name, Container: f.Container, Field: f.Field,
			Value: f.Value, File: f.File, Line: f.Line, How: f.How, Environments: append([]string{}, f.Environments...), Refused: f.Refused, Build: f.Build,
		}
		if f.Declared != f.File {
			x.Declared = f.Declared
		}
		for _, o := range f.Over {
			x.Overrides = append(x.Overrides, overView{o.File, o.Line, o.Value, o.How})
		}
		v.Values = append(v.Values, x)
	}
	for _, p := range problems {
		v.Problems = append(v.Problems, problemView(p))
	}
	return v
}

// print writes a table, and what is wrong beside it.
func (v stockView) print(out, errs io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tFIELD\tVALUE\tWHERE\tENVIRONMENT\tHOW")
	for _, x := range v.Values {
		how := x.How
		if x.Refused != "" {
			how = "refused: " + x.Refused
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s:%d\t%s\t%s\n", clean(x.what()), clean(x.Field), clean(x.Value), clean(x.File), x.Line,
			cmp.Or(clean(strings.Join(x.Environments, ",")), "-"), clean(how))
		for _, o := range x.Overrides {
			fmt.Fprintf(w, "\t  overrides\t%s\t%s:%d\t\t%s\n", clean(o.Value), clean(o.File), o.Line, clean(o.How))
		}
		if c := x.ChangedIn; c != nil {
			fmt.Fprintf(w, "\t  a change goes to\t\t%s:%d\t\t%s\n", clean(c.File), c.Line, clean(c.How))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, u := range v.Unwritten {
		fmt.Fprintf(out, "not written: %s\n", clean(u))
	}
	for _, p := range v.Problems {
		fmt.Fprintf(errs, "%s:%d: %s\n", clean(p.File), p.Line, clean(p.What))
	}
	_, err := fmt.Fprintf(errs, "%d workloads, %d values, %d problems\n", len(v.Workloads), len(v.Values), len(v.Problems))
	return err
}

// what names the thing that has a value.
func (x valueView) what() string {
	name := x.Name
	if x.Form == string(inventory.Values) && name == "" {
		return "values"
	}
	if x.Namespace != "" {
		name = x.Namespace + "/" + name
	}
	if x.Container != "" {
		name += "[" + x.Container + "]"
	}
	return strings.TrimSpace(x.Kind + " " + name)
}
