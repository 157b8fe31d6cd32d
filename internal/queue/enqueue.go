package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// args is a job as River stores it. The payload is kept as bytes: PostgreSQL's
// jsonb refuses text that GitHub sends ("\u0000") and reorders the rest.
type args struct {
	kind    string
	Key     string `json:"key,omitempty"`
	Unique  string `json:"unique,omitempty" river:"unique"`
	Merge   bool   `json:"merge,omitempty"`
	Cause   string `json:"cause,omitempty"`
	Live    bool   `json:"live,omitempty"`
	Payload []byte `json:"payload,omitempty"`
}

// Kind implements [river.JobArgs].
func (a args) Kind() string { return a.kind }

// Enqueue puts j into the database, to run as soon as a worker is free. It
// returns after the job is committed. inserted is false for a job that is there
// already by its Unique name; that is not an error.
func (q *Queue) Enqueue(ctx context.Context, j Job) (inserted bool, err error) {
	return q.EnqueueAt(ctx, j, time.Time{})
}

// EnqueueAt is Enqueue for a job that runs at a time to come, and not before;
// after it by up to five seconds. The timer is in the database: it survives the
// process. Joining a job with Merge, it moves that job's time forward, never
// back.
func (q *Queue) EnqueueAt(ctx context.Context, j Job, at time.Time) (inserted bool, err error) {
	k, err := q.check(j)
	if err != nil {
		return false, err
	}
	a := args{kind: j.Kind, Key: j.Key, Unique: j.Unique, Merge: j.Merge, Live: j.Live, Cause: j.Cause, Payload: j.Payload}
	o := &river.InsertOpts{Queue: j.Kind, MaxAttempts: k.MaxAttempts}
	if j.Unique != "" {
		o.UniqueOpts = river.UniqueOpts{ByArgs: true}
	}
	if j.Unique != "" && j.Live {
		o.UniqueOpts.ByState = live
	}
	if at.After(time.Now()) {
		o.ScheduledAt = at
	}
	err = q.store.ahead(ctx, func(t tx) error {
		inserted, err = put(ctx, t, a, o)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("enqueue %s: %w", j.Kind, err)
	}
	return inserted, nil
}

// live are the states of jobs that are not over.
var live = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}

// put inserts a job. One that has a key and no time to wait for takes its place
// in the lane of the key at once.
func put(ctx context.Context, t tx, a args, o *river.InsertOpts) (inserted bool, err error) {
	var l lane
	queued := a.Key != "" && o.ScheduledAt.IsZero()
	if queued {
		if l, err = lockLane(ctx, t, a.Key); err != nil {
			return false, err
		}
		o.Pending = l.busy
	}
	res, err := t.insert(ctx, a, o)
	switch {
	case err != nil:
		return false, err
	case res.UniqueSkippedAsDuplicate:
		return false, sooner(ctx, t, a, o, res.Job)
	case queued && l.busy:
		return true, l.wait(ctx, res.Job.ID)
	case queued:
		return true, l.take(ctx, res.Job.ID)
	}
	return true, nil
}

// sooner moves the timer of a job that another one joined.
func sooner(ctx context.Context, t tx, a args, o *river.InsertOpts, there *rivertype.JobRow) error {
	if !a.Merge || there.State != rivertype.JobStateScheduled || parked(there) || !o.ScheduledAt.Before(there.ScheduledAt) {
		return nil
	}
	if !o.ScheduledAt.IsZero() {
		_, err := t.exec(ctx, `UPDATE river_job SET scheduled_at = $1 WHERE id = $2 AND state = 'scheduled'`, t.words().stamp(o.ScheduledAt), there.ID)
		return err
	}
	if _, err := t.exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = `+t.words().now+` WHERE id = $1 AND state = 'scheduled'`, there.ID); err != nil {
		return err
	}
	return t.wake(ctx, there.Queue)
}

// check reports what is wrong with j before the database is asked.
func (q *Queue) check(j Job) (kind, error) {
	q.mu.RLock()
	k, ok := q.kinds[j.Kind]
	q.mu.RUnlock()
	switch {
	case !ok:
		return k, fmt.Errorf("enqueue %q: the kind has no handler", j.Kind)
	case len(j.Payload) > maxPayload:
		return k, fmt.Errorf("enqueue %s: payload of %d bytes: want at most %d", j.Kind, len(j.Payload), maxPayload)
	case len(j.Payload) > 0 && !json.Valid(j.Payload):
		return k, fmt.Errorf("enqueue %s: payload is not JSON", j.Kind)
	}
	for what, name := range map[string]string{"key": j.Key, "unique name": j.Unique, "cause": j.Cause} {
		if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return k, fmt.Errorf("enqueue %s: %s %.60q: want at most %d bytes of UTF-8 without NUL", j.Kind, what, name, maxName)
		}
	}
	return k, nil
}

// Tick enqueues the job of kind for the time that a schedule named, to the
// second. Replicas that all tick run it once: one of them gets inserted = true.
// The payload is the time in RFC 3339, as a JSON string.
func (q *Queue) Tick(ctx context.Context, kind string, at time.Time) (inserted bool, err error) {
	at = at.UTC().Truncate(time.Second)
	payload, err := json.Marshal(at)
	if err != nil {
		return false, fmt.Errorf("tick %s: %w", kind, err)
	}
	return q.Enqueue(ctx, Job{Kind: kind, Unique: "tick/" + at.Format(time.RFC3339), Payload: payload})
}
