package queue

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// River takes up the jobs of a process that was killed when they have been
// running for longer than any job may, and it looks every 30 s from one leader.
// That ties the length of jobs to the time until work goes on. So processes say
// that they live, and any of them takes up the jobs of one that stopped saying
// so.
const (
	beatEvery = 2 * time.Second
	deadAfter = 15 * time.Second // a process that was not heard of for this long
)

// tend says that this process lives and sweeps, until the queue stops.
func (q *Queue) tend() {
	for {
		select {
		case <-q.stopping:
			return
		case <-time.After(beatEvery - time.Duration(rand.Int64N(int64(beatEvery/4)))):
		}
		ctx, cancel := context.WithTimeout(context.Background(), deadAfter/2)
		go func() { // the end of the queue does not wait for a sweep
			select {
			case <-q.stopping:
				cancel()
			case <-ctx.Done():
			}
		}()
		for _, do := range []func(context.Context) error{q.beat, q.rescue, q.unblock, q.expire, q.clear} {
			if err := do(ctx); err != nil {
				if !q.isStopping() {
					q.log.Warn("sweep of the queue not done", "err", err)
				}
				break
			}
		}
		cancel()
	}
}

// beat says that this process lives, by the clock of the database.
func (q *Queue) beat(ctx context.Context) error {
	return q.store.ahead(ctx, func(t tx) error {
		_, err := t.exec(ctx, `INSERT INTO salve_process (id, seen) VALUES ($1, `+t.words().epoch+`)
			ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`, q.id)
		return err
	})
}

// depart takes this process off the list. Jobs it left behind are taken up
// at the next sweep of another.
func (q *Queue) depart(ctx context.Context) error {
	return q.store.atomically(ctx, func(t tx) error {
		_, err := t.exec(ctx, `DELETE FROM salve_process WHERE id = $1`, q.id)
		return err
	})
}

// rescue takes up the jobs of processes that died.
func (q *Queue) rescue(ctx context.Context) error {
	now := time.Now().UTC()
	return q.store.atomically(ctx, func(t tx) error {
		_, err := t.exec(ctx, `DELETE FROM salve_process WHERE seen < `+t.words().epoch+` - $1`, deadAfter.Seconds())
		if err != nil {
			return err
		}
		p := &riverdriver.JobRescueManyParams{}
		queues := map[string]bool{}
		err = t.each(ctx, `SELECT j.id, j.attempt, j.max_attempts, j.queue,
			j.metadata ->> 'cancel_attempted_at' IS NOT NULL FROM river_job j
			WHERE j.state = 'running' AND NOT EXISTS (SELECT 1 FROM salve_process p WHERE p.id = `+t.words().worker+`)
			ORDER BY j.id LIMIT 1000 `+t.words().locked, nil, func(s scan) error {
			var o orphan
			if err := s(&o.id, &o.attempt, &o.attempts, &o.queue, &o.cancelled); err != nil {
				return err
			}
			queues[o.queue] = true
			return o.revive(p, now)
		})
		if err != nil || len(p.ID) == 0 {
			return err
		}
		q.log.Warn("jobs of a process that ended are taken up", "jobs", len(p.ID))
		if err := t.rescue(ctx, p); err != nil {
			return err
		}
		for queue := range queues {
			if err := t.wake(ctx, queue); err != nil {
				return err
			}
		}
		return nil
	})
}

// An orphan is a running job whose process ended.
type orphan struct {
	id                int64
	attempt, attempts int // the one that was cut off; how many it may have
	queue             string
	cancelled         bool // by a person, while it ran
}

// revive adds o to p. Dying was an attempt: a job that kills its process is dead
// after the last one too.
func (o orphan) revive(p *riverdriver.JobRescueManyParams, now time.Time) error {
	why, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: o.attempt, Error: "the process that ran this attempt ended"})
	if err != nil {
		return err
	}
	state, over := rivertype.JobStateAvailable, (*time.Time)(nil)
	switch {
	case o.cancelled:
		state, over = rivertype.JobStateCancelled, &now
	case o.attempt >= o.attempts:
		state, over = rivertype.JobStateDiscarded, &now
	}
	p.ID = append(p.ID, o.id)
	p.Error = append(p.Error, why)
	p.State = append(p.State, string(state))
	p.FinalizedAt = append(p.FinalizedAt, over)
	p.ScheduledAt = append(p.ScheduledAt, now)
	return nil
}

// clear removes jobs that were done long enough ago, of kinds that are not kept
// as long as River keeps them.
func (q *Queue) clear(ctx context.Context) error {
	now := time.Now()
	return q.store.atomically(ctx, func(t tx) error {
		for name, k := range q.kinds { // nobody adds to them after Start
			if k.Keep == keepDone {
				continue
			}
			_, err := t.exec(ctx, `DELETE FROM river_job WHERE id IN (SELECT id FROM river_job
				WHERE kind = $1 AND state = 'completed' AND finalized_at < $2 LIMIT 1000)`, name, t.words().stamp(now.Add(-k.Keep)))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// unblock moves lanes on whose turn is over and was not passed on.
func (q *Queue) unblock(ctx context.Context) error {
	var lanes []string
	err := q.store.atomically(ctx, func(t tx) error {
		return t.each(ctx, `SELECT l.lane FROM salve_lane l WHERE NOT EXISTS
			(SELECT 1 FROM river_job j WHERE j.id = l.job AND j.state IN ('available', 'running')) LIMIT 1000`, nil,
			func(s scan) error {
				var key string
				err := s(&key)
				lanes = append(lanes, key)
				return err
			})
	})
	for i := 0; err == nil && i < len(lanes); i++ {
		err = q.store.atomically(ctx, func(t tx) error {
			l, err := lockLane(ctx, t, lanes[i])
			if err != nil || l.busy {
				return err
			}
			return l.next(ctx)
		})
	}
	return err
}
