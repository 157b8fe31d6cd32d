package inventory

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// Files is the tree of a repository at one commit: a directory, a map in a
// test, or a code host behind a cache.
type Files interface {
	// List returns all files sorted by path; links and submodules are there with
	// their mode.
	List(ctx context.Context) ([]forge.File, error)
	// Read returns the content of a regular file. It follows no links.
	Read(ctx context.Context, path string) ([]byte, error)
}

// Dir returns the files below a working directory, without .git.
func Dir(root string) Files { return &dir{root: root} }

// A dir opens each directory once, so that a file in it costs no walk from the
// top.
type dir struct {
	root string
	mu   sync.Mutex
	open map[string]*handle

	before  *dir // an earlier listing of the same directory; nil for none
	listed  time.Time
	stamps  map[string]stamp  // of regular files, when they were listed
	folders map[string]folder // by path from the root, "" for itself
}

// after lets a listing make use of an earlier one.
func (d *dir) after(earlier Files) {
	d.before = nil
	if was, ok := earlier.(*dir); ok && was.root == d.root && was != d {
		d.before = was
	}
}

// A stamp is what the file system says of a file that changes with its content.
type stamp struct {
	size, changed int64 // bytes; nanoseconds since 1970
}

// settled is how long ago a file must have been changed for its time to tell it
// from what it is changed to next: file systems keep time in steps, the coarsest
// of two seconds.
const settled = 2 * time.Second

// same reports whether a file is as it was when an earlier [Dir] of the same
// directory listed it: of the same size, and changed at the same time, long
// enough before.
func (d *dir) same(earlier Files, path string) bool {
	was, ok := earlier.(*dir)
	if !ok || was.root != d.root {
		return false
	}
	a, ok := was.stamps[path]
	b, is := d.stamps[path]
	return ok && is && a == b && a.changed < was.listed.Add(-settled).UnixNano()
}

func (d *dir) List(ctx context.Context) ([]forge.File, error) {
	d.listed, d.stamps, d.folders = time.Now(), map[string]stamp{}, map[string]folder{}
	out, err := d.list(ctx, nil, "")
	slices.SortFunc(out, func(a, b forge.File) int { return cmp.Compare(a.Path, b.Path) })
	return out, err
}

// A folder is what was in a directory when it was listed.
type folder struct {
	changed int64 // nanoseconds since 1970
	entries []entry
}

type entry struct {
	path string // from the root
	mode fs.FileMode
}

// list appends the files below a directory.
func (d *dir) list(ctx context.Context, out []forge.File, at string) ([]forge.File, error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	f, err := d.folder(at)
	if err != nil {
		return out, err
	}
	d.folders[at] = f
	for _, e := range f.entries {
		if e.mode.IsDir() {
			if out, err = d.list(ctx, out, e.path); err != nil {
				return out, err
			}
			continue
		}
		file := forge.File{Path: e.path, Mode: modeOf(e.mode)}
		if file.Mode == "" {
			continue
		}
		if file.Mode == forge.ModeFile {
			info, err := os.Lstat(d.root + "/" + e.path)
			if err != nil {
				continue // it is gone
			}
			file.Size = info.Size()
			d.stamps[e.path] = stamp{file.Size, info.ModTime().UnixNano()}
			if info.Mode()&0o111 != 0 {
				file.Mode = forge.ModeExecutable
			}
		}
		out = append(out, file)
	}
	return out, nil
}

// folder lists a directory; one that has not changed since an earlier listing is
// not read again.
func (d *dir) folder(at string) (folder, error) {
	name := d.root + "/" + at
	info, err := os.Lstat(name)
	if at == "" {
		info, err = os.Stat(d.root)
	}
	if err != nil {
		return folder{}, err
	}
	f := folder{changed: info.ModTime().UnixNano()}
	if d.before != nil {
		if was, ok := d.before.folders[at]; ok && was.changed == f.changed && was.changed < d.before.listed.Add(-settled).UnixNano() {
			return was, nil
		}
	}
	all, err := os.ReadDir(name)
	if err != nil {
		return folder{}, err
	}
	for _, e := range all {
		if e.Name() != ".git" {
			f.entries = append(f.entries, entry{path.Join(at, e.Name()), e.Type()})
		}
	}
	return f, nil
}

// modeOf returns git's mode of a kind of file, "" for what git does not keep.
func modeOf(t fs.FileMode) forge.Mode {
	switch {
	case t.IsRegular():
		return forge.ModeFile
	case t&fs.ModeSymlink != 0:
		return forge.ModeSymlink
	}
	return ""
}

func (d *dir) Read(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !fs.ValidPath(name) || name == "." {
		return nil, fmt.Errorf("path %q leaves the repository", name)
	}
	parent, err := d.at(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer d.leave(parent)
	info, err := parent.Lstat(path.Base(name))
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file; links are not followed", name)
	}
	f, err := parent.Open(path.Base(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, min(info.Size(), maxRead)+1)
	n, err := io.ReadFull(f, text)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return text[:n:n], nil
	case err != nil:
		return nil, err
	}
	rest, err := io.ReadAll(io.LimitReader(f, maxRead-int64(n))) // it has grown
	return append(text, rest...), err
}

// maxOpen bounds how many directories are kept open.
const maxOpen = 128

// A handle is a directory that is kept open.
type handle struct {
	*os.Root
	users int
	shed  bool // it is to be closed by the last of them
}

// at returns a directory below the root, for the caller to leave. Links on the
// way to it are not followed.
func (d *dir) at(name string) (*handle, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) > maxOpen {
		d.shed()
	}
	if d.open == nil {
		root, err := os.OpenRoot(d.root)
		if err != nil {
			return nil, err
		}
		d.open = map[string]*handle{".": {Root: root}}
	}
	h, err := d.enter(name)
	if err == nil {
		h.users++
	}
	return h, err
}

// shed closes all directories, those in use once they are left.
func (d *dir) shed() {
	for _, h := range d.open {
		if h.shed = true; h.users == 0 {
			h.Close()
		}
	}
	d.open = nil
}

func (d *dir) leave(h *handle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.users--; h.users == 0 && h.shed {
		h.Close()
	}
}

// enter opens a directory from the one above it.
func (d *dir) enter(name string) (*handle, error) {
	if h := d.open[name]; h != nil {
		return h, nil
	}
	above, err := d.enter(path.Dir(name))
	if err != nil {
		return nil, err
	}
	info, err := above.Lstat(path.Base(name))
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a link, which is not followed", name)
	}
	r, err := above.OpenRoot(path.Base(name))
	if err != nil {
		return nil, err
	}
	h := &handle{Root: r}
	d.open[name] = h
	return h, nil
}

// maxRead bounds what is read of one file. Larger ones are reported by their
// size and not read at all, unless they grow in between.
const maxRead = 64 << 20

// Map returns files with the given content by path, for tests and the demo.
func Map(files map[string]string) Files { return fileMap(files) }

type fileMap map[string]string

func (m fileMap) List(context.Context) ([]forge.File, error) {
	var out []forge.File
	for _, p := range slices.Sorted(maps.Keys(m)) {
		out = append(out, forge.File{Path: p, Mode: forge.ModeFile, Size: int64(len(m[p]))})
	}
	return out, nil
}

func (m fileMap) Read(_ context.Context, path string) ([]byte, error) {
	text, ok := m[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return []byte(text), nil
}

// base returns the last element of a path without its extension.
func base(file string) string {
	b := path.Base(file)
	return strings.TrimSuffix(b, path.Ext(b))
}
