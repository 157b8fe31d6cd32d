// Package kustomize reads kustomizations and says which patches reach which
// objects, and what those objects are called in the end. It renders nothing: it
// answers where a value comes from.
//
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
package kustomize

import (
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
)

// A Kustomization is one kustomization.yaml. Paths are from the root of the
// repository.
type Kustomization struct {
	Dir        string
	Path       string // of the file
	Component  bool
	Resources  []string // files and directories
	Components []string // directories
	Remote     []string // bases outside the repository, as written
	Charts     []Chart
	Generators []string // files that configure generators

	patches  []*Patch // strategic-merge and others, in order of application
	json6902 []*Patch
	counts   []Count

	namespace, prefix, suffix string

	replacements     []*replacement
	replacementFiles []string
	transformers     []listed
	configurations   []string
	schema           string // openapi: how lists of other kinds are merged
	images           []image
}

// A Patch is one patch: where its text is, and what it is for.
type Patch struct {
	By     *Kustomization
	File   string        // that of the kustomization if the patch stands inline
	Doc    int           // of File, for an inline patch
	Text   kubeedit.Path // to the block scalar of an inline patch, else nil
	Line   int           // of the entry in the kustomization
	target *selector     // nil: the patch names its object itself
	deep   bool          // it stands in a text within a text

	renames bool // it may change the name of its object
	late    bool // what its kustomization adds to patches: comes before it
	doc     *kubeedit.File
}

// A Count is one entry of the replicas field.
type Count struct {
	By   *Kustomization
	Name string
	File string
	Doc  int
	At   kubeedit.Path
}

// A Chart is one entry of helmCharts.
type Chart struct {
	Name, Release, Namespace string
	Line                     int
	Files                    []string      // values files, later ones win
	Inline                   kubeedit.Path // to valuesInline
	Merge                    string        // how the two go together: override, replace or merge
}

// A selector is the target of a patch. Names are regular expressions.
type selector struct {
	group, version, kind, name, namespace string
	labels, annotations                   string
}

// Is reports whether a file is called as kustomizations are.
func Is(file string) bool {
	switch path.Base(file) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// Read reads a kustomization; nil if the file holds something else, such as a
// Kustomization of Flux.
func Read(f *kubeedit.File) (*Kustomization, error) {
	if len(f.Docs) == 0 {
		return nil, nil
	}
	root, err := f.Docs[0].Root()
	if err != nil || root == nil || root.Kind != yaml.MappingNode {
		return nil, err
	}
	if strings.Contains(kubeedit.Text(root, "apiVersion"), "fluxcd.io") {
		return nil, nil
	}
	k := &Kustomization{
		Dir: path.Dir(f.Path), Path: f.Path, Component: kubeedit.Text(root, "kind") == "Component",
		namespace: kubeedit.Text(root, "namespace"), prefix: kubeedit.Text(root, "namePrefix"), suffix: kubeedit.Text(root, "nameSuffix"),
	}
	for _, key := range []string{"resources", "bases"} {
		for _, n := range kubeedit.Items(root, key) {
			k.resource(n.Value)
		}
	}
	for _, n := range kubeedit.Items(root, "components") {
		if remote(n.Value) {
			k.Remote = append(k.Remote, n.Value)
		} else {
			k.Components = append(k.Components, path.Join(k.Dir, n.Value))
		}
	}
	k.readPatches(f, root)
	for i, n := range kubeedit.Items(root, "replicas") {
		k.counts = append(k.counts, Count{By: k, Name: kubeedit.Text(n, "name"), File: f.Path, At: kubeedit.Path{kubeedit.Key("replicas"), kubeedit.Index(i), kubeedit.Key("count")}})
	}
	k.readImages(f.Docs[0], root)
	k.replacements, k.replacementFiles = readReplacements(f.Path, f.Docs[0].Line, kubeedit.Items(root, "replacements"))
	for _, n := range kubeedit.Items(root, "transformers") {
		k.transformers = append(k.transformers, listed{n.Value, f.Docs[0].Line + n.Line - 1})
	}
	for _, n := range kubeedit.Items(root, "generators") {
		if !strings.Contains(n.Value, "\n") && !remote(n.Value) {
			k.Generators = append(k.Generators, path.Join(k.Dir, n.Value))
		}
	}
	for _, n := range kubeedit.Items(root, "configurations") {
		k.configurations = append(k.configurations, n.Value)
	}
	k.schema = kubeedit.Text(root, "openapi", "path")
	k.readCharts(root)
	return k, nil
}

func (k *Kustomization) resource(name string) {
	if remote(name) {
		k.Remote = append(k.Remote, name)
		return
	}
	k.Resources = append(k.Resources, path.Join(k.Dir, name))
}

// remoteForm finds what kustomize fetches from elsewhere.
var remoteForm = regexp.MustCompile(`^([a-z+]+://|git@|git::|(www\.)?(github|gitlab|bitbucket)\.(com|org)[/:])|\?ref=|\.git(/|$|\?)`)

func remote(name string) bool { return remoteForm.MatchString(name) }

// readPatches collects the three spellings of patches.
func (k *Kustomization) readPatches(f *kubeedit.File, root *yaml.Node) {
	for i, n := range kubeedit.Items(root, "patchesStrategicMerge") {
		p := &Patch{By: k, File: f.Path, Line: f.Docs[0].Line + n.Line - 1}
		if strings.Contains(n.Value, "\n") {
			p.Text = kubeedit.Path{kubeedit.Key("patchesStrategicMerge"), kubeedit.Index(i)}
			p.inline(n)
		} else {
			p.File = path.Join(k.Dir, n.Value)
		}
		k.patches = append(k.patches, p)
	}
	for i, n := range kubeedit.Items(root, "patches") {
		k.patches = append(k.patches, k.entry(f, "patches", i, n)...)
	}
	for i, n := range kubeedit.Items(root, "patchesJson6902") {
		k.json6902 = append(k.json6902, k.entry(f, "patchesJson6902", i, n)...)
	}
	for _, p := range k.json6902 {
		p.late = true
	}
}

// entry reads one element of patches or patchesJson6902.
func (k *Kustomization) entry(f *kubeedit.File, key string, i int, n *yaml.Node) []*Patch {
	p := &Patch{By: k, File: f.Path, Line: f.Docs[0].Line + n.Line - 1, target: readSelector(kubeedit.Member(n, "target"))}
	p.renames = kubeedit.Text(n, "options", "allowNameChange") == "true"
	if file := kubeedit.Text(n, "path"); file != "" {
		p.File = path.Join(k.Dir, file)
		return []*Patch{p}
	}
	if text := kubeedit.Member(n, "patch"); text != nil {
		p.Text = kubeedit.Path{kubeedit.Key(key), kubeedit.Index(i), kubeedit.Key("patch")}
		p.inline(text)
		return []*Patch{p}
	}
	return nil
}

// Inline returns the patches of a list within an object, such as those of a
// Kustomization of Flux. They belong to no kustomization.
func Inline(o kubeedit.Object, list kubeedit.Path) []*Patch {
	var out []*Patch
	at := o.At.Append(list)
	n := o.Doc.Follow(at)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for i, item := range n.Content {
		text := kubeedit.Member(item, "patch")
		if text == nil {
			continue
		}
		p := &Patch{
			File: o.Doc.Path(), Doc: o.Doc.Index, Text: at.Join(kubeedit.Index(i), kubeedit.Key("patch")),
			Line: o.Doc.Line + item.Line - 1, target: readSelector(kubeedit.Member(item, "target")),
		}
		p.inline(text)
		out = append(out, p)
	}
	return out
}

// inline reads the text of a patch that does not stand in a file of its own.
func (p *Patch) inline(text *yaml.Node) {
	if f, err := kubeedit.Read(p.File, []byte(text.Value)); err == nil {
		p.doc = f
	}
}

func readSelector(n *yaml.Node) *selector {
	if n == nil {
		return nil
	}
	text := func(k string) string { return kubeedit.Text(n, k) }
	return &selector{
		group: text("group"), version: text("version"), kind: text("kind"), name: text("name"), namespace: text("namespace"),
		labels: text("labelSelector"), annotations: text("annotationSelector"),
	}
}

func (k *Kustomization) readCharts(root *yaml.Node) {
	for i, n := range kubeedit.Items(root, "helmCharts") {
		at := kubeedit.Path{kubeedit.Key("helmCharts"), kubeedit.Index(i)}
		c := Chart{
			Name: kubeedit.Text(n, "name"), Release: kubeedit.Text(n, "releaseName"), Namespace: kubeedit.Text(n, "namespace"),
			Merge: kubeedit.Text(n, "valuesMerge"), Line: n.Line, Inline: at.Join(kubeedit.Key("valuesInline")),
		}
		if v := kubeedit.Text(n, "valuesFile"); v != "" {
			c.Files = append(c.Files, path.Join(k.Dir, v))
		}
		for _, v := range kubeedit.Items(n, "additionalValuesFiles") {
			c.Files = append(c.Files, path.Join(k.Dir, v.Value))
		}
		k.Charts = append(k.Charts, c)
	}
}

// Patches returns the patches of the kustomization that stand in files.
func (k *Kustomization) Patches() []string {
	var out []string
	for _, list := range [][]*Patch{k.patches, k.json6902} {
		for _, p := range list {
			if p.Text == nil {
				out = append(out, p.File)
			}
		}
	}
	return out
}

// PatchList returns the list that a new patch file goes into, and the key of an
// entry: patchesStrategicMerge where only that is in use, else patches.
func (k *Kustomization) PatchList(f *kubeedit.File) (list kubeedit.Path, key string) {
	if old := kubeedit.Keys("patchesStrategicMerge"); len(f.Docs) > 0 && f.Docs[0].Follow(kubeedit.Keys("patches")) == nil && f.Docs[0].Follow(old) != nil {
		return old, ""
	}
	return kubeedit.Keys("patches"), "path"
}
