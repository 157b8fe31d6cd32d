package eval

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// fieldTest compiles the fields of fieldsKeep and fieldsRemove, which may be
// patterns with *.
func (c *compiler) fieldTest(args function.Args) (func(name string) bool, []string, error) {
	exact := map[string]bool{}
	var names, patterns []string
	for _, a := range args.All("field") {
		switch x := a.Value.(type) {
		case *syntax.Field:
			if x.Pattern {
				patterns = append(patterns, x.Name)
				continue
			}
			exact[x.Name] = true
			names = append(names, x.Name)
		case *syntax.Literal:
			s, ok := x.Value.AsString()
			if !ok {
				return nil, nil, c.q.Errorf("PARSE_ERROR", a, "`%s` takes names of fields.", args.Signature.Name)
			}
			patterns = append(patterns, s)
		default:
			return nil, nil, c.q.Errorf("PARSE_ERROR", a, "`%s` takes names of fields.", args.Signature.Name)
		}
	}
	return func(n string) bool {
		return exact[n] || slices.ContainsFunc(patterns, func(p string) bool { return star(n, p) })
	}, names, nil
}

// star reports whether name is the pattern, in which * is any text.
func star(name, pattern string) bool {
	head, tail, ok := strings.Cut(pattern, "*")
	if !ok {
		return name == pattern
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	rest := name[len(head):]
	for i := 0; i <= len(rest); i++ {
		if star(rest[i:], tail) {
			return true
		}
		if !strings.Contains(tail, "*") && i == 0 && len(rest) >= len(tail) {
			return strings.HasSuffix(rest, tail)
		}
	}
	return false
}

func (c *compiler) fieldsRemove(args function.Args) (step, error) {
	drop, names, err := c.fieldTest(args)
	if err != nil {
		return nil, err
	}
	if err := c.known(names, args); err != nil {
		return nil, err
	}
	c.scope = c.scope.without(drop)
	return c.dropping(drop), nil
}

func (c *compiler) fieldsKeep(args function.Args) (step, error) {
	keep, names, err := c.fieldTest(args)
	if err != nil {
		return nil, err
	}
	if err := c.known(names, args); err != nil {
		return nil, err
	}
	drop := func(n string) bool { return !keep(n) }
	open := c.scope.open && len(names) < len(args.All("field"))
	c.scope = c.scope.with(names...).without(drop)
	c.scope.open = open
	for _, n := range names {
		c.need(n)
	}
	return c.dropping(drop), nil
}

// known reports a name that a closed scope does not have.
func (c *compiler) known(names []string, args function.Args) error {
	for _, a := range args.All("field") {
		if f, ok := a.Value.(*syntax.Field); ok && !f.Pattern && !c.scope.has(f.Name) {
			return c.unknownField(f)
		}
	}
	return nil
}

func (c *compiler) dropping(drop func(string) bool) step {
	d := &dropper{shapes: c.shapes, drop: drop}
	return func(next sink) sink { return &mapSink{next, d.apply} }
}

// fieldsRename gives fields other names: new = old. A field that had the new
// name before vanishes.
func (c *compiler) fieldsRename(args function.Args) (step, error) {
	to := map[string]string{}
	taken := map[string]bool{}
	for _, a := range args.All("field") {
		f, ok := a.Value.(*syntax.Field)
		if !ok || a.Alias == nil {
			return nil, c.q.Errorf("PARSE_ERROR", a, "`fieldsRename` takes new = old.")
		}
		if !c.scope.has(f.Name) {
			return nil, c.unknownField(f)
		}
		c.need(f.Name)
		to[f.Name] = a.Alias.Name
		taken[a.Alias.Name] = true
	}
	gone := func(n string) bool { return taken[n] && to[n] == "" }
	renamed := &scope{open: c.scope.open}
	for _, n := range c.scope.names {
		switch {
		case to[n] != "":
			renamed = renamed.with(to[n])
		case !gone(n):
			renamed = renamed.with(n)
		}
	}
	for _, n := range to {
		renamed = renamed.with(n)
	}
	c.scope = renamed
	d := &dropper{shapes: c.shapes, drop: gone}
	r := &renamer{shapes: c.shapes, to: to}
	return func(next sink) sink {
		return &mapSink{next, func(in *row) *row { return r.apply(d.apply(in)) }}
	}, nil
}

type renamer struct {
	shapes *shapes
	to     map[string]string
	last   *shape
	out    row
}

func (s *renamer) apply(r *row) *row {
	if r.shape != s.last {
		s.last = r.shape
		names := slices.Clone(r.shape.names)
		for i, n := range names {
			if s.to[n] != "" {
				names[i] = s.to[n]
			}
		}
		s.out.shape = s.shapes.of(names)
	}
	s.out.vals = r.vals
	return &s.out
}

// fieldsFlatten makes fields of the fields of a record.
func (c *compiler) fieldsFlatten(args function.Args) (step, error) {
	a := args.Get("expression")
	f, err := c.expr(a.Value)
	if err != nil {
		return nil, err
	}
	fl := &flattener{record: f, shapes: c.shapes, depth: 1}
	if args.Has("fields") && args.Has("prefix") {
		return nil, c.q.Errorf("PARSE_ERROR", args.Get("prefix"), "`prefix` and `fields` exclude each other.")
	}
	if !args.Has("fields") {
		fl.prefix = columnName(a) + "."
	}
	if fl.prefix, err = c.text(args.Get("prefix"), fl.prefix); err != nil {
		return nil, err
	}
	if d := args.Get("depth"); d != nil {
		v, _ := c.constant(d.Value)
		n, ok := v.AsLong()
		if !ok || n < 1 || n > 10 {
			return nil, c.q.Errorf("INVALID_PARAMETER_TYPE", d, "`depth` takes a number from 1 to 10.")
		}
		fl.depth = int(n)
	}
	for _, a := range args.All("fields") {
		sub, ok := a.Value.(*syntax.Field)
		if !ok {
			return nil, c.q.Errorf("PARSE_ERROR", a, "`fields` takes fields of the record.")
		}
		fl.from = append(fl.from, sub.Name)
		fl.to = append(fl.to, fl.prefix+columnName(a))
	}
	c.scope = c.scope.with(fl.to...)
	c.scope.open = c.scope.open || fl.from == nil
	return func(next sink) sink { return &mapSink{next, fl.apply} }, nil
}

type flattener struct {
	shapes   *shapes
	record   expr
	prefix   string
	depth    int
	from, to []string // nil means all
}

func (f *flattener) apply(r *row) *row {
	rec, _ := f.record(r).AsRecord()
	names, vals := slices.Clone(r.shape.names), slices.Clone(r.vals)
	put := func(n string, v dql.Value) {
		if i := slices.Index(names, n); i >= 0 {
			vals[i] = v
			return
		}
		names, vals = append(names, n), append(vals, v)
	}
	if f.from == nil {
		flatten(rec, f.prefix, f.depth, put)
	}
	for i, n := range f.from {
		put(f.to[i], path(rec, n))
	}
	return &row{shape: f.shapes.of(names), vals: vals}
}

// flatten calls put for the fields of a record, those of records in it below
// depth with dotted names.
func flatten(rec dql.Record, prefix string, depth int, put func(string, dql.Value)) {
	for n, v := range rec.All() {
		if inner, ok := v.AsRecord(); ok && depth > 1 {
			flatten(inner, prefix+n+".", depth-1, put)
			continue
		}
		put(prefix+n, v)
	}
}

// path returns a field of a record, or of a record in it: a.b.
func path(rec dql.Record, name string) dql.Value {
	if rec.Has(name) {
		return rec.Get(name)
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		if inner, ok := rec.Get(name[:i]).AsRecord(); ok {
			return path(inner, name[i+1:])
		}
	}
	return dql.Null
}

// fieldsSummary counts the values of fields, the most frequent first. rawCount
// and count differ only where records were sampled.
func (c *compiler) fieldsSummary(args function.Args) (step, error) {
	s := &summarySink{top: 20}
	if a := args.Get("topValues"); a != nil {
		v, _ := c.constant(a.Value)
		s.top, _ = v.AsLong()
	}
	for _, a := range args.All("field") {
		e, err := c.expr(a.Value)
		if err != nil {
			return nil, err
		}
		s.names, s.exprs = append(s.names, columnName(a)), append(s.exprs, e)
		s.counts = append(s.counts, map[string]*counted{})
	}
	c.scope = &scope{names: []string{"field", "rawCount", "count", "values"}}
	return func(next sink) sink { s.next = next; return s }, nil
}

type summarySink struct {
	next   sink
	top    int64
	names  []string
	exprs  []expr
	counts []map[string]*counted
	buf    []byte
}

type counted struct {
	value dql.Value
	n     int64
}

func (s *summarySink) push(r *row) error {
	for i, e := range s.exprs {
		v := e(r)
		if v.IsNull() {
			continue
		}
		s.buf = appendKey(s.buf[:0], v)
		c := s.counts[i][string(s.buf)]
		if c == nil {
			c = &counted{value: detach(v)}
			s.counts[i][string(s.buf)] = c
		}
		c.n++
	}
	return nil
}

func (s *summarySink) flush() error {
	out := newShape([]string{"field", "rawCount", "count", "values"})
	return pour(len(s.names), func(i int) *row {
		var all []*counted
		total := int64(0)
		for _, c := range s.counts[i] {
			all = append(all, c)
			total += c.n
		}
		slices.SortFunc(all, func(a, b *counted) int {
			if a.n != b.n {
				return int(b.n - a.n)
			}
			return dql.Compare(a.value, b.value)
		})
		var values []dql.Value
		for _, c := range all[:min(int64(len(all)), max(0, s.top))] {
			values = append(values, dql.Object(dql.NewRecord([]string{"value", "count"}, []dql.Value{c.value, dql.Long(c.n)})))
		}
		return &row{shape: out, vals: []dql.Value{dql.String(s.names[i]), dql.Long(total), dql.Long(total), dql.Array(values...)}}
	}, s.next)
}
