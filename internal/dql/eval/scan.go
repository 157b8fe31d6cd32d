package eval

import (
	"context"
	"errors"
	"runtime"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/records"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A scanner is a source that reads only the fields a query names, with several
// workers.
type scanner interface {
	Scan(ctx context.Context, s records.Scan, workers int, start func(worker int) records.Push) error
}

// An absorber is a sink that can take over what another of its kind gathered
// from later rows, so that several workers can fill one each.
type absorber interface {
	sink
	absorb(other sink)
}

// stateless are the commands that each worker can run on its own rows.
var stateless = map[string]bool{
	"filter": true, "filterOut": true, "fields": true, "fieldsAdd": true, "fieldsKeep": true, "fieldsRemove": true,
	"fieldsRename": true, "fieldsFlatten": true, "expand": true, "parse": true, "search": true, "lookup": true,
}

// scan runs the plan over files. Each worker has a pipe of its own, up to and
// with the first command that gathers rows; what they gathered is joined in
// the order of the files and goes on through the rest of the one pipe.
func (p *plan) scan(s scanner) error {
	n := 0
	for _, cmd := range p.q.Commands[1:] {
		if !stateless[commandName(cmd)] {
			break
		}
		n++
	}
	w := &workers{plan: p, n: n}
	err := s.Scan(p.run.ctx, *p.read, w.count(), w.start)
	if err != nil && !errors.Is(err, errDone) {
		if errors.Is(err, ErrNoTable) {
			field := p.q.Commands[0].Params[0].Value
			return p.q.Errorf("UNKNOWN_DATA_OBJECT", field, "%s isn't a valid data object.", p.read.Table)
		}
		return err
	}
	return w.finish()
}

func commandName(cmd *syntax.Command) string {
	if sig := function.Command(cmd.Name); sig != nil {
		return sig.Name
	}
	return cmd.Name
}

// workers are the pipes that fill up at the same time.
type workers struct {
	plan  *plan
	n     int // commands that each worker runs before the one that gathers
	head  sink
	joint []absorber
}

// count is how many workers there can be. A limit right after the stateless
// commands stops early, which one worker does best.
func (w *workers) count() int {
	if w.n < len(w.plan.steps) && commandName(w.plan.q.Commands[1+w.n]) == "limit" {
		return w.grow(1)
	}
	if w.plan.run.engine.Workers > 0 {
		return w.grow(w.plan.run.engine.Workers)
	}
	return w.grow(runtime.GOMAXPROCS(0))
}

// grow builds the pipes of n workers; the first one is that of the plan.
func (w *workers) grow(n int) int {
	w.joint = make([]absorber, n)
	steps := w.plan.steps
	w.joint[0] = w.joinAt(steps, w.plan.out)
	w.head = chain(steps[:w.n], w.joint[0])
	return n
}

// joinAt returns the sink that gathers: that of command n if it can absorb,
// else a collector in front of it.
func (w *workers) joinAt(steps []step, out *collector) absorber {
	if w.n == len(steps) {
		return out
	}
	next := chain(steps[w.n+1:], out)
	if a, ok := steps[w.n](next).(absorber); ok {
		return a
	}
	if commandName(w.plan.q.Commands[1+w.n]) == "limit" {
		return passing{steps[w.n](next)}
	}
	return &buffer{collector: collector{run: w.plan.run}, next: chain(steps[w.n:], out)}
}

// start returns where a worker pushes its records.
func (w *workers) start(worker int) records.Push {
	head := w.head
	if worker > 0 {
		c := w.plan.run.compiler(w.plan.q)
		if _, _, err := c.begin(w.plan.q.Commands[0]); err != nil {
			return failing(err)
		}
		steps, err := c.rest(w.plan.q)
		if err != nil {
			return failing(err)
		}
		w.joint[worker] = w.joinAt(steps, &collector{run: w.plan.run})
		head = chain(steps[:w.n], w.joint[worker])
	}
	in, r := &shapes{}, &row{}
	return func(names []string, vals []dql.Value) error {
		r.shape, r.vals = in.of(names), vals
		return head.push(r)
	}
}

func failing(err error) records.Push {
	return func([]string, []dql.Value) error { return err }
}

// finish joins what the workers gathered and lets it go on.
func (w *workers) finish() error {
	for _, j := range w.joint[1:] {
		if j != nil {
			w.joint[0].absorb(j)
		}
	}
	return w.head.flush()
}

// A buffer holds rows back until all workers have filled theirs.
type buffer struct {
	collector
	next sink
}

func (b *buffer) absorb(other sink) { b.collector.absorb(&other.(*buffer).collector) }

func (b *buffer) flush() error {
	return pour(len(b.rows), func(i int) *row { return b.rows[i] }, b.next)
}

// passing is a sink that a single worker fills; it has nothing to absorb.
type passing struct{ sink }

func (passing) absorb(sink) {}
