package git

import (
	"slices"
	"strings"
)

// Merge returns the tree that joins what two trees did to their common base,
// false if both changed the same lines.
func (r *Repository) Merge(base, ours, theirs ID) (ID, bool) {
	was, err := r.files(base)
	if err != nil {
		return "", false
	}
	left, err := r.files(ours)
	if err != nil {
		return "", false
	}
	right, err := r.files(theirs)
	if err != nil {
		return "", false
	}
	var changes []Change
	for path, e := range right {
		mine := left[path]
		switch old := was[path]; {
		case e == old || e == mine:
		case mine == old:
			changes = append(changes, Change{path, e.Mode, e.ID})
		default:
			id, ok := r.mergeBlob(old, mine, e)
			if !ok {
				return "", false
			}
			changes = append(changes, Change{path, mine.Mode, id})
		}
	}
	for path, old := range was {
		mine, kept := left[path]
		if _, theirs := right[path]; theirs || !kept {
			continue
		}
		if mine != old {
			return "", false // deleted there, changed here
		}
		changes = append(changes, Change{Path: path})
	}
	id, err := r.Edit(ours, changes)
	return id, err == nil
}

// mergeBlob merges one file line by line.
func (r *Repository) mergeBlob(base, ours, theirs Entry) (ID, bool) {
	if base.ID == "" || ours.ID == "" || ours.Mode != theirs.Mode || ours.Kind() != Blob {
		return "", false
	}
	var texts [3][]string
	for i, e := range []Entry{base, ours, theirs} {
		data, err := r.Get(Blob, e.ID)
		if err != nil {
			return "", false
		}
		texts[i] = Lines(string(data))
	}
	merged, ok := mergeLines(texts[0], texts[1], texts[2])
	return r.Put(Blob, []byte(strings.Join(merged, ""))), ok
}

// mergeLines applies the changes of both sides to base, false where they touch.
func mergeLines(base, ours, theirs []string) ([]string, bool) {
	type side struct {
		edit
		lines []string
	}
	var all []side
	for _, text := range [][]string{ours, theirs} {
		for _, e := range edits(base, text) {
			all = append(all, side{e, text[e.bLo:e.bHi]})
		}
	}
	slices.SortStableFunc(all, func(a, b side) int { return a.aLo - b.aLo })
	var out []string
	at := 0
	for i, e := range all {
		if i > 0 && e.aLo <= all[i-1].aHi {
			if same := all[i-1]; same.aLo == e.aLo && same.aHi == e.aHi && slices.Equal(same.lines, e.lines) {
				continue
			}
			return nil, false
		}
		out = append(append(out, base[at:e.aLo]...), e.lines...)
		at = e.aHi
	}
	return append(out, base[at:]...), true
}
