package patch

import (
	"errors"
	"testing"
)

func TestApply(t *testing.T) {
	const src = "cpu: 500m"
	for _, tt := range []struct {
		name  string
		edits []Edit
		want  string
	}{
		{"nothing", nil, "cpu: 500m"},
		{"replace", []Edit{{5, 9, "1"}}, "cpu: 1"},
		{"insert", []Edit{{0, 0, "# raised\n"}}, "# raised\ncpu: 500m"},
		{"out of order", []Edit{{5, 9, "1"}, {0, 3, "mem"}}, "mem: 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Apply([]byte(src), tt.edits...)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("Apply(%q, %v) = %q, want %q", src, tt.edits, got, tt.want)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	_, err := Apply([]byte("cpu: 500m"), Edit{0, 6, "a"}, Edit{5, 9, "b"})
	var overlap *OverlapError
	if !errors.As(err, &overlap) {
		t.Errorf("Apply = %v, want an OverlapError", err)
	}
	for _, e := range []Edit{{-1, 0, ""}, {3, 2, ""}, {0, 10, ""}} {
		if _, err := Apply([]byte("cpu: 500m"), e); err == nil {
			t.Errorf("Apply(%v) = nil, want an error", e)
		}
	}
}

func TestUnified(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before, after string
		want          string
	}{
		{"same", "a\n", "a\n", ""},
		{"one line", "a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nE\nf\ng\nh\n",
			"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n"},
		{"insert", "a\nb\n", "a\nx\nb\n",
			"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n a\n+x\n b\n"},
		{"no final newline", "a\nb", "a\nc",
			"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"},
		{"carriage returns", "a\r\nb\r\n", "a\r\nc\r\n",
			"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ChangeSet{{Path: "f", Before: []byte(tt.before), After: []byte(tt.after)}}.Unified()
			if got != tt.want {
				t.Errorf("have\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestUnifiedNewFile(t *testing.T) {
	got := FileChange{Path: "f", After: []byte("a\nb\n")}.Unified()
	want := "diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n"
	if got != want {
		t.Errorf("have\n%s\nwant\n%s", got, want)
	}
}

func TestChangeSetKeepsTheFirstBefore(t *testing.T) {
	var cs ChangeSet
	cs = cs.With(FileChange{Path: "b", Before: []byte("1"), After: []byte("2")})
	cs = cs.With(FileChange{Path: "a", Before: []byte("1"), After: []byte("2")})
	cs = cs.With(FileChange{Path: "b", Before: []byte("2"), After: []byte("3")})
	if len(cs) != 2 || cs[0].Path != "a" {
		t.Fatalf("paths = %v", cs)
	}
	if c, _ := cs.Get("b"); string(c.Before) != "1" || string(c.After) != "3" {
		t.Errorf("b: %s → %s, want 1 → 3", c.Before, c.After)
	}
}
