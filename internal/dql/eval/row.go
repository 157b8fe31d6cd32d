package eval

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// A shape is the list of names that rows of one kind share, so that a field is
// looked up once for many rows.
type shape struct {
	names []string
	index map[string]int
}

func newShape(names []string) *shape {
	s := &shape{names: names, index: make(map[string]int, len(names))}
	for i, n := range names {
		s.index[n] = i
	}
	return s
}

// at returns the place of a name, -1 if the shape does not have it.
func (s *shape) at(name string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	return -1
}

// A row is a record on its way through the pipe. It is valid until push
// returns; who keeps it keeps a clone.
type row struct {
	shape *shape
	vals  []dql.Value
	turn  int // of an iterative expression
}

func (r *row) clone() *row { return &row{shape: r.shape, vals: slices.Clone(r.vals)} }

func (r *row) get(name string) dql.Value {
	if i := r.shape.at(name); i >= 0 {
		return r.vals[i]
	}
	return dql.Null
}

// shapes keeps the shapes of one worker, each once.
type shapes struct {
	byNames map[string]*shape
	byFirst map[*string]*shape // names slices already seen
}

func (s *shapes) of(names []string) *shape {
	if len(names) > 0 {
		if known := s.byFirst[&names[0]]; known != nil && len(known.names) == len(names) {
			return known
		}
	}
	key := strings.Join(names, "\x00")
	known := s.byNames[key]
	if known == nil {
		if s.byNames == nil {
			s.byNames, s.byFirst = map[string]*shape{}, map[*string]*shape{}
		}
		known = newShape(names)
		s.byNames[key] = known
	}
	if len(names) > 0 && len(s.byFirst) < maxShapes {
		s.byFirst[&names[0]] = known
	}
	return known
}

// maxShapes bounds how many slices of names are remembered.
const maxShapes = 10_000

// A table is an answer: of a query or of a subquery.
type table struct {
	scope *scope
	rows  []*row
}

// records returns the rows as records that all have the same fields.
func (t *table) records() []dql.Record {
	names := t.names()
	whole := newShape(names)
	out := make([]dql.Record, len(t.rows))
	for i, r := range t.rows {
		if slices.Equal(r.shape.names, names) {
			out[i] = dql.NewRecord(whole.names, r.vals)
			continue
		}
		vals := make([]dql.Value, len(names))
		for j, n := range r.shape.names {
			vals[whole.index[n]] = r.vals[j]
		}
		out[i] = dql.NewRecord(whole.names, vals)
	}
	return out
}

// names returns the fields of all rows, in the order of their first
// appearance.
func (t *table) names() []string {
	var names []string
	seen := map[string]bool{}
	shapes := map[*shape]bool{}
	for _, r := range t.rows {
		if shapes[r.shape] {
			continue
		}
		shapes[r.shape] = true
		for _, n := range r.shape.names {
			if !seen[n] {
				seen[n] = true
				names = append(names, n)
			}
		}
	}
	return names
}
