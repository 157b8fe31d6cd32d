package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// openPostgres opens a pool of connections. River keeps one to listen on.
func openPostgres(ctx context.Context, url string, log *slog.Logger) (store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err) // pgx leaves the password out
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, 12)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database: %w", err)
	}
	return newEngine(engine[pgx.Tx]{
		driver:   riverpgxv5.New(pool),
		dialect:  postgresWords,
		sql:      func(t pgx.Tx) statements { return postgresTx{t} },
		interval: 500 * time.Millisecond, // workers are called; this is for calls that got lost
		shut:     pool.Close,
		log:      log,
	})
}

var postgresWords = words{
	now:    `now()`,
	epoch:  `extract(epoch FROM clock_timestamp())::float8`,
	bytes:  `bytea`,
	double: `double precision`,
	locked: `FOR UPDATE OF j SKIP LOCKED`,
	worker: `j.attempted_by[array_upper(j.attempted_by, 1)]`,
	lock:   `SELECT pg_advisory_xact_lock(7233470911)`,
	stamp:  func(t time.Time) any { return t },
}

type postgresTx struct{ pgx.Tx }

func (t postgresTx) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	tag, err := t.Exec(ctx, statement, args...)
	return tag.RowsAffected(), err
}

func (t postgresTx) each(ctx context.Context, query string, args []any, row func(scan) error) error {
	rows, err := t.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
