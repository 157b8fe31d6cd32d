package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/postgrestest"
)

// BenchmarkJobs keeps deliveries of a hundred repositories while it works them
// off, as a process under load does: jobs per second, and the CPU time of each.
func BenchmarkJobs(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkJobs(b, filepath.Join(b.TempDir(), "salve.db")) })
	b.Run("postgres", func(b *testing.B) { benchmarkJobs(b, postgrestest.Start(b).Database(b)) })
}

func benchmarkJobs(b *testing.B, url string) {
	q := openQueue(b, url)
	var done sync.WaitGroup
	handle(b, q, "event", Options{Workers: 64}, func(context.Context, Job) error { done.Done(); return nil })
	start(b, q)
	payload, err := json.Marshal(strings.Repeat("x", 5000))
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	before := computed(b)
	began := time.Now()
	for b.Loop() {
		n++
		done.Add(1)
		enqueue(b, q, Job{Kind: "event", Key: fmt.Sprint(n % 100), Unique: fmt.Sprint(n), Payload: payload})
	}
	done.Wait()
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "jobs/s")
	b.ReportMetric(float64((computed(b)-before).Microseconds())/float64(n), "cpu-µs/job")
}

// computed is the CPU time of this process.
func computed(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
