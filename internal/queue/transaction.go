package queue

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// A transaction is a tx of an engine: our statements and River's, together.
type transaction[T any] struct {
	statements
	engine *engine[T]
	own    T
	river  riverdriver.ExecutorTx
}

func (t *transaction[T]) words() words { return t.engine.dialect }

func (t *transaction[T]) insert(ctx context.Context, a args, o *river.InsertOpts) (*rivertype.JobInsertResult, error) {
	return t.engine.inserts.InsertTx(ctx, t.own, a, o)
}

func (t *transaction[T]) rescue(ctx context.Context, p *riverdriver.JobRescueManyParams) error {
	_, err := t.river.JobRescueMany(ctx, p)
	return err
}

// wake tells River's producers of a job that became available by our own
// statement, the way that an insert does.
func (t *transaction[T]) wake(ctx context.Context, queue string) error {
	if !t.engine.driver.SupportsListenNotify() {
		return nil
	}
	return t.river.NotifyMany(ctx, &riverdriver.NotifyManyParams{
		Topic: "river_insert", Payload: []string{fmt.Sprintf("{%q: %q}", "queue", queue)},
	})
}

// migrate brings River's tables up to date. PostgreSQL does not let a
// transaction use a word that it added to an enum, and River adds one, so there
// each version has a transaction of its own, beside this one, which holds the
// lock.
func (t *transaction[T]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(t.engine.driver, &rivermigrate.Config{Logger: t.engine.log})
	if err != nil {
		return err
	}
	if t.words().lock != "" {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	} else {
		_, err = m.MigrateTx(ctx, t.own, rivermigrate.DirectionUp, nil)
	}
	return err
}
