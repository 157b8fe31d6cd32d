package eval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
)

// metricPoint is one recorded point.
func metricPoint(key, host string, at time.Time, v float64) dql.Record {
	return dql.NewRecord([]string{"event.kind", "metric.key", "host", "timestamp", "value"},
		[]dql.Value{dql.String("metric point"), dql.String(key), dql.String(host), dql.Time(at), dql.Double(v)})
}

// Series of several metrics are those that have all of them, unless union: true.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/commands/metric-commands
func TestTimeseries(t *testing.T) {
	at := now.Truncate(time.Hour)
	points := []dql.Record{
		metricPoint("use", "a", at.Add(-50*time.Minute), 1), metricPoint("use", "a", at.Add(-45*time.Minute), 3), metricPoint("use", "a", at.Add(-10*time.Minute), 5),
		metricPoint("use", "b", at.Add(-10*time.Minute), 7), metricPoint("use", "b", at.Add(-2*time.Hour), 100),
		metricPoint("most", "a", at.Add(-10*time.Minute), 10), metricPoint("most", "c", at.Add(-10*time.Minute), 20),
		metricPoint("other", "a", at.Add(-10*time.Minute), 99),
	}
	const window = `, from: toTimestamp("FROM"), to: toTimestamp("TO"), interval: 30m | fieldsRemove timeframe, interval | sort host asc`
	for _, tt := range []struct{ query, want string }{
		{`timeseries u = avg(use), by: {host}`, `{"host":"a","u":[2,5]}{"host":"b","u":[null,7]}`},
		{`timeseries u = sum(use), by: {host}, filter: host == "a"`, `{"host":"a","u":[4,5]}`},
		{`timeseries u = max(use, default: 0), by: {host}`, `{"host":"a","u":[3,5]}{"host":"b","u":[0,7]}`},
		{`timeseries {u = max(use), m = max(most)}, by: {host}`, `{"host":"a","u":[3,5],"m":[null,10]}`},
		{`timeseries {u = max(use), m = max(most)}, by: {host}, union: true`,
			`{"host":"a","u":[3,5],"m":[null,10]}{"host":"b","u":[null,7],"m":[null,null]}{"host":"c","u":[null,null],"m":[null,20]}`},
		{`timeseries {u = max(use), m = max(most)}, by: {host}, union: false`, `{"host":"a","u":[3,5],"m":[null,10]}`},
		{`timeseries {low = min(use), high = max(use)}, by: {host}`, `{"host":"a","low":[1,5],"high":[3,5]}{"host":"b","low":[null,7],"high":[null,7]}`},
		{`timeseries u = max(use, scalar: true), by: {host}`, `{"host":"a","u":5}{"host":"b","u":7}`},
		{`timeseries u = max(absent), by: {host}`, ``},
		{`timeseries {u = max(use), m = max(absent)}, by: {host}`, ``},
	} {
		text := tt.query + strings.NewReplacer("FROM", at.Add(-time.Hour).Format(time.RFC3339), "TO", at.Format(time.RFC3339)).Replace(window)
		res, err := (&eval.Engine{Now: now, Source: eval.Records(points)}).Query(t.Context(), dql.Query{Text: text})
		if err != nil {
			t.Errorf("%s: %v", tt.query, err)
			continue
		}
		var b strings.Builder
		for _, r := range res.Records {
			b.Write(dql.AppendJSON(nil, dql.Object(r)))
		}
		if b.String() != tt.want {
			t.Errorf("%s\nhave %s\nwant %s", tt.query, b.String(), tt.want)
		}
	}
}
