package gate_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// BenchmarkTick is one tick of the schedule over open pull requests of 50
// environments, of which nothing has changed; then one of the whole estate that
// waits, since Dynatrace is down.
func BenchmarkTick(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		for _, mode := range []string{"up", "down"} {
			b.Run(fmt.Sprintf("pulls=%d/dynatrace=%s", n, mode), func(b *testing.B) {
				w := many(b, n)
				w.tick()
				w.tenant.mode = mode
				w.now = noon.Add(5 * time.Minute)
				w.tick()
				w.tenant.asked, w.host.writes, w.host.listed, w.host.read = 0, 0, 0, 0
				b.ReportAllocs()
				for b.Loop() {
					w.now = w.now.Add(20 * time.Second) // an answer serves ten, and a status is believed for an hour
					w.tick()
				}
				ticks := float64(b.N)
				b.ReportMetric(float64(w.tenant.asked)/ticks, "queries/op")
				b.ReportMetric(float64(w.host.writes)/ticks, "statuses/op")
				b.ReportMetric(float64(w.host.listed+w.host.read)/ticks, "reads/op")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/ticks/float64(n), "ns/pull")
			})
		}
	}
}

// Ten times the pull requests cost ten times as much, and no query and no status
// more, whether Dynatrace answers or not.
func TestTickGrowsLinearly(t *testing.T) {
	for _, mode := range []string{"up", "down"} {
		each := map[int]float64{}
		for _, n := range []int{100, 1000} {
			w := many(t, n)
			w.tick()
			w.tenant.mode, w.now = mode, noon.Add(5*time.Minute)
			w.tick()
			w.tenant.asked, w.host.writes, w.host.listed, w.host.read = 0, 0, 0, 0
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w.now = noon.Add(6 * time.Minute)
			w.tick()
			runtime.ReadMemStats(&after)
			each[n] = float64(after.Mallocs-before.Mallocs) / float64(n)
			if w.tenant.asked != 1 || w.host.writes != 0 || w.host.read != 0 || w.host.listed > 2 {
				t.Errorf("%d pull requests, Dynatrace %s: %d queries, %d statuses, %d lists, %d read one by one; want 1, 0, at most 2, 0",
					n, mode, w.tenant.asked, w.host.writes, w.host.listed, w.host.read)
			}
		}
		if each[1000] > 1.5*each[100] {
			t.Errorf("Dynatrace %s: %.0f allocations for each of 1000 pull requests, %.0f for each of 100", mode, each[1000], each[100])
		}
	}
}
