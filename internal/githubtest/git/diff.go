package git

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// What happened to a file between two trees, in GitHub's words.
const (
	Added    = "added"
	Removed  = "removed"
	Modified = "modified"
	Renamed  = "renamed"
)

// A FileDiff is what happened to one file between two trees.
type FileDiff struct {
	Path     string
	Previous string // path before a rename, else empty
	Status   string // Added, Removed, Modified, Renamed
	Old, New Entry  // Old is zero for an added file, New for a removed one
	Binary   bool
	Hunks    []Hunk
	Plus     int // lines added
	Minus    int // lines removed
}

// Patch returns the hunks of d in unified form, without file headers.
func (d FileDiff) Patch() string {
	var parts []string
	for _, h := range d.Hunks {
		parts = append(parts, h.String())
	}
	return strings.Join(parts, "\n")
}

// Diff compares two trees; an empty id is the empty tree. Files are ordered by
// path. A file that moved without a change of content counts as renamed.
func (r *Repository) Diff(from, to ID) ([]FileDiff, error) {
	old, err := r.files(from)
	if err != nil {
		return nil, err
	}
	now, err := r.files(to)
	if err != nil {
		return nil, err
	}
	var diffs []FileDiff
	gone := map[ID]string{}
	for path, o := range old {
		if _, kept := now[path]; !kept {
			gone[o.ID] = max(gone[o.ID], path)
		}
	}
	moved := map[string]bool{}
	for path, n := range now {
		o, had := old[path]
		previous := gone[n.ID]
		switch {
		case had && o == n:
		case had:
			diffs = append(diffs, r.fileDiff(FileDiff{Path: path, Status: Modified, Old: o, New: n}))
		case previous != "" && !moved[previous]:
			moved[previous] = true
			diffs = append(diffs, FileDiff{Path: path, Previous: previous, Status: Renamed, Old: old[previous], New: n})
		default:
			diffs = append(diffs, r.fileDiff(FileDiff{Path: path, Status: Added, New: n}))
		}
	}
	for path, o := range old {
		if _, kept := now[path]; !kept && !moved[path] {
			diffs = append(diffs, r.fileDiff(FileDiff{Path: path, Status: Removed, Old: o}))
		}
	}
	slices.SortFunc(diffs, func(a, b FileDiff) int { return strings.Compare(a.Path, b.Path) })
	return diffs, nil
}

// files returns everything below a tree that is not a directory.
func (r *Repository) files(tree ID) (map[string]Entry, error) {
	files := map[string]Entry{}
	if tree == "" {
		return files, nil
	}
	entries, err := r.Walk(tree)
	for _, e := range entries {
		if e.Mode != ModeDir {
			files[e.Path] = e
		}
	}
	return files, err
}

// fileDiff fills in the lines of d.
func (r *Repository) fileDiff(d FileDiff) FileDiff {
	old, _ := r.Get(Blob, d.Old.ID)
	now, _ := r.Get(Blob, d.New.ID)
	if d.Binary = bytes.IndexByte(old, 0) >= 0 || bytes.IndexByte(now, 0) >= 0; d.Binary {
		return d
	}
	a, b := Lines(string(old)), Lines(string(now))
	d.Hunks = hunks(a, b, edits(a, b))
	for _, h := range d.Hunks {
		for _, l := range h.Lines {
			switch l[0] {
			case '+':
				d.Plus++
			case '-':
				d.Minus++
			}
		}
	}
	return d
}

// Lines cuts text after each line feed, which stays with its line.
func Lines(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// A Hunk is a run of changed lines with three lines around it.
type Hunk struct {
	OldStart, OldLines int // starts count from 1
	NewStart, NewLines int
	Lines              []string // each starts with ' ', '+' or '-' and has no line feed, except before "\ No newline"
}

// String returns h as unified diff, without a final line feed.
func (h Hunk) String() string {
	return fmt.Sprintf("@@ -%s +%s @@\n%s", span(h.OldStart, h.OldLines), span(h.NewStart, h.NewLines), strings.Join(h.Lines, "\n"))
}

// span writes a range as diff does: without a length of 1, and with the line
// before where there is none.
func span(start, lines int) string {
	switch lines {
	case 0:
		return fmt.Sprintf("%d,0", start-1)
	case 1:
		return fmt.Sprint(start)
	}
	return fmt.Sprintf("%d,%d", start, lines)
}

// context is how many unchanged lines stand around a change.
const context = 3

// hunks groups changes that are near each other.
func hunks(a, b []string, changes []edit) []Hunk {
	var all []Hunk
	for i := 0; i < len(changes); {
		j := i + 1
		for j < len(changes) && changes[j].aLo-changes[j-1].aHi <= 2*context {
			j++
		}
		all = append(all, hunk(a, b, changes[i:j]))
		i = j
	}
	return all
}

func hunk(a, b []string, changes []edit) Hunk {
	first, last := changes[0], changes[len(changes)-1]
	before := min(context, first.aLo)
	after := min(context, len(a)-last.aHi)
	h := Hunk{OldStart: first.aLo - before + 1, NewStart: first.bLo - before + 1}
	h.OldLines = last.aHi + after - h.OldStart + 1
	h.NewLines = last.bHi + after - h.NewStart + 1
	at := first.aLo - before
	for _, c := range changes {
		h.add(' ', a[at:c.aLo])
		h.add('-', a[c.aLo:c.aHi])
		h.add('+', b[c.bLo:c.bHi])
		at = c.aHi
	}
	h.add(' ', a[at:at+after])
	return h
}

func (h *Hunk) add(sign byte, lines []string) {
	for _, l := range lines {
		text, ended := strings.CutSuffix(l, "\n")
		if !ended {
			text += "\n\\ No newline at end of file"
		}
		h.Lines = append(h.Lines, string(sign)+text)
	}
}
