// Package eval runs DQL on records in memory, as Grail would.
//
// A query is compiled into a pipe of sinks, each pushing rows to the next:
// filter and fieldsAdd hold no rows, summarize and dedup hold one per group,
// sort and join hold all. Expressions are compiled into closures, so that a
// row costs no look-up of names.
package eval

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/records"
	"github.com/salvehq/salve/internal/dql/scalar"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A Source gives the records of a table.
type Source interface {
	// Fetch yields the records of a table in [from, to); an error ends the
	// sequence. A table that the source does not have is ErrNoTable.
	Fetch(ctx context.Context, table string, from, to time.Time) (iter.Seq2[dql.Record, error], error)
}

// ErrNoTable says that a source does not have a table; the engine turns it into
// UNKNOWN_DATA_OBJECT at the place in the query.
var ErrNoTable = records.ErrNoTable

// Records is a source of records in memory; the field event.kind decides the
// tables that a record appears in, see package records.
func Records(recs []dql.Record) Source { return records.Memory(recs) }

// OpenRecords is a source of records in files of JSON lines: FILE holds
// recorded events, NAME=FILE the table NAME.
func OpenRecords(files ...string) (Source, error) {
	f, err := records.Open(files...)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// An Engine answers queries from a Source. It has no other effects: its clock
// and its time zone are fields.
type Engine struct {
	Source   Source         // nil has no tables
	Now      time.Time      // what now() is; required
	Location *time.Location // of getHour and the like; nil means UTC
	Workers  int            // that read files at the same time; 0 means one for each processor
}

// defaultWindow is how far back a query without from: looks.
const defaultWindow = 2 * time.Hour

// Query runs q. The error is a *syntax.Error for a query that Grail would
// refuse; whatever it returns is complete, so its Quality is OK.
func (e *Engine) Query(ctx context.Context, q dql.Query) (dql.Result, error) {
	tree, err := syntax.Parse(q.Name, q.Text)
	if err != nil {
		return dql.Result{}, err
	}
	tree, err = syntax.Bind(tree, q.Params)
	if err != nil {
		return dql.Result{}, err
	}
	return e.Run(ctx, tree, q.From, q.To)
}

// Run runs a tree whose placeholders are bound. A zero from means two hours
// before to, a zero to means now.
func (e *Engine) Run(ctx context.Context, tree *syntax.Query, from, to time.Time) (dql.Result, error) {
	if to.IsZero() {
		to = e.Now
	}
	if from.IsZero() {
		from = to.Add(-defaultWindow)
	}
	r := &run{ctx: ctx, engine: e, from: from, to: to, subs: map[*syntax.Query]*subquery{}}
	t, err := r.table(tree)
	if err != nil {
		return dql.Result{}, err
	}
	return dql.Result{Records: t.records(), Quality: dql.OK, Asked: e.Now.UTC()}, nil
}

// A run is one query being answered.
type run struct {
	ctx      context.Context
	engine   *Engine
	from, to time.Time // where a fetch says nothing

	rows atomic.Int64 // held in memory

	mu   sync.Mutex
	subs map[*syntax.Query]*subquery
}

// maxHeld bounds the rows that one query holds in memory at its ends and in its
// sorts.
const maxHeld = 10_000_000

// held counts one more row that is kept, and notices that the caller has gone.
func (r *run) held() error {
	n := r.rows.Add(1)
	if n > maxHeld {
		return &syntax.Error{
			Code: "RESULT_LIMIT_RECORDS", ExceptionType: "DQL-EXECUTION", Start: syntax.Pos{Line: 1, Column: 1}, End: syntax.Pos{Line: 1, Column: 1},
			Message: fmt.Sprintf("the query holds more than %d records", maxHeld), Hint: "filter or summarize earlier",
		}
	}
	if n%1024 == 0 {
		return r.ctx.Err()
	}
	return nil
}

// A subquery is answered once, however many workers need it.
type subquery struct {
	once  sync.Once
	table *table
	err   error
}

// sub returns the rows of a subquery.
func (r *run) sub(q *syntax.Query) (*table, error) {
	r.mu.Lock()
	s := r.subs[q]
	if s == nil {
		s = &subquery{}
		r.subs[q] = s
	}
	r.mu.Unlock()
	s.once.Do(func() { s.table, s.err = r.table(q) })
	return s.table, s.err
}

// env returns what functions may know; each worker has its own.
func (r *run) env() *scalar.Env {
	return &scalar.Env{Now: r.engine.Now, Location: r.engine.Location}
}

// table answers a query.
func (r *run) table(q *syntax.Query) (*table, error) {
	p, err := r.plan(q)
	if err != nil {
		return nil, err
	}
	if err := p.exec(); err != nil && !errors.Is(err, errDone) {
		return nil, err
	}
	return &table{scope: p.scope, rows: p.out.rows}, nil
}
