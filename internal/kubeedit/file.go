package kubeedit

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/patch"
)

// A File is the text of one YAML or JSON file, cut into its documents. What
// follows from the text is worked out when it is first asked for; several
// goroutines may ask.
type File struct {
	Path string
	Src  []byte
	Docs []*Document

	guard lazy[error]
}

// A lazy is a value that is worked out when it is first asked for.
type lazy[T any] struct{ known atomic.Pointer[T] }

func (l *lazy[T]) get(work func() T) T {
	if v := l.known.Load(); v != nil {
		return *v
	}
	v := work()
	if l.known.CompareAndSwap(nil, &v) {
		return v
	}
	return l.get(work)
}

// A Document is one document of a [File]. It is parsed when it is first asked
// for its [Document.Root].
type Document struct {
	Index      int
	Start, End int // bytes of the file, without a byte order mark
	Line       int // on which it starts, from 1
	file       *File
	judge      bool // package yaml reads it, however plain it is
	read       lazy[tree]
	lines      lazy[[]int] // offsets of lines as the parser counts them
	holds      lazy[objects]
}

// A tree is what the text of a document says.
type tree struct {
	root *yaml.Node
	err  error
}

// Read cuts src into documents without parsing them. It fails with a
// [*patch.Refusal] if src is too large, too deeply nested or not UTF-8.
func Read(path string, src []byte) (*File, error) {
	if err := screen(path, src); err != nil {
		return nil, err
	}
	f := &File{Path: path, Src: src}
	start, at, line := 0, 0, 1
	if bytes.HasPrefix(src, bom) {
		start, at = len(bom), len(bom)
	}
	first, content := line, false
	cut := func(end int) {
		if content {
			f.Docs = append(f.Docs, &Document{Index: len(f.Docs), Start: start, End: end, Line: first, file: f})
		}
		start, first, content = end, line, false
	}
	for at < len(src) {
		l := nextLine(src[at:])
		switch {
		case marker(l, "---"):
			if content {
				cut(at)
			}
			content = len(bytes.TrimSpace(l)) > 3 && !bytes.HasPrefix(bytes.TrimSpace(l[3:]), []byte("#"))
		case marker(l, "..."):
			at, line = at+len(l), line+1
			cut(at)
			continue
		case !content && l[0] != '%' && !blank(l):
			content = true
		}
		at, line = at+len(l), line+1
	}
	cut(len(src))
	if len(f.Docs) > maxDocs {
		return nil, &patch.Refusal{Path: path, Why: fmt.Sprintf("file has %d documents, want at most %d", len(f.Docs), maxDocs)}
	}
	return f, nil
}

// marker reports whether a line is a document marker. At the start of a line it
// is one even inside a scalar.
// https://yaml.org/spec/1.2.2/#912-document-markers
func marker(line []byte, mark string) bool {
	return bytes.HasPrefix(line, []byte(mark)) && (len(line) == 3 || bytes.IndexByte([]byte(" \t\r\n"), line[3]) >= 0)
}

// blank reports whether a line holds nothing but space and a comment.
func blank(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}

// Text returns the bytes of the document.
func (d *Document) Text() []byte { return d.file.Src[d.Start:d.End] }

// Path is that of the file.
func (d *Document) Path() string { return d.file.Path }

// Root returns the top node of the document, nil if it is empty. An error has
// the form path:line:col: what.
func (d *Document) Root() (*yaml.Node, error) {
	t := d.read.get(d.parse)
	return t.root, t.err
}

// Forget drops what was parsed, which is parsed again when it is asked for.
func (f *File) Forget() {
	for _, d := range f.Docs {
		d.read.known.Store(nil)
		d.lines.known.Store(nil)
	}
}

func (d *Document) parse() tree {
	if !d.judge {
		if root := readPlain(d.Text()); root != nil {
			return tree{root: root}
		}
	}
	if at := tooDeep(d.Text()); at >= 0 {
		return tree{err: &SyntaxError{d.file.Path, d.Line + patch.Line(d.Text(), at) - 1, fmt.Sprintf("text nests more than %d levels", maxDepth)}}
	}
	var n yaml.Node
	if err := yaml.Unmarshal(withoutVersion(d.Text()), &n); err != nil {
		return tree{err: d.located(err)}
	}
	if len(n.Content) == 1 {
		return tree{root: n.Content[0]}
	}
	return tree{}
}

// withoutVersion hides a %YAML directive, which the parser takes for version 1.1
// only, behind a comment of the same length.
func withoutVersion(text []byte) []byte {
	for at := 0; at < len(text); {
		line := nextLine(text[at:])
		if bytes.HasPrefix(line, []byte("%YAML")) {
			text = bytes.Clone(text)
			text[at] = '#'
			return text
		}
		if !blank(line) && line[0] != '%' {
			break
		}
		at += len(line)
	}
	return text
}

// lineOf finds the line in an error of the parser, which counts from the start
// of the document.
var lineOf = regexp.MustCompile(`^line (\d+): `)

func (d *Document) located(err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	line := d.Line
	if m := lineOf.FindStringSubmatch(msg); m != nil {
		n, _ := strconv.Atoi(m[1])
		line, msg = d.Line+n-1, msg[len(m[0]):]
	}
	if expression := bytes.Index(d.Text(), []byte("{{")); expression >= 0 {
		msg += "; the text holds template expressions, {{ … }}"
	}
	return &SyntaxError{d.file.Path, line, msg}
}

// A SyntaxError says where a file is not YAML.
type SyntaxError struct {
	Path string
	Line int
	What string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d:1: %s", e.Path, e.Line, e.What) }

// refusal returns a refusal that points at a node, or at the document.
func (d *Document) refusal(n *yaml.Node, why, do string) error {
	r := &patch.Refusal{Path: d.file.Path, Line: d.Line, Why: why, Do: do}
	if n != nil {
		r.Line, r.Col = d.position(n)
	}
	return r
}

// File is the file that the document belongs to.
func (d *Document) File() *File { return d.file }
