package plan

import (
	"fmt"
	"strings"

	"github.com/salvehq/salve/internal/policy"
)

// heapNotes says where a program bounds its own memory beside the limit that a
// change raises: the flags stand in the same document as the limit.
func heapNotes(m made, limit policy.Adjustment) []string {
	if len(m.change.Edits) == 0 {
		return nil
	}
	edit := m.change.Edits[0]
	file, ok := m.change.Files.Get(edit.File)
	if !ok {
		return nil
	}
	var out []string
	for _, note := range policy.HeapNotes(document(string(file.After), edit.Line), limit) {
		out = append(out, fmt.Sprintf("%s: %s", edit.File, note))
	}
	return out
}

// document returns the lines of the YAML document that holds a line.
func document(text string, line int) []string {
	lines := strings.Split(text, "\n")
	start, end := 0, len(lines)
	for i, l := range lines {
		if !strings.HasPrefix(l, "---") {
			continue
		}
		if i < line {
			start = i + 1
		} else {
			end = i
			break
		}
	}
	return lines[min(start, end):end]
}
