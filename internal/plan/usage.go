package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// A Workload is what use is asked for, as Dynatrace names it. Only Cluster and
// Kind may be empty.
type Workload struct{ Cluster, Namespace, Kind, Name string }

// A Meter knows what the containers of a workload used of memory or CPU.
type Meter interface {
	// Usage returns what was measured, a container each. An error is always an
	// [*UnmeasuredError]: not knowing is no failure, and never "no use".
	Usage(ctx context.Context, w Workload, k policy.Kind) ([]policy.Usage, error)
}

// An UnmeasuredError says why the use of a workload is not known.
type UnmeasuredError struct {
	Why     string // for people who review a change
	Err     error  // for people who run the program; may be nil
	Passing bool   // asking again later may be answered
}

func (e *UnmeasuredError) Error() string {
	if e.Err == nil {
		return e.Why
	}
	return fmt.Sprintf("%s: %v", e.Why, e.Err)
}

func (e *UnmeasuredError) Unwrap() error { return e.Err }

// Metrics is a [Meter] that asks the query container-usage. It needs the
// permission storage:metrics:read.
type Metrics struct {
	Dynatrace dql.Querier
	Catalog   *catalog.Catalog
	Denied    error // what the error of a refusal wraps, which is for good
}

// usageWindow is the time that container-usage looks back.
const usageWindow = 7 * 24 * time.Hour

// Usage asks once. Of an answer that was cut short nothing is used: the peak may
// be in what is missing.
func (m Metrics) Usage(ctx context.Context, w Workload, k policy.Kind) ([]policy.Usage, error) {
	const unknown = "the query " + catalog.ContainerUsage + " failed; it needs the scope storage:metrics:read"
	if w.Namespace == "" || w.Name == "" {
		return nil, &UnmeasuredError{Why: "the problem names no workload whose use could be asked for"}
	}
	entry, err := m.Catalog.Get(catalog.ContainerUsage)
	if err != nil {
		return nil, &UnmeasuredError{Why: unknown, Err: err}
	}
	q, err := entry.Query(map[string]dql.Value{"NAMESPACE": dql.String(w.Namespace), "WORKLOAD": dql.String(w.Name)})
	if err != nil {
		return nil, &UnmeasuredError{Why: unknown, Err: err}
	}
	res, err := m.Dynatrace.Query(ctx, q)
	if err == nil {
		err = entry.Check(res)
	}
	switch {
	case err != nil:
		return nil, &UnmeasuredError{unknown, err, m.Denied == nil || !errors.Is(err, m.Denied)}
	case res.Quality == dql.Partial || res.Quality == dql.Failed:
		return nil, &UnmeasuredError{Why: "the answer about its use was cut short", Passing: true}
	}
	return usages(res.Records, w, k)
}

// usages reads the rows that are about w. Rows of several clusters or kinds
// that w leaves open say nothing about it.
func usages(rows []dql.Record, w Workload, k policy.Kind) ([]policy.Usage, error) {
	var out []policy.Usage
	for _, row := range rows {
		is := func(column, want string) bool { return want == "" || strings.EqualFold(row.Text(column), want) }
		if !is("k8s.cluster.name", w.Cluster) || !is("k8s.workload.kind", w.Kind) {
			continue
		}
		u := usage(row, k)
		if slices.ContainsFunc(out, func(o policy.Usage) bool { return o.Container == u.Container }) {
			return nil, &UnmeasuredError{Why: "several clusters or workloads of this name were measured, and the problem does not say which it means"}
		}
		out = append(out, u)
	}
	if len(out) == 0 {
		return nil, &UnmeasuredError{Why: fmt.Sprintf("nothing was measured of %s/%s in the last %d days", w.Namespace, w.Name, usageWindow/(24*time.Hour))}
	}
	return out, nil
}

// usage reads one row of container-usage.
func usage(row dql.Record, k policy.Kind) policy.Usage {
	number := func(column string) float64 {
		n, _ := row.Get(column).AsDouble()
		return max(n, 0)
	}
	u := policy.Usage{
		Container: row.Text("k8s.container.name"), Points: int64(number("points")), Enough: row.Text("usage") == "ENOUGH", Window: usageWindow,
	}
	if k == policy.CPU {
		u.Peak, u.High, u.Limit = number("cpu_peak"), number("cpu_p95"), number("cpu_limit")
		u.Throttled = number("throttled_percent")
		return u
	}
	u.Peak, u.High, u.Limit = number("memory_peak"), number("memory_p95"), number("memory_limit")
	u.Kills = int64(number("oom_kills"))
	return u
}

// measured is what is known of the use of a workload.
type measured struct {
	kind policy.Kind
	all  []policy.Usage
	err  error // why nothing is known
}

// measure asks for the use that a case is sized by; nothing for a change that is
// not sized by use.
func (p *Planner) measure(ctx context.Context, c Case) measured {
	set := c.Target.Remedy.Set
	if set == nil || set.To != "" || set.Equal == "" {
		return measured{}
	}
	m := measured{kind: set.Kind}
	if p.Usage == nil {
		return m
	}
	m.all, m.err = p.Usage.Usage(ctx, c.Target.Workload, set.Kind)
	return m
}

// settle finds the container that a target means, and what it used. Where a
// manifest has several, use may tell; where it does not, that is left to who
// looks for the place. A reason says that another container is at fault.
func (m measured) settle(t Target, cause policy.Cause) (inventory.Target, policy.Usage, policy.Reason) {
	place, names := t.Place, t.Repo.containers(t)
	if place.Form == inventory.Kubernetes && place.Container == "" && place.ContainerIndex < 0 && len(names) > 1 {
		u, ok := policy.Culprit(cause, m.all)
		switch {
		case !ok && len(m.all) > 0:
			return place, policy.Usage{}, policy.Reason{Code: Ambiguous, Text: fmt.Sprintf("%s has the containers %s, and their use does not tell which is meant: %s",
				t.Name, strings.Join(names, ", "), policy.Shares(m.kind, m.all))}
		case !ok:
			return place, policy.Usage{}, policy.Reason{}
		}
		place.Container = u.Container
	}
	name := place.Container
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if name == "" && len(m.all) == 1 {
		name = m.all[0].Container
	}
	if other, ok := policy.Blames(cause, m.all, name); ok || place.Container != "" && len(names) > 0 && !slices.Contains(names, place.Container) {
		if !ok {
			other.Container = place.Container
		}
		return place, policy.Usage{}, policy.Reason{Code: NotFound, Text: fmt.Sprintf("container %s is at fault, which is not written here: %s", other.Container, policy.Shares(m.kind, m.all))}
	}
	i := slices.IndexFunc(m.all, func(u policy.Usage) bool { return u.Container == name })
	if i < 0 {
		return place, policy.Usage{}, policy.Reason{}
	}
	return place, m.all[i], policy.Reason{}
}

// containers are the names of those that the manifests of a workload write, in
// their order; none where nothing says, as in a values file.
func (r *Repository) containers(t Target) []string {
	if t.Place.Form != inventory.Kubernetes {
		return nil
	}
	var out []string
	for _, w := range r.inventory.Find(t.Place.Kind, t.Place.Namespace, t.Place.Name, t.Environment) {
		for _, c := range w.Containers {
			if !slices.Contains(out, c) && (t.Place.File == "" || w.File == t.Place.File) {
				out = append(out, c)
			}
		}
	}
	return out
}

// rows are the use of all containers as a pull request shows it.
func (m measured) rows() []prose.Usage {
	var out []prose.Usage
	for _, u := range m.all {
		row := prose.Usage{Container: u.Container, Points: u.Points, Kills: u.Kills}
		for _, f := range []struct {
			n  float64
			to *string
		}{{u.Peak, &row.Peak}, {u.High, &row.High}, {u.Limit, &row.Limit}} {
			if f.n > 0 {
				*f.to = policy.Show(m.kind, f.n)
			}
		}
		if u.Limit > 0 {
			row.Share = fmt.Sprintf("%.0f %%", u.Share())
		}
		if m.kind == policy.CPU && u.Limit > 0 {
			row.Throttled = fmt.Sprintf("%.0f %%", u.Throttled)
		}
		out = append(out, row)
	}
	return out
}

// passing reports whether the use may be known when asked again.
func (m measured) passing() bool {
	var why *UnmeasuredError
	return errors.As(m.err, &why) && why.Passing
}

// note says why a change is not sized by use; empty if it is, or if nobody was
// asked.
func (m measured) note(u policy.Usage) string {
	var why *UnmeasuredError
	switch {
	case errors.As(m.err, &why):
		return "Not sized by use, but by a careful step: " + why.Why + "."
	case len(m.all) == 0:
		return ""
	case u.Container == "":
		return "Not sized by use, but by a careful step: which of the containers this value is for is not known."
	case !u.Enough:
		return fmt.Sprintf("Not sized by use, but by a careful step: %d points were measured, too few.", u.Points)
	}
	return ""
}
