package forge

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzMarker writes a marker of any words, which must stay one comment on one
// line and be read back, and reads any body.
func FuzzMarker(f *testing.F) {
	f.Add("key", "--> <!-- @a #1", "Body\n<!-- salve:{} -->")
	f.Add("\xff", "\u2028\n", `<!-- salve:{"key":"a","v":1} -->`)
	f.Fuzz(func(t *testing.T, key, word, body string) {
		ParseMarker(body)
		m := Marker{Key: key + "k", Evidence: word, Problems: []string{word, key}, From: word, To: key, Version: 1}
		text := m.String()
		if strings.Count(text, "--") != 2 || strings.ContainsAny(text, "\r\n@#") || strings.Count(text, "<") != 1 || strings.Count(text, ">") != 1 {
			t.Errorf("marker %q", text)
		}
		got, ok := ParseMarker(text + "\n" + body)
		if len(text) <= maxMarker && (!ok || utf8.ValidString(key) && got.Key != m.Key || utf8.ValidString(word) && got.From != word) {
			t.Errorf("%q is read back as %+v, %v", text, got, ok)
		}
	})
}

// FuzzNames holds names that are let through to what they must be: one place
// below where they are put, in a URL and in a tree.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"acme/shop", "k8s/a.yaml", "salve/x", ".git/config", "a/../b", "x?y#z", "a\\b", "CODEOWNERS", ".g\u200cit", "heads/../../user"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if repo, err := ParseRepo(s); err == nil && (repo.String() != s || strings.Count(s, "/") != 1 || strings.ContainsAny(s, "?#%\\ \n") || repo.Name == ".." || repo.Name == ".") {
			t.Errorf("repository %q", s)
		}
		if ValidateBranch(s) == nil && (!utf8.ValidString(s) || strings.Contains(s, "..") || strings.ContainsAny(s, "?#%\\: ~^*[\x7f") || path.Clean("/"+s) != "/"+s) {
			t.Errorf("branch %q", s)
		}
		if ValidatePath(s) == nil {
			lower := strings.ToLower(s)
			if !fs.ValidPath(s) || strings.Contains("/"+lower+"/", "/.git/") || strings.HasPrefix(lower, ".github/workflows/") || path.Base(lower) == "codeowners" {
				t.Errorf("path %q", s)
			}
		}
	})
}
