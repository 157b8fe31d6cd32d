package tfedit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExact sets a.b.max to 12 in the files of testdata/exact, byte for byte:
// txtar would add a final newline and lose what else is odd about them.
func TestExact(t *testing.T) {
	wants, err := filepath.Glob("testdata/exact/*.want")
	if err != nil || len(wants) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, name := range wants {
		name = strings.TrimSuffix(name, ".want")
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(name + ".want")
			if err != nil {
				t.Fatal(err)
			}
			file := "main.tf"
			if strings.HasSuffix(name, ".json") {
				file = "main.tf.json"
			}
			r := texts{file: string(src)}.open(t)
			tt := Target{Address: "a.b.max"}
			c, err := r.Set(t.Context(), tt, "12")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(c.Files[0].After); got != string(want) {
				t.Errorf("have\n%q\nwant\n%q", got, want)
			}
			undo(t, r, tt, c)
		})
	}
}
