package githubtest

import (
	"net/url"
	"slices"
	"strings"
)

// A Route is one operation of the API.
type Route struct {
	Method string
	// Path has a {name} for each segment that varies, {name...} for one that
	// may hold slashes.
	Path string
	// Needs is the permission that an installation token must have, such as
	// "contents:write"; several are alternatives, separated by a bar. It is
	// "app" for operations of the App itself, with its JWT, "installation"
	// for any token of an installation, and "none" where anybody may ask.
	Needs string

	do func(*call) (reply, error)
}

// Routes returns what the server answers.
func Routes() []Route { return slices.Clone(routes()) }

// find returns the route for a method and an escaped path without its root,
// with the values of its parameters.
func find(routes []Route, method, path string) (*Route, map[string]string) {
	segments := strings.Split(path, "/")
	for i := range routes {
		r := &routes[i]
		if r.Method != method {
			continue
		}
		params := map[string]string{}
		if match(strings.Split(r.Path, "/"), segments, params) {
			return r, params
		}
	}
	return nil, nil
}

// match fills params with what pattern finds in path. A segment counts as one
// with its %2F: GitHub takes slashes of branch names in both forms.
func match(pattern, path []string, params map[string]string) bool {
	if len(pattern) == 0 || len(path) == 0 {
		return len(pattern) == len(path)
	}
	name, isParam := strings.CutPrefix(pattern[0], "{")
	if !isParam {
		return pattern[0] == path[0] && match(pattern[1:], path[1:], params)
	}
	most := 1
	name, long := strings.CutSuffix(strings.TrimSuffix(name, "}"), "...")
	if long {
		most = len(path) - len(pattern) + 1
	}
	for n := most; n >= 1; n-- {
		value, err := url.PathUnescape(strings.Join(path[:n], "/"))
		if err == nil && value != "" && match(pattern[1:], path[n:], params) {
			params[name] = value
			return true
		}
	}
	return false
}

// climbs reports whether a path tries to leave its place.
func climbs(path string) bool {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return true
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(plain, "\\", "/"), "/") {
		if part == ".." || part == "." {
			return true
		}
	}
	return false
}
