// Package kubeedit finds where a value stands in a YAML or JSON file of
// Kubernetes, Kustomize or Helm, and replaces its bytes and no others.
//
// The parser is asked for positions only. Every edit is proven before it is
// returned: the new text is parsed again, nothing but the addressed value
// differs, and the value read back is the one that was asked for. What cannot
// be changed so (an alias, a template, an encrypted file) is a
// [*patch.Refusal] that says why, and what a person could do.
package kubeedit

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/patch"
)

// What a file may be before a parser sees it.
const (
	MaxSize  = 1 << 20 // bytes
	maxDepth = 256     // nested flow collections, or list items begun on one line
	maxDocs  = 2000    // documents of one file
)

// bom is the byte order mark that some editors put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

// screen refuses text that is too large or not UTF-8.
func screen(path string, src []byte) error {
	refuse := func(line int, why string) error { return &patch.Refusal{Path: path, Line: line, Why: why} }
	switch {
	case len(src) > MaxSize:
		return refuse(0, fmt.Sprintf("file has %d bytes, want at most %d", len(src), MaxSize))
	case !utf8.Valid(src):
		return refuse(firstInvalid(src), "file is not UTF-8")
	case bytes.IndexByte(src, 0) >= 0:
		return refuse(patch.Line(src, bytes.IndexByte(src, 0)), "file holds a NUL byte")
	}
	return nil
}

func firstInvalid(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return patch.Line(src, i)
		}
		i += n
	}
	return 0
}

// tooDeep returns where src nests so deeply that parsers crawl or crash, or -1.
// It counts brackets between
// two lines that begin without indentation, so that text in block scalars,
// whose brackets need not match, does not add up over a file; and it counts
// indicators such as "- - - -" and spaces that open levels within one line.
func tooDeep(src []byte) int {
	depth := 0
	for off := 0; off < len(src); {
		line := nextLine(src[off:])
		if line[0] >= 'A' && line[0] <= 'z' && line[0] != '[' && line[0] != ']' {
			depth = 0
		}
		opened := 0
		for i, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			case '-', '?':
				if opened >= 0 && i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t') {
					opened++
				}
			case ' ', '\t':
			default:
				if opened < maxDepth {
					opened = -1
				}
			}
			if depth > maxDepth || opened >= maxDepth {
				return off + i
			}
		}
		off += len(line)
	}
	return -1
}

// nextLine returns the first line of src with its ending.
func nextLine(src []byte) []byte {
	if i := bytes.IndexByte(src, '\n'); i >= 0 {
		return src[:i+1]
	}
	return src
}
