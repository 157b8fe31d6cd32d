package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/helm"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/tfedit"
)

// resources returns the sizes and thresholds of Terraform. One that is not a
// literal is looked for where its variable or local is written.
func (r *Repository) resources(ctx context.Context) ([]Fact, error) {
	tf, err := r.terraform(ctx)
	if err != nil {
		return nil, err
	}
	all, err := tf.Resources(ctx)
	if err != nil {
		return nil, err
	}
	var out []Fact
	number := map[origin]int{}
	for n := range all {
		res := &all[n]
		o := origin{form: Terraform, file: res.File}
		valid := func(old memo) bool {
			return old.at == &res.Attributes[0] && !slices.ContainsFunc(old.tf, func(t tfedit.Trace) bool { return !tf.Holds(t) })
		}
		out = append(out, r.recall(o, number[o], memo{at: &res.Attributes[0]}, valid, func() ([]Fact, []tfedit.Trace) { return r.sizesOf(ctx, tf, res) })...)
		if number[o]++; n%forgetting == forgetting-1 {
			tf.Forget()
		}
	}
	for _, fault := range tf.Faults() {
		r.found(Finding{fault.File, fault.Line, fault.What})
	}
	tf.Forget()
	return out, ctx.Err()
}

// forgetting is how many resources are looked into before what was parsed for
// them is dropped: parsed, a module takes ten times the memory of its text.
const forgetting = 500

// sizesOf returns the facts of one resource.
func (r *Repository) sizesOf(ctx context.Context, tf *tfedit.Repository, res *tfedit.Resource) (out []Fact, traces []tfedit.Trace) {
	envs := r.opts.environmentsOf(res.File, "", "")
	for _, a := range res.Attributes {
		f := Fact{
			Form: Terraform, Kind: res.Type, Name: res.Name, Field: a.Address, Value: strings.Trim(a.Text, `"`), File: res.File, Line: a.Line, Declared: res.File,
			How: "literal", Environments: envs,
		}
		if a.Literal {
			out = append(out, f)
			continue
		}
		facts, t := r.written(ctx, tf, f, res.Dir)
		out, traces = append(out, facts...), append(traces, t)
	}
	return out, traces
}

// written follows the expression of an attribute to where its values are
// written, one for each environment.
func (r *Repository) written(ctx context.Context, tf *tfedit.Repository, f Fact, dir string) ([]Fact, tfedit.Trace) {
	target := tfedit.Target{Address: f.Field, Dir: dir}
	var s tfedit.Site
	var t tfedit.Trace
	var err error
	if r.opts.Remember {
		s, t, err = tf.Traced(ctx, target)
	} else {
		s, err = tf.Locate(ctx, target)
	}
	var several *tfedit.AmbiguousError
	var refusal *patch.Refusal
	sites := []tfedit.Site{s}
	switch {
	case errors.As(err, &several):
		sites = several.Candidates
	case errors.As(err, &refusal):
		f.Refused = refusal.Why
		return []Fact{f}, t
	case err != nil:
		f.Refused = err.Error()
		return []Fact{f}, t
	}
	out := make([]Fact, len(sites))
	for n, s := range sites {
		f.Value, f.File, f.Line, f.How = s.Value, s.File, s.Line, strings.Join(s.Trail, " → ")
		f.Environments = r.opts.environmentsOf(s.File, "", "")
		out[n] = f
	}
	return out, t
}

// counted are the names of values that charts take for numbers of pods.
var counted = []string{"replicaCount", "replicas", "minReplicas", "maxReplicas"}

// values returns the resources and counts that the values of charts write.
func (r *Repository) values() []Fact {
	var sources []helm.Source
	for _, dir := range keys(r.charts) {
		sources = append(sources, helm.Source{File: dir + "/values.yaml"})
	}
	for _, i := range r.installs {
		for _, s := range i.sources {
			sources = append(sources, s.Source)
		}
	}
	var out []Fact
	seen := map[origin]bool{}
	for _, s := range sources {
		o := origin{Values, s.File, fmt.Sprint(s.Doc, s.Text, s.At)}
		if seen[o] || r.text(s.File) == nil {
			continue
		}
		seen[o] = true
		out = append(out, r.recall(o, 0, memo{}, func(memo) bool { return true }, func() ([]Fact, []tfedit.Trace) { return r.valuesIn(s), nil })...)
	}
	return out
}

func (r *Repository) valuesIn(s helm.Source) []Fact {
	if s.Of != "" {
		return nil
	}
	f, err := r.file(s.File)
	if err != nil {
		r.fault(err)
		return nil
	}
	top, err := f.Top(s.Address(nil))
	if err != nil {
		r.fault(err)
		return nil
	}
	var out []Fact
	for _, p := range sizes(top) {
		v, err := f.Get(s.Address(p))
		if err != nil || !v.Written {
			continue
		}
		fact := Fact{
			Form: Values, Field: p.String(), Value: v.Value, File: s.File, Line: v.Line, How: "values",
			Environments: r.opts.environmentsOf(s.File, "", ""),
		}
		err = f.Guard()
		if err == nil {
			err = f.Editable(s.Address(p), r.opts.Shared)
		}
		if err != nil {
			fact = fact.refused(err)
		}
		out = append(out, fact)
	}
	return out
}

// sizes returns the paths of resources and counts below a node.
func sizes(top *yaml.Node) []kubeedit.Path {
	var out []kubeedit.Path
	for _, p := range helm.ResourcePaths(top) {
		for _, f := range resourceFields {
			out = append(out, p.Append(kubeedit.Keys(strings.Split(f, ".")[1:]...)))
		}
	}
	return append(out, helm.Named(top, counted)...)
}
