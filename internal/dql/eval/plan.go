package eval

import (
	"errors"

	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A sink takes rows. push may return errDone: no further row will change the
// answer. flush is called once, after the last row.
type sink interface {
	push(r *row) error
	flush() error
}

// errDone ends a pipe early; it is not a failure.
var errDone = errors.New("done")

// A step is a command between its neighbours: given the next sink, it returns
// its own.
type step func(next sink) sink

// A plan is a query ready to run: where its rows come from and the pipe they
// go through.
type plan struct {
	run   *run
	start starter
	pipe  sink
	out   *collector
	scope *scope // of the last command
}

// A starter pushes the rows that a query begins with.
type starter func(to sink) error

// A collector is the end of a pipe.
type collector struct{ rows []*row }

func (c *collector) push(r *row) error {
	c.rows = append(c.rows, r.clone())
	return nil
}

func (c *collector) flush() error { return nil }

// exec runs the plan; its rows are in out.
func (p *plan) exec() error {
	if err := p.start(p.pipe); err != nil && !errors.Is(err, errDone) {
		return err
	}
	return p.pipe.flush()
}

// A compiler turns the commands of one query into steps.
type compiler struct {
	run    *run
	q      *syntax.Query
	env    *scalar.Env
	shapes *shapes
	scope  *scope
	locals map[string]expr // aliases of the same command
	needs  map[string]bool // fields read so far; nil once all are needed
	iter   bool            // inside an iterative function

	aggregations *[]aggregation // where aggregations go; nil where none may stand
}

// plan compiles q.
func (r *run) plan(q *syntax.Query) (*plan, error) {
	c := &compiler{run: r, q: q, env: r.env(), shapes: &shapes{}, scope: &scope{open: true}}
	p := &plan{run: r, out: &collector{}}
	start, err := c.begin(q.Commands[0])
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, cmd := range q.Commands[1:] {
		s, err := c.step(cmd)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	p.start, p.scope = start, c.scope
	p.pipe = p.out
	for i := len(steps) - 1; i >= 0; i-- {
		p.pipe = steps[i](p.pipe)
	}
	return p, nil
}

// resolve puts the arguments of a command to its parameters.
func (c *compiler) resolve(cmd *syntax.Command) (function.Args, error) {
	sig := function.Command(cmd.Name)
	if sig == nil {
		e := c.q.Errorf("UNKNOWN_COMMAND", cmd.Named, "There's no command `%s`.", cmd.Name)
		e.Hint = function.Suggest(cmd.Name, function.Commands())
		return function.Args{}, e
	}
	args, err := sig.Resolve(c.q, cmd.Named, cmd.Params)
	if err != nil {
		return function.Args{}, err
	}
	return args, nil
}

// begin compiles the first command.
func (c *compiler) begin(cmd *syntax.Command) (starter, error) {
	args, err := c.resolve(cmd)
	if err != nil {
		return nil, err
	}
	switch args.Signature.Name {
	case "fetch":
		return c.fetch(cmd, args)
	case "data":
		return c.data(args)
	case "timeseries":
		return c.timeseries(args)
	}
	return nil, c.q.Errorf("PARSE_ERROR", cmd.Named, "A query can't start with `%s`.", cmd.Name).With("start with fetch or data")
}

// step compiles any other command.
func (c *compiler) step(cmd *syntax.Command) (step, error) {
	args, err := c.resolve(cmd)
	if err != nil {
		return nil, err
	}
	switch args.Signature.Name {
	case "filter", "filterOut":
		return c.filter(args)
	case "fields":
		return c.fields(args)
	case "fieldsAdd":
		return c.fieldsAdd(args)
	case "dedup":
		return c.dedup(args)
	case "sort":
		return c.sort(args)
	case "limit":
		return c.limit(args)
	case "summarize":
		return c.summarize(args)
	case "expand":
		return c.expand(args)
	case "lookup":
		return c.lookup(args)
	case "join":
		return c.join(args)
	case "joinNested":
		return c.joinNested(args)
	case "append":
		return c.append(args)
	case "search":
		return c.search(args)
	case "fieldsKeep":
		return c.fieldsKeep(args)
	case "fieldsRemove":
		return c.fieldsRemove(args)
	case "fieldsRename":
		return c.fieldsRename(args)
	case "fieldsFlatten":
		return c.fieldsFlatten(args)
	case "fieldsSummary":
		return c.fieldsSummary(args)
	case "parse":
		return c.parse(args)
	case "makeTimeseries":
		return c.makeTimeseries(args)
	}
	return nil, c.q.Errorf("UNSUPPORTED_COMMAND", cmd.Named, "`%s` can't follow a |.", cmd.Name)
}
