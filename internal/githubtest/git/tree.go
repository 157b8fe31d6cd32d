package git

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The modes of tree entries, as GitHub writes them.
const (
	ModeFile       = "100644"
	ModeExecutable = "100755"
	ModeSymlink    = "120000"
	ModeSubmodule  = "160000"
	ModeDir        = "040000"
)

// ErrPath is the error for a path that git does not take.
var ErrPath = errors.New("malformed path component")

// An Entry is one line of a tree. Path is relative to the tree that was asked
// for: a name, or a path with slashes where a walk went deeper.
type Entry struct {
	Path string
	Mode string
	ID   ID
}

// Kind returns the kind of object that e points to.
func (e Entry) Kind() Kind {
	switch e.Mode {
	case ModeDir:
		return Tree
	case ModeSubmodule:
		return Commit
	}
	return Blob
}

// A File is the content of a blob with its mode; the empty mode is ModeFile.
type File struct {
	Content string
	Mode    string
}

// A Change sets the entry at a path, or deletes it if ID is empty.
type Change struct {
	Path string
	Mode string
	ID   ID
}

// PutTree stores a tree of entries, whose paths are names.
func (r *Repository) PutTree(entries []Entry) ID {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b Entry) int { return strings.Compare(sortName(a), sortName(b)) })
	var buf bytes.Buffer
	for _, e := range sorted {
		id, _ := hex.DecodeString(string(e.ID))
		fmt.Fprintf(&buf, "%s %s\x00", strings.TrimPrefix(e.Mode, "0"), e.Path)
		buf.Write(id)
	}
	return r.Put(Tree, buf.Bytes())
}

// sortName is what git orders entries by: a directory as if it ended in a slash.
func sortName(e Entry) string {
	if e.Mode == ModeDir {
		return e.Path + "/"
	}
	return e.Path
}

// Entries returns the entries of one tree, in git's order.
func (r *Repository) Entries(id ID) ([]Entry, error) {
	data, err := r.Get(Tree, id)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < 20 {
			return nil, fmt.Errorf("tree %s: not a tree", id)
		}
		if len(mode) == 5 {
			mode = "0" + mode
		}
		entries = append(entries, Entry{name, mode, ID(hex.EncodeToString(rest[:20]))})
		data = rest[20:]
	}
	return entries, nil
}

// Walk returns everything below a tree, directories before their content, as
// git ls-tree -r -t does.
func (r *Repository) Walk(id ID) ([]Entry, error) {
	entries, err := r.Entries(id)
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, e := range entries {
		all = append(all, e)
		if e.Mode != ModeDir {
			continue
		}
		below, err := r.Walk(e.ID)
		if err != nil {
			return nil, err
		}
		for _, b := range below {
			b.Path = e.Path + "/" + b.Path
			all = append(all, b)
		}
	}
	return all, nil
}

// Find returns the entry at a path below a tree. The empty path is the tree
// itself.
func (r *Repository) Find(tree ID, path string) (Entry, bool) {
	at := Entry{"", ModeDir, tree}
	for name := range strings.SplitSeq(path, "/") {
		if path == "" {
			break
		}
		entries, err := r.Entries(at.ID)
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Path == name })
		if err != nil || at.Mode != ModeDir || i < 0 {
			return Entry{}, false
		}
		at = entries[i]
	}
	at.Path = path
	return at, true
}

// PutFiles stores files by path as a tree.
func (r *Repository) PutFiles(files map[string]File) (ID, error) {
	return r.Edit("", r.Changes(files))
}

// Changes stores the content of files and returns what sets them in a tree.
func (r *Repository) Changes(files map[string]File) []Change {
	var changes []Change
	for _, path := range slices.Sorted(maps.Keys(files)) {
		f := files[path]
		if f.Mode == "" {
			f.Mode = ModeFile
		}
		changes = append(changes, Change{path, f.Mode, r.Put(Blob, []byte(f.Content))})
	}
	return changes
}

// Edit returns base with changes applied; an empty base is the empty tree.
// Directories come and go with their content. It fails with ErrPath for a path
// that git would not check out, and with ErrMissing for a deletion of nothing.
func (r *Repository) Edit(base ID, changes []Change) (ID, error) {
	entries := map[string]Entry{}
	if base != "" {
		list, err := r.Entries(base)
		if err != nil {
			return "", err
		}
		for _, e := range list {
			entries[e.Path] = e
		}
	}
	below := map[string][]Change{}
	for _, c := range changes {
		name, rest, deep := strings.Cut(c.Path, "/")
		if !validName(name) || deep && rest == "" {
			return "", fmt.Errorf("%q: %w", c.Path, ErrPath)
		}
		_, exists := entries[name]
		switch {
		case deep:
			below[name] = append(below[name], Change{rest, c.Mode, c.ID})
		case c.ID != "":
			entries[name] = Entry{name, c.Mode, c.ID}
		case !exists:
			return "", fmt.Errorf("%q: %w", c.Path, ErrMissing)
		default:
			delete(entries, name)
		}
	}
	for name, sub := range below {
		var old ID
		if e := entries[name]; e.Mode == ModeDir {
			old = e.ID
		}
		id, err := r.Edit(old, sub)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		entries[name] = Entry{name, ModeDir, id}
		if id == emptyTree {
			delete(entries, name)
		}
	}
	return r.PutTree(slices.Collect(maps.Values(entries))), nil
}

// emptyTree is the id of a tree without entries.
const emptyTree ID = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// validName reports whether git takes name as one component of a path.
func validName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.EqualFold(name, ".git") &&
		!strings.ContainsRune(name, 0) && len(name) <= 255
}
