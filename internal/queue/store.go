package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// A store is a database, whichever it is.
type store interface {
	// atomically runs do in one transaction. Nothing else may use the database
	// inside do: SQLite has one connection and would wait for itself.
	atomically(ctx context.Context, do func(tx) error) error
	// ahead is atomically for who must not wait behind those: a delivery that
	// GitHub waits to be told of, however much work is under way.
	ahead(ctx context.Context, do func(tx) error) error
	client(*river.Config) (client, error)
	jobs() client // enqueues and looks, runs nothing
	poll() time.Duration
	close()
}

// A client is what this package uses of [river.Client], for any driver.
type client interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	JobGet(ctx context.Context, id int64) (*rivertype.JobRow, error)
	JobList(ctx context.Context, p *river.JobListParams) (*river.JobListResult, error)
	JobRetry(ctx context.Context, id int64) (*rivertype.JobRow, error)
	JobCancel(ctx context.Context, id int64) (*rivertype.JobRow, error)
}

// A tx is one transaction. Statements are written with $1 for parameters,
// which both databases take.
type tx interface {
	words() words
	exec(ctx context.Context, statement string, args ...any) (rows int64, err error)
	each(ctx context.Context, query string, args []any, row func(scan) error) error
	insert(ctx context.Context, a args, o *river.InsertOpts) (*rivertype.JobInsertResult, error)
	rescue(ctx context.Context, p *riverdriver.JobRescueManyParams) error
	wake(ctx context.Context, queue string) error // workers that sleep until the next poll
	migrate(ctx context.Context) error            // River's own tables
}

// A scan reads the columns of one row.
type scan func(to ...any) error

// Words are where the two databases speak differently.
type words struct {
	now    string              // timestamp, as River writes it
	epoch  string              // seconds since 1970, a fraction with them
	bytes  string              // type of a column
	double string              // type of a column
	locked string              // after a SELECT: rows that another transaction works on are left out
	worker string              // process that attempted river_job last
	lock   string              // statement that lets one migration run at a time; empty where a transaction does
	stamp  func(time.Time) any // a timestamp as a parameter
}

// openStore opens the database that url names, which is there.
func openStore(ctx context.Context, url string, log *slog.Logger) (store, error) {
	file, err := sqliteFile(url)
	switch {
	case err != nil:
		return nil, err
	case file == "":
		return openPostgres(ctx, url, log)
	}
	return openSQLite(ctx, file, log)
}

// create creates the file that url names, if it names one.
func create(url string) error {
	file, err := sqliteFile(url)
	if err != nil || file == "" {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return f.Close()
}

// ErrName says that what should name a database names none.
var ErrName = errors.New("want the name of a file, or postgres://user@host/name")

// sqliteFile is the name of the file that url names, empty for PostgreSQL.
func sqliteFile(url string) (string, error) {
	scheme, _, found := strings.Cut(url, "://")
	switch {
	case url == "":
		return "", fmt.Errorf("no database: %w", ErrName)
	case scheme == "postgres" || scheme == "postgresql":
		return "", nil
	case found && scheme != "sqlite":
		return "", fmt.Errorf("database %s://…: %w", scheme, ErrName)
	}
	return strings.TrimPrefix(strings.TrimPrefix(url, "sqlite:"), "//"), nil
}

// An engine is a store over one of River's drivers, whose transactions are T.
type engine[T any] struct {
	driver   riverdriver.Driver[T]
	inserts  *river.Client[T]
	dialect  words
	sql      func(T) statements
	interval time.Duration
	turn     chan struct{} // holds one; nil where transactions need not wait for each other
	shut     func()
	log      *slog.Logger
}

// Statements are SQL in a transaction of the driver's own type.
type statements interface {
	exec(ctx context.Context, statement string, args ...any) (rows int64, err error)
	each(ctx context.Context, query string, args []any, row func(scan) error) error
}

func newEngine[T any](e engine[T]) (*engine[T], error) {
	inserts, err := river.NewClient(e.driver, &river.Config{Logger: e.log})
	if err != nil {
		return nil, err
	}
	e.inserts = inserts
	return &e, nil
}

func (e *engine[T]) client(c *river.Config) (client, error) { return river.NewClient(e.driver, c) }
func (e *engine[T]) jobs() client                           { return e.inserts }
func (e *engine[T]) poll() time.Duration                    { return e.interval }
func (e *engine[T]) close()                                 { e.shut() }

func (e *engine[T]) atomically(ctx context.Context, do func(tx) error) error {
	if e.turn != nil {
		select {
		case e.turn <- struct{}{}:
			defer func() { <-e.turn }()
		case <-ctx.Done():
			return fmt.Errorf("database: %w", ctx.Err())
		}
	}
	return e.ahead(ctx, do)
}

func (e *engine[T]) ahead(ctx context.Context, do func(tx) error) error {
	exec, err := e.driver.GetExecutor().Begin(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	own := e.driver.UnwrapTx(exec)
	if err := do(&transaction[T]{statements: e.sql(own), engine: e, own: own, river: exec}); err != nil {
		// ctx may be why, and the connection must be given back all the same
		return errors.Join(err, exec.Rollback(context.WithoutCancel(ctx)))
	}
	if err := exec.Commit(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}
