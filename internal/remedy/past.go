package remedy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/problem"
)

// A Past is the problems of some time, open and closed.
type Past struct {
	Quality dql.Quality
	Unread  int // rows that made no sense: problems of which nothing is known
	Seen    []Seen
}

// Seen is a problem with the key of the change that would answer it; empty if
// none would.
type Seen struct {
	Problem problem.Problem
	Class   string
}

// Past asks for every problem whose life touches the span before now, and maps
// each to what repos could change about it as if it were open. Unlike what
// cycles have seen, it does not depend on this program having run. Problems
// that are left alone while they are open (duplicates, muted ones, those under
// maintenance) have no class here either.
func (r *Runner) Past(ctx context.Context, repos []*plan.Repository, span time.Duration) (Past, error) {
	entry, err := r.Catalog.Get(Query)
	if err == nil {
		entry, err = entry.Over(span)
	}
	if err != nil {
		return Past{}, err
	}
	rows, err := r.rows(ctx, entry)
	out := Past{Quality: rows.Quality}
	if err != nil {
		return out, err
	}
	findings, errs := read(rows.Records)
	out.Unread = len(rows.Records) - len(findings)
	remedies := open(repos)
	for _, f := range findings {
		s := Seen{Problem: f.problem}
		f.problem.Active, f.problem.Ready = true, true
		d, target, err := r.decide(ctx, f, remedies)
		if err != nil {
			errs = append(errs, fmt.Errorf("problem %s: %w", f.problem.ID, err))
			out.Unread++
		}
		if err == nil && d.Reason.None() {
			s.Class = target.Key()
		}
		out.Seen = append(out.Seen, s)
	}
	return out, errors.Join(errs...)
}
