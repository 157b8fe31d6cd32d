// Package catalog holds the queries that carry Salve's policy: what each needs,
// which columns it gives and which words its decision may be.
//
// A query is a file. Its comment declares parameters and columns, its text is
// DQL; loading refuses a file in which the two disagree. Whoever changes a
// rule changes a query: an operator's or a repository's file of the same name
// stands in for the embedded one as long as it gives the same columns.
package catalog

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/templates"
)

// The names of the embedded queries: the headings of the document that they
// come from, and the files in templates/queries.
const (
	InfrastructureRemediation = "infrastructure-remediation"
	AlertRuleOptimization     = "alert-rule-optimization"
	PreDeploymentProblemCheck = "pre-deployment-problem-check"
	PostDeploymentHealthGate  = "post-deployment-health-gate"
	CanaryAnalysis            = "canary-analysis"
	ProblemToRunbookMapping   = "problem-to-runbook-mapping"
	AutoEscalation            = "auto-escalation"
	ErrorBudget               = "error-budget"
	DeploymentRiskAssessment  = "deployment-risk-assessment"
)

// ContainerUsage is a query that the document has not: what changes of limits
// are sized by.
const ContainerUsage = "container-usage"

// A Catalog is a set of queries by name.
type Catalog struct {
	entries map[string]Entry
}

// An Entry is one query and what is known of it.
type Entry struct {
	Name     string // of its file, without .dql
	Doc      string // what it answers, for people
	Params   []Param
	Columns  []Column // in the order of the result; it may give more
	Decision Decision
	Text     string // DQL, with placeholders
}

// A Column is a field that every row of a result has. Any value may be null.
type Column struct {
	Name  string
	Kind  dql.Kind
	Words []string // what a string may be; nil for anything
}

// A Decision is the column that programs act on, and what it may say. It is
// never null.
type Decision struct {
	Column string
	Words  []string
}

// Default returns the embedded queries with overrides on top; see [Load].
func Default(overrides ...fs.FS) (*Catalog, error) {
	base, err := fs.Sub(templates.FS, "queries")
	if err != nil {
		return nil, err
	}
	return Load(base, overrides...)
}

// Load reads the queries in base, the *.dql files at its root. A file in
// overrides, a later one first, takes the place of the one with its name; it
// must give the same columns and may use no other word for them. The file
// severity.dql is not a query but the mapping to problem.severity that all
// queries share. Errors say file:line:col.
func Load(base fs.FS, overrides ...fs.FS) (*Catalog, error) {
	files, err := texts(base)
	if err != nil {
		return nil, err
	}
	c := &Catalog{entries: map[string]Entry{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e, err := parse(name, files[name])
		if err != nil {
			return nil, err
		}
		c.entries[name] = e
	}
	for _, over := range overrides {
		if err := c.override(over); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// maxFile bounds the text of a query, in bytes.
const maxFile = 256 << 10

// texts reads the *.dql files at the root of fsys by name.
func texts(fsys fs.FS) (map[string]string, error) {
	paths, err := fs.Glob(fsys, "*.dql")
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, p := range paths {
		info, err := fs.Stat(fsys, p)
		if err != nil {
			return nil, err
		}
		if info.Size() > maxFile {
			return nil, fmt.Errorf("%s: %d bytes: want a query of at most %d", p, info.Size(), maxFile)
		}
		b, err := fs.ReadFile(fsys, p)
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(p, ".dql")] = string(b)
	}
	return out, nil
}

// All returns the queries in the order of their names.
func (c *Catalog) All() []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(c.entries)) {
		out = append(out, c.entries[name])
	}
	return out
}

// Get returns the query with the given name.
func (c *Catalog) Get(name string) (Entry, error) {
	e, ok := c.entries[name]
	if !ok {
		return Entry{}, fmt.Errorf("no query %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(c.entries)), ", "))
	}
	return e, nil
}

// Query returns e with its parameters, each checked against its type. A
// missing, an unknown or an empty one is an error.
func (e Entry) Query(params map[string]dql.Value) (dql.Query, error) {
	for name := range params {
		if !slices.ContainsFunc(e.Params, func(p Param) bool { return p.Name == name }) {
			return dql.Query{}, fmt.Errorf("%s: unknown parameter %s: want %v", e.Name, name, e.names())
		}
	}
	for _, p := range e.Params {
		v, ok := params[p.Name]
		if !ok {
			return dql.Query{}, fmt.Errorf("%s: parameter %s is missing", e.Name, p.Name)
		}
		if err := p.check(v); err != nil {
			return dql.Query{}, fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return dql.Query{Name: e.Name + ".dql", Text: e.Text, Params: maps.Clone(params)}, nil
}

// names lists the parameters of e.
func (e Entry) names() []string {
	out := make([]string, len(e.Params))
	for i, p := range e.Params {
		out[i] = p.Name
	}
	return out
}

// Check refuses a result that e cannot have given: a row without a declared
// column, with a value of another type or with an unknown word.
func (e Entry) Check(res dql.Result) error {
	for i, r := range res.Records {
		for _, c := range e.Columns {
			if err := e.checkColumn(r, c); err != nil {
				return fmt.Errorf("%s: row %d: %w", e.Name, i+1, err)
			}
		}
	}
	return nil
}

func (e Entry) checkColumn(r dql.Record, c Column) error {
	v := r.Get(c.Name)
	switch {
	case !r.Has(c.Name):
		return fmt.Errorf("no column %s", c.Name)
	case v.IsNull() && c.Name == e.Decision.Column:
		return fmt.Errorf("column %s is null: want one of %s", c.Name, strings.Join(c.Words, ", "))
	case v.IsNull():
		return nil
	case !fits(v, c.Kind):
		return fmt.Errorf("column %s is a %s: want %s", c.Name, v.Kind(), c.Kind)
	}
	if s, _ := v.AsString(); len(c.Words) > 0 && !slices.Contains(c.Words, s) {
		return fmt.Errorf("column %s says %.40q: want one of %s", c.Name, s, strings.Join(c.Words, ", "))
	}
	return nil
}

// fits reports whether v may stand in a column of kind k. A whole number may
// stand for a double.
func fits(v dql.Value, k dql.Kind) bool {
	return v.Kind() == k || k == dql.KindDouble && v.Kind() == dql.KindLong
}
