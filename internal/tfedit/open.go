package tfedit

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

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
// by one goroutine at a time, together with those that [Repository.With] makes
// of it.
type Repository struct {
	reader  Reader
	files   map[string]*file // by path; JSON data files are there without content until they are asked for
	sorted  []*file          // by path
	folders map[string]*folder
	homes   map[string][]string // paths of variables files by the module that they are near, see home
	taken   map[string]bool     // paths of all files, in lower case

	changed  map[string]*folder // where With put a file in the place of another; they stand above the others
	calledBy map[string][]caller
	trace    *Trace // nil unless somebody wants to know
}

// A folder is the files of one directory, by path.
type folder struct {
	files []*file
	mod   *module // nil until it is asked for
}

func (d *folder) find(path string) (int, bool) {
	return slices.BinarySearchFunc(d.files, path, func(f *file, p string) int { return cmp.Compare(f.path, p) })
}

// Open reads the Terraform files among files. None is parsed before it is asked
// for, and one that does not parse is no error but a [Fault]. An error means
// that a file could not be read.
func Open(ctx context.Context, files []forge.File, read Reader) (*Repository, error) {
	return Reopen(ctx, files, read, Share{}, func(forge.File) bool { return false })
}

// Reopen is [Open] for another state of a repository: of files that are the same
// as they were, what is known is taken over.
func Reopen(ctx context.Context, files []forge.File, read Reader, known Share, same func(forge.File) bool) (*Repository, error) {
	r := &Repository{reader: read, files: map[string]*file{}, taken: make(map[string]bool, len(files))}
	for _, f := range files {
		r.taken[strings.ToLower(f.Path)] = true
		kind, isJSON := kindOf(f.Path)
		if kind == none || !f.Mode.Regular() || skipped(f.Path) {
			continue
		}
		text := &file{path: f.Path, mode: string(f.Mode), kind: kind, json: isJSON}
		if old := known.like(text); old != nil && same(f) {
			r.files[f.Path] = old
			continue
		}
		if f.Size > MaxSize {
			fault := &Fault{File: f.Path, What: fmt.Sprintf("file has %d bytes, want at most %d", f.Size, MaxSize)}
			text.read.known.Store(&parsed{body: &hclsyntax.Body{}, fault: fault, inner: new(sync.Map)})
		} else if kind != data {
			src, err := read.Read(ctx, f.Path)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", f.Path, err)
			}
			if old := known.like(text); old != nil && old.src != nil && bytes.Equal(old.src, src) {
				text = old
			} else {
				text.src = src
			}
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
	r.folders, r.changed, r.calledBy = map[string]*folder{}, nil, nil
	for _, f := range r.sorted {
		dir := path.Dir(f.path)
		d := r.folders[dir]
		if d == nil {
			d = new(folder)
			r.folders[dir] = d
		}
		d.files = append(d.files, f)
	}
	r.homes = map[string][]string{}
	for _, f := range r.sorted {
		if f.kind == vars {
			home := r.home(f.path)
			r.homes[home] = append(r.homes[home], f.path)
		}
	}
}

// folder returns a directory, nil if no file that this package reads is in it.
func (r *Repository) folder(dir string) *folder {
	r.look(dir)
	if d := r.changed[dir]; d != nil {
		return d
	}
	return r.folders[dir]
}

// in returns the files of a directory, sorted.
func (r *Repository) in(dir string) []*file {
	if d := r.folder(dir); d != nil {
		return d.files
	}
	return nil
}

// file returns a file by path, nil if there is none.
func (r *Repository) file(name string) *file {
	if r.trace != nil || len(r.changed) > 0 {
		r.look(dirOf(name))
		if d := r.changed[dirOf(name)]; d != nil {
			if i, ok := d.find(name); ok {
				return d.files[i]
			}
			return nil
		}
	}
	return r.files[name]
}

// all returns the files sorted by path.
func (r *Repository) all() iter.Seq[*file] {
	if r.trace != nil {
		r.trace.all = r.sorted
	}
	if len(r.changed) == 0 {
		return slices.Values(r.sorted)
	}
	return func(yield func(*file) bool) {
		for _, f := range r.sorted {
			if !yield(r.file(f.path)) {
				return
			}
		}
	}
}

// With returns the repository as it is after a change. What the change does not
// touch is not read again.
func (r *Repository) With(cs patch.ChangeSet) *Repository {
	var files []*file
	for _, c := range cs {
		kind, isJSON := kindOf(c.Path)
		if kind != none {
			files = append(files, &file{path: c.Path, mode: c.Mode, src: c.After, kind: kind, json: isJSON})
		}
	}
	out := r.with(files)
	for _, c := range cs {
		if at := strings.ToLower(c.Path); !out.taken[at] {
			out.taken = maps.Clone(out.taken)
			out.taken[at] = true
		}
	}
	return out
}

// with returns the repository with files in the place of those of their names.
func (r *Repository) with(files []*file) *Repository {
	out := *r
	if slices.ContainsFunc(files, func(f *file) bool { return r.file(f.path) == nil }) { // there are other files than before
		out.files = map[string]*file{}
		for f := range r.all() {
			out.files[f.path] = f
		}
		for _, f := range files {
			out.files[f.path] = f
		}
		out.index()
		return &out
	}
	out.changed = maps.Clone(r.changed)
	if out.changed == nil {
		out.changed = map[string]*folder{}
	}
	for _, f := range files {
		dir := path.Dir(f.path)
		d := &folder{files: slices.Clone(out.folder(dir).files)}
		at, _ := d.find(f.path)
		old := d.files[at]
		d.files[at], out.changed[dir] = f, d
		if f.kind == grunt || f.kind == config && !slices.Equal(f.calls(), old.calls()) {
			out.calledBy = nil
		}
	}
	return &out
}

// Faults returns what does not parse among the files that were looked at so
// far, sorted. [Repository.Resources] looks at all that hold anything to edit.
func (r *Repository) Faults() []Fault {
	var out []Fault
	for f := range r.all() {
		if fault := f.broken(); fault != nil {
			out = append(out, *fault)
		}
	}
	return out
}

// data returns a JSON data file by path. A nil file is not in the repository.
func (r *Repository) data(ctx context.Context, name string) (*file, error) {
	f := r.file(path.Clean(name))
	if f == nil {
		return nil, nil
	}
	f.load.Lock()
	defer f.load.Unlock()
	if f.src != nil || f.broken() != nil {
		return f, nil
	}
	src, err := r.reader.Read(ctx, f.path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	f.src = src
	return f, nil
}
