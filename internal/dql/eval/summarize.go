package eval

import (
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// An aggregation is one call of an aggregation function in a command.
type aggregation struct {
	args []expr
	make func() accumulator
}

// aggregate compiles the aggregations in x and returns an expression over
// their results, which it numbers from len(*into): it reads them as fields of
// a row of results.
func (c *compiler) aggregate(x syntax.Expr, into *[]aggregation) (expr, error) {
	inner := *c
	inner.aggregations = into
	return inner.compile(x)
}

// aggregationCall compiles one call; its value is read from the row of
// results.
func (c *compiler) aggregationCall(sig *function.Signature, x *syntax.Call) (expr, error) {
	args, bad := sig.Resolve(c.q, x.Named, x.Params)
	if bad != nil {
		return nil, bad
	}
	outer := *c
	outer.aggregations = nil
	agg, err := outer.aggregation(sig, args)
	if err != nil {
		return nil, err
	}
	at := len(*c.aggregations)
	*c.aggregations = append(*c.aggregations, agg)
	return func(r *row) dql.Value { return r.vals[at] }, nil
}

// aggregation compiles the arguments of an aggregation.
func (c *compiler) aggregation(sig *function.Signature, args function.Args) (aggregation, error) {
	var agg aggregation
	elements := false
	options := map[string]dql.Value{}
	var list []dql.Value
	for _, p := range sig.Params {
		for _, a := range args.All(p.Name) {
			if lit, ok := syntax.Strip(a.Value).(*syntax.Literal); ok && !function.Accepts(p, lit.Value.Kind()) {
				return agg, function.WrongType(c.q, p, a, lit.Value.Kind())
			}
			if constantParams[p.Name] {
				v, ok := c.constant(a.Value)
				if !ok {
					return agg, c.q.Errorf("INVALID_PARAMETER_TYPE", a, "The parameter `%s` of `%s` takes a constant.", p.Name, sig.Name)
				}
				options[p.Name] = v
				list = append(list, v)
				continue
			}
			elements = elements || iterative(a.Value)
			e, err := c.expr(a.Value)
			if err != nil {
				return agg, err
			}
			agg.args = append(agg.args, e)
		}
	}
	one := accumulatorOf(sig.Name, options, list)
	if agg.make = one; elements {
		agg.make = func() accumulator { return &vector{make: one} }
	}
	return agg, nil
}

// constantParams are the parameters of aggregations that are the same for all
// records.
var constantParams = map[string]bool{
	"percentile": true, "value": true, "maxLength": true, "expand": true, "precision": true, "originalCount": true,
}

// A grouping is what summarize works with.
type grouping struct {
	keys     []expr
	aggs     []aggregation
	finals   []expr // over the row of results
	shape    *shape // of the output: keys, then finals
	results  *shape
	byFields bool
}

// summarize makes one row of each group.
func (c *compiler) summarize(args function.Args) (step, error) {
	g := &grouping{byFields: args.Has("by")}
	names, keys, err := c.columns(args.All("by"))
	if err != nil {
		return nil, err
	}
	g.keys = keys
	for _, a := range args.All("aggregation") {
		if !aggregates(a.Value) {
			return nil, c.q.Errorf("AGGREGATION_EXPECTED", a, "An aggregation is expected here.").With("summarize takes aggregations such as count(); fields to group by stand in by:{…}")
		}
		final, err := c.aggregate(a.Value, &g.aggs)
		if err != nil {
			return nil, err
		}
		g.finals = append(g.finals, final)
		names = append(names, columnName(a))
	}
	c.scope = &scope{names: dedupNames(names)}
	g.shape = newShape(names)
	g.results = newShape(make([]string, len(g.aggs)))
	return func(next sink) sink { return &summarizeSink{next: next, grouping: g, groups: map[string]*group{}} }, nil
}

func dedupNames(names []string) []string {
	var out []string
	for _, n := range names {
		out = appendNew(out, n)
	}
	return out
}

// aggregates reports whether x calls an aggregation.
func aggregates(x syntax.Expr) bool {
	found := false
	syntax.Walk(x, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.Call); ok {
			sig := function.Lookup(call.Name)
			found = found || sig != nil && sig.Aggregation()
		}
		return !found
	})
	return found
}

type summarizeSink struct {
	*grouping
	next   sink
	groups map[string]*group
	list   []*group
	buf    []byte
}

type group struct {
	key  string
	vals []dql.Value
	accs []accumulator
}

func (s *summarizeSink) push(r *row) error {
	s.buf = s.buf[:0]
	for _, k := range s.keys {
		s.buf = appendKey(s.buf, k(r))
	}
	g := s.groups[string(s.buf)]
	if g == nil {
		g = s.group(string(s.buf))
		for i, k := range s.keys {
			g.vals[i] = detach(k(r))
		}
	}
	for i := range s.aggs {
		a := &s.aggs[i]
		switch len(a.args) {
		case 0:
			g.accs[i].add(dql.Null, dql.Null)
		case 1:
			g.accs[i].add(a.args[0](r), dql.Null)
		default:
			g.accs[i].add(a.args[0](r), a.args[1](r))
		}
	}
	return nil
}

// group adds a group.
func (s *summarizeSink) group(key string) *group {
	g := &group{key: key, vals: make([]dql.Value, len(s.keys)), accs: make([]accumulator, len(s.aggs))}
	for i := range s.aggs {
		g.accs[i] = s.aggs[i].make()
	}
	s.groups[key] = g
	s.list = append(s.list, g)
	return g
}

// detach returns v with memory of its own, so that keeping it does not keep
// the text it was cut from.
func detach(v dql.Value) dql.Value {
	if s, ok := v.AsString(); ok {
		return dql.String(strings.Clone(s))
	}
	return v
}

// absorb takes the groups of another worker, whose rows come after those of s.
func (s *summarizeSink) absorb(other sink) {
	for _, theirs := range other.(*summarizeSink).list {
		g := s.groups[theirs.key]
		if g == nil {
			s.groups[theirs.key] = theirs
			s.list = append(s.list, theirs)
			continue
		}
		for i, acc := range g.accs {
			acc.merge(theirs.accs[i])
		}
	}
}

func (s *summarizeSink) flush() error {
	if len(s.list) == 0 && !s.byFields {
		s.group("")
	}
	results := &row{shape: s.results, vals: make([]dql.Value, len(s.aggs))}
	return pour(len(s.list), func(i int) *row {
		g := s.list[i]
		for j, acc := range g.accs {
			results.vals[j] = acc.value()
		}
		out := &row{shape: s.shape, vals: make([]dql.Value, len(s.shape.names))}
		for j, v := range g.vals {
			out.vals[s.shape.index[s.shape.names[j]]] = v
		}
		for j, f := range s.finals {
			out.vals[s.shape.index[s.shape.names[len(g.vals)+j]]] = f(results)
		}
		return out
	}, s.next)
}
