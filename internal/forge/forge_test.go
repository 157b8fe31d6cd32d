package forge

import (
	"strings"
	"testing"
)

// The names in these tables are attacks 35, 39 and 48 of the security notes:
// what reaches a URL or a tree must be a name, not a way out.

func TestValidateRepo(t *testing.T) {
	for _, tt := range []struct {
		in string
		ok bool
	}{
		{"acme/shop", true}, {"a/.github", true}, {"A-1/x_y.z", true},
		{"acme", false}, {"/x", false}, {"acme/", false}, {"o/../../user", false}, {"o/..", false},
		{"o/.", false}, {"-a/x", false}, {"a_b/x", false}, {"a/x y", false}, {"a/x?y", false}, {"a/ü", false},
		{strings.Repeat("a", 40) + "/x", false}, {"a/" + strings.Repeat("x", 101), false},
	} {
		if _, err := ParseRepo(tt.in); (err == nil) != tt.ok {
			t.Errorf("ParseRepo(%q) = %v, want ok %v", tt.in, err, tt.ok)
		}
	}
}

func TestValidateSHA(t *testing.T) {
	for in, ok := range map[SHA]bool{
		SHA(strings.Repeat("a1", 20)): true, SHA(strings.Repeat("a1", 32)): true,
		"": false, "abc": false, SHA(strings.Repeat("A1", 20)): false, "../../../o/other/statuses/abc": false,
	} {
		if err := in.Validate(); (err == nil) != ok {
			t.Errorf("SHA(%q).Validate() = %v, want ok %v", in, err, ok)
		}
	}
}

func TestValidateBranch(t *testing.T) {
	for in, ok := range map[string]bool{
		"main": true, "release/1.2": true, "salve/memory-limit/shop-checkout-0a1b2c3d": true, "größe": true,
		"": false, "a..b": false, "a@{b": false, "-x": false, "a.lock": false, "a.lock/b": false, "a b": false,
		"a/": false, "/a": false, "a//b": false, ".a": false, "a/.b": false, "a.": false, "@": false, "a?b": false,
		"a#b": false, "a%2fb": false, "a\\b": false, "a\x00b": false, "refs/heads/x": false, "a\xffb": false,
		strings.Repeat("x", 245): false,
	} {
		if err := ValidateBranch(in); (err == nil) != ok {
			t.Errorf("ValidateBranch(%q) = %v, want ok %v", in, err, ok)
		}
	}
}

func TestValidatePath(t *testing.T) {
	for in, ok := range map[string]bool{
		"k8s/checkout.yaml": true, ".github/dependabot.yml": true, "a b/c.tf": true, "gitops/x.yaml": true,
		"": false, "../x": false, "/abs": false, "a/../b": false, "a//b": false, "a/./b": false, "a/": false,
		".git/config": false, ".GIT/config": false, "a/.Git/x": false, "git~1/x": false,
		".github/workflows/x.yml": false, ".GitHub/Workflows/x.yml": false, ".github/actions/x/action.yml": false,
		"CODEOWNERS": false, "docs/CodeOwners": false, ".github/salve.yml": false, ".github/Salve/remedies/x.yaml": false,
		".gitmodules": false, "a/.gitAttributes": false, ".g\u200cit/config": false, "k8s/a\u202eb.yaml": false, "k8s/größe.yaml": true,
		"a\\b": false, "a\x00b": false, "a\nb": false, "c:/x": false, "x.yaml.": false, "x.yaml ": false,
		strings.Repeat("x", 300): false, "a\xffb": false,
	} {
		if err := ValidatePath(in); (err == nil) != ok {
			t.Errorf("ValidatePath(%q) = %v, want ok %v", in, err, ok)
		}
	}
}

// A key from monitored data must not end the comment it is written in, and what
// looks like a marker further down is somebody's text (attack 59).
func TestMarker(t *testing.T) {
	m := Marker{Key: `a --> <!-- "b" \`, Evidence: "0a", Problems: []string{"-1_2V2"}, From: "512Mi", To: "640Mi", Version: 1}
	text := m.String()
	if strings.Count(text, "--") != 2 || strings.Count(text, ">") != 1 {
		t.Errorf("marker %s can be cut", text)
	}
	for body, ok := range map[string]bool{
		text + "\nBody": true, text + "\r\nBody": true, text: true,
		"x\n" + text: false, " " + text: false, "": false, "<!-- salve:{} -->": false, `<!-- salve:{"key":"a","v":2} -->`: false,
		"<!-- salve:" + strings.Repeat("[", 100000) + " -->": false, `<!-- salve:{"key":"a","v":1} --> x`: false,
	} {
		got, found := ParseMarker(body)
		if found != ok || ok && (got.Key != m.Key || got.Problems[0] != "-1_2V2") {
			t.Errorf("ParseMarker(%.80q) = %+v, %v; want %v", body, got, found, ok)
		}
	}
}
