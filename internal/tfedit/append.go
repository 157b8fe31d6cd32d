package tfedit

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
)

// Append returns the change that adds blocks, given as text, at the end of a
// .tf file, or as a new file. The text is laid out as terraform fmt does it and
// gets the line endings of the file. It is refused if it holds anything but
// blocks, or one that the module has already.
func (r *Repository) Append(ctx context.Context, name, text string) (Change, error) {
	if err := ctx.Err(); err != nil {
		return Change{}, err
	}
	name = clean(name)
	if err := forge.ValidatePath(name); err != nil {
		return Change{}, &patch.Refusal{Path: name, Why: err.Error()}
	}
	if k, isJSON := kindOf(name); k != config || isJSON {
		return Change{}, &patch.Refusal{Path: name, Why: "blocks go into .tf files", Do: "name one"}
	}
	added, err := r.blocksOf(name, text)
	if err != nil {
		return Change{}, err
	}
	c := patch.FileChange{Path: name, After: added, Mode: string(forge.ModeFile)}
	line := 1
	switch f := r.file(name); {
	case f != nil:
		if c.After, err = f.append(added); err != nil {
			return Change{}, err
		}
		c.Before, c.Mode = f.src, f.mode
		line, _ = f.position(len(f.src))
		line += bytes.Count(c.After[len(f.src):], []byte("\n")) - bytes.Count(added, []byte("\n"))
	case r.isTaken(name):
		return Change{}, &patch.Refusal{Path: name, Why: "path is taken by a file that this program does not read", Do: "name another file"}
	}
	return Change{Files: patch.ChangeSet{c}, Edits: []Edit{{File: name, Line: line, New: strings.TrimSpace(string(added))}}}, nil
}

// blocksOf formats text that is to be added to a file, and looks whether its
// module has any of its blocks.
func (r *Repository) blocksOf(to, text string) ([]byte, error) {
	fresh := &file{path: to, kind: config, src: []byte(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) + "\n")}
	body := fresh.parse()
	if fresh.fault() != nil {
		return nil, &patch.Refusal{Path: to, Why: fmt.Sprintf("text to add: line %d: %s", fresh.fault().Line, fresh.fault().What), Do: "correct the text"}
	}
	if len(body.Attributes) > 0 || len(body.Blocks) == 0 {
		return nil, &patch.Refusal{Path: to, Why: "text to add: want blocks and nothing else", Do: "correct the text"}
	}
	for _, f := range r.in(path.Dir(to)) {
		if f.kind != config {
			continue
		}
		there := f.parse()
		if f.fault() != nil {
			return nil, f.fault().refusal()
		}
		for _, b := range body.Blocks {
			if old := twin(there, b); old != nil {
				return nil, f.refusal(old.TypeRange.Start.Byte, nameOf(b)+" is defined already", "change it, or choose another name")
			}
		}
	}
	return hclwrite.Format(fresh.src), nil
}

// twin returns the block of a body that Terraform takes for the same as b.
func twin(body *hclsyntax.Body, b *hclsyntax.Block) *hclsyntax.Block {
	for _, old := range body.Blocks {
		if len(b.Labels) > 0 && old.Type == b.Type && strings.Join(old.Labels, ".") == strings.Join(b.Labels, ".") {
			return old
		}
	}
	return nil
}

// append returns the text of a file with blocks added below an empty line.
func (f *file) append(blocks []byte) ([]byte, error) {
	if err := f.guard(); err != nil {
		return nil, err
	}
	if f.fault() != nil {
		return nil, f.fault().refusal()
	}
	eol := f.eol()
	out := bytes.Clone(f.src)
	if n := len(out); n > 0 && out[n-1] != '\n' {
		out = append(out, eol...)
	}
	if len(bytes.TrimSpace(bytes.TrimPrefix(out, bom))) > 0 && !bytes.HasSuffix(out, []byte(eol+eol)) {
		out = append(out, eol...)
	}
	out = append(out, bytes.ReplaceAll(blocks, []byte("\n"), []byte(eol))...)
	next := &file{path: f.path, kind: f.kind, src: out}
	had := len(f.parse().Blocks)
	if next.fault() != nil || !next.judged() || len(next.parse().Blocks) <= had || !bytes.HasPrefix(out, f.src) {
		return nil, f.refusal(len(f.src), "file would not parse with the text added to it", "add it by hand")
	}
	if f.formatted() && !next.formatted() {
		return nil, f.refusal(len(f.src), "file would not be formatted with the text added to it", "add it by hand")
	}
	return out, nil
}
