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
	Question Question
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

	problems memo[Snapshot]
	risks    memo[risks]
}

// serves is how long one answer is given to everybody.
const serves = 10 * time.Second

// Problems returns the problems as of now. An answer that is no older than ten
// seconds is shared; what went wrong is shared by those who waited for it, and
// by those who ask as of the same time.
func (s *Source) Problems(ctx context.Context, now time.Time) Snapshot {
	return s.problems.get(ctx, now, func() (Snapshot, bool) {
		snap := s.ask(ctx, now)
		return snap, snap.Quality == dql.OK
	})
}

// Ready reports whether what the gates before a deployment ask for is known as
// of now, so that nobody has to wait for Dynatrace.
func (s *Source) Ready(now time.Time) bool {
	return s.problems.ready(now, false) && s.risks.ready(now, true)
}

func (s *Source) ask(ctx context.Context, now time.Time) Snapshot {
	out := Snapshot{At: now}
	res, question, err := s.query(ctx, problems, nil)
	out.Question = question
	if err != nil {
		out.Fault = err.Error()
		return out
	}
	for _, row := range res.Records {
		p, err := problem.FromRecord(row)
		if err != nil {
			return Snapshot{At: now, Question: question, Fault: err.Error()}
		}
		if !p.Duplicate && !p.Muted && !p.Maintenance {
			out.Problems = append(out.Problems, p)
		}
	}
	out.Quality = res.Quality
	return out
}

// query runs a query of the catalog and checks what comes back.
func (s *Source) query(ctx context.Context, name string, params map[string]dql.Value) (dql.Result, Question, error) {
	entry, err := s.Catalog.Get(name)
	if err != nil {
		return dql.Result{}, Question{Name: name}, err
	}
	q, err := entry.Query(params)
	if err != nil {
		return dql.Result{}, Question{Name: name, Text: entry.Text}, err
	}
	question := questionOf(name, q)
	res, err := s.Dynatrace.Query(ctx, q)
	if err != nil {
		return dql.Result{}, question, fmt.Errorf("ask Dynatrace: %w", err)
	}
	return res, question, entry.Check(res)
}

// A memo is the last answer to a question, for all who ask it at about the same
// time. Its zero value has none.
type memo[T any] struct {
	mu     sync.Mutex
	asking chan struct{} // closed when the one who asks is done; nil while nobody does
	last   T
	at     time.Time
	good   bool
	any    bool
}

// get returns an answer as of now: the last one while it serves, that of who is
// asking already, or a new one of ask, which also says whether it may be kept.
// Who waits in vain gets the zero answer.
func (m *memo[T]) get(ctx context.Context, now time.Time, ask func() (T, bool)) (out T) {
	m.mu.Lock()
	if other := m.asking; other != nil {
		m.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return out
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.last
	}
	if m.any && (m.at.Equal(now) || m.fresh(now)) {
		defer m.mu.Unlock()
		return m.last
	}
	m.asking = make(chan struct{})
	m.mu.Unlock()
	good := false
	defer func() { // also where ask panics
		m.mu.Lock()
		defer m.mu.Unlock()
		m.last, m.at, m.good, m.any = out, now, good, true
		close(m.asking)
		m.asking = nil
	}()
	out, good = ask()
	return out
}

// fresh reports whether the last answer serves as of now; the caller holds mu.
func (m *memo[T]) fresh(now time.Time) bool {
	age := now.Sub(m.at)
	return m.good && age >= 0 && age < serves
}

// ready reports whether get would answer at once; unused is what holds where
// nobody ever asked.
func (m *memo[T]) ready(now time.Time, unused bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.any && m.asking == nil {
		return unused
	}
	return m.asking == nil && m.fresh(now)
}
