package git_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// run runs the real git in dir and returns what it prints.
func run(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ada Byron", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=1767225600 +0100",
		"GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com", "GIT_COMMITTER_DATE=1767225601 +0000")
	out, err := cmd.CombinedOutput()
	if err != nil && args[0] != "diff" && args[0] != "check-ref-format" {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// realGit returns an empty repository of the real git.
func realGit(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git to compare with")
	}
	dir := t.TempDir()
	run(t, dir, "", "init", "-q")
	return dir
}

var files = map[string]git.File{
	"a.c":       {Content: "one\n"},
	"a.b":       {Content: "no line feed at the end"},
	"a/b":       {Content: ""},
	"a-b/c d":   {Content: "\x00\xff", Mode: git.ModeExecutable},
	"z/y/x/w":   {Content: "deep\r\n"},
	"z/link":    {Content: "y/x", Mode: git.ModeSymlink},
	"Ünïcode/é": {Content: "é"},
}

// Ids must be those of git, or nobody could compare what a client computes.
func TestIDs(t *testing.T) {
	dir := realGit(t)
	for path, f := range files {
		at := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch f.Mode {
		case git.ModeSymlink:
			err = os.Symlink(f.Content, at)
		case git.ModeExecutable:
			err = os.WriteFile(at, []byte(f.Content), 0o755)
		default:
			err = os.WriteFile(at, []byte(f.Content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "", "-c", "core.autocrlf=false", "add", "-A")
	r := git.New()
	id, err := r.PutFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	if want := run(t, dir, "", "write-tree"); string(id) != want {
		t.Fatalf("tree %s, want %s", id, want)
	}
	zone := time.FixedZone("", 3600)
	c := git.Snapshot{Tree: id, Message: "Raise the limit\n\nBecause.\n",
		Author:    git.Signature{Name: "Ada Byron", Email: "ada@example.com", When: time.Unix(1767225600, 0).In(zone)},
		Committer: git.Signature{Name: "GitHub", Email: "noreply@github.com", When: time.Unix(1767225601, 0).UTC()}}
	first := r.PutCommit(c)
	if want := run(t, dir, c.Message, "commit-tree", string(id)); string(first) != want {
		t.Errorf("commit %s, want %s", first, want)
	}
	c.Parents = []git.ID{first}
	second := r.PutCommit(c)
	if want := run(t, dir, c.Message, "commit-tree", string(id), "-p", string(first)); string(second) != want {
		t.Errorf("commit with parent %s, want %s", second, want)
	}
	c.GPG = "-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"
	signed := r.PutCommit(c)
	data, _ := r.Get(git.Commit, signed)
	if want := run(t, dir, string(data), "hash-object", "-t", "commit", "--stdin"); string(signed) != want {
		t.Errorf("signed commit %s, want %s", signed, want)
	}
	back, err := r.Commit(signed)
	if err != nil || back.GPG != c.GPG || back.Message != c.Message || back.Author.String() != c.Author.String() {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestEdit(t *testing.T) {
	r := git.New()
	base, err := r.PutFiles(map[string]git.File{"a/b/c": {Content: "1"}, "a/d": {Content: "2"}, "e": {Content: "3"}})
	if err != nil {
		t.Fatal(err)
	}
	blob := r.Put(git.Blob, []byte("new"))
	for _, test := range []struct {
		name    string
		changes []git.Change
		want    string // paths of files
		err     string
	}{
		{"add", []git.Change{{Path: "a/n", Mode: git.ModeFile, ID: blob}}, "a/b/c a/d a/n e", ""},
		{"delete takes empty directories along", []git.Change{{Path: "a/b/c"}}, "a/d e", ""},
		{"delete all", []git.Change{{Path: "a/b/c"}, {Path: "a/d"}, {Path: "e"}}, "", ""},
		{"file becomes directory", []git.Change{{Path: "e/f", Mode: git.ModeFile, ID: blob}}, "a/b/c a/d e/f", ""},
		{"delete nothing", []git.Change{{Path: "x"}}, "", "no such object"},
		{"up", []git.Change{{Path: "a/../x", Mode: git.ModeFile, ID: blob}}, "", "malformed"},
		{"dot git", []git.Change{{Path: ".GIT/config", Mode: git.ModeFile, ID: blob}}, "", "malformed"},
		{"empty component", []git.Change{{Path: "a//b", Mode: git.ModeFile, ID: blob}}, "", "malformed"},
		{"final slash", []git.Change{{Path: "a/", Mode: git.ModeFile, ID: blob}}, "", "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			id, err := r.Edit(base, test.changes)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			entries, _ := r.Walk(id)
			for _, e := range entries {
				if e.Mode != git.ModeDir {
					got = append(got, e.Path)
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestHistory(t *testing.T) {
	r := git.New()
	commit := func(message string, parents ...git.ID) git.ID {
		return r.PutCommit(git.Snapshot{Tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Parents: parents, Message: message})
	}
	root := commit("root")
	a := commit("a", root)
	b := commit("b", root)
	merged := commit("merge", a, b)
	after := commit("after", merged)
	other := commit("alone")
	if got, ok := r.MergeBase(a, b); !ok || got != root {
		t.Errorf("merge base of siblings is %s", got)
	}
	if got, ok := r.MergeBase(after, b); !ok || got != b {
		t.Errorf("merge base with an ancestor is %s, want %s", got, b)
	}
	if _, ok := r.MergeBase(after, other); ok {
		t.Error("strangers have a merge base")
	}
	var log []string
	for _, c := range r.Log(a, after) {
		log = append(log, c.Message)
	}
	if got := strings.Join(log, " "); got != "b merge after" {
		t.Errorf("log is %s", got)
	}
}

func TestValidRef(t *testing.T) {
	dir := realGit(t)
	for _, name := range []string{"refs/heads/main", "refs/heads/salve/x-1a2b", "refs/heads/a..b", "refs/heads/a.lock", "refs/heads/.a", "refs/heads/a.",
		"refs/heads/@{", "refs/heads/@", "refs/heads/a b", "refs/heads/é", "refs/heads/a//b", "refs/heads/-x", "refs/heads/a~1", "refs/heads/a\\b", "refs/heads/"} {
		cmd := exec.Command("git", "check-ref-format", name)
		cmd.Dir = dir
		if got, want := git.ValidRef(name), cmd.Run() == nil; got != want {
			t.Errorf("ValidRef(%q) = %v, git says %v", name, got, want)
		}
	}
	if git.ValidRef("refs/main") || git.ValidRef("main") {
		t.Error("GitHub wants refs/ and two slashes")
	}
}
