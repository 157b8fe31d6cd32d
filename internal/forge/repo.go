package forge

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// A Repo names one repository.
type Repo struct{ Owner, Name string }

func (r Repo) String() string { return r.Owner + "/" + r.Name }

// The forms that GitHub gives to owners and repositories, and git to commits.
// Whatever does not match could climb out of a URL path, so it is refused
// before a request is built.
var (
	ownerForm = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$`)
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	shaForm   = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
)

// ParseRepo reads "owner/name".
func ParseRepo(s string) (Repo, error) {
	owner, name, ok := strings.Cut(s, "/")
	r := Repo{owner, name}
	if !ok {
		return Repo{}, fmt.Errorf("repository %q: want owner/name", s)
	}
	return r, r.Validate()
}

// Validate reports a name that GitHub could not have given.
func (r Repo) Validate() error {
	if !ownerForm.MatchString(r.Owner) || !nameForm.MatchString(r.Name) || r.Name == "." || r.Name == ".." {
		return fmt.Errorf("repository %q is not a name that GitHub gives", r.String())
	}
	return nil
}

// Validate reports a name that is not a whole commit SHA.
func (s SHA) Validate() error {
	if !shaForm.MatchString(string(s)) {
		return fmt.Errorf("commit %q is not 40 or 64 lower-case hexadecimal digits", string(s))
	}
	return nil
}

// ValidateBranch reports a branch name that git check-ref-format refuses, or
// that would change the URL it stands in.
// https://git-scm.com/docs/git-check-ref-format
func ValidateBranch(name string) error {
	bad := name == "" || name == "@" || len(name) > 244 ||
		strings.HasPrefix(name, "-") || strings.HasPrefix(name, "refs/") ||
		strings.HasSuffix(name, ".") ||
		strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.ContainsAny(name, " ~^:?*[\\%#\x7f")
	for _, part := range strings.Split(name, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	for _, c := range name {
		bad = bad || c < 0x20 || c == 0xFFFD
	}
	if bad {
		return fmt.Errorf("branch %q is not a name that git and GitHub's URLs take", name)
	}
	return nil
}

// ValidatePath reports a path that must not be written: one that leaves the
// repository, hides in .git or steers it, changes who reviews or what runs, or
// that some file system reads as another name.
func ValidatePath(path string) error {
	refuse := func(why string) error { return fmt.Errorf("path %q: %s", path, why) }
	if path == "" || len(path) > 4096 {
		return refuse("want between 1 and 4096 bytes")
	}
	for _, c := range path {
		if c < 0x20 || c == 0x7f || c == '\\' || c == ':' || c == 0xFFFD {
			return refuse("holds a control character, a backslash or a colon")
		}
		if unicode.Is(unicode.Cf, c) { // some file systems read .g\u200cit as .git
			return refuse("holds an invisible character")
		}
	}
	for _, part := range strings.Split(path, "/") {
		switch lower := strings.ToLower(part); {
		case part == "" || part == "." || part == "..":
			return refuse("has an empty, . or .. component")
		case len(part) > 255:
			return refuse("has a component of more than 255 bytes")
		case strings.TrimRight(part, " .") != part:
			return refuse("has a component that ends in a dot or a space")
		case lower == ".git" || strings.HasPrefix(lower, "git~"):
			return refuse("lies in .git")
		case lower == ".gitmodules" || lower == ".gitattributes":
			return refuse("steers git")
		}
	}
	lower := strings.ToLower(path)
	if strings.HasPrefix(lower, ".github/workflows/") || strings.HasPrefix(lower, ".github/actions/") {
		return refuse("workflows are not this program's to change")
	}
	if base := lower[strings.LastIndexByte(lower, '/')+1:]; base == "codeowners" {
		return refuse("CODEOWNERS is not this program's to change")
	}
	if lower == ".github/salve.yml" || lower == ".github/salve.yaml" || strings.HasPrefix(lower, ".github/salve/") {
		return refuse("the configuration of this program is changed by people")
	}
	return nil
}
