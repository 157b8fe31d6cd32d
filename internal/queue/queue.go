// Package queue keeps work in a database until it is done: accepted webhook
// deliveries, ticks of the schedule, timers, and the few facts that only the
// database holds.
//
// A job runs at least once. It runs a second time if its process dies or loses
// the database between doing the work and saying so, so handlers must not mind.
// What makes them not mind is on the other side: a proposal has a key, a status
// is the same when it is set twice.
//
// Jobs that share a [Job.Key] run one at a time and wait in the database, not
// in a worker, so that an installation that is slow holds up nobody else.
//
// What is only here, and lost with the database: deliveries accepted and not
// handled yet, timers and samples of gates, escalation levels, labels people
// gave to problems, history. Proposals are not: they are found again on GitHub,
// and nothing is opened twice.
//
// The engine is River (https://riverqueue.com) on SQLite, in one file beside
// the process, or on PostgreSQL, shared by any number of replicas. River's own
// periodic jobs are not used.
package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"sync"
	"time"
)

// A Queue is a database of jobs and facts, and the workers of this process.
// It is safe for use by several goroutines.
type Queue struct {
	store store
	log   *slog.Logger
	id    string // of this process, in River's attempted_by and in salve_process

	mu     sync.RWMutex
	kinds  map[string]kind
	client client // nil before Start

	stop     sync.Once
	stopping chan struct{} // closed when running jobs are about to be cancelled
	tending  sync.WaitGroup
}

// A Job is one piece of work.
type Job struct {
	ID   int64  // given by the database
	Kind string // names the handler: lower-case letters, digits, '-' and '_'

	// Key names what the job works on, say one installation: jobs of the same
	// key, of whatever kind, run one at a time. Jobs without a key run freely.
	Key string

	// Unique names the job within its kind, say a delivery GUID. A job of the
	// same name that is waiting, running or done keeps another from being
	// enqueued until its row is removed, four days after it was done
	// ([Options.Keep]); a dead one does not. Empty means that every job is a new one.
	Unique string

	// Merge limits Unique to jobs that have not started. It is for work that
	// looks at the state of things rather than at its payload: one more run
	// after the latest event is enough.
	Merge bool

	// Live limits Unique to jobs that are not over. It is for work that comes
	// up again: while a job of the name waits, runs or is to be retried there
	// is no second one, and after it there may be.
	Live bool

	Payload json.RawMessage // for the handler, at most 4 MiB

	Cause string // names what the job comes from, for traces; kept as it is

	Attempt  int       // 1 for the first; set for handlers
	Enqueued time.Time // set for handlers; UTC
}

// A Handler does a job. What it returns decides what comes next:
//
//   - nil: the job is done.
//   - a [forge.RateLimitError]: the job runs again when the limit ends, and the
//     attempt does not count.
//   - an error from [Discard]: the job is dead.
//   - any other error, or a panic: the job runs again after a pause that grows,
//     and is dead after the last attempt.
//
// ctx ends when the job takes longer than its limit and when the queue stops.
type Handler func(ctx context.Context, j Job) error

// Options say how jobs of one kind are run. The zero value is usable.
type Options struct {
	Timeout     time.Duration // of one attempt; 20 s if zero, at most 10 min
	MaxAttempts int           // 12 if zero: about an hour and a half
	Workers     int           // jobs of this kind that this process runs at the same time; 4 if zero
	Keep        time.Duration // of jobs that are done, which hold their Unique name so long; 4 days if zero, and at most
}

// A kind is a handler with its options.
type kind struct {
	Options
	handle Handler
}

const (
	maxTimeout = 10 * time.Minute
	maxPayload = 4 << 20
	maxName    = 512 // bytes of a key or a unique name
)

// Retention of jobs that are over. GitHub delivers again for three days at
// most, so deliveries are remembered a little longer than that.
// https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
const (
	keepDone = 4 * 24 * time.Hour
	keepDead = 30 * 24 * time.Hour
)

// kindName is what River takes for the name of a queue.
var kindName = regexp.MustCompile(`^[a-z0-9]+([_-][a-z0-9]+)*$`)

// Open opens the database at url, brings its tables up to date and returns the
// queue in it. A url that starts with postgres:// or postgresql:// is a
// PostgreSQL database; anything else is the name of a SQLite file, with or
// without sqlite: before it, which is created readable by its owner alone.
//
// Nothing runs until Start.
func Open(ctx context.Context, url string, log *slog.Logger) (*Queue, error) {
	if err := create(url); err != nil {
		return nil, err
	}
	return open(ctx, url, log, migrate)
}

// OpenExisting is Open for those who come to look: it creates nothing, and
// fails where the tables are not those of this release.
func OpenExisting(ctx context.Context, url string, log *slog.Logger) (*Queue, error) {
	return open(ctx, url, log, migrated)
}

// Migrate does what Open does to the database, and closes it.
func Migrate(ctx context.Context, url string, log *slog.Logger) error {
	q, err := Open(ctx, url, log)
	if err != nil {
		return err
	}
	q.Close()
	return nil
}

func open(ctx context.Context, url string, log *slog.Logger, prepare func(context.Context, store) error) (*Queue, error) {
	s, err := openStore(ctx, url, log)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, s); err != nil {
		s.close()
		return nil, err
	}
	return &Queue{store: s, log: log, id: processID(), kinds: map[string]kind{}, stopping: make(chan struct{})}, nil
}

// processID names this process in the database. It is never used twice.
func processID() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%.40s-%d-%s", host, os.Getpid(), rand.Text()[:8])
}

// Handle registers the handler of a kind. Kinds are registered before Start
// and before the first job of the kind is enqueued.
func (q *Queue) Handle(name string, h Handler, o Options) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch _, twice := q.kinds[name]; {
	case !kindName.MatchString(name) || len(name) < 2 || len(name) > 60:
		return fmt.Errorf("kind %q: want 2 to 60 lower-case letters, digits, '-' and '_'", name)
	case h == nil:
		return fmt.Errorf("kind %s: no handler", name)
	case twice:
		return fmt.Errorf("kind %s has a handler already", name)
	case q.client != nil:
		return fmt.Errorf("kind %s: the queue has started; register kinds before", name)
	case o.Timeout < 0 || o.Timeout > maxTimeout:
		return fmt.Errorf("kind %s: timeout %v: want at most %v; split the work into jobs", name, o.Timeout, maxTimeout)
	case o.MaxAttempts < 0 || o.Workers < 0 || o.Keep < 0:
		return fmt.Errorf("kind %s: %d attempts, %d workers, kept for %v: want no negative number", name, o.MaxAttempts, o.Workers, o.Keep)
	}
	q.kinds[name] = kind{handle: h, Options: Options{
		Timeout:     positive(o.Timeout, 20*time.Second),
		MaxAttempts: positive(o.MaxAttempts, 12),
		Workers:     positive(o.Workers, 4),
		Keep:        min(positive(o.Keep, keepDone), keepDone),
	}}
	return nil
}

func positive[T time.Duration | int](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Close closes the database. Stop comes first.
func (q *Queue) Close() { q.store.close() }

// Ready reports why the database cannot be reached, nil if it can.
func (q *Queue) Ready(ctx context.Context) error {
	return q.store.atomically(ctx, func(t tx) error {
		return t.each(ctx, `SELECT 1`, nil, func(scan) error { return nil })
	})
}
