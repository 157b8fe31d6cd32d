// Package git is a git repository in memory: objects under the ids that git
// itself gives them, references, histories, diffs and merges. It is what the
// GitHub of package githubtest stores its repositories in.
//
// A Repository is not safe for concurrent use.
package git

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
)

// An ID names an object: 40 lower-case hexadecimal digits.
type ID string

// A Kind is the type of an object, in git's words.
type Kind string

// The kinds of objects that a Repository stores.
const (
	Blob   Kind = "blob"
	Tree   Kind = "tree"
	Commit Kind = "commit"
)

// ErrMissing is the error for an object that is not in the repository, or is
// of another kind than asked for.
var ErrMissing = errors.New("no such object")

// A Repository holds objects and references.
type Repository struct {
	// Refs maps full names, such as refs/heads/main, to commits.
	Refs map[string]ID

	objects map[ID]object
}

type object struct {
	kind Kind
	data []byte
}

// New returns an empty repository.
func New() *Repository {
	return &Repository{Refs: map[string]ID{}, objects: map[ID]object{}}
}

// Hash returns the id of an object, as git hash-object prints it.
func Hash(kind Kind, data []byte) ID {
	h := sha1.New()
	h.Write([]byte(string(kind) + " " + strconv.Itoa(len(data)) + "\x00"))
	h.Write(data)
	return ID(hex.EncodeToString(h.Sum(nil)))
}

// Put stores an object and returns its id. The caller must not change data
// afterwards.
func (r *Repository) Put(kind Kind, data []byte) ID {
	id := Hash(kind, data)
	r.objects[id] = object{kind, data}
	return id
}

// Get returns the bytes of an object of the given kind, or ErrMissing.
func (r *Repository) Get(kind Kind, id ID) ([]byte, error) {
	o, ok := r.objects[id]
	if !ok || o.kind != kind {
		return nil, fmt.Errorf("%s %s: %w", kind, id, ErrMissing)
	}
	return o.data, nil
}

// Kind returns the kind of an object, empty if there is none of that id.
func (r *Repository) Kind(id ID) Kind { return r.objects[id].kind }

// Expand returns the one object of the given kind whose id starts with prefix,
// which has at least four digits.
func (r *Repository) Expand(kind Kind, prefix string) (ID, bool) {
	if r.Kind(ID(prefix)) == kind {
		return ID(prefix), true
	}
	var found ID
	for id, o := range r.objects {
		if o.kind == kind && len(prefix) >= 4 && len(prefix) < len(id) && string(id[:len(prefix)]) == prefix {
			if found != "" {
				return "", false
			}
			found = id
		}
	}
	return found, found != ""
}

// Valid reports whether s is a full object id.
func Valid(s string) bool {
	if len(s) != 40 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
