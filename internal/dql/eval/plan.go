package eval

import (
	"errors"

	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/records"
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
	q     *syntax.Query
	start starter
	read  *records.Scan // of a fetch; nil for other starts
	steps []step
	out   *collector
	scope *scope // of the last command
}

// A starter pushes the rows that a query begins with.
type starter func(to sink) error

// A collector is the end of a pipe.
type collector struct {
	run  *run
	rows []*row
}

func (c *collector) push(r *row) error {
	c.rows = append(c.rows, r.clone())
	return c.run.held()
}

func (c *collector) flush() error { return nil }

func (c *collector) absorb(other sink) { c.rows = append(c.rows, other.(*collector).rows...) }

// exec runs the plan; its rows are in out.
func (p *plan) exec() error {
	if s, ok := p.run.engine.Source.(scanner); ok && p.read != nil {
		return p.scan(s)
	}
	pipe := chain(p.steps, p.out)
	if err := p.start(pipe); err != nil && !errors.Is(err, errDone) {
		return err
	}
	return pipe.flush()
}

// chain puts steps before a sink.
func chain(steps []step, to sink) sink {
	for i := len(steps) - 1; i >= 0; i-- {
		to = steps[i](to)
	}
	return to
}

// A compiler turns the commands of one query into steps.
type compiler struct {
	run    *run
	q      *syntax.Query
	env    *scalar.Env
	shapes *shapes
	scope  *scope
	locals map[string]expr // aliases of the same command
	needs  *needs
	iter   bool // inside an iterative function

	aggregations *[]aggregation // where aggregations go; nil where none may stand
}

// needs are the fields of the first table that a query reads.
type needs struct {
	all   bool
	names []string
	seen  map[string]bool
}

// need notes that the query reads a field.
func (c *compiler) need(name string) {
	if c.needs != nil && !c.needs.seen[name] {
		c.needs.seen[name] = true
		c.needs.names = append(c.needs.names, name)
	}
}

// needAll notes that the query reads fields that it does not name.
func (c *compiler) needAll() {
	if c.needs != nil {
		c.needs.all = true
	}
}

// compiler returns a compiler for q.
func (r *run) compiler(q *syntax.Query) *compiler {
	return &compiler{
		run: r, q: q, env: r.env(), shapes: &shapes{}, scope: &scope{open: true},
		needs: &needs{seen: map[string]bool{}},
	}
}

// plan compiles q.
func (r *run) plan(q *syntax.Query) (*plan, error) {
	c := r.compiler(q)
	p := &plan{run: r, q: q, out: &collector{run: r}}
	var err error
	if p.start, p.read, err = c.begin(q.Commands[0]); err != nil {
		return nil, err
	}
	if p.steps, err = c.rest(q); err != nil {
		return nil, err
	}
	p.scope = c.scope
	if p.read != nil && !c.scope.open && !c.needs.all {
		p.read.Fields = append([]string{}, c.needs.names...)
	}
	return p, nil
}

// rest compiles all commands but the first.
func (c *compiler) rest(q *syntax.Query) ([]step, error) {
	var steps []step
	for _, cmd := range q.Commands[1:] {
		s, err := c.step(cmd)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
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
func (c *compiler) begin(cmd *syntax.Command) (starter, *records.Scan, error) {
	args, err := c.resolve(cmd)
	if err != nil {
		return nil, nil, err
	}
	var start starter
	switch args.Signature.Name {
	case "fetch":
		return c.fetch(args)
	case "data":
		start, err = c.data(args)
		return start, nil, err
	case "timeseries":
		start, err = c.timeseries(args)
		return start, nil, err
	}
	return nil, nil, c.q.Errorf("PARSE_ERROR", cmd.Named, "A query can't start with `%s`.", cmd.Name).With("start with fetch or data")
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
