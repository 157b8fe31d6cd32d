package catalog

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dynatrace"
	"github.com/salvehq/salve/internal/dynatracetest"
)

// A points is a metric of one container of one pod: its values, one every ten
// minutes up to the end.
type points struct {
	metric, cluster, namespace, workload, kind, pod, container string
	end                                                        time.Duration // before now
	values                                                     []float64
}

func (p points) records(now time.Time) []dql.Record {
	const key = "dt.kubernetes.container."
	var out []dql.Record
	for i, v := range p.values {
		at := now.Add(-p.end - 10*time.Minute*time.Duration(len(p.values)-1-i) - time.Minute)
		out = append(out, dql.NewRecord(
			[]string{"event.kind", "metric.key", "timestamp", "value", "k8s.cluster.name", "k8s.namespace.name", "k8s.workload.name", "k8s.workload.kind", "k8s.pod.name", "k8s.container.name"},
			[]dql.Value{dql.String("metric point"), dql.String(key + p.metric), dql.Time(at), dql.Double(v), dql.String(p.cluster), dql.String(p.namespace),
				dql.String(p.workload), dql.String(p.kind), dql.String(p.pod), dql.String(p.container)},
		))
	}
	return out
}

// of returns points of a container of shop/checkout.
func of(metric, pod, container string, values ...float64) points {
	return points{metric, "eu", "shop", "checkout", "deployment", pod, container, 0, values}
}

func repeat(v float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestContainerUsage(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	const mebi = 1 << 20
	ramp := make([]float64, 101) // 0, 1, … 100 Mi: the 95th percentile is 95 Mi
	for i := range ramp {
		ramp[i] = float64(i) * mebi
	}
	for _, tt := range []struct {
		name   string
		points []points
		want   string // rows without what is null
	}{
		{"nothing measured", nil, ""},
		{"another workload, another namespace", []points{
			{"memory_working_set", "eu", "shop", "cart", "deployment", "cart-1", "app", 0, repeat(mebi, 200)},
			{"memory_working_set", "eu", "shop-2", "checkout", "deployment", "checkout-1", "app", 0, repeat(mebi, 200)},
		}, ""},
		{"peak, percentile and limit of one container", []points{
			of("memory_working_set", "a", "app", ramp...), of("limits_memory", "a", "app", repeat(128*mebi, 101)...),
		}, `{"k8s.container.name":"app","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":1,"points":101,"memory_peak":104857600,"memory_p95":99614720,"memory_limit":134217728,"oom_kills":0,"usage":"ENOUGH"}`},
		{"without a limit, and too little", []points{of("memory_working_set", "a", "app", repeat(64*mebi, 99)...)},
			`{"k8s.container.name":"app","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":1,"points":99,"memory_peak":67108864,"memory_p95":67108864,"oom_kills":0,"usage":"TOO_LITTLE"}`},
		{"the busiest of several pods; each container by itself", []points{
			of("memory_working_set", "a", "app", repeat(10*mebi, 60)...), of("memory_working_set", "b", "app", repeat(90*mebi, 60)...),
			of("memory_working_set", "a", "proxy", repeat(5*mebi, 100)...),
		}, `{"k8s.container.name":"app","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":2,"points":120,"memory_peak":94371840,"memory_p95":94371840,"oom_kills":0,"usage":"ENOUGH"}
{"k8s.container.name":"proxy","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":1,"points":100,"memory_peak":5242880,"memory_p95":5242880,"oom_kills":0,"usage":"ENOUGH"}`},
		{"a limit that was raised", []points{
			of("memory_working_set", "a", "app", repeat(60*mebi, 100)...),
			of("limits_memory", "a", "app", append(repeat(64*mebi, 60), repeat(128*mebi, 40)...)...),
		}, `{"k8s.container.name":"app","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":1,"points":100,"memory_peak":62914560,"memory_p95":62914560,"memory_limit":134217728,"oom_kills":0,"usage":"ENOUGH"}`},
		{"CPU: peak of ten minutes, and the share that was withheld", []points{
			of("cpu_usage", "a", "app", append(repeat(200, 99), 480)...), of("limits_cpu", "a", "app", repeat(500, 100)...),
			of("cpu_throttled", "a", "app", append(repeat(10, 99), 400)...),
		}, `{"k8s.container.name":"app","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":1,"points":100,"cpu_peak":480,"cpu_p95":200,"cpu_limit":500,"throttled_percent":80,"oom_kills":0,"usage":"ENOUGH"}`},
		{"kills", []points{
			of("memory_working_set", "a", "app", repeat(60*mebi, 100)...), of("oom_kills", "a", "app", 0, 2, 0, 1),
		}, `{"k8s.container.name":"app","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":1,"points":100,"memory_peak":62914560,"memory_p95":62914560,"oom_kills":3,"usage":"ENOUGH"}`},
		{"longer ago than a week", []points{{"memory_working_set", "eu", "shop", "checkout", "deployment", "a", "app", 8 * 24 * time.Hour, repeat(mebi, 200)}}, ""},
		{"two clusters", []points{
			of("memory_working_set", "a", "app", repeat(mebi, 100)...),
			{"memory_working_set", "us", "shop", "checkout", "deployment", "a", "app", 0, repeat(2*mebi, 100)},
		}, `{"k8s.container.name":"app","k8s.cluster.name":"eu","k8s.workload.kind":"deployment","pods":1,"points":100,"memory_peak":1048576,"memory_p95":1048576,"oom_kills":0,"usage":"ENOUGH"}
{"k8s.container.name":"app","k8s.cluster.name":"us","k8s.workload.kind":"deployment","pods":1,"points":100,"memory_peak":2097152,"memory_p95":2097152,"oom_kills":0,"usage":"ENOUGH"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{now: now, params: map[string]string{"NAMESPACE": "shop", "WORKLOAD": "checkout"}}
			for _, p := range tt.points {
				w.records = append(w.records, p.records(now)...)
			}
			e := get(t, load(t), ContainerUsage)
			if diff := cmp.Diff(tt.want, strings.TrimSpace(lines(w.answer(t, e, w.records, nil).Records))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, strings.TrimSpace(lines(overTheWire(t, w, e).Records))); diff != "" {
				t.Errorf("over the wire (-want +got):\n%s", diff)
			}
		})
	}
}

// overTheWire asks a tenant that holds the world.
func overTheWire(t *testing.T, w *world, e Entry) dql.Result {
	t.Helper()
	const token = "dt0s16.SALVE123.S3CRET"
	tenant, err := dynatracetest.New(dynatracetest.Options{
		Source: eval.Records(w.records), Now: func() time.Time { return w.now },
		Tokens: []dynatracetest.Token{{Secret: token, Scopes: append(dynatracetest.Scopes(), "storage:metrics:read")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tenant.Handler())
	t.Cleanup(server.Close)
	client, err := dynatrace.New(dynatrace.Config{URL: server.URL, Token: token, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Query(t.Context(), w.bind(t, e))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Check(res); err != nil {
		t.Error(err)
	}
	return res
}

// Names are values, whatever they hold: a name that looks like DQL finds a
// workload of that name, or nothing.
func TestContainerUsageOfHostileNames(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for _, name := range []string{`checkout" or true or "" == "`, `*`, `${NAMESPACE}`, `\`, "a\nb"} {
		w := &world{now: now, params: map[string]string{"NAMESPACE": "shop", "WORKLOAD": name}}
		w.records = of("memory_working_set", "a", "app", repeat(1, 100)...).records(now)
		e := get(t, load(t), ContainerUsage)
		if rows := w.answer(t, e, w.records, nil).Records; len(rows) > 0 {
			t.Errorf("%q finds %s", name, lines(rows))
		}
		p := of("memory_working_set", "a", "app", repeat(1, 100)...)
		p.workload = name
		if rows := w.answer(t, e, p.records(now), nil).Records; len(rows) != 1 {
			t.Errorf("%q finds %d rows of its own, want 1", name, len(rows))
		}
	}
}
