package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/postgrestest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv("SALVE_QUEUE_CHILD"); url != "" {
		child(url)
	}
	os.Exit(m.Run())
}

// A world is a place for databases.
type world struct {
	url  func(testing.TB) string // of a new, empty database
	name string
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	suite(t, world{name: "sqlite", url: func(t testing.TB) string { return filepath.Join(t.TempDir(), "a b%?#.db") }})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	suite(t, world{name: "postgres", url: postgrestest.Start(t).Database})
}

// suite is what holds on either database.
func suite(t *testing.T, w world) {
	for name, test := range map[string]func(*testing.T, world){
		"payload":     testPayload,
		"outcomes":    testOutcomes,
		"unique":      testUnique,
		"merge":       testMerge,
		"live":        testLive,
		"sooner":      testSooner,
		"tick":        testTick,
		"lane":        testLane,
		"lane-retry":  testLaneRetry,
		"stop":        testStop,
		"stop-softly": testStopSoftly,
		"migrate":     testMigrate,
		"facts":       testFacts,
		"list":        testList,
		"kill":        testKill,
		"crash-loop":  testCrashLoop,
		"count":       testCount,
		"unreachable": testUnreachable,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, w) })
	}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// openQueue opens a queue that is closed with t.
func openQueue(t testing.TB, url string) *Queue {
	t.Helper()
	q, err := Open(t.Context(), url, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := q.Stop(ctx); err != nil {
			t.Error(err)
		}
		q.Close()
	})
	return q
}

func handle(t testing.TB, q *Queue, kind string, o Options, h Handler) {
	t.Helper()
	if err := q.Handle(kind, h, o); err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func enqueue(t testing.TB, q *Queue, j Job) bool {
	t.Helper()
	inserted, err := q.Enqueue(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return inserted
}

// await polls until ok; a test that waits for a minute has failed.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// awaitState waits until the newest job of kind is in state, and returns it.
func awaitState(t testing.TB, q *Queue, kind string, state State) (r Record) {
	t.Helper()
	await(t, kind+" "+string(state), func() bool {
		list, err := q.Jobs(t.Context(), Filter{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			r = list[0]
		}
		return r.State == state
	})
	return r
}

// A payload arrives as it was sent: PostgreSQL's jsonb would refuse or change
// each of these.
func testPayload(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	got := make(chan Job, 1)
	handle(t, q, "echo", Options{}, func(_ context.Context, j Job) error { got <- j; return nil })
	start(t, q)
	for _, payload := range []string{``, `null`, `{"a":"\u0000"}`, `{"b":1,"a":1.0, "a":12345678901234567890}`, `"\ud800"`} {
		enqueue(t, q, Job{Kind: "echo", Payload: []byte(payload)})
		if j := <-got; string(j.Payload) != payload {
			t.Errorf("sent %s, got %s", payload, j.Payload)
		} else if j.Attempt != 1 || j.ID == 0 || time.Since(j.Enqueued).Abs() > time.Hour {
			t.Errorf("%+v", j)
		}
	}
}

func testOutcomes(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	boom := errors.New("boom\x00 \xff")
	for _, tt := range []struct {
		kind  string
		o     Options
		do    func(ctx context.Context, attempt int) error
		state State
		tries int    // attempts used in the end
		says  string // part of the last error kept
	}{
		{"fine", Options{}, func(context.Context, int) error { return nil }, Done, 1, ""},
		{"second", Options{}, func(_ context.Context, n int) error {
			if n < 2 {
				return boom
			}
			return nil
		}, Done, 2, "boom␀ �"},
		{"never", Options{MaxAttempts: 2}, func(context.Context, int) error { return boom }, Dead, 2, "boom"},
		{"hopeless", Options{}, func(context.Context, int) error { return fmt.Errorf("x: %w", Discard(boom)) }, Dead, 1, "boom"},
		{"panics", Options{MaxAttempts: 1}, func(context.Context, int) error { panic("ouch") }, Dead, 1, "panic: ouch"},
		{"limited", Options{MaxAttempts: 1}, func(context.Context, int) error {
			return fmt.Errorf("x: %w", &forge.RateLimitError{Until: time.Now().Add(time.Hour), Err: boom})
		}, Scheduled, 0, ""},
		{"slow", Options{MaxAttempts: 1, Timeout: 50 * time.Millisecond}, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}, Dead, 1, "deadline"},
		{"long", Options{MaxAttempts: 1}, func(context.Context, int) error {
			return errors.New(strings.Repeat("é", maxError))
		}, Dead, 1, "…"},
	} {
		handle(t, q, tt.kind, tt.o, func(ctx context.Context, j Job) error { return tt.do(ctx, j.Attempt) })
		defer t.Run(tt.kind, func(t *testing.T) {
			r := awaitState(t, q, tt.kind, tt.state)
			if r.Attempt != tt.tries {
				t.Errorf("%d attempts, want %d", r.Attempt, tt.tries)
			}
			var last string
			for _, e := range r.Errors {
				last = e.Text
			}
			if !strings.Contains(last, tt.says) || tt.says == "" && last != "" {
				t.Errorf("error %.80q, want it to say %q", last, tt.says)
			}
			if tt.kind == "limited" && time.Until(r.Due) < 50*time.Minute {
				t.Errorf("runs again at %v", r.Due)
			}
		})
	}
	start(t, q)
	for kind := range q.kinds {
		enqueue(t, q, Job{Kind: kind})
	}
}

func testTick(t *testing.T, w world) {
	url := w.url(t)
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	ran, inserted := make(chan string, 10), 0
	for i := range 3 {
		q := openQueue(t, url)
		handle(t, q, "tick", Options{}, func(_ context.Context, j Job) error { ran <- string(j.Payload); return nil })
		for _, at := range []time.Time{at.Add(time.Duration(i) * time.Millisecond), at.Add(5 * time.Minute)} {
			ok, err := q.Tick(t.Context(), "tick", at)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				inserted++
			}
		}
		start(t, q)
	}
	got := map[string]bool{<-ran: true, <-ran: true}
	want := map[string]bool{`"2026-03-01T10:00:00Z"`: true, `"2026-03-01T10:05:00Z"`: true}
	if diff := cmp.Diff(want, got); diff != "" || inserted != 2 || len(ran) > 0 {
		t.Errorf("%d inserted, %d more ran: %s", inserted, len(ran), diff)
	}
}

// Replicas that start together on an empty database do not trip over each
// other, and an older release refuses what a newer one wrote.
func testMigrate(t *testing.T, w world) {
	url := w.url(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := Migrate(t.Context(), url, quiet); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	q := openQueue(t, url)
	err := q.store.atomically(t.Context(), func(tx tx) error {
		_, err := tx.exec(t.Context(), `INSERT INTO salve_migration (version) VALUES ($1)`, len(versions)+1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := Migrate(t.Context(), url, quiet); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("Migrate of a newer database = %v", err)
	}
}

// Without a database nothing is accepted.
func testUnreachable(t *testing.T, w world) {
	q, err := Open(t.Context(), w.url(t), quiet)
	if err != nil {
		t.Fatal(err)
	}
	handle(t, q, "work", Options{}, func(context.Context, Job) error { return nil })
	if err := q.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	q.Close()
	if inserted, err := q.Enqueue(t.Context(), Job{Kind: "work"}); err == nil || inserted {
		t.Errorf("Enqueue = %v %v without a database", inserted, err)
	}
	if err := q.Ready(t.Context()); err == nil {
		t.Error("ready without a database")
	}
}
