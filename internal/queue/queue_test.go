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
	"github.com/google/go-cmp/cmp/cmpopts"

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

func testUnique(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	for _, kind := range []string{"fine", "other"} {
		handle(t, q, kind, Options{}, func(context.Context, Job) error { return nil })
	}
	handle(t, q, "dies", Options{}, func(context.Context, Job) error { return Discard(errors.New("no")) })
	if !enqueue(t, q, Job{Kind: "fine", Unique: "a"}) || enqueue(t, q, Job{Kind: "fine", Unique: "a", Payload: []byte("1")}) {
		t.Error("want the first of a name and no second, while it waits")
	}
	if !enqueue(t, q, Job{Kind: "fine", Unique: "b"}) || !enqueue(t, q, Job{Kind: "other", Unique: "a"}) {
		t.Error("want other names, and the name in another kind")
	}
	enqueue(t, q, Job{Kind: "dies", Unique: "a"})
	start(t, q)
	for _, kind := range []string{"fine", "other"} {
		awaitState(t, q, kind, Done)
	}
	if enqueue(t, q, Job{Kind: "fine", Unique: "b"}) {
		t.Error("want no second while the first is remembered as done")
	}
	awaitState(t, q, "dies", Dead)
	if !enqueue(t, q, Job{Kind: "dies", Unique: "a"}) {
		t.Error("want a dead job to make way")
	}
}

// A job that merges is joined until it starts, and no longer: what comes while
// it runs may be news to it.
func testMerge(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	began, goOn := make(chan int64), make(chan bool)
	handle(t, q, "look", Options{}, func(_ context.Context, j Job) error { began <- j.ID; <-goOn; return nil })
	job := Job{Kind: "look", Key: "k", Unique: "pull/1", Merge: true}
	if !enqueue(t, q, job) || enqueue(t, q, job) {
		t.Fatal("want the second to join the first")
	}
	start(t, q)
	first := <-began
	if !enqueue(t, q, job) || enqueue(t, q, job) {
		t.Error("want a new job after the first has started, and one only")
	}
	goOn <- true
	if second := <-began; second == first {
		t.Errorf("job %d ran twice", first)
	}
	goOn <- true
	awaitState(t, q, "look", Done)
}

// Joining moves a timer forward, never back.
func testSooner(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	handle(t, q, "look", Options{}, func(context.Context, Job) error { return nil })
	job := Job{Kind: "look", Unique: "a", Merge: true}
	now := time.Now().Truncate(time.Second)
	for _, tt := range []struct{ in, due time.Duration }{{3 * time.Hour, 3 * time.Hour}, {time.Hour, time.Hour}, {2 * time.Hour, time.Hour}} {
		if _, err := q.EnqueueAt(t.Context(), job, now.Add(tt.in)); err != nil {
			t.Fatal(err)
		}
		if r := awaitState(t, q, "look", Scheduled); !r.Due.Equal(now.Add(tt.due)) {
			t.Errorf("after a timer in %v: due at %v, want %v", tt.in, r.Due, now.Add(tt.due).UTC())
		}
	}
	start(t, q)
	enqueue(t, q, job) // now
	awaitState(t, q, "look", Done)
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

// Jobs of one key run one at a time in their order, and take no worker while
// they wait: with two workers, forty jobs behind a slow one hold up nobody.
func testLane(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	var mu sync.Mutex
	var order []int64
	running := map[string]int{}
	goOn, quick := make(chan bool), make(chan bool)
	handle(t, q, "work", Options{Workers: 2}, func(_ context.Context, j Job) error {
		mu.Lock()
		running[j.Key]++
		if running[j.Key] > 1 {
			t.Errorf("%d jobs of %s at once", running[j.Key], j.Key)
		}
		if j.Key == "slow" {
			order = append(order, j.ID)
		}
		mu.Unlock()
		if j.Key == "slow" {
			<-goOn
		}
		mu.Lock()
		running[j.Key]--
		mu.Unlock()
		if j.Key == "quick" {
			quick <- true
		}
		return nil
	})
	start(t, q)
	for range 10 {
		enqueue(t, q, Job{Kind: "work", Key: "slow"})
	}
	for range 10 {
		enqueue(t, q, Job{Kind: "work", Key: "quick"})
	}
	for range 10 {
		<-quick // while the slow one has not been told to go on
	}
	if list, err := q.Jobs(t.Context(), Filter{State: Waiting}); err != nil || len(list) != 9 {
		t.Errorf("%d jobs wait, want 9: %v", len(list), err)
	}
	close(goOn)
	await(t, "all to be done", func() bool {
		counts, err := q.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return counts["work"][Done] == 20
	})
	for i := 1; i < len(order); i++ {
		if order[i] < order[i-1] {
			t.Errorf("ran in the order %v", order)
			break
		}
	}
	await(t, "lanes to be removed", func() bool { return count(t, q, "salve_lane") == 0 && count(t, q, "salve_waiting") == 0 })
}

func count(t testing.TB, q *Queue, table string) (n int) {
	t.Helper()
	err := q.store.atomically(t.Context(), func(tx tx) error {
		return tx.each(t.Context(), "SELECT count(*) FROM "+table, nil, func(s scan) error { return s(&n) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A job that failed leaves its turn to others and waits for it like them when
// it comes back, without using an attempt.
func testLaneRetry(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	var mu sync.Mutex
	busy := false
	began, goOn := make(chan Job, 10), make(chan bool)
	handle(t, q, "fails", Options{}, func(_ context.Context, j Job) error {
		mu.Lock()
		defer mu.Unlock()
		if busy {
			t.Error("two jobs of one key at once")
		}
		began <- j
		if j.Attempt == 1 {
			return errors.New("not yet")
		}
		return nil
	})
	handle(t, q, "holds", Options{}, func(context.Context, Job) error {
		mu.Lock()
		busy = true
		mu.Unlock()
		<-goOn
		mu.Lock()
		busy = false
		mu.Unlock()
		return nil
	})
	enqueue(t, q, Job{Kind: "fails", Key: "k"})
	enqueue(t, q, Job{Kind: "holds", Key: "k"})
	start(t, q)
	<-began
	awaitState(t, q, "fails", Waiting) // after its pause, parked behind the other
	goOn <- true
	if j := <-began; j.Attempt != 2 {
		t.Errorf("attempt %d, want 2", j.Attempt)
	}
	awaitState(t, q, "fails", Done)
}

// Stopping cancels what runs; it runs again, and the attempt does not count.
func testStop(t *testing.T, w world) {
	url := w.url(t)
	began := make(chan bool)
	first, second := openQueue(t, url), openQueue(t, url)
	handle(t, first, "long", Options{MaxAttempts: 1, Timeout: time.Minute}, func(ctx context.Context, _ Job) error {
		began <- true
		<-ctx.Done()
		return ctx.Err()
	})
	handle(t, second, "long", Options{MaxAttempts: 1}, func(context.Context, Job) error { return nil })
	enqueue(t, first, Job{Kind: "long", Key: "k"})
	start(t, first)
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if r := awaitState(t, second, "long", Ready); r.Attempt != 0 || len(r.Errors) > 0 {
		t.Errorf("%+v", r)
	}
	start(t, second)
	awaitState(t, second, "long", Done)
}

// A job may enqueue others while the queue waits for it to finish.
func testStopSoftly(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	began, goOn := make(chan bool), make(chan bool)
	handle(t, q, "next", Options{}, func(context.Context, Job) error { return nil })
	handle(t, q, "long", Options{}, func(ctx context.Context, _ Job) error {
		began <- true
		<-goOn
		_, err := q.Enqueue(ctx, Job{Kind: "next"})
		return err
	})
	enqueue(t, q, Job{Kind: "long"})
	start(t, q)
	<-began
	stopped := make(chan error)
	go func() { stopped <- q.Stop(context.WithoutCancel(t.Context())) }()
	goOn <- true
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if r := awaitState(t, q, "long", Done); r.Attempt != 1 {
		t.Errorf("%+v", r)
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

func testFacts(t *testing.T, w world) {
	q, ctx := openQueue(t, w.url(t)), t.Context()
	soon, gone := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond), time.Now().Add(-time.Second)
	put := func(name, value string, expires time.Time) {
		if err := q.Put(ctx, "gate", name, []byte(value), expires); err != nil {
			t.Fatal(err)
		}
	}
	put("b", "1", soon)
	put("b", "2\x00\xff", soon)
	put("a", "", time.Time{})
	put("old", "x", gone)
	if err := q.Put(ctx, "other", "b", nil, soon); err != nil {
		t.Fatal(err)
	}
	var got []Fact
	for f, err := range q.List(ctx, "gate") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	want := []Fact{{"a", []byte{}, time.Time{}}, {"b", []byte("2\x00\xff"), soon}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if _, found, err := q.Get(ctx, "gate", "old"); found || err != nil {
		t.Errorf("expired fact: %v %v", found, err)
	}
	if v, err := q.First(ctx, "gate", "old", []byte("new"), soon); string(v) != "new" || err != nil {
		t.Errorf("First over an expired fact = %q %v", v, err)
	}
	if v, err := q.First(ctx, "gate", "old", []byte("newer"), soon); string(v) != "new" || err != nil {
		t.Errorf("second First = %q %v", v, err)
	}
	if err := q.Delete(ctx, "gate", "b"); err != nil {
		t.Fatal(err)
	}
	if _, found, err := q.Get(ctx, "gate", "b"); found || err != nil {
		t.Errorf("deleted fact: %v %v", found, err)
	}
	put("late", "x", gone)
	if err := q.expire(ctx); err != nil || count(t, q, "salve_fact") != 3 {
		t.Errorf("%d facts left after expire, want 3: %v", count(t, q, "salve_fact"), err)
	}
	for i := range factsPerPage + 1 {
		if err := q.Put(ctx, "many", fmt.Sprintf("%06d", i), nil, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for f, err := range q.List(ctx, "many") {
		if err != nil || f.Name != fmt.Sprintf("%06d", n) {
			t.Fatal(f.Name, err)
		}
		n++
	}
	if n != factsPerPage+1 {
		t.Errorf("listed %d", n)
	}
}

func testList(t *testing.T, w world) {
	q, ctx := openQueue(t, w.url(t)), t.Context()
	fail := true
	handle(t, q, "work", Options{}, func(context.Context, Job) error {
		if fail {
			return Discard(errors.New("no"))
		}
		return nil
	})
	handle(t, q, "later", Options{}, func(context.Context, Job) error { return nil })
	enqueue(t, q, Job{Kind: "work", Unique: "u"})
	if _, err := q.EnqueueAt(ctx, Job{Kind: "later", Key: "k"}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if lag, err := q.Lag(ctx, time.Now().Add(time.Minute)); err != nil || lag < time.Minute || lag > time.Hour {
		t.Errorf("lag %v %v", lag, err)
	}
	start(t, q)
	dead := awaitState(t, q, "work", Dead)
	if lag, err := q.Lag(ctx, time.Now()); err != nil || lag != 0 {
		t.Errorf("lag %v %v with nothing to do", lag, err)
	}
	for _, tt := range []struct {
		f    Filter
		want int
	}{{Filter{}, 2}, {Filter{Limit: 1}, 1}, {Filter{Kind: "work"}, 1}, {Filter{State: Dead}, 1}, {Filter{State: Scheduled}, 1}, {Filter{State: Waiting}, 0}, {Filter{State: Running}, 0}} {
		if list, err := q.Jobs(ctx, tt.f); err != nil || len(list) != tt.want {
			t.Errorf("%+v: %d jobs, want %d: %v", tt.f, len(list), tt.want, err)
		}
	}
	if _, err := q.Jobs(ctx, Filter{State: "odd"}); err == nil {
		t.Error("want an error for a state that is none")
	}
	fail = false
	if r, err := q.Retry(ctx, dead.ID); err != nil || r.State != Ready {
		t.Errorf("Retry = %+v %v", r, err)
	}
	if r := awaitState(t, q, "work", Done); r.Unique != "u" || len(r.Errors) != 1 || r.Finished.IsZero() || r.Process == "" {
		t.Errorf("%+v", r)
	}
	later := awaitState(t, q, "later", Scheduled)
	if r, err := q.Kill(ctx, later.ID); err != nil || r.State != Dead {
		t.Errorf("Kill = %+v %v", r, err)
	}
	for _, do := range []func(context.Context, int64) (Record, error){q.Show, q.Retry, q.Kill} {
		if _, err := do(ctx, 999); !errors.Is(err, ErrNoJob) {
			t.Errorf("of no job: %v", err)
		}
	}
	counts, err := q.Counts(ctx)
	want := map[string]map[State]int{"work": {Done: 1}, "later": {Dead: 1}}
	if diff := cmp.Diff(want, counts); diff != "" || err != nil {
		t.Error(diff, err)
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
