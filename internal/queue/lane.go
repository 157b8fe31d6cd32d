package queue

import (
	"context"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// A lane is the jobs of one key, locked by a transaction. At most one of them
// has its turn: it is available or running. The others wait in the database,
// as pending if they never started, as parked if they come back from a retry,
// a rate limit or a timer, and take no worker.
//
// A turn whose job is neither available nor running is over, whatever ended it:
// a crash between two transactions costs a lane the time until the next sweep,
// never a job.
type lane struct {
	tx   tx
	key  string
	turn int64 // the job whose turn it is, 0 for none
	busy bool  // that job is available or running
}

// A parked job is scheduled for a century ahead, which is after outOfReach.
const (
	parkedFor  = 100 * 365 * 24 * time.Hour
	outOfReach = "2100-01-01"
)

// parked reports whether j waits for its turn after a worker had it.
func parked(j *rivertype.JobRow) bool {
	return j.State == rivertype.JobStateScheduled && j.ScheduledAt.Format(time.DateOnly) > outOfReach
}

// lockLane returns the lane of key and keeps others from changing it until the
// transaction ends. On SQLite the transaction itself does so.
func lockLane(ctx context.Context, t tx, key string) (lane, error) {
	l := lane{tx: t, key: key}
	err := t.each(ctx, `INSERT INTO salve_lane (lane, job) VALUES ($1, 0)
		ON CONFLICT (lane) DO UPDATE SET lane = excluded.lane RETURNING job`,
		[]any{key}, func(s scan) error { return s(&l.turn) })
	if err != nil || l.turn == 0 {
		return l, err
	}
	err = t.each(ctx, `SELECT 1 FROM river_job WHERE id = $1 AND state IN ('available', 'running')`,
		[]any{l.turn}, func(s scan) error { l.busy = true; return nil })
	return l, err
}

// take gives job the turn.
func (l lane) take(ctx context.Context, job int64) error {
	if _, err := l.tx.exec(ctx, `DELETE FROM salve_waiting WHERE lane = $1 AND job = $2`, l.key, job); err != nil {
		return err
	}
	_, err := l.tx.exec(ctx, `UPDATE salve_lane SET job = $2 WHERE lane = $1`, l.key, job)
	return err
}

// wait makes job wait for its turn.
func (l lane) wait(ctx context.Context, job int64) error {
	_, err := l.tx.exec(ctx, `INSERT INTO salve_waiting (lane, job) VALUES ($1, $2) ON CONFLICT DO NOTHING`, l.key, job)
	return err
}

// next gives the turn to the oldest job that waits, or to nobody.
func (l lane) next(ctx context.Context) error {
	w := waiting{}
	for {
		var err error
		if w, err = l.after(ctx, w.job); err != nil {
			return err
		}
		if w.job == 0 {
			break
		}
		if taken, err := l.offer(ctx, w); taken || err != nil {
			return err
		}
	}
	// the row stays while jobs wait that cannot be given the turn yet
	_, err := l.tx.exec(ctx, `DELETE FROM salve_lane WHERE lane = $1 AND NOT EXISTS (SELECT 1 FROM salve_waiting WHERE lane = $1)`, l.key)
	if err == nil {
		_, err = l.tx.exec(ctx, `UPDATE salve_lane SET job = 0 WHERE lane = $1`, l.key)
	}
	return err
}

// A waiting job, with what River has of it.
type waiting struct {
	job          int64
	state, queue string // empty if River removed it
}

// after returns the oldest job that waits and is younger than job.
func (l lane) after(ctx context.Context, job int64) (w waiting, err error) {
	err = l.tx.each(ctx, `SELECT w.job, coalesce(cast(j.state AS text), ''), coalesce(j.queue, '')
		FROM salve_waiting w LEFT JOIN river_job j ON j.id = w.job
		WHERE w.lane = $1 AND w.job > $2 ORDER BY w.job LIMIT 1`,
		[]any{l.key, job}, func(s scan) error { return s(&w.job, &w.state, &w.queue) })
	return w, err
}

// offer gives the turn to w if it can take it.
func (l lane) offer(ctx context.Context, w waiting) (taken bool, err error) {
	switch rivertype.JobState(w.state) {
	case rivertype.JobStateRunning: // being parked: River has yet to write it down
		return false, nil
	case rivertype.JobStateAvailable: // woken by hand
		return true, l.take(ctx, w.job)
	case rivertype.JobStatePending, rivertype.JobStateScheduled:
		n, err := l.tx.exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = `+l.tx.words().now+`
			WHERE id = $1 AND state IN ('pending', 'scheduled')`, w.job)
		if err != nil || n == 0 {
			return false, err
		}
		if err := l.take(ctx, w.job); err != nil {
			return false, err
		}
		return true, l.tx.wake(ctx, w.queue)
	}
	// dead or removed while it waited
	_, err = l.tx.exec(ctx, `DELETE FROM salve_waiting WHERE lane = $1 AND job = $2`, l.key, w.job)
	return false, err
}

// begin reports whether it is the turn of a job that a worker has picked up; if
// it is not, the job waits.
func begin(ctx context.Context, t tx, key string, job int64) (turn bool, err error) {
	l, err := lockLane(ctx, t, key)
	switch {
	case err != nil:
		return false, err
	case l.busy && l.turn != job:
		return false, l.wait(ctx, job)
	}
	return true, l.take(ctx, job)
}

// end passes the turn on.
func end(ctx context.Context, t tx, key string, job int64) error {
	l, err := lockLane(ctx, t, key)
	if err != nil || l.busy && l.turn != job {
		return err
	}
	return l.next(ctx)
}
