package inventory

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/helm"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/patch"
)

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// findInstalled returns the workloads of charts by name, those that are known
// to fit before those that only may.
func (r *Repository) findInstalled(t Target) []*installed {
	var out []*installed
	for _, i := range r.installs {
		named := i.name == t.Name || i.template == nil && t.Name == i.release.Name+"-"+i.release.ChartName
		kind := i.template == nil || sameKind(t.Kind, i.template.Kind)
		if named && kind && (t.Namespace == "" || i.namespace == "" || i.namespace == t.Namespace) && (t.File == "" || i.below(t.File)) {
			out = append(out, i)
		}
	}
	better := func(f func(*installed) bool) {
		if slices.ContainsFunc(out, f) {
			out = slices.DeleteFunc(out, func(i *installed) bool { return !f(i) })
		}
	}
	better(func(i *installed) bool { return i.certain })
	if t.Namespace != "" {
		better(func(i *installed) bool { return i.namespace == t.Namespace })
	}
	if t.Environment != "" {
		out = slices.DeleteFunc(out, func(i *installed) bool { return len(i.envs) > 0 && !means(t.Environment, i.envs) })
		better(func(i *installed) bool { return len(i.envs) > 0 })
	}
	return out
}

// below reports whether a workload of a chart has to do with a file or a
// directory.
func (i *installed) below(file string) bool {
	inside := func(p string) bool { return p == file || strings.HasPrefix(p, strings.TrimSuffix(file, "/")+"/") }
	return file == "." || inside(i.release.File) || i.template != nil && inside(i.template.File) ||
		slices.ContainsFunc(i.sources, func(s source) bool { return inside(s.File) })
}

// locateInstalled finds the value of a chart that a field of a workload gets.
func (r *Repository) locateInstalled(t Target, meant []*installed) (work, error) {
	var places []kustomize.Place
	var sites []Site
	var at []kubeedit.Path
	for _, i := range meant {
		if err := r.patchedAfter(t, i); err != nil {
			return work{}, err
		}
		p, err := r.valuePath(t, i)
		if err != nil {
			return work{}, err
		}
		at = append(at, p)
		place, n := r.inForce(i.sources, p)
		if n < 0 {
			place = kustomize.Place{Layer: -1}
		}
		if !slices.ContainsFunc(places, func(o kustomize.Place) bool { return same(o, place) }) {
			places, sites = append(places, place), append(sites, siteOf(place, "values of "+i.release.How))
		}
	}
	if len(places) > 1 {
		return work{}, &AmbiguousError{Target: t, Candidates: sites, Do: "name the environment, the namespace or the file"}
	}
	return r.decideInstalled(t, meant, at[0], places[0])
}

// patchedAfter refuses a field of a chart that a kustomization patches once the
// chart is rendered: the values are not in force then.
func (r *Repository) patchedAfter(t Target, i *installed) error {
	field, err := kubeedit.ParsePath(t.Field)
	if err != nil {
		return nil
	}
	for _, p := range i.release.Post {
		if strings.Contains(p.Text, field.Last()) && strings.Contains(p.Text, i.name) {
			return &patch.Refusal{Path: i.release.File, Line: p.Line, Why: fmt.Sprintf("a post-renderer writes %s once the chart is rendered", field.Last()), Do: "change it there"}
		}
	}
	if !strings.HasPrefix(i.release.How, "helmCharts") && i.release.How != "HelmChartInflationGenerator" {
		return nil // Flux and Argo CD render it by themselves
	}
	kind := ""
	if i.template != nil {
		kind = i.template.Kind
	}
	for _, k := range r.graph.Above(i.release.File) {
		for _, p := range k.For(kind, i.name, r.source) {
			if bytes.Contains(p.Content(r.source).Src, []byte(field.Last())) {
				return &patch.Refusal{Path: p.File, Line: p.Line, Why: fmt.Sprintf("a patch of %s writes %s once the chart is rendered", k.Dir, field.Last()), Do: "change that patch"}
			}
		}
	}
	return nil
}

// valuePath returns the path of the values that fills in a field.
func (r *Repository) valuePath(t Target, i *installed) (kubeedit.Path, error) {
	refuse := func(why, do string) error {
		file, line := i.release.File, i.release.Line
		if i.template != nil {
			file, line = i.template.File, i.template.Line
		}
		return &patch.Refusal{Path: file, Line: line, Why: why, Do: do}
	}
	if i.template == nil {
		return r.guess(t, i, refuse)
	}
	p, fit := i.template.Field(t.Container, t.Field, i.naming.Name)
	switch {
	case fit > 1:
		return nil, refuse(fmt.Sprintf("%s has %d containers", i.name, fit), "name the container")
	case p == nil:
		return nil, refuse(fmt.Sprintf("the template of %s does not pass %s on as one value", i.name, t.Field), "name the values file and the path")
	}
	return p, nil
}

// guess finds the resources in the values of a chart that is not in the
// repository: the only ones there are.
func (r *Repository) guess(t Target, i *installed, refuse func(why, do string) error) (kubeedit.Path, error) {
	const do = "name the values file and the path"
	found := map[string]kubeedit.Path{}
	for _, s := range i.sources {
		f, err := r.file(s.File)
		if err != nil || s.Of != "" {
			continue
		}
		root, err := f.Top(s.Address(nil))
		if err != nil {
			continue
		}
		switch rest, ok := strings.CutPrefix(t.Field, "resources."); {
		case ok:
			for _, p := range helm.ResourcePaths(root) {
				p = p.Append(kubeedit.Keys(strings.Split(rest, ".")...))
				found[p.String()] = p
			}
		case t.Field == "spec.replicas":
			for _, key := range []string{"replicaCount", "replicas"} {
				if kubeedit.Text(root, key) != "" {
					found[key] = kubeedit.Keys(key)
				}
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, refuse(fmt.Sprintf("chart %s is not in the repository, and no value here is %s", i.release.ChartName, t.Field), do)
	case 1:
		return found[keys(found)[0]], nil
	}
	return nil, refuse(fmt.Sprintf("chart %s is not in the repository, and several values could be %s: %s", i.release.ChartName, t.Field, strings.Join(keys(found), ", ")), do)
}

// decideInstalled says which values file takes the change: the one that has the
// value, if nothing else uses the file; else the last that only what is meant
// has; else the one that has the value, if nothing else takes it from there.
func (r *Repository) decideInstalled(t Target, meant []*installed, p kubeedit.Path, place kustomize.Place) (work, error) {
	first := meant[0]
	here := work{target: t, at: place.Address, site: siteOf(place, "values of "+first.release.How)}
	editable := place.Layer >= 0 && !first.sources[place.Layer].fallback
	if place.Layer >= 0 && first.sources[place.Layer].Of != "" {
		here.style = kubeedit.AsString // as --set, it is text
	}
	if editable && len(r.alsoFrom(meant, first.sources[place.Layer], nil)) == 0 {
		return r.guarded(here)
	}
	for n := len(first.sources) - 1; n > place.Layer; n-- {
		s := first.sources[n]
		if s.fallback || s.Of != "" || len(r.alsoFrom(meant, s, nil)) > 0 || slices.ContainsFunc(meant, func(i *installed) bool { return !i.has(s) }) {
			continue
		}
		return r.ownValue(t, first, s, p, place)
	}
	if place.Layer < 0 {
		return here, &patch.Refusal{Path: first.release.File, Line: first.release.Line, Why: fmt.Sprintf("no values file of %s is for it alone", first.name), Do: "add one, or name the file and the path"}
	}
	others := r.alsoFrom(meant, first.sources[place.Layer], p)
	if editable && len(others) == 0 {
		return r.guarded(here)
	}
	return here, &patch.Refusal{Path: place.File, Line: place.Line, Why: "value is shared with " + strings.Join(others, ", "), Do: "give the environment a values file of its own, or name the file and the path"}
}

// ownValue is a change that writes into a source a value that another has now.
func (r *Repository) ownValue(t Target, i *installed, s source, p kubeedit.Path, now kustomize.Place) (work, error) {
	f, err := r.file(s.File)
	if err != nil {
		return work{}, err
	}
	w := work{target: t, at: s.Address(p)}
	got, err := f.Get(w.at)
	if err != nil {
		return w, err
	}
	w.site = Site{File: s.File, Line: got.Line, Value: now.Value, Written: now.Written, Address: w.at.String(), How: "values of " + i.release.How}
	if now.Written {
		w.site.From = fmt.Sprintf("%s:%d", now.File, now.Line)
	}
	return r.guarded(w)
}

// guarded refuses a located value whose file must not be edited.
func (r *Repository) guarded(w work) (work, error) {
	f, err := r.file(w.site.File)
	if err == nil {
		err = f.Guard()
	}
	if err != nil {
		return work{}, err
	}
	w.share(f)
	return w, nil
}

func (i *installed) has(s source) bool {
	return slices.ContainsFunc(i.sources, func(o source) bool { return o.Same(s.Source) })
}

// alsoFrom names the workloads besides those meant that use a source and, given
// a path, take the value at it from there.
func (r *Repository) alsoFrom(meant []*installed, s source, p kubeedit.Path) []string {
	var out []string
	for _, i := range r.installs {
		mine := slices.ContainsFunc(meant, func(m *installed) bool {
			return m == i || m.release.File == i.release.File && m.release.Line == i.release.Line && m.release.Name == i.release.Name && sameSources(m, i)
		})
		if mine || !i.has(s) {
			continue
		}
		if p != nil {
			if _, n := r.inForce(i.sources, p); n < 0 || !i.sources[n].Same(s.Source) {
				continue
			}
		}
		out = append(out, fmt.Sprintf("%s (%s)", join(i.namespace, i.release.Name), i.where()))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sameSources reports whether two workloads get their values from one release.
func sameSources(a, b *installed) bool {
	return slices.EqualFunc(a.release.Sources, b.release.Sources, func(x, y helm.Source) bool { return x.Same(y) })
}

// workload describes a workload of a chart. Its kind is empty if the chart is
// not in the repository.
func (i *installed) workload() Workload {
	w := Workload{Namespace: i.namespace, Name: i.name, File: i.release.File, Line: i.release.Line, Environments: i.envs}
	if i.template != nil {
		w.Kind, w.File, w.Line = i.template.Kind, i.template.File, i.template.Line
		for _, c := range i.template.Containers {
			if n := i.naming.Name(c.Name); n != "" {
				w.Containers = append(w.Containers, n)
			}
		}
	}
	return w
}
