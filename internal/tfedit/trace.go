package tfedit

import (
	"context"
	"path"
	"slices"
	"strings"
)

// A Trace is what an answer of [Repository.Locate] was made of: files, and what
// was found out about them. The answer of another state of the repository is the
// same if it is made of the same.
type Trace struct {
	dirs    map[string][]*file
	callers map[string][]caller
	homes   map[string][]string
	taken   map[string]bool // paths, in lower case
	all     []*file         // nil unless all files were gone through
}

// Traced is [Repository.Locate], and what its answer was made of.
func (r *Repository) Traced(ctx context.Context, t Target) (Site, Trace, error) {
	r.trace = &Trace{dirs: map[string][]*file{}, callers: map[string][]caller{}, homes: map[string][]string{}, taken: map[string]bool{}}
	defer func() { r.trace = nil }()
	s, err := r.Locate(ctx, t)
	return s, *r.trace, err
}

// Holds reports whether an answer that was made of t would be made of the same
// in r.
func (r *Repository) Holds(t Trace) bool {
	if t.all != nil && !slices.Equal(t.all, r.sorted) {
		return false
	}
	for dir, files := range t.dirs {
		if !slices.Equal(files, r.in(dir)) {
			return false
		}
	}
	for name, there := range t.taken {
		if r.taken[name] != there {
			return false
		}
	}
	for dir, list := range t.homes {
		if !slices.Equal(list, r.homes[dir]) {
			return false
		}
	}
	for dir, list := range t.callers {
		if !slices.Equal(list, r.callers()[dir]) {
			return false
		}
	}
	return true
}

// With the methods below, what is read is traced.

// callersOf returns who calls the module of a directory.
func (r *Repository) callersOf(dir string) []caller {
	out := r.callers()[dir]
	if r.trace != nil {
		r.trace.callers[dir] = out
	}
	return out
}

// homesOf returns the variables files that are near a module.
func (r *Repository) homesOf(dir string) []string {
	out := r.homes[dir]
	if r.trace != nil {
		r.trace.homes[dir] = out
	}
	return out
}

// isTaken reports whether there is a file of any kind at a path, in whatever
// case.
func (r *Repository) isTaken(name string) bool {
	name = strings.ToLower(name)
	if r.trace != nil {
		r.trace.taken[name] = r.taken[name]
	}
	return r.taken[name]
}

// look notes that the files of a directory are looked at.
func (r *Repository) look(dir string) {
	if r.trace == nil {
		return
	}
	if _, ok := r.trace.dirs[dir]; !ok {
		var files []*file
		if d := r.folders[dir]; d != nil {
			files = d.files
		}
		r.trace.dirs[dir] = files
	}
}

// A Share is what another state of a repository takes over from this one.
type Share struct{ files map[string]*file }

// Share returns the files of r, with what is known of them. It may be used while
// r is.
func (r *Repository) Share() Share { return Share{r.files} }

// like returns the file of an earlier state, if it is called and kept the same.
func (s Share) like(f *file) *file {
	if old := s.files[f.path]; old != nil && old.mode == f.mode && old.kind == f.kind {
		return old
	}
	return nil
}

// dirOf is path.Dir for the paths of files, which are clean.
func dirOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return path.Dir(name)
}
