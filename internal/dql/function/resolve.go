package function

import (
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// Args are the arguments of one call or command, put to its parameters.
type Args struct {
	Signature *Signature
	values    map[string][]*syntax.Arg
}

// Has reports whether a parameter was given.
func (a Args) Has(name string) bool { return len(a.values[name]) > 0 }

// Get returns the argument of a parameter, nil if it was left out.
func (a Args) Get(name string) *syntax.Arg {
	if v := a.values[name]; len(v) > 0 {
		return v[0]
	}
	return nil
}

// All returns the arguments of a variadic parameter, groups taken apart.
func (a Args) All(name string) []*syntax.Arg { return a.values[name] }

// seriesOptions are the parameters that aggregations have in timeseries and
// makeTimeseries only.
var seriesOptions = []Param{
	{Name: "default", Named: true, Optional: true}, {Name: "rate", Named: true, Optional: true},
	{Name: "scalar", Named: true, Optional: true}, {Name: "rollup", Named: true, Optional: true},
	{Name: "filter", Named: true, Optional: true},
}

// InSeries returns the signature that an aggregation has in timeseries and
// makeTimeseries. There, count may name a metric.
func (s *Signature) InSeries(metric bool) *Signature {
	out := *s
	out.Params = append(append([]Param{}, s.Params...), seriesOptions...)
	if metric && len(s.Params) == 0 && s.Aggregation() {
		out.Params = append([]Param{{Name: "expression"}}, out.Params...)
	}
	return &out
}

// Resolve puts arguments to the parameters of s; at is the name that was
// called, for errors.
func (s *Signature) Resolve(q *syntax.Query, at syntax.Node, given []*syntax.Arg) (Args, *syntax.Error) {
	r := resolver{s: s, q: q, at: at, args: Args{s, map[string][]*syntax.Arg{}}}
	for _, a := range given {
		if err := r.place(a); err != nil {
			return Args{}, err
		}
	}
	for _, p := range s.Params {
		if !p.Optional && !p.Variadic && !r.args.Has(p.Name) {
			return Args{}, q.Errorf("MANDATORY_PARAMETER_MISSING", at, "The parameter `%s` of `%s` is missing.", p.Name, s.Name).With(s.text)
		}
	}
	return r.args, nil
}

type resolver struct {
	s    *Signature
	q    *syntax.Query
	at   syntax.Node
	args Args
	next int // positional parameter
}

func (r *resolver) place(a *syntax.Arg) *syntax.Error {
	if a.Name != "" {
		for i := range r.s.Params {
			if p := &r.s.Params[i]; strings.EqualFold(p.Name, a.Name) {
				return r.put(p, a)
			}
		}
		return r.q.Errorf("UNKNOWN_PARAMETER", a, "`%s` has no parameter `%s`.", r.s.Name, a.Name).With(r.s.text)
	}
	positional := 0
	for i := range r.s.Params {
		p := &r.s.Params[i]
		if p.Named {
			continue
		}
		if positional == r.next || p.Variadic {
			if !p.Variadic {
				r.next++
			}
			return r.put(p, a)
		}
		positional++
	}
	return r.tooMany(a)
}

// tooMany reports a positional argument without a parameter for it.
func (r *resolver) tooMany(a *syntax.Arg) *syntax.Error {
	e := r.q.Errorf("TOO_MANY_POSITIONAL_PARAMETERS", a, "There are too many positional parameters defined for `%s`.", r.s.Name)
	text := r.q.Text[a.Start:a.End]
	switch r.s.Name {
	case "if":
		e.Hint = "the third parameter has a name: else: " + short(text)
	case "count":
		e.Hint = fmt.Sprintf("count() counts records; for those where %s is set write countIf(isNotNull(%[1]s)), for its distinct values countDistinctExact(%[1]s)", short(text))
	default:
		e.Hint = r.s.text + "; optional parameters have to be named"
	}
	return e
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

func (r *resolver) put(p *Param, a *syntax.Arg) *syntax.Error {
	if g, ok := a.Value.(*syntax.Group); ok && p.Variadic && a.Alias == nil {
		for _, item := range g.Items {
			r.args.values[p.Name] = append(r.args.values[p.Name], item)
		}
		return nil
	}
	if r.args.Has(p.Name) && !p.Variadic {
		return r.q.Errorf("DUPLICATE_PARAMETER", a, "The parameter `%s` of `%s` is given twice.", p.Name, r.s.Name)
	}
	r.args.values[p.Name] = append(r.args.values[p.Name], a)
	return nil
}

// Accepts reports whether a value of a kind may stand for a parameter; null
// always may.
func Accepts(p Param, k dql.Kind) bool {
	return k == dql.KindNull || len(p.Kinds) == 0 || slices.Contains(p.Kinds, k)
}

// WrongType is the error for a value of a kind that a parameter does not take.
func WrongType(q *syntax.Query, p Param, at syntax.Node, k dql.Kind) *syntax.Error {
	var want []string
	for _, k := range p.Kinds {
		want = append(want, k.String())
	}
	return q.Errorf("INVALID_PARAMETER_TYPE", at, "The parameter `%s` has to be a %s, but was a %s.", p.Name, strings.Join(want, " or "), k)
}

// Without returns a less the arguments of some parameters.
func (a Args) Without(names ...string) Args {
	out := Args{a.Signature, map[string][]*syntax.Arg{}}
	for name, v := range a.values {
		if !slices.Contains(names, name) {
			out.values[name] = v
		}
	}
	return out
}
