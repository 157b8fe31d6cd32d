package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens a file. SQLite gives its -wal and -shm files the mode of the
// database. A commit is on the disk when it returns (synchronous FULL): a
// delivery that GitHub was told of survives a power cut.
//
// River's driver wants a single connection, so whoever uses the database while
// it holds a transaction waits for itself.
func openSQLite(ctx context.Context, file string, log *slog.Logger) (store, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	c, err := sqlite.NewConnector("file:" + (&url.URL{Path: file}).EscapedPath() + "?mode=rw&" +
		"_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", file, err)
	}
	db := sql.OpenDB(keeping{c})
	db.SetMaxOpenConns(1)
	if err := connect(ctx, db); err != nil {
		db.Close()
		return nil, fmt.Errorf("database %s: %w", file, err)
	}
	return newEngine(engine[*sql.Tx]{
		driver:   riversqlite.New(db),
		dialect:  sqliteWords,
		sql:      func(t *sql.Tx) statements { return sqliteTx{t} },
		interval: 100 * time.Millisecond, // SQLite cannot call workers, they have to look
		turn:     make(chan struct{}, 1), // else all who want the connection get it in any order
		shut:     func() { db.Close() },
		log:      log,
	})
}

// connect makes the connection. Changing a file to WAL does not wait for others
// that do the same, whatever the busy_timeout: it has to be asked again.
func connect(ctx context.Context, db *sql.DB) error {
	for end := time.Now().Add(10 * time.Second); ; {
		err := db.PingContext(ctx)
		var busy *sqlite.Error
		if !errors.As(err, &busy) || busy.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var sqliteWords = words{
	now:    `datetime('now', 'subsec')`,
	epoch:  `unixepoch('subsec')`,
	bytes:  `blob`,
	double: `real`,
	worker: `(j.attempted_by ->> '$[#-1]')`,
	stamp:  func(t time.Time) any { return t.UTC().Format("2006-01-02 15:04:05.000") },
}

type sqliteTx struct{ *sql.Tx }

func (t sqliteTx) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	res, err := t.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t sqliteTx) each(ctx context.Context, query string, args []any, row func(scan) error) error {
	rows, err := t.QueryContext(ctx, query, args...)
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
