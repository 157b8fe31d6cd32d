package records

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A Scan says what to read.
type Scan struct {
	Table    string
	From, To time.Time
	Fields   []string // what the reader asks for; nil means every field
}

// A Push takes one record. Names and values are valid until it returns; the
// names of two records are the same slice if they are the same names.
type Push func(names []string, vals []dql.Value) error

// Scan reads a table with several workers, each of which gets a stretch of the
// files and a push function of its own. The records of a worker stand before
// those of the next one. With Fields set each record has these fields first
// and maybe some more, whether or not the recording has them. An error of push
// ends the scan.
func (s *Files) Scan(ctx context.Context, q Scan, workers int, start func(worker int) Push) error {
	files, t, events, err := s.find(q.Table)
	if err != nil {
		return err
	}
	r := &reading{ctx: ctx, scan: q, files: files, table: t}
	r.fields = fieldsFor(q.Fields)
	if t.view {
		return r.view(workers, start)
	}
	return r.each(workers, func(worker int) Push {
		push := start(worker)
		var l placer
		return func(names []string, vals []dql.Value) error {
			p := l.place(names, vals)
			if events && !t.holds(p.kind()) || !p.within(q.From, q.To) {
				return nil
			}
			return push(names, vals)
		}
	})
}

// fieldsFor adds the header to the fields asked for.
func fieldsFor(fields []string) []string {
	if fields == nil {
		return nil
	}
	out := slices.Clone(fields)
	for _, h := range header {
		if !slices.Contains(fields, h) {
			out = append(out, h)
		}
	}
	return out
}

// A reading is one scan under way.
type reading struct {
	ctx    context.Context
	scan   Scan
	files  []*file
	table  table
	fields []string
}

// A placer finds the header in records, most of which have it in the same
// places.
type placer struct {
	known bool // names and at are of a record
	names []string
	at    [len(placed{})]int
}

func (l *placer) place(names []string, vals []dql.Value) *placed {
	if !l.known || len(names) != len(l.names) || len(names) > 0 && &names[0] != &l.names[0] {
		l.known, l.names = true, names
		for i, h := range header {
			l.at[i] = slices.Index(names, h)
		}
	}
	var p placed
	for i, at := range l.at {
		if at >= 0 {
			p[i] = vals[at]
		}
	}
	return &p
}

// each reads the files with several workers.
func (r *reading) each(workers int, start func(worker int) Push) error {
	total := int64(0)
	for _, f := range r.files {
		total += f.size
	}
	if total < 4*block {
		workers = 1
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			errs[w] = r.stretch(ctx, total*int64(w)/int64(workers), total*int64(w+1)/int64(workers), start(w))
			if errs[w] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	return firstError(errs)
}

// firstError prefers what went wrong over what was cancelled because of it.
func firstError(errs []error) error {
	var cancelled error
	for _, err := range errs {
		if err == context.Canceled {
			cancelled = err
		} else if err != nil {
			return err
		}
	}
	return cancelled
}

// stretch reads the lines that start in [from, to) of all files in a row.
func (r *reading) stretch(ctx context.Context, from, to int64, push Push) error {
	d := newDecoder(r.fields)
	for _, f := range r.files {
		if from < f.size && to > 0 {
			err := f.lines(max(from, 0), min(to, f.size), func(lines string, at int64) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return f.records(lines, at, d, push)
			})
			if err != nil {
				return err
			}
		}
		from, to = from-f.size, to-f.size
	}
	return nil
}

// records decodes lines that start at a place of f.
func (f *file) records(lines string, at int64, d *decoder, push Push) error {
	if i := checkText(lines); i >= 0 {
		return f.errorAt(at+int64(i), fmt.Errorf("byte %#02x is not UTF-8", lines[i]))
	}
	for lines != "" {
		n := strings.IndexByte(lines, '\n') + 1
		if n == 0 {
			n = len(lines)
		}
		line := strings.TrimSuffix(lines[:n], "\n")
		if strings.TrimSpace(line) != "" {
			names, vals, err := d.decode(line)
			if err != nil {
				return f.errorAt(at+int64(min(d.at, len(line))), err)
			}
			if err := push(names, vals); err != nil {
				return err
			}
		}
		lines = lines[n:]
		at += int64(n)
	}
	return nil
}

// A kept is a record that outlives its line.
type kept struct {
	names []string
	vals  []dql.Value
}

// view reads the state of each problem, and pushes the problems in the order of
// their first update.
func (r *reading) view(workers int, start func(worker int) Push) error {
	views := make([]*view[kept], workers)
	err := r.each(workers, func(w int) Push {
		v := newView[kept](r.scan.To)
		views[w] = v
		words := interner{}
		var l placer
		var room arena
		return func(names []string, vals []dql.Value) error {
			p := l.place(names, vals)
			if !r.table.holds(p.kind()) {
				return nil
			}
			if e := v.entry(p.state()); e != nil {
				n := len(names)
				if r.fields != nil {
					n = len(r.scan.Fields) // the rest is the header, which the state holds
				}
				e.record.names = names[:n]
				if cap(e.record.vals) < n {
					e.record.vals = room.take(n)
				}
				e.record.vals = words.keep(e.record.vals[:0], vals[:n])
			}
			return nil
		}
	})
	if err != nil {
		return err
	}
	all := views[0]
	for _, v := range views[1:] {
		if v != nil {
			all.absorb(v)
		}
	}
	return r.pour(all, workers, start)
}

// pour pushes the problems in the window, a share by each worker.
func (r *reading) pour(v *view[kept], workers int, start func(worker int) Push) error {
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			push := start(w)
			for _, e := range v.list[len(v.list)*w/workers : len(v.list)*(w+1)/workers] {
				if e.state.touches(r.scan.From, r.scan.To) && errs[w] == nil {
					errs[w] = push(e.record.names, e.record.vals)
				}
			}
		})
	}
	wg.Wait()
	return firstError(errs)
}

// An arena gives out room for values from large pieces.
type arena struct{ free []dql.Value }

func (a *arena) take(n int) []dql.Value {
	if len(a.free) < n {
		a.free = make([]dql.Value, max(n, 1024))
	}
	out := a.free[:n:n]
	a.free = a.free[n:]
	return out
}

// An interner keeps one copy of each short string.
type interner map[string]string

// maxInterned bounds the strings that are kept, and maxWord their length.
const (
	maxInterned = 1 << 14
	maxWord     = 48
)

func (in interner) text(s string) string {
	if len(s) > maxWord {
		return strings.Clone(s)
	}
	if c, ok := in[s]; ok {
		return c
	}
	c := strings.Clone(s)
	if len(in) < maxInterned {
		in[c] = c
	}
	return c
}

// keep appends copies of vals, with memory of their own, to to.
func (in interner) keep(to, vals []dql.Value) []dql.Value {
	for _, v := range vals {
		to = append(to, in.value(v))
	}
	return to
}

func (in interner) value(v dql.Value) dql.Value {
	switch v.Kind() {
	case dql.KindString:
		s, _ := v.AsString()
		return dql.String(in.text(s))
	case dql.KindArray:
		list, _ := v.AsArray()
		return dql.Array(in.keep(make([]dql.Value, 0, len(list)), list)...)
	case dql.KindRecord:
		r, _ := v.AsRecord()
		names := make([]string, r.Len())
		for i, n := range r.Names() {
			names[i] = in.text(n)
		}
		return dql.Object(dql.NewRecord(names, in.keep(nil, r.Values())))
	}
	return v
}
