package queue

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/postgrestest"
)

// child is a process of its own on the database at url, for tests that kill it.
// It never returns.
func child(url string) {
	ctx := context.Background()
	q, err := Open(ctx, url, quiet)
	check(err)
	// hangs until the process is killed
	started := make(chan struct{}) // a job may begin before Start returns; who reads expects "started" first
	check(q.Handle("hang", func(_ context.Context, j Job) error {
		<-started
		fmt.Println("began", j.ID)
		select {}
	}, Options{Timeout: maxTimeout}))
	check(q.Handle("count", counter(q), Options{Workers: 8}))
	check(q.Start(ctx))
	fmt.Println("started")
	close(started)
	select {}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// counter leaves a fact for each run of a job: who ran it, and which attempt.
func counter(q *Queue) Handler {
	return func(ctx context.Context, j Job) error {
		return q.Put(ctx, "ran", fmt.Sprintf("%s %s %d", j.Unique, q.id, j.Attempt), nil, time.Time{})
	}
}

// A process is a child that a test may kill.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func spawn(t *testing.T, url string) process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SALVE_QUEUE_CHILD="+url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := process{cmd, bufio.NewScanner(out)}
	t.Cleanup(p.kill)
	p.await(t, "started")
	return p
}

// kill ends p as kill -9 does.
func (p process) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// await reads what p says until a line starts with prefix.
func (p process) await(t *testing.T, prefix string) {
	t.Helper()
	for p.lines.Scan() {
		if strings.HasPrefix(p.lines.Text(), prefix) {
			return
		}
		t.Log("child:", p.lines.Text())
	}
	t.Fatalf("child ended before it said %q", prefix)
}

// The job of a process that was killed goes on elsewhere within a minute, and
// with it the jobs that wait behind it.
func testKill(t *testing.T, w world) {
	url := w.url(t)
	q := openQueue(t, url)
	done := make(chan Job, 2)
	handle(t, q, "hang", Options{Timeout: maxTimeout}, func(_ context.Context, j Job) error { done <- j; return nil })
	enqueue(t, q, Job{Kind: "hang", Key: "k"})
	enqueue(t, q, Job{Kind: "hang", Key: "k"})
	p := spawn(t, url)
	p.await(t, "began")
	start(t, q)
	p.kill()
	killed := time.Now()
	for i, attempt := range []int{2, 1} {
		if j := <-done; j.Attempt != attempt {
			t.Errorf("job %d: attempt %d, want %d", i, j.Attempt, attempt)
		}
		took := time.Since(killed)
		t.Logf("%s: job %d ran %.1f s after kill -9 of its process", w.name, i, took.Seconds())
		if took > time.Minute {
			t.Errorf("job %d ran after %v, want a minute at most", i, took)
		}
	}
	r := awaitState(t, q, "hang", Done)
	if first, err := q.Show(t.Context(), r.ID-1); err != nil || len(first.Errors) != 1 {
		t.Errorf("want the death in the history of the job: %+v %v", first, err)
	}
}

// A job that was cut off in its last attempt is dead: one that kills its
// process does not do so for ever.
func testCrashLoop(t *testing.T, w world) {
	q := openQueue(t, w.url(t))
	handle(t, q, "hang", Options{MaxAttempts: 1}, func(context.Context, Job) error { return nil })
	enqueue(t, q, Job{Kind: "hang", Key: "k"})
	enqueue(t, q, Job{Kind: "hang", Key: "k"})
	// as a process leaves it that died
	err := q.store.atomically(t.Context(), func(tx tx) error {
		_, err := tx.exec(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1 WHERE state = 'available'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, q)
	r := awaitState(t, q, "hang", Done) // the second one had its turn
	if first, err := q.Show(t.Context(), r.ID-1); err != nil || first.State != Dead {
		t.Errorf("the first is %+v, want it dead: %v", first, err)
	}
}

// Jobs that several processes share, one of which is killed, all run; none runs
// twice except those that the dead process had. Deliveries arrive twice.
func testCount(t *testing.T, w world) {
	url := w.url(t)
	q := openQueue(t, url)
	handle(t, q, "count", Options{Workers: 8}, counter(q))
	jobs, processes := 1000, 2
	if soak {
		jobs, processes = 5000, 4
	}
	var children []process
	for range processes - 1 {
		children = append(children, spawn(t, url))
	}
	start(t, q)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := i; n < jobs; n += 4 {
				j := Job{Kind: "count", Key: fmt.Sprint("lane", n%97), Unique: fmt.Sprintf("delivery-%06d", n)}
				if n%2 == 0 {
					j.Key = ""
				}
				if first, again := enqueue(t, q, j), enqueue(t, q, j); !first || again {
					t.Errorf("%s: %v, then %v", j.Unique, first, again)
				}
				if n == jobs/2 {
					children[0].kill()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%s: %d jobs enqueued in %v", w.name, jobs, time.Since(began).Round(time.Millisecond))
	await(t, "all jobs to be done", func() bool {
		counts, err := q.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return counts["count"][Done] == jobs
	})
	t.Logf("%s: %d jobs done by %d processes, one killed, in %v", w.name, jobs, processes, time.Since(began).Round(time.Millisecond))
	ran := map[string][]string{}
	for f, err := range q.List(t.Context(), "ran") {
		if err != nil {
			t.Fatal(err)
		}
		unique, by, _ := strings.Cut(f.Name, " ")
		ran[unique] = append(ran[unique], by)
	}
	doubled := 0
	for unique, by := range ran {
		if len(by) == 1 {
			continue
		}
		doubled++
		if r := fmt.Sprint(by); !strings.Contains(r, fmt.Sprintf("-%d-", children[0].Process.Pid)) {
			t.Errorf("%s ran more than once, by none that was killed: %s", unique, r)
		}
	}
	if len(ran) != jobs {
		t.Errorf("%d of %d jobs ran", len(ran), jobs)
	}
	t.Logf("%s: lost %d, begun twice by the kill %d", w.name, jobs-len(ran), doubled)
}

// A database that crashes and comes back loses nothing that was accepted; what
// was not is an error to whoever enqueues, who tries again.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	q := openQueue(t, server.Database(t))
	handle(t, q, "count", Options{}, counter(q))
	start(t, q)
	const jobs = 200
	refused := 0
	for n := range jobs {
		if n == jobs/2 {
			server.Restart(t)
		}
		j := Job{Kind: "count", Key: fmt.Sprint(n % 10), Unique: fmt.Sprint("delivery-", n)}
		await(t, "the database to accept", func() bool {
			_, err := q.Enqueue(t.Context(), j)
			if err != nil {
				refused++
			}
			return err == nil
		})
	}
	await(t, "all jobs to be done", func() bool {
		counts, err := q.Counts(t.Context())
		return err == nil && counts["count"][Done] == jobs
	})
	ran := map[string]bool{}
	for f, err := range q.List(t.Context(), "ran") {
		if err != nil {
			t.Fatal(err)
		}
		unique, _, _ := strings.Cut(f.Name, " ")
		ran[unique] = true
	}
	if len(ran) != jobs {
		t.Errorf("%d of %d jobs ran", len(ran), jobs)
	}
	t.Logf("%d jobs through a crash of the database, %d times refused", jobs, refused)
}
