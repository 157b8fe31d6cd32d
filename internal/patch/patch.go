// Package patch describes changes to text files as byte edits.
//
// Every editor in this repository parses a file to find where a value is
// written, and then replaces those bytes and no others. Nothing is printed back
// from a syntax tree, so the comments, the alignment and the key order that the
// owners of a file chose survive, and a pull request shows only the lines it
// means to change.
package patch

import (
	"cmp"
	"fmt"
	"slices"
)

// An Edit replaces the bytes [Start, End) of one file by New.
// Offsets count bytes from the start of the original file, not runes or lines.
// An Edit with Start == End inserts.
type Edit struct {
	Start, End int
	New        string
}

// An OverlapError reports two edits that claim the same bytes.
type OverlapError struct {
	First, Second Edit
}

func (e *OverlapError) Error() string {
	return fmt.Sprintf("edits overlap: [%d,%d) and [%d,%d)",
		e.First.Start, e.First.End, e.Second.Start, e.Second.End)
}

// Apply returns src with edits made. It leaves src and edits as they were.
// It fails with an [*OverlapError] if two edits touch the same bytes, and with
// another error if an edit lies outside src.
func Apply(src []byte, edits ...Edit) ([]byte, error) {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Compare(a.Start, b.Start) })

	var out []byte
	end := 0 // of the previous edit
	for i, e := range edits {
		if e.Start < 0 || e.End < e.Start || e.End > len(src) {
			return nil, fmt.Errorf("edit [%d,%d) outside file of %d bytes", e.Start, e.End, len(src))
		}
		if e.Start < end {
			return nil, &OverlapError{edits[i-1], e}
		}
		out = append(out, src[end:e.Start]...)
		out = append(out, e.New...)
		end = e.End
	}
	return append(out, src[end:]...), nil
}

// Line returns the line, counted from 1, on which the byte at offset stands.
func Line(src []byte, offset int) int {
	n := 1
	for _, b := range src[:min(offset, len(src))] {
		if b == '\n' {
			n++
		}
	}
	return n
}

// A FileChange is one file before and after.
type FileChange struct {
	Path   string // slash-separated, from the root of the repository
	Before []byte // nil for a file that is new
	After  []byte
	Mode   string // git's mode of the file, "100644" or "100755"; empty means 100644
}

// New reports whether the change creates the file.
func (c FileChange) New() bool { return c.Before == nil }

// A ChangeSet holds the changes to several files of one repository, one per
// path, sorted by path.
type ChangeSet []FileChange

// Get returns the change of a path.
func (cs ChangeSet) Get(path string) (FileChange, bool) {
	i, ok := slices.BinarySearchFunc(cs, path, func(c FileChange, p string) int { return cmp.Compare(c.Path, p) })
	if !ok {
		return FileChange{}, false
	}
	return cs[i], true
}

// With returns cs and c, in order. A change of the same path is replaced, and
// keeps the Before of the first.
func (cs ChangeSet) With(c FileChange) ChangeSet {
	i, ok := slices.BinarySearchFunc(cs, c.Path, func(c FileChange, p string) int { return cmp.Compare(c.Path, p) })
	if ok {
		c.Before = cs[i].Before
		out := slices.Clone(cs)
		out[i] = c
		return out
	}
	return slices.Insert(slices.Clone(cs), i, c)
}
