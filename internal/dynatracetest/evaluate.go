package dynatracetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// A meter is the source of one query. It checks permissions, counts what is
// read, and stops where a limit is reached.
type meter struct {
	source eval.Source
	token  Token
	size   int64   // of a record, in bytes
	limit  float64 // most bytes to read; 0 for none
	every  int64   // sampling: one record of so many
	open   bool    // whatever the token may read
	empty  bool    // yield no record

	mu       sync.Mutex
	records  int64
	stopped  bool      // by the limit
	from, to time.Time // the widest window that was read
}

// Fetch implements [eval.Source].
func (m *meter) Fetch(ctx context.Context, table string, from, to time.Time) (iter.Seq2[dql.Record, error], error) {
	rows, err := m.source.Fetch(ctx, table, from, to)
	if err != nil {
		return nil, err
	}
	if need := scope(table); !m.open && !slices.Contains(m.token.Scopes, need) {
		p := problems[http.StatusForbidden]
		p.Code = http.StatusForbidden
		p.Details.ErrorMessage = fmt.Sprintf("You are not authorized to read the table %s.", table)
		p.Details.Scopes = []string{need}
		return nil, &p
	}
	m.note(from, to)
	if m.empty {
		return func(func(dql.Record, error) bool) {}, nil
	}
	return func(yield func(dql.Record, error) bool) {
		n := int64(0)
		for r, err := range rows {
			n++
			switch {
			case err == nil && m.every > 1 && n%m.every != 0:
				continue
			case err == nil && !m.count():
				return
			case !yield(r, err):
				return
			}
		}
	}, nil
}

func (m *meter) note(from, to time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.from.IsZero() || from.Before(m.from) {
		m.from = from
	}
	if to.After(m.to) {
		m.to = to
	}
}

// count counts a record; it reports false at the limit.
func (m *meter) count() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit > 0 && float64((m.records+1)*m.size) > m.limit {
		m.stopped = true
		return false
	}
	m.records++
	return true
}

// plan reads a request and runs it without records, which finds every mistake
// that Grail finds before it starts.
func (s *Server) plan(ctx context.Context, req request, t Token) (plan, *problem) {
	p := plan{token: t, locale: req.Locale, blind: !slices.Contains(t.Scopes, "storage:buckets:read")}
	for _, step := range []func(request) *problem{p.limits, p.frame} {
		if bad := step(req); bad != nil {
			return plan{}, bad
		}
	}
	s.mu.Lock()
	p.source = s.source
	s.mu.Unlock()
	p.query.Text = req.Query
	canonical, bad := s.rehearse(ctx, p)
	p.canonical = canonical
	return p, bad
}

// rehearse runs p without records and returns its canonical text.
func (s *Server) rehearse(ctx context.Context, p plan) (string, *problem) {
	tree, err := syntax.Parse("", p.query.Text)
	if err == nil {
		engine := eval.Engine{Source: &meter{source: p.source, token: p.token, open: p.open, empty: true}, Now: s.opts.Now(), Location: p.location}
		_, err = engine.Query(ctx, p.query)
	}
	if err != nil {
		return "", asProblem(err, p.query.Text)
	}
	return syntax.Print(tree), nil
}

// evaluate runs a query to its end.
func (s *Server) evaluate(ctx context.Context, p plan) (map[string]any, *problem) {
	began := time.Now()
	m := &meter{
		source: p.source, token: p.token, size: s.opts.RecordSize, limit: p.scan, every: p.sampling,
		empty: p.blind || p.fault.Blind || p.fault.Silent, // a count is 0 then, not missing
	}
	engine := eval.Engine{Source: m, Now: s.opts.Now(), Location: p.location}
	res, err := engine.Query(ctx, p.query)
	if err != nil {
		return nil, asProblem(err, p.query.Text)
	}
	records, notes := p.cut(res.Records, p.notes(m))
	rows, fit := encode(records, p.location, p.bytes)
	if fit < len(records) {
		records = records[:fit]
		notes = append(notes, warning("RESULT_LIMIT_BYTES", fmt.Sprintf("Your result has been limited to %d bytes.", p.bytes)))
	}
	grail := p.metadata(m, notes)
	grail["executionTimeMilliseconds"] = time.Since(began).Milliseconds()
	result := map[string]any{"records": rows, "metadata": map[string]any{"grail": grail}}
	if p.types {
		result["types"] = dql.TypesOf(records)
	}
	return result, nil
}

// notes lists what is to be said of a run, its limits and its faults.
func (p plan) notes(m *meter) []note {
	notes := []note{}
	if p.blind || p.fault.Blind {
		notes = append(notes, warning("MISSING_BUCKET_PERMISSIONS", "You do not have permission to read any bucket of the table."))
	}
	if p.fault.Notification != "" {
		notes = append(notes, warning(p.fault.Notification, "Provoked."))
	}
	if m.stopped {
		notes = append(notes, warning("SCAN_LIMIT_GBYTES", fmt.Sprintf("Your execution was stopped after %g gigabytes of data were scanned.", p.scan/1e9)))
	}
	if p.sampling > 1 {
		notes = append(notes, warning("SAMPLING_APPLIED", fmt.Sprintf("Sampling ratio %d was applied.", p.sampling)))
	}
	return notes
}

// cut keeps the limit of records.
func (p plan) cut(records []dql.Record, notes []note) ([]dql.Record, []note) {
	if len(records) <= p.records {
		return records, notes
	}
	kind := "RESULT_LIMIT_RECORDS"
	if p.capped {
		kind = "API_RECORDS_LIMIT_ADDED"
	}
	return records[:p.records], append(notes, warning(kind, fmt.Sprintf("Your result has been limited to %d.", p.records)))
}

// metadata is the metadata.grail of an answer.
func (p plan) metadata(m *meter, notes []note) map[string]any {
	return map[string]any{
		"query": p.query.Text, "canonicalQuery": p.canonical, "queryId": "8f4f6f0e-5d0c-4b7e-9a53-3c1f7d1f4f0b",
		"dqlVersion": "V1_0", "timezone": p.location.String(), "locale": p.locale,
		"scannedRecords":    strconv.FormatInt(m.records, 10), // a string, as seen live
		"scannedBytes":      strconv.FormatInt(m.records*m.size, 10),
		"scannedDataPoints": 0,
		"sampled":           p.sampling > 1,
		"analysisTimeframe": map[string]string{"start": stamp(m.from), "end": stamp(m.to)},
		"notifications":     notes,
		"contributions":     map[string]any{"buckets": []any{}},
	}
}

// A note is a notification.
type note struct {
	Severity  string   `json:"severity"`
	Type      string   `json:"notificationType"`
	Message   string   `json:"message"`
	Format    string   `json:"messageFormat"`
	Arguments []string `json:"arguments"`
	Position  *span    `json:"syntaxPosition,omitempty"`
}

func warning(kind, message string) note {
	return note{Severity: "WARNING", Type: kind, Message: message, Format: message, Arguments: []string{}}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// encode writes records as Grail does, up to a number of bytes; 0 is no limit.
func encode(records []dql.Record, loc *time.Location, limit int64) (rows []json.RawMessage, kept int) {
	rows = []json.RawMessage{}
	size := int64(0)
	for _, r := range records {
		b := dql.AppendGrail(nil, local(dql.Object(r), loc))
		if size += int64(len(b)); limit > 0 && size > limit {
			break
		}
		rows = append(rows, b)
	}
	return rows, len(rows)
}

// local writes the timestamps in v as text in the time zone of the request,
// which [dql.AppendGrail] does not know. UTC is Z either way.
func local(v dql.Value, loc *time.Location) dql.Value {
	if loc == time.UTC {
		return v
	}
	if t, ok := v.AsTime(); ok {
		return dql.String(t.In(loc).Format("2006-01-02T15:04:05.000000000Z07:00"))
	}
	if list, ok := v.AsArray(); ok {
		out := make([]dql.Value, len(list))
		for i, e := range list {
			out[i] = local(e, loc)
		}
		return dql.Array(out...)
	}
	if r, ok := v.AsRecord(); ok {
		out := make([]dql.Value, r.Len())
		for i := range out {
			_, e := r.At(i)
			out[i] = local(e, loc)
		}
		return dql.Object(dql.NewRecord(r.Names(), out))
	}
	return v
}

// asProblem words an error of the engine as Grail does.
func asProblem(err error, text string) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var e *syntax.Error
	if !errors.As(err, &e) {
		return &problem{Code: http.StatusInternalServerError, Message: err.Error()}
	}
	return &problem{Code: http.StatusBadRequest, Message: e.Code, Details: details{
		ExceptionType: e.ExceptionType, ErrorType: e.Code, ErrorMessage: e.Message, Format: e.Message,
		Query: text, Position: &span{at(e.Start), at(e.End)},
	}}
}

func at(p syntax.Pos) place { return place{Column: p.Column, Index: p.Index, Line: p.Line} }
