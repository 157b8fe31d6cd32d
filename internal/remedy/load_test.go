package remedy_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/sandbox"
)

// opened is a world whose repositories are open already, as in a program that
// runs for long.
type opened struct {
	world
	repos []*plan.Repository
}

func (o opened) Repositories(context.Context) ([]*plan.Repository, error) { return o.repos, nil }

// loaded returns a runner over records, which asked its query already and holds
// its repositories open, so that only deciding is left.
func loaded(t testing.TB, w world, records []dql.Record) *remedy.Runner {
	t.Helper()
	queries, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	entry, err := queries.Get(remedy.Query)
	if err != nil {
		t.Fatal(err)
	}
	q, err := entry.Query(nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := (&eval.Engine{Source: eval.Records(records), Now: sandbox.WorldTime}).Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	repos, err := w.Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &remedy.Runner{
		Problems: answer{res: rows}, Catalog: queries, Estate: opened{w, repos},
		Maker: &propose.Maker{Planner: &plan.Planner{}, History: w}, Log: slog.New(slog.DiscardHandler),
	}
}

// crowd returns n repositories of ten workloads and two services each.
func crowd(n int) world {
	w := world{repos: map[string]map[string]string{}}
	for i := range n {
		files := map[string]string{".github/salve.yml": fmt.Sprintf(`version: 1
environments: {production: {namespaces: ["team-*"]}}
services:
  database:
    match: {names: ["team-%d-db*"], tags: ["[*]team-%d:*"]}
    owns: [{values: values.yaml, path: pool, for: database-pool}]
  web:
    match: {workloads: ["team-%d/app-0"], entities: [HOST-%d]}
    owns: [{kubernetes: "Deployment team-%d/app-0"}]
`, i, i, i, i, i)}
		for j := range 10 {
			files[fmt.Sprintf("k8s/app-%d.yaml", j)] = manifest(fmt.Sprintf("team-%d", i), fmt.Sprintf("app-%d", j))
		}
		w.repos[fmt.Sprintf("acme/team-%03d", i)] = files
	}
	return w
}

func manifest(namespace, name string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: %s}
spec:
  template:
    spec:
      containers:
        - {name: app, image: x, resources: {limits: {memory: 512Mi}}}
`, name, namespace)
}

// kills returns n problems of n workloads of a crowd, with extra entities each.
func kills(n, repos, entities int) []dql.Record {
	at := dql.Time(sandbox.WorldTime.Add(-time.Hour))
	names := []dql.Value{}
	for i := range entities {
		names = append(names, dql.String(fmt.Sprintf("entity-%d", i)))
	}
	var out []dql.Record
	for i := range n {
		out = append(out, dql.NewRecord(
			[]string{"event.kind", "event.id", "display_id", "event.name", "event.category", "event.status", "event.start", "timestamp",
				"affected_entity_types", "affected_entity_names", "k8s.namespace.name", "k8s.workload.name", "k8s.workload.kind"},
			[]dql.Value{dql.String("DAVIS_PROBLEM"), dql.String(fmt.Sprintf("%d_%dV2", i+1, i+1)), dql.String(fmt.Sprintf("P-%d", i)),
				dql.String("Out-of-memory kills"), dql.String("RESOURCE_CONTENTION"), dql.String("ACTIVE"), at, at,
				dql.Array(dql.String("dt.entity.cloud_application")), dql.Array(names...),
				dql.Array(dql.String(fmt.Sprintf("team-%d", i%repos))), dql.Array(dql.String(fmt.Sprintf("app-%d", i/repos%10))), dql.Array(dql.String("deployment"))}))
	}
	return out
}

// BenchmarkCycle decides about problems and plans a pull request for every
// workload that has one, all repositories open and the query answered. It
// shows the growth with problems and repositories, with either alone, and the
// memory in use after it: repositories, index and report.
func BenchmarkCycle(b *testing.B) {
	for _, size := range []struct{ problems, repos int }{
		{100, 10}, {1000, 100}, {10000, 1000},
		{100, 1000}, {1000, 1000},
		{10000, 10}, {10000, 100},
	} {
		b.Run(fmt.Sprintf("%d problems, %d repositories", size.problems, size.repos), func(b *testing.B) {
			r := loaded(b, crowd(size.repos), kills(size.problems, size.repos, 1))
			var report remedy.Report
			var err error
			cycles, before := 0, computed(b)
			for ; b.Loop(); cycles++ {
				if report, err = r.Run(b.Context(), sandbox.WorldTime); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((computed(b)-before).Seconds()/float64(cycles), "cpu-s/cycle")
			b.ReportMetric(float64(inUse())/(1<<20), "MB-in-use")
			runtime.KeepAlive(r)
			b.ReportMetric(float64(len(report.Plans)), "plans")
			if want := min(size.problems, size.repos*10); len(report.Plans) != want {
				b.Errorf("%d plans, want %d", len(report.Plans), want)
			}
		})
	}
}

// computed is the CPU time of this process.
func computed(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inUse is the memory that is in use, in bytes.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A problem that names very many things is nobody's to answer, and costs no
// search.
func TestProblemOfManyEntities(t *testing.T) {
	w := crowd(2)
	for entities, want := range map[int]bool{1000: true, 1001: false} {
		report, err := loaded(t, w, kills(1, 2, entities)).Run(t.Context(), sandbox.WorldTime)
		if err != nil {
			t.Fatal(err)
		}
		if d := report.Decisions[0]; d.Reason.None() != want {
			t.Errorf("%d entities: reason %q", entities, d.Reason.Text)
		}
	}
}
