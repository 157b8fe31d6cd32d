package tfedit

import (
	"bytes"
	"cmp"
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A Resource is a resource block, or the call of a module, with attributes that
// a change could be about.
type Resource struct {
	Type       string // aws_autoscaling_group; "module" for a call
	Name       string
	Dir        string // of its module, for [Target].Dir; "." for the root of the repository
	File       string
	Line       int // from 1
	Attributes []Attribute
}

// An Attribute is one of a [Resource]. Where its value is written,
// [Repository.Locate] knows by its address.
type Attribute struct {
	Address string // aws_autoscaling_group.web.max_size
	Line    int    // from 1, in the file of the resource
	Text    string // the expression, shortened: 4, var.max_size
	Literal bool
}

// sizes are the names of attributes that say how large, how many, or when to
// alert.
var sizes = []string{
	"instance_type", "instance_types", "desired_capacity", "desired_size", "desired_count", "min_size", "max_size",
	"min_capacity", "max_capacity", "memory_size", "allocated_storage", "max_allocated_storage", "volume_size", "iops",
	"instance_class", "node_count", "min_node_count", "max_node_count", "min_count", "max_count", "initial_node_count",
	"machine_type", "node_type", "vm_size", "threshold", "violating_samples", "samples", "dealerting_samples", "davis_merge",
}

// Resources returns what in the repository has a size or a threshold, sorted by
// file and line. Files in which no such name stands are not parsed; what does
// not parse is among [Repository.Faults].
func (r *Repository) Resources(ctx context.Context) ([]Resource, error) {
	var out []Resource
	for f := range r.all() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.kind == config {
			known := f.read.known.Load()
			out = append(out, f.sized.get(f.resources)...)
			if known == nil {
				f.forget()
			}
		}
	}
	return out, nil
}

// Forget drops what was parsed, which is parsed again when it is asked for.
func (r *Repository) Forget() {
	for _, f := range r.sorted {
		f.forget()
	}
	for _, d := range r.folders {
		d.mod = nil
	}
}

// leave drops what was parsed of a directory. Many edits in many directories then
// take no more memory than one, and less time: memory that is new has to be
// cleared.
func (r *Repository) leave(dir string) {
	if d := r.folders[dir]; d != nil {
		for _, f := range d.files {
			f.forget()
		}
		d.mod = nil
	}
}

// forget drops what was parsed, unless it is that the file does not parse.
func (f *file) forget() {
	if f.broken() == nil {
		f.read.known.Store(nil)
	}
}

// resources returns what a file has to offer, by line.
func (f *file) resources() []Resource {
	if !mentions(f.src, sizes) {
		return nil
	}
	var out []Resource
	for _, b := range f.parse().Blocks {
		if res := f.resource(b); len(res.Attributes) > 0 {
			out = append(out, res)
		}
	}
	slices.SortStableFunc(out, func(a, b Resource) int { return cmp.Compare(a.Line, b.Line) })
	return out
}

// mentions reports whether any of words stands in a text.
func mentions(src []byte, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(src, []byte(w)) })
}

// resource returns what a block has to offer; nothing for one that is neither
// a resource nor a call.
func (f *file) resource(b *hclsyntax.Block) Resource {
	out := Resource{Dir: path.Dir(f.path), File: f.path}
	switch {
	case b.Type == "resource" && len(b.Labels) == 2:
		out.Type, out.Name = b.Labels[0], b.Labels[1]
	case b.Type == "module" && len(b.Labels) == 1:
		out.Type, out.Name = "module", b.Labels[0]
	default:
		return out
	}
	out.Type, out.Name = strings.Clone(out.Type), strings.Clone(out.Name) // not the text that they are a part of
	out.Line, _ = f.position(b.TypeRange.Start.Byte)
	f.sizesOf(&out, b.Body, out.Type+"."+out.Name)
	return out
}

// sizesOf collects the attributes of a body and of the blocks within.
func (f *file) sizesOf(out *Resource, body *hclsyntax.Body, at string) {
	for _, a := range sorted(body.Attributes) {
		f.sizesIn(out, a.Expr, a.Name, at+"."+a.Name)
	}
	count := map[string]int{}
	for _, b := range body.Blocks {
		count[b.Type]++
	}
	seen := map[string]int{}
	for _, b := range body.Blocks {
		inner := at + "." + b.Type
		switch {
		case b.Type == "dynamic" && len(b.Labels) == 1:
			inner = at + "." + b.Labels[0]
		case b.Type == "content":
			inner = at
		case count[b.Type] > 1:
			inner += "[" + strconv.Itoa(seen[b.Type]) + "]"
			seen[b.Type]++
		}
		f.sizesOf(out, b.Body, inner)
	}
}

// sorted returns attributes in the order in which they are written.
func sorted(attributes hclsyntax.Attributes) []*hclsyntax.Attribute {
	var out []*hclsyntax.Attribute
	for _, a := range attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte) })
	return out
}

// sizesIn collects an attribute, and those of the objects and lists in it.
func (f *file) sizesIn(out *Resource, e hclsyntax.Expression, name, at string) {
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, m := range members(e) {
			f.sizesIn(out, m.value, m.key, at+key(m.key))
		}
		return
	case *hclsyntax.TupleConsExpr:
		for i, item := range e.Exprs {
			f.sizesIn(out, item, name, at+"["+strconv.Itoa(i)+"]")
		}
		return
	}
	if !slices.Contains(sizes, name) {
		return
	}
	rng := e.Range()
	line, _ := f.position(rng.Start.Byte)
	text := strings.Join(strings.Fields(string(f.src[rng.Start.Byte:rng.End.Byte])), " ")
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:57], "") + "..."
	}
	_, literal := constant(e)
	out.Attributes = append(out.Attributes, Attribute{at, line, text, literal})
}

// key is the step to a member of an object, as an address has it.
func key(name string) string {
	if hclsyntax.ValidIdentifier(name) {
		return "." + name
	}
	return "[" + strconv.Quote(name) + "]"
}
