package records

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/dql"
)

// Files is a source of records in files of JSON lines.
type Files struct {
	events []*file
	named  map[string][]*file // tables with files of their own
}

// Open returns a source over files: FILE holds recorded events, NAME=FILE the
// table NAME. A file that is not regular, a pipe, is read at once; regular ones
// are read anew for each query.
func Open(names ...string) (*Files, error) {
	s := &Files{named: map[string][]*file{}}
	for _, arg := range names {
		path, table := arg, ""
		if t, p, ok := strings.Cut(arg, "="); ok && !strings.Contains(t, "/") {
			table, path = t, p
		}
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		if table == "" {
			s.events = append(s.events, f)
		} else {
			s.named[table] = append(s.named[table], f)
		}
	}
	return s, nil
}

// find returns the files and the rules of a table.
func (s *Files) find(name string) ([]*file, table, bool, error) {
	if files := s.named[name]; files != nil {
		return files, table{}, false, nil
	}
	if t, ok := tables[name]; ok {
		return s.events, t, true, nil
	}
	return nil, table{}, false, fmt.Errorf("%s: %w", name, ErrNoTable)
}

// Fetch yields the records of a table in [from, to).
func (s *Files) Fetch(ctx context.Context, name string, from, to time.Time) (iter.Seq2[dql.Record, error], error) {
	if _, _, _, err := s.find(name); err != nil {
		return nil, err
	}
	return func(yield func(dql.Record, error) bool) {
		err := s.Scan(ctx, Scan{Table: name, From: from, To: to}, 1, func(int) Push {
			return func(names []string, vals []dql.Value) error {
				if !yield(dql.NewRecord(names, append([]dql.Value(nil), vals...)), nil) {
					return io.EOF
				}
				return nil
			}
		})
		if err != nil && err != io.EOF {
			yield(dql.Record{}, err)
		}
	}, nil
}

// A file is one file of JSON lines.
type file struct {
	path string
	size int64
	data []byte // of one that is not regular
}

// maxPipe bounds what is read from a file that is not regular.
const maxPipe = 1 << 30

func open(path string) (*file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory; want a file of JSON lines", path)
	}
	if info.Mode().IsRegular() {
		return &file{path: path, size: info.Size()}, nil
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxPipe+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxPipe {
		return nil, fmt.Errorf("%s: more than %d bytes from a pipe; give a regular file", path, maxPipe)
	}
	return &file{path: path, size: int64(len(data)), data: data}, nil
}

// reader opens f for reading at any place.
func (f *file) reader() (io.ReaderAt, func() error, error) {
	if f.data != nil || f.size == 0 {
		return bytes.NewReader(f.data), func() error { return nil }, nil
	}
	in, err := os.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	return in, in.Close, nil
}

const (
	block   = 1 << 20  // bytes read at a time
	maxLine = 16 << 20 // of one record
)

// lines calls each with the lines that start in [from, to), some at a time,
// and where they stand.
func (f *file) lines(from, to int64, each func(lines string, at int64) error) error {
	in, close, err := f.reader()
	if err != nil {
		return err
	}
	defer close()
	b := blocks{in: in, path: f.path, at: from, skip: from > 0}
	if b.skip {
		b.at-- // a line starts at from only if a newline stands before it
	}
	for {
		lines, at, err := b.next(to)
		if err != nil || lines == "" {
			return err
		}
		if err := each(lines, at); err != nil {
			return err
		}
	}
}

// blocks reads whole lines, about a block at a time.
type blocks struct {
	in   io.ReaderAt
	path string
	at   int64  // of the next byte to read
	buf  []byte // read, not given out
	skip bool   // up to the end of the first line
	done bool
}

// next returns lines and where they start; "" means there are no more that
// start before to.
func (b *blocks) next(to int64) (string, int64, error) {
	for !b.done {
		eof, err := b.fill()
		if err != nil {
			return "", 0, err
		}
		start := b.at - int64(len(b.buf))
		if b.skip {
			i := bytes.IndexByte(b.buf, '\n')
			if i < 0 && !eof {
				continue
			}
			b.skip = false
			b.buf = b.buf[i+1:]
			start += int64(i + 1)
		}
		if start >= to {
			return "", 0, nil
		}
		end := bytes.LastIndexByte(b.buf, '\n') + 1
		if eof {
			end, b.done = len(b.buf), true
		}
		if rest := to - 1 - start; rest < int64(end) {
			// Lines from to on belong to another reader; the last one of ours
			// ends at the first newline that is not before to.
			if i := bytes.IndexByte(b.buf[rest:end], '\n'); i >= 0 {
				end, b.done = int(rest)+i+1, true
			}
		}
		if end > 0 {
			lines := string(b.buf[:end])
			b.buf = append(b.buf[:0], b.buf[end:]...)
			return lines, start, nil
		}
	}
	return "", 0, nil
}

// fill reads another block behind what is left of the last.
func (b *blocks) fill() (eof bool, err error) {
	if len(b.buf) > maxLine {
		return false, fmt.Errorf("%s: a record is longer than the limit of %d bytes", b.path, maxLine)
	}
	n := len(b.buf)
	if cap(b.buf) < n+block {
		grown := make([]byte, n, 2*n+block)
		copy(grown, b.buf)
		b.buf = grown
	}
	read, err := b.in.ReadAt(b.buf[n:n+block], b.at)
	b.buf = b.buf[:n+read]
	b.at += int64(read)
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

// errorAt places an error at a byte of f: file:line:column.
func (f *file) errorAt(at int64, err error) error {
	in, close, openErr := f.reader()
	if openErr != nil {
		return fmt.Errorf("%s: byte %d: %w", f.path, at, err)
	}
	defer close()
	line, column := 1, int64(1)
	buf := make([]byte, block)
	for pos := int64(0); pos < at; {
		n, readErr := in.ReadAt(buf[:min(block, at-pos)], pos)
		for _, c := range buf[:n] {
			column++
			if c == '\n' {
				line, column = line+1, 1
			}
		}
		pos += int64(n)
		if readErr != nil {
			break
		}
	}
	return fmt.Errorf("%s:%d:%d: %w", f.path, line, column, err)
}

// checkText reports where lines stop being UTF-8, -1 if they do not.
func checkText(lines string) int {
	if utf8.ValidString(lines) {
		return -1
	}
	for i, r := range lines {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(lines[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}
