package inventory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/tfedit"
)

// A Fact is one value that a change could be about, in one environment.
type Fact struct {
	Form         Form
	APIVersion   string
	Kind         string
	Namespace    string
	Name         string
	Container    string
	Field        string // "resources.limits.memory", or the address in Terraform
	Value        string
	File         string
	Line         int
	How          string
	Over         []Site // what it overrides, from the manifest up
	Build        string // kustomization directory that renders it; empty for anything else
	Declared     string // file of the object or the resource, which may be another than File
	Environments []string
	Refused      string // why it could not be changed; empty if it could
}

// fieldsOf lists the fields of objects that are worth knowing. A star stands
// for all keys or elements.
var fieldsOf = map[string][]string{
	"HorizontalPodAutoscaler": {"spec.minReplicas", "spec.maxReplicas", "spec.targetCPUUtilizationPercentage"},
	"ScaledObject":            {"spec.minReplicaCount", "spec.maxReplicaCount"},
	"VerticalPodAutoscaler":   {"spec.resourcePolicy.containerPolicies.*.minAllowed.*", "spec.resourcePolicy.containerPolicies.*.maxAllowed.*"},
	"PersistentVolumeClaim":   {"spec.resources.requests.storage"},
	"StatefulSet":             {"spec.volumeClaimTemplates.*.spec.resources.requests.storage"},
	"LimitRange":              {"spec.limits.*.max.*", "spec.limits.*.default.*", "spec.limits.*.defaultRequest.*", "spec.limits.*.maxLimitRequestRatio.*"},
	"ResourceQuota":           {"spec.hard.*"},
	"PodDisruptionBudget":     {"spec.minAvailable", "spec.maxUnavailable"},
}

// resourceFields are those of every container.
var resourceFields = []string{"resources.requests.cpu", "resources.requests.memory", "resources.limits.cpu", "resources.limits.memory"}

// Facts returns all values of the repository that a change could be about,
// sorted by file and line. Values that nobody wrote are left out.
func (r *Repository) Facts(ctx context.Context) ([]Fact, error) {
	if r.memos != nil {
		r.known.memos = r.memos
	}
	r.memos = map[origin][]memo{}
	out := make([]Fact, 0, max(5*len(r.builds), r.known.count))
	number := map[origin]int{}
	for n, i := range r.builds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		o := origin{Kubernetes, i.Object.Doc.Path(), i.where()}
		out = append(out, r.factsAgain(o, number[o], i)...)
		number[o]++
		if n+1 == len(r.builds) || r.builds[n+1].Object.Doc.File() != i.Object.Doc.File() {
			i.Object.Doc.File().Forget()
		}
	}
	out = append(out, r.values()...)
	out = append(out, r.images()...)
	sized, err := r.resources(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range r.yaml {
		f.Forget()
	}
	out = append(out, sized...)
	r.count = len(out)
	return r.sorted(out), nil
}

// factsAgain returns the facts of an instance.
func (r *Repository) factsAgain(o origin, n int, i *instance) []Fact {
	m := memo{like: i}
	if root := i.Root(); root != nil {
		m.build = r.rendered[root.Dir]
	}
	return r.recall(o, n, m, func(old memo) bool { return alike(old.like, i) }, func() ([]Fact, []tfedit.Trace) { return r.facts(i), nil })
}

// sorted sorts facts by file and line; those of one line stay in order.
func (r *Repository) sorted(all []Fact) []Fact {
	rank := make(map[string]int, len(r.list))
	for n, f := range r.list {
		rank[f.Path] = n
	}
	type place struct{ file, line, n int }
	order := make([]place, len(all))
	for n := range all {
		f := &all[n]
		order[n] = place{0, f.Line, n}
		if n > 0 && all[n-1].File == f.File {
			order[n].file = order[n-1].file
		} else {
			order[n].file = rank[f.File]
		}
	}
	before := func(a, b place) int { return cmp.Or(a.file-b.file, a.line-b.line, a.n-b.n) }
	if slices.IsSortedFunc(order, before) {
		return all
	}
	slices.SortFunc(order, before)
	for n := range order { // each fact moves to its place, and makes room for the next
		if order[n].n < 0 {
			continue
		}
		first, at := all[n], n
		for from := order[at].n; from != n; from = order[at].n {
			all[at], order[at].n = all[from], -1
			at = from
		}
		all[at], order[at].n = first, -1
	}
	return all
}

// images returns what the images fields of kustomizations say.
func (r *Repository) images() []Fact {
	var out []Fact
	for _, dir := range slices.Sorted(maps.Keys(r.graph)) {
		k := r.graph[dir]
		for _, s := range k.Images() {
			f := Fact{
				Form: ConfigFile, Kind: "Kustomization", Name: dir, Field: s.Path.String(), Value: s.Value, File: k.Path, Line: s.Line, Declared: k.Path,
				How: "images of " + dir, Environments: r.opts.environmentsOf(k.Path, "", ""),
			}
			out = append(out, f)
		}
	}
	return out
}

// FactsOf returns the values of the workloads of a name, each with what it
// overrides.
func (r *Repository) FactsOf(kind, namespace, name, environment string) []Fact {
	var out []Fact
	for _, i := range r.find(kind, namespace, name, environment) {
		out = append(out, r.facts(i)...)
	}
	if len(out) > 0 {
		return out
	}
	for _, i := range r.findInstalled(Target{Kind: kind, Namespace: namespace, Name: name, Environment: environment}) {
		out = append(out, r.installedFacts(i)...)
	}
	return out
}

// installedFacts returns the values that a workload of a chart gets.
func (r *Repository) installedFacts(i *installed) []Fact {
	w := i.workload()
	var out []Fact
	for _, c := range append([]string{""}, w.Containers...) {
		fields := resourceFields
		if c == "" && len(w.Containers) > 0 {
			fields = []string{"spec.replicas"}
		}
		for _, field := range fields {
			f := Fact{Form: Kubernetes, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, Container: c, Field: field, File: w.File, Line: w.Line, Declared: w.File, Environments: i.envs}
			p, err := r.valuePath(Target{Container: c, Field: field}, i)
			if err != nil {
				out = append(out, f.refused(err))
				continue
			}
			if err := r.patchedAfter(Target{Container: c, Field: field}, i); err != nil {
				f = f.refused(err)
			}
			if place, n := r.inForce(i.sources, p); n >= 0 {
				f.Value, f.File, f.Line, f.How = place.Value, place.File, place.Line, fmt.Sprintf("%s, values of %s", p, i.release.How)
				f.Over = r.defaults(i.sources[:n], p)
				out = append(out, f)
			}
		}
	}
	return out
}

// Target is what f is about, as [Repository.Locate] takes it.
func (f Fact) Target() Target {
	t := Target{Form: f.Form, ContainerIndex: -1}
	switch f.Form {
	case Terraform:
		t.Address, t.File = f.Field, f.Declared
	case Values, ConfigFile:
		t.File, t.Path = f.File, f.Field
	default:
		t.APIVersion, t.Kind, t.Namespace, t.Name, t.Container, t.Field = f.APIVersion, f.Kind, f.Namespace, f.Name, f.Container, f.Field
		t.File = f.Declared
		if f.Build != "" {
			t.File = f.Build
		}
	}
	if len(f.Environments) == 1 {
		t.Environment = f.Environments[0]
	}
	return t
}

// defaults returns where sources write a value that a later one overrides.
func (r *Repository) defaults(sources []source, p kubeedit.Path) []Site {
	var out []Site
	for n := range sources {
		if place, found := r.inForce(sources[n:n+1], p); found == 0 {
			out = append(out, siteOf(place, "values"))
		}
	}
	return out
}

func (r *Repository) facts(i *instance) []Fact {
	o := r.object(i)
	patterns := fieldsOf[o.Kind]
	if len(patterns) == 0 && !o.IsWorkload() {
		return nil
	}
	if o.Node() == nil {
		_, err := o.Doc.Root()
		r.fault(err)
		return nil
	}
	var out []Fact
	for _, p := range patterns {
		for _, field := range expand(o.Node(), strings.Split(p, "."), nil) {
			out = r.fact(out, i, o, Target{ContainerIndex: -1, Field: field.String()})
		}
	}
	if !o.IsWorkload() {
		return out
	}
	out = r.fact(out, i, o, Target{ContainerIndex: -1, Field: "spec.replicas"})
	for _, c := range o.Containers() {
		for _, f := range resourceFields {
			t := Target{Container: c.Name, ContainerIndex: c.Index, Field: f}
			if c.Init && c.Name == "" {
				continue
			}
			out = r.fact(out, i, o, t)
		}
	}
	return out
}

// expand returns the paths that a pattern stands for in an object.
func expand(n *yaml.Node, pattern []string, at kubeedit.Path) []kubeedit.Path {
	n = kubeedit.Deref(n)
	if n == nil {
		return nil
	}
	if len(pattern) == 0 {
		return []kubeedit.Path{at}
	}
	var out []kubeedit.Path
	switch {
	case pattern[0] != "*":
		return expand(kubeedit.Member(n, pattern[0]), pattern[1:], at.Join(kubeedit.Key(pattern[0])))
	case n.Kind == yaml.SequenceNode:
		for i, c := range n.Content {
			out = append(out, expand(c, pattern[1:], at.Join(kubeedit.Index(i)))...)
		}
	case n.Kind == yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			out = append(out, expand(n.Content[i], pattern[1:], at.Join(kubeedit.Key(n.Content[i-1].Value)))...)
		}
	}
	return out
}

// fact adds the value of one field of an instance, if somebody wrote it.
func (r *Repository) fact(out []Fact, i *instance, o kubeedit.Object, t Target) []Fact {
	f := Fact{
		Form: Kubernetes, APIVersion: o.APIVersion, Kind: o.Kind, Namespace: i.namespace, Name: i.name,
		Container: strings.Clone(t.Container), Field: t.Field, Environments: i.envs, File: o.Doc.Path(), Line: o.Line, Declared: o.Doc.Path(),
	}
	if root := i.Root(); root != nil {
		f.Build = root.Dir
	}
	q, err := r.ask(t, i)
	if err != nil {
		return append(out, f.refused(err))
	}
	p, err := i.Value(q.Field, r.source)
	if err != nil {
		return append(out, f.refused(err))
	}
	if !p.Written {
		return out
	}
	f.Value, f.File, f.Line, f.How, f.Over = strings.Clone(p.Value), p.File, p.Line, i.how(p), r.below(i, q, p)
	if file, err := r.file(p.File); err == nil {
		err = file.Guard()
		if err == nil {
			err = file.Editable(p.Address, r.opts.Shared)
		}
		if err != nil {
			f = f.refused(err)
		}
	}
	return append(out, f)
}

func (f Fact) refused(err error) Fact {
	f.Refused = err.Error()
	if refusal, ok := err.(*patch.Refusal); ok {
		f.Refused, f.Line = refusal.Why, max(refusal.Line, f.Line)
	}
	return f
}

// below returns what a place overrides, from the manifest up.
func (r *Repository) below(i *instance, q *query, p kustomize.Place) []Site {
	var out []Site
	if p.Layer < 0 {
		return nil
	}
	base := &instance{Instance: &kustomize.Instance{Object: i.Object, Names: i.Names}}
	if b, err := base.Value(q.Field, r.source); err == nil && b.Written {
		out = append(out, siteOf(b, base.how(b)))
	}
	for n := range p.Layer {
		if l, ok, err := i.InLayer(n, q.Field, r.source); err == nil && ok && l.Written {
			out = append(out, siteOf(l, i.how(l)))
		}
	}
	return out
}
