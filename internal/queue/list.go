package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// A State is how far a job has come.
type State string

const (
	Ready     State = "ready"     // runs when a worker is free
	Waiting   State = "waiting"   // until another job of its key is over
	Scheduled State = "scheduled" // until its time comes, or a rate limit ends
	Running   State = "running"
	Retrying  State = "retrying" // failed, and runs again at its time
	Done      State = "done"
	Dead      State = "dead" // failed for good, or discarded; runs again only by Retry
)

// States lists every state in the order of a job's life.
func States() []State {
	return []State{Ready, Waiting, Scheduled, Running, Retrying, Done, Dead}
}

// inRiver says which of River's states a State stands for. Jobs that are parked
// are scheduled out of reach.
var inRiver = map[State]struct {
	states []rivertype.JobState
	where  string
}{
	Ready:     {states: []rivertype.JobState{rivertype.JobStateAvailable}},
	Waiting:   {[]rivertype.JobState{rivertype.JobStatePending, rivertype.JobStateScheduled}, `(state = 'pending' OR scheduled_at > '` + outOfReach + `')`},
	Scheduled: {[]rivertype.JobState{rivertype.JobStateScheduled}, `scheduled_at < '` + outOfReach + `'`},
	Running:   {states: []rivertype.JobState{rivertype.JobStateRunning}},
	Retrying:  {states: []rivertype.JobState{rivertype.JobStateRetryable}},
	Done:      {states: []rivertype.JobState{rivertype.JobStateCompleted}},
	Dead:      {states: []rivertype.JobState{rivertype.JobStateDiscarded, rivertype.JobStateCancelled}},
}

// stateOf is the State that a job of River's state s is in.
func stateOf(s rivertype.JobState, parked bool) State {
	switch {
	case s == rivertype.JobStatePending || parked:
		return Waiting
	case s == rivertype.JobStateScheduled:
		return Scheduled
	}
	for _, state := range States() {
		if slices.Contains(inRiver[state].states, s) {
			return state
		}
	}
	return State(s)
}

// A Record is a job with its history.
type Record struct {
	Job
	State       State
	MaxAttempts int
	Due         time.Time // when it ran, runs or may run; zero while it waits for another
	Finished    time.Time // zero unless done or dead
	Process     string    // that ran it last
	Errors      []AttemptError
}

// An AttemptError is what came of one attempt that failed.
type AttemptError struct {
	At      time.Time
	Attempt int
	Text    string
}

// ErrNoJob says that there is no job of an id.
var ErrNoJob = errors.New("no such job")

// A Filter selects jobs; an empty field selects all.
type Filter struct {
	Kind  string
	State State
	Limit int // newest first; 100 if zero, at most 10,000
}

// Jobs returns the jobs that f selects, newest first.
func (q *Queue) Jobs(ctx context.Context, f Filter) ([]Record, error) {
	p := river.NewJobListParams().OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(min(positive(f.Limit, 100), 10_000))
	if f.Kind != "" {
		p = p.Kinds(f.Kind)
	}
	if f.State != "" {
		in, ok := inRiver[f.State]
		if !ok {
			return nil, fmt.Errorf("list jobs: state %q: want one of %v", f.State, States())
		}
		p = p.States(in.states...)
		if in.where != "" {
			p = p.Where(in.where)
		}
	}
	res, err := q.store.jobs().JobList(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	var list []Record
	for _, row := range res.Jobs {
		r, err := record(row)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// Show returns one job. One that is not there is [ErrNoJob].
func (q *Queue) Show(ctx context.Context, id int64) (Record, error) {
	row, err := q.store.jobs().JobGet(ctx, id)
	return one(row, id, err)
}

// Retry makes a job run again now, with one more attempt if it had used all;
// also one that is done. A job that is running is left alone.
func (q *Queue) Retry(ctx context.Context, id int64) (Record, error) {
	row, err := q.store.jobs().JobRetry(ctx, id)
	return one(row, id, err)
}

// Kill makes a job dead that is not over yet. One that is running is cancelled
// where the database can call its process (PostgreSQL); on SQLite its attempt
// goes on to its end, and is the last one if it fails.
func (q *Queue) Kill(ctx context.Context, id int64) (Record, error) {
	row, err := q.store.jobs().JobCancel(ctx, id)
	return one(row, id, err)
}

func one(row *rivertype.JobRow, id int64, err error) (Record, error) {
	switch {
	case errors.Is(err, rivertype.ErrNotFound):
		return Record{}, fmt.Errorf("job %d: %w", id, ErrNoJob)
	case err != nil:
		return Record{}, fmt.Errorf("job %d: %w", id, err)
	}
	return record(row)
}

// Counts are the jobs of each kind and state, those that are over among them
// as long as they are kept.
func (q *Queue) Counts(ctx context.Context) (map[string]map[State]int, error) {
	counts := map[string]map[State]int{}
	err := q.store.atomically(ctx, func(t tx) error {
		return t.each(ctx, `SELECT kind, CASE WHEN state = 'scheduled' AND scheduled_at > '`+outOfReach+`'
			THEN 'pending' ELSE cast(state AS text) END, count(*) FROM river_job GROUP BY 1, 2`, nil, func(s scan) error {
			var kind, state string
			var n int
			if err := s(&kind, &state, &n); err != nil {
				return err
			}
			if counts[kind] == nil {
				counts[kind] = map[State]int{}
			}
			counts[kind][stateOf(rivertype.JobState(state), false)] += n
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	return counts, nil
}

// Lag is how long the oldest job that could run has been waiting for a worker,
// as of now; zero if none waits.
func (q *Queue) Lag(ctx context.Context, now time.Time) (time.Duration, error) {
	p := river.NewJobListParams().States(rivertype.JobStateAvailable).OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1)
	res, err := q.store.jobs().JobList(ctx, p)
	if err != nil {
		return 0, fmt.Errorf("oldest job: %w", err)
	}
	if len(res.Jobs) == 0 {
		return 0, nil
	}
	return max(0, now.Sub(res.Jobs[0].ScheduledAt)), nil
}

// record reads what River has of a job.
func record(row *rivertype.JobRow) (Record, error) {
	var a args
	if err := json.Unmarshal(row.EncodedArgs, &a); err != nil {
		return Record{}, fmt.Errorf("job %d: %w", row.ID, err)
	}
	r := Record{
		Job: Job{ID: row.ID, Kind: row.Kind, Key: a.Key, Unique: a.Unique, Merge: a.Merge, Live: a.Live,
			Payload: a.Payload, Attempt: row.Attempt, Enqueued: row.CreatedAt.UTC()},
		State:       stateOf(row.State, parked(row)),
		MaxAttempts: row.MaxAttempts,
	}
	if r.State != Waiting {
		r.Due = row.ScheduledAt.UTC()
	}
	if row.FinalizedAt != nil {
		r.Finished = row.FinalizedAt.UTC()
	}
	if n := len(row.AttemptedBy); n > 0 {
		r.Process = row.AttemptedBy[n-1]
	}
	for _, e := range row.Errors {
		r.Errors = append(r.Errors, AttemptError{At: e.At.UTC(), Attempt: e.Attempt, Text: strings.TrimPrefix(e.Error, "JobCancelError: ")}) // River's word for Discard
	}
	return r, nil
}
