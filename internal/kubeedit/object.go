package kubeedit

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Object is one Kubernetes object as a file writes it.
type Object struct {
	Doc        *Document
	At         Path // within the document: an item of a List, else empty
	APIVersion string
	Kind       string
	Namespace  string // as written; often empty
	Name       string
	Line       int // of the file
}

// Node is the top of the object, nil if its document does not parse.
func (o Object) Node() *yaml.Node { return o.Doc.Follow(o.At) }

// A Container is one container of an [Object].
type Container struct {
	Name  string
	Index int // in its list
	Init  bool
	Path  Path // from the top of the document
	Line  int
	Node  *yaml.Node
}

// maxLists bounds how deep a List may hold Lists.
const maxLists = 4

// Objects returns the objects of the document, those of a List one by one. A
// document whose head is plain to read is not parsed.
func (d *Document) Objects() ([]Object, error) {
	o := d.holds.get(d.findObjects)
	return o.list, o.err
}

// An objects is the answer of [Document.Objects].
type objects struct {
	list []Object
	err  error
}

func (d *Document) findObjects() objects {
	if o, ok := d.head(); ok {
		if o.Kind == "" {
			return objects{}
		}
		return objects{list: []Object{o}}
	}
	root, err := d.Root()
	if err != nil || root == nil {
		return objects{err: err}
	}
	return objects{list: d.objects(root, nil, 0)}
}

func (d *Document) objects(n *yaml.Node, at Path, depth int) []Object {
	if n.Kind != yaml.MappingNode || depth > maxLists {
		return nil
	}
	kind := Text(n, "kind")
	if kind == "" {
		return nil
	}
	if items := Lookup(n, "items"); strings.HasSuffix(kind, "List") && items != nil && items.Kind == yaml.SequenceNode {
		var out []Object
		for i, item := range items.Content {
			out = append(out, d.objects(item, at.Join(Key("items"), Index(i)), depth+1)...)
		}
		return out
	}
	return []Object{{
		Doc: d, At: at, APIVersion: Text(n, "apiVersion"), Kind: kind,
		Namespace: Text(n, "metadata", "namespace"), Name: Text(n, "metadata", "name"),
		Line: d.Line + n.Line - 1,
	}}
}

// podSpecs lists where the built-in kinds keep the specification of their pods.
// https://kubernetes.io/docs/concepts/workloads/controllers/
var podSpecs = map[string]Path{
	"Pod":                   Keys("spec"),
	"Deployment":            Keys("spec", "template", "spec"),
	"StatefulSet":           Keys("spec", "template", "spec"),
	"DaemonSet":             Keys("spec", "template", "spec"),
	"ReplicaSet":            Keys("spec", "template", "spec"),
	"ReplicationController": Keys("spec", "template", "spec"),
	"Job":                   Keys("spec", "template", "spec"),
	"CronJob":               Keys("spec", "jobTemplate", "spec", "template", "spec"),
	"PodTemplate":           Keys("template", "spec"),
}

// BuiltIn reports whether a kind with containers is one of Kubernetes itself, so
// that patches merge its containers by name.
func BuiltIn(kind string) bool {
	_, ok := podSpecs[kind]
	return ok
}

// maxSearch bounds how deep a custom resource is searched for containers.
const maxSearch = 16

// PodSpecs returns the paths from the top of the object to its pod
// specifications. A custom resource may have several.
func (o Object) PodSpecs() []Path {
	if p, ok := podSpecs[o.Kind]; ok {
		return []Path{p}
	}
	var out []Path
	var walk func(n *yaml.Node, at Path)
	walk = func(n *yaml.Node, at Path) {
		if len(at) > maxSearch || n.Kind == yaml.AliasNode {
			return
		}
		if isPodSpec(n) {
			out = append(out, at)
			return
		}
		for i, c := range n.Content {
			switch {
			case n.Kind == yaml.MappingNode && i%2 == 1:
				walk(c, at.Join(Key(n.Content[i-1].Value)))
			case n.Kind == yaml.SequenceNode:
				walk(c, at.Join(Index(i)))
			}
		}
	}
	if o.Kind != "CustomResourceDefinition" && bytes.Contains(o.Doc.Text(), []byte("containers")) && o.Node() != nil {
		walk(o.Node(), nil)
	}
	return out
}

// isPodSpec reports whether a mapping has a list of named containers.
func isPodSpec(n *yaml.Node) bool {
	for _, c := range Items(n, "containers") {
		if Text(c, "name") != "" && (Member(c, "image") != nil || Member(c, "resources") != nil) {
			return true
		}
	}
	return false
}

// IsWorkload reports whether the object runs pods.
func (o Object) IsWorkload() bool {
	if _, ok := podSpecs[o.Kind]; ok {
		return true
	}
	return len(o.PodSpecs()) > 0 || o.ownResources() != nil
}

// ownResources is spec.resources of a custom resource that has no pod template,
// such as Prometheus or Elasticsearch.
func (o Object) ownResources() *yaml.Node {
	if !strings.Contains(o.APIVersion, ".") || strings.HasSuffix(strings.Split(o.APIVersion, "/")[0], ".k8s.io") {
		return nil
	}
	if !bytes.Contains(o.Doc.Text(), []byte("resources")) {
		return nil
	}
	r := Lookup(o.Node(), "spec", "resources")
	if Lookup(r, "limits") == nil && Lookup(r, "requests") == nil {
		return nil
	}
	return r
}

// Containers returns the containers of the object, init containers last. A
// custom resource without a pod template, but with resources of its own, counts
// as one container without a name.
func (o Object) Containers() []Container {
	var main, first []Container
	for _, spec := range o.PodSpecs() {
		n := follow(o.Node(), spec)
		main = append(main, o.list(n, spec, "containers")...)
		first = append(first, o.list(n, spec, "initContainers")...)
	}
	if len(main) == 0 {
		if r := o.ownResources(); r != nil {
			main = append(main, Container{Path: o.At.Append(Keys("spec")), Line: o.Doc.Line + r.Line - 1, Node: Lookup(o.Node(), "spec")})
		}
	}
	return append(main, first...)
}

func (o Object) list(spec *yaml.Node, at Path, key string) []Container {
	var out []Container
	items := Items(spec, key)
	for i, c := range items {
		name := Text(c, "name")
		step := Named(name)
		if name == "" || twice(items, name) {
			step = Index(i)
		}
		out = append(out, Container{
			Name: name, Index: i, Init: key == "initContainers", Node: c,
			Path: o.At.Append(at).Join(Key(key), step), Line: o.Doc.Line + c.Line - 1,
		})
	}
	return out
}

func twice(items []*yaml.Node, name string) bool {
	n := 0
	for _, c := range items {
		if Text(c, "name") == name {
			n++
		}
	}
	return n > 1
}

// follow returns the node at a path, behind aliases; nil if it is not written.
func follow(n *yaml.Node, p Path) *yaml.Node {
	for _, s := range p {
		n = Deref(n)
		if n == nil {
			return nil
		}
		if !s.List {
			n = Member(n, s.Key)
			continue
		}
		var next *yaml.Node
		for i, c := range n.Content {
			if n.Kind == yaml.SequenceNode && (s.Match == "" && i == s.Index || s.Match != "" && Text(c, s.Match) == s.Key) {
				next = c
				break
			}
		}
		n = next
	}
	return Deref(n)
}

// Follow returns the node at a path of the document, behind aliases; nil if it
// is not written or the document does not parse.
func (d *Document) Follow(p Path) *yaml.Node {
	root, err := d.Root()
	if err != nil {
		return nil
	}
	return follow(root, p)
}
