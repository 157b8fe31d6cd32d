package gate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/catalog"
	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/problem"
)

// problems is the query that the verdicts before and after a deployment are
// made from: the state of every problem whose life touches the last 12 hours.
// One answer serves every pull request and environment, and each problem is
// tied to a service by its entities, not by a phrase of its name.
const problems = catalog.InfrastructureRemediation

// A Snapshot is what Dynatrace knew at one time, or why that is not known.
// The zero Snapshot knows nothing.
type Snapshot struct {
	At       time.Time
	Problems []problem.Problem // open and closed ones that count: not duplicate, muted or under maintenance
	Quality  dql.Quality
	Fault    string // why there is no answer; empty if there is one
	Query    string // text that was asked
}

// Unknown says why s proves nothing by what it does not hold, "" if it does.
func (s Snapshot) Unknown() string {
	switch {
	case s.Fault != "":
		return s.Fault
	case s.Quality == dql.Partial:
		return "Dynatrace's answer was cut short"
	case s.Quality == dql.UnverifiedEmpty:
		return "Dynatrace showed no problems, and nothing shows that it could have"
	case s.Quality != dql.OK:
		return "Dynatrace gave no answer"
	}
	return ""
}

// A Source asks Dynatrace, once for all who ask at about the same time.
type Source struct {
	Dynatrace dql.Querier
	Catalog   *catalog.Catalog

	mu   sync.Mutex // held while asking, so that who comes second shares the answer
	last Snapshot

	risks     dql.Result
	risksText string
	risksAt   time.Time
}

// shared is how long one answer serves everybody.
const shared = 10 * time.Second

// Problems returns the problems as of now. An answer that is no older than ten
// seconds is shared; what went wrong is not.
func (s *Source) Problems(ctx context.Context, now time.Time) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.last.At); s.last.Quality == dql.OK && age >= 0 && age < shared {
		return s.last
	}
	s.last = s.ask(ctx, now)
	return s.last
}

func (s *Source) ask(ctx context.Context, now time.Time) Snapshot {
	out := Snapshot{At: now}
	res, text, err := s.query(ctx, problems, nil)
	out.Query = text
	if err != nil {
		out.Fault = err.Error()
		return out
	}
	for _, row := range res.Records {
		p, err := problem.FromRecord(row)
		if err != nil {
			return Snapshot{At: now, Query: text, Fault: err.Error()}
		}
		if !p.Duplicate && !p.Muted && !p.Maintenance {
			out.Problems = append(out.Problems, p)
		}
	}
	out.Quality = res.Quality
	return out
}

// query runs a query of the catalog and checks what comes back.
func (s *Source) query(ctx context.Context, name string, params map[string]dql.Value) (dql.Result, string, error) {
	entry, err := s.Catalog.Get(name)
	if err != nil {
		return dql.Result{}, "", err
	}
	q, err := entry.Query(params)
	if err != nil {
		return dql.Result{}, entry.Text, err
	}
	res, err := s.Dynatrace.Query(ctx, q)
	if err != nil {
		return dql.Result{}, q.Text, fmt.Errorf("ask Dynatrace: %w", err)
	}
	return res, q.Text, entry.Check(res)
}
