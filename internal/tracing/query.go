package tracing

import (
	"context"
	"log/slog"

	"github.com/salvehq/salve/internal/dql"
)

// Querier makes a span of each query that next answers, with the name of the
// query, the number of rows and how far they can be trusted.
func (t *Tracer) Querier(next dql.Querier) dql.Querier { return querier{t, next} }

type querier struct {
	tracer *Tracer
	next   dql.Querier
}

// Query implements [dql.Querier].
func (q querier) Query(ctx context.Context, query dql.Query) (dql.Result, error) {
	ctx, span := q.tracer.Start(ctx, "query", slog.String("query", query.Name))
	res, err := q.next.Query(ctx, query)
	span.Set(slog.Int("rows", len(res.Records)), slog.String("quality", res.Quality.String()))
	span.End(err)
	return res, err
}
