package tfedit

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/patch"
)

// Locate returns the one place where a value is written. It fails with an
// [*AmbiguousError] if there are several, and with a [*patch.Refusal] if there
// is none that may be changed.
func (r *Repository) Locate(ctx context.Context, t Target) (Site, error) {
	w, err := r.locate(ctx, t)
	return w.site, err
}

// A work is a located target.
type work struct {
	site Site
	file *file
	leaf leaf
	into place  // where an attribute is added; its file is nil for a value that is replaced
	typ  string // of the variable that an added attribute sets: "number", "string", …; may be empty
	end  *scope // in which the place was read; nil if it was not
}

func (r *Repository) locate(ctx context.Context, t Target) (work, error) {
	if err := ctx.Err(); err != nil {
		return work{}, err
	}
	p, err := parseAddress(t.Address)
	if err != nil {
		return work{}, &patch.Refusal{Why: err.Error(), Do: "write it as Terraform does: type.name.attribute"}
	}
	t.Dir, t.File = clean(t.Dir), clean(t.File)
	q := r.query(ctx, t)
	starts, err := q.starts(p)
	if err != nil {
		return work{}, err
	}
	meant, rest := divide(starts, t.Environment)
	var all []candidate
	for _, s := range meant {
		found, err := q.candidates(s)
		if err != nil {
			return work{}, err
		}
		all = append(all, found...)
	}
	w, err := q.decide(all)
	if err != nil {
		return w, err
	}
	return q.share(w, meant, rest)
}

// clean turns a path of the caller into one as the repository has it; an empty
// one stays empty.
func clean(p string) string {
	if p == "" {
		return ""
	}
	return strings.TrimPrefix(path.Clean(p), "/")
}

// decide returns the one candidate that there is.
func (q *query) decide(all []candidate) (work, error) {
	var sites []candidate
	var why []*patch.Refusal
	for _, c := range distinct(all) {
		if c.why != nil {
			why = append(why, c.why)
		} else {
			sites = append(sites, c)
		}
	}
	if len(sites) > 1 && q.target.File != "" {
		in := slices.DeleteFunc(slices.Clone(sites), func(c candidate) bool { return c.site.File != q.target.File })
		if len(in) == 1 {
			sites, why = in, nil
		}
	}
	switch {
	case len(sites) == 0 && len(why) > 0:
		return work{}, why[0]
	case len(sites) == 0:
		return work{}, &patch.Refusal{Path: q.target.File, Why: fmt.Sprintf("%s is not written anywhere", q.target.Address)}
	case len(sites) > 1:
		return work{}, q.ambiguous(sites)
	case len(why) > 0:
		return work{}, &patch.Refusal{
			Path: sites[0].site.File, Line: sites[0].site.Line, Col: sites[0].site.Col,
			Why: fmt.Sprintf("whether the value comes from here is not known; elsewhere: %v", why[0]),
			Do:  q.advice(),
		}
	}
	q.hops = sites[0].hop
	return sites[0].work, nil
}

// advice says what would decide between places.
func (q *query) advice() string {
	if q.target.Environment == "" {
		return "name the environment, a variables file or the file"
	}
	return "name a variables file, a variable or the file"
}

func (q *query) ambiguous(sites []candidate) error {
	e := &AmbiguousError{Target: q.target, Do: q.advice()}
	for _, c := range sites {
		e.Candidates = append(e.Candidates, c.site)
	}
	slices.SortFunc(e.Candidates, func(a, b Site) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Start, b.Start))
	})
	return e
}
