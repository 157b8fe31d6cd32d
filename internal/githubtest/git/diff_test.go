package git_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// diff returns the patch between two texts.
func diff(t testing.TB, old, now string) git.FileDiff {
	t.Helper()
	r := git.New()
	from, err := r.PutFiles(map[string]git.File{"f": {Content: old}})
	if err != nil {
		t.Fatal(err)
	}
	to, err := r.PutFiles(map[string]git.File{"f": {Content: now}})
	if err != nil {
		t.Fatal(err)
	}
	diffs, err := r.Diff(from, to)
	if err != nil {
		t.Fatal(err)
	}
	if len(diffs) == 0 {
		return git.FileDiff{}
	}
	return diffs[0]
}

// apply applies a patch to a text, as patch does.
func apply(t testing.TB, old string, hunks []git.Hunk) string {
	t.Helper()
	lines := git.Lines(old)
	var out []string
	at := 0
	for _, h := range hunks {
		out = append(out, lines[at:h.OldStart-1]...)
		at = h.OldStart - 1
		for _, l := range h.Lines {
			text, unended := strings.CutSuffix(l[1:], "\n\\ No newline at end of file")
			if !unended {
				text += "\n"
			}
			switch l[0] {
			case '+':
				out = append(out, text)
				continue
			case ' ':
				out = append(out, text)
			}
			if lines[at] != text {
				t.Fatalf("line %d is %q, the hunk says %q", at+1, lines[at], text)
			}
			at++
		}
		if at-h.OldStart+1 != h.OldLines {
			t.Fatalf("hunk has %d old lines, says %d", at-h.OldStart+1, h.OldLines)
		}
	}
	return strings.Join(append(out, lines[at:]...), "")
}

var pairs = [][2]string{
	{"a\nb\nc\n", "a\nB\nc\n"}, {"", "a\n"}, {"a\n", ""}, {"a", "a\n"}, {"a\nb", "a\nc"}, {"a\r\nb\r\n", "a\nb\r\n"},
	{"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n", "1\n2\nX\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\nY\n15\n16\n"},
	{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\nX\n3\n4\n5\n6\n7\nY\n9\n"}, {"a\nb\na\nb\n", "b\na\nb\na\n"},
}

// Patches must be the ones that git shows.
func TestPatch(t *testing.T) {
	dir := realGit(t)
	for _, p := range pairs {
		for i, name := range []string{"old", "new"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(p[i]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want := ""
		out := run(t, dir, "", "diff", "--no-index", "--no-indent-heuristic", "--", "old", "new")
		if i := strings.Index(out, "@@"); i >= 0 {
			want = out[i:]
		}
		// git names the enclosing line behind a header; GitHub's patches have it too, ours do not.
		var lines []string
		for l := range strings.SplitSeq(want, "\n") {
			if strings.HasPrefix(l, "@@") {
				l = l[:strings.LastIndex(l, "@@")+2]
			}
			lines = append(lines, l)
		}
		if got := strings.TrimSpace(diff(t, p[0], p[1]).Patch()); got != strings.Join(lines, "\n") {
			t.Errorf("%q → %q:\n%s\nwant\n%s", p[0], p[1], got, want)
		}
	}
}

func FuzzDiff(f *testing.F) {
	for _, p := range pairs {
		f.Add(p[0], p[1])
	}
	f.Fuzz(func(t *testing.T, old, now string) {
		d := diff(t, old, now)
		if d.Binary {
			return
		}
		if got := apply(t, old, d.Hunks); got != now {
			t.Errorf("the patch from %q to %q makes %q", old, now, got)
		}
	})
}

// Texts that are far apart still give a patch that is right.
func TestDiffFar(t *testing.T) {
	old, now := strings.Repeat("a\n", 3000), strings.Repeat("b\n", 3000)
	if got := apply(t, old, diff(t, old, now).Hunks); got != now {
		t.Error("patch does not apply")
	}
}

func TestDiffFiles(t *testing.T) {
	r := git.New()
	from, _ := r.PutFiles(map[string]git.File{"gone": {Content: "x\n"}, "moved": {Content: "same\n"}, "mode": {Content: "#!\n"}, "kept": {Content: "k"}})
	to, _ := r.PutFiles(map[string]git.File{"there": {Content: "same\n"}, "mode": {Content: "#!\n", Mode: git.ModeExecutable}, "kept": {Content: "k"}, "new": {Content: "n\n"}})
	diffs, err := r.Diff(from, to)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range diffs {
		got = append(got, d.Status+" "+d.Previous+d.Path)
	}
	if s := strings.Join(got, ", "); s != "removed gone, modified mode, added new, renamed movedthere" {
		t.Error(s)
	}
}

func TestMerge(t *testing.T) {
	base := map[string]git.File{"f": {Content: "1\n2\n3\n4\n5\n6\n7\n"}, "g": {Content: "g\n"}}
	with := func(change map[string]string) map[string]git.File {
		out := map[string]git.File{}
		for k, v := range base {
			out[k] = v
		}
		for k, v := range change {
			out[k] = git.File{Content: v}
			if v == "" {
				delete(out, k)
			}
		}
		return out
	}
	for _, test := range []struct {
		name               string
		ours, theirs, want map[string]string // nil want: conflict
	}{
		{"other files", map[string]string{"a": "a\n"}, map[string]string{"b": "b\n"}, map[string]string{"a": "a\n", "b": "b\n"}},
		{"other lines", map[string]string{"f": "1\nX\n3\n4\n5\n6\n7\n"}, map[string]string{"f": "1\n2\n3\n4\n5\nY\n7\n"}, map[string]string{"f": "1\nX\n3\n4\n5\nY\n7\n"}},
		{"same change", map[string]string{"f": "1\nX\n3\n4\n5\n6\n7\n"}, map[string]string{"f": "1\nX\n3\n4\n5\n6\n7\n"}, map[string]string{"f": "1\nX\n3\n4\n5\n6\n7\n"}},
		{"same line", map[string]string{"f": "1\nX\n3\n4\n5\n6\n7\n"}, map[string]string{"f": "1\nY\n3\n4\n5\n6\n7\n"}, nil},
		{"neighbours", map[string]string{"f": "1\nX\n3\n4\n5\n6\n7\n"}, map[string]string{"f": "1\n2\nY\n4\n5\n6\n7\n"}, nil},
		{"deleted there", nil, map[string]string{"g": ""}, map[string]string{"g": ""}},
		{"deleted here, changed there", map[string]string{"g": ""}, map[string]string{"g": "h\n"}, nil},
		{"changed here, deleted there", map[string]string{"g": "h\n"}, map[string]string{"g": ""}, nil},
		{"added twice", map[string]string{"n": "1\n"}, map[string]string{"n": "2\n"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := git.New()
			var ids []git.ID
			for _, files := range []map[string]git.File{base, with(test.ours), with(test.theirs)} {
				id, err := r.PutFiles(files)
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, id)
			}
			got, ok := r.Merge(ids[0], ids[1], ids[2])
			if ok != (test.want != nil) {
				t.Fatalf("merged: %v", ok)
			}
			if want, _ := r.PutFiles(with(test.want)); ok && got != want {
				t.Errorf("merged into %s, want %s", got, want)
			}
		})
	}
}
