package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/parser"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	goccy "github.com/goccy/go-yaml"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/tfedit"
)

// What the edits write: a limit above all requests, and a number of samples.
const (
	newLimit   = "4Gi"
	newSamples = "97"
)

// An editor returns the text of a file with the value of a target changed.
type editor func(t target, text []byte) ([]byte, error)

// editors by name. Those of this repository prove each edit by reading the
// result again; the others do not.
var editors = map[string]editor{
	"kubeedit": viaKubeedit,
	"splice":   viaSplice,
	"kyaml":    viaKyaml,
	"goccy":    viaGoccy,
	"hcl":      viaHCL,
	"hclwrite": viaHCLWrite,
}

// A result is the texts of changed files by name.
type result map[string][]byte

// write puts the files into a flat directory.
func (r result) write(out string) error {
	for name, text := range r {
		if err := os.WriteFile(filepath.Join(out, flat(name)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func flat(file string) string { return strings.ReplaceAll(file, "/", "@") }

// texts reads the files of targets.
func texts(dir string, targets []target) (result, error) {
	out := result{}
	for _, t := range targets {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(t.File)))
		if err != nil {
			return nil, err
		}
		out[t.File] = text
	}
	return out, nil
}

// editAll changes all targets, each in a file of its own.
func editAll(in result, targets []target, edit editor) (result, error) {
	out := result{}
	for _, t := range targets {
		text, err := edit(t, in[t.File])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.File, err)
		}
		out[t.File] = text
	}
	return out, nil
}

// viaInventory changes all targets by name in one change of the opened
// repository, as a pull request does.
func viaInventory(r *inventory.Repository, targets []target) (result, error) {
	var all []inventory.Assignment
	for _, t := range targets {
		a := inventory.Assignment{Value: newLimit, Target: inventory.Target{
			Form: inventory.Kubernetes, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name, Container: t.Container,
			ContainerIndex: -1, Field: "resources.limits.memory",
		}}
		if t.Address != "" {
			a = inventory.Assignment{Value: newSamples, Target: inventory.Target{Form: inventory.Terraform, Address: t.Address, File: t.File}}
		}
		all = append(all, a)
	}
	c, err := r.SetAll(context.Background(), all)
	return resultOf(c.Files), err
}

// viaTfedit changes targets one by one in the opened Terraform of a repository.
func viaTfedit(r *tfedit.Repository, targets []target) (result, error) {
	out := result{}
	for _, t := range targets {
		c, err := r.Set(context.Background(), tfedit.Target{Address: t.Address, File: t.File}, newSamples)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, resultOf(c.Files))
	}
	return out, nil
}

func resultOf(files patch.ChangeSet) result {
	out := result{}
	for _, f := range files {
		out[f.Path] = f.After
	}
	return out
}

// inPod is the way to the limit in a manifest.
var inPod = kubeedit.Keys("spec", "template", "spec")

func viaKubeedit(t target, text []byte) ([]byte, error) {
	f, err := kubeedit.Read(t.File, text)
	if err != nil {
		return nil, err
	}
	for _, d := range f.Docs {
		objects, err := d.Objects()
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if o.Kind != t.Kind || o.Name != t.Name {
				continue
			}
			p := inPod.Join(kubeedit.Key("containers"), kubeedit.Named(t.Container)).Append(kubeedit.Keys("resources", "limits", "memory"))
			edits, err := f.Set(kubeedit.Address{Doc: d.Index, Path: p}, newLimit, kubeedit.Options{})
			if err != nil {
				return nil, err
			}
			return patch.Apply(text, edits...)
		}
	}
	return nil, errMissing
}

var errMissing = fmt.Errorf("target not found")

// viaSplice is the naive way: parse all, find the scalar, replace its bytes.
func viaSplice(t target, text []byte) ([]byte, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); err != nil {
			return nil, err
		}
		if text := n.Content[0]; kubeedit.Text(text, "kind") != t.Kind || kubeedit.Text(text, "metadata", "name") != t.Name {
			continue
		}
		limit := kubeedit.Lookup(kubeedit.Items(n.Content[0], "spec", "template", "spec", "containers")[0], "resources", "limits", "memory")
		if limit == nil {
			return nil, errMissing
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		line := lines[limit.Line-1]
		at := limit.Column - 1 + bytes.Index(line[limit.Column-1:], []byte(limit.Value))
		lines[limit.Line-1] = append(append(bytes.Clone(line[:at]), newLimit...), line[at+len(limit.Value):]...)
		return bytes.Join(lines, nil), nil
	}
}

func viaKyaml(t target, text []byte) ([]byte, error) {
	rw := &kio.ByteReadWriter{Reader: bytes.NewReader(text), PreserveSeqIndent: true}
	nodes, err := rw.Read()
	if err != nil {
		return nil, err
	}
	found := false
	for _, n := range nodes {
		if n.GetKind() != t.Kind || n.GetName() != t.Name {
			continue
		}
		found = true
		path := []string{"spec", "template", "spec", "containers", "[name=" + t.Container + "]", "resources", "limits"}
		if err := n.PipeE(kyaml.Lookup(path...), kyaml.SetField("memory", kyaml.NewScalarRNode(newLimit))); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, errMissing
	}
	var out bytes.Buffer
	rw.Writer = &out
	err = rw.Write(nodes)
	return out.Bytes(), err
}

func viaGoccy(t target, text []byte) ([]byte, error) {
	f, err := parser.ParseBytes(text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	kind, _ := goccy.PathString("$.kind")
	name, _ := goccy.PathString("$.metadata.name")
	memory, _ := goccy.PathString("$.spec.template.spec.containers[0].resources.limits.memory")
	for _, d := range f.Docs {
		k, err := kind.FilterNode(d.Body)
		if err != nil || k == nil || k.String() != t.Kind {
			continue
		}
		n, err := name.FilterNode(d.Body)
		if err != nil || n == nil || n.String() != t.Name {
			continue
		}
		with, err := parser.ParseBytes([]byte(newLimit), 0)
		if err != nil {
			return nil, err
		}
		one := *f
		one.Docs = f.Docs[:0:0]
		one.Docs = append(one.Docs, d)
		if err := memory.ReplaceWithFile(&one, with); err != nil {
			return nil, err
		}
		return []byte(f.String()), nil
	}
	return nil, errMissing
}

// viaHCL is the naive way: parse, find the attribute, replace its bytes.
func viaHCL(t target, text []byte) ([]byte, error) {
	f, diags := hclsyntax.ParseConfig(text, t.File, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	for _, b := range f.Body.(*hclsyntax.Body).Blocks {
		if b.Type != "resource" || b.Labels[1] != t.Name {
			continue
		}
		for _, b := range b.Body.Blocks {
			if a := b.Body.Attributes["samples"]; a != nil && b.Type == "model_properties" {
				r := a.Expr.Range()
				return patch.Apply(text, patch.Edit{Start: r.Start.Byte, End: r.End.Byte, New: newSamples})
			}
		}
	}
	return nil, errMissing
}

func viaHCLWrite(t target, text []byte) ([]byte, error) {
	f, diags := hclwrite.ParseConfig(text, t.File, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	b := f.Body().FirstMatchingBlock("resource", []string{"dynatrace_metric_events", t.Name})
	if b == nil {
		return nil, errMissing
	}
	b.Body().FirstMatchingBlock("model_properties", nil).Body().SetAttributeValue("samples", cty.NumberIntVal(97))
	return f.Bytes(), nil
}

// readTargets reads the targets that the program wrote for its tasks.
func readTargets(file string) ([]target, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []target
	return out, json.Unmarshal(b, &out)
}
