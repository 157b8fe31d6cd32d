package gate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
)

// A Telemetry knows whether what was deployed does anything.
type Telemetry interface {
	// Silent says why nothing shows that services did anything since a time, ""
	// if something does, and what was asked to find out.
	Silent(ctx context.Context, repo *plan.Repository, services []Service, since time.Time) (why string, asked Question)
}

// Spans is a Telemetry that looks for spans of the workloads and services. It
// needs the permission storage:spans:read.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/trace
type Spans struct{ Dynatrace dql.Querier }

// spans has a row for each workload, service and version that sent spans. It
// decides nothing, so it is not in the catalog.
const spans = `fetch spans, from: ${DEPLOYMENT_TIME}
| summarize spans = count(), by: {k8s.namespace.name, k8s.workload.name, dt.entity.service, service.version}
| limit 10000
`

// Silent finds spans of any of the services. One is enough: a worker without
// traffic sends none however well it is.
func (s Spans) Silent(ctx context.Context, repo *plan.Repository, services []Service, since time.Time) (why string, asked Question) {
	q := dql.Query{Name: "spans.dql", Text: spans, Params: map[string]dql.Value{"DEPLOYMENT_TIME": dql.Time(since)}}
	asked = questionOf("spans", q)
	res, err := s.Dynatrace.Query(ctx, q)
	if err != nil {
		return fmt.Sprintf("whether the new version did anything is not known: %v", err), asked
	}
	for _, row := range res.Records {
		subject := policy.Subject{Entities: []string{row.Text("dt.entity.service")}}
		if name := row.Text("k8s.workload.name"); name != "" {
			subject.Workload = row.Text("k8s.namespace.name") + "/" + name
		}
		for _, one := range services {
			side := one.Canary == "" || slices.Contains([]string{row.Text("k8s.workload.name"), row.Text("dt.entity.service"), row.Text("service.version")}, one.Canary)
			if side && (one.Canary != "" || one.is(repo, subject) != "") {
				return "", asked
			}
		}
	}
	if len(services) > 0 && services[0].Canary != "" {
		return fmt.Sprintf("no span of the canary %.60s since %s: no traffic is not health", services[0].Canary, clock(since)), asked
	}
	return fmt.Sprintf("no span of the deployed services since %s: no traffic is not health", clock(since)), asked
}
