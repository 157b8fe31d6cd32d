package kustomize

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// An image is one entry of the images field.
type image struct {
	name string
	line int
	sets []Setting
}

// A Setting is what an entry of the images field gives to an image.
type Setting struct {
	Path  kubeedit.Path // in the kustomization
	Key   string        // newName, newTag or digest
	Value string
	Line  int
}

// Images returns what the images field of a kustomization says.
func (k *Kustomization) Images() []Setting {
	var out []Setting
	for _, i := range k.images {
		out = append(out, i.sets...)
	}
	return out
}

func (k *Kustomization) readImages(d *kubeedit.Document, root *yaml.Node) {
	for _, n := range kubeedit.Items(root, "images") {
		i := image{name: kubeedit.Text(n, "name"), line: d.Line + n.Line - 1}
		for _, key := range []string{"newName", "newTag", "digest"} {
			if v := kubeedit.Member(n, key); v != nil {
				at := kubeedit.Path{kubeedit.Key("images"), kubeedit.Named(i.name), kubeedit.Key(key)}
				i.sets = append(i.sets, Setting{at, key, v.Value, d.Line + v.Line - 1})
			}
		}
		k.images = append(k.images, i)
	}
}

// image refuses the image of a container that the images field of a
// kustomization decides.
func (i *Instance) image(f Field) error {
	if len(f.Path) < 2 || f.Path.Last() != "image" || !f.Path[len(f.Path)-2].List {
		return nil
	}
	name, _, _ := strings.Cut(kubeedit.Text(i.Object.Doc.Follow(i.Object.At.Append(f.Path))), "@")
	if n := strings.LastIndex(name, ":"); n > strings.LastIndex(name, "/") {
		name = name[:n]
	}
	for n := len(i.Chain) - 1; n >= 0; n-- {
		for _, img := range i.Chain[n].images {
			if img.name == name {
				var sets []string
				for _, s := range img.sets {
					sets = append(sets, s.Key+" "+s.Value)
				}
				return &patch.Refusal{
					Path: i.Chain[n].Path, Line: img.line, Why: fmt.Sprintf("images: of the kustomization sets %s for %s", strings.Join(sets, ", "), name), Do: "change it there",
				}
			}
		}
	}
	return nil
}

// uncertain refuses a field in a list of a kind that Kubernetes does not know
// where a patch writes that list and a schema of the kustomization's own says
// how it is merged.
func (i *Instance) uncertain(p *Patch, f Field, from Source) error {
	for _, k := range i.Chain {
		if k.schema != "" && !kubeedit.BuiltIn(i.Object.Kind) && p.replaces(i, f, from) {
			return &patch.Refusal{Path: p.File, Line: p.Line, Why: fmt.Sprintf("how this patch of a %s is merged, the schema %s of %s says", i.Object.Kind, k.schema, k.Dir), Do: "change that patch"}
		}
	}
	return nil
}
