package tfedit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
)

// A Reader reads files of a repository at one commit.
type Reader interface {
	// Read returns the content of a regular file. It follows no links.
	Read(ctx context.Context, path string) ([]byte, error)
}

// A Repository is the Terraform of a repository at one commit. It may be used
// by one goroutine at a time.
type Repository struct {
	reader   Reader
	files    map[string]*file // by path; JSON data files are there without content until they are asked for
	dirs     map[string][]*file
	sorted   []*file
	modules  map[string]*module
	calledBy map[string][]caller
	uses     map[*module][]reference
	homes    map[string][]string // paths of variables files by the module that they are near, see home
	taken    map[string]bool     // paths of all files, in lower case
}

// Open reads the Terraform files among files. None is parsed before it is asked
// for, and one that does not parse is no error but a [Fault]. An error means
// that a file could not be read.
func Open(ctx context.Context, files []forge.File, read Reader) (*Repository, error) {
	r := &Repository{reader: read, files: map[string]*file{}, taken: map[string]bool{}}
	for _, f := range files {
		r.taken[strings.ToLower(f.Path)] = true
		kind, isJSON := kindOf(f.Path)
		if kind == none || !f.Mode.Regular() || skipped(f.Path) {
			continue
		}
		text := &file{path: f.Path, mode: string(f.Mode), kind: kind, json: isJSON}
		if f.Size > MaxSize {
			text.parsed, text.body = true, &hclsyntax.Body{}
			text.fault = &Fault{File: f.Path, What: fmt.Sprintf("file has %d bytes, want at most %d", f.Size, MaxSize)}
		} else if kind != data {
			src, err := read.Read(ctx, f.Path)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", f.Path, err)
			}
			text.src = src
		}
		r.files[f.Path] = text
	}
	r.index()
	return r, nil
}

// skipped reports whether a file lies where tools keep copies.
func skipped(file string) bool {
	for _, part := range strings.Split(path.Dir(file), "/") {
		switch part {
		case ".terraform", ".terragrunt-cache", ".git", "node_modules", "cdk.out", "cdktf.out":
			return true
		}
	}
	return false
}

// index builds what follows from the list of files.
func (r *Repository) index() {
	r.sorted = slices.SortedFunc(maps.Values(r.files), func(a, b *file) int { return cmp.Compare(a.path, b.path) })
	r.dirs, r.modules, r.calledBy, r.uses = map[string][]*file{}, map[string]*module{}, nil, map[*module][]reference{}
	for _, f := range r.sorted {
		if f.kind == config || f.kind == vars {
			dir := path.Dir(f.path)
			r.dirs[dir] = append(r.dirs[dir], f)
		}
	}
	r.homes = map[string][]string{}
	for _, f := range r.sorted {
		if f.kind == vars {
			home := r.home(f.path)
			r.homes[home] = append(r.homes[home], f.path)
		}
	}
}

// With returns the repository as it is after a change. What the change does not
// touch is not read again.
func (r *Repository) With(cs patch.ChangeSet) *Repository {
	out := *r
	out.files, out.taken = maps.Clone(r.files), r.taken
	again := false // there are other files than before
	for _, c := range cs {
		kind, isJSON := kindOf(c.Path)
		if !out.taken[strings.ToLower(c.Path)] {
			out.taken = maps.Clone(out.taken)
			out.taken[strings.ToLower(c.Path)] = true
		}
		if kind == none {
			continue
		}
		again = again || out.files[c.Path] == nil
		out.files[c.Path] = &file{path: c.Path, mode: c.Mode, src: c.After, kind: kind, json: isJSON}
	}
	if again {
		out.index()
		return &out
	}
	out.sorted, out.dirs, out.modules = slices.Clone(r.sorted), maps.Clone(r.dirs), maps.Clone(r.modules)
	out.uses = maps.Clone(r.uses)
	for _, c := range cs {
		if f := out.files[c.Path]; f != nil {
			out.swap(f)
		}
		if f, old := out.files[c.Path], r.files[c.Path]; f != nil && (f.kind == grunt || f.kind == config && !slices.Equal(f.calls(), old.calls())) {
			out.calledBy = nil
		}
	}
	return &out
}

// swap puts a file into the lists in which its predecessor stands.
func (r *Repository) swap(f *file) {
	in := func(list []*file) {
		if i, ok := slices.BinarySearchFunc(list, f.path, func(f *file, p string) int { return cmp.Compare(f.path, p) }); ok {
			list[i] = f
		}
	}
	dir := path.Dir(f.path)
	r.dirs[dir] = slices.Clone(r.dirs[dir])
	in(r.sorted)
	in(r.dirs[dir])
	delete(r.uses, r.modules[dir])
	delete(r.modules, dir)
}

// Faults returns what does not parse among the files that were looked at so
// far, sorted. [Repository.Resources] looks at all that hold anything to edit.
func (r *Repository) Faults() []Fault {
	var out []Fault
	for _, f := range r.sorted {
		if f.fault != nil {
			out = append(out, *f.fault)
		}
	}
	return out
}

// data returns a JSON data file by path. A nil file is not in the repository.
func (r *Repository) data(ctx context.Context, name string) (*file, error) {
	f := r.files[path.Clean(name)]
	if f == nil || f.src != nil || f.parsed {
		return f, nil
	}
	src, err := r.reader.Read(ctx, f.path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	f.src = src
	return f, nil
}
