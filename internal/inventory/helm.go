package inventory

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/helm"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
)

// An installed is one workload of one release of a chart.
type installed struct {
	release         helm.Release
	template        *helm.Template // nil if the chart is not in the repository
	naming          helm.Naming
	sources         []source // later ones win
	namespace, name string
	envs            []string
	certain         bool // a file declares the release; else it follows from the chart alone
}

// A source is where values of a release stand.
type source struct {
	helm.Source
	fallback bool // defaults of a subchart: the umbrella's values are the place to change
}

// where is the file that decides which environment a release belongs to: the
// last of its values files that tells, else what declares it.
func (i *installed) where() string {
	for n := len(i.sources) - 1; n >= 0; n-- {
		if f := i.sources[n].File; inferred(f) != "" {
			return f
		}
	}
	return i.release.File
}

// install finds the workloads that charts bring.
func (r *Repository) install() {
	r.charts, r.installs, r.drawn = map[string]*helm.Chart{}, nil, map[string]drawn{}
	for _, f := range r.list {
		if path.Base(f.Path) == "Chart.yaml" && r.texts[f.Path] != nil {
			r.chart(f.Path)
		}
	}
	used := map[string]bool{}
	for _, rel := range r.releases() {
		if c := r.chartOf(rel); c != nil {
			used[c.Dir] = true
		}
		r.addRelease(rel, true)
	}
	for _, c := range r.charts {
		for _, s := range c.Subcharts {
			used[s.Dir] = true
		}
	}
	for _, rel := range r.undeclared(used) {
		r.addRelease(rel, false)
	}
}

// chart reads one chart with its templates.
func (r *Repository) chart(file string) {
	dir := path.Dir(file)
	from := map[string]text{file: r.textOf(file)}
	for _, t := range r.filesIn(path.Join(dir, "templates")) {
		from[t.Path] = r.textOf(t.Path)
	}
	if old := r.known.drawn[dir]; old.chart != nil && maps.Equal(old.from, from) {
		r.charts[dir], r.drawn[dir] = old.chart, old
		return
	}
	f, err := r.file(file)
	if err != nil {
		r.fault(err)
		return
	}
	c, err := helm.ReadChart(f)
	if err != nil {
		r.fault(err)
	}
	if c == nil {
		return
	}
	for _, t := range r.filesIn(path.Join(dir, "templates")) {
		c.ReadTemplate(t.Path, r.texts[t.Path])
	}
	r.charts[dir], r.drawn[dir] = c, drawn{c, from}
}

// filesIn returns the files of a directory and of those in it.
func (r *Repository) filesIn(dir string) []forge.File {
	start, _ := r.entry(dir + "/")
	end, _ := r.entry(dir + "0") // "0" is what follows "/"
	return r.list[start:end]
}

// releases returns what the files of the repository declare.
func (r *Repository) releases() []helm.Release {
	var out []helm.Release
	for _, i := range r.builds {
		if !helm.Declares(i.Object.Kind) {
			continue
		}
		for _, rel := range helm.FromObject(r.object(i)) {
			if rel.Namespace == "" || rel.Namespace == i.Object.Namespace {
				rel.Namespace = i.namespace
			}
			rel.Sources = append(rel.Sources, r.patched(i)...)
			if root := i.Root(); root != nil {
				rel.File = root.Path
			}
			out = append(out, rel)
		}
	}
	for _, f := range r.list {
		if helm.IsHelmfile(f.Path) && r.texts[f.Path] != nil {
			if file, err := r.file(f.Path); err == nil {
				rels, err := helm.FromHelmfile(file)
				if err != nil {
					r.fault(err)
				}
				out = append(out, rels...)
			}
		}
	}
	for _, dir := range keys(r.graph) {
		out = append(out, inflated(r.graph[dir])...)
	}
	return out
}

// patched returns the values that patches of an overlay add to a HelmRelease.
func (r *Repository) patched(i *instance) []helm.Source {
	if i.Object.Kind != "HelmRelease" {
		return nil
	}
	var out []helm.Source
	for _, l := range i.Layers {
		if l.Patch == nil {
			continue
		}
		o, ok := l.Patch.Object(i.Instance, r.source)
		if !ok {
			continue
		}
		s := helm.Source{File: l.Patch.File, Doc: o.Doc.Index, Text: l.Patch.Text, At: o.At.Append(kubeedit.Keys("spec", "values"))}
		if s.Text != nil {
			s.Doc = l.Patch.Doc
		}
		out = append(out, s)
	}
	return out
}

// inflated returns the charts that a kustomization renders.
func inflated(k *kustomize.Kustomization) []helm.Release {
	var out []helm.Release
	for _, c := range k.Charts {
		rel := helm.Release{Name: c.Release, Namespace: c.Namespace, ChartName: c.Name, File: k.Path, Line: c.Line, How: "helmCharts of " + k.Dir}
		var files []helm.Source
		for _, f := range c.Files {
			files = append(files, helm.Source{File: f})
		}
		rel.Sources = helm.Inflated(files, helm.Source{File: k.Path, At: c.Inline}, c.Merge)
		out = append(out, rel)
	}
	return out
}

// undeclared makes up a release for every chart that no file installs: one for
// each values file that is called after an environment, else one with the
// defaults.
func (r *Repository) undeclared(used map[string]bool) []helm.Release {
	var out []helm.Release
	var roots []*helm.Chart
	for _, dir := range keys(r.charts) {
		if !used[dir] {
			roots = append(roots, r.charts[dir])
		}
	}
	for _, c := range roots {
		rel := helm.Release{Name: c.Name, Chart: c.Dir, ChartName: c.Name, File: path.Join(c.Dir, "Chart.yaml"), How: "chart " + c.Dir}
		files := r.valuesOf(c, len(roots) == 1)
		for _, f := range files {
			one := rel
			one.Sources = []helm.Source{{File: f}}
			out = append(out, one)
		}
		if len(files) == 0 {
			out = append(out, rel)
		}
	}
	return out
}

// valuesOf returns the values files of environments that lie beside a chart
// or, if it is the only one, anywhere.
func (r *Repository) valuesOf(c *helm.Chart, only bool) []string {
	files := r.list
	if !only && c.Dir != "." {
		files = r.filesIn(c.Dir)
	}
	var out []string
	for _, f := range files {
		within := c.Dir == "." || strings.HasPrefix(f.Path, c.Dir+"/")
		if r.texts[f.Path] == nil || f.Path == path.Join(c.Dir, "values.yaml") || inferred(f.Path) == "" {
			continue
		}
		rest := strings.TrimPrefix(f.Path, c.Dir+"/")
		if within && (strings.HasPrefix(rest, "templates/") || strings.HasPrefix(rest, "charts/")) {
			continue
		}
		b, parent := path.Base(f.Path), path.Base(path.Dir(f.Path))
		if strings.HasPrefix(b, "values") || parent == "values" || within && slices.Contains(parents, parent) {
			out = append(out, f.Path)
		}
	}
	return out
}

// chartOf returns the chart of a release, nil if it is not in the repository.
func (r *Repository) chartOf(rel helm.Release) *helm.Chart {
	for _, dir := range []string{rel.Chart, path.Join(path.Dir(rel.File), rel.Chart)} {
		if c := r.charts[dir]; c != nil && rel.Chart != "" {
			return c
		}
	}
	return nil
}

// maxUmbrella bounds how deep charts may hold charts.
const maxUmbrella = 4

// addRelease adds the workloads of a release.
func (r *Repository) addRelease(rel helm.Release, certain bool) {
	var sources []source
	for _, s := range rel.Sources {
		if r.text(s.File) != nil {
			sources = append(sources, source{Source: s})
		}
	}
	c := r.chartOf(rel)
	if c == nil {
		if certain && rel.Name != "" {
			r.addInstalled(installed{release: rel, sources: sources, certain: true}, rel.Name)
		}
		return
	}
	r.addChart(rel, c, sources, certain, 0)
}

// addChart adds the workloads of a chart and of its subcharts.
func (r *Repository) addChart(rel helm.Release, c *helm.Chart, above []source, certain bool, depth int) {
	sources := above
	if f := path.Join(c.Dir, "values.yaml"); r.text(f) != nil {
		sources = append([]source{{Source: helm.Source{File: f}, fallback: depth > 0}}, above...)
	}
	naming := helm.Naming{Release: rel.Name, Chart: c.Name, Value: func(p string) string { return r.valueIn(sources, p) }}
	for n := range c.Templates {
		i := installed{release: rel, template: &c.Templates[n], naming: naming, sources: sources, certain: certain}
		if name := naming.Name(i.template.Name); name != "" {
			r.addInstalled(i, name)
		}
	}
	if depth == maxUmbrella {
		return
	}
	for _, s := range c.Subcharts {
		if sub := r.charts[s.Dir]; sub != nil && sub != c {
			var below []source
			for _, x := range sources {
				var ok bool
				if x.Source, ok = x.Below(s.Key); ok {
					below = append(below, x)
				}
			}
			r.addChart(rel, sub, below, certain, depth+1)
		}
	}
}

func (r *Repository) addInstalled(i installed, name string) {
	i.name, i.namespace = name, i.release.Namespace
	i.envs = r.opts.environmentsOf(i.where(), i.namespace, "")
	r.installs = append(r.installs, &i)
}

// valueIn returns a value as it is in force, "" if it is not written.
func (r *Repository) valueIn(sources []source, p string) string {
	at, err := kubeedit.ParsePath(p)
	if err != nil {
		return ""
	}
	place, _ := r.inForce(sources, at)
	return place.Value
}

// inForce returns where the last source that writes a value has it, and which
// source that is; -1 if none does.
func (r *Repository) inForce(sources []source, p kubeedit.Path) (kustomize.Place, int) {
	for n := len(sources) - 1; n >= 0; n-- {
		f, err := r.file(sources[n].File)
		if err != nil || !sources[n].Has(p) {
			continue
		}
		a := sources[n].Address(p)
		if s, err := f.Get(a); err == nil && s.Written {
			return kustomize.Place{File: f.Path, Address: a, Scalar: s, Layer: n}, n
		}
	}
	return kustomize.Place{}, -1
}
