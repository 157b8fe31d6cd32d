package plan

import (
	"strings"
	"testing"
)

func TestDocument(t *testing.T) {
	const text = "a\nb\n---\nc\nd\n--- # second\ne\n"
	for line, want := range map[int]string{1: "a b", 2: "a b", 4: "c d", 5: "c d", 7: "e "} {
		if got := strings.Join(document(text, line), " "); got != want {
			t.Errorf("document of line %d = %q, want %q", line, got, want)
		}
	}
}
