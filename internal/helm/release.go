// Package helm reads what installs charts, and which of their values end up in
// which field of which workload. It renders no templates: it reads the few
// forms in which charts pass resources and replicas on.
package helm

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
)

// A Release is one installation of a chart, as a file of the repository
// declares it.
type Release struct {
	Name, Namespace string
	Chart           string // directory of a chart in the repository, as far as written
	ChartName       string // last element of its name
	File            string // that declares the release
	Line            int
	How             string   // "HelmRelease", "Argo CD Application", "helmfile", …
	Sources         []Source // of values; later ones win
	Post            []Post   // patches that are applied to what the chart renders
}

// A Post is a patch of rendered objects.
type Post struct {
	Line int
	Text string // all keys and values of it
}

// A Source is a place that holds values: a file, or a part of one.
type Source struct {
	File string
	Doc  int
	Text kubeedit.Path // to a block of text that holds YAML, else nil
	At   kubeedit.Path // what all paths of values begin with
	Of   string        // the one path of values that stands At, as --set has it; empty for a source of many
}

// Address returns where a value of the source stands.
func (s Source) Address(p kubeedit.Path) kubeedit.Address {
	if s.Of != "" {
		return kubeedit.Address{Doc: s.Doc, Path: s.At}
	}
	return kubeedit.Address{Doc: s.Doc, Text: s.Text, Path: s.At.Append(p)}
}

// Has reports whether a value at a path can stand in the source.
func (s Source) Has(p kubeedit.Path) bool {
	if s.Of == "" {
		return true
	}
	only, err := kubeedit.ParsePath(s.Of)
	return err == nil && only.String() == p.String()
}

// Below is the source as a subchart sees it, whose values stand below a key; ok
// is false if it holds none of them.
func (s Source) Below(key string) (Source, bool) {
	if s.Of == "" {
		s.At = s.At.Join(kubeedit.Key(key))
		return s, true
	}
	var ok bool
	s.Of, ok = strings.CutPrefix(s.Of, key+".")
	return s, ok
}

// Same reports whether two sources are one place.
func (s Source) Same(o Source) bool {
	return s.File == o.File && s.Doc == o.Doc && s.Text.String() == o.Text.String() && s.At.String() == o.At.String()
}

// FromObject returns the releases that a Kubernetes object declares.
func FromObject(o kubeedit.Object) []Release {
	group, _, _ := strings.Cut(o.APIVersion, "/")
	switch {
	case o.Kind == "HelmRelease" && group == "helm.toolkit.fluxcd.io":
		return flux(o)
	case o.Kind == "Application" && group == "argoproj.io":
		return argo(o)
	case o.Kind == "HelmChartInflationGenerator":
		return []Release{generator(o)}
	case o.Kind == "HelmChart" && group == "helm.cattle.io":
		return k3s(o)
	}
	return nil
}

// Declares reports, by the kind alone, whether an object may declare a release.
func Declares(kind string) bool {
	return kind == "HelmRelease" || kind == "Application" || kind == "HelmChartInflationGenerator" || kind == "HelmChart"
}

func release(o kubeedit.Object, how string) Release {
	return Release{Name: o.Name, Namespace: o.Namespace, File: o.Doc.Path(), Line: o.Line, How: how}
}

// flux reads a HelmRelease.
// https://fluxcd.io/flux/components/helm/helmreleases/
func flux(o kubeedit.Object) []Release {
	n := o.Node()
	r := release(o, "HelmRelease")
	target := kubeedit.Text(n, "spec", "targetNamespace")
	switch name := kubeedit.Text(n, "spec", "releaseName"); {
	case name != "":
		r.Name = name
	case target != "":
		r.Name = target + "-" + o.Name
	}
	if target != "" {
		r.Namespace = target
	}
	r.setChart("", kubeedit.Text(n, "spec", "chart", "spec", "chart"))
	if ref := kubeedit.Text(n, "spec", "chartRef", "name"); ref != "" {
		r.ChartName = ref
	}
	for _, f := range kubeedit.Items(n, "spec", "chart", "spec", "valuesFiles") {
		r.Sources = append(r.Sources, Source{File: path.Join(".", f.Value)})
	}
	r.Sources = append(r.Sources, inside(o, nil, "spec", "values"))
	for _, p := range kubeedit.Items(n, "spec", "postRenderers") {
		for _, key := range []string{"patches", "patchesStrategicMerge", "patchesJson6902"} {
			for _, patch := range kubeedit.Items(p, "kustomize", key) {
				r.Post = append(r.Post, Post{o.Doc.Line + patch.Line - 1, texts(patch)})
			}
		}
	}
	return []Release{r}
}

// texts joins all keys and values below a node.
func texts(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value + "\n"
	}
	var b strings.Builder
	for _, c := range n.Content {
		b.WriteString(texts(c))
	}
	return b.String()
}

// argo reads the sources of an Application that are charts.
// https://argo-cd.readthedocs.io/en/stable/user-guide/helm/
func argo(o kubeedit.Object) []Release {
	n := o.Node()
	at := []kubeedit.Path{kubeedit.Keys("spec", "source")}
	for i := range kubeedit.Items(n, "spec", "sources") {
		at = append(at, kubeedit.Keys("spec", "sources").Join(kubeedit.Index(i)))
	}
	var out []Release
	for _, p := range at {
		source := o.Doc.Follow(o.At.Append(p))
		helm := kubeedit.Lookup(source, "helm")
		if helm == nil {
			continue
		}
		r := release(o, "Argo CD Application")
		r.Namespace = kubeedit.Text(n, "spec", "destination", "namespace")
		if name := kubeedit.Text(helm, "releaseName"); name != "" {
			r.Name = name
		}
		dir := kubeedit.Text(source, "path")
		r.setChart(dir, kubeedit.Text(source, "chart"))
		for _, f := range kubeedit.Items(helm, "valueFiles") {
			r.Sources = append(r.Sources, Source{File: argoFile(dir, f.Value)})
		}
		if text := kubeedit.Member(helm, "values"); text != nil && text.Style&yaml.LiteralStyle != 0 {
			r.Sources = append(r.Sources, Source{File: o.Doc.Path(), Doc: o.Doc.Index, Text: o.At.Append(p).Append(kubeedit.Keys("helm", "values"))})
		}
		r.Sources = append(r.Sources, inside(o, p, "helm", "valuesObject"))
		for i, n := range kubeedit.Items(helm, "parameters") {
			s := inside(o, p.Append(kubeedit.Keys("helm", "parameters")).Join(kubeedit.Index(i)), "value")
			s.Of = kubeedit.Text(n, "name")
			r.Sources = append(r.Sources, s)
		}
		out = append(out, r)
	}
	return out
}

// argoFile is where an Application finds a values file: beside the chart, or in
// the repository that a name with a dollar stands for.
func argoFile(dir, name string) string {
	if strings.HasPrefix(name, "$") {
		_, rest, _ := strings.Cut(name, "/")
		return path.Join(".", rest)
	}
	if strings.HasPrefix(name, "/") {
		return path.Join(".", name)
	}
	return path.Join(dir, name)
}

// generator reads a HelmChartInflationGenerator.
// https://kubectl.docs.kubernetes.io/references/kustomize/builtins/#_helmchartinflationgenerator_
func generator(o kubeedit.Object) Release {
	n, dir := o.Node(), path.Dir(o.Doc.Path())
	r := release(o, "HelmChartInflationGenerator")
	if name := kubeedit.Text(n, "releaseName"); name != "" {
		r.Name = name
	}
	if ns := kubeedit.Text(n, "namespace"); ns != "" {
		r.Namespace = ns
	}
	r.setChart("", kubeedit.Text(n, "name"))
	var files []Source
	if f := kubeedit.Text(n, "valuesFile"); f != "" {
		files = append(files, Source{File: path.Join(dir, f)})
	}
	for _, f := range kubeedit.Items(n, "additionalValuesFiles") {
		files = append(files, Source{File: path.Join(dir, f.Value)})
	}
	r.Sources = Inflated(files, inside(o, nil, "valuesInline"), kubeedit.Text(n, "valuesMerge"))
	return r
}

// Inflated puts the values files and the inline values of a chart that kustomize
// renders into the order in which they win, as valuesMerge says.
func Inflated(files []Source, inline Source, merge string) []Source {
	switch merge {
	case "merge": // what a values file says stays
		return append([]Source{inline}, files...)
	case "replace":
		return []Source{inline}
	}
	return append(files, inline)
}

// k3s reads a HelmChart of the controller of Rancher.
// https://docs.k3s.io/helm
func k3s(o kubeedit.Object) []Release {
	n := o.Node()
	r := release(o, "HelmChart")
	if ns := kubeedit.Text(n, "spec", "targetNamespace"); ns != "" {
		r.Namespace = ns
	}
	r.setChart("", kubeedit.Text(n, "spec", "chart"))
	if text := kubeedit.Lookup(n, "spec", "valuesContent"); text != nil && text.Style&yaml.LiteralStyle != 0 {
		r.Sources = append(r.Sources, Source{File: o.Doc.Path(), Doc: o.Doc.Index, Text: o.At.Append(kubeedit.Keys("spec", "valuesContent"))})
	}
	if set := kubeedit.Lookup(n, "spec", "set"); set != nil && set.Kind == yaml.MappingNode {
		for i := 1; i < len(set.Content); i += 2 {
			s := inside(o, nil, "spec", "set", set.Content[i-1].Value)
			s.Of = set.Content[i-1].Value
			r.Sources = append(r.Sources, s)
		}
	}
	return []Release{r}
}

// inside is a source within the object itself.
func inside(o kubeedit.Object, at kubeedit.Path, keys ...string) Source {
	return Source{File: o.Doc.Path(), Doc: o.Doc.Index, At: o.At.Append(at).Append(kubeedit.Keys(keys...))}
}

// setChart notes which chart a release is of: a directory where it can be one.
func (r *Release) setChart(dir, chart string) {
	switch {
	case chart == "" && dir != "":
		r.Chart = path.Join(".", dir)
	case strings.HasPrefix(chart, "."), strings.HasPrefix(chart, "/"), strings.Contains(chart, "/") && !strings.Contains(chart, "://"):
		r.Chart = path.Join(".", chart)
	}
	switch {
	case chart != "":
		r.ChartName = path.Base(chart)
	case dir != "":
		r.ChartName = path.Base(dir)
	}
}

// FromHelmfile returns the releases of a helmfile.
// https://helmfile.readthedocs.io/en/latest/
func FromHelmfile(f *kubeedit.File) ([]Release, error) {
	var out []Release
	dir := path.Dir(f.Path)
	for _, d := range f.Docs {
		root, err := d.Root()
		if err != nil {
			return out, err
		}
		for i, n := range kubeedit.Items(root, "releases") {
			at := kubeedit.Keys("releases").Join(kubeedit.Index(i))
			r := Release{Name: kubeedit.Text(n, "name"), Namespace: kubeedit.Text(n, "namespace"), File: f.Path, Line: d.Line + n.Line - 1, How: "helmfile"}
			r.setChart("", kubeedit.Text(n, "chart"))
			if r.Chart != "" {
				r.Chart = path.Join(dir, kubeedit.Text(n, "chart"))
			}
			for j, v := range kubeedit.Items(n, "values") {
				if v.Kind == yaml.MappingNode {
					r.Sources = append(r.Sources, Source{File: f.Path, Doc: d.Index, At: at.Join(kubeedit.Key("values"), kubeedit.Index(j))})
				} else {
					r.Sources = append(r.Sources, Source{File: path.Join(dir, v.Value)})
				}
			}
			for j, v := range kubeedit.Items(n, "set") {
				r.Sources = append(r.Sources, Source{
					File: f.Path, Doc: d.Index, At: at.Join(kubeedit.Key("set"), kubeedit.Index(j), kubeedit.Key("value")), Of: kubeedit.Text(v, "name"),
				})
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// IsHelmfile reports whether a file is called as helmfiles are.
func IsHelmfile(file string) bool {
	b := path.Base(file)
	return b == "helmfile.yaml" || b == "helmfile.yml" || path.Base(path.Dir(file)) == "helmfile.d" && strings.HasSuffix(b, ".yaml")
}
