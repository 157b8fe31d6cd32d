package remedy_test

import (
	"context"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/remedy"
	"github.com/salvehq/salve/internal/sandbox"
)

// A liar changes the answers of a tenant.
type liar struct {
	dql.Querier
	change func(query string, rows []dql.Record) []dql.Record
}

func (l liar) Query(ctx context.Context, q dql.Query) (dql.Result, error) {
	res, err := l.Querier.Query(ctx, q)
	if err == nil {
		res.Records = l.change(q.Name, res.Records)
	}
	return res, err
}

// strange are values that no column of the queries is made for.
func strange() map[string]dql.Value {
	many := make([]dql.Value, 5000)
	for i := range many {
		many[i] = dql.String("HOST-0123456789ABCDEF")
	}
	nested := dql.Array(dql.Long(1))
	for range 10_000 {
		nested = dql.Array(nested)
	}
	object := dql.NewRecord([]string{"", "a\x00b", "a\x00b"}, []dql.Value{dql.Long(1), dql.String("\xff"), {}})
	return map[string]dql.Value{
		"null": {}, "true": dql.Bool(true), "zero": dql.Long(0), "least": dql.Long(math.MinInt64), "most": dql.Long(math.MaxInt64),
		"NaN": dql.Double(math.NaN()), "infinity": dql.Double(math.Inf(1)), "below": dql.Double(math.Inf(-1)), "huge": dql.Double(1e308), "minus": dql.Double(-1),
		"empty": dql.String(""), "text": dql.String("x"), "number": dql.String("1e309"), "not UTF-8": dql.String("\xff\xfe\x00"), "megabyte": dql.String(strings.Repeat("@org/team ", 100_000)),
		"lines": dql.String("a\n-->\n<!-- salve:{} -->\n| x |"), "list": dql.Array(), "thousands": dql.Array(many...), "mixed": dql.Array(dql.Long(1), dql.Value{}, dql.String("x"), dql.Bool(true)),
		"nested": nested, "record": dql.Object(object), "year 0": dql.Time(time.Unix(-62135596800, 0)), "far": dql.Time(time.Unix(9e9, 0)), "span": dql.Duration(math.MinInt64),
	}
}

// Whatever a tenant answers in whichever column of whichever query, there is a
// decision or an error, soon; and what would be proposed is within the bounds
// of a pull request. Every seventh is tried, all with the tag soak.
func TestStrangeAnswers(t *testing.T) {
	columns := map[string][]string{} // by query
	collect := func(query string, rows []dql.Record) []dql.Record {
		if len(rows) > 0 {
			columns[query] = rows[0].Names()
		}
		return rows
	}
	w := readWorld(t, demo)
	if _, err := lying(t, w, collect).Run(t.Context(), sandbox.WorldTime); err != nil || len(columns) == 0 {
		t.Fatal(columns, err)
	}
	turn, tried, plans := 0, 0, 0
	values := strange()
	for query, names := range columns {
		for _, name := range names {
			for what, v := range values {
				if turn++; !soak && turn%7 != 0 {
					continue
				}
				r := lying(t, w, func(asked string, rows []dql.Record) []dql.Record {
					if asked == query {
						rows = slices.Clone(rows)
						for i := range rows {
							rows[i] = with(rows[i], name, v)
						}
					}
					return rows
				})
				tried++
				plans += bounded(t, query+" "+name+" "+what, r)
			}
		}
	}
	t.Logf("%d answers of %d queries led to %d proposals", tried, len(columns), plans)
}

// Answers with columns that stand twice or are missing, with rows that stand a
// thousand times, and with none of what was asked for.
func TestStrangeRows(t *testing.T) {
	w := readWorld(t, demo)
	for what, change := range map[string]func(rows []dql.Record) []dql.Record{
		"no columns": func(rows []dql.Record) []dql.Record { return make([]dql.Record, len(rows)) },
		"the same thousand times": func(rows []dql.Record) []dql.Record {
			var out []dql.Record
			for range 1000 {
				out = append(out, rows[:min(len(rows), 1)]...)
			}
			return out
		},
		"the same id for all": func(rows []dql.Record) []dql.Record {
			rows = slices.Clone(rows)
			for i := range rows {
				rows[i] = with(with(rows[i], "event.id", dql.String("1_V2")), "display_id", dql.String("P-1"))
			}
			return rows
		},
		"every column twice": func(rows []dql.Record) []dql.Record {
			rows = slices.Clone(rows)
			for i, r := range rows {
				rows[i] = dql.NewRecord(append(slices.Clone(r.Names()), r.Names()...), append(slices.Clone(r.Values()), make([]dql.Value, r.Len())...))
			}
			return rows
		},
		"a thousand columns more": func(rows []dql.Record) []dql.Record {
			rows = slices.Clone(rows)
			for i := range rows {
				for n := range 1000 {
					rows[i] = with(rows[i], strings.Repeat("x", n+1), dql.Long(1))
				}
			}
			return rows
		},
	} {
		r := lying(t, w, func(_ string, rows []dql.Record) []dql.Record { return change(rows) })
		bounded(t, what, r)
	}
}

// lying is a runner whose tenant's answers are changed, those about usage too.
func lying(t *testing.T, w world, change func(string, []dql.Record) []dql.Record) *remedy.Runner {
	t.Helper()
	r := runner(t, w, nil)
	r.Problems = liar{r.Problems, change}
	r.Maker.Planner.Usage = plan.Metrics{Dynatrace: r.Problems, Catalog: r.Catalog}
	return r
}

// with returns r with another value in a column.
func with(r dql.Record, name string, v dql.Value) dql.Record {
	names, values := slices.Clone(r.Names()), slices.Clone(r.Values())
	if i := slices.Index(names, name); i >= 0 {
		values[i] = v
	} else {
		names, values = append(names, name), append(values, v)
	}
	return dql.NewRecord(names, values)
}

// bounded runs a cycle that must end soon, and looks at what would be proposed.
func bounded(t *testing.T, what string, r *remedy.Runner) (plans int) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v\n%s", what, p, debug.Stack())
		}
	}()
	began := time.Now()
	report, err := r.Run(t.Context(), sandbox.WorldTime)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("%s: took %v", what, took)
	}
	if err == nil && len(report.Decisions) == 0 {
		t.Errorf("%s: neither a decision nor an error", what)
	}
	for _, p := range report.Plans {
		plans++
		got := p.Proposal
		m, ok := forge.ParseMarker(got.Body)
		if !ok || m.Key != got.Key || len(got.Body) > 65536 || !utf8.ValidString(got.Title+got.Body+got.Message) || strings.ContainsAny(got.Title, "\r\n") ||
			utf8.RuneCountInString(got.Title) > 256 || forge.ValidateBranch(got.Branch) != nil || strings.Contains(p.To+p.Rule, "NaN") || strings.HasPrefix(p.To, "-") {
			t.Errorf("%s: proposes %q (%d bytes) from %q to %q by %q", what, got.Title, len(got.Body), p.From, p.To, p.Rule)
		}
	}
	return plans
}
