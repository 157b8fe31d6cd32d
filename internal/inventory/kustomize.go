package inventory

import (
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
)

// A kustomization is one kustomization.yaml.
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
type kustomization struct {
	dir       string
	file      *kubeedit.File
	root      *yaml.Node
	component bool

	resources  []string // paths from the root of the repository
	components []string
	remote     []string // bases outside the repository

	patches  []*overlay // strategic-merge and others, in order of application
	json6902 []*overlay
	replicas []replicaCount

	namespace, prefix, suffix string
}

// An overlay is one patch: where its text is, and what it is for.
type overlay struct {
	by     *kustomization
	file   string        // of the patch; that of the kustomization if it stands inline
	text   kubeedit.Path // to the block scalar of an inline patch
	target *selector     // nil: the patch names its object itself
	doc    *kubeedit.File
	line   int // of the entry in the kustomization
}

// A selector is the target of a patch. Names are regular expressions.
type selector struct {
	group, version, kind, name, namespace string
	labels, annotations                   string
}

// A replicaCount is one entry of replicas.
type replicaCount struct {
	name string
	at   kubeedit.Path
}

func isKustomization(file string) bool {
	switch path.Base(file) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// kustomization reads one file.
func (r *Repository) kustomization(f *kubeedit.File) {
	if len(f.Docs) == 0 {
		return
	}
	root, err := f.Docs[0].Root()
	if err != nil {
		r.fault(err)
		return
	}
	if root == nil || root.Kind != yaml.MappingNode || strings.Contains(kubeedit.Text(root, "apiVersion"), "fluxcd.io") {
		return
	}
	k := &kustomization{
		dir: path.Dir(f.Path), file: f, root: root,
		component: kubeedit.Text(root, "kind") == "Component",
		namespace: kubeedit.Text(root, "namespace"), prefix: kubeedit.Text(root, "namePrefix"), suffix: kubeedit.Text(root, "nameSuffix"),
	}
	for _, key := range []string{"resources", "bases"} {
		for _, n := range kubeedit.Items(root, key) {
			k.resource(n.Value)
		}
	}
	for _, n := range kubeedit.Items(root, "components") {
		if !remote(n.Value) {
			k.components = append(k.components, path.Join(k.dir, n.Value))
		}
	}
	k.readPatches(r)
	for i, n := range kubeedit.Items(root, "replicas") {
		k.replicas = append(k.replicas, replicaCount{kubeedit.Text(n, "name"), kubeedit.Path{kubeedit.Key("replicas"), kubeedit.Index(i), kubeedit.Key("count")}})
	}
	r.kust[k.dir] = k
}

func (k *kustomization) resource(name string) {
	if remote(name) {
		k.remote = append(k.remote, name)
		return
	}
	k.resources = append(k.resources, path.Join(k.dir, name))
}

// remoteForm finds what kustomize fetches from elsewhere.
var remoteForm = regexp.MustCompile(`^([a-z+]+://|git@|git::|(www\.)?(github|gitlab|bitbucket)\.(com|org)[/:])|\?ref=|\.git(/|$|\?)`)

func remote(name string) bool { return remoteForm.MatchString(name) }

// readPatches collects the three spellings of patches.
func (k *kustomization) readPatches(r *Repository) {
	for i, n := range kubeedit.Items(k.root, "patchesStrategicMerge") {
		at := kubeedit.Path{kubeedit.Key("patchesStrategicMerge"), kubeedit.Index(i)}
		if n.Style&yaml.LiteralStyle != 0 {
			k.patches = append(k.patches, k.inline(at, nil, n))
		} else {
			k.patches = append(k.patches, k.external(r, n.Value, nil, n))
		}
	}
	for i, n := range kubeedit.Items(k.root, "patches") {
		k.patches = append(k.patches, k.entry(r, "patches", i, n)...)
	}
	for i, n := range kubeedit.Items(k.root, "patchesJson6902") {
		k.json6902 = append(k.json6902, k.entry(r, "patchesJson6902", i, n)...)
	}
}

// entry reads one element of patches or patchesJson6902.
func (k *kustomization) entry(r *Repository, key string, i int, n *yaml.Node) []*overlay {
	target := readSelector(kubeedit.Member(n, "target"))
	if file := kubeedit.Text(n, "path"); file != "" {
		return []*overlay{k.external(r, file, target, n)}
	}
	if text := kubeedit.Member(n, "patch"); text != nil {
		return []*overlay{k.inline(kubeedit.Path{kubeedit.Key(key), kubeedit.Index(i), kubeedit.Key("patch")}, target, n)}
	}
	return nil
}

func (k *kustomization) external(r *Repository, name string, target *selector, n *yaml.Node) *overlay {
	o := &overlay{by: k, file: path.Join(k.dir, name), target: target, line: k.file.Docs[0].Line + n.Line - 1}
	f, err := r.file(o.file)
	if err != nil {
		r.fault(err)
		return o
	}
	o.doc = f
	return o
}

func (k *kustomization) inline(at kubeedit.Path, target *selector, n *yaml.Node) *overlay {
	o := &overlay{by: k, file: k.file.Path, text: at, target: target, line: k.file.Docs[0].Line + n.Line - 1}
	text := k.file.Docs[0].Follow(at)
	if text == nil {
		return o
	}
	f, err := kubeedit.Read(k.file.Path, []byte(text.Value))
	if err == nil {
		o.doc = f
	}
	return o
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
