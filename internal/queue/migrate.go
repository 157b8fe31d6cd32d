package queue

import (
	"context"
	"fmt"
	"strings"
)

// Versions are the statements that made our own tables, beside River's, oldest
// first. A version that was released is never edited; the next one changes what
// it made.
var versions = []string{
	// salve_lane: whose turn it is among the jobs of a key; 0 for nobody's.
	// salve_waiting: the jobs of a key whose turn it is not, by age.
	// salve_process: the processes that work, and when they last said so.
	// salve_fact: what is kept, until when; 0 for ever.
	`CREATE TABLE salve_lane (lane text PRIMARY KEY, job bigint NOT NULL);
	 CREATE TABLE salve_waiting (lane text NOT NULL, job bigint NOT NULL, PRIMARY KEY (lane, job));
	 CREATE TABLE salve_process (id text PRIMARY KEY, seen {double} NOT NULL);
	 CREATE TABLE salve_fact (bucket text NOT NULL, name text NOT NULL, value {bytes} NOT NULL, expires {double} NOT NULL,
		PRIMARY KEY (bucket, name));
	 CREATE INDEX salve_fact_expires ON salve_fact (expires) WHERE expires > 0`,
}

// migrate brings the tables up to date, River's first. Processes that start at
// the same time take turns, and all but the first find nothing to do. A
// database that a newer release wrote is refused.
func migrate(ctx context.Context, s store) error {
	err := s.atomically(ctx, func(t tx) error {
		if lock := t.words().lock; lock != "" {
			if _, err := t.exec(ctx, lock); err != nil {
				return err
			}
		}
		if err := t.migrate(ctx); err != nil {
			return err
		}
		return migrateOwn(ctx, t)
	})
	if err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}

func migrateOwn(ctx context.Context, t tx) error {
	if _, err := t.exec(ctx, `CREATE TABLE IF NOT EXISTS salve_migration (version integer PRIMARY KEY)`); err != nil {
		return err
	}
	have, err := version(ctx, t)
	if err != nil {
		return err
	}
	if have > len(versions) {
		return fmt.Errorf("tables have version %d, this program knows %d: use the release that wrote them, or a newer one", have, len(versions))
	}
	types := strings.NewReplacer("{bytes}", t.words().bytes, "{double}", t.words().double)
	for v := have; v < len(versions); v++ {
		for statement := range strings.SplitSeq(versions[v], ";") {
			if _, err := t.exec(ctx, types.Replace(statement)); err != nil {
				return fmt.Errorf("version %d: %w", v+1, err)
			}
		}
		if _, err := t.exec(ctx, `INSERT INTO salve_migration (version) VALUES ($1)`, v+1); err != nil {
			return err
		}
	}
	return nil
}

func version(ctx context.Context, t tx) (v int, err error) {
	err = t.each(ctx, `SELECT coalesce(max(version), 0) FROM salve_migration`, nil, func(s scan) error { return s(&v) })
	return v, err
}

// migrated reports what migrate would have to do.
func migrated(ctx context.Context, s store) error {
	return s.atomically(ctx, func(t tx) error {
		switch v, err := version(ctx, t); {
		case err != nil:
			return fmt.Errorf("database has no tables of this program, run salve migrate: %w", err)
		case v != len(versions):
			return fmt.Errorf("database has version %d of the tables, this program wants %d: run salve migrate of the newer one", v, len(versions))
		}
		return nil
	})
}
